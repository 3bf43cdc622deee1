/*
 * Cases: the table of all that a backend has to pass, in the order in which they are run.
 */
#ifndef CASES_H
#define CASES_H

#include "suite.h"

/* All cases; the caller frees the list. */
suite_case_t *cases_new(size_t *count);

/* The tables of the files that cases come from, each ended by a case without a name. */
extern const suite_case_t case_session[], case_write[], case_type[], case_list[], case_scan[], case_digest[],
    case_aggregate[], case_purge[], case_restart[], case_workers[], case_store[], case_last[];

/* Shapes of random events that several cases use. */
extern const generator_shape_t case_mixed; /* some of everything */
extern const generator_shape_t case_plain; /* one to three readings, all of their event's origin and device */
extern const generator_shape_t case_ties;  /* five different origins, one nanosecond apart */

/* An event with one reading, for cases that say themselves what is in it. */
typedef struct {
    pbus_event_t event; /* readings points to the next */
    pbus_reading_t reading;
} case_event_t;

/* Has a random id, Int32 42, and the device's name in all places; change what the case is about. */
void case_make(suite_t *suite, case_event_t *made, pbus_str_t device, int64_t origin);

#endif
