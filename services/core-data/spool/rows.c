#include "rows.h"

#include <stdlib.h>

#define ROW_OVERHEAD 100      /* bytes that a row costs beside its event */
#define VACUUM_PAGES 256      /* given back at a time, when so many are free */
#define FORGET_AT_ONCE "5000" /* rows of a forgotten group that go in one step */
#define DROP_AT_ONCE "1000"   /* rows dropped in one step when the oldest have to make room, at most */
#define DROP_SHARE 64         /* of the limit is freed in one step */

typedef enum {
    PUT_WRITE,
    PUT_PENDING,
    COVER,
    FETCH,
    DROP,
    COUNT,
    ADOPT,
    LOST_COVERED,
    DROP_COVERED,
    LOST_OLDEST,
    DROP_OLDEST,
    LOST_EXPIRED,
    DROP_EXPIRED,
    SUM,
    OLDEST,
    SOLE,
    FORGET,
    STATEMENTS
} s_statement_t;

/* A write without pending rows is taken out by the trigger, so that no path can forget it. */
static const char s_schema[] = "CREATE TABLE IF NOT EXISTS writes (accept INTEGER PRIMARY KEY, op INTEGER "
                               "NOT NULL, id BLOB NOT NULL, event BLOB,"
                               " bytes INTEGER NOT NULL, put INTEGER NOT NULL, sole INTEGER NOT NULL);"
                               "CREATE TABLE IF NOT EXISTS pending (name TEXT NOT NULL, accept INTEGER NOT "
                               "NULL, PRIMARY KEY (name, accept))"
                               " WITHOUT ROWID;"
                               "CREATE INDEX IF NOT EXISTS pending_accept ON pending (accept);"
                               "CREATE TRIGGER IF NOT EXISTS pending_gone AFTER DELETE ON pending"
                               " WHEN NOT EXISTS (SELECT 1 FROM pending WHERE accept = OLD.accept)"
                               " BEGIN DELETE FROM writes WHERE accept = OLD.accept; END;";

/* Those of the oldest that together have ?1 bytes. */
#define OLDEST_ROWS                                                                                          \
    "SELECT accept FROM (SELECT accept, sum(bytes) OVER (ORDER BY accept) - bytes AS before FROM"            \
    " (SELECT accept, bytes FROM writes ORDER BY accept LIMIT " DROP_AT_ONCE ")) WHERE before < ?1"
#define EXPIRED "SELECT accept FROM writes WHERE put < CASE sole WHEN 0 THEN ?1 ELSE ?2 END"
#define LOSSES "SELECT name, count(*), sum(bytes) FROM pending JOIN writes USING (accept) WHERE "

static const char *const s_sql[STATEMENTS] = {
    [PUT_WRITE] = "INSERT OR IGNORE INTO writes VALUES (?, ?, ?, ?, ?, ?, ?)",
    [PUT_PENDING] = "INSERT OR IGNORE INTO pending VALUES (?, ?)",
    [COVER] = "UPDATE writes SET sole = 0 WHERE accept = ?",
    [FETCH] =
        "SELECT accept, op, id, event FROM pending JOIN writes USING (accept) WHERE name = ? ORDER BY accept"
        " LIMIT ?",
    [DROP] = "DELETE FROM pending WHERE name = ? AND accept = ?",
    [COUNT] =
        "SELECT count(*), coalesce(sum(bytes), 0) FROM pending JOIN writes USING (accept) WHERE name = ?",
    [ADOPT] = "UPDATE OR REPLACE pending SET name = ? WHERE name = ''",
    [LOST_COVERED] = LOSSES "sole = 0 GROUP BY name",
    [DROP_COVERED] = "DELETE FROM pending WHERE accept IN (SELECT accept FROM writes WHERE sole = 0)",
    [LOST_OLDEST] = LOSSES "accept IN (" OLDEST_ROWS ") GROUP BY name",
    [DROP_OLDEST] = "DELETE FROM pending WHERE accept IN (" OLDEST_ROWS ")",
    [LOST_EXPIRED] = LOSSES "accept IN (" EXPIRED ") GROUP BY name",
    [DROP_EXPIRED] = "DELETE FROM pending WHERE accept IN (" EXPIRED ")",
    [SUM] = "SELECT coalesce(sum(bytes), 0) FROM writes",
    [OLDEST] = "SELECT coalesce(min(accept), 0) FROM pending WHERE name = ?",
    [SOLE] = "SELECT EXISTS (SELECT 1 FROM pending AS mine JOIN writes USING (accept) WHERE name = ?1 AND "
             "sole <> 0"
             " AND NOT EXISTS (SELECT 1 FROM pending AS other WHERE other.accept = mine.accept AND "
             "other.name <> ?1))",
    [FORGET] = "DELETE FROM pending WHERE name = ?1 AND accept IN"
               " (SELECT accept FROM pending WHERE name = ?1 ORDER BY accept LIMIT " FORGET_AT_ONCE ")",
};

