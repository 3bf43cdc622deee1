/*
 * Unit tests of persistbus/series: spread, decimal, map, pending, catalogue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <persistbus/series/catalogue.h>
#include <persistbus/series/decimal.h>
#include <persistbus/series/map.h>
#include <persistbus/series/pending.h>
#include <persistbus/series/spread.h>

/* ---- spread ---- */

static void s_check_spread(int64_t origin, int64_t first, int64_t second, int class)
{
    pbus_reading_t readings[] = {{.origin = first}, {.origin = second}};
    pbus_event_t event = {.origin = origin, .readings = readings, .reading_count = 2};
    pbus_spread_t exact = pbus_spread_of(&event), rounded = pbus_spread_rounded(exact);
    assert_int_equal(pbus_spread_class(exact), class);
    /* Rounding keeps everything in. */
    assert_true(rounded.low <= exact.low && rounded.high >= exact.high);
    /* So events are found by their readings, whatever the arithmetic. */
    for (int i = 0; i < 2; i++) {
        pbus_span_t wanted = {readings[i].origin, readings[i].origin};
        pbus_span_t candidates = pbus_spread_candidates(rounded, wanted);
        assert_true(candidates.min <= origin && origin <= candidates.max);
        assert_true(pbus_spread_latest(rounded, origin) >= readings[i].origin);
    }
    /* An event with a reading outside is never taken for one that has none. */
    int64_t later = first > second ? first : second;
    pbus_span_t certain = pbus_spread_certain(rounded, (pbus_span_t){later, INT64_MAX});
    if (first != second)
        assert_false(certain.min <= origin && origin <= certain.max);
}

static void test_spread(void **state)
{
    (void) state;
    const int64_t now = INT64_C(1760000000000000000), ms = 1000000, hour = INT64_C(3600000000000);
    s_check_spread(now, now, now, PBUS_SPREAD_NONE);
    s_check_spread(now, now - 1, now, PBUS_SPREAD_WITHIN_MS);
    s_check_spread(now, now - ms, now + ms, PBUS_SPREAD_WITHIN_MS);
    s_check_spread(now, now, now + ms + 1, PBUS_SPREAD_WITHIN_S);
    s_check_spread(now, now - 1000 * ms, now, PBUS_SPREAD_WITHIN_S);
    s_check_spread(now, now - hour, now, PBUS_SPREAD_WITHIN_H);
    s_check_spread(now, now - hour - 1, now, PBUS_SPREAD_FAR);
    s_check_spread(now, 1, 5, PBUS_SPREAD_FAR);
    s_check_spread(INT64_MAX, INT64_MAX - 5, INT64_MAX, PBUS_SPREAD_WITHIN_MS);
    s_check_spread(1, INT64_MAX, INT64_MIN, PBUS_SPREAD_FAR);
    s_check_spread(INT64_MAX, INT64_MIN, INT64_MIN, PBUS_SPREAD_FAR);
    s_check_spread(INT64_MIN, INT64_MAX, INT64_MAX, PBUS_SPREAD_FAR);
    s_check_spread(INT64_MAX, INT64_MAX, INT64_MAX, PBUS_SPREAD_NONE);
}

/* A class keeps its limit when its spread is rounded. */
static void test_spread_rounding(void **state)
{
    (void) state;
    pbus_spread_t rounded = pbus_spread_rounded((pbus_spread_t){-900000, 700000});
    assert_true(rounded.low == -1000000 && rounded.high == 1000000);
    rounded = pbus_spread_rounded((pbus_spread_t){-900, -100});
    assert_true(rounded.low == -1024 && rounded.high == -64);
    rounded = pbus_spread_rounded((pbus_spread_t){5, 9});
    assert_true(rounded.low == 4 && rounded.high == 16);
}

/* A spread is widened to a power of two, so that it cannot be for ever. */
static void test_spread_powers(void **state)
{
    (void) state;
    const int64_t hour = INT64_C(3600000000000);
    pbus_spread_t far = pbus_spread_rounded((pbus_spread_t){-3 * hour, 5});
    assert_true(far.low <= -3 * hour && far.low >= -6 * hour);
    assert_int_equal(far.high, 8);
    pbus_spread_t end = pbus_spread_rounded((pbus_spread_t){INT64_MIN, INT64_MAX});
    assert_true(end.low == INT64_MIN && end.high == INT64_MAX);
    pbus_spread_t second = pbus_spread_rounded((pbus_spread_t){0, 999999999});
    assert_int_equal(second.high, 1000000000);
    assert_int_equal(pbus_spread_class(second), PBUS_SPREAD_WITHIN_S);
    pbus_spread_t before = pbus_spread_rounded((pbus_spread_t){-5000, -5000});
    assert_int_equal(before.low, -8192);
    assert_int_equal(before.high, -4096);
}

