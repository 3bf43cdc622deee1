/*
 * The store as people and other programs meet it: what lies in it, how large events may be, and what is said
 * when the server, the URI or the data are not as they should be.
 */
#include "document.h"
#include "schema.h"
#include "testing.h"

#include <sys/wait.h>

#define MIB (1u << 20)

static pbus_reading_t s_text_reading(pbus_str_t value)
{
    return (pbus_reading_t){.origin = 5,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .resource = PBUS_STR("r"),
                            .type = PBUS_STRING,
                            .value = value};
}

static pbus_event_t s_event(uint32_t number, const pbus_reading_t *readings, size_t count)
{
    pbus_event_t event = {.origin = 5,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = readings,
                          .reading_count = count};
    memcpy(event.id.bytes, &number, sizeof number);
    return event;
}

static void s_check_stored(testing_t *test, const pbus_event_t *event, uint64_t accept)
{
    uint64_t number;
    pbus_str_t encoded;
    pbus_buf_t expected = {0};
    pbus_filter_t filter = pbus_filter_any();
    filter.ids = &event->id;
    filter.id_count = 1;
    pbus_query_t query = testing_query(filter, 0, 2);
    pbus_answer_t answer = testing_list(test, PBUS_EVENTS, &query);
    assert_int_equal(answer.count, 1);
    assert_true(pbus_answer_event(&answer, &number, &encoded));
    pbus_event_encode(event, &expected);
    assert_true(number == accept);
    assert_int_equal(encoded.size, expected.size);
    assert_memory_equal(encoded.data, expected.data, encoded.size);
    pbus_buf_clear(&expected);
}

/* ---- what is kept ------------------------------------------------------------------------------- */

static void test_all_types(void **state)
{
    (void) state;
    testing_t test;
    pbus_reading_t readings[2 * TESTING_VALUES];
    for (size_t i = 0; i < TESTING_VALUES; i++) {
        readings[i] = s_text_reading(pbus_str(testing_values[i].value));
        readings[i].type = testing_values[i].type;
        if (readings[i].type == PBUS_BINARY)
            readings[i].media_type = PBUS_STR("x/y");
        readings[TESTING_VALUES + i] = readings[i];
        readings[TESTING_VALUES + i].is_null = true;
        readings[TESTING_VALUES + i].value = readings[TESTING_VALUES + i].media_type = PBUS_STR("");
    }
    pbus_event_t event = s_event(1, readings, 2 * TESTING_VALUES);
    event.tags = PBUS_STR("{\"$where\":{\"a.b\":[[1]]},\"n\":18446744073709551615}");
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(testing_add(&test, &event, UINT64_MAX - 1), PBUS_OK);
    s_check_stored(&test, &event, UINT64_MAX - 1);
    testing_destroy(&test);
}

/* Bytes of a long name: as much as servers before 4.2 take in an index, and otherwise more. */
static size_t s_long(testing_t *test)
{
    store_t *store = testing_store(test);
    const char *server = store_server(store);
    bool old = strncmp(server, "MongoDB 3.", 10) == 0 || strncmp(server, "MongoDB 4.0", 11) == 0;
    store_close(&store);
    return old ? 897 : 2997;
}

/* Bytes of every value, as base64 keeps none of them from being seen as they are. */
static void test_bytes_and_names(void **state)
{
    (void) state;
    testing_t test;
    char bytes[256], name[3000];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char) i;
    for (size_t i = 0; i + 3 < sizeof name; i += 3)
        memcpy(name + i, "\xe6\xb8\xa9", 3);
    testing_new(&test, &testing_server);
    testing_open(&test);
    size_t size = s_long(&test);
    pbus_reading_t readings[2] = {s_text_reading((pbus_str_t){bytes, 256}), s_text_reading(PBUS_STR("x"))};
    readings[0].type = PBUS_BINARY;
    readings[0].media_type = PBUS_STR("a/b");
    readings[1].resource = readings[1].units = (pbus_str_t){name, size};
    readings[1].device = PBUS_STR("\xf0\x9f\x8c\xa1 $/.#\"\\'\x7f\x01");
    pbus_event_t event = s_event(1, readings, 2);
    event.device = (pbus_str_t){name, size};
    event.source = PBUS_STR("$source.a");
    assert_int_equal(testing_add(&test, &event, 1), PBUS_OK);
    s_check_stored(&test, &event, 1);
    pbus_filter_t filter = pbus_filter_any();
    filter.device = event.device;
    assert_int_equal(testing_count(&test, PBUS_EVENTS, &filter), 1);
    filter.device = readings[1].device;
    assert_int_equal(testing_count(&test, PBUS_READINGS, &filter), 1);
    pbus_query_t query = testing_query(filter, 0, 5);
    assert_int_equal(testing_list(&test, PBUS_READINGS, &query).count, 1);
    testing_destroy(&test);
}

