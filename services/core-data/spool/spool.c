#include "spool.h"
#include "handoff.h"
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA_VERSION 2
#define APPLICATION_ID 0x70627370 /* "pbsp": tells a spool from any other SQLite file */
#define JOBS_MAX 1000             /* in one transaction */

struct spool {
    pbus_log_t *log;
    char *folder;
    int lock; /* descriptor of the locked file; -1 */
    sqlite3 *db;
    uint64_t floor;
    bool accepted;
    spool_group_t *groups;
    size_t group_count;
    spool_cut_t *cuts;
    size_t cut_count;
    char **wants; /* "<accept> <group>", sorted: where cuts still have to be run */
    size_t want_count;
    spool_redo_t *redos;
    size_t redo_count;
    uint64_t orphans, orphan_bytes;
    rows_t *rows; /* the thread's, once it runs */
    zactor_t *actor;
    size_t out; /* jobs submitted and not taken */
};

/* What a spool of version 1 lacks; its tables that are missing altogether are made as all are. */
static const char *const s_upgrade[] = {
    "ALTER TABLE groups ADD COLUMN why TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE groups ADD COLUMN preference INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE groups ADD COLUMN retiring INTEGER NOT NULL DEFAULT 0",
};

static const char s_schema[] =
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS groups (name TEXT PRIMARY KEY, backend TEXT NOT NULL, stale INTEGER NOT NULL,"
    " data_set BLOB, acked INTEGER NOT NULL, why TEXT NOT NULL DEFAULT '',"
    " preference INTEGER NOT NULL DEFAULT 0, retiring INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS cuts (accept INTEGER PRIMARY KEY, device TEXT, source TEXT, origin_max "
    "INTEGER NOT NULL, lazy INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS cut_runs (accept INTEGER NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY (accept, name)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS redos (name TEXT NOT NULL, id BLOB NOT NULL, accept INTEGER NOT NULL,"
    " PRIMARY KEY (name, id)) WITHOUT ROWID;";

/* ---- jobs ---- */

spool_job_t *spool_job_new(spool_kind_t kind)
{
    spool_job_t *self = calloc(1, sizeof *self);
    if (self)
        self->kind = kind;
    return self;
}

void spool_job_destroy(spool_job_t **self_p)
{
    spool_job_t *self = *self_p;
    if (!self)
        return;
    free(self->cut.device);
    free(self->cut.source);
    for (size_t i = 0; i < self->name_count; i++)
        free(self->names[i]);
    free(self->names);
    pbus_buf_clear(&self->row.event);
    for (size_t i = 0; i < self->row_count; i++)
        pbus_buf_clear(&self->rows[i].event);
    free(self->rows);
    free(self->losses);
    free(self);
    *self_p = NULL;
}

/* ---- SQL ---- */

/*
 * Runs one statement. formats: i int64, t text (NULL allowed), u uuid or SQL NULL for a NULL pointer.
 * Statements are few and rare (none of them is on the path of a write), so they are prepared each time.
 */
static int s_run(sqlite3 *db, const char *sql, const char *formats, ...)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    va_list args;
    va_start(args, formats);
    for (int i = 0; rc == SQLITE_OK && formats[i]; i++) {
        if (formats[i] == 'i')
            rc = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        else if (formats[i] == 't')
            rc = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        else {
            const pbus_uuid_t *uuid = va_arg(args, const pbus_uuid_t *);
            rc = uuid ? sqlite3_bind_blob(statement, i + 1, uuid->bytes, sizeof uuid->bytes, SQLITE_STATIC)
                      : sqlite3_bind_null(statement, i + 1);
        }
    }
    va_end(args);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    int final = sqlite3_finalize(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? final : rc;
}

static int s_set_fact(sqlite3 *db, const char *name, uint64_t value)
{
    return s_run(db,
                 "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                 "ti", name, (int64_t) value);
}

static int s_save_group(sqlite3 *db, const spool_group_t *group)
{
    return s_run(
        db,
        "INSERT OR REPLACE INTO groups (name, backend, stale, data_set, acked, why, preference, retiring)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        "ttiuitii", group->name, group->backend, (int64_t) group->stale,
        group->has_set ? &group->data_set : NULL, (int64_t) group->acked, group->why,
        (int64_t) group->preference, (int64_t) group->retiring);
}

static int s_save_cut(sqlite3 *db, const spool_job_t *job)
{
    int64_t accept = (int64_t) job->cut.accept;
    int rc = s_run(db, "INSERT INTO cuts VALUES (?, ?, ?, ?, ?)", "ittii", accept, job->cut.device,
                   job->cut.source, job->cut.origin_max, (int64_t) job->cut.lazy);
    for (size_t i = 0; rc == SQLITE_OK && i < job->name_count; i++)
        rc = s_run(db, "INSERT INTO cut_runs VALUES (?, ?)", "it", accept, job->names[i]);
    return rc;
}

static int s_end_cut(sqlite3 *db, const spool_job_t *job)
{
    int64_t accept = (int64_t) job->number;
    int rc = s_run(db, "DELETE FROM cut_runs WHERE accept = ? AND name = ?", "it", accept, job->name);
    if (rc == SQLITE_OK)
        rc = s_run(
            db,
            "DELETE FROM cuts WHERE accept = ?1 AND NOT EXISTS (SELECT 1 FROM cut_runs WHERE accept = ?1)",
            "i", accept);
    return rc;
}

/*
 * Until the last step the group is known, but as one that lacks something and is being retired: should this
 * be the end of the process, that is what it is.
 */
static int s_forget(spool_t *self, spool_job_t *job)
{
    int rc = rows_forget(self->rows, job);
    if (rc != SQLITE_OK || job->status != PBUS_OK)
        return rc;
    if (job->more)
        return s_run(self->db, "UPDATE groups SET stale = 1, retiring = 1 WHERE name = ?", "t", job->name);
    rc = s_run(self->db, "DELETE FROM groups WHERE name = ?", "t", job->name);
    if (rc == SQLITE_OK)
        rc = s_run(self->db, "DELETE FROM redos WHERE name = ?", "t", job->name);
    return rc;
}

static int s_adopt(spool_t *self, spool_job_t *job)
{
    int rc = s_run(self->db, "UPDATE OR REPLACE cut_runs SET name = ? WHERE name = ''", "t", job->name);
    return rc == SQLITE_OK ? rows_adopt(self->rows, job) : rc;
}

static int s_do(spool_t *self, spool_job_t *job)
{
    sqlite3 *db = self->db;
    switch (job->kind) {
    case SPOOL_FLOOR:
        return s_set_fact(db, "floor", job->number);
    case SPOOL_ACCEPTED:
        return s_set_fact(db, "accepted", 1);
    case SPOOL_GROUP:
        return s_save_group(db, &job->group);
    case SPOOL_CUT:
        return s_save_cut(db, job);
    case SPOOL_CUT_DONE:
        return s_end_cut(db, job);
    case SPOOL_REDO:
        return s_run(db, "INSERT OR REPLACE INTO redos VALUES (?, ?, ?)", "tui", job->name, &job->row.id,
                     (int64_t) job->row.accept);
    case SPOOL_REDONE:
        return s_run(db, "DELETE FROM redos WHERE name = ? AND id = ?", "tu", job->name, &job->row.id);
    case SPOOL_FORGET:
        return s_forget(self, job);
    case SPOOL_PUT:
        return rows_put(self->rows, job);
    case SPOOL_COVERED:
        return rows_cover(self->rows, job->number);
    case SPOOL_FETCH:
        return rows_fetch(self->rows, job);
    case SPOOL_DROP:
        return rows_drop(self->rows, job);
    case SPOOL_ADOPT:
        return s_adopt(self, job);
    case SPOOL_EXPIRE:
        return rows_expire(self->rows, job);
    }
    return SQLITE_MISUSE;
}

/* ---- the thread ---- */

/* All jobs in one transaction: one fsync for all, and all or none of them. */
static void s_transaction(spool_t *self, spool_job_t **jobs, size_t count)
{
    int rc = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++) {
        jobs[i]->status = PBUS_OK;
        rc = s_do(self, jobs[i]);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL);
    const char *reason = rc == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(self->db);
    for (size_t i = 0; rc != SQLITE_OK && i < count; i++) {
        jobs[i]->loss_count = 0; /* nothing was lost: it is as before */
        jobs[i]->status =
            pbus_fail(&jobs[i]->error, rc == SQLITE_FULL ? PBUS_FULL : PBUS_UNAVAILABLE,
                      "spool %s can't be written: %s; free space or check the disk", self->folder, reason);
    }
    if (rc != SQLITE_OK)
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    rows_settle(self->rows, rc == SQLITE_OK);
}

/* Takes every job that waits, up to a bound; false when told to end (after those taken have been done). */
static bool s_collect(zsock_t *pipe, spool_job_t **jobs, size_t *count)
{
    *count = 0;
    while (*count < JOBS_MAX && (*count == 0 || pbus_handoff_waits(pipe))) {
        void *job;
        char *command = pbus_handoff_recv(pipe, &job);
        if (!command)
            return false;
        bool is_job = streq(command, "JOB");
        zstr_free(&command);
        if (!is_job)
            return false;
        jobs[(*count)++] = job;
    }
    return true;
}

/*
 * Without a limit: a submitter that has more jobs at once than the pipes hold, and reads none meanwhile,
 * would wait for this thread, which would wait for it. What is submitted is bounded by what the dispatcher
 * has in flight.
 */
static void s_open_pipe(zsock_t *pipe)
{
    zsock_set_sndhwm(pipe, 0);
    zsock_set_rcvhwm(pipe, 0);
}

static void s_actor(zsock_t *pipe, void *args)
{
    spool_t *self = args;
    spool_job_t *jobs[JOBS_MAX];
    s_open_pipe(pipe);
    zsock_signal(pipe, 0);
    bool go_on = true;
    while (go_on) {
        size_t count;
        go_on = s_collect(pipe, jobs, &count);
        if (count)
            s_transaction(self, jobs, count);
        for (size_t i = 0; i < count; i++)
            if (pbus_handoff_send(pipe, "DONE", jobs[i]) != 0)
                spool_job_destroy(&jobs[i]);
    }
}

/* ---- opening ---- */

/* mkdir -p; the folder's mode keeps others out, as events may be kept in it. */
static int s_make_folder(const char *path)
{
    char *copy = strdup(path);
    int rc = copy ? 0 : -1;
    for (char *at = copy; rc == 0 && at && *at;) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char end = *at;
        *at = 0;
        if (mkdir(copy, 0750) != 0 && errno != EEXIST)
            rc = -1;
        *at = end;
    }
    free(copy);
    return rc;
}