struct rows {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    uint64_t bytes_max;
    bool drop_oldest;
    uint64_t bytes; /* of all writes; an upper bound inside a transaction */
};

size_t spool_row_size(const spool_row_t *row)
{
    return row->event.size + ROW_OVERHEAD;
}

static bool s_sum(rows_t *self)
{
    sqlite3_stmt *sum = self->statements[SUM];
    bool ok = sqlite3_step(sum) == SQLITE_ROW;
    if (ok)
        self->bytes = (uint64_t) sqlite3_column_int64(sum, 0);
    sqlite3_reset(sum);
    return ok;
}

rows_t *rows_new(sqlite3 *db, uint64_t bytes_max, bool drop_oldest)
{
    rows_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->db = db;
    self->bytes_max = bytes_max;
    self->drop_oldest = drop_oldest;
    int rc = sqlite3_exec(db, s_schema, NULL, NULL, NULL);
    for (int i = 0; rc == SQLITE_OK && i < STATEMENTS; i++)
        if (s_sql[i])
            rc = sqlite3_prepare_v2(db, s_sql[i], -1, &self->statements[i], NULL);
    if (rc != SQLITE_OK || !s_sum(self))
        rows_destroy(&self);
    return self;
}

void rows_destroy(rows_t **self_p)
{
    if (!*self_p)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*self_p)->statements[i]);
    free(*self_p);
    *self_p = NULL;
}

/* Runs a statement that gives no rows, whose parameters are bound. */
static int s_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

bool rows_tell(rows_t *self, const char *name, uint64_t *events, uint64_t *bytes)
{
    sqlite3_stmt *count = self->statements[COUNT];
    sqlite3_bind_text(count, 1, name, -1, SQLITE_STATIC);
    bool ok = sqlite3_step(count) == SQLITE_ROW;
    if (ok) {
        *events = (uint64_t) sqlite3_column_int64(count, 0);
        *bytes = (uint64_t) sqlite3_column_int64(count, 1);
    }
    sqlite3_reset(count);
    return ok;
}

uint64_t rows_oldest(rows_t *self, const char *name)
{
    sqlite3_stmt *oldest = self->statements[OLDEST];
    sqlite3_bind_text(oldest, 1, name, -1, SQLITE_STATIC);
    uint64_t accept = sqlite3_step(oldest) == SQLITE_ROW ? (uint64_t) sqlite3_column_int64(oldest, 0) : 0;
    sqlite3_reset(oldest);
    return accept;
}

/* Adds to what a job tells of losses; the same group may come more than once. */
static int s_tell_loss(spool_job_t *job, const char *name, uint64_t events, uint64_t bytes)
{
    spool_loss_t *losses = realloc(job->losses, (job->loss_count + 1) * sizeof *losses);
    if (!losses)
        return SQLITE_NOMEM;
    job->losses = losses;
    spool_loss_t *loss = &losses[job->loss_count++];
    *loss = (spool_loss_t){.events = events, .bytes = bytes};
    snprintf(loss->name, sizeof loss->name, "%s", name ? name : "");
    return SQLITE_OK;
}

/* Tells what the second statement will delete, then deletes it. Both take the same parameters, none or two.
 */
