#include "database.h"

#include "walfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Checkpoints. Pages are 2 KiB: measured, the rate rises by a fifth from 4,000 pages to 16,000, while the
 * longest commit stays at some 40 ms. SQLite's own checkpoints never wait for readers, so that readers who
 * take turns keep the log from starting over for ever: it grew by 200 MB a second beside one busy reader.
 */
#define CHECKPOINT_PAGES 16000
#define CHECKPOINT_RETRY 4000 /* pages more after readers were in the way */
#define CHECKPOINT_WAIT_MS 20
#define BUSY_MS 1000        /* how long another program's lock is waited for */
#define DEADLINE_STEPS 2000 /* of SQLite's machine between two looks at the clock; some 50 us */

struct database {
    sqlite3 *db;
    char *path;
    int64_t deadline;  /* CLOCK_BOOTTIME ns; 0: none */
    int log_pages;     /* in the log after the last commit */
    int checkpoint_at; /* pages */
    sqlite3_stmt *statements[SQL_END];
};

/* ---- errors ----------------------------------------------------------------------------------------------
 */

static bool s_no_room(int code, int system)
{
    return (code & 0xff) == SQLITE_FULL ||
           ((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT));
}

static pbus_status_t s_fail_store(const char *path, int code, int system, const char *text,
                                  pbus_error_t *error)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return pbus_fail(
            error, PBUS_INTERNAL,
            "%s is damaged (%s): stop the service, keep a copy, restore a backup or move the file "
            "away to start an empty one",
            path, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return pbus_fail(error, PBUS_UNAVAILABLE,
                         "%s is locked by another program: end its transaction (a sqlite3 shell?)", path);
    case SQLITE_READONLY:
        return pbus_fail(error, PBUS_UNAVAILABLE,
                         "%s cannot be written (%s): make the file and its folder writable for this user",
                         path, text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s cannot be accessed (%s, %s): check the disk", path,
                         text, system ? strerror(system) : "no system error");
    default:
        return pbus_fail(error, PBUS_INTERNAL, "%s: SQLite error %d: %s", path, code, text);
    }
}

