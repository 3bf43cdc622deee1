/*
 * The parts that need no server: numbers, JSON as BSON, values, documents, tallies, filters, scratch memory.
 */
#include "document.h"
#include "filter.h"
#include "jsonbson.h"
#include "number.h"
#include "tally.h"
#include "testing.h"
#include "value.h"

#include <float.h>
#include <math.h>

/* ---- numbers ------------------------------------------------------------------------------------ */

typedef struct {
    double number;
    const char *scientific;
    const char *json;
} s_form_t;

static void test_number_forms(void **state)
{
    (void) state;
    static const s_form_t forms[] = {
        {0, "0e+00", "0"},
        {1, "1e+00", "1"},
        {1.5, "1.5e+00", "1.5"},
        {-21.5, "-2.15e+01", "-21.5"},
        {0.1, "1e-01", "0.1"},
        {100, "1e+02", "100"},
        {1e-6, "1e-06", "0.000001"},
        {9.5e-7, "9.5e-07", "9.5e-7"},
        {1e20, "1e+20", "100000000000000000000"},
        {1e21, "1e+21", "1e+21"},
        {1.25e-100, "1.25e-100", "1.25e-100"},
        {0.30000000000000004, "3.0000000000000004e-01", "0.30000000000000004"},
        {9007199254740993.0, "9.007199254740992e+15", "9007199254740992"},
        {DBL_MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"},
        {5e-324, "5e-324", "5e-324"},
        {123456.789, "1.23456789e+05", "123456.789"},
    };
    char text[NUMBER_TEXT];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(number_scientific(forms[i].number, text), strlen(forms[i].scientific));
        assert_string_equal(text, forms[i].scientific);
        assert_int_equal(number_json(forms[i].number, text), strlen(forms[i].json));
        assert_string_equal(text, forms[i].json);
    }
    assert_int_equal(number_scientific(NAN, text), 0);
    assert_int_equal(number_json(INFINITY, text), 0);
}

static void test_number_round_trip(void **state)
{
    (void) state;
    testing_chance_t chance = testing_seed();
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = testing_chance(&chance, UINT64_MAX);
        double number, again;
        char text[NUMBER_TEXT];
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number) || number == 0)
            continue;
        size_t size = number_scientific(number, text);
        assert_true(number_parse((pbus_str_t){text, size}, number_scientific, &again));
        assert_true(again == number);
        size = number_json(number, text);
        assert_true(number_parse((pbus_str_t){text, size}, number_json, &again));
        assert_true(again == number);
    }
}

