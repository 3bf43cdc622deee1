/*
 * The spool's file: what a new start finds in it, one of a former version, groups that are forgotten.
 */
#include <czmq.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "spool.h"

#define LIMIT (16 * 1024 * 1024)

typedef struct {
    char folder[64];
    pbus_log_t *log;
    spool_t *spool;
} fixture_t;

static void s_open(fixture_t *self)
{
    pbus_error_t error = {0};
    self->spool = spool_new(self->folder, LIMIT, false, self->log, &error);
    if (!self->spool)
        fail_msg("%s", error.text);
}

static void s_reopen(fixture_t *self)
{
    spool_destroy(&self->spool);
    s_open(self);
}

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    if (!self)
        return -1;
    zsys_handler_set(NULL);
    strcpy(self->folder, "/tmp/spool-XXXXXX");
    if (!mkdtemp(self->folder))
        return -1;
    self->log = pbus_log_new("test");
    *state = self;
    return 0;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    spool_destroy(&self->spool);
    pbus_log_destroy(&self->log);
    zdir_t *folder = zdir_new(self->folder, NULL);
    if (folder)
        zdir_remove(folder, true);
    zdir_destroy(&folder);
    free(self);
    return 0;
}

/* Has the job done; the caller destroys it. */
static spool_job_t *s_do(fixture_t *self, spool_job_t *job)
{
    spool_submit(self->spool, &job);
    return spool_wait(self->spool);
}

static pbus_status_t s_status(fixture_t *self, spool_job_t *job)
{
    job = s_do(self, job);
    pbus_status_t status = job->status;
    spool_job_destroy(&job);
    return status;
}

static spool_job_t *s_job(spool_kind_t kind, const char *name)
{
    spool_job_t *job = spool_job_new(kind);
    assert_non_null(job);
    snprintf(job->name, sizeof job->name, "%s", name);
    return job;
}

static pbus_status_t s_put(fixture_t *self, const char *name, uint64_t accept, bool sole)
{
    spool_job_t *job = s_job(SPOOL_PUT, name);
    job->row = (spool_row_t){.accept = accept, .op = 2, .id = {{(uint8_t) accept}}};
    job->sole = sole;
    return s_status(self, job);
}

static pbus_status_t s_save(fixture_t *self, const spool_group_t *group)
{
    spool_job_t *job = s_job(SPOOL_GROUP, group->name);
    job->group = *group;
    return s_status(self, job);
}

/* Forgets in as many steps as it takes; returns how many, 0 if it is refused. */
static size_t s_forget(fixture_t *self, const char *name, bool force)
{
    bool more = true;
    size_t steps = 0;
    for (; more; steps++) {
        spool_job_t *job = s_job(SPOOL_FORGET, name);
        job->force = force || steps;
        job = s_do(self, job);
        more = job->status == PBUS_OK && job->more;
        pbus_status_t status = job->status;
        spool_job_destroy(&job);
        if (status != PBUS_OK) {
            assert_int_equal(status, PBUS_CONFLICT);
            return 0;
        }
    }
    return steps;
}

static void s_test_groups(void **state)
{
    fixture_t *self = *state;
    const spool_group_t *found;
    spool_group_t group = {.name = "one",
                           .backend = "b",
                           .stale = true,
                           .why = "it's late",
                           .preference = 7,
                           .retiring = true,
                           .acked = 512};
    s_open(self);
    assert_int_equal(s_save(self, &group), PBUS_OK);
    assert_int_equal(s_put(self, "one", 256, true), PBUS_OK);
    assert_int_equal(s_put(self, "one", 1024, true), PBUS_OK);
    s_reopen(self);
    assert_int_equal(spool_groups(self->spool, &found), 1);
    assert_string_equal(found->name, "one");
    assert_string_equal(found->why, "it's late");
    assert_int_equal(found->preference, 7);
    assert_true(found->stale && found->retiring);
    assert_int_equal(found->acked, 512);
    assert_int_equal(found->events, 2);
    assert_int_equal(found->oldest, 256);
}

