/*
 * Way: fills an empty plan the cheaper way. A filter by name is answered by the series that can pass it,
 * merged; when that would be very many series for a short page, walking the classes and passing over what
 * does not match is cheaper.
 */
#ifndef WAY_H
#define WAY_H

#include <persistbus/series/plan.h>

#include "store.h"

/* want: how many are wanted from the start. */
pbus_status_t way_events(pbus_plan_t *plan, store_t *store, const pbus_filter_t *filter, uint64_t want,
                         pbus_error_t *error);
pbus_status_t way_readings(pbus_plan_t *plan, store_t *store, const pbus_filter_t *filter, uint64_t want,
                           pbus_error_t *error);

#endif
