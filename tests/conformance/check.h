/*
 * Check: asks the worker and compares what it answers with the model; the first difference fails the case,
 * with what was asked, what came and what was expected. All do nothing once the case has failed.
 */
#ifndef CHECK_H
#define CHECK_H

#include "act.h"
#include "page.h"

/*
 * A list of events or readings: EVENTS, READINGS or SCAN. Cut answers are completed as core-data does it;
 * suite->replies tells how many there were.
 */
void check_list(suite_t *suite, const pbus_ask_t *ask);
/* The same, and what came; the caller destroys it. */
page_t *check_page(suite_t *suite, const pbus_ask_t *ask);

/* A list of everything that passes, and then the same in pages of `size`, which have to join without a seam.
 */
void check_pages(suite_t *suite, pbus_ask_kind_t kind, const pbus_filter_t *filter, uint32_t size);

void check_count(suite_t *suite, pbus_what_t what, const pbus_filter_t *filter);
void check_count_is(suite_t *suite, pbus_what_t what, const pbus_filter_t *filter, uint64_t expected);
void check_sources(suite_t *suite);
void check_aggregate(suite_t *suite, const pbus_filter_t *filter, pbus_function_t function);

/* Counts: of all, of each device, of each source, of each resource in use. */
void check_counts(suite_t *suite);
/* Everything that the store holds: counts, sources, all events, all readings. */
void check_all(suite_t *suite);

#endif
