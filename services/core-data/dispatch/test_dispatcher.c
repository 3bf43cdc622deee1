/*
 * The dispatcher and the worker runtime together: writes and reads, what waits, groups that lag or lack
 * something. Runs under ThreadSanitizer too.
 */

#include "test_bus.h"

/* ---- stores that do not do as they should ---- */

static pbus_status_t s_write_nothing(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    (void) self, (void) writes, (void) count;
    return pbus_fail(error, PBUS_INTERNAL, "it stores nothing");
}

#define HANG_MS 2500

static pbus_status_t s_write_late(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    poll(NULL, 0, HANG_MS);
    return store_write(self, writes, count, error);
}

static pbus_status_t s_count_late(void *self, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                                  pbus_error_t *error)
{
    poll(NULL, 0, HANG_MS);
    return store_count(self, what, filter, count, error);
}

/* ---- tests ---- */

static void test_writes_and_reads(void **state)
{
    worker_t *worker = bus_worker_start(*state, "memory");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(bus_post(*state, bus_id(1, 2)), PBUS_OK);
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_CONFLICT);
    assert_int_equal(bus_total(*state), 2);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_NOT_FOUND);
    assert_int_equal(bus_total(*state), 1);
    bus_worker_stop(worker);
}

/* Nobody is there: reads fail in time, writes wait in the spool and outlive core-data. */
static void test_nobody_there(void **state)
{
    fixture_t *fixture = *state;
    assert_int_equal(bus_do(fixture, bus_count_request(), SECOND / 4), PBUS_UNAVAILABLE);
    for (unsigned i = 0; i < 10; i++)
        assert_true(bus_is_spooled(fixture, bus_add(bus_id(1, i))));
    bus_restart(fixture);
    worker_t *worker = bus_worker_start(fixture, "memory");
    assert_int_equal(bus_total(fixture), 10);
    assert_int_equal(bus_post(fixture, bus_id(1, 1)), PBUS_CONFLICT);
    bus_worker_stop(worker);
}

/* What waits is delivered in order: an event that was deleted while it waited is gone. */
static void test_what_waits_stays_in_order(void **state)
{
    fixture_t *fixture = *state;
    worker_t *worker = bus_worker_start(fixture, "memory");
    assert_int_equal(bus_post(fixture, bus_id(1, 1)), PBUS_OK);
    bus_worker_stop(worker);
    for (unsigned i = 2; i < 1500; i++) { /* more than one batch of the spool */
        assert_true(bus_is_spooled(fixture, bus_add(bus_id(1, i))));
        if (i % 2)
            assert_true(bus_is_spooled(fixture, bus_delete_request(bus_id(1, i - 1))));
    }
    worker = bus_worker_start(fixture, "memory");
    assert_int_equal(bus_total(fixture), 1 + 749);
    assert_int_equal(bus_post(fixture, bus_id(2, 1)), PBUS_OK);
    bus_worker_stop(worker);
}

/* A spool that holds sole copies only and is full refuses what is new. */
static void test_a_full_spool_refuses(void **state)
{
    fixture_t *fixture = *state;
    size_t kept = 0;
    dispatcher_destroy(&fixture->dispatcher);
    setenv("SPOOL_MAXSIZE", "64", 1);
    pbus_error_t error;
    assert_int_equal(pbus_config_load(fixture->config, NULL, &error), PBUS_OK);
    unsetenv("SPOOL_MAXSIZE");
    bus_start(fixture);
    while (bus_do(fixture, bus_add(bus_id(1, (unsigned) kept)), 20 * SECOND) == PBUS_OK)
        assert_true(++kept < 1000);
    assert_true(kept > 100);
    worker_t *worker = bus_worker_start(fixture, "memory");
    assert_int_equal(bus_total(fixture), kept);
    assert_int_equal(bus_post(fixture, bus_id(2, 1)), PBUS_OK);
    bus_worker_stop(worker);
}

static void test_waits_for_a_worker(void **state)
{
    ticket_t ticket;
    worker_t *worker = bus_worker_start(*state, "memory");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    bus_worker_stop(worker);
    request_t *request = bus_add(bus_id(1, 2));
    bus_submit(*state, request, &ticket, 20 * SECOND);
    worker = bus_worker_start(*state, "memory");
    assert_int_equal(bus_wait(request), PBUS_OK);
    request_destroy(&request);
    assert_int_equal(bus_total(*state), 2);
    bus_worker_stop(worker);
}

/* Requests of several threads while workers of one group come and go. */
typedef struct {
    fixture_t *fixture;
    unsigned number;
    size_t failed;
} poster_t;

