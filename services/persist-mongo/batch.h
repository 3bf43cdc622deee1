/*
 * Batch: the batch under way, with what it does to the counts (ledger.h).
 */
#ifndef PERSIST_MONGO_BATCH_H
#define PERSIST_MONGO_BATCH_H

#include "deletions.h"

typedef struct batch batch_t;

batch_t *batch_new(store_t *store, ledger_t *ledger);
void batch_destroy(batch_t **self_p);
/* Forgets what an earlier batch that failed has left in memory. */
void batch_begin(batch_t *self);

/* Raises the accept number that the batch will have reached. */
void batch_raise(batch_t *self, uint64_t accept);
/* Counts an event that was inserted, by its document. */
void batch_added(batch_t *self, const bson_t *document);

/*
 * Waits until the batches of all these events are at their end, and adopts orphans (orphans.h). Commits first
 * if it has to wait, as others may be waiting for the batch under way. After that each is of a committed
 * batch, or LEDGER_MINE.
 */
pbus_status_t batch_adopt(batch_t *self, found_t *events, pbus_error_t *error);

/*
 * Brings the last deletion to its end (deletions.h), which may commit what is under way; *last is its number.
 * Without `wait` another writer's that is under way is left alone.
 */
pbus_status_t batch_settle(batch_t *self, bool wait, int64_t *last, pbus_error_t *error);
/*
 * Deletes events, all of committed batches, as the deletion after `last`. *begun is false if another writer
 * was quicker: nothing is done then, and the events have to be read anew. Others wait until the batch is
 * committed.
 */
pbus_status_t batch_erase(batch_t *self, int64_t last, const found_t *events, bool *begun,
                          pbus_error_t *error);

/* Commits, if there is anything to; the next batch is under way then. */
pbus_status_t batch_commit(batch_t *self, pbus_error_t *error);

#endif
