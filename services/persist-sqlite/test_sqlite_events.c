/*
 * Events come back as they went in, writes follow the rules of a backend, lists go on from page to page, and
 * a person finds clear text.
 */
#include "sqlite_testing.h"

/* ---- round trips -----------------------------------------------------------------------------------------
 */

/* Adds the event and expects the same bytes back, from the list and from the read lane alike. */
static void s_round_trip(testing_t *self, const pbus_event_t *event)
{
    static uint64_t accept = 1;
    uint64_t got;
    pbus_str_t encoded;
    pbus_buf_t data = {0};
    testing_expect_ok(self, testing_add(self, event, ++accept));
    pbus_query_t query = testing_query(0, 1);
    query.filter.ids = &event->id;
    query.filter.id_count = 1;
    pbus_answer_t answer = testing_list(self, PBUS_EVENTS, &query);
    pbus_event_encode(event, &data);
    assert_int_equal(answer.total, 1);
    assert_true(pbus_answer_event(&answer, &got, &encoded));
    assert_int_equal(got, accept);
    assert_int_equal(encoded.size, data.size);
    assert_memory_equal(encoded.data, data.data, data.size);
    pbus_buf_clear(&data);
}

static void test_types(void **state)
{
    (void) state;
    static const char *const values[] = {
        [PBUS_BOOL] = "T",
        [PBUS_STRING] = "\"quoted\" \\ and \x01\n\xf0\x9f\x98\x80 ['a', {",
        [PBUS_UINT8] = "255",
        [PBUS_UINT16] = "0",
        [PBUS_UINT32] = "4294967295",
        [PBUS_UINT64] = "18446744073709551615",
        [PBUS_INT8] = "-128",
        [PBUS_INT16] = "-1",
        [PBUS_INT32] = "2147483647",
        [PBUS_INT64] = "-9223372036854775808",
        [PBUS_FLOAT32] = "1.2345679e+08",
        [PBUS_FLOAT64] = "-5e-324",
        [PBUS_BINARY] = "bytes",
        [PBUS_OBJECT] = "{\"a\":[1,null,\"]}\"],\"b\":{\"c\":1e5}}",
        [PBUS_OBJECT_ARRAY] = "[{\"a\":1},{}]",
        [PBUS_BOOL_ARRAY] = "[true,0]",
        [PBUS_STRING_ARRAY] = "[\"a\",\"b\\n\"]",
        [PBUS_UINT8_ARRAY] = "[1, 2]",
        [PBUS_UINT16_ARRAY] = "x1,2y",
        [PBUS_UINT32_ARRAY] = "[0]",
        [PBUS_UINT64_ARRAY] = "[18446744073709551615]",
        [PBUS_INT8_ARRAY] = "[-1]",
        [PBUS_INT16_ARRAY] = "[01]",
        [PBUS_INT32_ARRAY] = "[1]",
        [PBUS_INT64_ARRAY] = "[1]",
        [PBUS_FLOAT32_ARRAY] = "[NaN,Inf]",
        [PBUS_FLOAT64_ARRAY] = "[1.5]",
    };
    testing_t self = testing_new();
    testing_open(&self);
    for (pbus_type_t type = PBUS_BOOL; type <= PBUS_FLOAT64_ARRAY; type++) {
        pbus_reading_t readings[] = {testing_reading(type, pbus_str(values[type])),
                                     testing_reading(type, PBUS_STR(""))};
        readings[1].is_null = true;
        if (type == PBUS_BINARY)
            readings[0].media_type = PBUS_STR("application/octet-stream");
        pbus_event_t event = testing_event(type, readings, 2);
        s_round_trip(&self, &event);
    }
    testing_remove(&self);
}

