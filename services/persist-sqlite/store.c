#include "store.h"

#include "folder.h"
#include "ledger.h"
#include "lockfile.h"
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Room that health asks for after a full disk: more than a commit of most batches needs. Bytes. */
#define PROBE_SIZE (256 * 1024)

struct store {
    char *path; /* absolute */
    pbus_lane_t lane;
    pbus_log_t *log;
    lockfile_t *lock;
    database_t *db;
    ledger_t *ledger; /* NULL: has to be loaded again */
    int64_t version;  /* of the catalogue, when the transaction began */
    pbus_uuid_t data_set;
    uint64_t mark;
    bool ailing; /* the last write failed because the store was away or full */
    dev_t device;
    ino_t inode;
};

/* ---- catalogue -------------------------------------------------------------------------------------------
 */

static pbus_status_t s_sync(store_t *self, pbus_error_t *error)
{
    if (!self->ledger)
        self->ledger = ledger_new();
    if (!self->ledger)
        return pbus_fail(error, PBUS_NOMEM, "%s: out of memory for the catalogue of series", self->path);
    pbus_status_t status = ledger_sync(self->ledger, self->db, error);
    if (status != PBUS_OK)
        ledger_destroy(&self->ledger);
    return status;
}

/* Reads the store's own row. */
static pbus_status_t s_load_row(store_t *self, pbus_error_t *error)
{
    bool found;
    sqlite3_stmt *row = database_statement(self->db, SQL_STORE, error);
    if (!row)
        return error->status;
    pbus_status_t status = database_step(self->db, row, &found, error);
    if (status != PBUS_OK)
        return status;
    if (!found || !database_id(row, 0, &self->data_set)) {
        database_done(row);
        return pbus_fail(error, PBUS_INTERNAL, "%s is damaged (table store): restore a backup", self->path);
    }
    self->mark = (uint64_t) sqlite3_column_int64(row, 1);
    if (self->ledger && self->lane == PBUS_LANE_WRITE)
        ledger_start_at(self->ledger, sqlite3_column_int64(row, 2));
    database_done(row);
    return PBUS_OK;
}

static pbus_status_t s_load(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_sync(self, error);
    return status == PBUS_OK ? s_load_row(self, error) : status;
}

/* ---- open and close --------------------------------------------------------------------------------------
 */

static pbus_status_t s_set_up(store_t *self, pbus_error_t *error)
{
    /* The cache is 12 MB. The log is cut to 64 MB when it had grown beyond, as behind a long reader. */
    pbus_status_t status =
        database_execute(self->db,
                         "PRAGMA cache_size = -12288;"
                         "PRAGMA temp_store = MEMORY;"
                         "PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF",
                         error);
    bool wal = false;
    if (status == PBUS_OK)
        status = database_is(self->db, "PRAGMA journal_mode", "wal", &wal, error);
    if (status == PBUS_OK && !wal)
        return pbus_fail(error, PBUS_INVALID,
                         "%s: its file system has no shared memory for SQLite's WAL: set SQLite.Path "
                         "(SQLITE_PATH) to a local disk",
                         self->path);
    return status;
}

/* Series that hold nothing would only use up memory. */
static pbus_status_t s_forget_unused(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = database_run(self->db, SQL_BEGIN_WRITE, error);
    if (status == PBUS_OK)
        status = database_run(self->db, SQL_COUNTS_UNUSED, error);
    if (status == PBUS_OK)
        status = database_run(self->db, SQL_READINGS_UNUSED, error);
    if (status == PBUS_OK)
        status = database_execute(self->db, "DELETE FROM counts WHERE events = 0", error);
    if (status == PBUS_OK)
        status = database_run(self->db, SQL_COMMIT, error);
    if (status != PBUS_OK)
        database_rollback(self->db);
    return status;
}

