/*
 * Merge: the entries of all sources of a plan in one order.
 *
 *   - MERGE_EVENTS_DOWN, MERGE_EVENTS_UP: by (origin, id), ids compared as bytes;
 *   - MERGE_READINGS: by the latest reading that the event could have. merge_bound is the place in the order
 *     of readings, (reading's origin, event's id) descending, before which nothing more can come.
 *
 * The first round trip comes in halves, to be shared: merge_ask, then merge_take.
 */
#ifndef MERGE_H
#define MERGE_H

#include "cursor.h"

typedef enum { MERGE_EVENTS_DOWN, MERGE_EVENTS_UP, MERGE_READINGS } merge_order_t;

typedef struct merge merge_t;

/*
 * The plan has to outlive it. want: how many entries are likely to be needed in all. NULL when memory is out.
 */
merge_t *merge_new(const pbus_plan_t *plan, store_t *store, merge_order_t order, uint64_t want);
void merge_destroy(merge_t **self_p);
/* All sources begin at this bound. Before merge_ask. */
void merge_begin_at(merge_t *self, bound_t bound);
pbus_status_t merge_ask(merge_t *self, pbus_error_t *error);
pbus_status_t merge_take(merge_t *self, pbus_error_t *error);

/* The next entry, or NULL at the end, its source and its place in the order; valid until merge_next. */
const entry_t *merge_top(const merge_t *self, const pbus_source_t **source, pbus_cursor_t *place);
/* The place of the next entry. False at the end. */
bool merge_bound(const merge_t *self, pbus_cursor_t *bound);
pbus_status_t merge_next(merge_t *self, pbus_error_t *error);

#endif
