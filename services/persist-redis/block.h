/*
 * Block: events that are read from Redis together, and decoded one by one. Reading comes in halves, so that
 * it can share a round trip.
 *
 * A list is not made at one instant: an event whose index entry was read may be gone, or another one with its
 * id may be there, when it is read itself. Such an event is passed over.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <persistbus/series/plan.h>
#include "row.h"
#include "store.h"

#define BLOCK_MAX 1024 /* items; some 4 MB of memory if all are as large as can be */

typedef struct {
    entry_t entry;
    const pbus_series_t *series;
    const pbus_source_t *source;
    pbus_cursor_t place; /* in the order of the list */
    size_t matches;      /* readings that pass the filter; 0: not known */
    pbus_str_t blob;     /* empty: the event is gone */
} item_t;

/* By value; starts from zero. */
typedef struct {
    item_t *items;
    size_t count;
    redisReply **replies; /* what the blobs are views of */
    size_t reply_count;
    size_t capacity; /* of both */
} block_t;

void block_clear(block_t *self);
/* Empties it for the next use. */
void block_reset(block_t *self);
/* PBUS_NOMEM. No more than BLOCK_MAX. */
pbus_status_t block_add(block_t *self, item_t item, pbus_error_t *error);

/* Reads the events by the ids of the entries. */
pbus_status_t block_ask(block_t *self, store_t *store, pbus_error_t *error);
pbus_status_t block_take(block_t *self, store_t *store, pbus_error_t *error);
/* Both; for when nothing else is queued. */
pbus_status_t block_load(block_t *self, store_t *store, pbus_error_t *error);

/*
 * Decodes the item's event into row; *event is NULL if it is gone. Nothing may be queued, as a large event is
 * only read here.
 */
pbus_status_t block_decode(const item_t *item, store_t *store, row_t *row, const pbus_event_t **event,
                           pbus_error_t *error);

#endif
