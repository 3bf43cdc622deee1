/*
 * The parts that need no server: URLs, commands, keys and members, bounds, the encoding of events and of the
 * list of series.
 */
#include "redis_testing.h"

#include "ledger.h"
#include "range.h"
#include "row.h"
#include "scripts.h"
#include "url.h"

/* ---- URLs ------------------------------------------------------------------------------------------------
 */

static void s_check_url(const char *text, const char *host, int port, const char *user, const char *password,
                        int database, const char *where)
{
    url_t url;
    pbus_error_t error;
    if (url_parse(&url, text, &error) != PBUS_OK)
        fail_msg("%s: %s", text, error.text);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.user ? url.user : "", user);
    assert_string_equal(url.password ? url.password : "", password);
    assert_int_equal(url.database, database);
    assert_string_equal(url.where, where);
    url_clear(&url);
}

static void test_url_tcp(void **state)
{
    (void) state;
    s_check_url("redis://localhost", "localhost", 6379, "", "", 0, "redis at localhost:6379");
    s_check_url("redis://localhost/", "localhost", 6379, "", "", 0, "redis at localhost:6379");
    s_check_url("redis://10.0.0.1:7000/3", "10.0.0.1", 7000, "", "", 3, "redis at 10.0.0.1:7000, database 3");
    s_check_url("redis://:secret@h:1/2", "h", 1, "", "secret", 2, "redis at h:1, database 2");
    s_check_url("redis://joe:p%40ss%3A%2f@h", "h", 6379, "joe", "p@ss:/", 0, "redis at h:6379");
    s_check_url("redis://joe:a@b@h", "h", 6379, "joe", "a@b", 0, "redis at h:6379");
    s_check_url("redis://[::1]:6380/0", "::1", 6380, "", "", 0, "redis at [::1]:6380");
    s_check_url("redis://h?db=4", "h", 6379, "", "", 4, "redis at h:6379, database 4");
}

static void test_url_unix(void **state)
{
    (void) state;
    url_t url;
    pbus_error_t error;
    assert_int_equal(url_parse(&url, "unix:///run/redis.sock", &error), PBUS_OK);
    assert_null(url.host);
    assert_null(url.password);
    assert_string_equal(url.path, "/run/redis.sock");
    assert_string_equal(url.where, "redis at /run/redis.sock");
    url_clear(&url);
    assert_int_equal(url_parse(&url, "unix://joe:pw@/run/a%20b.sock?db=5", &error), PBUS_OK);
    assert_string_equal(url.path, "/run/a b.sock");
    assert_string_equal(url.user, "joe");
    assert_string_equal(url.password, "pw");
    assert_int_equal(url.database, 5);
    url_clear(&url);
}

static void test_url_refused(void **state)
{
    (void) state;
    static const char *const bad[] = {"",
                                      "localhost:6379",
                                      "http://h",
                                      "redis://",
                                      "redis://hush@",
                                      "redis://:6379",
                                      "redis://h:0",
                                      "redis://h:65536",
                                      "redis://h:hush",
                                      "redis://h/hush",
                                      "redis://h/-1",
                                      "redis://h?hush=1",
                                      "redis://u:hush/x@h",
                                      "redis://u@h",
                                      "redis://u:hush%zz@h",
                                      "redis://u:hush%00@h",
                                      "redis://[::1",
                                      "unix://",
                                      "unix://run/hush",
                                      "unix:///s?db=hush"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        url_t url;
        pbus_error_t error;
        if (url_parse(&url, bad[i], &error) != PBUS_INVALID)
            fail_msg("%s is taken", bad[i]);
        assert_non_null(strstr(error.text, "Redis.URL"));
        /* It may be a part of the password. */
        assert_null(strstr(error.text, "hush"));
    }
}

static void test_url_tls(void **state)
{
    (void) state;
    url_t url;
    pbus_error_t error;
    assert_int_equal(url_parse(&url, "rediss://h", &error), PBUS_INVALID);
    assert_non_null(strstr(error.text, "TLS"));
    assert_null(strchr(error.text, '\n'));
}

