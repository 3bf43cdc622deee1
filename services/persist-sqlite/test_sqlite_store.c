/*
 * The store as a file: how it is made, refused, locked, filled up, damaged, taken away. The full disk needs a
 * file system of its own, which only root can mount: without that the test is skipped.
 */
#include "sqlite_testing.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- opening ---------------------------------------------------------------------------------------------
 */

static void s_expect_refusal(testing_t *self, pbus_status_t status, const char *said)
{
    assert_int_equal(testing_try_open(self), status);
    assert_null(self->writer);
    assert_int_equal(self->error.status, status);
    assert_null(strchr(self->error.text, '\n'));
    if (!strstr(self->error.text, said))
        fail_msg("'%s' does not say '%s'", self->error.text, said);
}

static void test_makes_folders(void **state)
{
    (void) state;
    testing_t self = testing_new();
    char path[200];
    snprintf(path, sizeof path, "%s/a/b/c.sqlite", self.folder);
    testing_configure(&self, "SQLITE_PATH", path);
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    assert_int_equal(access(path, R_OK), 0);
    testing_remove(&self);
}

static void test_bad_paths(void **state)
{
    (void) state;
    testing_t self = testing_new();
    char path[200];
    testing_configure(&self, "SQLITE_PATH", self.folder);
    s_expect_refusal(&self, PBUS_INVALID, "not a file");
    snprintf(path, sizeof path, "%s/", self.folder);
    testing_configure(&self, "SQLITE_PATH", path);
    s_expect_refusal(&self, PBUS_INVALID, "name a file");
    testing_configure(&self, "SQLITE_PATH", "/dev/null/x/y");
    s_expect_refusal(&self, PBUS_INVALID, "/dev/null");
    testing_remove(&self);
}

/* Not as root, who may write anywhere. */
static void test_unwritable_folder(void **state)
{
    (void) state;
    testing_t self = testing_new();
    bool root = geteuid() == 0;
    assert_int_equal(chmod(self.folder, 0555), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    s_expect_refusal(&self, PBUS_INVALID, self.path);
    assert_non_null(strstr(self.error.text, "SQLITE_PATH"));
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(self.folder, 0755), 0);
    testing_remove(&self);
}

/* flock tells open files apart, so a second open of this very process stands for another one. */
static void test_second_process(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    void *first = self.writer;
    self.writer = NULL;
    s_expect_refusal(&self, PBUS_INVALID, "in use by process");
    char link[200];
    snprintf(link, sizeof link, "%s/link", self.folder);
    assert_int_equal(symlink(self.path, link), 0);
    testing_configure(&self, "SQLITE_PATH", link); /* another name of the same file */
    s_expect_refusal(&self, PBUS_INVALID, "in use by process");
    sqlite_backend.close(&first);
    assert_int_equal(testing_try_open(&self), PBUS_OK);
    testing_remove(&self);
}

static void s_write_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, size, 0), size);
    close(fd);
}

static void test_foreign_database(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_sql(self.path, "CREATE TABLE precious (x); INSERT INTO precious VALUES (1)");
    s_expect_refusal(&self, PBUS_INVALID, "another program's database");
    testing_sql(self.path, "PRAGMA application_id = 77");
    s_expect_refusal(&self, PBUS_INVALID, "77");
    testing_sql(self.path, "INSERT INTO precious VALUES (2)"); /* as it was */
    testing_remove(&self);
}

static void test_newer_schema(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    testing_close(&self);
    testing_sql(self.path, "PRAGMA user_version = 2");
    s_expect_refusal(&self, PBUS_INVALID, "schema version 2");
    testing_sql(self.path, "PRAGMA user_version = 1");
    testing_open(&self);
    testing_remove(&self);
}

static void test_no_database(void **state)
{
    (void) state;
    static const char text[] =
        "This is a letter to my grandmother, not a database, but it is long enough to be "
        "taken for one, as SQLite looks at the first hundred bytes only.";
    char read[sizeof text];
    testing_t self = testing_new();
    s_write_file(self.path, text, sizeof text);
    s_expect_refusal(&self, PBUS_INTERNAL, "damaged");
    int fd = open(self.path, O_RDONLY);
    assert_int_equal(pread(fd, read, sizeof read, 0), sizeof read);
    close(fd);
    assert_memory_equal(read, text, sizeof text);
    testing_remove(&self);
}

