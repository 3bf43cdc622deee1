/*
 * Deletions, which come one after another through all workers, so that no event is taken from the counts
 * twice (ledger.h). A deletion of some events is a document of persistbus_deletions,
 *
 *     { _id: "<number, 19 digits>", number, by: <stamp of the batch that takes them from the counts>,
 *       ids: ["<UUID>", ...], batches: [<stamps of their insertion>],
 *       events, readings, rows: <what that takes from the counts> }
 *
 * which is there before the first of the events goes. Who wants to delete
 *
 *   1. waits until the last deletion is at its end: its batch is committed. If that batch is void, as its
 * writer died, the deletion is done again under the next number, by the batch under way;
 *   2. reads the events, all of which have to be in committed batches;
 *   3. begins the deletion with the next number. As _ids are unique, one writer gets it, and what it has read
 * in 2 is still so. Who is too late goes back to 1;
 *   4. deletes the events, commits the batch, and removes the document of the deletion before.
 *
 * The last document stays. A writer that was paused between 2 and 3 for so long that its number has come and
 * gone again finds a higher one afterwards, and takes its own back.
 */
#ifndef PERSIST_MONGO_DELETIONS_H
#define PERSIST_MONGO_DELETIONS_H

#include "found.h"

/* By value; starts from zero. */
typedef struct {
    int64_t number; /* 0: there never was one */
    int64_t by;
    bson_t *document;
} deletion_t;

void deletion_clear(deletion_t *self);
/* Reads the last one. */
pbus_status_t deletion_last(deletion_t *self, store_t *store, pbus_error_t *error);
/* Makes one of these events. PBUS_INTERNAL: a document is damaged. */
pbus_status_t deletion_make(deletion_t *self, int64_t number, int64_t by, const found_t *events,
                            pbus_error_t *error);
/* Makes one of the same events as another. */
void deletion_make_again(deletion_t *self, int64_t number, int64_t by, const deletion_t *other);
/* *begun is false if another writer has begun one since. */
pbus_status_t deletion_begin(const deletion_t *self, store_t *store, bool *begun, pbus_error_t *error);
/*
 * Deletes the events; those that have been added anew since stay. `again`: another writer has begun to, so
 * that there may be such.
 */
pbus_status_t deletion_carry_out(const deletion_t *self, store_t *store, bool again, pbus_error_t *error);
pbus_status_t deletion_damaged(const store_t *store, pbus_error_t *error);
/* Tells what it removes. */
void deletion_append(const deletion_t *self, changes_t *changes);
/* Removes the document of a deletion that is not the last any more. */
pbus_status_t deletion_forget(int64_t number, store_t *store, pbus_error_t *error);

#endif