/* Values that have a form of their own within their type. */
static void test_values(void **state)
{
    (void) state;
    const struct {
        pbus_type_t type;
        pbus_str_t value;
    } cases[] = {
        {PBUS_FLOAT64, PBUS_STR("NaN")},     {PBUS_FLOAT32, PBUS_STR("+Inf")},
        {PBUS_FLOAT64, PBUS_STR("-Inf")},    {PBUS_FLOAT64, PBUS_STR("0e+00")},
        {PBUS_INT8, PBUS_STR("null")},       {PBUS_INT8, PBUS_STR("007")},
        {PBUS_STRING, PBUS_STR("null")},     {PBUS_STRING, PBUS_STR("")},
        {PBUS_BOOL, PBUS_STR("true")},       {PBUS_OBJECT, PBUS_STR("\"text\"")},
        {PBUS_OBJECT, PBUS_STR("true")},     {PBUS_OBJECT, PBUS_STR("-1.5e3")},
        {PBUS_STRING_ARRAY, PBUS_STR("[]")}, {PBUS_BINARY, PBUS_STR("\0\0\0")},
        {PBUS_BINARY, PBUS_STR("")},
    };
    testing_t self = testing_new();
    testing_open(&self);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbus_reading_t reading = testing_reading(cases[i].type, cases[i].value);
        if (reading.type == PBUS_BINARY)
            reading.media_type = PBUS_STR("image/png");
        pbus_event_t event = testing_event(i, &reading, 1);
        s_round_trip(&self, &event);
    }
    testing_remove(&self);
}

static void test_everything_at_once(void **state)
{
    (void) state;
    pbus_reading_t readings[3];
    testing_t self = testing_new();
    testing_open(&self);
    for (int i = 0; i < 3; i++)
        readings[i] = testing_reading(PBUS_STRING, PBUS_STR("v"));
    readings[0].origin = INT64_MAX;
    readings[0].device = PBUS_STR("another/device \xe2\x82\xac");
    readings[0].units = PBUS_STR("\xc2\xb0"
                                 "C");
    readings[1].origin = INT64_MIN;
    readings[1].profile = PBUS_STR("\"p\"");
    readings[1].tags = PBUS_STR("{\"t\":[\"]\",{}]}");
    readings[2].resource = PBUS_STR("s");
    pbus_event_t event = testing_event(1, readings, 3);
    event.origin = -5;
    event.tags = PBUS_STR("{\"a\":{\"b\":null}}");
    s_round_trip(&self, &event);
    event.id = testing_id(2);
    event.origin = INT64_MIN;
    s_round_trip(&self, &event);
    testing_remove(&self);
}

static void test_large_events(void **state)
{
    (void) state;
    enum { BYTES = 3 * 1000 * 1000, READINGS = 10000 };
    char *bytes = malloc(BYTES);
    pbus_reading_t *many = malloc(READINGS * sizeof *many);
    assert_true(bytes && many);
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (char) (i * 31 >> 3);
    for (int i = 0; i < READINGS; i++)
        many[i] = testing_reading(PBUS_INT32, PBUS_STR("-12"));
    pbus_reading_t reading = testing_reading(PBUS_BINARY, (pbus_str_t){bytes, BYTES});
    reading.media_type = PBUS_STR("image/png");
    testing_t self = testing_new();
    testing_open(&self);
    pbus_event_t event = testing_event(1, &reading, 1);
    s_round_trip(&self, &event);
    event = testing_event(2, many, READINGS); /* more names than are worth a series: mixed */
    s_round_trip(&self, &event);
    testing_remove(&self);
    free(bytes);
    free(many);
}

