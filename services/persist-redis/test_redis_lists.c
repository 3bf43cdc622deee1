/*
 * Lists over many series and far down: ways that the small stores of the other tests do not take. What to
 * expect follows from how the events are made.
 */
#include "redis_testing.h"

#define DEVICES 400 /* more series than are merged without a second thought */
#define EVENTS 32000
#define OLD 4000 /* so many of the first events are unlike the others */
/* Of each event, with resources "a" and "b"; of each 16th device "a" and "rare"; of old events "a" and "old".
 */
#define READINGS 2
#define START INT64_C(1760000000000000000)

typedef struct {
    testing_server_t server;
    testing_t worker;
} store_t;

/* Event i, from 0 to EVENTS - 1: two of each origin, ids rising. */
static int64_t s_origin(uint64_t i)
{
    return START + (int64_t) (i / 2) * 1000;
}

static uint64_t s_device(uint64_t i)
{
    return i * 7 % DEVICES;
}

static bool s_is_old(uint64_t i)
{
    return i < OLD || i % 64 == 5;
}

static bool s_is_rare(uint64_t i)
{
    return !s_is_old(i) && s_device(i) % 16 == 0;
}

static void s_encode(uint64_t i, pbus_write_t *write, pbus_buf_t *data)
{
    char device[16], value[24];
    pbus_reading_t readings[READINGS];
    snprintf(device, sizeof device, "d%03llu", (unsigned long long) s_device(i));
    snprintf(value, sizeof value, "%llu", (unsigned long long) i);
    for (int k = 0; k < READINGS; k++)
        readings[k] = (pbus_reading_t){.origin = s_origin(i),
                                       .device = pbus_str(device),
                                       .profile = PBUS_STR("p"),
                                       .resource = k == 0         ? PBUS_STR("a")
                                                   : s_is_old(i)  ? PBUS_STR("old")
                                                   : s_is_rare(i) ? PBUS_STR("rare")
                                                                  : PBUS_STR("b"),
                                       .type = PBUS_UINT64,
                                       .units = PBUS_STR(""),
                                       .tags = PBUS_STR(""),
                                       .value = pbus_str(value),
                                       .media_type = PBUS_STR("")};
    pbus_event_t event = {.id = testing_id(i),
                          .origin = s_origin(i),
                          .device = pbus_str(device),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .tags = PBUS_STR(""),
                          .readings = readings,
                          .reading_count = READINGS};
    pbus_event_encode(&event, data);
    *write = (pbus_write_t){
        .op = PBUS_ADD, .accept = i + 1, .id = event.id, .data = data->data, .size = data->size};
}

#define BATCH 1000

static int s_set_up(void **state)
{
    static store_t self;
    self.server = testing_server_new("none");
    self.worker = testing_new(self.server.url);
    testing_open(&self.worker);
    for (uint64_t first = 0; first < EVENTS; first += BATCH) {
        pbus_write_t writes[BATCH];
        pbus_buf_t data[BATCH] = {0};
        for (uint64_t i = 0; i < BATCH; i++)
            s_encode(first + i, &writes[i], &data[i]);
        testing_expect_ok(&self.worker,
                          redis_backend.write(self.worker.writer, writes, BATCH, &self.worker.error));
        for (uint64_t i = 0; i < BATCH; i++)
            pbus_buf_clear(&data[i]);
    }
    *state = &self;
    return 0;
}

static int s_tear_down(void **state)
{
    store_t *self = *state;
    testing_destroy(&self->worker);
    testing_server_destroy(&self->server);
    return 0;
}

/* The number of an event or reading is in its value. */
static uint64_t s_number(pbus_str_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%.*s", (int) value.size, value.data);
    return strtoull(text, NULL, 10);
}

static uint64_t s_event_number(pbus_answer_t *answer, pbus_decoder_t *decoder)
{
    uint64_t accept;
    pbus_str_t encoded;
    assert_true(pbus_answer_event(answer, &accept, &encoded));
    const pbus_event_t *event = pbus_decoder_event(decoder, encoded.data, encoded.size);
    assert_non_null(event);
    assert_int_equal(accept, s_number(event->readings[0].value) + 1);
    return accept - 1;
}

