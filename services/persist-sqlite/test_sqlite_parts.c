/*
 * Unit tests of the parts that stand alone: jsontext, tally, row.
 */
#include "sqlite_testing.h"

#include "jsontext.h"
#include "row.h"
#include "tally.h"

/* ---- jsontext --------------------------------------------------------------------------------------------
 */

static void s_check_string(pbus_str_t text, const char *json)
{
    pbus_buf_t out = {0};
    jsontext_put_string(&out, text);
    pbus_str_t token = {(char *) out.data, out.size};
    assert_true(pbus_str_eq(token, pbus_str(json)));
    assert_true(jsontext_is_token(token));
    assert_true(jsontext_get_string(&token));
    assert_true(pbus_str_eq(token, text));
    pbus_buf_clear(&out);
}

static void test_strings(void **state)
{
    (void) state;
    s_check_string(PBUS_STR(""), "\"\"");
    s_check_string(PBUS_STR("plain \xc3\xa9"), "\"plain \xc3\xa9\"");
    s_check_string(PBUS_STR("\"\\/"), "\"\\\"\\\\/\"");
    s_check_string(PBUS_STR("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
}

/* What other writers of JSON make of the same text, and what is no text at all. */
static void test_foreign_strings(void **state)
{
    (void) state;
    static const struct {
        const char *json, *text; /* NULL: refused */
    } cases[] = {
        {"\"\\u00e9\\/\"", "\xc3\xa9/"},
        {"\"\\uD83D\\uDE00x\"", "\xf0\x9f\x98\x80x"},
        {"\"\\u20ac\"", "\xe2\x82\xac"},
        {"\"\\u0000\"", NULL},
        {"\"\\ud83d\"", NULL},
        {"\"\\ud83dx\\ude00\"", NULL},
        {"\"\\ude00\"", NULL},
        {"\"\\u12\"", NULL},
        {"\"\\u12g4\"", NULL},
        {"\"\\x\"", NULL},
        {"\"", NULL},
        {"12", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char copy[64];
        snprintf(copy, sizeof copy, "%s", cases[i].json);
        pbus_str_t token = pbus_str(copy);
        assert_int_equal(jsontext_get_string(&token), cases[i].text != NULL);
        if (cases[i].text)
            assert_true(pbus_str_eq(token, pbus_str(cases[i].text)));
    }
}

static void test_base64(void **state)
{
    (void) state;
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) (i * 7 + 3);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        pbus_buf_t out = {0};
        jsontext_put_base64(&out, (pbus_str_t){(char *) bytes, size});
        pbus_str_t token = {(char *) out.data, out.size};
        assert_true(jsontext_is_token(token));
        assert_true(jsontext_get_base64(&token));
        assert_int_equal(token.size, size);
        assert_memory_equal(token.data, bytes, size);
        pbus_buf_clear(&out);
    }
    char known[] = "\"aGk=\"", bad[] = "\"aG!=\"", uneven[] = "\"aGk\"";
    pbus_str_t token = pbus_str(known);
    assert_true(jsontext_get_base64(&token) && pbus_str_eq(token, PBUS_STR("hi")));
    token = pbus_str(bad);
    assert_false(jsontext_get_base64(&token));
    token = pbus_str(uneven);
    assert_false(jsontext_get_base64(&token));
}

static void test_tokens(void **state)
{
    (void) state;
    static const char *const good[] = {
        "1",        "-1.5e+10",          "null", "true", "\"a,b]\"", "[]", "{}", "[[1],{\"a\":\"]\"}]",
        "\"\\\"\"", "{\"a\":\"}\\\"}\"}"};
    static const char *const bad[] = {"",    " 1",    "1 ", "1,2",        "[",    "[1",
                                      "\"a", "\"a\\", "]",  "{\"a\":\"}", "[1]2", "\"a\"b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(jsontext_is_token(pbus_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(jsontext_is_token(pbus_str(bad[i])));
}

static void test_numbers(void **state)
{
    (void) state;
    static const char *const good[] = {"0", "-0", "10", "1.5e+00", "-2.25E-7", "0.1"};
    static const char *const bad[] = {"",   "-",   "01",  "+1", ".5",  "5.",
                                      "1e", "1e+", "NaN", "1x", "--1", "0x1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(jsontext_is_number(pbus_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(jsontext_is_number(pbus_str(bad[i])));
}

static void test_integers(void **state)
{
    (void) state;
    int64_t value;
    assert_true(jsontext_get_int(PBUS_STR("-9223372036854775808"), &value) && value == INT64_MIN);
    assert_true(jsontext_get_int(PBUS_STR("9223372036854775807"), &value) && value == INT64_MAX);
    assert_false(jsontext_get_int(PBUS_STR("9223372036854775808"), &value));
    assert_false(jsontext_get_int(PBUS_STR("-9223372036854775809"), &value));
    assert_false(jsontext_get_int(PBUS_STR("-"), &value));
    assert_false(jsontext_get_int(PBUS_STR("1.0"), &value));
}

static size_t s_elements(const char *json, bool *bad)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%s", json);
    jsontext_array_t array = jsontext_array(copy, strlen(copy));
    pbus_str_t token;
    size_t count = 0;
    while (jsontext_next(&array, &token))
        count++;
    *bad = array.bad;
    return count;
}

static void test_arrays(void **state)
{
    (void) state;
    bool bad;
    assert_true(s_elements("[]", &bad) == 0 && !bad);
    assert_true(s_elements("[1]", &bad) == 1 && !bad);
    assert_true(s_elements("[\"],[\",[1,[2]],{\"a\":[]},null]", &bad) == 4 && !bad);
    static const char *const wrong[] = {"",       "[",   "]",    "{}",   "[1,]", "[,1]",
                                        "[1 ,2]", "[1}", "[1]x", "[1,2", "[\"a]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        s_elements(wrong[i], &bad);
        assert_true(bad);
    }
}

/* ---- tally ---- */

static void test_tally(void **state)
{
    (void) state;
    tally_t *tally = tally_new();
    for (int round = 0; round < 2; round++) {
        tally_reset(tally);
        for (int64_t i = 1; i <= 3000; i++)
            assert_true(tally_add(tally, i % 1000 + 1, 1, 5));
        assert_true(tally_add(tally, 7, -2, -10));
        assert_int_equal(tally_events(tally), 2998);
        assert_int_equal(tally_readings(tally), 14990);
    }
    tally_destroy(&tally);
    assert_null(tally);
}

/* ---- row -------------------------------------------------------------------------------------------------
 */

/* A copy with a few bytes changed, and sometimes cut short. */
static pbus_str_t s_spoil(testing_random_t *random, const char *text, char copy[200])
{
    static const char likely[] = "[]{},\"\\nu0-e+/=";
    size_t size = strlen(text);
    memcpy(copy, text, size);
    for (uint64_t i = testing_random(random, 4); i > 0; i--)
        copy[testing_random(random, size)] = testing_random(random, 3) > 0
                                                 ? likely[testing_random(random, sizeof likely - 1)]
                                                 : (char) testing_random(random, 256);
    if (testing_random(random, 5) == 0)
        size = testing_random(random, size);
    return (pbus_str_t){copy, size};
}

/* Rows that other programs changed: refused or read, within bounds (which the sanitizers watch). */
static void test_spoilt_rows(void **state)
{
    (void) state;
    testing_random_t random = testing_seed();
    pbus_reading_t names[] = {testing_reading(PBUS_STRING, PBUS_STR("")),
                              testing_reading(PBUS_BINARY, PBUS_STR("")),
                              testing_reading(PBUS_OBJECT, PBUS_STR(""))};
    pbus_series_t series = {.kind = PBUS_SERIES_PLAIN,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .source = PBUS_STR("s"),
                            .readings = names,
                            .reading_count = 3};
    char copies[4][200];
    unsigned good = 0, bad = 0;
    pbus_buf_t out = {0};
    pbus_error_t error;
    row_t *row = row_new();
    for (int i = 0; i < 100000; i++) {
        series.kind = i % 2 ? PBUS_SERIES_PLAIN : PBUS_SERIES_MIXED;
        row_columns_t columns = {
            .tags = PBUS_STR(""),
            .data = s_spoil(&random, "[\"a\\u00e9\\n\",\"AAECAwQ=\",{\"a\":[1,\"]\"]}]", copies[0]),
            .origins = s_spoil(&random, "[0,-12,9223372036854775807]", copies[1]),
            .reading_tags = s_spoil(&random, "[null,{\"t\":1},null]", copies[2]),
            .shape = s_spoil(
                &random,
                "[\"p\",[\"d\",\"r\",\"p\",\"String\",\"\",\"\"],[\"d\",\"r\",\"p\",\"Binary\",\"\",\"m\"]"
                ",[\"d\",\"r\",\"p\",\"Object\",\"u\",\"\"]]",
                copies[3])};
        const pbus_event_t *event = row_decode(row, &columns, &series, &error);
        pbus_buf_reset(&out);
        if (event)
            pbus_event_encode(event, &out);
        good += event != NULL;
        bad += event == NULL;
    }
    assert_true(good > 1000 && bad > 1000);
    row_destroy(&row);
    pbus_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),     cmocka_unit_test(test_foreign_strings),
        cmocka_unit_test(test_base64),      cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_integers),
        cmocka_unit_test(test_arrays),      cmocka_unit_test(test_tally),
        cmocka_unit_test(test_spoilt_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