static pbus_status_t s_lock(spool_t *self, pbus_error_t *error)
{
    char path[4096];
    if (s_make_folder(self->folder) != 0)
        return pbus_fail(error, PBUS_INVALID,
                         "Spool.Path: can't create folder %s: %s; choose another or its rights", self->folder,
                         strerror(errno));
    snprintf(path, sizeof path, "%s/lock", self->folder);
    self->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (self->lock < 0)
        return pbus_fail(error, PBUS_INVALID,
                         "Spool.Path: can't write in folder %s: %s; choose another or its rights",
                         self->folder, strerror(errno));
    if (flock(self->lock, LOCK_EX | LOCK_NB) != 0)
        return pbus_fail(
            error, PBUS_INVALID,
            "Spool.Path: folder %s is in use by another core-data: stop that one or choose another folder",
            self->folder);
    return PBUS_OK;
}

static int64_t s_pragma(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* Only a damaged file is to be moved away: with any other it would be a loss of what waits in it. */
static pbus_status_t s_unreadable(const spool_t *self, const char *path, pbus_error_t *error)
{
    int code = sqlite3_errcode(self->db);
    bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return pbus_fail(error, damaged ? PBUS_INVALID : PBUS_UNAVAILABLE, "spool %s can't be read: %s; %s", path,
                     sqlite3_errmsg(self->db),
                     damaged ? "move it away to start a new one" : "see that its disk works and has room");
}

/* *version_p is that of the file, 0 if it is new. */
static pbus_status_t s_check_file(spool_t *self, const char *path, int64_t *version_p, pbus_error_t *error)
{
    int64_t application = s_pragma(self->db, "PRAGMA application_id");
    int64_t version = s_pragma(self->db, "PRAGMA user_version");
    int64_t tables = s_pragma(self->db, "SELECT count(*) FROM sqlite_master");
    if (application < 0 || tables < 0)
        return s_unreadable(self, path, error);
    if (application != APPLICATION_ID && tables > 0)
        return pbus_fail(error, PBUS_INVALID, "%s is not a spool of core-data: choose another Spool.Path",
                         path);
    if (version > SCHEMA_VERSION)
        return pbus_fail(error, PBUS_INVALID,
                         "spool %s was made by a later core-data (schema %lld, this one knows %d)", path,
                         (long long) version, SCHEMA_VERSION);
    *version_p = tables ? version : 0;
    return PBUS_OK;
}

/* All or nothing, so that an interrupted start does not leave a spool that is neither old nor new. */
static bool s_make_tables(sqlite3 *db, int64_t version)
{
    char sql[200];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
             SCHEMA_VERSION);
    bool ok = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
              sqlite3_exec(db, s_schema, NULL, NULL, NULL) == SQLITE_OK;
    for (size_t i = 0; ok && version == 1 && i < sizeof s_upgrade / sizeof *s_upgrade; i++)
        ok = sqlite3_exec(db, s_upgrade[i], NULL, NULL, NULL) == SQLITE_OK;
    return ok && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static pbus_status_t s_open(spool_t *self, pbus_error_t *error)
{
    char path[4096];
    int64_t version = 0;
    snprintf(path, sizeof path, "%s/spool.sqlite", self->folder);
    if (sqlite3_open(path, &self->db) != SQLITE_OK)
        return pbus_fail(error, PBUS_INVALID, "spool %s can't be opened: %s", path, sqlite3_errmsg(self->db));
    pbus_status_t status = s_check_file(self, path, &version, error);
    if (status != PBUS_OK)
        return status;
    /* Space is given back as rows go; auto_vacuum has to be chosen before the first table is made. */
    if (sqlite3_exec(self->db,
                     "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                     NULL, NULL, NULL) != SQLITE_OK ||
        !s_make_tables(self->db, version))
        return pbus_fail(error, PBUS_INVALID, "spool %s can't be written: %s", path,
                         sqlite3_errmsg(self->db));
    return PBUS_OK;
}

/* ---- reading ---- */

/* Grows an array for one more element of this size, zeroed; NULL when memory is out. */
static void *s_grow(void **array, size_t *count, size_t size)
{
    char *grown = realloc(*array, (*count + 1) * size);
    if (!grown)
        return NULL;
    *array = grown;
    return memset(grown + (*count)++ * size, 0, size);
}

static void s_copy_name(char *to, size_t size, const unsigned char *from)
{
    snprintf(to, size, "%s", from ? (const char *) from : "");
}

static bool s_read_fact(spool_t *self, sqlite3_stmt *row)
{
    const char *name = (const char *) sqlite3_column_text(row, 0);
    if (name && streq(name, "floor"))
        self->floor = (uint64_t) sqlite3_column_int64(row, 1);
    else if (name && streq(name, "accepted"))
        self->accepted = true;
    return true;
}

static bool s_read_group(spool_t *self, sqlite3_stmt *row)
{
    spool_group_t *group = s_grow((void **) &self->groups, &self->group_count, sizeof *group);
    if (!group)
        return false;
    s_copy_name(group->name, sizeof group->name, sqlite3_column_text(row, 0));
    s_copy_name(group->backend, sizeof group->backend, sqlite3_column_text(row, 1));
    group->stale = sqlite3_column_int(row, 2);
    group->has_set = sqlite3_column_bytes(row, 3) == sizeof group->data_set.bytes;
    if (group->has_set)
        memcpy(group->data_set.bytes, sqlite3_column_blob(row, 3), sizeof group->data_set.bytes);
    group->acked = (uint64_t) sqlite3_column_int64(row, 4);
    s_copy_name(group->why, sizeof group->why, sqlite3_column_text(row, 5));
    group->preference = (uint64_t) sqlite3_column_int64(row, 6);
    group->retiring = sqlite3_column_int(row, 7);
    group->oldest = rows_oldest(self->rows, group->name);
    return rows_tell(self->rows, group->name, &group->events, &group->bytes);
}

static bool s_read_cut(spool_t *self, sqlite3_stmt *row)
{
    spool_cut_t *cut = s_grow((void **) &self->cuts, &self->cut_count, sizeof *cut);
    if (!cut)
        return false;
    const char *device = (const char *) sqlite3_column_text(row, 1);
    const char *source = (const char *) sqlite3_column_text(row, 2);
    cut->accept = (uint64_t) sqlite3_column_int64(row, 0);
    cut->device = device ? strdup(device) : NULL;
    cut->source = source ? strdup(source) : NULL;
    cut->origin_max = sqlite3_column_int64(row, 3);
    cut->lazy = sqlite3_column_int(row, 4);
    return (!device || cut->device) && (!source || cut->source);
}

static bool s_read_want(spool_t *self, sqlite3_stmt *row)
{
    char **want = s_grow((void **) &self->wants, &self->want_count, sizeof *want);
    const char *text = (const char *) sqlite3_column_text(row, 0);
    return want && text && (*want = strdup(text));
}

static bool s_read_redo(spool_t *self, sqlite3_stmt *row)
{
    spool_redo_t *redo = s_grow((void **) &self->redos, &self->redo_count, sizeof *redo);
    if (!redo)
        return false;
    s_copy_name(redo->name, sizeof redo->name, sqlite3_column_text(row, 0));
    if (sqlite3_column_bytes(row, 1) == sizeof redo->id.bytes)
        memcpy(redo->id.bytes, sqlite3_column_blob(row, 1), sizeof redo->id.bytes);
    redo->accept = (uint64_t) sqlite3_column_int64(row, 2);
    return true;
}

static bool s_read(spool_t *self, const char *sql, bool (*take)(spool_t *, sqlite3_stmt *))
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        rc = take(self, statement) ? SQLITE_OK : SQLITE_NOMEM;
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE;
}

static pbus_status_t s_read_all(spool_t *self, pbus_error_t *error)
{
    if (s_read(self, "SELECT name, value FROM facts", s_read_fact) &&
        s_read(self, "SELECT name, backend, stale, data_set, acked, why, preference, retiring FROM groups",
               s_read_group) &&
        s_read(self, "SELECT accept, device, source, origin_max, lazy FROM cuts ORDER BY accept",
               s_read_cut) &&
        s_read(self, "SELECT accept || ' ' || name FROM cut_runs", s_read_want) &&
        s_read(self, "SELECT name, id, accept FROM redos ORDER BY accept", s_read_redo) &&
        rows_tell(self->rows, "", &self->orphans, &self->orphan_bytes))
        return PBUS_OK;
    return s_unreadable(self, self->folder, error);
}

spool_t *spool_new(const char *path, uint64_t bytes_max, bool drop_oldest, pbus_log_t *log,
                   pbus_error_t *error)
{
    spool_t *self = calloc(1, sizeof *self);
    if (!self || !(self->folder = strdup(path))) {
        free(self);
        pbus_fail(error, PBUS_NOMEM, "out of memory while starting");
        return NULL;
    }
    self->log = log;
    self->lock = -1;
    pbus_status_t status = s_lock(self, error);
    if (status == PBUS_OK)
        status = s_open(self, error);
    if (status == PBUS_OK && !(self->rows = rows_new(self->db, bytes_max, drop_oldest)))
        status = s_unreadable(self, self->folder, error);
    if (status == PBUS_OK)
        status = s_read_all(self, error);
    if (status == PBUS_OK && !(self->actor = zactor_new(s_actor, self)))
        status = pbus_fail(error, PBUS_NOMEM, "no thread for the spool: %s", zmq_strerror(zmq_errno()));
    if (self->actor)
        s_open_pipe(zactor_sock(self->actor));
    if (status != PBUS_OK)
        spool_destroy(&self);
    return self;
}

spool_job_t *spool_wait(spool_t *self)
{
    if (!self->out)
        return NULL;
    void *job;
    char *command = pbus_handoff_recv(self->actor, &job);
    self->out--;
    zstr_free(&command);
    return job;
}

void spool_destroy(spool_t **self_p)
{
    spool_t *self = *self_p;
    if (!self)
        return;
    while (self->actor && self->out) {
        spool_job_t *job = spool_wait(self);
        spool_job_destroy(&job);
    }
    zactor_destroy(&self->actor);
    rows_destroy(&self->rows);
    sqlite3_close(self->db);
    if (self->lock >= 0)
        close(self->lock);
    for (size_t i = 0; i < self->cut_count; i++) {
        free(self->cuts[i].device);
        free(self->cuts[i].source);
    }
    for (size_t i = 0; i < self->want_count; i++)
        free(self->wants[i]);
    free(self->cuts);
    free(self->wants);
    free(self->redos);
    free(self->groups);
    free(self->folder);
    free(self);
    *self_p = NULL;
}

uint64_t spool_floor(const spool_t *self)
{
    return self->floor;
}

bool spool_accepted(const spool_t *self)
{
    return self->accepted;
}

size_t spool_groups(const spool_t *self, const spool_group_t **groups)
{
    *groups = self->groups;
    return self->group_count;
}

void spool_orphans(const spool_t *self, uint64_t *events, uint64_t *bytes)
{
    *events = self->orphans;
    *bytes = self->orphan_bytes;
}

size_t spool_cuts(const spool_t *self, const spool_cut_t **cuts)
{
    *cuts = self->cuts;
    return self->cut_count;
}

bool spool_cut_wants(const spool_t *self, size_t cut, const char *group)
{
    char want[100];
    snprintf(want, sizeof want, "%lld %s", (long long) self->cuts[cut].accept, group);
    for (size_t i = 0; i < self->want_count; i++)
        if (streq(self->wants[i], want))
            return true;
    return false;
}

size_t spool_redos(const spool_t *self, const spool_redo_t **redos)
{
    *redos = self->redos;
    return self->redo_count;
}

zsock_t *spool_done(spool_t *self)
{
    return zactor_sock(self->actor);
}

void spool_submit(spool_t *self, spool_job_t **job_p)
{
    if (pbus_handoff_send(self->actor, "JOB", *job_p) != 0) {
        pbus_log_error(self->log, "a job for the spool was lost: %s", zmq_strerror(zmq_errno()));
        spool_job_destroy(job_p);
    } else
        self->out++;
    *job_p = NULL;
}

spool_job_t *spool_take(spool_t *self)
{
    return self->out && pbus_handoff_waits(self->actor) ? spool_wait(self) : NULL;
}