/* ---- commands --------------------------------------------------------------------------------------------
 */

static void test_command(void **state)
{
    (void) state;
    static const char expected[] = "*5\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n$3\r\n-12\r\n$4\r\np:xy\r\n";
    command_t command = {0};
    keys_t keys;
    size_t size;
    assert_true(keys_init(&keys, "p:"));
    for (int i = 0; i < 2; i++) {
        command_begin(&command, "SET");
        command_add(&command, "a\0b", 3);
        command_add(&command, NULL, 0);
        command_add_number(&command, -12);
        command_add_key(&command, keys_name(&keys, "xy"));
        const char *text = command_text(&command, &size);
        assert_non_null(text);
        assert_int_equal(size, sizeof expected - 1);
        assert_memory_equal(text, expected, size);
    }
    command_clear(&command);
}

static void test_prefix(void **state)
{
    (void) state;
    keys_t keys;
    char prefix[KEYS_PREFIX_MAX + 2];
    memset(prefix, 'x', sizeof prefix);
    prefix[KEYS_PREFIX_MAX] = '\0';
    assert_true(keys_init(&keys, prefix));
    assert_int_equal(keys_event(&keys, &(pbus_uuid_t){{0}}).size, KEYS_PREFIX_MAX + 17);
    prefix[KEYS_PREFIX_MAX] = 'x';
    prefix[KEYS_PREFIX_MAX + 1] = '\0';
    assert_false(keys_init(&keys, prefix));
    assert_false(keys_init(&keys, ""));
}

/* ---- members ---------------------------------------------------------------------------------------------
 */

static void test_member_order(void **state)
{
    (void) state;
    static const int64_t origins[] = {INT64_MIN,        INT64_MIN + 1, -1,       0, 1,
                                      INT64_C(1) << 40, INT64_MAX - 1, INT64_MAX};
    uint8_t last[MEMBER_SIZE], member[MEMBER_SIZE];
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++)
        for (uint64_t id = 0; id < 3; id++) {
            entry_t entry = {origins[i], testing_id(id << 20), 7}, read;
            member_write(&entry, member);
            assert_true(member_read(member, sizeof member, &read));
            assert_int_equal(read.origin, entry.origin);
            assert_int_equal(read.series, 7);
            assert_memory_equal(&read.id, &entry.id, sizeof entry.id);
            if (i > 0 || id > 0)
                assert_true(memcmp(last, member, sizeof member) < 0);
            memcpy(last, member, sizeof member);
        }
    entry_t ignored;
    assert_false(member_read(member, MEMBER_SIZE - 1, &ignored));
}

static void test_bounds(void **state)
{
    (void) state;
    pbus_uuid_t highest;
    uint8_t member[MEMBER_SIZE];
    memset(&highest, 0xff, sizeof highest);
    bound_t min = range_min((pbus_span_t){5, 9}), max = range_max((pbus_span_t){5, 9});
    assert_int_equal(min.bytes[0], '[');
    assert_int_equal(max.bytes[0], '[');
    member_write(&(entry_t){5, testing_id(0), 0}, member);
    assert_true(memcmp(min.bytes + 1, member, min.size - 1) <= 0);
    member_write(&(entry_t){9, highest, PBUS_SERIES_NUMBER_MAX}, member);
    assert_true(max.size - 1 > sizeof member && memcmp(max.bytes + 1, member, sizeof member) >= 0);
    assert_memory_equal(range_min((pbus_span_t){INT64_MIN, 0}).bytes, "-", 1);
    assert_memory_equal(range_max((pbus_span_t){0, INT64_MAX}).bytes, "+", 1);
}

/* ---- rows ------------------------------------------------------------------------------------------------
 */

static pbus_str_t s_view(const pbus_buf_t *buf)
{
    return (pbus_str_t){(const char *) buf->data, buf->size};
}

