/*
 * Fold: the log of one slot since its last fold, and its way into persistbus_counts. See ledger.h.
 */
#ifndef PERSIST_MONGO_FOLD_H
#define PERSIST_MONGO_FOLD_H

#include "store.h"

typedef struct fold fold_t;

fold_t *fold_new(store_t *store);
void fold_destroy(fold_t **self_p);
/* Forgets the log, and the slot. */
void fold_reset(fold_t *self);

/* Begins with a new slot; or with one that has been used, reading its log. *mark: its highest accept number.
 */
void fold_begin(fold_t *self, int slot);
pbus_status_t fold_load(fold_t *self, int slot, uint64_t *mark, pbus_error_t *error);

/* Takes over the document of a batch that was committed. */
void fold_take(fold_t *self, int64_t number, bson_t **batch_p);

size_t fold_batches(const fold_t *self);
size_t fold_bytes(const fold_t *self);

/* Folds all and cuts the log. After a failure the log has to be loaded again: what is in memory may be ahead.
 */
pbus_status_t fold_run(fold_t *self, const char *owner, uint64_t mark, pbus_error_t *error);

#endif