/* What cannot be read back is refused, alone. */
static void test_not_json(void **state)
{
    (void) state;
    pbus_reading_t readings[] = {
        testing_reading(PBUS_OBJECT, PBUS_STR("{\"a\":")), testing_reading(PBUS_OBJECT, PBUS_STR("null")),
        testing_reading(PBUS_OBJECT, PBUS_STR("1],[2")), testing_reading(PBUS_INT8, PBUS_STR("1"))};
    readings[3].tags = PBUS_STR("{},{}");
    testing_t self = testing_new();
    testing_open(&self);
    for (uint32_t i = 0; i < 4; i++) {
        pbus_event_t event = testing_event(i, &readings[i], 1);
        assert_int_equal(testing_add(&self, &event, i + 1), PBUS_INVALID);
    }
    pbus_write_t write = {.op = PBUS_ADD, .accept = 9, .id = testing_id(9), .data = "garbage", .size = 7};
    testing_expect_ok(&self, sqlite_backend.write(self.writer, &write, 1, &self.error));
    assert_int_equal(write.status, PBUS_INVALID);
    pbus_filter_t any = pbus_filter_any();
    assert_int_equal(testing_count(&self, PBUS_EVENTS, &any), 0);
    testing_remove(&self);
}

/* ---- writes ----------------------------------------------------------------------------------------------
 */

static void test_write_rules(void **state)
{
    (void) state;
    pbus_filter_t any = pbus_filter_any();
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 5));
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 5));        /* a resend */
    assert_int_equal(testing_add_simple(&self, 1, 10, 6), PBUS_CONFLICT); /* the number decides, */
    assert_int_equal(testing_add_simple(&self, 1, 11, 5), PBUS_OK);       /* not the content */
    assert_int_equal(testing_delete(&self, testing_id(2), 7), PBUS_NOT_FOUND);
    assert_int_equal(testing_count(&self, PBUS_EVENTS, &any), 1);
    testing_expect_ok(&self, testing_delete(&self, testing_id(1), 8));
    assert_int_equal(testing_count(&self, PBUS_READINGS, &any), 0);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 12, 9)); /* free again */
    testing_remove(&self);
}

static void test_mark(void **state)
{
    (void) state;
    pbus_health_t first, health;
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, sqlite_backend.health(self.writer, &first, &self.error));
    assert_int_equal(first.applied_mark, 0);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, UINT64_MAX - 1)); /* numbers have no sign */
    testing_expect_ok(&self, testing_add_simple(&self, 2, 10, 3));
    assert_int_equal(testing_delete(&self, testing_id(7), 4), PBUS_NOT_FOUND);
    testing_expect_ok(&self, testing_delete(&self, testing_id(1), 5));
    testing_close(&self);
    testing_open(&self);
    testing_expect_ok(&self, sqlite_backend.health(self.writer, &health, &self.error));
    assert_true(health.durable);
    assert_true(health.applied_mark == UINT64_MAX - 1);
    assert_memory_equal(&health.data_set, &first.data_set, sizeof health.data_set);
    testing_remove(&self);
}

static void test_data_sets_differ(void **state)
{
    (void) state;
    pbus_health_t a, b;
    testing_t one = testing_new(), other = testing_new();
    testing_open(&one);
    testing_open(&other);
    testing_expect_ok(&one, sqlite_backend.health(one.writer, &a, &one.error));
    testing_expect_ok(&other, sqlite_backend.health(other.writer, &b, &other.error));
    assert_memory_not_equal(&a.data_set, &b.data_set, sizeof a.data_set);
    testing_remove(&one);
    testing_remove(&other);
}

/* ---- lists -----------------------------------------------------------------------------------------------
 */

enum { DEVICES = 600, EVENTS = 1800 };

static void s_make_of_many_devices(uint32_t i, pbus_event_t *event, pbus_reading_t *reading)
{
    static char device[16];
    snprintf(device, sizeof device, "d%u", i % DEVICES);
    *reading = testing_reading(PBUS_INT32, PBUS_STR("1"));
    *event = testing_event(i + 1, reading, 1);
    event->device = reading->device = pbus_str(device);
    event->origin = 1000 + i / 4;
    reading->origin = event->origin + i % 3;
    if (i % 50 == 49)
        reading->resource = PBUS_STR("other");
}