/* Encodes the event as one of a series of its own, decodes it, and compares. */
static void s_round_trip(const pbus_event_t *event, pbus_series_kind_t kind, bool large)
{
    pbus_catalogue_t *catalogue = pbus_catalogue_new();
    pbus_buf_t data = {0}, again = {0};
    row_bytes_t bytes = {{0}, {0}};
    row_t *row = row_new();
    pbus_error_t error;
    pbus_event_encode(event, &data);
    pbus_series_t draft = pbus_catalogue_assign(catalogue, event).draft;
    draft.number = 77;
    draft.kind = kind;
    draft.reading_count = kind == PBUS_SERIES_PLAIN ? draft.reading_count : 0;
    const pbus_series_t *series = pbus_catalogue_add(catalogue, &draft);
    assert_int_equal(row_encode(&bytes, event, s_view(&data), 1234567890123, series, &error), PBUS_OK);
    assert_int_equal(bytes.body.size > 0, large);
    assert_true(bytes.blob.size <= ROW_INLINE_MAX);
    row_head_t head;
    assert_true(row_read_head(bytes.blob.data, bytes.blob.size, &head));
    assert_int_equal(head.origin, event->origin);
    assert_int_equal(head.accept, 1234567890123);
    assert_int_equal(head.series, 77);
    assert_int_equal(head.readings, event->reading_count);
    assert_int_equal(head.large, large);
    const pbus_event_t *read =
        row_decode(row, &event->id, s_view(&bytes.blob), s_view(&bytes.body), series, &error);
    if (!read)
        fail_msg("%s", error.text);
    pbus_event_encode(read, &again);
    assert_int_equal(again.size, data.size);
    assert_memory_equal(again.data, data.data, data.size);
    assert_int_equal(row_accept(row), 1234567890123);
    row_destroy(&row);
    row_bytes_clear(&bytes);
    pbus_buf_clear(&data);
    pbus_buf_clear(&again);
    pbus_catalogue_destroy(&catalogue);
}

static pbus_reading_t s_reading(pbus_type_t type, pbus_str_t value)
{
    return (pbus_reading_t){.origin = 1000,
                            .device = PBUS_STR("device"),
                            .profile = PBUS_STR("profile"),
                            .resource = PBUS_STR("resource"),
                            .type = type,
                            .units = PBUS_STR(""),
                            .tags = PBUS_STR(""),
                            .value = value,
                            .media_type = type == PBUS_BINARY ? PBUS_STR("image/png") : PBUS_STR("")};
}

static pbus_event_t s_event(pbus_reading_t *readings, size_t count)
{
    return (pbus_event_t){.id = testing_id(42),
                          .origin = 1000,
                          .device = PBUS_STR("device"),
                          .profile = PBUS_STR("profile"),
                          .source = PBUS_STR("source"),
                          .tags = PBUS_STR(""),
                          .readings = readings,
                          .reading_count = count};
}

static void test_row_types(void **state)
{
    (void) state;
    for (int type = PBUS_BOOL; type <= PBUS_FLOAT64_ARRAY; type++)
        for (int null = 0; null < 2; null++) {
            pbus_reading_t reading = s_reading((pbus_type_t) type, PBUS_STR("[1,2]"));
            if (null) {
                reading.is_null = true;
                reading.value = reading.media_type = PBUS_STR("");
            }
            pbus_event_t event = s_event(&reading, 1);
            s_round_trip(&event, PBUS_SERIES_PLAIN, false);
            s_round_trip(&event, PBUS_SERIES_MIXED, false);
        }
}

static void test_row_parts(void **state)
{
    (void) state;
    pbus_reading_t readings[3] = {s_reading(PBUS_STRING, PBUS_STR("")),
                                  s_reading(PBUS_BINARY, (pbus_str_t){"\0\xff", 2}),
                                  s_reading(PBUS_OBJECT, PBUS_STR("{}"))};
    readings[0].origin = INT64_MAX;
    readings[1].origin = INT64_MIN;
    readings[1].tags = PBUS_STR("{\"a\":1}");
    readings[2].units = PBUS_STR("\xc2\xb0"
                                 "C");
    for (size_t count = 1; count <= 3; count++) {
        pbus_event_t event = s_event(readings, count);
        s_round_trip(&event, PBUS_SERIES_PLAIN, false);
        event.origin = INT64_MIN;
        event.tags = PBUS_STR("{\"b\":[]}");
        s_round_trip(&event, PBUS_SERIES_PLAIN, false);
        s_round_trip(&event, PBUS_SERIES_MIXED_FOREIGN, false);
    }
}

