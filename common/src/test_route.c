#include "route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INTO " INTO group(\"mongo\")"

static bool s_lets(const char *condition, const char *device, const char *profile, const char *source)
{
    char text[PBUS_ROUTE_MAX + 1];
    pbus_error_t error = {0};
    pbus_routed_t event = {pbus_str(device), pbus_str(profile), pbus_str(source)};
    snprintf(text, sizeof text, "FROM /events WHERE %s" INTO, condition);
    pbus_route_t *route = pbus_route_new(text, &error);
    assert_string_equal(error.text, "");
    assert_non_null(route);
    bool lets = pbus_route_lets(route, &event);
    pbus_route_destroy(&route);
    assert_null(route);
    return lets;
}

static void test_no_condition(void **state)
{
    (void) state;
    const char *texts[] = {"FROM /events INTO group(\"a_B-9\")", "from /* into GROUP ( 'a_B-9' )",
                           "\n FROM\t/events\nINTO  group(\"a_B-9\") "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pbus_error_t error;
        pbus_routed_t event = {PBUS_STR("d"), PBUS_STR("p"), PBUS_STR("s")};
        pbus_route_t *route = pbus_route_new(texts[i], &error);
        assert_non_null(route);
        assert_string_equal(pbus_route_group(route), "a_B-9");
        assert_true(pbus_route_lets(route, &event));
        pbus_route_destroy(&route);
    }
}

static void test_patterns(void **state)
{
    (void) state;
    assert_true(s_lets("deviceName = 'cam-*'", "cam-1", "", ""));
    assert_true(s_lets("deviceName = 'cam-*'", "cam-", "", ""));
    assert_false(s_lets("deviceName = 'cam-*'", "cam", "", ""));
    assert_false(s_lets("deviceName = 'cam-*'", "xcam-1", "", ""));
    assert_false(s_lets("deviceName = 'cam'", "cam-1", "", ""));
    assert_false(s_lets("deviceName = 'CAM'", "cam", "", ""));
    assert_true(s_lets("deviceName = '*a*b'", "xaxaxb", "", ""));
    assert_false(s_lets("deviceName = '*a*b'", "xaxabx", "", ""));
    assert_true(s_lets("deviceName = 'a**b*'", "ab", "", ""));
    assert_true(s_lets("deviceName = '*'", "", "", ""));
    assert_true(s_lets("deviceName = ''", "", "", ""));
    assert_false(s_lets("deviceName = ''", "x", "", ""));
    assert_true(s_lets("deviceName = 'it''s'", "it's", "", ""));
    assert_true(s_lets("deviceName = \"it's \"\"so\"\"\"", "it's \"so\"", "", ""));
    assert_true(s_lets("DEVICENAME='\xc3\xa4*'", "\xc3\xa4x", "", ""));
}

static void test_fields(void **state)
{
    (void) state;
    assert_true(s_lets("deviceName = 'd'", "d", "p", "s"));
    assert_true(s_lets("profileName = 'p'", "d", "p", "s"));
    assert_true(s_lets("sourceName = 's'", "d", "p", "s"));
    assert_false(s_lets("sourceName = 'p'", "d", "p", "s"));
    assert_true(s_lets("sourceName != 'p'", "d", "p", "s"));
    assert_false(s_lets("sourceName <> 's'", "d", "p", "s"));
}

/* NOT binds closest, then AND, then OR. */
static void test_precedence(void **state)
{
    (void) state;
    static const char *const any[8][3] = {{"x", "x", "x"}, {"x", "x", "c"}, {"x", "b", "x"}, {"x", "b", "c"},
                                          {"a", "x", "x"}, {"a", "x", "c"}, {"a", "b", "x"}, {"a", "b", "c"}};
    for (int i = 0; i < 8; i++) {
        bool a = i & 4, b = i & 2, c = i & 1;
#define A "deviceName = 'a'"
#define B "profileName = 'b'"
#define C "sourceName = 'c'"
#define IS(text) s_lets(text, any[i][0], any[i][1], any[i][2])
        assert_int_equal(IS(A " or " B " and " C), a || (b && c));
        assert_int_equal(IS(A " AND " B " OR " C), (a && b) || c);
        assert_int_equal(IS("(" A " OR " B ") AND " C), (a || b) && c);
        assert_int_equal(IS("NOT " A " AND " B), !a && b);
        assert_int_equal(IS("NOT (" A " AND " B ") AND NOT NOT " C), !(a && b) && c);
        assert_int_equal(IS(A " OR " B " OR " C), a || b || c);
        assert_int_equal(IS(A " AND " B " AND " C), a && b && c);
        assert_int_equal(IS(A " AND (" B " OR (" C " AND NOT (" A " OR " B ")))"),
                         a && (b || (c && !(a || b))));
    }
}

