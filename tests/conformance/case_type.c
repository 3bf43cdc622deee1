/*
 * Types: what is stored comes back as it was, whatever it is.
 */
#include "act.h"
#include "cases.h"
#include "check.h"

#include <stdio.h>

/* Every sample in an event of its own, found by its place in time; then all in one event. */
static void s_every_type(suite_t *suite)
{
    int64_t origin = generator_origin_first();
    batch_t *batch = batch_new();
    case_event_t made;
    for (size_t i = 0; i < sample_count; i++) {
        case_make(suite, &made, PBUS_STR("types"), origin + (int64_t) i);
        made.reading.type = samples[i].type;
        made.reading.value = samples[i].value;
        made.reading.media_type = samples[i].media_type;
        batch_add(batch, suite_accept(suite), &made.event);
    }
    act_write(suite, batch);
    batch_destroy(&batch);
    check_all(suite);
    for (size_t i = 0; i < sample_count && suite_fine(suite); i++) {
        pbus_ask_t ask = pbus_ask_any(PBUS_ASK_READINGS);
        ask.query.filter.origin_min = ask.query.filter.origin_max = origin + (int64_t) i;
        ask.query.limit = 10;
        suite_step(suite, "sample %zu, a %s", i, pbus_type_name(samples[i].type));
        check_list(suite, &ask);
    }
}

static void s_types_together(suite_t *suite)
{
    static const unsigned rounds = 3;
    for (unsigned round = 0; round < rounds && suite_fine(suite); round++) {
        pbus_reading_t readings[200];
        case_event_t made;
        case_make(suite, &made, PBUS_STR("together"), generator_origin_first() + round);
        made.event.readings = readings;
        made.event.reading_count = sample_count < 200 ? sample_count : 200;
        for (size_t i = 0; i < made.event.reading_count; i++) {
            const sample_t *sample = &samples[(i * 7 + round) % sample_count];
            readings[i] = made.reading;
            readings[i].type = sample->type;
            readings[i].value = sample->value;
            readings[i].media_type = sample->media_type;
        }
        suite_step(suite, "all types in one event, all of one resource");
        act_add(suite, &made.event);
    }
    check_all(suite);
}

static void s_null_readings(suite_t *suite)
{
    pbus_reading_t readings[PBUS_FLOAT64_ARRAY];
    case_event_t made;
    case_make(suite, &made, PBUS_STR("nulls"), generator_origin_first());
    made.reading.is_null = true;
    made.reading.value = PBUS_STR("");
    for (int type = PBUS_BOOL; type <= PBUS_FLOAT64_ARRAY; type++) {
        readings[type - 1] = made.reading;
        readings[type - 1].type = (pbus_type_t) type;
    }
    suite_step(suite, "a reading without a value of each type");
    act_add(suite, &made.event);
    made.event.readings = readings;
    made.event.reading_count = PBUS_FLOAT64_ARRAY;
    made.event.id = generator_id(suite->random);
    act_add(suite, &made.event);
    check_all(suite);
}

/* ---- origins ---------------------------------------------------------------------------------------------
 */

static const int64_t s_origins[] = {INT64_MIN,
                                    INT64_MIN + 1,
                                    -INT64_C(9007199254740993),
                                    -INT64_C(1000000001),
                                    -1,
                                    1,
                                    INT64_C(999999999),
                                    INT64_C(9007199254740993),
                                    INT64_C(1760000000000000000),
                                    INT64_C(1760000000000000001),
                                    INT64_MAX - 1,
                                    INT64_MAX};
#define ORIGINS (sizeof s_origins / sizeof *s_origins)

/* Each event has a reading at each of the origins. */
static void s_add_origins(suite_t *suite)
{
    for (size_t i = 0; i < ORIGINS && suite_fine(suite); i++) {
        pbus_reading_t readings[ORIGINS];
        case_event_t made;
        case_make(suite, &made, PBUS_STR("times"), s_origins[(i * 5) % ORIGINS]);
        for (size_t k = 0; k < ORIGINS; k++) {
            readings[k] = made.reading;
            readings[k].origin = s_origins[(i + k) % ORIGINS];
        }
        made.event.readings = readings;
        made.event.reading_count = ORIGINS;
        act_add(suite, &made.event);
    }
}

static void s_check_bounds(suite_t *suite, pbus_ask_kind_t kind, int64_t low, int64_t high)
{
    pbus_ask_t ask = pbus_ask_any(kind);
    ask.query.filter.origin_min = low;
    ask.query.filter.origin_max = high;
    ask.query.limit = 1000;
    ask.query.want_total = true;
    check_list(suite, &ask);
    check_count(suite, kind == PBUS_ASK_EVENTS ? PBUS_EVENTS : PBUS_READINGS, &ask.query.filter);
}