/* Around the size from which on the body has a key of its own. */
static void test_row_large(void **state)
{
    (void) state;
    static char text[ROW_INLINE_MAX + 8];
    memset(text, 'x', sizeof text);
    for (size_t size = ROW_INLINE_MAX - 40; size < sizeof text; size++) {
        pbus_reading_t reading = s_reading(PBUS_STRING, (pbus_str_t){text, size});
        pbus_event_t event = s_event(&reading, 1);
        s_round_trip(&event, PBUS_SERIES_PLAIN, ROW_HEAD + 2 + size > ROW_INLINE_MAX);
    }
}

/* Whatever the bytes are, they give an event or an error. */
static void test_row_damaged(void **state)
{
    (void) state;
    testing_random_t random = testing_seed();
    pbus_reading_t readings[2] = {s_reading(PBUS_STRING, PBUS_STR("abc")),
                                  s_reading(PBUS_INT8, PBUS_STR("-5"))};
    readings[0].origin = 5;
    readings[1].tags = PBUS_STR("{}");
    pbus_event_t event = s_event(readings, 2);
    pbus_error_t error;
    pbus_catalogue_t *catalogue = pbus_catalogue_new();
    pbus_series_t draft = pbus_catalogue_assign(catalogue, &event).draft;
    draft.number = 1;
    const pbus_series_t *series = pbus_catalogue_add(catalogue, &draft);
    row_bytes_t bytes = {{0}, {0}};
    row_t *row = row_new();
    assert_int_equal(row_encode(&bytes, &event, PBUS_STR(""), 1, series, &error), PBUS_OK);
    for (int i = 0; i < 100000; i++) {
        /* Memory of exactly that size, so that a sanitizer sees what is read beyond. */
        size_t size = i % 2 ? bytes.blob.size : testing_random(&random, bytes.blob.size + 1);
        char *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, bytes.blob.data, size);
        for (uint64_t k = testing_random(&random, 4); k > 0 && size > 0; k--)
            copy[testing_random(&random, size)] = (char) testing_random(&random, 256);
        char *exact = realloc(copy, size ? size : 1);
        assert_non_null(exact);
        const pbus_event_t *read =
            row_decode(row, &event.id, (pbus_str_t){exact, size}, PBUS_STR(""), series, &error);
        if (read)
            assert_int_equal(read->reading_count, 2);
        else
            assert_int_equal(error.status, PBUS_INTERNAL);
        free(exact);
    }
    row_destroy(&row);
    row_bytes_clear(&bytes);
    pbus_catalogue_destroy(&catalogue);
}

/* ---- the list of series ----------------------------------------------------------------------------------
 */

static void s_check_same(const pbus_series_t *a, const pbus_series_t *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->class, b->class);
    assert_int_equal(a->spread.low, b->spread.low);
    assert_int_equal(a->spread.high, b->spread.high);
    assert_true(pbus_str_eq(a->device, b->device) && pbus_str_eq(a->source, b->source));
    assert_true(a->kind != PBUS_SERIES_PLAIN || pbus_str_eq(a->profile, b->profile));
    assert_int_equal(a->reading_count, b->reading_count);
    for (size_t i = 0; i < a->reading_count; i++) {
        const pbus_reading_t *x = &a->readings[i], *y = &b->readings[i];
        assert_true(x->type == y->type && pbus_str_eq(x->device, y->device) &&
                    pbus_str_eq(x->profile, y->profile) && pbus_str_eq(x->resource, y->resource) &&
                    pbus_str_eq(x->units, y->units) && pbus_str_eq(x->media_type, y->media_type));
    }
}

