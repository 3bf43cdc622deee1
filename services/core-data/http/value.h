/*
 * Value: the text of one reading's value, by its type (EdgeX core-data API v3, section 4). Not for Binary,
 * Object and ObjectArray, whose values are no text of this kind.
 */
#ifndef CORE_DATA_VALUE_H
#define CORE_DATA_VALUE_H

#include <persistbus/event.h>
#include "number.h"

/*
 * Whether the text is a value of the type. If so *canonical is the form to keep, a view into the text or into
 * room: integers without sign `+` and leading zeros, floating-point numbers in scientific notation with the
 * fewest digits that read back the same (infinities are +Inf and -Inf); all else as it came.
 */
bool value_check(pbus_type_t type, pbus_str_t text, char room[NUMBER_TEXT], pbus_str_t *canonical);

/* Integers and floating-point numbers. */
bool value_is_number(pbus_type_t type);
/* Arrays of them. */
bool value_is_number_array(pbus_type_t type);

/*
 * Appends a canonical value as JSON numbers: 5, 1.5, [1,2]. What JSON has no number for (NaN, infinities) and
 * what is not of the type after all becomes a JSON string, so the output is JSON whatever a store returned.
 */
void value_numeric(pbus_type_t type, pbus_str_t value, pbus_buf_t *out);

#endif
