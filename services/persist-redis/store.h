/*
 * Store: one lane's hold on the data set in Redis: the connection, the catalogue of series, and what is known
 * of the server.
 *
 * Each call to the backend begins with store_begin and ends with store_end. A connection that was lost is
 * made anew by store_begin, but a server that comes back with another data set, or with less in it, is first
 * reported as away: so core-data learns of it from the next health. Only store_open and store_health create a
 * data set.
 */
#ifndef STORE_H
#define STORE_H

#include <persistbus/backend.h>

#include <persistbus/series/catalogue.h>
#include "connection.h"
#include "scripts.h"

typedef struct store store_t;

pbus_status_t store_open(store_t **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                         pbus_error_t *error);
void store_close(store_t **self_p);
/* As pbus_backend_t's. */
pbus_status_t store_health(store_t *self, pbus_health_t *health, pbus_error_t *error);

/* Makes sure of a connection. PBUS_UNAVAILABLE if there is none to be had. deadline: CLOCK_BOOTTIME ns; 0:
 * none. */
pbus_status_t store_begin(store_t *self, int64_t deadline, pbus_error_t *error);
/* Gives the connection back with nothing waiting on it, and takes note of how the call went. Returns status.
 */
pbus_status_t store_end(store_t *self, pbus_status_t status);

/* PBUS_TIMEOUT once the deadline has passed. */
pbus_status_t store_check_deadline(const store_t *self, pbus_error_t *error);

connection_t *store_connection(store_t *self);
const keys_t *store_keys(const store_t *self);
const pbus_catalogue_t *store_catalogue(const store_t *self);
/* A command to build, shared by all who use the store. */
command_t *store_command(store_t *self);

/* ---- catalogue -------------------------------------------------------------------------------------------
 */

/*
 * Catching up, in halves, so that it can share a round trip: asks for what is new in the catalogue, then
 * takes it over. *changed: whether anything was. PBUS_UNAVAILABLE if the server holds another data set by
 * now.
 */
pbus_status_t store_ask(store_t *self, pbus_error_t *error);
pbus_status_t store_take(store_t *self, bool *changed, pbus_error_t *error);
/* Both; for when nothing else is queued. */
pbus_status_t store_sync(store_t *self, pbus_error_t *error);

/* The series with this number, if need be after catching up; nothing may be queued. PBUS_INTERNAL if there is
   none. */
pbus_status_t store_series(store_t *self, int64_t number, const pbus_series_t **series, pbus_error_t *error);

/*
 * The series that the event belongs to. What the catalogue lacks for it is added here, and in Redis by
 * store_publish, before which nothing of that series may be written.
 */
pbus_status_t store_assign(store_t *self, const pbus_event_t *event, const pbus_series_t **series,
                           pbus_error_t *error);
/*
 * Writes what store_assign added. *published: false if another worker was faster: then the catalogue was read
 * anew, and events have to be assigned again.
 */
pbus_status_t store_publish(store_t *self, bool *published, pbus_error_t *error);

/* ---- scripts ---------------------------------------------------------------------------------------------
 */

/* Begins the command for a script, up to the prefix and (but for SCRIPT_OPEN) the data set's id. */
void store_begin_script(store_t *self, command_t *command, script_t script);
/* Loads the scripts, when the server has lost them (NOSCRIPT). */
pbus_status_t store_load_scripts(store_t *self, pbus_error_t *error);
/* Another data set answered (SCRIPT_OTHER_STORE): PBUS_UNAVAILABLE, and the connection is given up. */
pbus_status_t store_fail_other(store_t *self, pbus_error_t *error);

/* The highest accept number seen so far. */
void store_raise_mark(store_t *self, uint64_t mark);

#endif
