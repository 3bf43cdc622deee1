/*
 * Number: integers and decimal numbers as text, in the forms that EdgeX's API uses. Nothing here depends on
 * the locale or allocates.
 */
#ifndef CORE_DATA_NUMBER_H
#define CORE_DATA_NUMBER_H

#include <persistbus/types.h>

/* Decimal digits with an optional sign, 64 bits; false for any other text or when it does not fit. */
bool number_int(pbus_str_t text, int64_t *value);
/* Decimal digits without a sign. */
bool number_uint(pbus_str_t text, uint64_t *value);

#define NUMBER_TEXT 40 /* bytes that any of the writers below may need */

/* Write decimal text, not terminated; return how many bytes. */
size_t number_write_uint(uint64_t value, char out[NUMBER_TEXT]);
size_t number_write_int(int64_t value, char out[NUMBER_TEXT]);

/* Enough digits to tell exactly which binary number a decimal one is nearest to (a double needs 767). */
#define DECIMAL_DIGITS 800

/* (-1)^negative * 0.digits * 10^point, without leading or trailing zeros; zero has no digits and no sign. */
typedef struct {
    bool negative;
    int count;
    int64_t point;
    char digits[DECIMAL_DIGITS + 1];
} decimal_t;

/*
 * Reads decimal or scientific notation ("1", ".5", "5.", "+1.5", "1E+3"); false for any other text. Digits
 * beyond DECIMAL_DIGITS are folded into one that keeps the number on its side of any half-way point.
 */
bool decimal_parse(decimal_t *self, pbus_str_t text);

/*
 * Replace the number by the shortest one that reads back as the same binary floating-point number of 32 or 64
 * bits. False when it is beyond the largest of them; what is too small becomes zero.
 */
bool decimal_to_float32(decimal_t *self);
bool decimal_to_float64(decimal_t *self);

/*
 * Write a number of at most 17 digits, not terminated; return how many bytes. Scientific has an exponent of
 * at least two digits: 1.5e+00. JSON is plain from 1e-6 up to below 1e21: 1.5, 1e-9, 1e+21.
 */
size_t decimal_write_scientific(const decimal_t *self, char out[NUMBER_TEXT]);
size_t decimal_write_json(const decimal_t *self, char out[NUMBER_TEXT]);

#endif
