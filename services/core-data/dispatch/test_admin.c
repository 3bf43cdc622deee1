/*
 * What operators and copying ask of the dispatcher: groups that are preferred, promoted, retired, forgotten,
 * workers that are drained, two groups that are settled, one that is repaired.
 */

#include "test_bus.h"

/* ---- asking ---- */

static request_t *s_admin(admin_command_t command, const char *group)
{
    request_t *request = request_new(REQUEST_ADMIN);
    assert_non_null(request);
    request->command = command;
    request->target = strdup(group);
    return request;
}

static pbus_status_t s_command(fixture_t *fixture, admin_command_t command, const char *group)
{
    return bus_do(fixture, s_admin(command, group), 20 * SECOND);
}

static pbus_status_t s_force(fixture_t *fixture, admin_command_t command, const char *group)
{
    request_t *request = s_admin(command, group);
    request->force = true;
    return bus_do(fixture, request, 20 * SECOND);
}

static request_t *s_settle(const char *source, const char *target)
{
    request_t *request = request_new(REQUEST_SETTLE);
    assert_non_null(request);
    request->source_group = strdup(source);
    request->target = strdup(target);
    return request;
}

/* An add of the event of a request, and deletes of both ids. */
static request_t *s_repair(const char *group, uint64_t accept, pbus_uuid_t add, pbus_uuid_t delete)
{
    request_t *event = bus_add(add);
    request_t *request = request_new(REQUEST_REPAIR);
    assert_non_null(request);
    request->target = strdup(group);
    uint8_t room[1024];
    size_t at = pbus_batch_begin(room, 2);
    at += pbus_batch_put(room + at, PBUS_ADD, accept, &add, event->event.data, event->event.size);
    at += pbus_batch_put(room + at, PBUS_DELETE, accept, &delete, NULL, 0);
    pbus_buf_append(&request->batch, room, at);
    request_destroy(&event);
    return request;
}

/* How many events the group's own store has, whatever its state. */
static uint64_t s_total_of(fixture_t *fixture, const char *group)
{
    ticket_t ticket;
    request_t *request = bus_count_request();
    request->target = strdup(group);
    bus_submit(fixture, request, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(request), PBUS_OK);
    assert_string_equal(request->group, group);
    pbus_answer_t answer;
    assert_true(pbus_answer_open(&answer, request->answer, request->answer_size));
    uint64_t total = answer.total;
    request_destroy(&request);
    return total;
}

/* Groups `one`, with an event, and `two`, which joined after that; each with a store of its own. */
static void s_start_two(fixture_t *fixture, worker_t *workers[2])
{
    workers[0] = bus_worker_start(fixture, "one");
    assert_int_equal(bus_post(fixture, bus_id(1, 1)), PBUS_OK);
    workers[1] = bus_worker_second(fixture, "two");
    bus_await_status(fixture, "\"ready\":true", 2);
    assert_int_equal(bus_status(fixture, "\"STALE\""), 1);
}

/* Stops the only worker of a group, and waits until core-data has seen it go. */
static void s_stop(fixture_t *fixture, worker_t *worker)
{
    unsigned before = bus_status(fixture, "\"workers\":[]");
    bus_worker_stop(worker);
    bus_await_status(fixture, "\"workers\":[]", before + 1);
}

static void s_stop_two(worker_t *workers[2])
{
    for (int i = 0; i < 2; i++)
        bus_worker_stop(workers[i]);
}

static void s_await_gone(fixture_t *fixture, const char *group)
{
    char text[80];
    snprintf(text, sizeof text, "\"name\":\"%s\",\"backend\"", group);
    bus_await_status(fixture, text, 0);
}

/* ---- copying ---- */

