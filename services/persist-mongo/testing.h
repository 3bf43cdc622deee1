/*
 * What the tests of persist-mongo share: a server of their own (tests/support/mongo.sh), a store in a
 * database of its own, events made by chance from a seed that is printed, and answers read back as the SDK
 * would. Tests alone look behind the SDK's public headers.
 */
#ifndef PERSIST_MONGO_TESTING_H
#define PERSIST_MONGO_TESTING_H

#include "mongo_backend.h"
#include "store.h"

#include "../../common/src/answer.h"
#include "../../common/src/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a server ----------------------------------------------------------------------------------- */

typedef struct {
    char folder[64];
    char uri[400];
    char what[80];
} testing_server_t;

/* Runs mongo.sh; takes the lines it prints. Returns its exit status. */
static inline int testing_server_run(testing_server_t *self, const char *action)
{
    char command[200], line[400];
    snprintf(command, sizeof command, "tests/support/mongo.sh %s %s", action, self->folder);
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return -1;
    for (int i = 0; fgets(line, sizeof line, pipe); i++) {
        line[strcspn(line, "\n")] = '\0';
        if (i == 0 && strncmp(line, "mongodb", 7) == 0)
            snprintf(self->uri, sizeof self->uri, "%s", line);
        else if (i == 1)
            snprintf(self->what, sizeof self->what, "%.79s", line);
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* False, having said why, if there is none to be had; with it no test can pass. */
static inline bool testing_server_start(testing_server_t *self)
{
    *self = (testing_server_t){.folder = "/tmp/persist-mongo-XXXXXX"};
    if (!mkdtemp(self->folder))
        return false;
    int status = testing_server_run(self, "start");
    if (status == 0)
        print_message("server: %s\n", self->what);
    return status == 0;
}

static inline void testing_server_remove(testing_server_t *self)
{
    testing_server_run(self, "remove");
    rmdir(self->folder);
}

/* False if the server is not the tests' own to stop. */
static inline bool testing_server_stop(testing_server_t *self, bool hard)
{
    return testing_server_run(self, hard ? "crash" : "stop") == 0;
}

static inline void testing_server_restart(testing_server_t *self)
{
    assert_int_equal(testing_server_run(self, "start"), 0);
}

/* The server of a program's tests, and what starts and removes it for all of them. */
static testing_server_t testing_server;

static inline int testing_set_up(void **state)
{
    (void) state;
    return testing_server_start(&testing_server) ? 0 : -1;
}

static inline int testing_tear_down(void **state)
{
    (void) state;
    testing_server_remove(&testing_server);
    return 0;
}

/* ---- a store ------------------------------------------------------------------------------------ */

typedef struct {
    char uri[600];
    pbus_config_t *config;
    pbus_log_t *log;
    void *writer;
    void *reader;
    pbus_result_t *result;
    pbus_error_t error;
} testing_t;

static inline void testing_expect_ok(const testing_t *self, pbus_status_t status)
{
    if (status != PBUS_OK)
        fail_msg("%s: %s", pbus_status_name(status), self->error.text);
}

/* The server's URI with a database and more options put in. */
static inline void testing_uri(const testing_server_t *server, const char *database, const char *options,
                               char uri[600])
{
    const char *hosts = strstr(server->uri, "://");
    assert_non_null(hosts);
    size_t size = strcspn(hosts + 3, "/?") + (size_t) (hosts + 3 - server->uri);
    const char *given = strchr(server->uri, '?');
    snprintf(uri, 600, "%.*s/%s?%s%s%s", (int) size, server->uri, database, options,
             given && *options ? "&" : "", given ? given + 1 : "");
}

static inline void testing_configure(testing_t *self, const char *uri)
{
    const pbus_option_t *tables[] = {mongo_backend.options};
    pbus_config_destroy(&self->config);
    assert_int_equal(setenv("MONGODB_URI", uri, 1), 0);
    self->config = pbus_config_new(tables, 1, self->log);
    assert_non_null(self->config);
    testing_expect_ok(self, pbus_config_load(self->config, NULL, &self->error));
    assert_int_equal(unsetenv("MONGODB_URI"), 0);
}

static inline void testing_new(testing_t *self, const testing_server_t *server)
{
    static int number; /* tests run one after another */
    char database[64];
    *self = (testing_t){.log = pbus_log_new("test"), .result = pbus_result_new()};
    assert_true(self->log && self->result);
    assert_true(pbus_log_set_level(self->log, "ERROR"));
    snprintf(database, sizeof database, "pbus_test_%d_%d", (int) getpid(), ++number);
    testing_uri(server, database, "", self->uri);
    testing_configure(self, self->uri);
}

static inline pbus_status_t testing_try_open(testing_t *self)
{
    return mongo_backend.open(&self->writer, self->config, self->log, PBUS_LANE_WRITE, &self->error);
}

static inline void testing_open(testing_t *self)
{
    testing_expect_ok(self, testing_try_open(self));
    testing_expect_ok(
        self, mongo_backend.open(&self->reader, self->config, self->log, PBUS_LANE_READ, &self->error));
}

static inline void testing_close(testing_t *self)
{
    mongo_backend.close(&self->reader);
    mongo_backend.close(&self->writer);
}

/* A second worker of the same store. */
static inline void testing_second(testing_t *self, const testing_t *first)
{
    *self = (testing_t){.log = pbus_log_new("test"), .result = pbus_result_new()};
    assert_true(self->log && self->result);
    assert_true(pbus_log_set_level(self->log, "ERROR"));
    snprintf(self->uri, sizeof self->uri, "%s", first->uri);
    testing_configure(self, self->uri);
    testing_open(self);
}

static inline void testing_free(testing_t *self)
{
    testing_close(self);
    pbus_config_destroy(&self->config);
    pbus_result_destroy(&self->result);
    pbus_log_destroy(&self->log);
}

/* A connection of its own; to be closed. */
static inline store_t *testing_store(testing_t *self)
{
    store_t *store;
    testing_expect_ok(self, store_open(&store, self->uri, PBUS_LANE_WRITE, self->log, &self->error));
    return store;
}

static inline void testing_drop(testing_t *self)
{
    store_t *store = testing_store(self);
    bson_t reply, *command = BCON_NEW("dropDatabase", BCON_INT32(1));
    testing_expect_ok(self, store_command(store, command, &reply, "drop the database", &self->error));
    bson_destroy(&reply);
    bson_destroy(command);
    store_close(&store);
}

static inline void testing_destroy(testing_t *self)
{
    testing_close(self);
    testing_drop(self);
    testing_free(self);
}

/* ---- writes ------------------------------------------------------------------------------------- */

/* One add in a batch alone; the batch's status, or else the write's. */
static inline pbus_status_t testing_add(testing_t *self, const pbus_event_t *event, uint64_t accept)
{
    pbus_buf_t data = {0};
    pbus_event_encode(event, &data);
    assert_false(data.failed);
    pbus_write_t write = {
        .op = PBUS_ADD, .accept = accept, .id = event->id, .data = data.data, .size = data.size};
    pbus_status_t status = mongo_backend.write(self->writer, &write, 1, &self->error);
    pbus_buf_clear(&data);
    return status == PBUS_OK ? write.status : status;
}

static inline pbus_status_t testing_delete(testing_t *self, pbus_uuid_t id, uint64_t accept)
{
    pbus_write_t write = {.op = PBUS_DELETE, .accept = accept, .id = id};
    pbus_status_t status = mongo_backend.write(self->writer, &write, 1, &self->error);
    return status == PBUS_OK ? write.status : status;
}

/* ---- answers ------------------------------------------------------------------------------------ */

static inline pbus_query_t testing_query(pbus_filter_t filter, uint64_t offset, uint32_t limit)
{
    return (pbus_query_t){.filter = filter,
                          .offset = offset,
                          .limit = limit,
                          .want_total = true,
                          .deadline = pbus_clock_boottime() + INT64_C(60000000000)};
}

static inline pbus_answer_t testing_answer(testing_t *self)
{
    pbus_answer_t answer;
    const pbus_buf_t *buf = pbus_result_answer(self->result, &self->error);
    assert_non_null(buf);
    assert_true(pbus_answer_open(&answer, buf->data, buf->size));
    return answer;
}

static inline pbus_answer_t testing_list(testing_t *self, pbus_what_t what, const pbus_query_t *query)
{
    pbus_result_reset(self->result, 1 << 30, 1 << 30);
    testing_expect_ok(self,
                      what == PBUS_EVENTS
                          ? mongo_backend.list_events(self->reader, query, self->result, &self->error)
                          : mongo_backend.list_readings(self->reader, query, self->result, &self->error));
    return testing_answer(self);
}

static inline uint64_t testing_count(testing_t *self, pbus_what_t what, const pbus_filter_t *filter)
{
    uint64_t count = 0;
    testing_expect_ok(self, mongo_backend.count(self->reader, what, filter, &count, &self->error));
    return count;
}

static inline uint64_t testing_count_all(testing_t *self, pbus_what_t what)
{
    pbus_filter_t any = pbus_filter_any();
    return testing_count(self, what, &any);
}

/* ---- chance ------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t state;
} testing_chance_t;

/* splitmix64 */
static inline uint64_t testing_chance(testing_chance_t *self, uint64_t below)
{
    uint64_t mixed = self->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ mixed >> 31) % below;
}

/* From the environment (SEED=n repeats a run), or from the clock. */
static inline testing_chance_t testing_seed(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t) pbus_clock_realtime() / 1000 % 1000000007;
    print_message("SEED=%llu\n", (unsigned long long) seed);
    return (testing_chance_t){seed};
}

