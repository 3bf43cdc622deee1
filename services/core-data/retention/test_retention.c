/*
 * Retention: passes over a store in memory that stands in for the dispatcher and its groups, and the rules'
 * reading.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>
#include "asker.h"
#include "retention.h"
#include "../http/test_call.h"

#define HOUR (3600 * INT64_C(1000000000))
#define EVENTS 16

typedef struct {
    const char *device, *source;
    int64_t origin;
    bool gone;
} stored_t;

typedef struct {
    settings_t settings;
    service_t *service;
    pthread_mutex_t lock;
    pthread_cond_t change;
    stored_t stored[EVENTS];
    size_t count;
    int passes;  /* how often sources were asked for */
    int lists;   /* how often events were asked for */
    int purges;  /* how many purges came */
    bool spoilt; /* answers are malformed */
    bool more;   /* there are more sources than fit */
    bool wrong;  /* what is asked is not what retention asks */
    bool mute;   /* requests are kept, and not answered */
    pbus_status_t fault;
    request_t *kept;
} fixture_t;

/* ---- the store ---------------------------------------------------------------------------------------- */

static bool s_passes(const stored_t *event, const char *device, const char *source, int64_t origin_max)
{
    return !event->gone && event->origin <= origin_max && (!device || !strcmp(event->device, device)) &&
           (!source || !strcmp(event->source, source));
}

/* The pair's number of events, told at the first event of it only. */
static uint64_t s_events_of(const fixture_t *self, size_t first)
{
    uint64_t events = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!s_passes(&self->stored[i], self->stored[first].device, self->stored[first].source, INT64_MAX))
            continue;
        if (i < first)
            return 0;
        events++;
    }
    return events;
}

static void s_put_sources(fixture_t *self, pbus_result_t *result)
{
    for (size_t i = 0; i < self->count; i++)
        if (s_events_of(self, i))
            pbus_result_add_source(result, pbus_str(self->stored[i].device), pbus_str(self->stored[i].source),
                                   s_events_of(self, i));
    self->passes++;
    pbus_result_set_more(result, self->more);
}

static void s_put_event(pbus_result_t *result, const stored_t *stored)
{
    pbus_reading_t reading = test_reading(stored->origin);
    pbus_event_t event = {.origin = stored->origin,
                          .device = pbus_str(*stored->device ? stored->device : "d"),
                          .profile = PBUS_STR("p"),
                          .source = pbus_str(stored->source),
                          .readings = &reading,
                          .reading_count = 1};
    pbus_result_add_event(result, 1, &event);
}

static int s_by_origin(const void *a, const void *b)
{
    int64_t left = ((const stored_t *) a)->origin, right = ((const stored_t *) b)->origin;
    return left < right ? 1 : left > right ? -1 : 0;
}

static void s_put_events(fixture_t *self, pbus_result_t *result, const pbus_ask_t *ask)
{
    uint64_t skipped = 0;
    const pbus_filter_t *filter = &ask->query.filter;
    qsort(self->stored, self->count, sizeof *self->stored, s_by_origin);
    for (size_t i = 0; i < self->count; i++) {
        const stored_t *event = &self->stored[i];
        if (!s_passes(event, NULL, NULL, filter->origin_max) ||
            !pbus_str_eq(pbus_str(event->device), filter->device) ||
            !pbus_str_eq(pbus_str(event->source), filter->source) || skipped++ < ask->query.offset)
            continue;
        s_put_event(result, event);
        break;
    }
    self->wrong |= ask->query.limit != 1;
    self->lists++;
}

static void s_answer(fixture_t *self, request_t *request)
{
    pbus_ask_t ask;
    pbus_buf_t lists = {0};
    pbus_result_t *result = test_result(0);
    self->wrong |= !pbus_ask_decode(&ask, request->ask.data, request->ask.size, &lists);
    if (ask.kind == PBUS_ASK_SOURCES)
        s_put_sources(self, result);
    else
        s_put_events(self, result, &ask);
    test_answer(request, result);
    if (self->spoilt && ask.kind == PBUS_ASK_EVENTS)
        request->answer_size--;
    pbus_result_destroy(&result);
    pbus_buf_clear(&lists);
}

