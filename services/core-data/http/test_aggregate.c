/*
 * Aggregate: exact sums, means and extremes, their rows and pages, from readings and from a backend's groups.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "aggregate.h"

#define MAX_VALUES 6

typedef struct {
    pbus_function_t function;
    pbus_type_t type;
    const char *values[MAX_VALUES]; /* "null": a null reading */
    const char *expected;           /* type and value of the row; NULL: does not fit */
} sum_case_t;

static const sum_case_t sum_cases[] = {
    {PBUS_SUM, PBUS_INT8, {"1", "-3", "127"}, "Int64','value':125"},
    {PBUS_SUM, PBUS_INT64, {"9223372036854775807", "-1", "1"}, "Int64','value':9223372036854775807"},
    {PBUS_SUM, PBUS_INT64, {"9223372036854775807", "1"}, NULL},
    {PBUS_SUM, PBUS_INT64, {"-9223372036854775808", "-1"}, NULL},
    {PBUS_SUM,
     PBUS_INT64,
     {"9223372036854775807", "9223372036854775807", "-9223372036854775808"},
     "Int64','value':9223372036854775806"},
    {PBUS_SUM, PBUS_INT64, {"-9223372036854775808"}, "Int64','value':-9223372036854775808"},
    {PBUS_SUM, PBUS_UINT64, {"18446744073709551614", "1"}, "Uint64','value':18446744073709551615"},
    {PBUS_SUM, PBUS_UINT64, {"18446744073709551615", "1"}, NULL},
    {PBUS_SUM, PBUS_UINT8, {"255", "255"}, "Uint64','value':510"},
    {PBUS_SUM, PBUS_INT32, {"5", "-5"}, "Int64','value':0"},
    {PBUS_SUM, PBUS_FLOAT64, {"1e-01", "2e-01"}, "Float64','value':0.3"},
    {PBUS_SUM, PBUS_FLOAT64, {"1e+20", "1e-20", "-1e+20"}, "Float64','value':1e-20"},
    {PBUS_SUM,
     PBUS_FLOAT64,
     {"1.7976931348623157e+308", "5e-324", "-1.7976931348623157e+308"},
     "Float64','value':5e-324"},
    {PBUS_SUM, PBUS_FLOAT64, {"1.7976931348623157e+308", "1.7976931348623157e+308"}, NULL},
    {PBUS_SUM, PBUS_FLOAT32, {"1.5e+00", "NaN", "+Inf", "2.5e-01"}, "Float64','value':1.75"},
    {PBUS_SUM, PBUS_FLOAT64, {"-1.5e+00", "-2e+00"}, "Float64','value':-3.5"},
    {PBUS_AVG, PBUS_INT16, {"1", "2"}, "Float64','value':1.5"},
    {PBUS_AVG, PBUS_INT16, {"1", "0", "0"}, "Float64','value':0.3333333333333333"},
    {PBUS_AVG, PBUS_INT16, {"-2", "0", "0"}, "Float64','value':-0.6666666666666666"},
    {PBUS_AVG,
     PBUS_UINT64,
     {"18446744073709551615", "18446744073709551615"},
     "Float64','value':18446744073709552000"},
    {PBUS_AVG, PBUS_FLOAT64, {"1e+300", "null", "3e+300"}, "Float64','value':2e+300"},
    {PBUS_AVG, PBUS_FLOAT64, {"5e-324", "0e+00"}, "Float64','value':5e-324"},
    {PBUS_AVG, PBUS_INT8, {"null"}, "Int8','value':''"},
    {PBUS_MIN, PBUS_INT64, {"5", "-7", "-6"}, "Int64','value':-7"},
    {PBUS_MAX, PBUS_INT64, {"-5", "-7", "-6"}, "Int64','value':-5"},
    {PBUS_MIN, PBUS_UINT64, {"18446744073709551615", "9"}, "Uint64','value':9"},
    {PBUS_MAX,
     PBUS_UINT64,
     {"18446744073709551614", "18446744073709551615", "0"},
     "Uint64','value':18446744073709551615"},
    {PBUS_MIN, PBUS_FLOAT32, {"1e-05", "2e-05", "-0e+00"}, "Float64','value':0"},
    {PBUS_MAX, PBUS_FLOAT64, {"9.5e+00", "1e+01", "NaN"}, "Float64','value':10"},
    {PBUS_MIN, PBUS_FLOAT64, {"-1e-300", "-1e+300"}, "Float64','value':-1e+300"},
    {PBUS_COUNT, PBUS_INT8, {"1", "null", "3"}, "Uint64','value':2"},
    {PBUS_COUNT, PBUS_STRING, {"1", "2"}, "Uint64','value':0"},
    {PBUS_COUNT, PBUS_OBJECT, {"{}"}, "Uint64','value':0"},
    {PBUS_SUM, PBUS_STRING, {"1", "2"}, "String','value':''"},
    {PBUS_MIN, PBUS_BOOL, {"true"}, "Bool','value':''"},
    {PBUS_MAX, PBUS_UINT8_ARRAY, {"[1]"}, "Uint8Array','value':''"},
    {PBUS_SUM, PBUS_BINARY, {"x"}, "Binary'"},
    {PBUS_SUM, PBUS_OBJECT, {"{}"}, "Object'"},
    {PBUS_SUM, PBUS_OBJECT_ARRAY, {"[]"}, "ObjectArray'"},
};