static int s_lose(rows_t *self, spool_job_t *job, s_statement_t tell, s_statement_t drop)
{
    sqlite3_stmt *select = self->statements[tell];
    int rc;
    while ((rc = sqlite3_step(select)) == SQLITE_ROW)
        if (s_tell_loss(job, (const char *) sqlite3_column_text(select, 0),
                        (uint64_t) sqlite3_column_int64(select, 1),
                        (uint64_t) sqlite3_column_int64(select, 2)) != SQLITE_OK) {
            sqlite3_reset(select);
            return SQLITE_NOMEM;
        }
    sqlite3_reset(select);
    if (rc == SQLITE_DONE)
        rc = s_run(self->statements[drop]);
    for (size_t i = 0; i < job->loss_count; i++)
        job->losses[i].oldest = rows_oldest(self, job->losses[i].name);
    return rc == SQLITE_OK && !s_sum(self) ? SQLITE_ERROR : rc;
}

/* Frees what is needed and a little more, so that not each row that comes has to make its own room. */
static int s_lose_oldest(rows_t *self, spool_job_t *job, size_t need)
{
    uint64_t excess = self->bytes + need - self->bytes_max + self->bytes_max / DROP_SHARE;
    sqlite3_bind_int64(self->statements[LOST_OLDEST], 1, (int64_t) excess);
    sqlite3_bind_int64(self->statements[DROP_OLDEST], 1, (int64_t) excess);
    return s_lose(self, job, LOST_OLDEST, DROP_OLDEST);
}

/* Makes room for a row, as the head of spool.h says; job->status tells if there is none. */
static int s_make_room(rows_t *self, spool_job_t *job)
{
    size_t need = spool_row_size(&job->row);
    int rc = SQLITE_OK;
    if (self->bytes + need <= self->bytes_max)
        return rc;
    rc = s_lose(self, job, LOST_COVERED, DROP_COVERED);
    while (rc == SQLITE_OK && job->sole && self->drop_oldest && self->bytes > 0 &&
           self->bytes + need > self->bytes_max)
        rc = s_lose_oldest(self, job, need);
    if (rc == SQLITE_OK && self->bytes + need > self->bytes_max)
        job->status = pbus_fail(&job->error, PBUS_FULL, "the spool is full (%llu bytes, Spool.MaxSize)",
                                (unsigned long long) self->bytes);
    return rc;
}