static void test_settle(void **state)
{
    ticket_t tickets[2];
    worker_t *workers[2];
    s_start_two(*state, workers);
    atomic_store(&bus_stores[1].hold, 1);
    request_t *add = bus_add(bus_id(1, 2));
    bus_submit(*state, add, &tickets[0], 20 * SECOND);
    request_t *settle = s_settle("one", "two");
    bus_submit(*state, settle, &tickets[1], 20 * SECOND);
    while (!atomic_load(&bus_stores[1].calls))
        poll(NULL, 0, 1);
    assert_int_equal(bus_status(*state, "\"name\":\"two\""), 1); /* the dispatcher has had its turn */
    assert_false(bus_is_done(settle));
    atomic_store(&bus_stores[1].released, true);
    assert_int_equal(bus_wait(settle), PBUS_OK);
    assert_int_equal(bus_wait(add), PBUS_OK);
    assert_true(settle->accept > bus_stores[0].mark);
    assert_int_equal(bus_stores[0].mark, bus_stores[1].mark);
    assert_false(settle->stale);
    request_destroy(&settle);
    request_destroy(&add);
    s_stop_two(workers);
}

static void test_settle_that_can_not_be(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(bus_do(*state, s_settle("one", "nobody"), SECOND), PBUS_NOT_FOUND);
    assert_int_equal(bus_do(*state, s_settle("nobody", "two"), SECOND), PBUS_NOT_FOUND);
    bus_worker_stop(workers[1]);
    assert_int_equal(bus_post(*state, bus_id(1, 2)), PBUS_OK);
    bus_await_status(*state, "\"spool\":{\"events\":1", 1);
    assert_int_equal(bus_do(*state, s_settle("one", "two"), SECOND / 2), PBUS_UNAVAILABLE);
    bus_worker_stop(workers[0]);
}

static void test_repair(void **state)
{
    ticket_t ticket;
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_total_of(*state, "two"), 0);
    request_t *repair = s_repair("two", 256, bus_id(1, 1), bus_id(9, 9));
    bus_submit(*state, repair, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(repair), PBUS_OK);
    assert_int_equal(repair->refused, 0);
    request_destroy(&repair);
    assert_int_equal(s_total_of(*state, "two"), 1);
    assert_int_equal(s_total_of(*state, "one"), 1);
    repair = s_repair("two", 512, bus_id(1, 1), bus_id(9, 9)); /* another number: a conflict */
    bus_submit(*state, repair, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(repair), PBUS_OK);
    assert_int_equal(repair->refused, 1);
    request_destroy(&repair);
    assert_int_equal(bus_do(*state, s_repair("two", 256, bus_id(2, 2), bus_id(1, 1)), SECOND), PBUS_OK);
    assert_int_equal(s_total_of(*state, "two"), 1);
    s_stop_two(workers);
}

static void test_repairs_that_can_not_be(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(bus_do(*state, s_repair("nobody", 256, bus_id(1, 1), bus_id(9, 9)), SECOND),
                     PBUS_NOT_FOUND);
    request_t *repair = s_repair("two", 256, bus_id(1, 1), bus_id(9, 9));
    repair->batch.size--;
    assert_int_equal(bus_do(*state, repair, SECOND), PBUS_INVALID);
    atomic_store(&bus_stores[1].away, true);
    assert_int_equal(bus_do(*state, s_repair("two", 256, bus_id(1, 1), bus_id(9, 9)), 5 * SECOND),
                     PBUS_UNAVAILABLE);
    atomic_store(&bus_stores[1].away, false);
    bus_await_status(*state, "\"ready\":true", 2);
    s_stop_two(workers);
}

/* A repair that is out holds up a settling; a query of the other group is answered meanwhile. */
static void test_a_repair_takes_its_time(void **state)
{
    ticket_t tickets[2];
    worker_t *workers[2];
    s_start_two(*state, workers);
    atomic_store(&bus_stores[1].hold, 1);
    request_t *repair = s_repair("two", 256, bus_id(1, 1), bus_id(9, 9));
    bus_submit(*state, repair, &tickets[0], SECOND / 2);
    request_t *settle = s_settle("one", "two");
    bus_submit(*state, settle, &tickets[1], 20 * SECOND);
    assert_int_equal(s_total_of(*state, "one"), 1);
    assert_int_equal(bus_wait(repair), PBUS_TIMEOUT);
    assert_false(bus_is_done(settle));
    atomic_store(&bus_stores[1].released, true);
    assert_int_equal(bus_wait(settle), PBUS_OK);
    request_destroy(&repair);
    request_destroy(&settle);
    s_stop_two(workers);
}