static pbus_reading_t s_reading(const char *device, const char *resource, pbus_type_t type, const char *value)
{
    return (pbus_reading_t){.origin = 1,
                            .device = pbus_str(device),
                            .profile = PBUS_STR("p"),
                            .resource = pbus_str(resource),
                            .type = type,
                            .is_null = strcmp(value, "null") == 0,
                            .value = pbus_str(value)};
}

static void s_expect(pbus_buf_t *out, const char *text)
{
    char *expected = strdup(text);
    for (char *p = expected; *p; p++)
        if (*p == '\'')
            *p = '"';
    pbus_buf_append(out, "", 1);
    assert_string_equal((char *) out->data, expected);
    free(expected);
    pbus_buf_clear(out);
}

static void s_test_functions(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof sum_cases / sizeof *sum_cases; i++) {
        const sum_case_t *it = &sum_cases[i];
        arena_t *arena = arena_new();
        aggregate_t *aggregate = aggregate_new(it->function, arena);
        pbus_buf_t out = {0};
        pbus_error_t error;
        char expected[256];
        for (size_t k = 0; k < MAX_VALUES && it->values[k]; k++) {
            pbus_reading_t reading = s_reading("d", "r", it->type, it->values[k]);
            assert_int_equal(aggregate_add_reading(aggregate, &reading, NULL), PBUS_OK);
        }
        pbus_status_t status = aggregate_render(aggregate, PBUS_STR("f"), 0, 20, &out, &error);
        assert_int_equal(status, it->expected ? PBUS_OK : PBUS_OVERFLOW);
        snprintf(expected, sizeof expected,
                 "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'f','readings':[{'deviceName':'d',"
                 "'resourceName':'r','profileName':'p','valueType':'%s}]}\n",
                 it->expected ? it->expected : "");
        if (it->expected)
            s_expect(&out, expected);
        pbus_buf_clear(&out);
        aggregate_destroy(&aggregate);
        arena_destroy(&arena);
    }
}

#define ROW(device, resource, type, value)                                                                   \
    "{'deviceName':'" device "','resourceName':'" resource "','profileName':'p','valueType':'" type          \
    "','value':" value "}"

static void s_test_rows(void **state)
{
    (void) state;
    arena_t *arena = arena_new();
    aggregate_t *aggregate = aggregate_new(PBUS_SUM, arena);
    pbus_buf_t out = {0};
    static const struct {
        const char *device, *resource;
        pbus_type_t type;
        const char *value;
    } readings[] = {
        {"b", "x", PBUS_INT8, "1"}, {"a", "y", PBUS_INT8, "2"},  {"a", "x", PBUS_INT16, "4"},
        {"b", "x", PBUS_INT8, "8"}, {"a", "x", PBUS_UINT8, "3"}, {"c", "x", PBUS_INT8, "5"},
    };
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        pbus_reading_t reading =
            s_reading(readings[i].device, readings[i].resource, readings[i].type, readings[i].value);
        assert_int_equal(aggregate_add_reading(aggregate, &reading, NULL), PBUS_OK);
    }
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("Sum"), 0, 20, &out, NULL), PBUS_OK);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'Sum','readings':[" ROW(
                       "a", "x", "Uint64",
                       "3") "," ROW("a", "x", "Int64",
                                    "4") "," ROW("a", "y", "Int64",
                                                 "2") "," ROW("b", "x", "Int64",
                                                              "9") "," ROW("c", "x", "Int64", "5") "]}\n");
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("Sum"), 3, 1, &out, NULL), PBUS_OK);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'Sum','readings':[" ROW(
                       "b", "x", "Int64", "9") "]}\n");
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("Sum"), 5, 1, &out, NULL), PBUS_OK);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'Sum','readings':[]}\n");
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("Sum"), 2147483647, 1024, &out, NULL), PBUS_OK);
    pbus_buf_clear(&out);
    aggregate_destroy(&aggregate);
    arena_destroy(&arena);
}

static void s_test_groups(void **state)
{
    (void) state;
    arena_t *arena = arena_new();
    aggregate_t *aggregate = aggregate_new(PBUS_AVG, arena);
    pbus_buf_t out = {0};
    pbus_reading_t like = s_reading("d", "r", PBUS_INT8, "");
    assert_true(
        aggregate_add_group(aggregate, &like, 3, PBUS_STR("0.33333333333333333333333333333333333333333")));
    like = s_reading("d", "s", PBUS_STRING, "");
    assert_true(aggregate_add_group(aggregate, &like, 0, PBUS_STR("")));
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("avg"), 0, 20, &out, NULL), PBUS_OK);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'avg','readings':[" ROW(
                       "d", "r", "Float64", "0.3333333333333333") "," ROW("d", "s", "String", "''") "]}\n");
    aggregate_destroy(&aggregate);
    /* what a backend should not have said is not passed on as a number */
    aggregate = aggregate_new(PBUS_MAX, arena);
    like = s_reading("d", "r", PBUS_INT8, "");
    assert_true(aggregate_add_group(aggregate, &like, 1, PBUS_STR("}")));
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("max"), 0, 20, &out, NULL), PBUS_OK);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'max','readings':[" ROW(
                       "d", "r", "Int64", "'}'") "]}\n");
    like = s_reading("e", "r", PBUS_INT8, "");
    assert_true(aggregate_add_group(aggregate, &like, 1, PBUS_STR("1.5")));
    assert_int_equal(aggregate_render(aggregate, PBUS_STR("max"), 0, 20, &out, NULL), PBUS_OVERFLOW);
    pbus_buf_clear(&out);
    aggregate_destroy(&aggregate);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_functions),
        cmocka_unit_test(s_test_rows),
        cmocka_unit_test(s_test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