int rows_put(rows_t *self, spool_job_t *job)
{
    const spool_row_t *row = &job->row;
    int rc = s_make_room(self, job);
    if (rc != SQLITE_OK || job->status != PBUS_OK)
        return rc;
    sqlite3_stmt *put = self->statements[PUT_WRITE];
    sqlite3_bind_int64(put, 1, (int64_t) row->accept);
    sqlite3_bind_int64(put, 2, row->op);
    sqlite3_bind_blob(put, 3, row->id.bytes, sizeof row->id.bytes, SQLITE_STATIC);
    if (row->event.size)
        sqlite3_bind_blob64(put, 4, row->event.data, row->event.size, SQLITE_STATIC);
    sqlite3_bind_int64(put, 5, (int64_t) spool_row_size(row));
    sqlite3_bind_int64(put, 6, pbus_clock_realtime());
    sqlite3_bind_int64(put, 7, job->sole);
    rc = s_run(put);
    if (rc == SQLITE_OK && sqlite3_changes(self->db))
        self->bytes += spool_row_size(row);
    sqlite3_stmt *pending = self->statements[PUT_PENDING];
    sqlite3_bind_text(pending, 1, job->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(pending, 2, (int64_t) row->accept);
    return rc == SQLITE_OK ? s_run(pending) : rc;
}

int rows_cover(rows_t *self, uint64_t accept)
{
    sqlite3_bind_int64(self->statements[COVER], 1, (int64_t) accept);
    return s_run(self->statements[COVER]);
}

static int s_take_row(sqlite3_stmt *select, spool_row_t *row)
{
    row->accept = (uint64_t) sqlite3_column_int64(select, 0);
    row->op = (unsigned) sqlite3_column_int(select, 1);
    if (sqlite3_column_bytes(select, 2) == sizeof row->id.bytes)
        memcpy(row->id.bytes, sqlite3_column_blob(select, 2), sizeof row->id.bytes);
    int size = sqlite3_column_bytes(select, 3);
    if (size)
        pbus_buf_append(&row->event, sqlite3_column_blob(select, 3), (size_t) size);
    return row->event.failed ? SQLITE_NOMEM : SQLITE_OK;
}

int rows_fetch(rows_t *self, spool_job_t *job)
{
    sqlite3_stmt *select = self->statements[FETCH];
    size_t bytes = 0;
    int rc = SQLITE_OK;
    job->rows = calloc(job->limit, sizeof *job->rows);
    if (!job->rows)
        return SQLITE_NOMEM;
    sqlite3_bind_text(select, 1, job->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 2, (int64_t) job->limit + 1);
    int step = SQLITE_DONE;
    while (rc == SQLITE_OK && (step = sqlite3_step(select)) == SQLITE_ROW) {
        size_t size = (size_t) sqlite3_column_bytes(select, 3);
        job->more = job->row_count == job->limit || (job->row_count > 0 && bytes + size > job->limit_bytes);
        if (job->more)
            break;
        bytes += size;
        rc = s_take_row(select, &job->rows[job->row_count++]);
    }
    sqlite3_reset(select);
    return rc != SQLITE_OK || step == SQLITE_DONE || job->more ? rc : step;
}

int rows_drop(rows_t *self, spool_job_t *job)
{
    sqlite3_stmt *drop = self->statements[DROP];
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < job->row_count; i++) {
        sqlite3_bind_text(drop, 1, job->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(drop, 2, (int64_t) job->rows[i].accept);
        rc = s_run(drop);
        if (rc == SQLITE_OK && job->covered)
            rc = rows_cover(self, job->rows[i].accept);
    }
    job->oldest = rows_oldest(self, job->name);
    return rc == SQLITE_OK && !s_sum(self) ? SQLITE_ERROR : rc;
}

int rows_adopt(rows_t *self, spool_job_t *job)
{
    uint64_t events, bytes;
    if (!rows_tell(self, "", &events, &bytes))
        return SQLITE_ERROR;
    int rc = s_tell_loss(job, job->name, events, bytes);
    sqlite3_bind_text(self->statements[ADOPT], 1, job->name, -1, SQLITE_STATIC);
    rc = rc == SQLITE_OK ? s_run(self->statements[ADOPT]) : rc;
    if (rc == SQLITE_OK)
        job->losses[0].oldest = rows_oldest(self, job->name);
    return rc;
}

/* Whether something waits for this group alone that no store has. */
static int s_check_sole(rows_t *self, spool_job_t *job)
{
    sqlite3_stmt *sole = self->statements[SOLE];
    sqlite3_bind_text(sole, 1, job->name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(sole);
    if (rc == SQLITE_ROW && sqlite3_column_int(sole, 0))
        job->status =
            pbus_fail(&job->error, PBUS_CONFLICT,
                      "what waits for group %s is stored nowhere else: start a worker of it, or use force "
                      "to lose that",
                      job->name);
    sqlite3_reset(sole);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int rows_forget(rows_t *self, spool_job_t *job)
{
    int rc = job->force ? SQLITE_OK : s_check_sole(self, job);
    if (rc != SQLITE_OK || job->status != PBUS_OK)
        return rc;
    sqlite3_stmt *forget = self->statements[FORGET];
    sqlite3_bind_text(forget, 1, job->name, -1, SQLITE_STATIC);
    rc = s_run(forget);
    job->more = rows_oldest(self, job->name) != 0;
    return rc == SQLITE_OK && !s_sum(self) ? SQLITE_ERROR : rc;
}

int rows_expire(rows_t *self, spool_job_t *job)
{
    const s_statement_t both[] = {LOST_EXPIRED, DROP_EXPIRED};
    for (int i = 0; i < 2; i++) {
        sqlite3_bind_int64(self->statements[both[i]], 1, job->put_before);
        sqlite3_bind_int64(self->statements[both[i]], 2, job->sole_before);
    }
    return s_lose(self, job, LOST_EXPIRED, DROP_EXPIRED);
}

void rows_settle(rows_t *self, bool committed)
{
    sqlite3_stmt *statement = NULL;
    int64_t free_pages = 0;
    if (!committed)
        s_sum(self);
    if (sqlite3_prepare_v2(self->db, "PRAGMA freelist_count", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        free_pages = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    /* A fault here loses nothing: the pages stay free inside the file. */
    if (free_pages >= VACUUM_PAGES)
        sqlite3_exec(self->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL);
}