/* A file of version 1 keeps what it has, and takes what is new. */
static void s_test_version_1(void **state)
{
    static const char sql[] =
        "PRAGMA application_id = 0x70627370; PRAGMA user_version = 1;"
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO facts VALUES ('floor', 4096);"
        "CREATE TABLE groups (name TEXT PRIMARY KEY, backend TEXT NOT NULL, stale INTEGER NOT NULL,"
        " data_set BLOB, acked INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO groups VALUES ('one', 'b', 1, NULL, 512);";
    fixture_t *self = *state;
    const spool_group_t *found;
    char path[100];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/spool.sqlite", self->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    s_open(self);
    assert_int_equal(spool_floor(self->spool), 4096);
    assert_int_equal(spool_groups(self->spool, &found), 1);
    assert_true(found->stale && !found->retiring && !found->preference && !*found->why);
    assert_int_equal(found->acked, 512);
    spool_group_t group = *found;
    group.preference = 3;
    assert_int_equal(s_save(self, &group), PBUS_OK);
    s_reopen(self);
    assert_int_equal(spool_groups(self->spool, &found), 1);
    assert_int_equal(found->preference, 3);
}

static void s_test_redos(void **state)
{
    fixture_t *self = *state;
    const spool_redo_t *found;
    s_open(self);
    for (uint64_t i = 1; i <= 3; i++) {
        spool_job_t *job = s_job(SPOOL_REDO, i == 3 ? "two" : "one");
        job->row.id.bytes[15] = (uint8_t) i;
        job->row.accept = i * 256;
        assert_int_equal(s_status(self, job), PBUS_OK);
    }
    spool_job_t *job = s_job(SPOOL_REDONE, "one");
    job->row.id.bytes[15] = 1;
    assert_int_equal(s_status(self, job), PBUS_OK);
    assert_int_equal(s_forget(self, "two", false), 1);
    s_reopen(self);
    assert_int_equal(spool_redos(self->spool, &found), 1);
    assert_string_equal(found->name, "one");
    assert_int_equal(found->id.bytes[15], 2);
    assert_int_equal(found->accept, 512);
}

/* A write is a sole copy for as long as no store has it and no other group waits for it. */
static void s_test_forget(void **state)
{
    fixture_t *self = *state;
    const spool_group_t *found;
    spool_group_t one = {.name = "one", .backend = "b"}, two = {.name = "two", .backend = "b"};
    s_open(self);
    assert_int_equal(s_save(self, &one), PBUS_OK);
    assert_int_equal(s_save(self, &two), PBUS_OK);
    assert_int_equal(s_put(self, "one", 256, true), PBUS_OK);
    assert_int_equal(s_put(self, "two", 256, true), PBUS_OK);
    assert_int_equal(s_put(self, "one", 512, false), PBUS_OK);
    assert_int_equal(s_forget(self, "one", false), 1);
    assert_int_equal(s_forget(self, "two", false), 0);
    s_reopen(self);
    assert_int_equal(spool_groups(self->spool, &found), 1);
    assert_string_equal(found->name, "two");
    assert_int_equal(found->events, 1);
    assert_false(found->stale);
    assert_int_equal(s_forget(self, "two", true), 1);
    s_reopen(self);
    assert_int_equal(spool_groups(self->spool, &found), 0);
}

/*
 * In the middle of it the group is one that is being retired and lacks something. On the way there more jobs
 * are submitted at once than the pipes between threads hold.
 */
static void s_test_forget_in_steps(void **state)
{
    fixture_t *self = *state;
    const spool_group_t *found;
    spool_group_t one = {.name = "one", .backend = "b"};
    s_open(self);
    assert_int_equal(s_save(self, &one), PBUS_OK);
    for (uint64_t i = 1; i <= 12000; i++) {
        spool_job_t *job = s_job(SPOOL_PUT, "one");
        job->row = (spool_row_t){.accept = i, .op = 2};
        spool_submit(self->spool, &job);
    }
    spool_job_t *job;
    while ((job = spool_wait(self->spool)))
        spool_job_destroy(&job);
    job = s_do(self, s_job(SPOOL_FORGET, "one"));
    assert_int_equal(job->status, PBUS_OK);
    assert_true(job->more);
    spool_job_destroy(&job);
    s_reopen(self);
    assert_int_equal(spool_groups(self->spool, &found), 1);
    assert_true(found->stale && found->retiring);
    assert_int_equal(found->events, 7000);
    assert_int_equal(s_forget(self, "one", false), 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(s_test_groups), TEST(s_test_version_1), TEST(s_test_redos),
                                       TEST(s_test_forget), TEST(s_test_forget_in_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
