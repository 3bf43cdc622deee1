/*
 * Purger: deletes what passes a filter, a limited number of events a step. It remembers how far the last step
 * came, so that events which stay (their accept numbers are above the filter's) are looked at only once.
 */
#ifndef PURGER_H
#define PURGER_H

#include "store.h"

typedef struct purger purger_t;

/* The store has to outlive it. NULL when memory is out. */
purger_t *purger_new(store_t *store);
void purger_destroy(purger_t **self_p);
/* As pbus_backend_t's purge. */
pbus_status_t purger_step(purger_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                          bool *more, pbus_error_t *error);

#endif
