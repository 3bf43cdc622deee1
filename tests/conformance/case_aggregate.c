/*
 * Aggregates: exact, whatever the numbers.
 */
#include "act.h"
#include "cases.h"
#include "check.h"
#include "need.h"

static void s_check_functions(suite_t *suite, const pbus_filter_t *filter)
{
    for (int function = PBUS_MIN; function <= PBUS_AVG && suite_fine(suite); function++)
        check_aggregate(suite, filter, (pbus_function_t) function);
}

/* Events of one device and resource, one for each value. */
static void s_add_values(suite_t *suite, pbus_str_t device, pbus_type_t type, const char *const *values)
{
    batch_t *batch = batch_new();
    for (; *values; values++) {
        case_event_t made;
        case_make(suite, &made, device, generator_origin(suite->random, &case_mixed));
        made.reading.type = type;
        made.reading.value = pbus_str(*values);
        batch_add(batch, suite_accept(suite), &made.event);
    }
    act_write(suite, batch);
    batch_destroy(&batch);
}

static void s_groups(suite_t *suite)
{
    pbus_filter_t any = pbus_filter_any();
    generator_shape_t small = case_mixed;
    small.small = true;
    suite_step(suite, "an empty store");
    s_check_functions(suite, &any);
    act_fill(suite, &small, 200, 100);
    suite_step(suite, "200 events of all types");
    s_check_functions(suite, &any);
    for (int i = 0; i < 15 && suite_fine(suite); i++) {
        pbus_filter_t filter = generator_reading_filter(suite->random, &case_mixed);
        s_check_functions(suite, &filter);
    }
    act_fill(suite, &case_mixed, 100, 100);
    suite_step(suite, "100 more, with extremes");
    s_check_functions(suite, &any);
}

/* One resource whose type changed makes a group for each type. */
static void s_changed_type(suite_t *suite)
{
    static const char *const numbers[] = {"1", "2", "3", NULL}, *const text[] = {"7", "x", NULL};
    pbus_str_t device = PBUS_STR("changes");
    pbus_filter_t filter = pbus_filter_any();
    for (int type = PBUS_UINT8; type <= PBUS_INT64; type++)
        s_add_values(suite, device, (pbus_type_t) type, numbers);
    s_add_values(suite, device, PBUS_STRING, text);
    filter.device = device;
    s_check_functions(suite, &filter);
}

/* Sums of 64-bit integers at both ends, within their range. */
static void s_integers(suite_t *suite)
{
    static const char *const high[] = {"9223372036854775807", "-9223372036854775808", "9223372036854775807",
                                       NULL};
    static const char *const means[] = {"9223372036854775807", "9223372036854775806", NULL};
    static const char *const large[] = {"9223372036854775807", "9223372036854775807", "1", NULL};
    static const char *const odd[] = {"9007199254740993", "9007199254740993", "-1", NULL};
    pbus_filter_t any = pbus_filter_any();
    s_add_values(suite, PBUS_STR("ends"), PBUS_INT64, high);
    s_add_values(suite, PBUS_STR("unsigned"), PBUS_UINT64, large);
    s_add_values(suite, PBUS_STR("beyond doubles"), PBUS_INT64, odd);
    s_add_values(suite, PBUS_STR("mean"), PBUS_UINT64, means);
    s_check_functions(suite, &any);
}

/* A sum that 64 bits don't hold is given all the same, or said to be OVERFLOW; never a wrong number. */
static void s_overflow(suite_t *suite)
{
    static const char *const large[] = {"18446744073709551615", "18446744073709551615", "5", NULL};
    static const char *const low[] = {"-9223372036854775808", "-9223372036854775808", "-1", NULL};
    pbus_filter_t filter = pbus_filter_any();
    s_add_values(suite, PBUS_STR("large"), PBUS_UINT64, large);
    s_add_values(suite, PBUS_STR("low"), PBUS_INT64, low);
    s_add_values(suite, PBUS_STR("neither"), PBUS_INT64, (const char *const[]){"5", "6", NULL});
    s_check_functions(suite, &filter);
    filter.device = PBUS_STR("neither");
    suite_step(suite, "beside what overflows");
    s_check_functions(suite, &filter);
}

/* Decimal, not binary: 0.1 + 0.2 is 0.3. */
static void s_floats(suite_t *suite)
{
    static const char *const tenths[] = {"1e-01", "2e-01", "-3e-01", "1e-01", NULL};
    static const char *const far[] = {"1.7976931348623157e+308", "5e-324", "1e+00",
                                      "-1.7976931348623157e+308", NULL};
    static const char *const thirds[] = {"1e+00", "1e+00", "0e+00", NULL};
    static const char *const special[] = {"1.5e+00", "NaN", "+Inf", "-Inf", "2.5e-01", NULL};
    static const char *const nothing[] = {"NaN", NULL};
    pbus_filter_t any = pbus_filter_any();
    s_add_values(suite, PBUS_STR("tenths"), PBUS_FLOAT64, tenths);
    s_add_values(suite, PBUS_STR("tenths"), PBUS_FLOAT32, tenths);
    s_add_values(suite, PBUS_STR("thirds"), PBUS_FLOAT64, thirds);
    s_add_values(suite, PBUS_STR("far apart"), PBUS_FLOAT64, far);
    s_add_values(suite, PBUS_STR("with NaN and infinities"), PBUS_FLOAT64, special);
    s_add_values(suite, PBUS_STR("nothing else"), PBUS_FLOAT32, nothing);
    s_check_functions(suite, &any);
}

/* Means that go on and on, of many numbers. */
static void s_many_numbers(suite_t *suite)
{
    static const generator_shape_t numbers = {.devices = 2,
                                              .profiles = 1,
                                              .sources = 1,
                                              .resources = 2,
                                              .readings = 20,
                                              .origins = 1000,
                                              .unit = 1000003,
                                              .nulls = 5,
                                              .numbers = true,
                                              .small = true};
    pbus_filter_t filter = pbus_filter_any();
    act_fill(suite, &numbers, 300, 150);
    s_check_functions(suite, &filter);
    filter.origin_min = generator_origin_first() + 300 * numbers.unit;
    filter.origin_max = generator_origin_first() + 600 * numbers.unit;
    s_check_functions(suite, &filter);
}

const suite_case_t case_aggregate[] = {
    {"aggregate-groups", "each function, with filters", PBUS_CAP_AGGREGATE, s_groups},
    {"aggregate-changed-type", "a group for each type of a resource", PBUS_CAP_AGGREGATE, s_changed_type},
    {"aggregate-integers", "64-bit integers at both ends", PBUS_CAP_AGGREGATE, s_integers},
    {"aggregate-overflow", "sums beyond 64 bits", PBUS_CAP_AGGREGATE, s_overflow},
    {"aggregate-floats", "decimal arithmetic; NaN and infinities", PBUS_CAP_AGGREGATE, s_floats},
    {"aggregate-many", "3,000 numbers", PBUS_CAP_AGGREGATE, s_many_numbers},
    {NULL, NULL, 0, NULL},
};
