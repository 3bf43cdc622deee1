/*
 * Ledger: exact counts without a scan and without transactions, for several writers at once and for a crash
 * at any moment.
 *
 * Every writer has a slot, a number that no other running writer has, and numbers its batches in it. It
 * inserts the events of a batch, stamped with slot and number (field `batch`), and then *commits* the batch
 * by one document in persistbus_log, whose _id is "<slot>.<number>" and which says what the batch added to
 * the counts. Only then is the batch acknowledged. So:
 *
 *   - an event counts if its batch is committed; the count is what the slots hold, plus their logs;
 *   - a batch cut short (crash, lost connection) leaves events that do not count. Whoever meets one
 *     declares the batch *void*, by inserting a document of that very _id that says so: either the commit
 *     or this gets there first, and whoever is second learns it. Events of a void batch are then adopted
 *     (orphans.h) by a batch that is committed. Void is for ever, so that a late insert of a lost connection
 *     is still recognised.
 *
 * Now and then a writer folds its log into persistbus_counts: each row there says up to which batch it is, so
 * that a fold cut short is taken up again without counting twice, and a reader that sees a batch both in the
 * log and in a row does not either. The slot's own document is written last, then the log is cut.
 *
 * A slot is given back at a clean end. One that was not is taken over when its owner has not been heard of
 * for ten minutes, by voiding its next batch; a writer that was paused for so long finds out before it
 * acknowledges.
 */
#ifndef PERSIST_MONGO_LEDGER_H
#define PERSIST_MONGO_LEDGER_H

#include "changes.h"
#include "peers.h"
#include "tally.h"

typedef struct ledger ledger_t;

typedef enum {
    LEDGER_COUNTED, /* the batch is committed */
    LEDGER_OPEN,    /* not yet; by another writer, which may be dead */
    LEDGER_MINE,    /* the one under way here */
    LEDGER_VOID     /* never will be */
} ledger_state_t;

/* Touches nothing. */
ledger_t *ledger_new(store_t *store);
/* Folds and gives the slot back, if the store is there. */
void ledger_destroy(ledger_t **self_p);

/*
 * Makes the ledger fit to write: takes a slot if it has none, and after a failure puts an end to the batch
 * under way, which is then void or, after all, committed.
 */
pbus_status_t ledger_recover(ledger_t *self, pbus_error_t *error);
/* Whether ledger_recover has to be called before the next batch. */
bool ledger_is_unsure(const ledger_t *self);
/* The batch under way has failed and may have left something behind. */
void ledger_spoil(ledger_t *self);
/* The database is another one than before: start anew, without a slot. */
void ledger_forget(ledger_t *self);

/* The stamp of the batch under way. */
int64_t ledger_batch(const ledger_t *self);
/*
 * Commits it, with the highest accept number in it, and with its changes if the server makes readers keep a
 * copy; the next one is then under way.
 */
pbus_status_t ledger_commit(ledger_t *self, const tally_t *tally, const changes_t *changes, uint64_t mark,
                            pbus_error_t *error);
/* The highest accept number that this slot has committed. */
uint64_t ledger_mark(const ledger_t *self);

/* What became of the batch with this stamp. */
pbus_status_t ledger_state(ledger_t *self, int64_t batch, ledger_state_t *state, pbus_error_t *error);
/* Makes it void unless it is committed; *state is one of these two then. Not for LEDGER_MINE. */
pbus_status_t ledger_void(ledger_t *self, int64_t batch, ledger_state_t *state, pbus_error_t *error);

/*
 * Waits until the batch is not open any more; voids it when its writer takes too long, as a dead one does. To
 * be called by nobody who has something open himself: others may be waiting for that.
 */
pbus_status_t ledger_await(ledger_t *self, int64_t batch, ledger_state_t *state, pbus_error_t *error);

/* Folds the log, if it has grown or `now`. */
pbus_status_t ledger_fold(ledger_t *self, bool now, pbus_error_t *error);
/*
 * Tells others that the slot is in use, and finds out whether it still is this writer's; does nothing when
 * that was done lately.
 */
pbus_status_t ledger_touch(ledger_t *self, pbus_error_t *error);

/* The other slots, as last read. */
peers_t *ledger_peers(ledger_t *self);
int ledger_slot(const ledger_t *self);

#endif