static inline bool testing_percent(testing_chance_t *self, unsigned percent)
{
    return testing_chance(self, 100) < percent;
}

static inline pbus_uuid_t testing_id(testing_chance_t *self)
{
    pbus_uuid_t id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t) testing_chance(self, 256);
    return id;
}

#define TESTING_PICK(chance, list) (list)[testing_chance((chance), sizeof(list) / sizeof *(list))]

/* ---- events ------------------------------------------------------------------------------------- */

/* Values of all 27 types, with those that BSON could change. */
static const struct {
    pbus_type_t type;
    const char *value;
} testing_values[] = {
    {PBUS_BOOL, "true"},
    {PBUS_BOOL, "false"},
    {PBUS_BOOL, "T"},
    {PBUS_BOOL, "1"},
    {PBUS_STRING, ""},
    {PBUS_STRING, "a\"b\\c\n\xe2\x80\xa8\xf0\x9f\x8c\xa1"},
    {PBUS_STRING, "12"},
    {PBUS_UINT8, "0"},
    {PBUS_UINT8, "255"},
    {PBUS_UINT16, "65535"},
    {PBUS_UINT32, "4294967295"},
    {PBUS_UINT64, "42"},
    {PBUS_UINT64, "9223372036854775807"},
    {PBUS_UINT64, "9223372036854775808"},
    {PBUS_UINT64, "18446744073709551615"},
    {PBUS_INT8, "-128"},
    {PBUS_INT16, "-32768"},
    {PBUS_INT32, "-2147483648"},
    {PBUS_INT32, "2147483647"},
    {PBUS_INT64, "-9223372036854775808"},
    {PBUS_INT64, "9007199254740993"},
    {PBUS_FLOAT32, "1.5e+00"},
    {PBUS_FLOAT32, "1.2345679e+08"},
    {PBUS_FLOAT32, "1e-45"},
    {PBUS_FLOAT32, "3.4028235e+38"},
    {PBUS_FLOAT32, "NaN"},
    {PBUS_FLOAT32, "+Inf"},
    {PBUS_FLOAT64, "0e+00"},
    {PBUS_FLOAT64, "-0e+00"},
    {PBUS_FLOAT64, "1e-01"},
    {PBUS_FLOAT64, "2.15e+01"},
    {PBUS_FLOAT64, "1.7976931348623157e+308"},
    {PBUS_FLOAT64, "5e-324"},
    {PBUS_FLOAT64, "3.141592653589793e+00"},
    {PBUS_FLOAT64, "-Infinity"},
    {PBUS_FLOAT64, "1.50"},
    {PBUS_BINARY, ""},
    {PBUS_BINARY, "\x01\xff\x80 bytes"},
    {PBUS_OBJECT, "{}"},
    {PBUS_OBJECT, "{\"a\":1,\"b\":{\"c\":[1,2.5,\"x\",null,true]}}"},
    {PBUS_OBJECT, "{\"$gt\":1}"},
    {PBUS_OBJECT, "{\"a.b\":1}"},
    {PBUS_OBJECT, "{\"\":1}"},
    {PBUS_OBJECT, "{\"n\":18446744073709551615}"},
    {PBUS_OBJECT, "{\"n\":9223372036854775807}"},
    {PBUS_OBJECT, "{\"n\":1e-07}"},
    {PBUS_OBJECT, "{\"n\":1e+21}"},
    {PBUS_OBJECT, "{\"n\":0.1,\"o\":-0}"},
    {PBUS_OBJECT, "{\"A\":1,\"_id\":2}"},
    {PBUS_OBJECT, "[1,2]"},
    {PBUS_OBJECT, "\"text\""},
    {PBUS_OBJECT, "7"},
    {PBUS_OBJECT_ARRAY, "[]"},
    {PBUS_OBJECT_ARRAY, "[{\"a\":1},{\"b\":[]}]"},
    {PBUS_OBJECT_ARRAY, "[[1],[2]]"},
    {PBUS_BOOL_ARRAY, "[true, false]"},
    {PBUS_STRING_ARRAY, "[\"a\",\"b\"]"},
    {PBUS_UINT8_ARRAY, "[1, 2]"},
    {PBUS_UINT16_ARRAY, "[1]"},
    {PBUS_UINT32_ARRAY, "[1,2]"},
    {PBUS_UINT64_ARRAY, "[18446744073709551615]"},
    {PBUS_INT8_ARRAY, "[-1]"},
    {PBUS_INT16_ARRAY, "[-1]"},
    {PBUS_INT32_ARRAY, "[-1]"},
    {PBUS_INT64_ARRAY, "[-1]"},
    {PBUS_FLOAT32_ARRAY, "[1.5, NaN]"},
    {PBUS_FLOAT64_ARRAY, "[1e3,+Inf]"},
};