static request_t *s_next_copy(fixture_t *fixture)
{
    ticket_t ticket;
    request_t *next = request_new(REQUEST_ADMIN);
    assert_non_null(next);
    next->command = ADMIN_NEXT_COPY;
    bus_submit(fixture, next, &ticket, SECOND);
    if (bus_wait(next) != PBUS_OK)
        request_destroy(&next);
    return next;
}

static pbus_status_t s_copied(fixture_t *fixture, const char *group, uint64_t generation)
{
    request_t *request = s_admin(ADMIN_COPIED, group);
    request->generation = generation;
    return bus_do(fixture, request, 20 * SECOND);
}

static void test_copying(void **state)
{
    worker_t *workers[2];
    assert_null(s_next_copy(*state));
    s_start_two(*state, workers);
    request_t *next = s_next_copy(*state);
    assert_non_null(next);
    assert_string_equal(next->source_group, "one");
    assert_string_equal(next->target, "two");
    atomic_store(&bus_stores[1].poison, 7);
    assert_int_equal(bus_post(*state, bus_id(7, 1)),
                     PBUS_OK); /* `two` can't store it: it lacks something more */
    assert_int_equal(s_copied(*state, "two", next->generation), PBUS_CONFLICT);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1);
    request_destroy(&next);
    next = s_next_copy(*state);
    assert_non_null(next);
    assert_int_equal(s_copied(*state, "two", next->generation), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"LIVE\""), 2);
    request_destroy(&next);
    assert_null(s_next_copy(*state));
    assert_int_equal(s_copied(*state, "nobody", 1), PBUS_NOT_FOUND);
    bus_restart(*state);
    bus_await_status(*state, "\"LIVE\"", 2);
    s_stop_two(workers);
}

static void test_a_query_of_one_group(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_total_of(*state, "one"), 1);
    assert_int_equal(s_total_of(*state, "two"), 0);
    request_t *request = bus_count_request();
    request->target = strdup("nobody");
    assert_int_equal(bus_do(*state, request, SECOND), PBUS_NOT_FOUND);
    bus_worker_stop(workers[1]);
    bus_await_status(*state, "\"ready\":true", 1);
    request = bus_count_request();
    request->target = strdup("two");
    assert_int_equal(bus_do(*state, request, SECOND / 4), PBUS_UNAVAILABLE);
    bus_worker_stop(workers[0]);
}

/* ---- prefer, promote ---- */

/* Which group a read is answered by. */
static bool s_answers(fixture_t *fixture, const char *group)
{
    ticket_t ticket;
    request_t *request = bus_count_request();
    bus_submit(fixture, request, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(request), PBUS_OK);
    bool same = strcmp(request->group, group) == 0;
    request_destroy(&request);
    return same;
}

static void test_prefer(void **state)
{
    worker_t *workers[2] = {bus_worker_start(*state, "one")};
    workers[1] = bus_worker_second(*state, "two");
    bus_await_status(*state, "\"LIVE\"", 2);
    bus_await_status(*state, "\"ready\":true", 2);
    assert_true(s_answers(*state, "one"));
    assert_int_equal(s_command(*state, ADMIN_PREFER, "two"), PBUS_OK);
    assert_true(s_answers(*state, "two"));
    assert_int_equal(s_command(*state, ADMIN_PREFER, "nobody"), PBUS_NOT_FOUND);
    assert_int_equal(s_command(*state, ADMIN_PREFER, "one"), PBUS_OK);
    assert_true(s_answers(*state, "one"));
    assert_int_equal(s_command(*state, ADMIN_PREFER, "two"), PBUS_OK);
    bus_restart(*state);
    bus_await_status(*state, "\"ready\":true", 2);
    bus_await_status(*state, "\"LIVE\"", 2);
    assert_true(s_answers(*state, "two"));
    s_stop_two(workers);
}