static uint64_t s_find(store_t *store, const bson_t *filter)
{
    uint64_t count = 0;
    pbus_error_t error;
    assert_int_equal(store_count(store, STORE_EVENTS, filter, &count, "count", &error), PBUS_OK);
    return count;
}

static void s_check_found(testing_t *test, const char *json, uint64_t count)
{
    bson_error_t cause;
    store_t *store = testing_store(test);
    bson_t *filter = bson_new_from_json((const uint8_t *) json, -1, &cause);
    assert_non_null(filter);
    if (s_find(store, filter) != count)
        fail_msg("%s does not find %llu", json, (unsigned long long) count);
    bson_destroy(filter);
    store_close(&store);
}

/* Queries as the README shows them. */
static void test_fields_for_people(void **state)
{
    (void) state;
    testing_t test;
    pbus_reading_t readings[2] = {s_text_reading(PBUS_STR("2.15e+01")),
                                  s_text_reading(PBUS_STR("{\"x\":{\"y\":3}}"))};
    readings[0].type = PBUS_FLOAT64;
    readings[1].type = PBUS_OBJECT;
    readings[1].resource = PBUS_STR("place");
    readings[1].tags = PBUS_STR("{\"floor\":2}");
    pbus_event_t event = s_event(1, readings, 2);
    event.origin = INT64_C(1760000000123456789);
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(testing_add(&test, &event, 1), PBUS_OK);
    s_check_found(&test, "{\"device\":\"d\",\"source\":\"s\",\"profile\":\"p\"}", 1);
    s_check_found(&test, "{\"_id\":\"01000000-0000-0000-0000-000000000000\"}", 1);
    s_check_found(&test, "{\"readings.value\":{\"$gt\":21}}", 1);
    s_check_found(&test, "{\"readings.value\":{\"$gt\":22}}", 0);
    s_check_found(&test, "{\"readings.resource\":\"place\",\"readings.value.x.y\":3}", 1);
    s_check_found(&test, "{\"readings.type\":\"Float64\",\"readings.tags.floor\":2}", 1);
    s_check_found(&test,
                  "{\"time\":{\"$gte\":{\"$date\":\"2025-10-09T08:53:20.123Z\"},"
                  "\"$lt\":{\"$date\":\"2025-10-09T08:53:20.124Z\"}}}",
                  1);
    s_check_found(&test, "{\"origin\":{\"$numberLong\":\"1760000000123456789\"}}", 1);
    testing_destroy(&test);
}

/* ---- sizes -------------------------------------------------------------------------------------- */

static char *s_text(size_t size)
{
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char) ('a' + i % 26);
    return text;
}

static void test_large_events(void **state)
{
    (void) state;
    testing_t test;
    char *text = s_text(17 * MIB);
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint32_t size = 1; size <= 12; size += 11) {
        pbus_reading_t reading = s_text_reading((pbus_str_t){text, size * MIB});
        pbus_event_t event = s_event(size, &reading, 1);
        assert_int_equal(testing_add(&test, &event, size), PBUS_OK);
        s_check_stored(&test, &event, size);
    }
    free(text);
    testing_destroy(&test);
}