static void s_make_simple(uint32_t i, pbus_event_t *event, pbus_reading_t *reading)
{
    *reading = testing_reading(PBUS_INT32, PBUS_STR("1"));
    *event = testing_event(i + 1, reading, 1);
    event->origin = reading->origin = i;
}

/* Garbage in the middle: an error for what cannot be read, and no crash. */
static void test_damaged_pages(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    testing_add_many(&self, 3000, s_make_simple);
    testing_close(&self);
    struct stat file;
    assert_int_equal(stat(self.path, &file), 0);
    char garbage[2048];
    memset(garbage, 0xa5, sizeof garbage);
    int fd = open(self.path, O_WRONLY);
    for (off_t at = 2048 * 30; at + 2048 < file.st_size; at += 2048)
        assert_int_equal(pwrite(fd, garbage, sizeof garbage, at), sizeof garbage);
    close(fd);
    pbus_status_t status = testing_try_open(&self);
    if (status == PBUS_OK) {
        testing_expect_ok(
            &self, sqlite_backend.open(&self.reader, self.config, self.log, PBUS_LANE_READ, &self.error));
        pbus_query_t query = testing_query(0, 3000);
        testing_reset(&self);
        status = sqlite_backend.list_events(self.reader, &query, self.result, &self.error);
    }
    assert_int_equal(status, PBUS_INTERNAL);
    assert_non_null(strstr(self.error.text, "damaged"));
    assert_non_null(strstr(self.error.text, self.path));
    testing_remove(&self);
}

/* A row that a person spoilt is reported, does not stop the others, and can be deleted. */
static void test_spoilt_row(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    testing_expect_ok(&self, testing_add_simple(&self, 2, 20, 2));
    testing_sql(self.path, "UPDATE events SET data = '[1' WHERE origin = 10");
    pbus_query_t query = testing_query(0, 1);
    assert_int_equal(testing_list(&self, PBUS_EVENTS, &query).count, 1);
    query.limit = 2;
    testing_reset(&self);
    assert_int_equal(sqlite_backend.list_events(self.reader, &query, self.result, &self.error),
                     PBUS_INTERNAL);
    assert_non_null(strstr(self.error.text, "01000000-0000-0000-0000-000000000000"));
    testing_expect_ok(&self, testing_delete(&self, testing_id(1), 3));
    assert_int_equal(testing_list(&self, PBUS_EVENTS, &query).count, 1);
    testing_remove(&self);
}

/* ---- while running ---------------------------------------------------------------------------------------
 */

static void test_file_removed(void **state)
{
    (void) state;
    testing_t self = testing_new();
    pbus_health_t health;
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    char aside[200];
    snprintf(aside, sizeof aside, "%s.aside", self.path);
    assert_int_equal(rename(self.path, aside), 0);
    assert_int_equal(testing_add_simple(&self, 2, 10, 2), PBUS_UNAVAILABLE);
    assert_non_null(strstr(self.error.text, "removed or replaced"));
    assert_int_equal(sqlite_backend.health(self.writer, &health, &self.error), PBUS_UNAVAILABLE);
    s_write_file(self.path, "x", 1); /* another file in its place */
    assert_int_equal(testing_add_simple(&self, 2, 10, 2), PBUS_UNAVAILABLE);
    assert_int_equal(rename(aside, self.path), 0);
    testing_expect_ok(&self, sqlite_backend.health(self.writer, &health, &self.error));
    testing_expect_ok(&self, testing_add_simple(&self, 2, 10, 2));
    testing_remove(&self);
}