static void test_promote(void **state)
{
    ticket_t ticket;
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_command(*state, ADMIN_PROMOTE, "two"), PBUS_CONFLICT);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1);
    s_stop(*state, workers[0]);
    request_t *promote = s_admin(ADMIN_PROMOTE, "two");
    bus_submit(*state, promote, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(promote), PBUS_OK);
    const char *lacks = "it joined when events had been accepted already";
    assert_int_equal(promote->answer_size, strlen(lacks));
    assert_memory_equal(promote->answer, lacks, strlen(lacks));
    request_destroy(&promote);
    assert_int_equal(bus_status(*state, "\"STALE\""), 0);
    bus_restart(*state);
    assert_int_equal(bus_status(*state, "\"STALE\""), 0);
    assert_int_equal(bus_total(*state), 0);
    bus_worker_stop(workers[1]);
}

static void test_promote_beside_a_live_group(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_force(*state, ADMIN_PROMOTE, "two"), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"LIVE\""), 2);
    s_stop_two(workers);
}

/* ---- groups that differ ---- */

static void s_repair_now(fixture_t *fixture, const char *group, pbus_uuid_t add, pbus_uuid_t delete)
{
    assert_int_equal(bus_do(fixture, s_repair(group, 5, add, delete), 20 * SECOND), PBUS_OK);
}

/* An id is another event in one of two LIVE groups, so it is LIVE no more: whichever of them stores what the
 * other refuses. */
static void test_an_id_is_two_events(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_force(*state, ADMIN_PROMOTE, "two"), PBUS_OK);
    s_repair_now(*state, "two", bus_id(7, 1), bus_id(7, 9));
    assert_int_equal(bus_post(*state, bus_id(7, 1)), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1);
    assert_int_equal(bus_status(*state, "an id that was given again"), 1);
    assert_int_equal(s_force(*state, ADMIN_PROMOTE, "two"), PBUS_OK);
    s_repair_now(*state, "one", bus_id(7, 2), bus_id(7, 9));
    assert_int_equal(bus_post(*state, bus_id(7, 2)), PBUS_CONFLICT);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1);
    assert_int_equal(bus_status(*state, "\"LIVE\""), 1);
    s_stop_two(workers);
}

/* ---- retire ---- */

static void test_retire(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_command(*state, ADMIN_RETIRE, "one"), PBUS_CONFLICT); /* nobody else has its event */
    assert_int_equal(s_command(*state, ADMIN_RETIRE, "two"), PBUS_OK);
    size_t calls = atomic_load(&bus_stores[1].calls);
    assert_int_equal(bus_post(*state, bus_id(1, 2)), PBUS_OK);
    s_await_gone(*state, "two");
    bus_worker_await_end(workers[1]);
    assert_int_equal(atomic_load(&bus_stores[1].calls), calls);
    assert_int_equal(bus_total(*state), 2);
    bus_restart(*state);
    assert_int_equal(bus_status(*state, "\"name\":\"two\""), 0);
    worker_t *again = bus_worker_second(*state, "two");
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1); /* a new group */
    bus_worker_stop(again);
    bus_worker_stop(workers[0]);
}

/* What waits for it is delivered first, also over a restart of core-data; nothing that is new goes there. */
static void test_retire_with_a_backlog(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    atomic_store(&bus_stores[1].away, true);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(bus_post(*state, bus_id(2, i)), PBUS_OK);
    bus_await_status(*state, "\"spool\":{\"events\":20", 1);
    assert_int_equal(s_command(*state, ADMIN_RETIRE, "two"), PBUS_OK);
    assert_int_equal(bus_post(*state, bus_id(3, 1)), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"spool\":{\"events\":20"), 1);
    assert_int_equal(bus_status(*state, "\"retiring\":true"), 1);
    assert_int_equal(s_command(*state, ADMIN_PREFER, "two"), PBUS_CONFLICT);
    bus_restart(*state);
    assert_int_equal(bus_status(*state, "\"retiring\":true"), 1);
    atomic_store(&bus_stores[1].away, false);
    s_await_gone(*state, "two");
    bus_worker_await_end(workers[1]);
    assert_int_equal(bus_stores[1].count, 20);
    bus_worker_stop(workers[0]);
}