static void *s_poster(void *arg)
{
    poster_t *poster = arg;
    for (unsigned i = 0; i < 300; i++)
        if (bus_post(poster->fixture, bus_id(poster->number, i)) != PBUS_OK)
            poster->failed++;
    return NULL;
}

static void test_workers_come_and_go(void **state)
{
    pthread_t threads[4];
    poster_t posters[4];
    worker_t *first = bus_worker_start(*state, "memory");
    for (unsigned i = 0; i < 4; i++) {
        posters[i] = (poster_t){.fixture = *state, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, s_poster, &posters[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        worker_t *second = bus_worker_start(*state, "memory");
        bus_worker_stop(first);
        first = second;
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(posters[i].failed, 0);
    }
    assert_int_equal(bus_total(*state), 1200);
    bus_worker_stop(first);
}

static void test_a_refused_event_fails_alone(void **state)
{
    enum { COUNT = 50 };
    worker_t *worker = bus_worker_start(*state, "memory");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    atomic_store(&bus_stores[0].poison, 99);
    atomic_store(&bus_stores[0].slow_ms, 20); /* so that what follows gathers in one batch */
    request_t *requests[COUNT];
    ticket_t tickets[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        requests[i] = bus_add(bus_id(i == 30 ? 99 : 2, i));
        bus_submit(*state, requests[i], &tickets[i], 20 * SECOND);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(bus_wait(requests[i]), i == 30 ? PBUS_INTERNAL : PBUS_OK);
        request_destroy(&requests[i]);
    }
    assert_true(atomic_load(&bus_stores[0].calls) < COUNT);
    assert_int_equal(bus_total(*state), COUNT);
    bus_worker_stop(worker);
}

static void test_a_store_that_is_away_comes_back(void **state)
{
    worker_t *worker = bus_worker_start(*state, "memory");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    atomic_store(&bus_stores[0].away, true);
    assert_true(bus_is_spooled(*state, bus_add(bus_id(1, 2))));
    assert_true(bus_is_spooled(*state, bus_add(bus_id(1, 3))));
    atomic_store(&bus_stores[0].away, false);
    assert_int_equal(bus_total(*state), 3);
    assert_int_equal(bus_post(*state, bus_id(1, 4)), PBUS_OK);
    bus_worker_stop(worker);
}

static void test_a_cut_deletes_what_was_before_it(void **state)
{
    worker_t *worker = bus_worker_start(*state, "memory");
    for (unsigned i = 0; i < 1200; i++) /* more than one step of the purge */
        assert_int_equal(bus_post(*state, bus_id(1, i)), PBUS_OK);
    request_t *purge = request_new(REQUEST_PURGE);
    assert_non_null(purge);
    assert_int_equal(bus_do(*state, purge, 20 * SECOND), PBUS_OK);
    assert_int_equal(bus_post(*state, bus_id(2, 1)), PBUS_OK);
    assert_int_equal(bus_total(*state), 1);
    bus_worker_stop(worker);
}

static request_t *s_retention(const char *source, int64_t origin_max)
{
    request_t *purge = request_new(REQUEST_PURGE);
    assert_non_null(purge);
    purge->device = strdup("d");
    purge->source = strdup(source);
    purge->origin_max = origin_max;
    purge->lazy = true;
    return purge;
}

/* A group that is away gathers one cut of retention a source, however many passes there were. */
static void test_retention_of_an_absent_group(void **state)
{
    worker_t *worker = bus_worker_start(*state, "memory");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    bus_worker_stop(worker);
    for (int64_t pass = 1; pass <= 20; pass++) {
        assert_int_equal(bus_do(*state, s_retention("r", pass), 20 * SECOND), PBUS_OK);
        assert_int_equal(bus_do(*state, s_retention("other", pass), 20 * SECOND), PBUS_OK);
    }
    assert_true(bus_status(*state, "\"deletes\":2"));
    worker = bus_worker_start(*state, "memory");
    int64_t end = pbus_clock_boottime() + 20 * SECOND;
    while (!bus_status(*state, "\"deletes\":0")) /* reads do not wait for it */
        assert_true(pbus_clock_boottime() < end);
    assert_int_equal(bus_total(*state), 0);
    bus_worker_stop(worker);
}

/* Restarted, core-data knows the group and gives out greater numbers than ever before. */
static void test_restart(void **state)
{
    fixture_t *fixture = *state;
    worker_t *worker = bus_worker_start(fixture, "memory");
    assert_int_equal(bus_post(fixture, bus_id(1, 1)), PBUS_OK);
    uint64_t mark = bus_stores[0].mark;
    bus_restart(fixture);
    assert_int_equal(bus_post(fixture, bus_id(1, 2)), PBUS_OK);
    assert_true(bus_stores[0].mark > mark);
    assert_int_equal(bus_post(fixture, bus_id(1, 1)), PBUS_CONFLICT);
    assert_int_equal(bus_total(fixture), 2);
    bus_worker_stop(worker);
}

static void test_a_second_group_gets_every_write(void **state)
{
    worker_t *first = bus_worker_start(*state, "one");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    worker_t *second = bus_worker_start(*state, "two"); /* the same store: it has what the first has */
    size_t before = atomic_load(&bus_stores[0].calls);
    while (atomic_load(&bus_stores[0].calls) < before + 4) /* until both take part */
        assert_true(bus_post(*state, bus_id(2, (unsigned) atomic_load(&bus_stores[0].calls))) !=
                    PBUS_TIMEOUT);
    bus_worker_stop(second);
    bus_worker_stop(first);
}

/* The mark that a worker reads while others write is old when it is told; the store lacks nothing. */
static void test_a_worker_joins_under_load(void **state)
{
    worker_t *first = bus_worker_start(*state, "memory");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    atomic_store(&bus_stores[0].health_ms, 100);
    worker_t *second = bus_worker_new(*state, "memory");
    for (unsigned i = 2; bus_status(*state, "\"ready\":true") < 2 && i < EVENTS_MAX; i++)
        assert_int_equal(bus_post(*state, bus_id(1, i)), PBUS_OK);
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(bus_status(*state, "\"LIVE\""), 1);
    atomic_store(&bus_stores[0].health_ms, 0);
    bus_worker_stop(second);
    bus_worker_stop(first);
}

/* What waited for the first group goes to that alone: one that comes later lacks it. */
static void test_what_waited_is_missing_in_a_later_group(void **state)
{
    assert_true(bus_is_spooled(*state, bus_add(bus_id(1, 1))));
    worker_t *first = bus_worker_start(*state, "one");
    worker_t *second = bus_worker_new(*state, "two");
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(bus_status(*state, "\"LIVE\""), 1);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1);
    bus_worker_stop(second);
    bus_worker_stop(first);
}

/* A group that can't store what another has stored lacks it, so it must not answer reads as if it did not. */
static void test_a_group_that_refuses_is_stale(void **state)
{
    pbus_backend_t refusing = bus_backend;
    refusing.write = s_write_nothing;
    worker_t *first = bus_worker_start(*state, "one");
    worker_t *second = bus_worker_of(*state, "two", &refusing);
    bus_await_status(*state, "\"LIVE\"", 2);
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1);
    assert_int_equal(bus_total(*state), 1);
    bus_worker_stop(second);
    bus_worker_stop(first);
}

