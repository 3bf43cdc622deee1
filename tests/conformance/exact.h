/*
 * Exact: decimal numbers without rounding, wide enough for sums of any 64-bit integers and floats (1e-450 to
 * 1e+440). By value.
 */
#ifndef EXACT_H
#define EXACT_H

#include <persistbus/types.h>

#define EXACT_LIMBS 100

/* Limbs of nine digits, the lowest first; all are positive but the highest, which holds the sign. */
typedef struct {
    int64_t limbs[EXACT_LIMBS];
} exact_t;

/* Reads "-12.5e-3"; false if the text is no finite number, or one out of range. */
bool exact_parse(exact_t *self, pbus_str_t text);
exact_t exact_from_uint(uint64_t number);
void exact_add(exact_t *self, const exact_t *other);
/* -1, 0, 1 */
int exact_compare(const exact_t *a, const exact_t *b);
/*
 * Appends the number over the divisor (1 to 2^32): digits with a point, cut where the range ends, and then a
 * 1 if the quotient goes on, so that it rounds to the right float. False if it goes on.
 */
bool exact_text(const exact_t *self, uint32_t divisor, pbus_buf_t *out);

#endif
