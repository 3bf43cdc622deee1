/*
 * PersistBus.Routes: groups that get only a part of the writes, beside others and alone. `all` is on the
 * first store; `some`, on the second, gets the events of devices cam-*.
 */

#include "test_bus.h"

#define ROUTES "FROM /events WHERE deviceName = 'cam-*' INTO group(\"some\")"

static pbus_status_t s_post(fixture_t *fixture, const char *device, pbus_uuid_t id)
{
    return bus_do(fixture, bus_add_of(device, id), 20 * SECOND);
}

static size_t s_stored(int store)
{
    pthread_mutex_lock(&bus_stores[store].mutex);
    size_t count = bus_stores[store].count;
    pthread_mutex_unlock(&bus_stores[store].mutex);
    return count;
}

static bool s_has(int store, pbus_uuid_t id)
{
    bool has = false;
    pthread_mutex_lock(&bus_stores[store].mutex);
    for (size_t i = 0; i < bus_stores[store].count; i++)
        has = has || memcmp(&bus_stores[store].events[i].id, &id, sizeof id) == 0;
    pthread_mutex_unlock(&bus_stores[store].mutex);
    return has;
}

static void s_await_stored(int store, size_t count)
{
    int64_t end = pbus_clock_boottime() + 20 * SECOND;
    while (s_stored(store) != count) {
        assert_true(pbus_clock_boottime() < end);
        poll(NULL, 0, 5);
    }
}

/* What is answered to readers, and whether that is said to have a gap. */
static uint64_t s_total(fixture_t *fixture, bool *stale)
{
    ticket_t ticket;
    request_t *request = bus_count_request();
    bus_submit(fixture, request, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(request), PBUS_OK);
    pbus_answer_t answer;
    assert_true(pbus_answer_open(&answer, request->answer, request->answer_size));
    uint64_t total = answer.total;
    *stale = request->stale;
    request_destroy(&request);
    return total;
}

static worker_t *s_start_all(fixture_t *fixture)
{
    return bus_worker_start(fixture, "all");
}

static worker_t *s_start_some(fixture_t *fixture)
{
    unsigned before = bus_status(fixture, "\"ready\":true");
    worker_t *worker = bus_worker_second(fixture, "some");
    bus_await_status(fixture, "\"ready\":true", before + 1);
    return worker;
}

static void s_stop(fixture_t *fixture, worker_t *worker)
{
    unsigned before = bus_status(fixture, "\"workers\":[]");
    bus_worker_stop(worker);
    bus_await_status(fixture, "\"workers\":[]", before + 1);
}

static void s_restart_with(fixture_t *fixture, const char *routes)
{
    dispatcher_destroy(&fixture->dispatcher);
    pbus_config_destroy(&fixture->config);
    setenv("PERSISTBUS_ROUTES", routes, 1);
    bus_configure(fixture);
    assert_non_null(fixture->config);
    bus_start(fixture);
}

static int s_setup(void **state)
{
    setenv("PERSISTBUS_ROUTES", ROUTES, 1);
    return bus_setup(state);
}

static int s_teardown(void **state)
{
    unsetenv("PERSISTBUS_ROUTES");
    return bus_teardown(state);
}

static pbus_status_t s_admin(fixture_t *fixture, admin_command_t command, const char *group)
{
    request_t *request = request_new(REQUEST_ADMIN);
    assert_non_null(request);
    request->command = command;
    request->target = group ? strdup(group) : NULL;
    return bus_do(fixture, request, 20 * SECOND);
}

/* ---- beside a group that gets everything ---- */

static void test_gets_its_part(void **state)
{
    bool stale;
    worker_t *some = s_start_some(*state); /* first, so that it would be preferred */
    worker_t *all = s_start_all(*state);
    assert_int_equal(bus_status(*state, "\"narrowed\":true,\"routes\":[\"" ROUTES "\"]"), 0); /* is escaped */
    assert_int_equal(bus_status(*state,
                                "\"narrowed\":true,\"routes\":[\"FROM /events WHERE deviceName = 'cam-*' "
                                "INTO group(\\\"some\\\")\"]"),
                     1);
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 1)), PBUS_OK);
    assert_int_equal(s_post(*state, "door", bus_id(1, 2)), PBUS_OK);
    assert_int_equal(s_stored(0), 2);
    assert_int_equal(s_stored(1), 1);
    assert_int_equal(s_total(*state, &stale), 2);
    assert_false(stale);
    assert_int_equal(bus_delete(*state, bus_id(1, 2)), PBUS_OK);
    assert_int_equal(bus_delete(*state, bus_id(1, 2)), PBUS_NOT_FOUND);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(s_stored(0) + s_stored(1), 0);
    assert_int_equal(bus_status(*state, "\"differing\":0"), 2);
    assert_int_equal(bus_status(*state, "\"preferred\":true"), 1);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* It has another event of that id: that is not what the client is told. */