/* A query of a group whose store hangs is answered by another one, as soon as the first is known to lag. */
static void test_a_hanging_group_costs_no_read(void **state)
{
    ticket_t ticket;
    pbus_backend_t hanging = bus_backend;
    hanging.write = s_write_late;
    hanging.count = s_count_late;
    worker_t *first = bus_worker_of(*state, "one", &hanging);
    bus_await_status(*state, "\"ready\":true", 1);
    worker_t *second = bus_worker_new(*state, "two");
    bus_await_status(*state, "\"ready\":true", 2);
    request_t *request = bus_count_request();
    bus_submit(*state, request, &ticket, 20 * SECOND);
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(bus_wait(request), PBUS_OK);
    assert_string_equal(request->group, "two");
    request_destroy(&request);
    bus_worker_stop(second);
    bus_worker_stop(first);
}

static void test_stopping_fails_what_is_open(void **state)
{
    fixture_t *fixture = *state;
    ticket_t ticket;
    request_t *request = bus_count_request();
    bus_submit(fixture, request, &ticket, 600 * SECOND);
    dispatcher_destroy(&fixture->dispatcher);
    assert_int_equal(bus_wait(request), PBUS_UNAVAILABLE);
    request_destroy(&request);
    bus_start(fixture);
}

static void test_a_second_core_data_is_refused(void **state)
{
    fixture_t *fixture = *state;
    pbus_error_t error;
    assert_null(dispatcher_new(fixture->config, fixture->log, &error));
    assert_non_null(strstr(error.text, "in use by another core-data"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_and_reads, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_there, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_what_waits_stays_in_order, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_full_spool_refuses, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_waits_for_a_worker, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_workers_come_and_go, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_refused_event_fails_alone, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_store_that_is_away_comes_back, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_cut_deletes_what_was_before_it, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_retention_of_an_absent_group, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_restart, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_second_group_gets_every_write, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_worker_joins_under_load, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_what_waited_is_missing_in_a_later_group, bus_setup,
                                        bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_group_that_refuses_is_stale, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_hanging_group_costs_no_read, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_stopping_fails_what_is_open, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_second_core_data_is_refused, bus_setup, bus_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
