/*
 * Decimal: exact arithmetic on the decimal texts of numeric readings, integers and floats alike.
 */
#ifndef PERSISTBUS_SERIES_DECIMAL_H
#define PERSISTBUS_SERIES_DECIMAL_H

#include <persistbus/types.h>

/* A number in its text: +-digits, the first of which is not 0, times a power of ten. Views the text. */
typedef struct {
    bool negative;
    pbus_str_t digits; /* may hold one point; empty: zero */
    int64_t exponent;  /* of the first digit's place: 0 for 1..9 */
} pbus_decimal_t;

/* Reads "-12.5e-3"; false if the text is no finite number. */
PBUS_EXPORT bool pbus_decimal_parse(pbus_str_t text, pbus_decimal_t *self);
/* By value. */
PBUS_EXPORT int pbus_decimal_compare(const pbus_decimal_t *a, const pbus_decimal_t *b);

/* A sum, exact over the whole range of 64-bit floats and integers. Zeroed: empty. */
#define PBUS_DECIMAL_LIMBS 100
typedef struct {
    int64_t limbs[PBUS_DECIMAL_LIMBS]; /* nine digits each, the lowest first; may be over- or underfull */
    uint32_t added;                    /* since the limbs were brought to nine digits */
} pbus_decimal_sum_t;

/* False if the number has digits below 1e-450 or above 1e+440, which no float has. */
PBUS_EXPORT bool pbus_decimal_sum_add(pbus_decimal_sum_t *self, const pbus_decimal_t *number);
/*
 * Appends the sum over the divisor: digits, with point and exponent as needed. Exact for divisor 1; a
 * quotient that does not end has 40 digits and then a 1, so that it rounds to the right float.
 */
PBUS_EXPORT void pbus_decimal_sum_text(pbus_decimal_sum_t *self, uint64_t divisor, pbus_buf_t *out);

#endif