/* Nobody is there to take what waits: refused if nothing else has it. */
static void test_retire_without_a_worker(void **state)
{
    worker_t *worker = bus_worker_start(*state, "one");
    assert_int_equal(bus_post(*state, bus_id(1, 1)), PBUS_OK);
    s_stop(*state, worker);
    assert_true(bus_is_spooled(*state, bus_add(bus_id(1, 2))));
    worker_t *second = bus_worker_second(*state, "two");
    bus_await_status(*state, "\"ready\":true", 1);
    assert_int_equal(s_force(*state, ADMIN_PROMOTE, "two"), PBUS_OK);
    assert_int_equal(s_command(*state, ADMIN_RETIRE, "one"), PBUS_CONFLICT);
    assert_int_equal(bus_status(*state, "\"spool\":{\"events\":1"), 1);
    assert_int_equal(s_command(*state, ADMIN_FORGET, "one"), PBUS_CONFLICT);
    assert_int_equal(bus_status(*state, "\"retiring\":true"), 0);
    assert_int_equal(s_force(*state, ADMIN_RETIRE, "one"), PBUS_OK);
    assert_int_equal(bus_status(*state, "\"name\":\"one\""), 0);
    assert_int_equal(bus_post(*state, bus_id(1, 3)), PBUS_OK);
    bus_worker_stop(second);
}

/* A worker that is told to leave does not come back into a group that is on its way out; nothing fails
 * meanwhile. */
typedef struct {
    fixture_t *fixture;
    atomic_bool stop;
    size_t posted;
    size_t failed;
} poster_t;

static void *s_poster(void *arg)
{
    poster_t *poster = arg;
    while (!atomic_load(&poster->stop)) {
        if (bus_post(poster->fixture, bus_id(4, (unsigned) poster->posted++)) != PBUS_OK)
            poster->failed++;
        poll(NULL, 0, 1);
    }
    return NULL;
}

static void test_retire_under_load(void **state)
{
    pthread_t thread;
    worker_t *workers[2];
    poster_t poster = {.fixture = *state};
    s_start_two(*state, workers);
    assert_int_equal(s_force(*state, ADMIN_PROMOTE, "two"), PBUS_OK);
    assert_int_equal(pthread_create(&thread, NULL, s_poster, &poster), 0);
    assert_int_equal(s_command(*state, ADMIN_RETIRE, "one"), PBUS_OK);
    s_await_gone(*state, "one");
    atomic_store(&poster.stop, true);
    pthread_join(thread, NULL);
    bus_worker_await_end(workers[0]);
    assert_int_equal(poster.failed, 0);
    assert_int_equal(bus_total(*state), poster.posted);
    bus_worker_stop(workers[1]);
}

/* ---- forget, drain ---- */

static void test_forget(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    assert_int_equal(s_command(*state, ADMIN_FORGET, "two"), PBUS_CONFLICT);
    assert_int_equal(s_force(*state, ADMIN_FORGET, "two"), PBUS_CONFLICT);
    s_stop(*state, workers[1]);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(bus_post(*state, bus_id(2, i)), PBUS_OK);
    bus_await_status(*state, "\"spool\":{\"events\":50", 1);
    assert_int_equal(s_command(*state, ADMIN_FORGET, "two"), PBUS_OK); /* `one` has all of it */
    assert_int_equal(bus_status(*state, "\"name\":\"two\""), 0);
    assert_int_equal(s_command(*state, ADMIN_FORGET, "two"), PBUS_NOT_FOUND);
    bus_restart(*state);
    assert_int_equal(bus_status(*state, "\"name\":\"two\""), 0);
    workers[1] = bus_worker_second(*state, "two");
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(bus_status(*state, "\"spool\":{\"events\":0"), 2);
    s_stop_two(workers);
}

/* A large backlog goes in steps. */
static void test_forget_much(void **state)
{
    worker_t *worker = bus_worker_start(*state, "one");
    s_stop(*state, worker);
    bus_post_many(*state, 1, 6000);
    bus_await_status(*state, "\"spool\":{\"events\":6000", 1);
    assert_int_equal(s_command(*state, ADMIN_FORGET, "one"), PBUS_CONFLICT);
    assert_int_equal(bus_status(*state, "\"spool\":{\"events\":6000"), 1);
    assert_int_equal(s_force(*state, ADMIN_FORGET, "one"), PBUS_OK);
    worker = bus_worker_new(*state, "one");
    bus_await_status(*state, "\"ready\":true", 1);
    assert_int_equal(bus_status(*state, "\"STALE\""), 1); /* what was dropped is missing */
    assert_int_equal(s_total_of(*state, "one"), 0);
    bus_worker_stop(worker);
}

