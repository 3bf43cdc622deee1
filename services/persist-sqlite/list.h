/*
 * Lists: pages of events and of readings, each in one transaction to read in.
 */
#ifndef LIST_H
#define LIST_H

#include "store.h"

/* As pbus_backend_t's list_events, list_readings, scan and list_sources. */
pbus_status_t list_events(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                          pbus_error_t *error);
pbus_status_t list_readings(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                            pbus_error_t *error);
pbus_status_t list_scan(store_t *store, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                        uint32_t limit, pbus_result_t *result, pbus_error_t *error);
pbus_status_t list_sources(store_t *store, pbus_result_t *result, pbus_error_t *error);

#endif
