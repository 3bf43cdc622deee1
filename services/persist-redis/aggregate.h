/*
 * Aggregate: one row for the readings of each device, profile, resource and value type that pass a filter.
 *
 * Takes as long as reading all events that may hold such readings.
 */
#ifndef AGGREGATE_H
#define AGGREGATE_H

#include "store.h"

/* As pbus_backend_t's aggregate. */
pbus_status_t aggregate(store_t *store, const pbus_filter_t *filter, pbus_function_t function,
                        pbus_result_t *result, pbus_error_t *error);

#endif