/* One event that is too large fails alone. */
static void test_too_large(void **state)
{
    (void) state;
    testing_t test;
    char *text = s_text(17 * MIB);
    pbus_buf_t data[3] = {0};
    pbus_write_t writes[3];
    for (uint32_t i = 0; i < 3; i++) {
        pbus_reading_t reading = s_text_reading((pbus_str_t){text, i == 1 ? 17 * MIB : 10});
        pbus_event_t event = s_event(i, &reading, 1);
        pbus_event_encode(&event, &data[i]);
        writes[i] = (pbus_write_t){
            .op = PBUS_ADD, .accept = i + 1, .id = event.id, .data = data[i].data, .size = data[i].size};
    }
    testing_new(&test, &testing_server);
    assert_true(pbus_log_set_level(test.log, "ERROR"));
    testing_open(&test);
    testing_expect_ok(&test, mongo_backend.write(test.writer, writes, 3, &test.error));
    assert_int_equal(writes[0].status, PBUS_OK);
    assert_int_equal(writes[1].status, PBUS_INVALID);
    assert_int_equal(writes[2].status, PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 2);
    for (uint32_t i = 0; i < 3; i++)
        pbus_buf_clear(&data[i]);
    free(text);
    testing_destroy(&test);
}

/* More than waits in memory for its turn: tied events of 1 MB, read again one by one. */
static void test_large_ties(void **state)
{
    (void) state;
    testing_t test;
    char *text = s_text(MIB);
    enum { COUNT = 40 };
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint32_t i = 0; i < COUNT; i++) {
        pbus_reading_t readings[2] = {s_text_reading((pbus_str_t){text, MIB - 8}),
                                      s_text_reading(PBUS_STR(""))};
        readings[1].origin = 4;
        pbus_event_t event = s_event(i, readings, 2);
        assert_int_equal(testing_add(&test, &event, i + 1), PBUS_OK);
    }
    pbus_query_t query = testing_query(pbus_filter_any(), 0, 2 * COUNT);
    pbus_answer_t answer = testing_list(&test, PBUS_READINGS, &query);
    assert_int_equal(answer.count, 2 * COUNT);
    pbus_reading_t reading;
    for (size_t i = 0; i < 2 * COUNT; i++) {
        assert_true(pbus_answer_reading(&answer, &reading));
        assert_int_equal(reading.origin, i < COUNT ? 5 : 4);
        assert_int_equal(reading.value.size, i < COUNT ? MIB - 8 : 0);
    }
    pbus_result_reset(test.result, 3 * MIB + 4096, 1 << 30); /* a reply that gets full */
    testing_expect_ok(&test, mongo_backend.list_readings(test.reader, &query, test.result, &test.error));
    answer = testing_answer(&test);
    assert_true(answer.more);
    assert_int_equal(answer.count, 3);
    pbus_result_reset(test.result, 3 * MIB + 4096, 1 << 30);
    testing_expect_ok(&test, mongo_backend.list_events(test.reader, &query, test.result, &test.error));
    answer = testing_answer(&test);
    assert_true(answer.more);
    assert_int_equal(answer.count, 3);
    free(text);
    testing_destroy(&test);
}

static void test_large_batch(void **state)
{
    (void) state;
    testing_t test;
    enum { COUNT = 5000 };
    pbus_buf_t *data = calloc(COUNT, sizeof *data);
    pbus_write_t *writes = calloc(COUNT, sizeof *writes);
    assert_true(data && writes);
    for (uint32_t i = 0; i < COUNT; i++) {
        pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
        pbus_event_t event = s_event(i, &reading, 1);
        pbus_event_encode(&event, &data[i]);
        writes[i] = (pbus_write_t){
            .op = PBUS_ADD, .accept = i + 1, .id = event.id, .data = data[i].data, .size = data[i].size};
    }
    testing_new(&test, &testing_server);
    testing_open(&test);
    testing_expect_ok(&test, mongo_backend.write(test.writer, writes, COUNT, &test.error));
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), COUNT);
    testing_expect_ok(&test, mongo_backend.write(test.writer, writes + 10, 1000, &test.error)); /* resends */
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(writes[i].status, PBUS_OK);
        pbus_buf_clear(&data[i]);
    }
    free(writes);
    free(data);
    testing_destroy(&test);
}