static void test_does_not_decide(void **state)
{
    worker_t *some = s_start_some(*state);
    worker_t *all = s_start_all(*state);
    bus_stores[1].events[0].id = bus_id(1, 1);
    bus_stores[1].count = 1;
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 1)), PBUS_OK);
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 1)), PBUS_CONFLICT);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* Nor when the other one is STALE, though then neither is LIVE; and the other one is read. */
static void test_does_not_decide_beside_a_stale_one(void **state)
{
    bool stale;
    worker_t *some = s_start_some(*state);
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 1)), PBUS_OK);
    worker_t *all = bus_worker_new(*state, "all");
    bus_await_status(*state, "\"ready\":true", 2);
    bus_await_status(*state, "\"STALE\"", 2);
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 1)), PBUS_OK); /* new to `all` alone */
    assert_int_equal(s_total(*state, &stale), 1);
    assert_int_equal(s_post(*state, "door", bus_id(1, 2)), PBUS_OK);
    assert_int_equal(s_total(*state, &stale), 2);
    assert_true(stale);
    assert_int_equal(bus_delete(*state, bus_id(1, 2)), PBUS_OK);
    pthread_mutex_lock(&bus_stores[0].mutex);
    bus_stores[0].count = 0;
    pthread_mutex_unlock(&bus_stores[0].mutex);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_NOT_FOUND);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* The event goes to it alone, and what is in the spool for the other group is kept as if it were nowhere
 * else. */
static void test_the_other_is_away(void **state)
{
    bool stale;
    worker_t *all = s_start_all(*state);
    worker_t *some = s_start_some(*state);
    s_stop(*state, all);
    assert_false(bus_is_spooled(*state, bus_add_of("cam-1", bus_id(1, 1))));
    assert_true(bus_is_spooled(*state, bus_add_of("door", bus_id(1, 2))));
    assert_true(bus_is_spooled(*state, bus_delete_request(bus_id(1, 2))));
    assert_int_equal(s_total(*state, &stale), 1);
    assert_true(stale);
    bus_restart(*state);
    assert_int_equal(s_admin(*state, ADMIN_FORGET, "all"), PBUS_CONFLICT);
    all = bus_worker_new(*state, "all");
    bus_await_status(*state, "\"LIVE\"", 1);
    assert_int_equal(s_total(*state, &stale), 1);
    assert_false(stale);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* A copy of what `some` has counts as the only one: else a time to live might drop it, and `all` never have
 * it. */
static void test_covers_nothing(void **state)
{
    worker_t *all = s_start_all(*state);
    worker_t *some = s_start_some(*state);
    s_stop(*state, all);
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 1)), PBUS_OK);
    assert_int_equal(s_stored(1), 1);
    assert_int_equal(s_admin(*state, ADMIN_FORGET, "all"), PBUS_CONFLICT);
    assert_int_equal(s_admin(*state, ADMIN_RETIRE, "some"), PBUS_CONFLICT);
    bus_worker_stop(some);
}

/* Nor when it comes from the spool. */
static void test_covers_nothing_later(void **state)
{
    worker_t *all = s_start_all(*state);
    worker_t *some = s_start_some(*state);
    s_stop(*state, all);
    s_stop(*state, some);
    assert_true(bus_is_spooled(*state, bus_add_of("cam-1", bus_id(1, 1))));
    some = s_start_some(*state);
    s_await_stored(1, 1);
    bus_await_status(*state, "\"spool\":{\"events\":1,", 1);
    assert_int_equal(s_admin(*state, ADMIN_FORGET, "all"), PBUS_CONFLICT);
    bus_worker_stop(some);
}

