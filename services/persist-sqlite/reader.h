/*
 * Reader: single events out of a store, within a transaction.
 */
#ifndef READER_H
#define READER_H

#include "row.h"
#include "store.h"

/*
 * Reads the event with this row number into `row`. PBUS_INTERNAL if there is none, or if what is there cannot
 * be read.
 */
pbus_status_t reader_event(store_t *store, int64_t number, row_t *row, pbus_error_t *error);

/* How many readings the event has, as far as its data can be read. */
pbus_status_t reader_count_readings(store_t *store, int64_t number, int64_t *count, pbus_error_t *error);

/* Where an event is. */
typedef struct {
    int64_t row;
    int64_t origin;
    uint64_t accept;
    const pbus_series_t *series;
} reader_place_t;

/* *found tells whether there is an event with this id. */
pbus_status_t reader_find(store_t *store, const pbus_uuid_t *id, bool *found, reader_place_t *place,
                          pbus_error_t *error);

#endif