static void test_order_in_batch(void **state)
{
    (void) state;
    testing_t test;
    pbus_buf_t data = {0};
    pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
    pbus_event_t event = s_event(1, &reading, 1);
    pbus_event_encode(&event, &data);
    const pbus_status_t expected[] = {PBUS_NOT_FOUND, PBUS_OK, PBUS_CONFLICT, PBUS_OK, PBUS_NOT_FOUND,
                                      PBUS_OK,        PBUS_OK, PBUS_OK,       PBUS_OK};
    const uint64_t accepts[] = {1, 2, 3, 4, 5, 6, 6, 7, 8}; /* 0: a delete in `adds` */
    const bool adds[] = {false, true, true, false, false, true, true, false, true};
    pbus_write_t writes[9];
    for (int i = 0; i < 9; i++)
        writes[i] = (pbus_write_t){.op = adds[i] ? PBUS_ADD : PBUS_DELETE,
                                   .accept = accepts[i],
                                   .id = event.id,
                                   .data = data.data,
                                   .size = data.size};
    testing_new(&test, &testing_server);
    testing_open(&test);
    testing_expect_ok(&test, mongo_backend.write(test.writer, writes, 9, &test.error));
    for (int i = 0; i < 9; i++)
        assert_int_equal(writes[i].status, expected[i]);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    s_check_stored(&test, &event, 8);
    pbus_buf_clear(&data);
    testing_destroy(&test);
}

/* ---- what is wrong ------------------------------------------------------------------------------ */

/* Opening fails with this status and a line that says all of these; never the password. */
static void s_check_refused(const char *uri, pbus_status_t status, const char *say, const char *say_too)
{
    testing_t test = {.log = pbus_log_new("test")};
    assert_true(pbus_log_set_level(test.log, "ERROR"));
    testing_configure(&test, uri);
    int64_t before = pbus_clock_boottime();
    pbus_status_t found = testing_try_open(&test);
    assert_true(pbus_clock_boottime() - before < INT64_C(5000000000));
    if (found != status || !strstr(test.error.text, say) || !strstr(test.error.text, say_too))
        fail_msg("%s: %s: %s", uri, pbus_status_name(found), test.error.text);
    assert_null(strstr(test.error.text, "geheim"));
    assert_null(strchr(test.error.text, '\n'));
    assert_null(test.writer);
    testing_free(&test);
}

static void test_bad_uris(void **state)
{
    (void) state;
    s_check_refused("", PBUS_INVALID, "MongoDB.URI", "");
    s_check_refused("http://x", PBUS_INVALID, "MongoDB.URI", "");
    s_check_refused("mongodb://", PBUS_INVALID, "MongoDB.URI", "");
    s_check_refused("mongodb://u:geheim@@x/", PBUS_INVALID, "MongoDB.URI", "");
    s_check_refused("mongodb://u:geheim%zz@x/", PBUS_INVALID, "MongoDB.URI", "");
    s_check_refused("mongodb://u:x@geheim@127.0.0.1/", PBUS_INVALID, "MongoDB.URI", "%40");
    s_check_refused("mongodb://u:12/geheim@127.0.0.1/", PBUS_INVALID, "MongoDB.URI", "%2F");
    s_check_refused("mongodb://127.0.0.1:1/?w=0", PBUS_INVALID, "MongoDB.URI", "w=majority");
    s_check_refused("mongodb://127.0.0.1:1/x", PBUS_UNAVAILABLE, "127.0.0.1:1/x", "refused");
    s_check_refused("mongodb://u:geheim@127.0.0.1:1", PBUS_UNAVAILABLE, "127.0.0.1:1/persistbus", "refused");
    s_check_refused("mongodb://127.0.0.1:1,127.0.0.1:2/?replicaSet=rs", PBUS_UNAVAILABLE, "127.0.0.1:1,...",
                    "");
}

static void test_wrong_credentials(void **state)
{
    (void) state;
    char uri[600];
    testing_uri(&testing_server, "x", "", uri);
    char *hosts = strstr(uri, "://") + 3, with[700];
    snprintf(with, sizeof with, "mongodb://user:geheim@%s", hosts);
    s_check_refused(with, PBUS_INVALID, "user 'user' is refused", "MongoDB.URI");
}

