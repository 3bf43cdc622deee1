/*
 * Merge: the entries of all sources of a plan in one order.
 *
 *   - MERGE_EVENTS_DOWN, MERGE_EVENTS_UP: by (origin, id), ids compared as bytes;
 *   - MERGE_READINGS: by the latest reading that the event could have. merge_bound is the place in the order
 *     of readings, (reading's origin, event's id) descending, before which nothing more can come.
 */
#ifndef MERGE_H
#define MERGE_H

#include "cursor.h"

typedef enum { MERGE_EVENTS_DOWN, MERGE_EVENTS_UP, MERGE_READINGS } merge_order_t;

typedef struct merge merge_t;

/*
 * The plan has to outlive it. want: how many entries are likely to be needed in all. jump: how many entries
 * to pass over first; only for a plan of one source, and not MERGE_EVENTS_UP. after: begin behind this place,
 * or NULL; only for plans of events.
 */
pbus_status_t merge_new(merge_t **self_p, const pbus_plan_t *plan, database_t *db, merge_order_t order,
                        uint64_t want, uint64_t jump, const pbus_cursor_t *after, pbus_error_t *error);
void merge_destroy(merge_t **self_p);

/* The next entry, or NULL at the end, and its source; valid until merge_next. */
const entry_t *merge_top(const merge_t *self, const pbus_source_t **source);
/* See MERGE_READINGS. False at the end. */
bool merge_bound(const merge_t *self, pbus_cursor_t *bound);
pbus_status_t merge_next(merge_t *self, pbus_error_t *error);

#endif