static pbus_status_t s_open_writer(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = lockfile_open(&self->lock, self->path, error);
    if (status == PBUS_OK)
        status = database_open(&self->db, self->path, false, error);
    if (status == PBUS_OK)
        status = schema_prepare(self->db, self->path, error);
    if (status == PBUS_OK)
        status = s_set_up(self, error);
    if (status == PBUS_OK)
        status = s_forget_unused(self, error);
    return status;
}

static pbus_status_t s_open_reader(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = database_open(&self->db, self->path, true, error);
    return status == PBUS_OK ? s_set_up(self, error) : status;
}

/* The file's identity, to see later whether the path still leads to it. */
static pbus_status_t s_identify(store_t *self, pbus_error_t *error)
{
    struct stat file;
    if (stat(self->path, &file) != 0)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s vanished while it was opened", self->path);
    self->device = file.st_dev;
    self->inode = file.st_ino;
    return PBUS_OK;
}

static void s_announce(const store_t *self)
{
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&self->data_set, id);
    pbus_log_info(self->log, "store %s: data set %s, %zu series, applied mark %llu", self->path, id,
                  pbus_catalogue_all(ledger_catalogue(self->ledger)).count, (unsigned long long) self->mark);
}

static pbus_status_t s_open(store_t *self, const char *path, pbus_error_t *error)
{
    pbus_status_t status = folder_resolve(path, self->lane == PBUS_LANE_WRITE, &self->path, error);
    if (status == PBUS_OK)
        status = self->lane == PBUS_LANE_WRITE ? s_open_writer(self, error) : s_open_reader(self, error);
    if (status == PBUS_OK)
        status = s_identify(self, error);
    if (status == PBUS_OK)
        status = s_load(self, error);
    /* What may go away by itself is worth another try, which is what this status says when opening. */
    if (status == PBUS_FULL || status == PBUS_NOMEM)
        error->status = status = PBUS_UNAVAILABLE;
    return status;
}

pbus_status_t store_open(store_t **self_p, const char *path, pbus_lane_t lane, pbus_log_t *log,
                         pbus_error_t *error)
{
    *self_p = NULL;
    store_t *self = calloc(1, sizeof *self);
    if (!self)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while opening %s", path);
    self->lane = lane;
    self->log = log;
    pbus_status_t status = s_open(self, path, error);
    if (status != PBUS_OK) {
        store_close(&self);
        return status;
    }
    if (lane == PBUS_LANE_WRITE)
        s_announce(self);
    *self_p = self;
    return PBUS_OK;
}

void store_close(store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;
    ledger_destroy(&self->ledger);
    database_close(&self->db);
    lockfile_close(&self->lock);
    free(self->path);
    free(self);
    *self_p = NULL;
}

database_t *store_database(store_t *self)
{
    return self->db;
}

const pbus_catalogue_t *store_catalogue(const store_t *self)
{
    return self->ledger ? ledger_catalogue(self->ledger) : NULL;
}

/* ---- health ----------------------------------------------------------------------------------------------
 */

/*
 * SQLite keeps writing to a file that was removed or replaced, and everything written so would be gone with
 * the process.
 */
static pbus_status_t s_check_file(const store_t *self, pbus_error_t *error)
{
    struct stat file;
    if (stat(self->path, &file) == 0 && file.st_dev == self->device && file.st_ino == self->inode)
        return PBUS_OK;
    return pbus_fail(error, PBUS_UNAVAILABLE,
                     "%s was removed or replaced while in use: put it back, or restart persist-sqlite",
                     self->path);
}

static pbus_status_t s_write_probe(store_t *self, int size, pbus_error_t *error)
{
    sqlite3_stmt *probe = database_statement(self->db, SQL_PROBE, error);
    if (!probe)
        return error->status;
    if (size > 0)
        sqlite3_bind_zeroblob(probe, 1, size);
    else
        sqlite3_bind_null(probe, 1);
    return database_run(self->db, SQL_PROBE, error);
}

static pbus_status_t s_probe(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_write_probe(self, PROBE_SIZE, error);
    if (status == PBUS_OK)
        status = s_write_probe(self, 0, error);
    return status;
}

