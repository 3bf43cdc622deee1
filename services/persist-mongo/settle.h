/*
 * Settle: brings to an end what batches that were cut short have left behind: events that do not count yet
 * (orphans.h), and a deletion that is not complete (deletions.h).
 *
 * What a write meets is settled there and then. What nobody comes across is looked for: when a writer starts
 * or has lost its connection, a little later (a lost connection may deliver late) and now and then for ever.
 * A batch of another writer is left alone for ten seconds, a batch's lease, before it is taken for dead.
 */
#ifndef PERSIST_MONGO_SETTLE_H
#define PERSIST_MONGO_SETTLE_H

#include "batch.h"

typedef struct settle settle_t;

settle_t *settle_new(store_t *store, ledger_t *ledger, batch_t *batch);
void settle_destroy(settle_t **self_p);

/* Something was cut short: look soon. */
void settle_alarm(settle_t *self);
/* Looks, if it is time to; between batches only. */
pbus_status_t settle_tend(settle_t *self, pbus_error_t *error);

#endif
