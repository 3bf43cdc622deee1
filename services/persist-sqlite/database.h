/*
 * Database: one SQLite connection, its prepared statements, and what SQLite's results mean for a backend.
 *
 * Statements belong to the database and are prepared at their first use. A statement that was taken is to be
 * put back with database_done (or run to its end) before the transaction ends.
 */
#ifndef DATABASE_H
#define DATABASE_H

#include <persistbus/types.h>

#include <sqlite3.h>

#include "sql.h"

typedef struct database database_t;

/*
 * Opens the file; read_only: it has to exist. On failure *self_p is NULL and *error has one line: when the
 * file cannot be opened that is PBUS_INVALID, as trying again would not help.
 */
pbus_status_t database_open(database_t **self_p, const char *path, bool read_only, pbus_error_t *error);
void database_close(database_t **self_p);
sqlite3 *database_handle(database_t *self);

/* Statements that fail with PBUS_TIMEOUT after this time (CLOCK_BOOTTIME, ns); 0: never. */
void database_set_deadline(database_t *self, int64_t deadline);
/* PBUS_TIMEOUT when the deadline has passed, for loops around statements. */
pbus_status_t database_check_deadline(database_t *self, pbus_error_t *error);

/* The statement, reset; NULL with *error. */
sqlite3_stmt *database_statement(database_t *self, sql_t which, pbus_error_t *error);
/* One step; *row tells whether it gave a row. At the end of the rows, and on failure, the statement is reset.
 */
pbus_status_t database_step(database_t *self, sqlite3_stmt *statement, bool *row, pbus_error_t *error);
void database_done(sqlite3_stmt *statement);
/* Runs a statement that gives no rows and has no parameters, or has them bound already. */
pbus_status_t database_run(database_t *self, sql_t which, pbus_error_t *error);
/*
 * After a commit: moves the log's pages into the file once there are enough of them, so that the log starts
 * over. Waits for readers for some milliseconds; if that is not enough, tries again some commits later. What
 * is in the log is safe either way, so a failure is only one to report: PBUS_OK when there was nothing to do
 * or readers were in the way.
 */
pbus_status_t database_checkpoint(database_t *self, pbus_error_t *error);
/* Runs any SQL. */
pbus_status_t database_execute(database_t *self, const char *sql, pbus_error_t *error);
/* The first column of the first row of any SQL, as a number. */
pbus_status_t database_number(database_t *self, const char *sql, int64_t *value, pbus_error_t *error);
/* Whether it is this text. */
pbus_status_t database_is(database_t *self, const char *sql, const char *text, bool *is, pbus_error_t *error);
/* Ends a transaction that is open, without effect. */
void database_rollback(database_t *self);
/* Fills *error from SQLite's last failure. */
pbus_status_t database_fail(database_t *self, int code, pbus_error_t *error);

/* A text or blob column as a view, valid until the statement's next step; empty for NULL. */
pbus_str_t database_text(sqlite3_stmt *statement, int column);
/* Binds a view, which has to live until the statement is done; an empty one as NULL. */
void database_bind_text(sqlite3_stmt *statement, int parameter, pbus_str_t text);
void database_bind_optional(sqlite3_stmt *statement, int parameter, pbus_str_t text);
void database_bind_id(sqlite3_stmt *statement, int parameter, const pbus_uuid_t *id);
/* False if the column is no 16-byte blob. */
bool database_id(sqlite3_stmt *statement, int column, pbus_uuid_t *id);

#endif
