/*
 * Number: floating-point numbers in the shortest decimal form that reads back as the same number, in EdgeX's
 * two styles. Texts are at most NUMBER_TEXT bytes with their terminator. NaN and infinities have no form
 * here.
 */
#ifndef PERSIST_MONGO_NUMBER_H
#define PERSIST_MONGO_NUMBER_H

#include <persistbus/types.h>

#define NUMBER_TEXT 40

/* Value text of Float32 and Float64: 1.5e+00. Returns the length; 0 if the number is not finite. */
size_t number_scientific(double number, char text[NUMBER_TEXT]);
/* As in JSON: plain from 1e-6 to below 1e21, else 1e-9, 1e+21. */
size_t number_json(double number, char text[NUMBER_TEXT]);
/*
 * The number that text stands for, if text is exactly what `form` makes of it; negative zero, which not every
 * server keeps, is none.
 */
bool number_parse(pbus_str_t text, size_t (*form)(double, char[NUMBER_TEXT]), double *number);
/* The same for whole numbers: no sign but '-', no leading zeros, within int64. */
bool number_parse_int(pbus_str_t text, int64_t *number);

#endif