static void s_delete(fixture_t *self, const request_t *request)
{
    self->wrong |= !request->lazy || !request->device || !request->source;
    for (size_t i = 0; i < self->count; i++)
        if (s_passes(&self->stored[i], request->device, request->source, request->origin_max))
            self->stored[i].gone = true;
    self->purges++;
}

static pbus_status_t s_submit(void *context, request_t *request)
{
    fixture_t *self = context;
    pthread_mutex_lock(&self->lock);
    if (request->kind == REQUEST_PURGE)
        s_delete(self, request);
    else
        s_answer(self, request);
    if (self->fault)
        request->status = self->fault;
    bool mute = self->mute;
    if (mute)
        self->kept = request;
    pthread_cond_broadcast(&self->change);
    pthread_mutex_unlock(&self->lock);
    if (!mute)
        request->done(request);
    return PBUS_OK;
}

static bool s_stream_wanted(void *self)
{
    (void) self;
    return false;
}

/* ---- passes ------------------------------------------------------------------------------------------- */

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->settings = test_settings();
    self->service = service_new(&self->settings, (port_t){self, s_submit, s_stream_wanted, NULL}, NULL);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->change, NULL);
    *state = self;
    return self->service ? 0 : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    service_destroy(&self->service);
    pthread_cond_destroy(&self->change);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return 0;
}

static void s_store(fixture_t *self, const char *device, const char *source, int64_t origin)
{
    self->stored[self->count++] = (stored_t){device, source, origin, false};
}

/* Lets so many passes begin, of which all but the last have ended. */
static void s_let_pass(fixture_t *self, rules_t rules, int passes)
{
    pbus_error_t error;
    rules.interval = 10000000;
    retention_t *retention = retention_new(self->service, &rules, &error);
    assert_non_null(retention);
    pthread_mutex_lock(&self->lock);
    while (self->passes < passes)
        pthread_cond_wait(&self->change, &self->lock);
    pthread_mutex_unlock(&self->lock);
    retention_destroy(&retention);
    assert_false(self->wrong);
}

static size_t s_left(const fixture_t *self, const char *device, const char *source)
{
    size_t left = 0;
    for (size_t i = 0; i < self->count; i++)
        left += s_passes(&self->stored[i], device, source, INT64_MAX);
    return left;
}

static uint64_t s_counter(const fixture_t *self, service_counter_t counter)
{
    return pbus_metrics_get(service_metrics(self->service), counter);
}

typedef struct {
    rules_t rules;
    int old, fresh; /* events of two hours ago, and of now */
    size_t left;
} pass_case_t;

static const pass_case_t cases[] = {
    /* the figures that the contract gives */
    {{.max_cap = 5, .min_cap = 3}, 0, 4, 4},
    {{.max_cap = 5, .min_cap = 3}, 0, 5, 3},
    {{.max_cap = 5, .min_cap = 3}, 5, 0, 3},
    {{.max_cap = -1, .min_cap = 3}, 0, 4, 3},
    {{.max_cap = 0, .min_cap = 3}, 0, 4, 3},
    {{.max_cap = -1, .min_cap = 3}, 0, 3, 3},
    {{.max_cap = -1, .min_cap = 0}, 2, 2, 0},
    {{.max_cap = 5, .min_cap = -1}, 2, 2, 4},
    /* with a duration the survivors are of the expired ones */
    {{.max_cap = -1, .min_cap = 1, .duration = HOUR}, 4, 3, 4},
    {{.max_cap = -1, .min_cap = 0, .duration = HOUR}, 4, 3, 3},
    {{.max_cap = -1, .min_cap = 3, .duration = HOUR}, 2, 4, 6},
    {{.max_cap = 8, .min_cap = 0, .duration = HOUR}, 4, 3, 7},
    {{.max_cap = 7, .min_cap = 0, .duration = HOUR}, 4, 3, 3},
    {{.max_cap = -1, .min_cap = 1, .duration = INT64_MAX}, 4, 3, 7},
};