/* Events step apart, from the newest on. */
static void s_check_events(store_t *self, pbus_filter_t filter, uint64_t step, uint64_t offset,
                           uint32_t limit)
{
    pbus_query_t query = testing_query(offset, limit);
    pbus_decoder_t *decoder = pbus_decoder_new();
    query.filter = filter;
    pbus_answer_t answer = testing_list(&self->worker, PBUS_EVENTS, &query);
    uint64_t total = answer.total, left = offset < total ? total - offset : 0;
    assert_int_equal(answer.count, left < limit ? left : limit);
    for (uint64_t k = 0, last = 0; k < answer.count; k++) {
        uint64_t i = s_event_number(&answer, decoder);
        if (step == 1)
            assert_int_equal(i, EVENTS - 1 - offset - k);
        else if (k > 0)
            assert_int_equal(last - i, step);
        last = i;
    }
    pbus_decoder_destroy(&decoder);
}

static void test_all_events(void **state)
{
    static const uint64_t offsets[] = {0, 1, 999, 10500, 10501, 20000, 31990, EVENTS - 1, EVENTS, EVENTS + 5};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        s_check_events(*state, pbus_filter_any(), 1, offsets[i], 20);
        s_check_events(*state, pbus_filter_any(), 1, offsets[i], 1);
    }
    /* More than are read at a time. */
    s_check_events(*state, pbus_filter_any(), 1, 11111, 3000);
}

static void test_device_events(void **state)
{
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("d007");
    s_check_events(*state, filter, DEVICES, 0, 20);
    s_check_events(*state, filter, DEVICES, 60, 100);
}

/* 400 series: enough to walk over all events instead; and, far down, not. */
static void test_source_events(void **state)
{
    pbus_filter_t filter = pbus_filter_any();
    filter.source = PBUS_STR("s");
    s_check_events(*state, filter, 1, 0, 20);
    s_check_events(*state, filter, 1, 2000, 700);
    s_check_events(*state, filter, 1, 31000, 20);
}

/* Readings of one resource, numbered so that those of others are left out. */
static void s_check_resource(store_t *self, pbus_str_t resource, bool (*has)(uint64_t), uint64_t offset,
                             uint32_t limit)
{
    pbus_query_t query = testing_query(offset, limit);
    query.filter.resources = &resource;
    query.filter.resource_count = 1;
    pbus_answer_t answer = testing_list(&self->worker, PBUS_READINGS, &query);
    pbus_reading_t reading;
    uint64_t total = 0, i = EVENTS, passed = 0, seen = 0;
    for (uint64_t k = 0; k < EVENTS; k++)
        total += has(k);
    assert_int_equal(answer.total, total);
    assert_int_equal(answer.count, offset >= total ? 0 : total - offset < limit ? total - offset : limit);
    while (pbus_answer_reading(&answer, &reading)) {
        do
            i--;
        while (!has(i) || passed++ < offset);
        assert_int_equal(s_number(reading.value), i);
        assert_true(pbus_str_eq(reading.resource, resource));
        seen++;
    }
    assert_int_equal(seen, answer.count);
}

static bool s_has_any(uint64_t i)
{
    (void) i;
    return true;
}

static bool s_has_none(uint64_t i)
{
    (void) i;
    return false;
}

static bool s_has_b(uint64_t i)
{
    return !s_is_old(i) && !s_is_rare(i);
}

static void test_resources(void **state)
{
    static const uint64_t offsets[] = {0, 7, 1500, 12345, 30000, EVENTS};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        s_check_resource(*state, PBUS_STR("a"), s_has_any, offsets[i], 20);
        s_check_resource(*state, PBUS_STR("b"), s_has_b, offsets[i], 300);
        s_check_resource(*state, PBUS_STR("rare"), s_is_rare, offsets[i], 20);
        s_check_resource(*state, PBUS_STR("old"), s_is_old, offsets[i], 20);
        s_check_resource(*state, PBUS_STR("none"), s_has_none, offsets[i], 20);
    }
}

