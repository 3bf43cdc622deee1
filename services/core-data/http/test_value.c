/*
 * Value: what is accepted of each type, the canonical text, and the rendering as JSON numbers.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "value.h"

typedef struct {
    pbus_type_t type;
    const char *text;
    const char *canonical; /* NULL: refused */
} value_case_t;

static const value_case_t cases[] = {
    {PBUS_BOOL, "true", "true"},
    {PBUS_BOOL, "T", "T"},
    {PBUS_BOOL, "0", "0"},
    {PBUS_BOOL, "FALSE", "FALSE"},
    {PBUS_BOOL, "tRUE", NULL},
    {PBUS_BOOL, "yes", NULL},
    {PBUS_BOOL, "", NULL},
    {PBUS_BOOL, " true", NULL},
    {PBUS_STRING, "", ""},
    {PBUS_STRING, " anything ", " anything "},
    {PBUS_UINT8, "0", "0"},
    {PBUS_UINT8, "255", "255"},
    {PBUS_UINT8, "256", NULL},
    {PBUS_UINT8, "007", "7"},
    {PBUS_UINT8, "000", "0"},
    {PBUS_UINT8, "-1", NULL},
    {PBUS_UINT8, "+1", NULL},
    {PBUS_UINT8, "-0", NULL},
    {PBUS_UINT8, "", NULL},
    {PBUS_UINT8, " 1", NULL},
    {PBUS_UINT8, "1 ", NULL},
    {PBUS_UINT8, "1_0", NULL},
    {PBUS_UINT8, "0x1", NULL},
    {PBUS_UINT8, "1e1", NULL},
    {PBUS_UINT8, "1.0", NULL},
    {PBUS_UINT16, "65535", "65535"},
    {PBUS_UINT16, "65536", NULL},
    {PBUS_UINT32, "4294967295", "4294967295"},
    {PBUS_UINT32, "4294967296", NULL},
    {PBUS_UINT64, "18446744073709551615", "18446744073709551615"},
    {PBUS_UINT64, "18446744073709551616", NULL},
    {PBUS_UINT64, "99999999999999999999999", NULL},
    {PBUS_UINT64, "0000000000000000000000000000000000000000000000018446744073709551615",
     "18446744073709551615"},
    {PBUS_INT8, "127", "127"},
    {PBUS_INT8, "128", NULL},
    {PBUS_INT8, "-128", "-128"},
    {PBUS_INT8, "-129", NULL},
    {PBUS_INT8, "+007", "7"},
    {PBUS_INT8, "-007", "-7"},
    {PBUS_INT8, "-0", "0"},
    {PBUS_INT8, "-000", "0"},
    {PBUS_INT8, "+", NULL},
    {PBUS_INT8, "-", NULL},
    {PBUS_INT8, "--1", NULL},
    {PBUS_INT8, "", NULL},
    {PBUS_INT16, "32767", "32767"},
    {PBUS_INT16, "32768", NULL},
    {PBUS_INT16, "-32768", "-32768"},
    {PBUS_INT16, "-32769", NULL},
    {PBUS_INT32, "2147483647", "2147483647"},
    {PBUS_INT32, "2147483648", NULL},
    {PBUS_INT32, "-2147483648", "-2147483648"},
    {PBUS_INT32, "-2147483649", NULL},
    {PBUS_INT64, "9223372036854775807", "9223372036854775807"},
    {PBUS_INT64, "9223372036854775808", NULL},
    {PBUS_INT64, "-9223372036854775808", "-9223372036854775808"},
    {PBUS_INT64, "-9223372036854775809", NULL},
    {PBUS_FLOAT32, "1.5", "1.5e+00"},
    {PBUS_FLOAT32, "0.1", "1e-01"},
    {PBUS_FLOAT32, ".5", "5e-01"},
    {PBUS_FLOAT32, "5.", "5e+00"},
    {PBUS_FLOAT32, "+1.5", "1.5e+00"},
    {PBUS_FLOAT32, "1E+3", "1e+03"},
    {PBUS_FLOAT32, "-0", "0e+00"},
    {PBUS_FLOAT32, "123456789.123", "1.2345679e+08"},
    {PBUS_FLOAT32, "3.4028235e38", "3.4028235e+38"},
    {PBUS_FLOAT32, "3.4028236e38", NULL},
    {PBUS_FLOAT32, "-3.5e38", NULL},
    {PBUS_FLOAT32, "1e-45", "1e-45"},
    {PBUS_FLOAT32, "1e-46", "0e+00"},
    {PBUS_FLOAT32, "16777217", "1.6777216e+07"},
    {PBUS_FLOAT32, "0.09940214455127716", "9.9402145e-02"},
    {PBUS_FLOAT32, "9.9999994e9", "9.999999e+09"},
    {PBUS_FLOAT32, "-1.55338525e+06", "-1.5533852e+06"},
    {PBUS_FLOAT32, "1.17549435e-38", "1.1754944e-38"},
    {PBUS_FLOAT64, "1.7976931348623157e308", "1.7976931348623157e+308"},
    {PBUS_FLOAT64, "1.7976931348623159e308", NULL},
    {PBUS_FLOAT64, "1e999999999999999999999", NULL},
    {PBUS_FLOAT64, "1e-999999999999999999999", "0e+00"},
    {PBUS_FLOAT64, "5e-324", "5e-324"},
    {PBUS_FLOAT64, "-2.2250738585072014e-308", "-2.2250738585072014e-308"},
    {PBUS_FLOAT64, "0.30000000000000004", "3.0000000000000004e-01"},
    {PBUS_FLOAT64, "0.1000000000000000055511151231257827", "1e-01"},
    {PBUS_FLOAT64, "9007199254740993", "9.007199254740992e+15"},
    {PBUS_FLOAT64, "0000.000100", "1e-04"},
    {PBUS_FLOAT64, "NaN", "NaN"},
    {PBUS_FLOAT64, "Infinity", "+Inf"},
    {PBUS_FLOAT64, "-Infinity", "-Inf"},
    {PBUS_FLOAT64, "+Infinity", NULL},
    {PBUS_FLOAT64, "Inf", NULL},
    {PBUS_FLOAT64, "nan", NULL},
    {PBUS_FLOAT64, "0x1p-2", NULL},
    {PBUS_FLOAT64, "1_0", NULL},
    {PBUS_FLOAT64, "", NULL},
    {PBUS_FLOAT64, ".", NULL},
    {PBUS_FLOAT64, "e5", NULL},
    {PBUS_FLOAT64, "1e", NULL},
    {PBUS_FLOAT64, "1e+", NULL},
    {PBUS_FLOAT64, "1..2", NULL},
    {PBUS_FLOAT64, "1 ", NULL},
    {PBUS_FLOAT64, "1,5", NULL},
    {PBUS_BINARY, "aGk=", NULL},
    {PBUS_OBJECT, "{}", NULL},
    {PBUS_OBJECT_ARRAY, "[]", NULL},
    {PBUS_BOOL_ARRAY, "[true, false]", "[true, false]"},
    {PBUS_BOOL_ARRAY, "[]", NULL},
    {PBUS_BOOL_ARRAY, "[true,]", NULL},
    {PBUS_STRING_ARRAY, "[]", "[]"},
    {PBUS_STRING_ARRAY, "[\"a\",\"b\"]", "[\"a\",\"b\"]"},
    {PBUS_STRING_ARRAY, "ab", "ab"},
    {PBUS_STRING_ARRAY, "a", NULL},
    {PBUS_STRING_ARRAY, "", NULL},
    {PBUS_UINT8_ARRAY, "[0, 255]", "[0, 255]"},
    {PBUS_UINT8_ARRAY, "[256]", NULL},
    {PBUS_UINT8_ARRAY, "[-1]", NULL},
    {PBUS_UINT8_ARRAY, "(7)", "(7)"},
    {PBUS_UINT8_ARRAY, "[]", NULL},
    {PBUS_UINT8_ARRAY, "[", NULL},
    {PBUS_UINT8_ARRAY, "", NULL},
    {PBUS_UINT16_ARRAY, "[65535]", "[65535]"},
    {PBUS_UINT16_ARRAY, "[65536]", NULL},
    {PBUS_UINT32_ARRAY, "[4294967295]", "[4294967295]"},
    {PBUS_UINT32_ARRAY, "[4294967296]", NULL},
    {PBUS_UINT64_ARRAY, "[18446744073709551615]", "[18446744073709551615]"},
    {PBUS_UINT64_ARRAY, "[18446744073709551616]", NULL},
    {PBUS_INT8_ARRAY, "[-128,+127]", "[-128,+127]"},
    {PBUS_INT8_ARRAY, "[128]", NULL},
    {PBUS_INT16_ARRAY, "[-32768]", "[-32768]"},
    {PBUS_INT16_ARRAY, "[32768]", NULL},
    {PBUS_INT32_ARRAY, "[2147483647]", "[2147483647]"},
    {PBUS_INT32_ARRAY, "[2147483648]", NULL},
    {PBUS_INT64_ARRAY, "[9223372036854775807]", "[9223372036854775807]"},
    {PBUS_INT64_ARRAY, "[9223372036854775808]", NULL},
    {PBUS_FLOAT32_ARRAY, "[1.5, NaN, -inf, +Infinity]", "[1.5, NaN, -inf, +Infinity]"},
    {PBUS_FLOAT32_ARRAY, "[1e39]", NULL},
    {PBUS_FLOAT32_ARRAY, "[+NaN]", NULL},
    {PBUS_FLOAT64_ARRAY, "[1e39]", "[1e39]"},
    {PBUS_FLOAT64_ARRAY, "[1.5 2.5]", NULL},
    {PBUS_FLOAT64_ARRAY, "[0x1p-2]", NULL},
    {(pbus_type_t) 0, "1", NULL},
    {(pbus_type_t) 28, "1", NULL},
};

