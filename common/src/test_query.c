/*
 * Unit tests of query.c.
 */
#include <persistbus/query.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const pbus_event_t s_event = {
    .id = {{1, 2, 3}}, .origin = 100, .device = {"d1", 2}, .profile = {"p1", 2}, .source = {"s1", 2}};
static const pbus_reading_t s_reading = {
    .origin = 100, .device = {"d1", 2}, .profile = {"p1", 2}, .resource = {"r1", 2}, .type = PBUS_BOOL};

static void test_any(void **state)
{
    (void) state;
    pbus_filter_t any = pbus_filter_any();
    pbus_event_t event = s_event;
    pbus_reading_t reading = s_reading;
    assert_true(pbus_filter_event(&any, &event, UINT64_MAX));
    assert_true(pbus_filter_reading(&any, &reading));
    event.origin = reading.origin = INT64_MIN;
    assert_true(pbus_filter_event(&any, &event, 0));
    assert_true(pbus_filter_reading(&any, &reading));
    event.origin = reading.origin = INT64_MAX;
    assert_true(pbus_filter_event(&any, &event, 0));
    assert_true(pbus_filter_reading(&any, &reading));
}

static void test_names(void **state)
{
    (void) state;
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("d1");
    assert_true(pbus_filter_event(&filter, &s_event, 1));
    assert_true(pbus_filter_reading(&filter, &s_reading));
    filter.device = PBUS_STR("d");
    assert_false(pbus_filter_event(&filter, &s_event, 1));
    assert_false(pbus_filter_reading(&filter, &s_reading));
    filter.device = PBUS_STR("");
    filter.source = PBUS_STR("s1");
    assert_true(pbus_filter_event(&filter, &s_event, 1));
    filter.source = PBUS_STR("S1");
    assert_false(pbus_filter_event(&filter, &s_event, 1));
}

static void test_resources(void **state)
{
    (void) state;
    const pbus_str_t resources[] = {PBUS_STR("r0"), PBUS_STR("r1")};
    pbus_filter_t filter = pbus_filter_any();
    filter.resources = resources;
    filter.resource_count = 2;
    assert_true(pbus_filter_reading(&filter, &s_reading));
    filter.resource_count = 1;
    assert_false(pbus_filter_reading(&filter, &s_reading));
    assert_true(pbus_filter_event(&filter, &s_event, 1)); /* resources do not speak of events */
}

static void test_ids(void **state)
{
    (void) state;
    const pbus_uuid_t ids[] = {{{1, 2, 4}}, {{1, 2, 3}}};
    pbus_filter_t filter = pbus_filter_any();
    filter.ids = ids;
    filter.id_count = 2;
    assert_true(pbus_filter_event(&filter, &s_event, 1));
    filter.id_count = 1;
    assert_false(pbus_filter_event(&filter, &s_event, 1));
}

static void test_bounds(void **state)
{
    (void) state;
    static const struct {
        int64_t min, max;
        uint64_t accept_max;
        bool event, reading;
    } cases[] = {
        {100, 100, 7, true, true},   {101, 200, 7, false, false},     {0, 99, 7, false, false},
        {100, 100, 6, false, true},  {INT64_MIN, 100, 7, true, true}, {100, INT64_MAX, 7, true, true},
        {200, 100, 7, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbus_filter_t filter = pbus_filter_any();
        filter.origin_min = cases[i].min;
        filter.origin_max = cases[i].max;
        filter.accept_max = cases[i].accept_max;
        if (pbus_filter_event(&filter, &s_event, 7) != cases[i].event ||
            pbus_filter_reading(&filter, &s_reading) != cases[i].reading)
            fail_msg("case %zu", i);
    }
}

static void test_cursor(void **state)
{
    (void) state;
    pbus_cursor_t a = {5, {{1, 0xff}}}, b = a;
    assert_int_equal(pbus_cursor_cmp(&a, &b), 0);
    b.id.bytes[15] = 1;
    assert_int_equal(pbus_cursor_cmp(&a, &b), -1);
    assert_int_equal(pbus_cursor_cmp(&b, &a), 1);
    b.origin = 4; /* origin comes first */
    assert_int_equal(pbus_cursor_cmp(&a, &b), 1);
    a.origin = INT64_MIN;
    b.origin = INT64_MAX;
    assert_int_equal(pbus_cursor_cmp(&a, &b), -1);
    assert_int_equal(pbus_cursor_cmp(&b, &a), 1);
    a = (pbus_cursor_t){0, {{0x80}}};
    b = (pbus_cursor_t){0, {{0x7f}}}; /* bytes are unsigned */
    assert_int_equal(pbus_cursor_cmp(&a, &b), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any), cmocka_unit_test(test_names),  cmocka_unit_test(test_resources),
        cmocka_unit_test(test_ids), cmocka_unit_test(test_bounds), cmocka_unit_test(test_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