/* Each origin has two events with two readings each. */
static void test_all_readings(void **state)
{
    store_t *self = *state;
    static const uint64_t offsets[] = {0, 1, 2, 3, 4, 5, 20001, 63990};
    for (size_t k = 0; k < sizeof offsets / sizeof offsets[0]; k++) {
        pbus_query_t query = testing_query(offsets[k], 50);
        pbus_answer_t answer = testing_list(&self->worker, PBUS_READINGS, &query);
        pbus_reading_t reading;
        assert_int_equal(answer.total, EVENTS * READINGS);
        for (uint64_t i = offsets[k]; pbus_answer_reading(&answer, &reading); i++) {
            assert_int_equal(s_number(reading.value), EVENTS - 1 - i / READINGS);
            assert_true(pbus_str_eq(reading.resource, PBUS_STR("a")) == (i % READINGS == 0));
        }
    }
}

static void test_range(void **state)
{
    store_t *self = *state;
    pbus_filter_t filter = pbus_filter_any();
    filter.origin_min = s_origin(1001);
    filter.origin_max = s_origin(29000);
    assert_int_equal(testing_count(&self->worker, PBUS_EVENTS, &filter), 28002);
    assert_int_equal(testing_count(&self->worker, PBUS_READINGS, &filter), 28002 * READINGS);
    pbus_query_t query = testing_query(27995, 20);
    pbus_decoder_t *decoder = pbus_decoder_new();
    query.filter = filter;
    pbus_answer_t answer = testing_list(&self->worker, PBUS_EVENTS, &query);
    assert_int_equal(answer.total, 28002);
    assert_int_equal(answer.count, 7);
    for (uint64_t i = 1006; i >= 1000; i--)
        assert_int_equal(s_event_number(&answer, decoder), i);
    pbus_decoder_destroy(&decoder);
}

static void test_scan(void **state)
{
    store_t *self = *state;
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_cursor_t after;
    uint64_t next = 0;
    while (next < EVENTS) {
        testing_reset(&self->worker);
        testing_expect_ok(&self->worker, redis_backend.scan(self->worker.reader, INT64_MIN, INT64_MAX,
                                                            next > 0 ? &after : NULL, 2500,
                                                            self->worker.result, &self->worker.error));
        pbus_answer_t answer = testing_answer(&self->worker);
        assert_true(answer.count == 2500 || next + answer.count == EVENTS);
        for (uint64_t k = 0; k < answer.count; k++, next++)
            assert_int_equal(s_event_number(&answer, decoder), next);
        after = (pbus_cursor_t){s_origin(next - 1), testing_id(next - 1)};
    }
    pbus_decoder_destroy(&decoder);
}

static void test_sources(void **state)
{
    store_t *self = *state;
    pbus_str_t device, source;
    uint64_t events, sources = 0;
    testing_reset(&self->worker);
    testing_expect_ok(&self->worker, redis_backend.list_sources(self->worker.reader, self->worker.result,
                                                                &self->worker.error));
    pbus_answer_t answer = testing_answer(&self->worker);
    for (; pbus_answer_source(&answer, &device, &source, &events); sources++)
        assert_int_equal(events, EVENTS / DEVICES);
    assert_int_equal(sources, DEVICES);
}

static void test_deadline(void **state)
{
    store_t *self = *state;
    pbus_query_t query = testing_query(0, 20);
    query.deadline = 1;
    assert_int_equal(testing_try_list(&self->worker, PBUS_EVENTS, &query), PBUS_TIMEOUT);
    query.deadline = INT64_MAX;
    assert_int_equal(testing_list(&self->worker, PBUS_EVENTS, &query).count, 20);
}

/* Without a limit no event is read, and counts need none either. */
static void test_total_alone(void **state)
{
    store_t *self = *state;
    pbus_query_t query = testing_query(0, 0);
    pbus_answer_t answer = testing_list(&self->worker, PBUS_READINGS, &query);
    assert_int_equal(answer.total, EVENTS * READINGS);
    assert_int_equal(answer.count, 0);
    query.limit = 3;
    query.want_total = false;
    answer = testing_list(&self->worker, PBUS_READINGS, &query);
    assert_int_equal(answer.total, 0);
    assert_int_equal(answer.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_events),    cmocka_unit_test(test_device_events),
        cmocka_unit_test(test_source_events), cmocka_unit_test(test_resources),
        cmocka_unit_test(test_all_readings),  cmocka_unit_test(test_range),
        cmocka_unit_test(test_scan),          cmocka_unit_test(test_sources),
        cmocka_unit_test(test_deadline),      cmocka_unit_test(test_total_alone),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