static void test_locked_by_a_shell(void **state)
{
    (void) state;
    testing_t self = testing_new();
    pbus_health_t health;
    sqlite3 *shell;
    testing_open(&self);
    assert_int_equal(sqlite3_open(self.path, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(testing_add_simple(&self, 1, 10, 1), PBUS_UNAVAILABLE);
    assert_non_null(strstr(self.error.text, "locked"));
    assert_int_equal(sqlite_backend.health(self.writer, &health, &self.error), PBUS_UNAVAILABLE);
    sqlite3_close(shell);
    testing_expect_ok(&self, sqlite_backend.health(self.writer, &health, &self.error));
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    testing_remove(&self);
}

/* A file system of 3 MB, in a mount namespace of this process; false if that is not allowed. */
static bool s_mount_small(const char *folder)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, "size=3m") == 0;
}

/* Batches of 50, each of a new source, until one fails; *acknowledged: how many events were taken. */
static pbus_status_t s_fill_up(testing_t *self, uint32_t *acknowledged)
{
    pbus_reading_t reading =
        testing_reading(PBUS_STRING, PBUS_STR("a value of some length, to fill the disk sooner"));
    for (;;) {
        pbus_buf_t data[50] = {0};
        pbus_write_t writes[50];
        char source[16];
        snprintf(source, sizeof source, "s%u", *acknowledged);
        for (uint32_t i = 0; i < 50; i++) {
            pbus_event_t event = testing_event((*acknowledged + i) * 2654435761u, &reading, 1);
            event.source = pbus_str(source);
            pbus_event_encode(&event, &data[i]);
            writes[i] = (pbus_write_t){.op = PBUS_ADD,
                                       .accept = *acknowledged + i + 1,
                                       .id = event.id,
                                       .data = data[i].data,
                                       .size = data[i].size};
        }
        pbus_status_t status = sqlite_backend.write(self->writer, writes, 50, &self->error);
        for (uint32_t i = 0; i < 50; i++)
            pbus_buf_clear(&data[i]);
        if (status != PBUS_OK)
            return status;
        *acknowledged += 50;
    }
}

static void test_full_disk(void **state)
{
    (void) state;
    uint32_t acknowledged = 0;
    pbus_health_t health;
    pbus_filter_t any = pbus_filter_any();
    char filler[200];
    testing_t self = testing_new();
    if (!s_mount_small(self.folder)) {
        testing_remove(&self);
        skip();
    }
    char *megabyte = calloc(1, 1 << 20);
    snprintf(filler, sizeof filler, "%s/filler", self.folder);
    s_write_file(filler, megabyte, 1 << 20);
    free(megabyte);
    testing_open(&self);

    assert_int_equal(s_fill_up(&self, &acknowledged), PBUS_FULL);
    assert_non_null(strstr(self.error.text, "no room"));
    assert_true(acknowledged > 0);
    assert_int_equal(testing_count(&self, PBUS_EVENTS, &any), acknowledged);
    assert_int_equal(sqlite_backend.health(self.writer, &health, &self.error), PBUS_FULL);

    assert_int_equal(unlink(filler), 0);
    testing_expect_ok(&self, sqlite_backend.health(self.writer, &health, &self.error));
    uint32_t before = acknowledged;
    assert_int_equal(s_fill_up(&self, &acknowledged), PBUS_FULL);
    assert_true(acknowledged > before);
    assert_int_equal(testing_count(&self, PBUS_EVENTS, &any), acknowledged);
    testing_close(&self);
    testing_open(&self);
    assert_int_equal(testing_count(&self, PBUS_EVENTS, &any), acknowledged);
    /* The series of the batch that failed came with it when it was sent again. */
    testing_expect_sql(self.path,
                       "SELECT count(*) FROM events WHERE series NOT IN (SELECT series FROM series)", "0\n");
    testing_close(&self);
    assert_int_equal(umount(self.folder), 0);
    testing_remove(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makes_folders),     cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_unwritable_folder), cmocka_unit_test(test_second_process),
        cmocka_unit_test(test_foreign_database),  cmocka_unit_test(test_newer_schema),
        cmocka_unit_test(test_no_database),       cmocka_unit_test(test_damaged_pages),
        cmocka_unit_test(test_spoilt_row),        cmocka_unit_test(test_file_removed),
        cmocka_unit_test(test_locked_by_a_shell), cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
