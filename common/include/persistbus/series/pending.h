/*
 * Pending: readings that were found but may still be preceded by others, the next one on top. Their order is
 * (origin, event's id) descending, then the position in the event: it settles all ties, the same way each
 * time.
 *
 * Only so many are kept as can still be asked for. Memory: the events of those that are kept.
 */
#ifndef PERSISTBUS_SERIES_PENDING_H
#define PERSISTBUS_SERIES_PENDING_H

#include <persistbus/query.h>

typedef struct pbus_pending pbus_pending_t;

/* What the backend decodes an event into: made anew (NULL when memory is out), destroyed, looked at. */
typedef struct {
    void *(*make)(void);
    void (*destroy)(void *row);
    const pbus_event_t *(*event)(const void *row);
} pbus_pending_rows_t;

/* rows outlives it. most: how many readings can be asked for in all. NULL when memory is out. */
PBUS_EXPORT pbus_pending_t *pbus_pending_new(const pbus_pending_rows_t *rows, uint64_t most);
PBUS_EXPORT void pbus_pending_destroy(pbus_pending_t **self_p);

/* A row to decode the next event into, which stays the pending's; NULL when memory is out. */
PBUS_EXPORT void *pbus_pending_row(pbus_pending_t *self);
/* Adds the readings of the row just decoded that pass the filter. False when memory is out. */
PBUS_EXPORT bool pbus_pending_add(pbus_pending_t *self, const pbus_filter_t *filter);

/* The next reading and its place in the order; NULL if there is none. Valid until pbus_pending_pop. */
PBUS_EXPORT const pbus_reading_t *pbus_pending_top(const pbus_pending_t *self, pbus_cursor_t *place);
PBUS_EXPORT void pbus_pending_pop(pbus_pending_t *self);

#endif