static void s_test_check(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const value_case_t *it = &cases[i];
        char room[NUMBER_TEXT], got[128];
        pbus_str_t canonical;
        bool valid = value_check(it->type, pbus_str(it->text), room, &canonical);
        if (valid != (it->canonical != NULL))
            fail_msg("type %d '%s': %s", (int) it->type, it->text, valid ? "accepted" : "refused");
        if (!valid)
            continue;
        memcpy(got, canonical.data, canonical.size);
        got[canonical.size] = '\0';
        assert_string_equal(got, it->canonical);
    }
}

typedef struct {
    pbus_type_t type;
    const char *value;
    const char *json;
} numeric_case_t;

static const numeric_case_t numerics[] = {
    {PBUS_UINT8, "5", "5"},
    {PBUS_INT64, "-9223372036854775808", "-9223372036854775808"},
    {PBUS_UINT64, "18446744073709551615", "18446744073709551615"},
    {PBUS_FLOAT32, "1.5e+00", "1.5"},
    {PBUS_FLOAT64, "1e-01", "0.1"},
    {PBUS_FLOAT64, "0e+00", "0"},
    {PBUS_FLOAT64, "1e-06", "0.000001"},
    {PBUS_FLOAT64, "-1.25e-07", "-1.25e-7"},
    {PBUS_FLOAT64, "1e-10", "1e-10"},
    {PBUS_FLOAT64, "1.2345679e+08", "123456790"},
    {PBUS_FLOAT64, "1e+20", "100000000000000000000"},
    {PBUS_FLOAT64, "1e+21", "1e+21"},
    {PBUS_FLOAT64, "1.7976931348623157e+308", "1.7976931348623157e+308"},
    {PBUS_FLOAT64, "NaN", "\"NaN\""},
    {PBUS_FLOAT64, "+Inf", "\"+Inf\""},
    {PBUS_FLOAT64, "12345678901234567890123", "1.2345678901234568e+22"},
    {PBUS_BOOL, "true", "\"true\""},
    {PBUS_STRING, "7", "\"7\""},
    {PBUS_BOOL_ARRAY, "[true]", "\"[true]\""},
    {PBUS_UINT8_ARRAY, "[1, 2]", "[1,2]"},
    {PBUS_UINT8_ARRAY, "[010,08]", "[10,8]"},
    {PBUS_INT8_ARRAY, "[-0, +3]", "[0,3]"},
    {PBUS_FLOAT32_ARRAY, "[1.50, 123456789.123]", "[1.5,123456789.123]"},
    {PBUS_FLOAT64_ARRAY, "[NaN, 1e3]", "[\"NaN\",1000]"},
    /* what a store might return that is no such value */
    {PBUS_UINT8, "300", "\"300\""},
    {PBUS_INT32, "1}", "\"1}\""},
    {PBUS_UINT8_ARRAY, "[1, x]", "\"[1, x]\""},
    {PBUS_UINT8_ARRAY, "1", "\"1\""},
    {PBUS_UINT8_ARRAY, "[]", "\"[]\""},
    {PBUS_FLOAT64, "1e999", "\"1e999\""},
    {PBUS_FLOAT64, "", "\"\""},
};