static void s_far_origins(suite_t *suite)
{
    s_add_origins(suite);
    check_all(suite);
    for (size_t low = 0; low < ORIGINS && suite_fine(suite); low += 1 + low % 3)
        for (size_t high = low; high < ORIGINS && suite_fine(suite); high += 1 + high % 2) {
            s_check_bounds(suite, PBUS_ASK_EVENTS, s_origins[low], s_origins[high]);
            s_check_bounds(suite, PBUS_ASK_READINGS, s_origins[low], s_origins[high]);
        }
    pbus_filter_t filter = pbus_filter_any();
    filter.origin_max = -1;
    suite_step(suite, "after a purge of what is before 1970");
    act_purge(suite, &filter, 2);
    check_all(suite);
}

/* ---- names -----------------------------------------------------------------------------------------------
 */

static void s_check_name(suite_t *suite, pbus_str_t name)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
    ask.query.limit = 1000;
    ask.query.want_total = true;
    ask.query.filter.device = name;
    check_list(suite, &ask);
    check_count(suite, PBUS_EVENTS, &ask.query.filter);
    ask.query.filter.device = PBUS_STR("");
    ask.query.filter.source = name;
    check_list(suite, &ask);
    pbus_ask_t readings = pbus_ask_any(PBUS_ASK_READINGS);
    readings.query.limit = 1000;
    readings.query.want_total = true;
    readings.query.filter.resources = &name;
    readings.query.filter.resource_count = 1;
    check_list(suite, &readings);
    readings.query.filter.device = name;
    check_list(suite, &readings);
}

/* Each name as device, profile, source and resource, and as a device beside other sources. */
static void s_names(suite_t *suite)
{
    batch_t *batch = batch_new();
    for (size_t i = 0; i < sample_name_count; i++) {
        case_event_t made;
        case_make(suite, &made, sample_names[i], generator_origin_first() + (int64_t) i);
        batch_add(batch, suite_accept(suite), &made.event);
        made.event.id = generator_id(suite->random);
        made.event.source = made.reading.resource = sample_names[(i + 1) % sample_name_count];
        made.event.profile = sample_names[(i + 2) % sample_name_count];
        batch_add(batch, suite_accept(suite), &made.event);
    }
    suite_step(suite, "names with all kinds of characters");
    act_write(suite, batch);
    batch_destroy(&batch);
    check_all(suite);
    for (size_t i = 0; i < sample_name_count && suite_fine(suite); i++)
        s_check_name(suite, sample_names[i]);
}

/* Names that run into each other for who joins them with a separator. */
static void s_joined_names(suite_t *suite)
{
    static const char *const separators[] = {":", "/", "|", ",",    ".",    "-",
                                             "_", " ", ";", "\x01", "\x1f", "\n"};
    char names[2][3][16];
    for (size_t i = 0; i < sizeof separators / sizeof *separators && suite_fine(suite); i++) {
        snprintf(names[0][0], 16, "a%sb", separators[i]);
        snprintf(names[0][1], 16, "c");
        snprintf(names[1][0], 16, "a");
        snprintf(names[1][1], 16, "b%sc", separators[i]);
        for (size_t k = 0; k < 6; k++) {
            case_event_t made;
            case_make(suite, &made, pbus_str(names[k % 2][0]), generator_origin_first() + (int64_t) k);
            made.event.source = made.reading.resource = pbus_str(names[k % 2][1]);
            if (k >= 4)
                made.reading.resource = pbus_str(names[1 - k % 2][1]);
            act_add(suite, &made.event);
        }
        suite_step(suite, "device and source that differ in where the separator '%s' is", separators[i]);
        check_counts(suite);
        check_sources(suite);
        s_check_name(suite, pbus_str(names[0][0]));
        s_check_name(suite, pbus_str(names[1][0]));
        act_empty(suite);
        model_clear(suite->model);
    }
}

const suite_case_t case_type[] = {
    {"every-type", "all 27 value types with their extremes, byte for byte", 0, s_every_type},
    {"types-together", "all of them in one event", 0, s_types_together},
    {"null-readings", "a reading without a value, of every type", 0, s_null_readings},
    {"far-origins", "from INT64_MIN to INT64_MAX, of events and of readings", 0, s_far_origins},
    {"names", "with all kinds of characters, exact to the byte", 0, s_names},
    {"joined-names", "that run into each other", 0, s_joined_names},
    {NULL, NULL, 0, NULL},
};
