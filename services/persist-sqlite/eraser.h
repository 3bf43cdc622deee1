/*
 * Eraser: takes single events out of a store, within a transaction to write in, and keeps the counts right.
 */
#ifndef ERASER_H
#define ERASER_H

#include "store.h"
#include "tally.h"

/* An event that is known by its row. */
typedef struct {
    int64_t row;
    const pbus_series_t *series;
} victim_t;

/* Deletes the event with all its readings. */
pbus_status_t eraser_delete(store_t *store, tally_t *tally, victim_t victim, pbus_error_t *error);

#endif
