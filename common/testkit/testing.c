/*
 * See testing.h.
 */
#include "testing.h"

#include <signal.h>

/* ---- a worker's handles ---- */

void testing_configure(testing_t *self, const char *variable, const char *value)
{
    const pbus_option_t *tables[] = {self->backend->options};
    pbus_config_destroy(&self->config);
    assert_int_equal(setenv(variable, value, 1), 0);
    self->config = pbus_config_new(tables, 1, self->log);
    assert_non_null(self->config);
    testing_expect_ok(self, pbus_config_load(self->config, NULL, &self->error));
}

testing_t testing_make(const pbus_backend_t *backend, const char *variable, const char *value)
{
    testing_t self = {.backend = backend};
    signal(SIGPIPE, SIG_IGN); /* as a worker does */
    self.log = pbus_log_new("test");
    assert_true(pbus_log_set_level(self.log, "ERROR"));
    self.result = pbus_result_new();
    assert_non_null(self.result);
    testing_configure(&self, variable, value);
    return self;
}

pbus_status_t testing_try_open(testing_t *self)
{
    return self->backend->open(&self->writer, self->config, self->log, PBUS_LANE_WRITE, &self->error);
}

void testing_expect_ok(const testing_t *self, pbus_status_t status)
{
    if (status != PBUS_OK)
        fail_msg("%s: %s", pbus_status_name(status), self->error.text);
}

void testing_open(testing_t *self)
{
    testing_expect_ok(self, testing_try_open(self));
    testing_expect_ok(
        self, self->backend->open(&self->reader, self->config, self->log, PBUS_LANE_READ, &self->error));
}

void testing_close(testing_t *self)
{
    self->backend->close(&self->reader);
    self->backend->close(&self->writer);
}

void testing_destroy(testing_t *self)
{
    testing_close(self);
    pbus_config_destroy(&self->config);
    pbus_result_destroy(&self->result);
    pbus_log_destroy(&self->log);
}

pbus_health_t testing_expect_health(testing_t *self)
{
    pbus_health_t health = {0};
    testing_expect_ok(self, self->backend->health(self->writer, &health, &self->error));
    return health;
}

/* ---- writes ---- */

pbus_status_t testing_add(testing_t *self, const pbus_event_t *event, uint64_t accept)
{
    pbus_buf_t data = {0};
    pbus_event_encode(event, &data);
    assert_false(data.failed);
    pbus_write_t write = {
        .op = PBUS_ADD, .accept = accept, .id = event->id, .data = data.data, .size = data.size};
    pbus_status_t status = self->backend->write(self->writer, &write, 1, &self->error);
    pbus_buf_clear(&data);
    return status == PBUS_OK ? write.status : status;
}

pbus_status_t testing_delete(testing_t *self, pbus_uuid_t id, uint64_t accept)
{
    pbus_write_t write = {.op = PBUS_DELETE, .accept = accept, .id = id};
    pbus_status_t status = self->backend->write(self->writer, &write, 1, &self->error);
    return status == PBUS_OK ? write.status : status;
}

uint64_t testing_purge_all(testing_t *self)
{
    pbus_filter_t all = pbus_filter_any();
    uint64_t deleted, sum = 0;
    for (bool more = true; more; sum += deleted)
        testing_expect_ok(self, self->backend->purge(self->writer, &all, 500, &deleted, &more, &self->error));
    return sum;
}

/* ---- answers ---- */

pbus_query_t testing_query(uint64_t offset, uint32_t limit)
{
    return (pbus_query_t){.filter = pbus_filter_any(),
                          .offset = offset,
                          .limit = limit,
                          .want_total = true,
                          .deadline = INT64_MAX};
}

void testing_reset(testing_t *self)
{
    pbus_result_reset(self->result, 1 << 30, 1 << 30);
}

pbus_answer_t testing_answer(testing_t *self)
{
    pbus_answer_t answer;
    const pbus_buf_t *buf = pbus_result_answer(self->result, &self->error);
    assert_non_null(buf);
    assert_true(pbus_answer_open(&answer, buf->data, buf->size));
    return answer;
}

pbus_status_t testing_try_list(testing_t *self, pbus_what_t what, const pbus_query_t *query)
{
    testing_reset(self);
    return what == PBUS_EVENTS
               ? self->backend->list_events(self->reader, query, self->result, &self->error)
               : self->backend->list_readings(self->reader, query, self->result, &self->error);
}

pbus_answer_t testing_list(testing_t *self, pbus_what_t what, const pbus_query_t *query)
{
    testing_expect_ok(self, testing_try_list(self, what, query));
    return testing_answer(self);
}

uint64_t testing_count(testing_t *self, pbus_what_t what, const pbus_filter_t *filter)
{
    uint64_t count = 0;
    testing_expect_ok(self, self->backend->count(self->reader, what, filter, &count, &self->error));
    return count;
}

uint64_t testing_count_all(testing_t *self, pbus_what_t what)
{
    pbus_filter_t filter = pbus_filter_any();
    return testing_count(self, what, &filter);
}

/* ---- chance ---- */

uint64_t testing_random(testing_random_t *self, uint64_t below)
{
    self->state ^= self->state << 13;
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return (self->state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

testing_random_t testing_seed(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t) pbus_clock_realtime() % 1000000007 + 1;
    print_message("SEED=%llu\n", (unsigned long long) seed);
    return (testing_random_t){seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
}