/* ---- decimal ---------------------------------------------------------------------------------------------
 */

static void s_check_sum(const char *const *numbers, uint64_t divisor, const char *expected)
{
    pbus_decimal_sum_t sum = {0};
    pbus_buf_t out = {0};
    for (; *numbers; numbers++) {
        pbus_decimal_t number;
        assert_true(pbus_decimal_parse(pbus_str(*numbers), &number));
        assert_true(pbus_decimal_sum_add(&sum, &number));
    }
    pbus_decimal_sum_text(&sum, divisor, &out);
    pbus_buf_append(&out, "", 1);
    assert_string_equal((char *) out.data, expected);
    pbus_buf_clear(&out);
}

#define NUMBERS(...)                                                                                         \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static void test_sums(void **state)
{
    (void) state;
    s_check_sum(NUMBERS("0"), 1, "0");
    s_check_sum(NUMBERS("1", "2"), 1, "3");
    s_check_sum(NUMBERS("1", "-2"), 1, "-1");
    s_check_sum(NUMBERS("5", "-5"), 1, "0");
    s_check_sum(NUMBERS("999999999", "1"), 1, "1000000000");
    s_check_sum(NUMBERS("1e-01", "2e-01"), 1, "3e-01");
    s_check_sum(NUMBERS("1.5e+00", "-2.25e+02"), 1, "-223.5");
    s_check_sum(NUMBERS("18446744073709551615", "18446744073709551615"), 1, "36893488147419103230");
    s_check_sum(NUMBERS("-9223372036854775808", "-1"), 1, "-9223372036854775809");
    s_check_sum(NUMBERS("1e300", "1", "-1e300"), 1, "1");
    s_check_sum(NUMBERS("1.7976931348623157e+308", "1.7976931348623157e+308"), 1, "3.5953862697246314e+308");
    s_check_sum(NUMBERS("4.9406564584124654e-324"), 1, "4.9406564584124654e-324");
    s_check_sum(NUMBERS("1e+20"), 1, "100000000000000000000");
    s_check_sum(NUMBERS("1e+21"), 1, "1e+21");
}

/* Sums of random integers against 128-bit arithmetic. */
static void test_random_sums(void **state)
{
    (void) state;
    uint64_t seed = 42;
    for (int round = 0; round < 200; round++) {
        pbus_decimal_sum_t sum = {0};
        pbus_buf_t out = {0};
        __extension__ __int128 expected = 0;
        char text[32];
        for (int i = 0; i < 50; i++) {
            pbus_decimal_t number;
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            int64_t value = (int64_t) seed >> (seed & 63);
            snprintf(text, sizeof text, "%lld", (long long) value);
            assert_true(pbus_decimal_parse(pbus_str(text), &number));
            assert_true(pbus_decimal_sum_add(&sum, &number));
            expected += value;
        }
        if (expected >= INT64_MIN && expected <= INT64_MAX) {
            pbus_decimal_sum_text(&sum, 1, &out);
            snprintf(text, sizeof text, "%lld", (long long) expected);
            assert_true(pbus_str_eq(pbus_str(text), (pbus_str_t){(char *) out.data, out.size}));
        }
        pbus_buf_clear(&out);
    }
}

static void test_means(void **state)
{
    (void) state;
    s_check_sum(NUMBERS("1", "2"), 2, "1.5");
    s_check_sum(NUMBERS("-1", "0", "0"), 3, "-3.3333333333333333333333333333333333333331e-01");
    s_check_sum(NUMBERS("2"), 3, "6.6666666666666666666666666666666666666661e-01");
    s_check_sum(NUMBERS("100"), 4, "25");
    s_check_sum(NUMBERS("1e300"), UINT64_C(1000000000000), "1e+288");
}

static void test_decimal_order(void **state)
{
    (void) state;
    static const char *const ascending[] = {"-1.8e+308", "-10", "-9.5",     "-1e-300",  "0",
                                            "1e-300",    "0.5", "5.01e-01", "1",        "1.5",
                                            "9",         "10",  "10.0001",  "1e+01000", NULL};
    for (int i = 0; ascending[i]; i++)
        for (int k = 0; ascending[k]; k++) {
            pbus_decimal_t a, b;
            assert_true(pbus_decimal_parse(pbus_str(ascending[i]), &a) &&
                        pbus_decimal_parse(pbus_str(ascending[k]), &b));
            assert_int_equal(pbus_decimal_compare(&a, &b), (i > k) - (i < k));
        }
    pbus_decimal_t a, b;
    assert_true(pbus_decimal_parse(PBUS_STR("1.50"), &a) && pbus_decimal_parse(PBUS_STR("+15e-1"), &b));
    assert_int_equal(pbus_decimal_compare(&a, &b), 0);
}