static void s_test_numeric(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    for (size_t i = 0; i < sizeof numerics / sizeof *numerics; i++) {
        pbus_buf_reset(&out);
        value_numeric(numerics[i].type, pbus_str(numerics[i].value), &out);
        pbus_buf_append(&out, "", 1);
        assert_false(out.failed);
        assert_string_equal((char *) out.data, numerics[i].json);
    }
    pbus_buf_clear(&out);
}

/* A store may return a number far out of any format's range: no writer may leave its room. */
static void s_test_numeric_extreme(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    value_numeric(PBUS_FLOAT64, PBUS_STR("1e-400000000000000"), &out);
    value_numeric(PBUS_FLOAT64, PBUS_STR("1e400000000000000"), &out);
    value_numeric(PBUS_FLOAT32, PBUS_STR("1e300"), &out);
    pbus_buf_append(&out, "", 1);
    assert_string_equal((char *) out.data, "0\"1e400000000000000\"1e+300");
    pbus_buf_clear(&out);
}

static void s_test_integers(void **state)
{
    (void) state;
    static const int64_t values[] = {0, 7, 10, 99, 100, -1, INT64_MAX, INT64_MIN, 1000000007};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[NUMBER_TEXT];
        int64_t again;
        assert_true(number_int((pbus_str_t){text, number_write_int(values[i], text)}, &again));
        assert_int_equal(again, values[i]);
    }
    static const char *const bad[] = {"",   "+",   "-", "9223372036854775808", "-9223372036854775809",
                                      "1a", "--1", " 1"};
    int64_t value;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(number_int(pbus_str(bad[i]), &value));
}

static void s_test_kinds(void **state)
{
    (void) state;
    assert_true(value_is_number(PBUS_UINT8) && value_is_number(PBUS_FLOAT64));
    assert_false(value_is_number(PBUS_BOOL) || value_is_number(PBUS_UINT8_ARRAY) ||
                 value_is_number(PBUS_STRING));
    assert_true(value_is_number_array(PBUS_INT64_ARRAY) && value_is_number_array(PBUS_FLOAT32_ARRAY));
    assert_false(value_is_number_array(PBUS_BOOL_ARRAY) || value_is_number_array(PBUS_OBJECT_ARRAY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_check),           cmocka_unit_test(s_test_numeric),
        cmocka_unit_test(s_test_numeric_extreme), cmocka_unit_test(s_test_integers),
        cmocka_unit_test(s_test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