static void test_is_not_for_copying(void **state)
{
    worker_t *all = s_start_all(*state);
    assert_int_equal(s_post(*state, "door", bus_id(1, 1)), PBUS_OK);
    worker_t *some = s_start_some(*state);
    assert_int_equal(s_admin(*state, ADMIN_NEXT_COPY, NULL), PBUS_NOT_FOUND);
    assert_int_equal(s_admin(*state, ADMIN_PREFER, "some"), PBUS_CONFLICT);
    assert_int_equal(s_admin(*state, ADMIN_PROMOTE, "some"), PBUS_CONFLICT);
    for (int i = 0; i < 2; i++) {
        request_t *settle = request_new(REQUEST_SETTLE);
        settle->source_group = strdup(i ? "all" : "some");
        settle->target = strdup(i ? "some" : "all");
        assert_int_equal(bus_do(*state, settle, SECOND), PBUS_CONFLICT);
    }
    bus_worker_stop(some);
    bus_worker_stop(all);
}

static void test_lacks_what_it_should_have(void **state)
{
    worker_t *all = s_start_all(*state);
    worker_t *some = s_start_some(*state);
    assert_int_equal(bus_status(*state, "\"why\":\"PersistBus.Routes let only a part"), 1);
    atomic_store(&bus_stores[1].poison, 7);
    assert_int_equal(s_post(*state, "cam-1", bus_id(7, 1)), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"why\":\"it can't store a write that another group has\""), 1);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* ---- alone ---- */

static void test_alone(void **state)
{
    bool stale;
    worker_t *some = s_start_some(*state);
    assert_false(bus_is_spooled(*state, bus_add_of("cam-1", bus_id(1, 1))));
    assert_int_equal(bus_delete(*state, bus_id(9, 9)), PBUS_NOT_FOUND); /* nothing waits, so it is sure */
    assert_true(bus_is_spooled(*state, bus_add_of("door", bus_id(1, 2))));
    assert_true(bus_is_spooled(*state, bus_add_of("door", bus_id(1, 3))));
    assert_true(bus_is_spooled(*state, bus_delete_request(bus_id(1, 2))));
    assert_int_equal(s_total(*state, &stale), 1);
    assert_true(stale);
    bus_restart(*state);
    bus_await_status(*state, "\"ready\":true", 1);
    worker_t *all = bus_worker_new(*state, "all");
    bus_await_status(*state, "\"ready\":true", 2);
    s_await_stored(0, 1); /* what waited, without what was deleted meanwhile */
    assert_true(s_has(0, bus_id(1, 3)));
    assert_int_equal(s_stored(1), 1);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* What waits for the first group is not for one that gets only a part. */
static void test_comes_first(void **state)
{
    assert_true(bus_is_spooled(*state, bus_add_of("door", bus_id(1, 1))));
    worker_t *some = s_start_some(*state);
    assert_int_equal(s_post(*state, "cam-1", bus_id(1, 2)), PBUS_OK);
    assert_int_equal(s_stored(1), 1);
    worker_t *all = bus_worker_new(*state, "all");
    s_await_stored(0, 1);
    assert_true(s_has(0, bus_id(1, 1)));
    bus_worker_stop(some);
    bus_worker_stop(all);
}

/* Each has what the other has not: a delete is told to have found it in either. */
static void test_two_of_them(void **state)
{
    s_restart_with(*state,
                   ROUTES ",FROM /* WHERE sourceName = 'r' AND deviceName = 'door' INTO group('doors')");
    worker_t *some = s_start_some(*state);
    worker_t *doors = bus_worker_new(*state, "doors");
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(bus_status(*state, "\"narrowed\":true"), 2);
    assert_false(bus_is_spooled(*state, bus_add_of("cam-1", bus_id(1, 1))));
    assert_false(bus_is_spooled(*state, bus_add_of("door", bus_id(1, 2))));
    assert_true(s_has(1, bus_id(1, 1)) && s_has(0, bus_id(1, 2)));
    assert_int_equal(s_stored(0) + s_stored(1), 2);
    assert_int_equal(bus_delete(*state, bus_id(1, 2)), PBUS_OK);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_NOT_FOUND);
    bus_worker_stop(some);
    bus_worker_stop(doors);
}

