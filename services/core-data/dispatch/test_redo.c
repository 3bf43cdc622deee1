/*
 * Deletes that are run again when a lost worker's lease is over, and batches from the spool that a store is
 * too slow for. After its start core-data takes it that workers may still have adds of the one before, so a
 * restart is as good as a lost worker. These tests take as long as leases do.
 */

#include "test_bus.h"

#define PATIENCE (40 * SECOND)

/* What a worker does that was thought to be lost. */
static void s_add_late(store_t *store, pbus_uuid_t id)
{
    pbus_write_t write = {.op = PBUS_ADD, .id = id, .accept = 256};
    pthread_mutex_lock(&store->mutex);
    assert_int_equal(store_apply(store, &write), PBUS_OK);
    pthread_mutex_unlock(&store->mutex);
}

static size_t s_stored(store_t *store)
{
    pthread_mutex_lock(&store->mutex);
    size_t count = store->count;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

static bool s_has(store_t *store, pbus_uuid_t id)
{
    pthread_mutex_lock(&store->mutex);
    bool has = store_position(store, &id) < store->count;
    pthread_mutex_unlock(&store->mutex);
    return has;
}

static void s_restart(fixture_t *fixture)
{
    bus_restart(fixture);
    bus_await_status(fixture, "\"ready\":true", 1);
    bus_await_status(fixture, "\"LIVE\"", 1);
}

/*
 * Three events are deleted and come back late: one whose delete is on disk only, one whose delete is
 * remembered by this core-data, and one whose id was given to a new event since, which stays.
 */
static void test_late_adds(void **state)
{
    store_t *store = &bus_stores[0];
    worker_t *worker = bus_worker_start(*state, "memory");
    for (unsigned i = 1; i <= 4; i++)
        assert_int_equal(bus_post(*state, bus_id(1, i)), PBUS_OK);
    s_restart(*state);
    assert_int_equal(bus_delete(*state, bus_id(1, 1)), PBUS_OK);
    assert_int_equal(bus_delete(*state, bus_id(1, 3)), PBUS_OK);
    assert_int_equal(bus_post(*state, bus_id(1, 3)), PBUS_OK);
    s_restart(*state);
    assert_int_equal(bus_delete(*state, bus_id(1, 2)), PBUS_OK);
    assert_int_equal(bus_delete(*state, bus_id(1, 4)), PBUS_OK);
    assert_int_equal(bus_post(*state, bus_id(1, 4)), PBUS_OK);
    s_add_late(store, bus_id(1, 1));
    s_add_late(store, bus_id(1, 2));
    assert_int_equal(s_stored(store), 4);
    int64_t end = pbus_clock_boottime() + PATIENCE;
    while (s_stored(store) > 2)
        assert_true(pbus_clock_boottime() < end);
    assert_true(s_has(store, bus_id(1, 3)));
    assert_true(s_has(store, bus_id(1, 4)));
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK); /* nothing bars the ids any more */
    assert_int_equal(bus_total(*state), 3);
    bus_worker_stop(worker);
}

/* A batch of the spool that takes a store too long is followed by one half as large. */
static void test_a_store_that_is_slow_gets_less(void **state)
{
    store_t *store = &bus_stores[0];
    bus_post_many(*state, 1, 1600);
    atomic_store(&store->slow_ms, 3200);
    worker_t *worker = bus_worker_new(*state, "memory");
    int64_t end = pbus_clock_boottime() + PATIENCE;
    while (atomic_load(&store->calls) < 1)
        assert_true(pbus_clock_boottime() < end);
    assert_int_equal(atomic_load(&store->batch), 1000);
    while (atomic_load(&store->calls) < 2)
        assert_true(pbus_clock_boottime() < end);
    assert_int_equal(atomic_load(&store->batch), 500);
    atomic_store(&store->slow_ms, 0);
    bus_await_status(*state, "\"LIVE\"", 1);
    assert_int_equal(bus_total(*state), 1600);
    bus_worker_stop(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_late_adds, bus_setup, bus_teardown),
        cmocka_unit_test_setup_teardown(test_a_store_that_is_slow_gets_less, bus_setup, bus_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