/* So many devices that a short page for their common resource is found by walking, a long one by merging. */
static void test_many_series(void **state)
{
    (void) state;
    pbus_str_t resource = PBUS_STR("r"), long_page[EVENTS];
    testing_t self = testing_new();
    testing_open(&self);
    testing_add_many(&self, EVENTS, s_make_of_many_devices);
    pbus_query_t query = testing_query(0, 100000); /* so many that series are merged */
    query.filter.resources = &resource;
    query.filter.resource_count = 1;
    pbus_answer_t answer = testing_list(&self, PBUS_READINGS, &query);
    size_t total = answer.count;
    assert_int_equal(total, EVENTS - EVENTS / 50);
    pbus_buf_t kept = {0};
    const pbus_buf_t *whole = pbus_result_answer(self.result, &self.error);
    pbus_buf_append(&kept, whole->data, whole->size);
    assert_true(pbus_answer_open(&answer, kept.data, kept.size));
    pbus_reading_t reading;
    int64_t last = INT64_MAX;
    for (size_t i = 0; pbus_answer_reading(&answer, &reading); i++) {
        assert_true(reading.origin <= last);
        last = reading.origin;
        long_page[i] = reading.device;
    }
    for (uint64_t offset = 0; offset < total; offset += 17) {
        query.offset = offset;
        query.limit = 5;
        answer = testing_list(&self, PBUS_READINGS, &query);
        assert_int_equal(answer.count, total - offset < 5 ? total - offset : 5);
        for (size_t i = offset; pbus_answer_reading(&answer, &reading); i++)
            assert_true(pbus_str_eq(reading.device, long_page[i]));
    }
    pbus_buf_clear(&kept);
    testing_remove(&self);
}

/* An answer with a limit of bytes stops early, and goes on at a greater offset. */
static void test_full_answer(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    for (uint32_t i = 1; i <= 20; i++)
        testing_expect_ok(&self, testing_add_simple(&self, i, i, i));
    pbus_query_t query = testing_query(0, 100);
    size_t got = 0;
    for (bool more = true; more; got = query.offset) {
        pbus_result_reset(self.result, 200, 1 << 20);
        testing_expect_ok(&self, sqlite_backend.list_events(self.reader, &query, self.result, &self.error));
        pbus_answer_t answer = testing_answer(&self);
        assert_true(answer.count > 0 && answer.total == 20);
        query.offset += answer.count;
        more = answer.more;
    }
    assert_int_equal(got, 20);
    testing_remove(&self);
}

static void test_deadline(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    pbus_query_t query = testing_query(0, 10);
    query.deadline = pbus_clock_boottime() - 1;
    testing_reset(&self);
    assert_int_equal(sqlite_backend.list_events(self.reader, &query, self.result, &self.error), PBUS_TIMEOUT);
    assert_int_equal(sqlite_backend.list_readings(self.reader, &query, self.result, &self.error),
                     PBUS_TIMEOUT);
    query.deadline = pbus_clock_boottime() + INT64_C(60000000000);
    testing_expect_ok(&self, sqlite_backend.list_events(self.reader, &query, self.result, &self.error));
    testing_remove(&self);
}

/* The writing handle answers questions as well. */
static void test_one_handle(void **state)
{
    (void) state;
    uint64_t count;
    pbus_filter_t any = pbus_filter_any();
    testing_t self = testing_new();
    assert_int_equal(testing_try_open(&self), PBUS_OK);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    testing_expect_ok(&self, sqlite_backend.count(self.writer, PBUS_EVENTS, &any, &count, &self.error));
    assert_int_equal(count, 1);
    testing_expect_ok(&self, testing_add_simple(&self, 2, 10, 2));
    testing_remove(&self);
}

/* ---- what a person sees ----------------------------------------------------------------------------------
 */

