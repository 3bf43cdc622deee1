/*
 * Store: one handle on a store file, for writing or for reading, with its catalogue of series.
 *
 * The writing handle owns the file: it makes it and its folder, upgrades it, and holds the lock that keeps
 * other processes away. A reading handle is a second, read-only connection of the same process; with WAL it
 * sees what was committed before its transaction began, and neither waits for the other.
 */
#ifndef STORE_H
#define STORE_H

#include <persistbus/backend.h>

#include <persistbus/series/catalogue.h>
#include "database.h"

typedef struct store store_t;

/* path: as configured. Errors as those of pbus_backend_t's open. */
pbus_status_t store_open(store_t **self_p, const char *path, pbus_lane_t lane, pbus_log_t *log,
                         pbus_error_t *error);
void store_close(store_t **self_p);

database_t *store_database(store_t *self);
const pbus_catalogue_t *store_catalogue(const store_t *self);

pbus_status_t store_health(store_t *self, pbus_health_t *health, pbus_error_t *error);

/*
 * A transaction to read in: everything that was committed before is seen, the catalogue is up to date.
 * deadline: CLOCK_BOOTTIME ns, 0 for none. store_end_read goes with every begin that returned PBUS_OK.
 */
pbus_status_t store_begin_read(store_t *self, int64_t deadline, pbus_error_t *error);
void store_end_read(store_t *self);

/*
 * A transaction to write in, ended by either of the two others. What changes are counted by the caller:
 * commit adds events and readings (which may be negative) to the totals, and raises the applied mark to at
 * least `mark`. store_cancel rolls back, and reloads the catalogue if need be; it tells the store that the
 * failure was `status`, so that health probes before it says that the store is well again.
 */
pbus_status_t store_begin_write(store_t *self, pbus_error_t *error);
pbus_status_t store_commit(store_t *self, int64_t events, int64_t readings, uint64_t mark,
                           pbus_error_t *error);
void store_cancel(store_t *self, pbus_status_t status);
/* The series of an event that is about to be written in this transaction. */
pbus_status_t store_assign(store_t *self, const pbus_event_t *event, const pbus_series_t **series,
                           pbus_error_t *error);

#endif