static void test_no_decimals(void **state)
{
    (void) state;
    static const char *const bad[] = {"",   "-",   "NaN", "+Inf", "e5",    ".",
                                      "1e", "1e+", "1x",  "1e5x", "1.2.3", "1e9999999999"};
    pbus_decimal_t number;
    pbus_decimal_sum_t sum = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pbus_decimal_parse(pbus_str(bad[i]), &number));
    assert_true(pbus_decimal_parse(PBUS_STR("1e+1000"), &number));
    assert_false(pbus_decimal_sum_add(&sum, &number));
    assert_true(pbus_decimal_parse(PBUS_STR("1e-1000"), &number));
    assert_false(pbus_decimal_sum_add(&sum, &number));
}

/* ---- map ---------------------------------------------------------------------------------------
 */

static bool s_is_same(const void *item, const void *wanted)
{
    return *(const int *) item == *(const int *) wanted;
}

static void test_map(void **state)
{
    (void) state;
    static int numbers[5000];
    pbus_map_t *map = pbus_map_new();
    for (int i = 0; i < 5000; i++) {
        numbers[i] = i;
        assert_true(pbus_map_add(map, pbus_map_hash_number(1, (uint64_t) i / 3),
                                 &numbers[i])); /* three of each hash */
    }
    for (int i = 0; i < 5000; i++)
        assert_ptr_equal(pbus_map_find(map, pbus_map_hash_number(1, (uint64_t) i / 3), s_is_same, &i),
                         &numbers[i]);
    int absent = 5000;
    assert_null(pbus_map_find(map, pbus_map_hash_number(1, 1), s_is_same, &absent));
    pbus_map_destroy(&map);
    assert_null(map);
    assert_true(pbus_map_hash_text(pbus_map_hash_text(7, PBUS_STR("a")), PBUS_STR("bc")) !=
                pbus_map_hash_text(pbus_map_hash_text(7, PBUS_STR("ab")), PBUS_STR("c")));
}

/* ---- pending ---------------------------------------------------------------------------------------------
 */

/* What is decoded here is only an origin and an id. */
typedef struct {
    pbus_event_t event;
    pbus_reading_t reading;
} row_t;

static void *s_make(void)
{
    return calloc(1, sizeof(row_t));
}

static const pbus_event_t *s_event(const void *row)
{
    return &((const row_t *) row)->event;
}

static const pbus_pending_rows_t rows = {s_make, free, s_event};

/* Adds an event with one reading of this origin. */
static void s_add_pending(pbus_pending_t *pending, int64_t origin, uint8_t id, const pbus_filter_t *filter)
{
    row_t *row = pbus_pending_row(pending);
    assert_non_null(row);
    row->reading = (pbus_reading_t){.origin = origin, .device = PBUS_STR("d"), .resource = PBUS_STR("r")};
    row->event =
        (pbus_event_t){.id = {{id}}, .origin = origin, .readings = &row->reading, .reading_count = 1};
    assert_true(pbus_pending_add(pending, filter));
}

static void s_expect_pending(pbus_pending_t *pending, int64_t origin, uint8_t id)
{
    pbus_cursor_t place;
    const pbus_reading_t *reading = pbus_pending_top(pending, &place);
    assert_non_null(reading);
    assert_int_equal(reading->origin, origin);
    assert_int_equal(place.id.bytes[0], id);
    pbus_pending_pop(pending);
}

static void test_pending_order(void **state)
{
    (void) state;
    pbus_cursor_t place;
    pbus_filter_t filter = pbus_filter_any();
    pbus_pending_t *pending = pbus_pending_new(&rows, 100);
    filter.origin_min = 3;
    for (uint8_t i = 0; i < 10; i++)
        s_add_pending(pending, (i * 7) % 10, i, &filter);
    s_add_pending(pending, 9, 100, &filter);
    s_expect_pending(pending, 9, 100); /* the greater id first */
    s_expect_pending(pending, 9, 7);
    for (int64_t origin = 8; origin >= 3; origin--)
        s_expect_pending(pending, origin, (uint8_t) (origin * 3 % 10));
    assert_null(pbus_pending_top(pending, &place));
    pbus_pending_destroy(&pending);
    assert_null(pending);
}