static void test_ledger(void **state)
{
    (void) state;
    pbus_reading_t readings[3] = {s_reading(PBUS_STRING, PBUS_STR("x")),
                                  s_reading(PBUS_BINARY, PBUS_STR("y")),
                                  s_reading(PBUS_BINARY, PBUS_STR(""))};
    readings[0].origin = -5000;
    readings[1].device = PBUS_STR("other");
    readings[1].profile = PBUS_STR("other too");
    readings[1].units = PBUS_STR("m");
    readings[2].is_null = true;
    readings[2].media_type = PBUS_STR("");
    pbus_event_t event = s_event(readings, 3);
    pbus_catalogue_t *here = pbus_catalogue_new(), *there = pbus_catalogue_new();
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_error_t error;
    pbus_series_t draft = pbus_catalogue_assign(here, &event).draft;
    for (int kind = PBUS_SERIES_PLAIN; kind < PBUS_SERIES_KINDS; kind++) {
        pbus_buf_t entry = {0};
        draft.kind = (pbus_series_kind_t) kind;
        draft.number = kind + 1;
        draft.reading_count = kind == PBUS_SERIES_PLAIN ? 3 : 0;
        const pbus_series_t *series = pbus_catalogue_add(here, &draft);
        ledger_write_series(series, &entry);
        assert_int_equal(ledger_read(there, decoder, kind + 1, entry.data, entry.size, &error), PBUS_OK);
        s_check_same(series, pbus_catalogue_series(there, kind + 1));
        pbus_buf_clear(&entry);
    }
    /* The event is of the first of them on either side. */
    assert_int_equal(pbus_catalogue_assign(there, &event).need, PBUS_CATALOGUE_NOTHING);
    assert_int_equal(pbus_catalogue_assign(there, &event).series->number, 1);
    pbus_catalogue_destroy(&here);
    pbus_catalogue_destroy(&there);
    pbus_decoder_destroy(&decoder);
}

static void test_ledger_spread(void **state)
{
    (void) state;
    pbus_reading_t reading = s_reading(PBUS_STRING, PBUS_STR("x"));
    pbus_event_t event = s_event(&reading, 1);
    reading.origin = event.origin + 10;
    pbus_catalogue_t *catalogue = pbus_catalogue_new();
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_buf_t entry = {0};
    pbus_error_t error;
    pbus_series_t draft = pbus_catalogue_assign(catalogue, &event).draft;
    draft.number = 1;
    assert_non_null(pbus_catalogue_add(catalogue, &draft));
    assert_int_equal(pbus_catalogue_assign(catalogue, &event).need, PBUS_CATALOGUE_NOTHING);
    reading.origin = event.origin + 500;
    pbus_assignment_t wider = pbus_catalogue_assign(catalogue, &event);
    assert_int_equal(wider.need, PBUS_CATALOGUE_SPREAD);
    ledger_write_spread(1, wider.draft.spread, &entry);
    assert_int_equal(ledger_read(catalogue, decoder, 2, entry.data, entry.size, &error), PBUS_OK);
    assert_int_equal(pbus_catalogue_assign(catalogue, &event).need, PBUS_CATALOGUE_NOTHING);
    /* Of a series that is not there; and bytes that are no entry. */
    entry.data[4] = 9;
    assert_int_equal(ledger_read(catalogue, decoder, 3, entry.data, entry.size, &error), PBUS_INTERNAL);
    assert_int_equal(ledger_read(catalogue, decoder, 3, "S", 1, &error), PBUS_INTERNAL);
    assert_int_equal(ledger_read(catalogue, decoder, 3, "", 0, &error), PBUS_INTERNAL);
    pbus_buf_clear(&entry);
    pbus_catalogue_destroy(&catalogue);
    pbus_decoder_destroy(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_tcp),      cmocka_unit_test(test_url_unix),
        cmocka_unit_test(test_url_refused),  cmocka_unit_test(test_url_tls),
        cmocka_unit_test(test_command),      cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_member_order), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_row_types),    cmocka_unit_test(test_row_parts),
        cmocka_unit_test(test_row_large),    cmocka_unit_test(test_row_damaged),
        cmocka_unit_test(test_ledger),       cmocka_unit_test(test_ledger_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