static void s_test_pass(void **state)
{
    fixture_t *self = *state;
    int64_t now = pbus_clock_realtime();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pass_case_t *item = &cases[i];
        self->count = 0;
        self->passes = 0;
        for (int n = 0; n < item->old; n++)
            s_store(self, "d", "s", now - 2 * HOUR - n);
        for (int n = 0; n < item->fresh; n++)
            s_store(self, "d", "s", now - n);
        s_let_pass(self, item->rules, 2);
        if (s_left(self, "d", "s") != item->left)
            fail_msg("case %zu: %zu events are left", i, s_left(self, "d", "s"));
    }
    assert_int_equal(s_counter(self, SERVICE_RETENTION_FAILED), 0);
    assert_true(s_counter(self, SERVICE_RETENTION_PASSES) >= sizeof cases / sizeof *cases);
    assert_int_equal(s_counter(self, SERVICE_RETENTION_PURGES), self->purges);
}

static void s_test_newest_survive(void **state)
{
    fixture_t *self = *state;
    for (int n = 0; n < 6; n++)
        s_store(self, "d", "s", 100 + n);
    s_let_pass(self, (rules_t){.max_cap = 6, .min_cap = 2}, 2);
    assert_int_equal(s_left(self, "d", "s"), 2);
    for (size_t i = 0; i < self->count; i++)
        assert_true(self->stored[i].gone == (self->stored[i].origin < 104));
}

static void s_test_ties_go(void **state)
{
    fixture_t *self = *state;
    s_store(self, "d", "s", 9);
    for (int n = 0; n < 5; n++)
        s_store(self, "d", "s", 7);
    s_let_pass(self, (rules_t){.max_cap = -1, .min_cap = 3}, 2);
    assert_int_equal(s_left(self, "d", "s"), 1);
}

static void s_test_pairs_are_apart(void **state)
{
    fixture_t *self = *state;
    static const char *const pairs[][2] = {
        {"dev", "src1"}, {"mdev2", "src1x"}, {"dev", "src"}, {"d", "src1"}};
    for (int n = 0; n < 12; n++)
        s_store(self, pairs[n % 4][0], pairs[n % 4][1], n + 1);
    s_store(self, "dev", "src1", 100);
    s_let_pass(self, (rules_t){.max_cap = 4, .min_cap = 1}, 2);
    assert_int_equal(s_left(self, "dev", "src1"), 1);
    for (int n = 1; n < 4; n++)
        assert_int_equal(s_left(self, pairs[n][0], pairs[n][1]), 3);
    assert_int_equal(self->purges, 1);
}

static void s_test_nothing_is_asked_for_few(void **state)
{
    fixture_t *self = *state;
    s_store(self, "d", "s", 1);
    s_store(self, "d", "s", 2);
    s_let_pass(self, (rules_t){.max_cap = 3, .min_cap = -1}, 3);
    s_let_pass(self, (rules_t){.max_cap = -1, .min_cap = 2}, 6);
    assert_int_equal(self->lists + self->purges, 0);
}

static void s_expect_failures(fixture_t *self)
{
    s_store(self, "d", "s", 1);
    s_store(self, "d", "s", 2);
    s_let_pass(self, (rules_t){.max_cap = -1, .min_cap = 1}, 3);
    assert_true(s_counter(self, SERVICE_RETENTION_FAILED) >= 2);
    assert_int_equal(s_counter(self, SERVICE_RETENTION_PASSES), 0);
}

static void s_test_failure(void **state)
{
    fixture_t *self = *state;
    self->fault = PBUS_UNAVAILABLE;
    s_expect_failures(self);
    assert_int_equal(s_left(self, "d", "s"), 2);
}

static void s_test_malformed_answer(void **state)
{
    fixture_t *self = *state;
    self->spoilt = true;
    s_expect_failures(self);
    assert_int_equal(s_left(self, "d", "s"), 2);
}

/* In a purge an empty name would mean any. */
static void s_test_empty_name(void **state)
{
    fixture_t *self = *state;
    s_store(self, "", "s", 1);
    s_store(self, "", "s", 2);
    s_expect_failures(self);
    assert_int_equal(self->purges, 0);
}

static void s_test_more_sources(void **state)
{
    fixture_t *self = *state;
    self->more = true;
    s_expect_failures(self);
    assert_int_equal(s_left(self, "d", "s"), 1); /* those that were told are seen to */
}

static void s_test_never(void **state)
{
    fixture_t *self = *state;
    static const int64_t intervals[] = {0, -1};
    pbus_error_t error;
    for (size_t i = 0; i < 2; i++) {
        retention_t *retention = retention_new(self->service, &(rules_t){.interval = intervals[i]}, &error);
        assert_non_null(retention);
        retention_destroy(&retention);
    }
    assert_int_equal(self->passes, 0);
}

