/*
 * Link: one connection to a PostgreSQL server.
 *
 * Takes SQL with binary parameters, gives rows or one clear line. Each statement's text is prepared once a
 * connection, and nothing waits for ever: the server is told a statement_timeout, and a server that is silent
 * for longer than that is given up.
 *
 * Errors become statuses by their SQLSTATE, in one place:
 *   PBUS_UNAVAILABLE   no connection, server starting or stopping, standby, too many connections, our tables
 * gone PBUS_FULL          disk full PBUS_TIMEOUT       statement_timeout passed PBUS_INVALID       the server
 * can't take these values (on connecting: wrong name or password, no such database) PBUS_UNSUPPORTED   a
 * server that is too old or has another encoding than UTF-8 PBUS_INTERNAL      all else A connection that is
 * no good any more is closed; pg_link_connect makes another. Neither passwords nor connection strings ever
 * get into a message.
 */
#ifndef PG_LINK_H
#define PG_LINK_H

#include "pg_params.h"
#include "pg_rows.h"

#include <persistbus/log.h>

typedef struct pg_link pg_link_t;

/* url is a connection URI or keyword string of libpq; spans are in ns. NULL with *error when it is neither.
 */
pg_link_t *pg_link_new(const char *url, int64_t connect_timeout, int64_t statement_timeout, pbus_log_t *log,
                       pbus_error_t *error);
void pg_link_destroy(pg_link_t **self_p);

/* "/run/postgresql:5432/persistbus", for messages. */
const char *pg_link_where(const pg_link_t *self);

bool pg_link_is_connected(const pg_link_t *self);
/* Does nothing when there is a connection. */
pbus_status_t pg_link_connect(pg_link_t *self, pbus_error_t *error);
void pg_link_drop(pg_link_t *self);

/*
 * Runs one statement, which may be part of a transaction; rows may be NULL. With rows->bytes_max set they are
 * taken one by one as they arrive. deadline is CLOCK_BOOTTIME ns, 0: the link's own statement timeout from
 * now.
 */
pbus_status_t pg_link_run(pg_link_t *self, const pg_params_t *statement, int64_t deadline, pg_rows_t *rows,
                          pbus_error_t *error);

/* Runs statements without parameters and without rows of interest. */
pbus_status_t pg_link_script(pg_link_t *self, const char *sql, pbus_error_t *error);

/*
 * A transaction of several statements. `end` commits when status is PBUS_OK, else it rolls back and returns
 * that status, leaving *error alone.
 */
pbus_status_t pg_link_begin(pg_link_t *self, pbus_error_t *error);
pbus_status_t pg_link_end(pg_link_t *self, pbus_status_t status, pbus_error_t *error);

/* Whether the last error is one of two transactions in each other's way, so that trying again helps. */
bool pg_link_was_crossed(const pg_link_t *self);
/* The SQLSTATE of the last error, "" if it had none. */
const char *pg_link_sqlstate(const pg_link_t *self);

#endif
