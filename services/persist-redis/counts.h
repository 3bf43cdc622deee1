/*
 * Counts: how many events or readings pass a filter. Sorted sets know how many members they and their ranges
 * have, and the events of a series all have the same readings, so nothing is read one by one but what is near
 * the bounds of a range of readings, within the spread of its series.
 *
 *     counts_t counts = {0};
 *     counts_begin (&counts, store, PBUS_EVENTS, &filter, error);
 *     counts_ask (&counts, error);            these two share a round trip with what else is queued
 *     counts_take (&counts, error);
 *     counts_finish (&counts, &total, error);
 *     counts_clear (&counts);
 *
 * The filter must have no ids.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include <persistbus/series/plan.h>
#include "store.h"

typedef struct {
    store_t *store;
    pbus_what_t what;
    const pbus_filter_t *filter;
    pbus_plan_t plan;  /* what is counted as a whole */
    pbus_plan_t edges; /* what is looked at one by one */
    bool all;          /* all readings: there is a counter */
    uint64_t count;
} counts_t;

void counts_clear(counts_t *self);
pbus_status_t counts_begin(counts_t *self, store_t *store, pbus_what_t what, const pbus_filter_t *filter,
                           pbus_error_t *error);
pbus_status_t counts_ask(counts_t *self, pbus_error_t *error);
pbus_status_t counts_take(counts_t *self, pbus_error_t *error);
pbus_status_t counts_finish(counts_t *self, uint64_t *count, pbus_error_t *error);

#endif