pbus_status_t store_health(store_t *self, pbus_health_t *health, pbus_error_t *error)
{
    pbus_status_t status = s_check_file(self, error);
    if (status == PBUS_OK && self->ailing && self->lane == PBUS_LANE_WRITE)
        status = s_probe(self, error);
    if (status == PBUS_OK)
        status = s_load_row(self, error);
    if (status != PBUS_OK)
        return status;
    self->ailing = false;
    *health = (pbus_health_t){.durable = true, .data_set = self->data_set, .applied_mark = self->mark};
    return PBUS_OK;
}

/* ---- transactions ----------------------------------------------------------------------------------------
 */

pbus_status_t store_begin_read(store_t *self, int64_t deadline, pbus_error_t *error)
{
    pbus_status_t status = database_run(self->db, SQL_BEGIN_READ, error);
    if (status != PBUS_OK)
        return status;
    status = s_sync(self, error);
    if (status == PBUS_OK)
        database_set_deadline(self->db, deadline);
    else
        database_rollback(self->db);
    return status;
}

void store_end_read(store_t *self)
{
    pbus_error_t ignored;
    database_set_deadline(self->db, 0);
    if (database_run(self->db, SQL_COMMIT, &ignored) != PBUS_OK)
        database_rollback(self->db); /* of reads only, so nothing is lost */
}

pbus_status_t store_begin_write(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_check_file(self, error);
    if (status == PBUS_OK)
        status = database_run(self->db, SQL_BEGIN_WRITE, error);
    if (status == PBUS_OK && !self->ledger)
        status = s_load(self, error);
    if (status == PBUS_OK)
        self->version = ledger_version(self->ledger);
    else
        store_cancel(self, status);
    return status;
}

static pbus_status_t s_update_row(store_t *self, int64_t events, int64_t readings, uint64_t mark,
                                  pbus_error_t *error)
{
    int64_t version = ledger_version(self->ledger);
    if (events == 0 && readings == 0 && mark == self->mark && version == self->version)
        return PBUS_OK;
    sqlite3_stmt *update = database_statement(self->db, SQL_STORE_UPDATE, error);
    if (!update)
        return error->status;
    sqlite3_bind_int64(update, 1, (int64_t) mark);
    sqlite3_bind_int64(update, 2, version);
    sqlite3_bind_int64(update, 3, events);
    sqlite3_bind_int64(update, 4, readings);
    return database_run(self->db, SQL_STORE_UPDATE, error);
}

/* The commit is safe already, so it does not fail with this; what is wrong will fail a commit soon enough. */
static void s_checkpoint(store_t *self)
{
    pbus_error_t error;
    if (database_checkpoint(self->db, &error) != PBUS_OK)
        pbus_log_warn(self->log, "checkpoint put off: %s", error.text);
}

pbus_status_t store_commit(store_t *self, int64_t events, int64_t readings, uint64_t mark,
                           pbus_error_t *error)
{
    mark = mark > self->mark ? mark : self->mark;
    pbus_status_t status = s_update_row(self, events, readings, mark, error);
    if (status == PBUS_OK)
        status = database_run(self->db, SQL_COMMIT, error);
    if (status == PBUS_OK) {
        self->mark = mark;
        self->version = ledger_version(self->ledger);
        self->ailing = false;
        s_checkpoint(self);
    } else
        store_cancel(self, status);
    return status;
}

void store_cancel(store_t *self, pbus_status_t status)
{
    database_rollback(self->db);
    if (self->ledger && ledger_version(self->ledger) != self->version)
        ledger_destroy(&self->ledger);
    self->ailing |= status == PBUS_FULL || status == PBUS_UNAVAILABLE;
}

pbus_status_t store_assign(store_t *self, const pbus_event_t *event, const pbus_series_t **series,
                           pbus_error_t *error)
{
    return ledger_assign(self->ledger, self->db, event, series, error);
}
