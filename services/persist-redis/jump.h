/*
 * Jump: passes over many entries of a plan at once, so that a page far down a list costs about as much as the
 * first one: by bisecting the origins with counts of ranges.
 */
#ifndef JUMP_H
#define JUMP_H

#include "cursor.h"

/* Whether passing over so many items is worth a jump, and the plan allows for one: every entry counts for a
   number of items that its source tells (pbus_source_t.matches), in the order of events. */
bool jump_pays(const pbus_plan_t *plan, uint64_t items);
/*
 * Finds a place that at most `items` items come before, downwards; *begin is where to begin and *passed how
 * many come before it: no fewer than `items` less those of one origin. Nothing may be queued.
 */
pbus_status_t jump_find(const pbus_plan_t *plan, store_t *store, uint64_t items, bound_t *begin,
                        uint64_t *passed, pbus_error_t *error);

#endif
