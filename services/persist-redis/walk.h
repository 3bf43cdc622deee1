/*
 * Walk: every event that the sources of a plan hold, in no order that matters, for what has to look at each.
 */
#ifndef WALK_H
#define WALK_H

#include <persistbus/series/plan.h>
#include "store.h"

/* Anything but PBUS_OK ends the walk. The event is valid during the call. */
typedef pbus_status_t walk_visit_t(void *arg, const pbus_event_t *event, pbus_error_t *error);

pbus_status_t walk(store_t *store, const pbus_plan_t *plan, walk_visit_t *visit, void *arg,
                   pbus_error_t *error);

#endif