static pbus_status_t s_fail(const char *path, int code, int system, const char *text, pbus_error_t *error)
{
    if (s_no_room(code, system))
        return pbus_fail(error, PBUS_FULL,
                         "no room on the disk of %s: free some, writing then goes on by itself", path);
    if ((code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
        return pbus_fail(error, PBUS_NOMEM, "%s: out of memory", path);
    if ((code & 0xff) == SQLITE_INTERRUPT)
        return pbus_fail(error, PBUS_TIMEOUT, "the query did not end before its deadline");
    if ((code & 0xff) == SQLITE_TOOBIG)
        return pbus_fail(error, PBUS_INVALID, "%s: the event is too large for SQLite", path);
    return s_fail_store(path, code, system, text, error);
}

pbus_status_t database_fail(database_t *self, int code, pbus_error_t *error)
{
    return s_fail(self->path, code, sqlite3_system_errno(self->db), sqlite3_errmsg(self->db), error);
}

/* ---- open and close --------------------------------------------------------------------------------------
 */

static int s_is_late(void *argument)
{
    const database_t *self = argument;
    return self->deadline != 0 && pbus_clock_boottime() > self->deadline;
}

static int s_count_pages(void *argument, sqlite3 *db, const char *name, int pages)
{
    database_t *self = argument;
    (void) db;
    (void) name;
    self->log_pages = pages;
    return SQLITE_OK;
}

static pbus_status_t s_open(database_t *self, bool read_only, pbus_error_t *error)
{
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code =
        sqlite3_open_v2(self->path, &self->db, flags | SQLITE_OPEN_NOMUTEX, read_only ? NULL : walfile_vfs());
    if (code != SQLITE_OK) {
        int system = self->db ? sqlite3_system_errno(self->db) : 0;
        return pbus_fail(error, code == SQLITE_NOMEM ? PBUS_NOMEM : PBUS_INVALID,
                         "cannot open %s: %s: correct SQLite.Path (SQLITE_PATH) or the file's permissions",
                         self->path, system ? strerror(system) : sqlite3_errstr(code));
    }
    if (!read_only && sqlite3_db_readonly(self->db, "main"))
        return pbus_fail(error, PBUS_INVALID,
                         "%s is read-only: make it writable for this user or set another SQLite.Path "
                         "(SQLITE_PATH)",
                         self->path);
    sqlite3_extended_result_codes(self->db, 1);
    sqlite3_busy_timeout(self->db, BUSY_MS);
    self->checkpoint_at = CHECKPOINT_PAGES;
    sqlite3_wal_hook(self->db, s_count_pages, self); /* also ends SQLite's own checkpoints */
    /* Each commit is synced to the disk. Both are what walfile.h asks for. */
    return read_only ? PBUS_OK
                     : database_execute(self, "PRAGMA synchronous = FULL; PRAGMA cache_spill = OFF", error);
}

pbus_status_t database_open(database_t **self_p, const char *path, bool read_only, pbus_error_t *error)
{
    *self_p = NULL;
    database_t *self = calloc(1, sizeof *self);
    char *copy = strdup(path);
    if (!self || !copy) {
        free(self);
        free(copy);
        return pbus_fail(error, PBUS_NOMEM, "out of memory while opening %s", path);
    }
    self->path = copy;
    pbus_status_t status = s_open(self, read_only, error);
    if (status == PBUS_OK)
        *self_p = self;
    else
        database_close(&self);
    return status;
}

void database_close(database_t **self_p)
{
    database_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < SQL_END; i++)
        sqlite3_finalize(self->statements[i]);
    sqlite3_close(self->db);
    free(self->path);
    free(self);
    *self_p = NULL;
}

sqlite3 *database_handle(database_t *self)
{
    return self->db;
}

void database_set_deadline(database_t *self, int64_t deadline)
{
    self->deadline = deadline;
    sqlite3_progress_handler(self->db, deadline ? DEADLINE_STEPS : 0, deadline ? s_is_late : NULL, self);
}

pbus_status_t database_check_deadline(database_t *self, pbus_error_t *error)
{
    return s_is_late(self) ? s_fail(self->path, SQLITE_INTERRUPT, 0, "", error) : PBUS_OK;
}

/* ---- statements ------------------------------------------------------------------------------------------
 */

sqlite3_stmt *database_statement(database_t *self, sql_t which, pbus_error_t *error)
{
    sqlite3_stmt *statement = self->statements[which];
    if (!statement) {
        int code =
            sqlite3_prepare_v3(self->db, sql_text(which), -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
        if (code != SQLITE_OK) {
            database_fail(self, code, error);
            return NULL;
        }
        self->statements[which] = statement;
    }
    return statement;
}

void database_done(sqlite3_stmt *statement)
{
    if (statement)
        sqlite3_reset(statement);
}

pbus_status_t database_step(database_t *self, sqlite3_stmt *statement, bool *row, pbus_error_t *error)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return PBUS_OK;
    pbus_status_t status = code == SQLITE_DONE ? PBUS_OK : database_fail(self, code, error);
    sqlite3_reset(statement);
    return status;
}

pbus_status_t database_run(database_t *self, sql_t which, pbus_error_t *error)
{
    bool row;
    sqlite3_stmt *statement = database_statement(self, which, error);
    return statement ? database_step(self, statement, &row, error) : error->status;
}

pbus_status_t database_execute(database_t *self, const char *sql, pbus_error_t *error)
{
    int code = sqlite3_exec(self->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? PBUS_OK : database_fail(self, code, error);
}

/* Prepares the SQL and makes the first step, which has to give a row. */
static pbus_status_t s_first(database_t *self, const char *sql, sqlite3_stmt **statement, pbus_error_t *error)
{
    int code = sqlite3_prepare_v2(self->db, sql, -1, statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(*statement);
    if (code == SQLITE_ROW)
        return PBUS_OK;
    pbus_status_t status = code == SQLITE_DONE ? pbus_fail(error, PBUS_INTERNAL, "%s: no row", sql)
                                               : database_fail(self, code, error);
    sqlite3_finalize(*statement);
    return status;
}

pbus_status_t database_number(database_t *self, const char *sql, int64_t *value, pbus_error_t *error)
{
    sqlite3_stmt *statement;
    pbus_status_t status = s_first(self, sql, &statement, error);
    if (status == PBUS_OK) {
        *value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
    }
    return status;
}

pbus_status_t database_is(database_t *self, const char *sql, const char *text, bool *is, pbus_error_t *error)
{
    sqlite3_stmt *statement;
    pbus_status_t status = s_first(self, sql, &statement, error);
    if (status == PBUS_OK) {
        *is = pbus_str_eq(database_text(statement, 0), pbus_str(text));
        sqlite3_finalize(statement);
    }
    return status;
}

pbus_status_t database_checkpoint(database_t *self, pbus_error_t *error)
{
    if (self->log_pages < self->checkpoint_at)
        return PBUS_OK;
    sqlite3_busy_timeout(self->db, CHECKPOINT_WAIT_MS);
    int code = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(self->db, BUSY_MS);
    self->checkpoint_at = code == SQLITE_OK ? CHECKPOINT_PAGES : self->log_pages + CHECKPOINT_RETRY;
    self->log_pages = 0; /* until the next commit tells */
    return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY ? PBUS_OK : database_fail(self, code, error);
}

void database_rollback(database_t *self)
{
    /* After some errors SQLite has rolled back by itself; whether this fails then does not matter. */
    if (!sqlite3_get_autocommit(self->db))
        sqlite3_exec(self->db, sql_text(SQL_ROLLBACK), NULL, NULL, NULL);
}

/* ---- values ----------------------------------------------------------------------------------------------
 */

pbus_str_t database_text(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return data ? (pbus_str_t){data, (size_t) sqlite3_column_bytes(statement, column)} : PBUS_STR("");
}

void database_bind_text(sqlite3_stmt *statement, int parameter, pbus_str_t text)
{
    sqlite3_bind_text64(statement, parameter, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
}

void database_bind_optional(sqlite3_stmt *statement, int parameter, pbus_str_t text)
{
    if (text.size > 0)
        database_bind_text(statement, parameter, text);
    else
        sqlite3_bind_null(statement, parameter);
}

void database_bind_id(sqlite3_stmt *statement, int parameter, const pbus_uuid_t *id)
{
    sqlite3_bind_blob(statement, parameter, id, sizeof *id, SQLITE_STATIC);
}

bool database_id(sqlite3_stmt *statement, int column, pbus_uuid_t *id)
{
    const void *data = sqlite3_column_blob(statement, column);
    if (!data || sqlite3_column_bytes(statement, column) != (int) sizeof *id)
        return false;
    memcpy(id, data, sizeof *id);
    return true;
}