static void test_durable(void **state)
{
    (void) state;
    static const struct {
        const char *options;
        bool durable;
    } cases[] = {{"", true},
                 {"w=1", false},
                 {"journal=true", true},
                 {"w=majority", true},
                 {"w=1&journal=false", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        testing_t test;
        pbus_health_t health = {0};
        testing_new(&test, &testing_server);
        char *uri = test.uri;
        snprintf(uri + strlen(uri), sizeof test.uri - strlen(uri), "%s", cases[i].options);
        testing_configure(&test, uri);
        testing_open(&test);
        testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
        assert_int_equal(health.durable, cases[i].durable);
        testing_destroy(&test);
    }
}

static void s_insert(testing_t *test, store_part_t part, const char *json)
{
    bool exists;
    bson_error_t cause;
    store_t *store = testing_store(test);
    bson_t *document = bson_new_from_json((const uint8_t *) json, -1, &cause);
    assert_non_null(document);
    testing_expect_ok(test, store_insert_one(store, part, document, &exists, "insert", &test->error));
    bson_destroy(document);
    store_close(&store);
}

static void test_foreign_data(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    s_insert(&test, STORE_EVENTS, "{\"_id\":1,\"what\":\"a party\"}");
    assert_int_equal(testing_try_open(&test), PBUS_INVALID);
    assert_non_null(strstr(test.error.text, "'events'"));
    assert_null(test.writer);
    s_check_found(&test, "{}", 1);
    testing_destroy(&test);
}

static void test_other_schemas(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    s_insert(&test, STORE_META, "{\"_id\":\"store\",\"schema\":3}");
    assert_int_equal(testing_try_open(&test), PBUS_UNSUPPORTED);
    assert_non_null(strstr(test.error.text, "version 3"));
    testing_destroy(&test);
    testing_new(&test, &testing_server);
    s_insert(&test, STORE_META, "{\"_id\":\"store\",\"schema\":1}");
    assert_int_equal(testing_try_open(&test), PBUS_UNSUPPORTED);
    assert_non_null(strstr(test.error.text, "version 1"));
    testing_destroy(&test);
    testing_new(&test, &testing_server);
    s_insert(&test, STORE_META, "{\"_id\":\"store\",\"schema\":2,\"dataSet\":5}");
    assert_int_equal(testing_try_open(&test), PBUS_INVALID);
    testing_destroy(&test);
}

/* A document that somebody changed is named, and does not hide the others. */
static void test_damaged_event(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    testing_open(&test);
    pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
    pbus_event_t event = s_event(1, &reading, 1);
    assert_int_equal(testing_add(&test, &event, 1), PBUS_OK);
    s_insert(&test, STORE_EVENTS,
             "{\"_id\":\"aa000000-0000-0000-0000-000000000000\",\"origin\":"
             "{\"$numberLong\":\"9\"},\"last\":{\"$numberLong\":\"9\"},\"spread\":0}");
    pbus_query_t query = testing_query(pbus_filter_any(), 0, 5);
    pbus_result_reset(test.result, MIB, MIB);
    assert_int_equal(mongo_backend.list_events(test.reader, &query, test.result, &test.error), PBUS_INTERNAL);
    assert_non_null(strstr(test.error.text, "aa000000-0000-0000-0000-000000000000"));
    assert_int_equal(mongo_backend.list_readings(test.reader, &query, test.result, &test.error),
                     PBUS_INTERNAL);
    s_check_stored(&test, &event, 1);
    testing_destroy(&test);
}

static void test_deadline(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint32_t i = 0; i < 300; i++) {
        pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
        pbus_event_t event = s_event(i, &reading, 1);
        assert_int_equal(testing_add(&test, &event, i + 1), PBUS_OK);
    }
    pbus_query_t query = testing_query(pbus_filter_any(), 290, 5);
    query.deadline = pbus_clock_boottime() + 1;
    pbus_result_reset(test.result, MIB, MIB);
    assert_int_equal(mongo_backend.list_readings(test.reader, &query, test.result, &test.error),
                     PBUS_TIMEOUT);
    query.deadline = pbus_clock_boottime() + INT64_C(60000000000);
    testing_expect_ok(&test, mongo_backend.list_readings(test.reader, &query, test.result, &test.error));
    testing_destroy(&test);
}

