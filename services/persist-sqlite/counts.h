/*
 * Counts: how many events and readings there are, within a transaction to read in.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include "store.h"

typedef struct {
    uint64_t events, readings;
} counts_t;

/* Of the whole store, and of one series; neither depends on how much that is. */
pbus_status_t counts_all(store_t *store, counts_t *counts, pbus_error_t *error);
pbus_status_t counts_of(store_t *store, const pbus_series_t *series, counts_t *counts, pbus_error_t *error);

/* How many pass the filter. With bounds of origin entries of the indexes are counted. */
pbus_status_t counts_events(store_t *store, const pbus_filter_t *filter, uint64_t *count,
                            pbus_error_t *error);
pbus_status_t counts_readings(store_t *store, const pbus_filter_t *filter, uint64_t *count,
                              pbus_error_t *error);

#endif