#define TESTING_VALUES (sizeof testing_values / sizeof *testing_values)

/* The last of each is used in questions only. */
static const char *const testing_devices[] = {"d0", "d1", "\xc3\xa9t\xc3\xa9/2.$x", "none"};
static const char *const testing_sources[] = {"s0", "s1", "\xe6\xb8\xa9\xe5\xba\xa6", "none"};
static const char *const testing_resources[] = {"r0", "r1", "$r.2", "s0", "none"};
static const char *const testing_tags[] = {"", "", "", "{\"a\":1}", "{\"b\":[{\"c\":\"}\"}],\"d.e\":1}"};
#define TESTING_PICK_USED(chance, list)                                                                      \
    pbus_str((list)[testing_chance((chance), sizeof(list) / sizeof *(list) -1)])
#define TESTING_PICK_ANY(chance, list) pbus_str(TESTING_PICK(chance, list))

#define TESTING_READINGS 5

/* How an event comes about. */
typedef struct {
    unsigned times;  /* different origins; few make many ties */
    unsigned spread; /* 0: readings have the event's origin; up to 5: some are far from it */
} testing_kind_t;

static inline int64_t testing_origin(testing_chance_t *chance, const testing_kind_t *kind)
{
    if (kind->spread == 5 && testing_percent(chance, 4))
        return testing_percent(chance, 50) ? INT64_MAX - (int64_t) testing_chance(chance, 3)
                                           : INT64_MIN + (int64_t) testing_chance(chance, 3);
    return INT64_C(1760000000000000000) + (int64_t) testing_chance(chance, kind->times) * 400000;
}

