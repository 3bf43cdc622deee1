/*
 * Cursor: the entries of one source in the order of events, up or down, read a few at a time. Reading comes
 * in halves, so that many cursors share a round trip: ask, then take.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <persistbus/series/plan.h>
#include "range.h"
#include "store.h"

typedef enum { CURSOR_DOWN, CURSOR_UP } cursor_direction_t;

/* By value; cleared by the owner. */
typedef struct {
    const pbus_source_t *source;
    cursor_direction_t direction;
    bound_t near, far; /* what is still to be read */
    uint32_t step;     /* entries that the next ask is for */
    entry_t *entries;
    size_t at, count, capacity; /* in entries */
    bool asked;
    bool ended; /* nothing is behind those entries */
} cursor_t;

/* From the beginning of the source, in the direction; step: how many entries are likely to be needed. */
cursor_t cursor(const pbus_source_t *source, cursor_direction_t direction, uint32_t step);
void cursor_clear(cursor_t *self);
/* Begins at this bound instead. Before the first ask. */
void cursor_begin_at(cursor_t *self, bound_t bound);

/* Ask for entries behind those that are there; does nothing if there are none. Pointers to entries end. */
pbus_status_t cursor_ask(cursor_t *self, store_t *store, pbus_error_t *error);
pbus_status_t cursor_take(cursor_t *self, store_t *store, pbus_error_t *error);
/* Whether entries have run out, or soon will, while there may be more to ask for. */
bool cursor_is_empty(const cursor_t *self);
bool cursor_is_low(const cursor_t *self);

/* The next entry, or NULL if none is there. */
const entry_t *cursor_peek(const cursor_t *self);
void cursor_next(cursor_t *self);

/* The key of the source's sorted set. */
keyname_t cursor_key(const pbus_source_t *source, const store_t *store);

#endif
