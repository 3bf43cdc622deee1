/*
 * Lists: pages of events and of readings.
 *
 * A page takes two round trips: one for the index entries, the total and what is new in the catalogue, and
 * one for the events. More are needed when a merge runs out of entries, for large events, and to learn of a
 * change in the catalogue.
 */
#ifndef LIST_H
#define LIST_H

#include "store.h"

/* As pbus_backend_t's list_events, list_readings, count, list_sources and scan. */
pbus_status_t list_events(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                          pbus_error_t *error);
pbus_status_t list_readings(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                            pbus_error_t *error);
pbus_status_t list_count(store_t *store, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                         pbus_error_t *error);
pbus_status_t list_sources(store_t *store, pbus_result_t *result, pbus_error_t *error);
pbus_status_t list_scan(store_t *store, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                        uint32_t limit, pbus_result_t *result, pbus_error_t *error);

#endif
