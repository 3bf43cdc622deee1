/*
 * Purger: deletes the events that pass a filter, in steps that each are one short transaction.
 *
 * Between the steps of one purge it remembers how far it came, so that events which stay (their accept number
 * is beyond the filter's) are looked at once and not again in every step. That is only a short cut: a purge
 * that begins anew deletes the same.
 */
#ifndef PURGER_H
#define PURGER_H

#include "store.h"

typedef struct purger purger_t;

/* The store has to be a writing one and outlive the purger. NULL when memory is out. */
purger_t *purger_new(store_t *store);
void purger_destroy(purger_t **self_p);

/* As pbus_backend_t's purge. A step may also end because it looked at enough events. */
pbus_status_t purger_step(purger_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                          bool *more, pbus_error_t *error);

#endif