/* Far more than can be asked for: the best are kept, also when some were asked for in between. */
static void test_pending_trims(void **state)
{
    (void) state;
    pbus_filter_t filter = pbus_filter_any();
    pbus_pending_t *pending = pbus_pending_new(&rows, 50);
    for (int64_t i = 0; i < 30000; i++)
        s_add_pending(pending, i * 7919 % 30011, 1, &filter);
    int64_t best[30000], count = 0;
    char seen[30011] = {0};
    for (int64_t i = 0; i < 30000; i++)
        seen[i * 7919 % 30011] = 1;
    for (int64_t i = 30010; i >= 0; i--)
        if (seen[i])
            best[count++] = i;
    for (int i = 0; i < 20; i++)
        s_expect_pending(pending, best[i], 1);
    for (int64_t i = 0; i < 20000; i++)
        s_add_pending(pending, 0, 2, &filter);
    for (int i = 20; i < 50; i++)
        s_expect_pending(pending, best[i], 1);
    pbus_pending_destroy(&pending);
}

/* ---- catalogue ---- */

static pbus_reading_t s_reading(const char *resource, int64_t origin)
{
    return (pbus_reading_t){.origin = origin,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .resource = pbus_str(resource),
                            .type = PBUS_INT32,
                            .units = PBUS_STR(""),
                            .media_type = PBUS_STR("")};
}

static pbus_event_t s_event_of(const pbus_reading_t *reading)
{
    return (pbus_event_t){.origin = 1000,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .tags = PBUS_STR(""),
                          .readings = reading,
                          .reading_count = 1};
}

/* New, known, wider; and of a source with too many lists of readings, the mixed series. */
static void test_catalogue(void **state)
{
    (void) state;
    char name[16];
    pbus_catalogue_t *catalogue = pbus_catalogue_new();
    assert_non_null(catalogue);
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "r%d", i);
        pbus_reading_t reading = s_reading(name, 1000);
        pbus_event_t event = s_event_of(&reading);
        pbus_assignment_t found = pbus_catalogue_assign(catalogue, &event);
        assert_int_equal(found.need, PBUS_CATALOGUE_SERIES);
        assert_int_equal(found.draft.kind, PBUS_SERIES_PLAIN);
        found.draft.number = i + 1;
        assert_non_null(pbus_catalogue_add(catalogue, &found.draft));
        assert_int_equal(pbus_catalogue_assign(catalogue, &event).need, PBUS_CATALOGUE_NOTHING);
    }
    pbus_reading_t other = s_reading("other", 1000), near = s_reading("r0", 1003);
    pbus_event_t event = s_event_of(&other);
    assert_int_equal(pbus_catalogue_assign(catalogue, &event).draft.kind, PBUS_SERIES_MIXED);
    event = s_event_of(&near);
    assert_int_equal(pbus_catalogue_assign(catalogue, &event).draft.kind, PBUS_SERIES_MIXED);
    assert_int_equal(pbus_catalogue_all(catalogue).count, 64);
    assert_int_equal(pbus_catalogue_of_device(catalogue, PBUS_STR("d")).count, 64);
    assert_int_equal(pbus_catalogue_with_resource(catalogue, PBUS_STR("r7")).count, 1);
    assert_int_equal(pbus_catalogue_of_source(catalogue, PBUS_STR("d"), PBUS_STR("t")).count, 0);
    pbus_catalogue_destroy(&catalogue);
    assert_null(catalogue);
}

static void test_catalogue_widens(void **state)
{
    (void) state;
    pbus_catalogue_t *catalogue = pbus_catalogue_new();
    pbus_reading_t near = s_reading("r", 1003), wider = s_reading("r", 1900);
    pbus_event_t event = s_event_of(&near);
    pbus_assignment_t found = pbus_catalogue_assign(catalogue, &event);
    found.draft.number = 1;
    assert_non_null(pbus_catalogue_add(catalogue, &found.draft));
    event = s_event_of(&wider);
    found = pbus_catalogue_assign(catalogue, &event);
    assert_int_equal(found.need, PBUS_CATALOGUE_SPREAD);
    assert_true(pbus_catalogue_widen(catalogue, 1, found.draft.spread));
    assert_false(pbus_catalogue_widen(catalogue, 2, found.draft.spread));
    assert_int_equal(pbus_catalogue_assign(catalogue, &event).need, PBUS_CATALOGUE_NOTHING);
    assert_int_equal(pbus_catalogue_class_spread(catalogue, PBUS_SPREAD_WITHIN_MS).high, 1024);
    pbus_catalogue_destroy(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_spread_rounding),
        cmocka_unit_test(test_spread_powers),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_random_sums),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_decimal_order),
        cmocka_unit_test(test_no_decimals),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_pending_order),
        cmocka_unit_test(test_pending_trims),
        cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_catalogue_widens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