static inline int64_t testing_reading_origin(testing_chance_t *chance, const testing_kind_t *kind,
                                             int64_t event)
{
    static const int64_t reach[] = {0, 1000000, 1000000000, 3600000000000, 86400000000000, INT64_MAX / 4};
    int64_t origin, most = reach[testing_chance(chance, kind->spread + 1)];
    int64_t distance = most ? (int64_t) testing_chance(chance, (uint64_t) most * 2 + 1) - most : 0;
    return __builtin_add_overflow(event, distance, &origin) ? event : origin;
}

static inline void testing_reading(testing_chance_t *chance, const testing_kind_t *kind,
                                   const pbus_event_t *event, pbus_reading_t *reading)
{
    size_t which = testing_chance(chance, TESTING_VALUES);
    *reading = (pbus_reading_t){.origin = testing_reading_origin(chance, kind, event->origin),
                                .device = event->device,
                                .profile = event->profile,
                                .resource = TESTING_PICK_USED(chance, testing_resources),
                                .type = testing_values[which].type,
                                .units = testing_percent(chance, 20) ? PBUS_STR("\xc2\xb0"
                                                                                "C")
                                                                     : PBUS_STR(""),
                                .tags = TESTING_PICK_ANY(chance, testing_tags),
                                .value = pbus_str(testing_values[which].value)};
    if (testing_percent(chance, 5))
        reading->device = TESTING_PICK_USED(chance, testing_devices);
    if (testing_percent(chance, 5))
        reading->profile = PBUS_STR("other");
    if (testing_percent(chance, 8)) {
        reading->is_null = true;
        reading->value = PBUS_STR("");
    } else if (reading->type == PBUS_BINARY)
        reading->media_type = PBUS_STR("image/png");
}

/* Fills event and readings (TESTING_READINGS of them); texts are static. */
static inline void testing_event(testing_chance_t *chance, const testing_kind_t *kind, pbus_uuid_t id,
                                 pbus_event_t *event, pbus_reading_t *readings)
{
    *event = (pbus_event_t){.id = id,
                            .origin = testing_origin(chance, kind),
                            .device = TESTING_PICK_USED(chance, testing_devices),
                            .profile = PBUS_STR("p"),
                            .source = TESTING_PICK_USED(chance, testing_sources),
                            .tags = TESTING_PICK_ANY(chance, testing_tags),
                            .readings = readings,
                            .reading_count = 1 + testing_chance(chance, TESTING_READINGS)};
    for (size_t i = 0; i < event->reading_count; i++)
        testing_reading(chance, kind, event, &readings[i]);
}

#endif