/* Stopping does not wait for an answer; a request that is answered later than that is freed. */
static void s_test_stop(void **state)
{
    fixture_t *self = *state;
    s_store(self, "d", "s", 1);
    self->mute = true;
    s_let_pass(self, (rules_t){.min_cap = 1}, 1);
    assert_non_null(self->kept);
    self->kept->done(self->kept);
    assert_int_equal(s_counter(self, SERVICE_RETENTION_FAILED), 0);
}

/* ---- rules -------------------------------------------------------------------------------------------- */

static void s_test_durations(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } texts[] = {{"168h", 168 * HOUR},
                 {"7d", 168 * HOUR},
                 {"1d12h", 36 * HOUR},
                 {"0d", 0},
                 {"0s", 0},
                 {"0", 0},
                 {"90m", HOUR * 3 / 2},
                 {"106751d", INT64_C(106751) * 24 * HOUR},
                 {"", -1},
                 {"d", -1},
                 {"7", -1},
                 {"7d7d", -1},
                 {"12h1d", -1},
                 {"1d-12h", -1},
                 {"1d+12h", -1},
                 {"1.5d", -1},
                 {"106752d", -1},
                 {"99999999999999999999d", -1},
                 {"106751d24h", -1}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ns = -1;
        if (rules_duration(texts[i].text, &ns) != (texts[i].ns >= 0) ||
            (texts[i].ns >= 0 && ns != texts[i].ns))
            fail_msg("'%s'", texts[i].text);
    }
}

static pbus_status_t s_read(const char *key, const char *value, rules_t *rules, pbus_error_t *error)
{
    static const pbus_option_t *const tables[] = {rules_options};
    pbus_config_t *config = pbus_config_new(tables, 1, NULL);
    if (key)
        setenv(key, value, 1);
    pbus_status_t status = pbus_config_load(config, NULL, error);
    if (status == PBUS_OK)
        status = rules_read(rules, config, error);
    if (key)
        unsetenv(key);
    pbus_config_destroy(&config);
    return status;
}

static void s_test_rules(void **state)
{
    (void) state;
    rules_t rules;
    pbus_error_t error;
    assert_int_equal(s_read(NULL, NULL, &rules, &error), PBUS_OK);
    assert_int_equal(rules.interval, HOUR / 6);
    assert_int_equal(rules.max_cap, -1);
    assert_int_equal(rules.min_cap, 1);
    assert_int_equal(rules.duration, 168 * HOUR);
    assert_int_equal(s_read("RETENTION_INTERVAL", "-1s", &rules, &error), PBUS_OK);
    assert_int_equal(s_read("RETENTION_INTERVAL", "0s", &rules, &error), PBUS_OK);
    assert_int_equal(s_read("RETENTION_INTERVAL", "9ms", &rules, &error), PBUS_INVALID);
    assert_non_null(strstr(error.text, "Retention.Interval is 9000000ns"));
    assert_int_equal(s_read("RETENTION_DEFAULTDURATION", "1d", &rules, &error), PBUS_OK);
    assert_int_equal(rules.duration, 24 * HOUR);
    assert_int_equal(s_read("RETENTION_DEFAULTDURATION", "-1h", &rules, &error), PBUS_INVALID);
    assert_int_equal(s_read("RETENTION_DEFAULTDURATION", "soon", &rules, &error), PBUS_INVALID);
    assert_non_null(strstr(error.text, "Retention.DefaultDuration is 'soon'"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, s_setup, s_teardown)
    const struct CMUnitTest tests[] = {TEST(s_test_pass),
                                       TEST(s_test_newest_survive),
                                       TEST(s_test_ties_go),
                                       TEST(s_test_pairs_are_apart),
                                       TEST(s_test_nothing_is_asked_for_few),
                                       TEST(s_test_failure),
                                       TEST(s_test_malformed_answer),
                                       TEST(s_test_empty_name),
                                       TEST(s_test_more_sources),
                                       TEST(s_test_never),
                                       TEST(s_test_stop),
                                       cmocka_unit_test(s_test_durations),
                                       cmocka_unit_test(s_test_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