/* What waits in memory for the only group when it is forgotten is not lost: the next group gets it. */
static void test_forget_while_a_write_waits(void **state)
{
    ticket_t ticket;
    worker_t *worker = bus_worker_start(*state, "one");
    s_stop(*state, worker);
    request_t *add = bus_add(bus_id(1, 1));
    bus_submit(*state, add, &ticket, 20 * SECOND);
    assert_int_equal(s_force(*state, ADMIN_FORGET, "one"), PBUS_OK);
    assert_int_equal(bus_wait(add), PBUS_OK);
    request_destroy(&add);
    worker = bus_worker_second(*state, "two");
    bus_await_status(*state, "\"ready\":true", 1);
    int64_t end = pbus_clock_boottime() + 20 * SECOND;
    while (s_total_of(*state, "two") == 0)
        assert_true(pbus_clock_boottime() < end);
    bus_worker_stop(worker);
}

/* A cut that has still to run in a group does not outlive it. */
static void test_forget_with_a_cut(void **state)
{
    worker_t *workers[2];
    s_start_two(*state, workers);
    s_stop(*state, workers[1]);
    request_t *purge = request_new(REQUEST_PURGE);
    assert_non_null(purge);
    assert_int_equal(bus_do(*state, purge, 20 * SECOND), PBUS_OK);
    bus_await_status(*state, "\"deletes\":1", 1);
    assert_int_equal(s_command(*state, ADMIN_FORGET, "two"), PBUS_OK);
    assert_int_equal(bus_total(*state), 0);
    bus_restart(*state);
    assert_int_equal(bus_status(*state, "\"deletes\":1"), 0);
    bus_worker_stop(workers[0]);
}

static void test_drain(void **state)
{
    pthread_t thread;
    poster_t poster = {.fixture = *state};
    setenv("PERSISTBUS_WORKER", "first", 1);
    worker_t *first = bus_worker_start(*state, "memory");
    setenv("PERSISTBUS_WORKER", "second", 1);
    worker_t *second = bus_worker_new(*state, "memory");
    unsetenv("PERSISTBUS_WORKER");
    bus_await_status(*state, "\"ready\":true", 2);
    assert_int_equal(pthread_create(&thread, NULL, s_poster, &poster), 0);
    request_t *drain = s_admin(ADMIN_DRAIN, "memory");
    drain->worker = strdup("third");
    assert_int_equal(bus_do(*state, drain, SECOND), PBUS_NOT_FOUND);
    drain = s_admin(ADMIN_DRAIN, "memory");
    drain->worker = strdup("first");
    assert_int_equal(bus_do(*state, drain, SECOND), PBUS_OK);
    bus_worker_await_end(first);
    bus_await_status(*state, "\"name\":\"first\"", 0);
    assert_int_equal(bus_status(*state, "\"name\":\"second\""), 1);
    atomic_store(&poster.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(poster.failed, 0);
    bus_worker_stop(second);
}

#define BUS_TEST(test) cmocka_unit_test_setup_teardown(test, bus_setup, bus_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_TEST(test_settle),
        BUS_TEST(test_settle_that_can_not_be),
        BUS_TEST(test_repair),
        BUS_TEST(test_repairs_that_can_not_be),
        BUS_TEST(test_a_repair_takes_its_time),
        BUS_TEST(test_copying),
        BUS_TEST(test_a_query_of_one_group),
        BUS_TEST(test_an_id_is_two_events),
        BUS_TEST(test_prefer),
        BUS_TEST(test_promote),
        BUS_TEST(test_promote_beside_a_live_group),
        BUS_TEST(test_retire),
        BUS_TEST(test_retire_with_a_backlog),
        BUS_TEST(test_retire_without_a_worker),
        BUS_TEST(test_retire_under_load),
        BUS_TEST(test_forget),
        BUS_TEST(test_forget_much),
        BUS_TEST(test_forget_while_a_write_waits),
        BUS_TEST(test_forget_with_a_cut),
        BUS_TEST(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