static void test_number_refused(void **state)
{
    (void) state;
    static const char *const reals[] = {"",       "1",   "1.0e+00",  "1e+0",   "1E+00",  "+1e+00", "1.50e+00",
                                        "-0e+00", "NaN", "Infinity", "1e+400", "1e+00 ", "0x1p0",  "10e+00"};
    static const char *const ints[] = {"",
                                       "-",
                                       "+1",
                                       "01",
                                       "-0",
                                       "1 ",
                                       "1.0",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999"};
    double real;
    int64_t whole;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        assert_false(number_parse(pbus_str(reals[i]), number_scientific, &real));
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        assert_false(number_parse_int(pbus_str(ints[i]), &whole));
    assert_true(number_parse_int(PBUS_STR("-9223372036854775808"), &whole));
    assert_true(whole == INT64_MIN);
    assert_true(number_parse_int(PBUS_STR("0"), &whole));
    assert_int_equal(whole, 0);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void s_check_json(const char *json, bool taken)
{
    bson_t bson = BSON_INITIALIZER;
    pbus_buf_t again = {0};
    bson_iter_t iter;
    if (jsonbson_append(&bson, "v", pbus_str(json)) != taken)
        fail_msg("%s is %s", json, taken ? "refused" : "taken");
    assert_int_equal(bson_count_keys(&bson), taken);
    if (taken) {
        assert_true(bson_iter_init_find(&iter, &bson, "v"));
        assert_true(jsonbson_write(&again, &iter));
        assert_int_equal(again.size, strlen(json));
        assert_memory_equal(again.data, json, again.size);
    }
    pbus_buf_clear(&again);
    bson_destroy(&bson);
}

static void test_json_taken(void **state)
{
    (void) state;
    static const char *const taken[] = {
        "{}",
        "[]",
        "{\"a\":1}",
        "{\"a\":{\"b\":[1,2.5,\"x\",null,true,false,{}]}}",
        "{\"n\":9223372036854775807}",
        "{\"n\":-9223372036854775808}",
        "{\"n\":1e-7}",
        "{\"n\":1e+21}",
        "{\"s\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f<>&\xc3\xa9\xe2\x80\xa8\xf0\x9f\x8c\xa1\"}",
        "{\"A\":1,\"B\":2,\"a\":3,\"\xc3\xa9\":4}",
        "[{\"a\":[1]},{\"b\":[]}]",
        "{\"a\":0}",
    };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        s_check_json(taken[i], true);
}

static void test_json_refused(void **state)
{
    (void) state;
    static const char *const refused[] = {
        "",
        "{",
        "7",
        "\"x\"",
        "null",
        "true",
        "{\"a\":1} ",
        "{ \"a\":1}",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"$a\":1}",
        "{\"a.b\":1}",
        "{\"\":1}",
        "{\"_id\":1}",
        "{\"a\":{\"$b\":1}}",
        "[[1]]",
        "{\"a\":[[]]}",
        "{\"n\":9223372036854775808}",
        "{\"n\":18446744073709551615}",
        "{\"n\":1.0}",
        "{\"n\":-0}",
        "{\"n\":1e400}",
        "{\"n\":1E5}",
        "{\"s\":\"\\u0000\"}",
        "{\"s\":\"\\/\"}",
        "{\"s\":\"\\u00e9\"}",
        "{\"a\\u0000b\":1}",
        "{\"a\":0.10}",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        s_check_json(refused[i], false);
}

static void test_json_deep(void **state)
{
    (void) state;
    char json[2000] = "";
    for (int i = 0; i < 31; i++)
        strcat(json, "{\"a\":");
    strcat(json, "{}");
    for (int i = 0; i < 31; i++)
        strcat(json, "}");
    s_check_json(json, true);
    char deeper[2100];
    snprintf(deeper, sizeof deeper, "{\"a\":%s}", json);
    s_check_json(deeper, false);
}

/* ---- values and documents ----------------------------------------------------------------------- */

static void s_check_event(const pbus_event_t *event, uint64_t accept)
{
    pbus_error_t error;
    pbus_event_t again;
    uint64_t number;
    pbus_buf_t before = {0}, after = {0};
    document_decoder_t *decoder = document_decoder_new();
    bson_t *bson = document_new(event, accept, 5, &error);
    assert_non_null(bson);
    assert_true(bson_validate(bson, BSON_VALIDATE_UTF8, NULL));
    assert_int_equal(document_event(decoder, bson, &again, &number, &error), PBUS_OK);
    pbus_event_encode(event, &before);
    pbus_event_encode(&again, &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    assert_true(number == accept);
    pbus_buf_clear(&before);
    pbus_buf_clear(&after);
    bson_destroy(bson);
    document_decoder_destroy(&decoder);
}

static pbus_reading_t s_reading_of(size_t value)
{
    pbus_reading_t reading = {.origin = 5,
                              .device = PBUS_STR("d"),
                              .profile = PBUS_STR("p"),
                              .resource = PBUS_STR("r"),
                              .type = testing_values[value].type,
                              .value = pbus_str(testing_values[value].value)};
    if (reading.type == PBUS_BINARY)
        reading.media_type = PBUS_STR("x/y");
    return reading;
}

static pbus_event_t s_event_of(const pbus_reading_t *readings, size_t count)
{
    return (pbus_event_t){.id = {{1, 2, 3}},
                          .origin = 5,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = readings,
                          .reading_count = count};
}

static void test_values(void **state)
{
    (void) state;
    bool seen[28] = {0};
    for (size_t i = 0; i < TESTING_VALUES; i++) {
        pbus_reading_t reading = s_reading_of(i);
        pbus_event_t event = s_event_of(&reading, 1);
        s_check_event(&event, i);
        seen[reading.type] = true;
        reading.is_null = true;
        reading.value = reading.media_type = PBUS_STR("");
        s_check_event(&event, UINT64_MAX - i);
    }
    for (int type = PBUS_BOOL; type <= PBUS_FLOAT64_ARRAY; type++)
        assert_true(seen[type]);
}

/* What people see: the BSON type of a value. */
static bson_type_t s_type_of(pbus_type_t type, const char *value)
{
    bson_t bson = BSON_INITIALIZER;
    bson_iter_t iter;
    pbus_reading_t reading = {.type = type, .value = pbus_str(value)};
    assert_true(value_append(&bson, &reading));
    assert_true(bson_iter_init_find(&iter, &bson, "value"));
    bson_type_t found = bson_iter_type(&iter);
    bson_destroy(&bson);
    return found;
}

static void test_native_values(void **state)
{
    (void) state;
    assert_int_equal(s_type_of(PBUS_FLOAT64, "2.15e+01"), BSON_TYPE_DOUBLE);
    assert_int_equal(s_type_of(PBUS_FLOAT32, "1.2345679e+08"), BSON_TYPE_DOUBLE);
    assert_int_equal(s_type_of(PBUS_FLOAT64, "NaN"), BSON_TYPE_UTF8);
    assert_int_equal(s_type_of(PBUS_UINT8, "255"), BSON_TYPE_INT32);
    assert_int_equal(s_type_of(PBUS_UINT32, "4294967295"), BSON_TYPE_INT64);
    assert_int_equal(s_type_of(PBUS_UINT64, "9223372036854775808"), BSON_TYPE_UTF8);
    assert_int_equal(s_type_of(PBUS_BOOL, "true"), BSON_TYPE_BOOL);
    assert_int_equal(s_type_of(PBUS_BOOL, "T"), BSON_TYPE_UTF8);
    assert_int_equal(s_type_of(PBUS_STRING, "12"), BSON_TYPE_UTF8);
    assert_int_equal(s_type_of(PBUS_BINARY, "12"), BSON_TYPE_BINARY);
    assert_int_equal(s_type_of(PBUS_OBJECT, "{\"a\":1}"), BSON_TYPE_DOCUMENT);
    assert_int_equal(s_type_of(PBUS_OBJECT_ARRAY, "[1]"), BSON_TYPE_ARRAY);
    assert_int_equal(s_type_of(PBUS_OBJECT, "{\"$a\":1}"), BSON_TYPE_UTF8);
    assert_int_equal(s_type_of(PBUS_INT8_ARRAY, "[1]"), BSON_TYPE_UTF8);
}

static void test_random_events(void **state)
{
    (void) state;
    testing_chance_t chance = testing_seed();
    for (unsigned i = 0; i < 3000; i++) {
        pbus_event_t event;
        pbus_reading_t readings[TESTING_READINGS];
        testing_kind_t kind = {.times = 1000, .spread = i % 6};
        testing_event(&chance, &kind, testing_id(&chance), &event, readings);
        s_check_event(&event, testing_chance(&chance, UINT64_MAX));
    }
}

static int64_t s_field(const bson_t *bson, const char *key)
{
    bson_iter_t iter;
    assert_true(bson_iter_init_find(&iter, bson, key));
    return BSON_ITER_HOLDS_DATE_TIME(&iter) ? bson_iter_date_time(&iter) : bson_iter_as_int64(&iter);
}

static void s_check_extent(int64_t event_origin, int64_t first, int64_t last, int spread, int64_t time)
{
    pbus_reading_t readings[] = {s_reading_of(0), s_reading_of(0)};
    pbus_event_t event = s_event_of(readings, 2);
    pbus_error_t error;
    event.origin = event_origin;
    readings[0].origin = first;
    readings[1].origin = last;
    bson_t *bson = document_new(&event, 1, 1, &error);
    assert_non_null(bson);
    assert_true(s_field(bson, "last") == last);
    assert_int_equal(s_field(bson, "spread"), spread);
    assert_true(s_field(bson, "time") == time);
    bson_destroy(bson);
}

static void test_extent(void **state)
{
    (void) state;
    s_check_extent(1999999, 1, 1000001, 0, 1);
    s_check_extent(-1, 1, 1000002, 1, -1);
    s_check_extent(-1000000, 0, INT64_C(1000000000), 1, -1);
    s_check_extent(-1000001, 0, INT64_C(1000000001), 2, -2);
    s_check_extent(1, 0, INT64_C(3600000000001), 3, 0);
    s_check_extent(1, 0, INT64_C(86400000000001), 4, 0);
    s_check_extent(INT64_MIN, INT64_MIN, INT64_MAX, 4, INT64_C(-9223372036855));
}

static void test_too_large(void **state)
{
    (void) state;
    size_t size = 17u << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    pbus_reading_t reading = s_reading_of(0);
    pbus_event_t event = s_event_of(&reading, 1);
    pbus_error_t error = {0};
    reading.type = PBUS_STRING;
    reading.value = (pbus_str_t){text, size};
    assert_null(document_new(&event, 1, 1, &error));
    assert_int_equal(error.status, PBUS_INVALID);
    assert_non_null(strstr(error.text, "01020300-0000-0000-0000-000000000000"));
    assert_non_null(strstr(error.text, "16777216"));
    reading.value.size = (16u << 20) - 4096;
    s_check_event(&event, 1);
    free(text);
}

static void test_names_too_long(void **state)
{
    (void) state;
    char *name = malloc(1u << 20);
    assert_non_null(name);
    memset(name, 'n', 1u << 20);
    pbus_reading_t readings[10];
    for (size_t i = 0; i < 10; i++) {
        readings[i] = s_reading_of(0);
        readings[i].resource = (pbus_str_t){name, (1u << 20) - i};
    }
    pbus_event_t event = s_event_of(readings, 10);
    pbus_error_t error = {0};
    assert_null(document_new(&event, 1, 1, &error));
    assert_int_equal(error.status, PBUS_INVALID);
    event.reading_count = 5;
    s_check_event(&event, 1);
    free(name);
}

static void test_too_many(void **state)
{
    (void) state;
    size_t count = DOCUMENT_READINGS_MAX + 1;
    pbus_reading_t *readings = calloc(count, sizeof *readings);
    assert_non_null(readings);
    for (size_t i = 0; i < count; i++)
        readings[i] = s_reading_of(0);
    pbus_event_t event = s_event_of(readings, count);
    pbus_error_t error = {0};
    assert_null(document_new(&event, 1, 1, &error));
    assert_int_equal(error.status, PBUS_INVALID);
    event.reading_count--;
    s_check_event(&event, 1);
    free(readings);
}

/* A document from which a field was taken, or in which it was made something else. */
static bool s_is_read(const bson_t *bson, const char *without, const char *changed)
{
    bson_t other = BSON_INITIALIZER;
    bson_iter_t iter;
    pbus_event_t event;
    uint64_t accept;
    pbus_error_t error = {0};
    document_decoder_t *decoder = document_decoder_new();
    bson_iter_init(&iter, bson);
    while (bson_iter_next(&iter))
        if (strcmp(bson_iter_key(&iter), changed) == 0)
            BSON_APPEND_DOUBLE(&other, changed, 1.5);
        else if (strcmp(bson_iter_key(&iter), without) != 0)
            bson_append_iter(&other, NULL, 0, &iter);
    pbus_status_t status = document_event(decoder, &other, &event, &accept, &error);
    if (status != PBUS_OK)
        assert_int_equal(status, PBUS_INTERNAL);
    bson_destroy(&other);
    document_decoder_destroy(&decoder);
    return status == PBUS_OK;
}

static void test_damaged(void **state)
{
    (void) state;
    static const char *const fields[] = {"_id",  "device", "source", "origin",
                                         "last", "accept", "batch",  "readings"};
    pbus_reading_t reading = s_reading_of(0);
    pbus_event_t event = s_event_of(&reading, 1);
    pbus_error_t error;
    bson_t *bson = document_new(&event, 1, 1, &error);
    assert_non_null(bson);
    assert_true(s_is_read(bson, "", ""));
    assert_true(s_is_read(bson, "time", ""));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        assert_false(s_is_read(bson, fields[i], ""));
        assert_false(s_is_read(bson, "", fields[i]));
    }
    bson_destroy(bson);
}

/* ---- tallies ------------------------------------------------------------------------------------ */

static void s_check_row(const tally_t *tally, tally_kind_t kind, int slot, const char *name, const char *part,
                        int64_t events, int64_t readings)
{
    const tally_row_t *row = tally_find(tally, kind, slot, pbus_str(name), pbus_str(part));
    if (!row)
        fail_msg("no row %s/%s", name, part);
    assert_int_equal(row->events, events);
    assert_int_equal(row->readings, readings);
}

static void s_tally_two(tally_t *tally)
{
    pbus_reading_t readings[] = {s_reading_of(0), s_reading_of(0), s_reading_of(0)};
    readings[1].resource = PBUS_STR("q");
    readings[2].device = PBUS_STR("other");
    pbus_event_t event = s_event_of(readings, 3);
    tally_event(tally, &event, 1);
    tally_event(tally, &event, 1);
}

static void s_check_two(const tally_t *tally, int slot)
{
    s_check_row(tally, TALLY_DEVICE, slot, "d", "", 2, 4);
    s_check_row(tally, TALLY_DEVICE, slot, "other", "", 0, 2);
    s_check_row(tally, TALLY_DEVICE_SOURCE, slot, "d", "s", 2, 0);
    s_check_row(tally, TALLY_DEVICE_RESOURCE, slot, "d", "r", 0, 2);
    s_check_row(tally, TALLY_DEVICE_RESOURCE, slot, "d", "q", 0, 2);
    s_check_row(tally, TALLY_DEVICE_RESOURCE, slot, "other", "r", 0, 2);
    s_check_row(tally, TALLY_RESOURCE, slot, "r", "", 0, 4);
    s_check_row(tally, TALLY_RESOURCE, slot, "q", "", 0, 2);
    assert_null(tally_find(tally, TALLY_DEVICE, slot, PBUS_STR("x"), PBUS_STR("")));
}

static void test_tally(void **state)
{
    (void) state;
    tally_t *tally = tally_new(), *copy = tally_new();
    bson_t batch = BSON_INITIALIZER;
    s_tally_two(tally);
    s_check_two(tally, 0);
    assert_int_equal(tally_events(tally), 2);
    assert_int_equal(tally_readings(tally), 6);
    tally_append(tally, &batch);
    assert_true(tally_take_batch(copy, 7, 1, &batch));
    s_check_two(copy, 7);
    bson_destroy(&batch);
    tally_destroy(&copy);
    tally_destroy(&tally);
}

static void s_append_counts(const tally_row_t *row, int slot, int64_t upto, bson_t *to)
{
    BSON_APPEND_INT32(to, "slot", slot);
    BSON_APPEND_INT64(to, "upto", upto);
    tally_append_row(row, to);
}

/* A row takes of a batch only what it does not include yet. */
static void test_tally_upto(void **state)
{
    (void) state;
    tally_t *tally = tally_new(), *copy = tally_new();
    bson_t batch = BSON_INITIALIZER, row = BSON_INITIALIZER;
    s_tally_two(tally);
    tally_append(tally, &batch);
    s_append_counts(tally_find(tally, TALLY_DEVICE, 0, PBUS_STR("d"), PBUS_STR("")), 7, 4, &row);
    assert_true(tally_take_counts(copy, &row));
    assert_true(tally_take_batch(copy, 7, 4, &batch));
    s_check_row(copy, TALLY_DEVICE, 7, "d", "", 2, 4);
    s_check_row(copy, TALLY_DEVICE_RESOURCE, 7, "d", "q", 0, 2);
    s_check_row(copy, TALLY_DEVICE, 7, "other", "", 0, 2); /* its row is not there, so it includes nothing */
    assert_true(tally_take_batch(copy, 7, 5, &batch));
    s_check_row(copy, TALLY_DEVICE, 7, "d", "", 4, 8);
    s_check_row(copy, TALLY_DEVICE_SOURCE, 7, "d", "s", 4, 0);
    bson_destroy(&row);
    bson_destroy(&batch);
    tally_destroy(&copy);
    tally_destroy(&tally);
}

static void test_tally_many(void **state)
{
    (void) state;
    tally_t *tally = tally_new();
    for (int i = 0; i < 3000; i++) {
        char name[16];
        snprintf(name, sizeof name, "r%d", i % 1500);
        pbus_reading_t reading = s_reading_of(0);
        pbus_event_t event = s_event_of(&reading, 1);
        reading.resource = pbus_str(name);
        tally_event(tally, &event, 1);
    }
    s_check_row(tally, TALLY_DEVICE_RESOURCE, 0, "d", "r1499", 0, 2);
    s_check_row(tally, TALLY_DEVICE, 0, "d", "", 3000, 3000);
    tally_reset(tally);
    assert_null(tally_rows(tally));
    assert_null(tally_find(tally, TALLY_DEVICE, 0, PBUS_STR("d"), PBUS_STR("")));
    tally_destroy(&tally);
}

static void test_tally_document(void **state)
{
    (void) state;
    pbus_reading_t readings[] = {s_reading_of(0), s_reading_of(0)};
    pbus_event_t event = s_event_of(readings, 2);
    pbus_error_t error;
    document_t document;
    readings[1].device = PBUS_STR("other");
    bson_t *bson = document_new(&event, 1, 1, &error);
    assert_true(bson && document_read(bson, &document));
    tally_t *tally = tally_new();
    tally_event(tally, &event, 1);
    assert_true(tally_document(tally, &document, -1));
    for (const tally_row_t *row = tally_rows(tally); row; row = row->next)
        assert_true(row->events == 0 && row->readings == 0);
    bson_t batch = BSON_INITIALIZER;
    bson_iter_t iter, rows;
    tally_append(tally, &batch);
    assert_true(bson_iter_init_find(&iter, &batch, "rows") && bson_iter_recurse(&iter, &rows));
    assert_false(bson_iter_next(&rows)); /* what comes to nothing is left out */
    bson_destroy(&batch);
    tally_destroy(&tally);
    bson_destroy(bson);
}

/* ---- filters ------------------------------------------------------------------------------------ */

static void s_check_filter(const pbus_filter_t *filter, const char *json)
{
    bson_t bson = BSON_INITIALIZER;
    filter_events(filter, &bson);
    char *text = bson_as_relaxed_extended_json(&bson, NULL);
    assert_string_equal(text, json);
    bson_free(text);
    bson_destroy(&bson);
}

static void test_filter_events(void **state)
{
    (void) state;
    pbus_filter_t filter = pbus_filter_any();
    s_check_filter(&filter, "{ }");
    filter.device = PBUS_STR("d");
    filter.origin_min = 5;
    s_check_filter(&filter, "{ \"device\" : \"d\", \"origin\" : { \"$gte\" : 5 } }");
    filter = pbus_filter_any();
    filter.accept_max = 9;
    s_check_filter(&filter, "{ \"accept\" : { \"$gte\" : 0, \"$lte\" : 9 } }");
    filter.accept_max = UINT64_MAX - 1;
    s_check_filter(&filter,
                   "{ \"$or\" : [ { \"accept\" : { \"$gte\" : 0 } }, { \"accept\" : { \"$lte\" : -2 } } ] }");
}

/* ---- memory ------------------------------------------------------------------------------------- */

static void test_scratch(void **state)
{
    (void) state;
    scratch_t scratch = {0};
    for (int round = 0; round < 3; round++) {
        char *small[2000];
        for (int i = 0; i < 2000; i++) {
            small[i] = scratch_alloc(&scratch, (size_t) i % 50 + 1);
            assert_non_null(small[i]);
            assert_int_equal((uintptr_t) small[i] % 16, 0);
            memset(small[i], i & 0xff, (size_t) i % 50 + 1);
        }
        char *large = scratch_alloc(&scratch, 1 << 20);
        assert_non_null(large);
        memset(large, 0xee, 1 << 20);
        for (int i = 0; i < 2000; i++)
            assert_int_equal(small[i][i % 50] & 0xff, i & 0xff);
        scratch_reset(&scratch);
    }
    assert_null(scratch_alloc(&scratch, SIZE_MAX - 3));
    scratch_clear(&scratch);
    assert_null(scratch.head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_forms),   cmocka_unit_test(test_number_round_trip),
        cmocka_unit_test(test_number_refused), cmocka_unit_test(test_json_taken),
        cmocka_unit_test(test_json_refused),   cmocka_unit_test(test_json_deep),
        cmocka_unit_test(test_values),         cmocka_unit_test(test_native_values),
        cmocka_unit_test(test_random_events),  cmocka_unit_test(test_extent),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_names_too_long), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_tally),          cmocka_unit_test(test_tally_upto),
        cmocka_unit_test(test_tally_many),     cmocka_unit_test(test_tally_document),
        cmocka_unit_test(test_filter_events),  cmocka_unit_test(test_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
