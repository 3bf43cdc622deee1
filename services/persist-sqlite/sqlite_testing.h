/*
 * What the tests of persist-sqlite share, besides what all backends' tests do (common/testkit/testing.h).
 */
#ifndef SQLITE_TESTING_H
#define SQLITE_TESTING_H

#include "sqlite_backend.h"

#include "../../common/testkit/testing.h"

#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

/* ---- a store ---- */

/* A folder for a store that is not open yet. */
static inline testing_t testing_new(void)
{
    char folder[] = "/tmp/persist-sqlite-XXXXXX", path[sizeof folder + 16];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store.sqlite", folder);
    testing_t self = testing_make(&sqlite_backend, "SQLITE_PATH", path);
    snprintf(self.folder, sizeof self.folder, "%s", folder);
    snprintf(self.path, sizeof self.path, "%s", path);
    return self;
}

/* With the folder. */
static inline void testing_remove(testing_t *self)
{
    char command[128];
    testing_destroy(self);
    snprintf(command, sizeof command, "rm -rf %s", self->folder);
    assert_int_equal(system(command), 0);
}

/* Runs SQL on the store by a connection of its own. */
static inline void testing_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

/* ---- writes ---- */

/* Many adds in batches of at most 500, each of which has to succeed. make fills in event i. */
static inline void testing_add_many(testing_t *self, uint32_t count,
                                    void (*make)(uint32_t i, pbus_event_t *event, pbus_reading_t *reading))
{
    enum { BATCH = 500 };
    pbus_buf_t data[BATCH] = {0};
    pbus_write_t writes[BATCH];
    for (uint32_t done = 0; done < count;) {
        uint32_t size = 0;
        for (; size < BATCH && done < count; size++, done++) {
            pbus_reading_t reading;
            pbus_event_t event = {.readings = &reading, .reading_count = 1};
            make(done, &event, &reading);
            pbus_buf_reset(&data[size]);
            pbus_event_encode(&event, &data[size]);
            writes[size] = (pbus_write_t){.op = PBUS_ADD,
                                          .accept = done + 1,
                                          .id = event.id,
                                          .data = data[size].data,
                                          .size = data[size].size};
        }
        testing_expect_ok(self, sqlite_backend.write(self->writer, writes, size, &self->error));
        for (uint32_t i = 0; i < size; i++)
            assert_int_equal(writes[i].status, PBUS_OK);
    }
    for (uint32_t i = 0; i < BATCH; i++)
        pbus_buf_clear(&data[i]);
}

/* ---- events ---- */

static inline pbus_uuid_t testing_id(uint32_t number)
{
    pbus_uuid_t id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

static inline pbus_reading_t testing_reading(pbus_type_t type, pbus_str_t value)
{
    return (pbus_reading_t){.origin = 1000,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .resource = PBUS_STR("r"),
                            .type = type,
                            .units = PBUS_STR(""),
                            .tags = PBUS_STR(""),
                            .value = value,
                            .media_type = PBUS_STR("")};
}

static inline pbus_event_t testing_event(uint32_t id, const pbus_reading_t *readings, size_t count)
{
    return (pbus_event_t){.id = testing_id(id),
                          .origin = 1000,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .tags = PBUS_STR(""),
                          .readings = readings,
                          .reading_count = count};
}

static inline pbus_status_t testing_add_simple(testing_t *self, uint32_t id, int64_t origin, uint64_t accept)
{
    pbus_reading_t reading = testing_reading(PBUS_INT32, PBUS_STR("1"));
    pbus_event_t event = testing_event(id, &reading, 1);
    event.origin = reading.origin = origin;
    return testing_add(self, &event, accept);
}

static inline void testing_expect_sql(const char *path, const char *sql, const char *expected)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    pbus_buf_t out = {0};
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *text = (const char *) sqlite3_column_text(statement, i);
            pbus_buf_printf(&out, "%s%s", i ? "|" : "", text ? text : "-");
        }
        pbus_buf_puts(&out, "\n");
    }
    pbus_buf_append(&out, "", 1);
    assert_string_equal((char *) out.data, expected);
    pbus_buf_clear(&out);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

#endif
