/*
 * Aggregate: the rows of aggregateFunc (EdgeX core-data API v3, section 6), from groups that a backend
 * computed or from readings one by one. Arithmetic is exact, in decimal, whatever the types; it is rounded
 * once, at the end.
 */
#ifndef CORE_DATA_AGGREGATE_H
#define CORE_DATA_AGGREGATE_H

#include <persistbus/query.h>
#include "arena.h"

typedef struct aggregate aggregate_t;

/* Rows live in the arena, which must outlive it. NULL when memory is out. */
aggregate_t *aggregate_new(pbus_function_t function, arena_t *arena);
void aggregate_destroy(aggregate_t **self_p);

/* False when memory is out. */
bool aggregate_add_group(aggregate_t *self, const pbus_reading_t *like, uint64_t count, pbus_str_t value);
/* PBUS_NOMEM; PBUS_INTERNAL for a value that no float can be. */
pbus_status_t aggregate_add_reading(aggregate_t *self, const pbus_reading_t *reading, pbus_error_t *error);

/*
 * Appends the body: rows by device, offset and limit counted in rows. function_text is the function as the
 * client wrote it. PBUS_OVERFLOW when a sum does not fit 64 bits, of signed or of unsigned types.
 */
pbus_status_t aggregate_render(aggregate_t *self, pbus_str_t function_text, uint32_t offset, uint32_t limit,
                               pbus_buf_t *out, pbus_error_t *error);

#endif