/* A delete by range takes with it what waits, over restarts as well, but not what comes later. */
static void s_range_deletes_what_waits(fixture_t *fixture, unsigned running)
{
    bool stale;
    assert_true(bus_is_spooled(fixture, bus_add_of("door", bus_id(1, 1))));
    request_t *purge = request_new(REQUEST_PURGE);
    assert_non_null(purge);
    assert_int_equal(bus_do(fixture, purge, 20 * SECOND), PBUS_OK);
    assert_true(bus_is_spooled(fixture, bus_add_of("door", bus_id(1, 2))));
    bus_restart(fixture);
    bus_await_status(fixture, "\"ready\":true", running);
    worker_t *all = bus_worker_new(fixture, "all");
    bus_await_status(fixture, "\"ready\":true", running + 1);
    bus_await_status(fixture, "\"deletes\":0", running + 1);
    assert_int_equal(s_total(fixture, &stale), 1);
    assert_true(s_has(0, bus_id(1, 2)));
    bus_restart(fixture);
    bus_await_status(fixture, "\"ready\":true", running + 1);
    bus_await_status(fixture, "\"deletes\":0", running + 1); /* nor does it run for ever */
    bus_worker_stop(all);
}

static void test_alone_and_a_range_deleted(void **state)
{
    worker_t *some = s_start_some(*state);
    s_range_deletes_what_waits(*state, 1);
    bus_worker_stop(some);
}

static void test_nobody_and_a_range_deleted(void **state)
{
    s_range_deletes_what_waits(*state, 0);
}

/* ---- routes that change with a restart ---- */

static void test_no_longer_narrowed(void **state)
{
    worker_t *some = s_start_some(*state);
    assert_true(bus_is_spooled(*state, bus_add_of("door", bus_id(1, 1))));
    s_restart_with(*state, "");
    bus_await_status(*state, "\"ready\":true", 1);
    assert_int_equal(bus_status(*state, "\"narrowed\""), 0);
    assert_int_equal(bus_status(*state, "\"STALE\",\"why\":\"PersistBus.Routes let only"), 1);
    s_await_stored(1, 1); /* it gets everything now, what waited included */
    worker_t *all = bus_worker_new(*state, "all");
    bus_await_status(*state, "\"ready\":true", 2);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

static void test_narrowed_later(void **state)
{
    s_restart_with(*state, "");
    worker_t *all = s_start_all(*state);
    worker_t *some = s_start_some(*state);
    bus_await_status(*state, "\"LIVE\"", 2);
    s_restart_with(*state, ROUTES);
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(s_post(*state, "door", bus_id(1, 1)), PBUS_OK);
    assert_int_equal(s_stored(1), 0);
    s_restart_with(*state, ""); /* it lacks that now, and is filled */
    bus_await_status(*state, "\"LIVE\"", 1);
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(s_admin(*state, ADMIN_NEXT_COPY, NULL), PBUS_OK);
    bus_worker_stop(some);
    bus_worker_stop(all);
}

static void test_routes_that_can_not_be(void **state)
{
    fixture_t *fixture = *state;
    pbus_error_t error;
    dispatcher_destroy(&fixture->dispatcher);
    pbus_config_destroy(&fixture->config);
    setenv("PERSISTBUS_ROUTES", ROUTES ",FROM /events WHERE device = 'x' INTO group(\"b\")", 1);
    bus_configure(fixture);
    assert_null(dispatcher_new(fixture->config, fixture->log, &error));
    assert_int_equal(error.status, PBUS_INVALID);
    assert_non_null(
        strstr(error.text, "PersistBus.Routes: route 2, column 20: 'device' is there where deviceName"));
}

#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_TEST(test_gets_its_part),
        BUS_TEST(test_does_not_decide),
        BUS_TEST(test_does_not_decide_beside_a_stale_one),
        BUS_TEST(test_the_other_is_away),
        BUS_TEST(test_covers_nothing),
        BUS_TEST(test_covers_nothing_later),
        BUS_TEST(test_is_not_for_copying),
        BUS_TEST(test_lacks_what_it_should_have),
        BUS_TEST(test_comes_first),
        BUS_TEST(test_two_of_them),
        BUS_TEST(test_alone),
        BUS_TEST(test_alone_and_a_range_deleted),
        BUS_TEST(test_nobody_and_a_range_deleted),
        BUS_TEST(test_no_longer_narrowed),
        BUS_TEST(test_narrowed_later),
        BUS_TEST(test_routes_that_can_not_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