static void test_errors(void **state)
{
    (void) state;
    static const char *const bad[][2] = {
        {"", "column 1: the route ends where FROM should follow"},
        {"SELECT *", "column 1: 'SELECT' is there where FROM should be"},
        {"FROM /messages/* INTO $upstream", "column 6: '/messages/*' is there where /events or /* should be"},
        {"FROM /events group(\"a\")", "column 14: 'group' is there where WHERE or INTO should be"},
        {"FROM /events INTO $upstream", "column 19: '$' is there where group(\"NAME\") should be"},
        {"FROM /events INTO group(mongo)",
         "column 25: 'mongo' is there where the group's name in quotes, as in group(\"mongo\"), should be"},
        {"FROM /events INTO group(\"a b\")",
         "column 25: 'a b' can't be the name of a group: use letters, digits, - and _, 64 at most"},
        {"FROM /events INTO group(\"a\") x", "column 30: 'x' is there where the end of the route should be"},
        {"FROM /events INTO group(\"a\"", "column 28: the route ends where ) should follow"},
        {"FROM /events WHERE device = 'x'" INTO,
         "column 20: 'device' is there where deviceName, profileName, sourceName, NOT or ( should be"},
        {"FROM /events WHERE deviceName LIKE 'x'" INTO,
         "column 31: 'LIKE' is there where =, != or <> should be"},
        {"FROM /events WHERE deviceName = cam" INTO,
         "column 33: 'cam' is there where a text in quotes, such as 'cam-*', should be"},
        {"FROM /events WHERE deviceName = 'cam" INTO,
         "column 33: this text has no end: close it by the quote that begins it"},
        {"FROM /events WHERE deviceName = 'a' 'b'" INTO,
         "column 37: 'b' is there where AND, OR or INTO should be"},
        {"FROM /events WHERE (deviceName = 'a'" INTO,
         "column 38: 'INTO' is there where AND, OR or ) should be"},
        {"FROM /events WHERE deviceName = 'a' AND" INTO,
         "column 41: 'INTO' is there where deviceName, profileName, sourceName, NOT or ( should be"},
        {"FROM /events WHERE 'a\nb'" INTO,
         "column 20: 'a?b' is there where deviceName, profileName, sourceName, NOT or ( should be"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pbus_error_t error = {0};
        assert_null(pbus_route_new(bad[i][0], &error));
        assert_int_equal(error.status, PBUS_INVALID);
        assert_string_equal(error.text, bad[i][1]);
    }
}

static void s_expect_refused(char *text, const char *why)
{
    pbus_error_t error = {0};
    assert_null(pbus_route_new(text, &error));
    assert_non_null(strstr(error.text, why));
    free(text);
}

/* `count` times the part, between a beginning and an end. */
static char *s_repeat(const char *begin, const char *part, size_t count, const char *end)
{
    pbus_buf_t text = {0};
    pbus_buf_puts(&text, begin);
    for (size_t i = 0; i < count; i++)
        pbus_buf_puts(&text, part);
    pbus_buf_puts(&text, end);
    pbus_buf_append(&text, "", 1);
    assert_false(text.failed);
    return (char *) text.data;
}

#define TEST "sourceName='a'"

static void test_limits(void **state)
{
    (void) state;
    s_expect_refused(s_repeat("FROM /events WHERE ", "(", 17, TEST INTO), "nested too deep");
    s_expect_refused(s_repeat("FROM /events WHERE ", "NOT ", 500, TEST INTO), "nested too deep");
    s_expect_refused(s_repeat("FROM /events WHERE ", TEST " OR ", 150, TEST INTO), "too long");
    s_expect_refused(s_repeat("FROM /events WHERE ", TEST " OR ", 300, TEST INTO), "longer than 4096");
    char *condition = s_repeat("", TEST " OR NOT (" TEST " AND ", 7, TEST ")))))))");
    assert_false(s_lets(condition, "", "", "b") != true); /* NOT(false) is true */
    free(condition);
}

static void test_sinks(void **state)
{
    (void) state;
    assert_true(pbus_route_is_for_group("FROM /x INTO group(\"a\")"));
    assert_true(pbus_route_is_for_group("from /x into  Group ("));
    assert_true(pbus_route_is_for_group("FROM /x WHERE deviceName = 'into' INTO group(\"into\")"));
    assert_false(pbus_route_is_for_group("FROM /x INTO $upstream"));
    assert_false(pbus_route_is_for_group("FROM /x INTO BrokeredEndpoint(\"/modules/group(x)\")"));
    assert_false(pbus_route_is_for_group("group(\"a\")"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_condition), cmocka_unit_test(test_patterns), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_precedence),   cmocka_unit_test(test_errors),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_sinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