static void test_views(void **state)
{
    (void) state;
    pbus_reading_t readings[] = {testing_reading(PBUS_FLOAT32, PBUS_STR("2.15e+01")),
                                 testing_reading(PBUS_OBJECT, PBUS_STR("{\"a\":1}"))};
    readings[0].units = PBUS_STR("C");
    readings[0].origin = 1000;
    readings[1].origin = 2500000000;
    readings[1].resource = PBUS_STR("r2");
    readings[1].tags = PBUS_STR("{\"t\":1}");
    pbus_event_t event = testing_event(1, readings, 2);
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, testing_add(&self, &event, 5));
    testing_expect_sql(self.path, "SELECT id, time, device, profile, source, tags, accept FROM event_list",
                       "01000000-0000-0000-0000-000000000000|1970-01-01T00:00:00.000001000Z|d|p|s|-|5\n");
    testing_expect_sql(
        self.path,
        "SELECT time, origin, device, resource, type, value, units, tags FROM readings ORDER BY position",
        "1970-01-01T00:00:00.000001000Z|1000|d|r|Float32|21.5|C|-\n"
        "1970-01-01T00:00:02.500000000Z|2500000000|d|r2|Object|{\"a\":1}|-|{\"t\":1}\n");
    testing_expect_sql(self.path, "SELECT events, readings FROM store", "1|2\n");
    testing_remove(&self);
}

/* The same clear text from mixed series, whose rows hold their names. */
static void test_views_of_mixed(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    for (uint32_t i = 1; i <= 70; i++) {
        char units[8];
        snprintf(units, sizeof units, "u%u", i);
        pbus_reading_t reading = testing_reading(PBUS_INT32, PBUS_STR("5"));
        reading.units = pbus_str(units);
        pbus_event_t event = testing_event(i, &reading, 1);
        testing_expect_ok(&self, testing_add(&self, &event, i));
    }
    testing_expect_sql(
        self.path, "SELECT kind, count(*), sum(events) FROM series JOIN counts USING (series) GROUP BY kind",
        "0|64|64\n1|1|6\n");
    testing_expect_sql(self.path,
                       "SELECT count(*), count(DISTINCT units), min(profile), max(resource) FROM readings",
                       "70|70|p|r\n");
    testing_expect_sql(self.path, "SELECT profile, source FROM event_list WHERE accept = 70", "p|s\n");
    testing_remove(&self);
}

/* Series whose last event is gone are forgotten at the next start, and their numbers are not used again. */
static void test_forgets_series(void **state)
{
    (void) state;
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    testing_expect_ok(&self, testing_delete(&self, testing_id(1), 2));
    testing_expect_sql(self.path, "SELECT series FROM series", "1\n");
    testing_close(&self);
    testing_open(&self);
    testing_expect_sql(
        self.path, "SELECT (SELECT count(*) FROM series), (SELECT count(*) FROM series_readings)", "0|0\n");
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 3));
    testing_expect_sql(self.path, "SELECT series FROM series", "2\n");
    testing_remove(&self);
}

/* The README's queries are run as they stand there. */
static void test_readme(void **state)
{
    (void) state;
    char line[500];
    pbus_buf_t sql = {0};
    bool inside = false;
    testing_t self = testing_new();
    testing_open(&self);
    testing_expect_ok(&self, testing_add_simple(&self, 1, 10, 1));
    FILE *readme = fopen("services/persist-sqlite/README.md", "r");
    assert_non_null(readme);
    while (fgets(line, sizeof line, readme)) {
        if (strncmp(line, "```", 3) == 0)
            inside = strcmp(line, "```sql\n") == 0;
        else if (inside)
            pbus_buf_puts(&sql, line);
    }
    fclose(readme);
    assert_true(sql.size > 500);
    pbus_buf_append(&sql, "", 1);
    testing_sql(self.path, (char *) sql.data);
    pbus_buf_clear(&sql);
    testing_remove(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_large_events),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_write_rules),
        cmocka_unit_test(test_mark),
        cmocka_unit_test(test_data_sets_differ),
        cmocka_unit_test(test_many_series),
        cmocka_unit_test(test_full_answer),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_one_handle),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_views_of_mixed),
        cmocka_unit_test(test_forgets_series),
        cmocka_unit_test(test_readme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
