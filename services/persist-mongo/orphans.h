/*
 * Orphans: events that void batches (ledger.h) have left, and which do not count until somebody adopts them.
 *
 * They are not changed for that. Which of a void batch's were adopted stands in documents of
 * persistbus_adopted,
 *
 *     { _id: "<slot>.<number>/<n>", batch: <void stamp>, by: <stamp of the batch that counts them>, ids:
 * [...] }
 *
 * with n = 1, 2, 3...: who makes the next one has seen all before, so nothing is counted twice. One whose own
 * batch is void is void as well.
 */
#ifndef PERSIST_MONGO_ORPHANS_H
#define PERSIST_MONGO_ORPHANS_H

#include "found.h"

/*
 * Finds out the state of each by the stamp in document.batch, waiting for batches of other writers that are
 * open: LEDGER_COUNTED or LEDGER_MINE (counted by the batch under way). Orphans are adopted: written down,
 * counted into the tally of the batch under way, *adopted set, and then LEDGER_MINE.
 */
pbus_status_t orphans_adopt(store_t *store, ledger_t *ledger, found_t *found, tally_t *tally, bool *adopted,
                            pbus_error_t *error);

#endif
