/*
 * Ledger: the catalogue of series as it lies in the store's file.
 *
 * The ledger of the writing handle adds series as events need them, inside the transaction that adds the
 * event. A reading handle has a ledger of its own and catches up at the start of each of its transactions.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <persistbus/series/catalogue.h>

#include "database.h"

typedef struct ledger ledger_t;

/* An empty one; NULL when memory is out. */
ledger_t *ledger_new(void);
void ledger_destroy(ledger_t **self_p);

const pbus_catalogue_t *ledger_catalogue(const ledger_t *self);
/* Takes over what is new in the store. */
pbus_status_t ledger_sync(ledger_t *self, database_t *db, pbus_error_t *error);
/* The last version seen or given; for store.catalogue, and to tell whether anything changed. */
int64_t ledger_version(const ledger_t *self);
/* The writer's, after opening: versions given from now on are greater than this. */
void ledger_start_at(ledger_t *self, int64_t version);

/*
 * The series that the event belongs to, added to the store if there was none. After a rollback of the
 * transaction that this ran in the ledger is wrong and has to be made anew.
 */
pbus_status_t ledger_assign(ledger_t *self, database_t *db, const pbus_event_t *event,
                            const pbus_series_t **series, pbus_error_t *error);

#endif