/* ---- comings and goings ------------------------------------------------------------------------- */

static void test_server_lost(void **state)
{
    (void) state;
    testing_t test;
    pbus_health_t before = {0}, health = {0};
    pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
    pbus_event_t event = s_event(1, &reading, 1), other = s_event(2, &reading, 1);
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(testing_add(&test, &event, 1), PBUS_OK);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &before, &test.error));
    if (!testing_server_stop(&testing_server, true)) {
        testing_destroy(&test);
        skip();
    }
    assert_int_equal(testing_add(&test, &other, 2), PBUS_UNAVAILABLE);
    assert_null(strchr(test.error.text, '\n'));
    assert_int_equal(mongo_backend.health(test.writer, &health, &test.error), PBUS_UNAVAILABLE);
    assert_int_equal(mongo_backend.health(test.reader, &health, &test.error), PBUS_UNAVAILABLE);
    uint64_t count;
    pbus_filter_t any = pbus_filter_any();
    assert_int_equal(mongo_backend.count(test.reader, PBUS_EVENTS, &any, &count, &test.error),
                     PBUS_UNAVAILABLE);
    testing_server_restart(&testing_server);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
    assert_memory_equal(&health.data_set, &before.data_set, sizeof health.data_set);
    assert_true(health.applied_mark == before.applied_mark);
    assert_int_equal(testing_add(&test, &other, 2), PBUS_OK);
    s_check_stored(&test, &event, 1);
    testing_destroy(&test);
}

/* Restarted while nobody asked: the first question is answered all the same. */
static void test_server_restarted(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    if (testing_server_stop(&testing_server, false))
        testing_server_restart(&testing_server);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    testing_destroy(&test);
}

/* Somebody drops the database: it is another data set then. */
static void test_database_dropped(void **state)
{
    (void) state;
    testing_t test;
    pbus_health_t before = {0}, after = {0};
    pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
    pbus_event_t event = s_event(1, &reading, 1);
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(testing_add(&test, &event, 7), PBUS_OK);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &before, &test.error));
    testing_drop(&test);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &after, &test.error));
    assert_true(memcmp(&after.data_set, &before.data_set, sizeof after.data_set) != 0);
    assert_true(after.applied_mark < 7);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    assert_int_equal(testing_add(&test, &event, 8), PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    testing_destroy(&test);
}

/* Several workers at the very first start: one data set, a slot each. */
static void test_first_start_of_many(void **state)
{
    (void) state;
    enum { WORKERS = 4 };
    testing_t test;
    pid_t pids[WORKERS];
    testing_new(&test, &testing_server);
    for (uint32_t i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] > 0)
            continue;
        pbus_reading_t reading = s_text_reading(PBUS_STR("x"));
        pbus_event_t event = s_event(i, &reading, 1);
        bool done = testing_try_open(&test) == PBUS_OK && testing_add(&test, &event, i + 1) == PBUS_OK;
        if (!done)
            fprintf(stderr, "%s\n", test.error.text);
        _exit(!done);
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    testing_open(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), WORKERS);
    testing_destroy(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_bytes_and_names),
        cmocka_unit_test(test_fields_for_people),
        cmocka_unit_test(test_large_events),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_large_ties),
        cmocka_unit_test(test_large_batch),
        cmocka_unit_test(test_order_in_batch),
        cmocka_unit_test(test_bad_uris),
        cmocka_unit_test(test_wrong_credentials),
        cmocka_unit_test(test_durable),
        cmocka_unit_test(test_foreign_data),
        cmocka_unit_test(test_other_schemas),
        cmocka_unit_test(test_damaged_event),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_server_lost),
        cmocka_unit_test(test_server_restarted),
        cmocka_unit_test(test_database_dropped),
        cmocka_unit_test(test_first_start_of_many),
    };
    return cmocka_run_group_tests(tests, testing_set_up, testing_tear_down);
}
