/*
 * How the server carries out lists of readings, as its profiler tells: that what it looks through does not
 * depend on what was asked before, and that long walks take few replies. FerretDB 1.x has neither indexes nor
 * a profiler.
 */
#include "testing.h"

enum { BUSY = 1500, QUIET = 5 };
#define SECOND INT64_C(1000000000)

static void s_profile(testing_t *test, int level)
{
    store_t *store = testing_store(test);
    bson_t reply, *command = BCON_NEW("profile", BCON_INT32(level), "slowms", BCON_INT32(100));
    testing_expect_ok(test, store_command(store, command, &reply, "set the profiler", &test->error));
    bson_destroy(&reply);
    bson_destroy(command);
    store_close(&store);
}

/* Of all that the profiler has seen of events: the most documents that one took, and how many there were. */
static void s_look(testing_t *test, int64_t *most, int *count)
{
    const bson_t *found;
    bson_iter_t iter;
    char ns[80];
    *most = *count = 0;
    mongoc_uri_t *uri = mongoc_uri_new(test->uri);
    snprintf(ns, sizeof ns, "%s.events", mongoc_uri_get_database(uri));
    mongoc_client_t *client = mongoc_client_new_from_uri(uri);
    mongoc_collection_t *profile =
        mongoc_client_get_collection(client, mongoc_uri_get_database(uri), "system.profile");
    bson_t *filter = BCON_NEW("ns", BCON_UTF8(ns), "docsExamined", "{", "$exists", BCON_BOOL(true), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(profile, filter, NULL, NULL);
    for (; mongoc_cursor_next(cursor, &found); ++*count) {
        int64_t seen = bson_iter_init_find(&iter, found, "docsExamined") ? bson_iter_as_int64(&iter) : -1;
        *most = seen > *most ? seen : *most;
    }
    assert_false(mongoc_cursor_error(cursor, NULL));
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    mongoc_collection_destroy(profile);
    mongoc_client_destroy(client);
    mongoc_uri_destroy(uri);
}

typedef struct {
    pbus_buf_t data[2 * BUSY];
    pbus_write_t writes[2 * BUSY];
    uint32_t count;
} s_batch_t;

static pbus_reading_t s_reading(const char *device, const char *resource, int64_t origin)
{
    return (pbus_reading_t){.origin = origin,
                            .device = pbus_str(device),
                            .profile = PBUS_STR("p"),
                            .resource = pbus_str(resource),
                            .type = PBUS_STRING,
                            .value = PBUS_STR("x")};
}

/* An event every ten seconds; its second reading is of two hours before. */
static void s_put(s_batch_t *batch, const char *device, const char *resource)
{
    uint32_t n = batch->count++;
    pbus_event_t event = {.origin = n * 10 * SECOND,
                          .device = pbus_str(device),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .reading_count = 2};
    const pbus_reading_t readings[] = {s_reading(device, resource, event.origin),
                                       s_reading(device, "earlier", event.origin - 7200 * SECOND)};
    event.readings = readings;
    memcpy(event.id.bytes, &n, sizeof n);
    pbus_event_encode(&event, &batch->data[n]);
    batch->writes[n] = (pbus_write_t){.op = PBUS_ADD,
                                      .accept = n + 1,
                                      .id = event.id,
                                      .data = batch->data[n].data,
                                      .size = batch->data[n].size};
}

/* A busy device and a quiet one have what is common; one has what is rare. */
static void s_fill(testing_t *test)
{
    s_batch_t *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    for (int i = 0; i < QUIET; i++) {
        s_put(batch, "quiet", "common");
        s_put(batch, "busy", "rare");
    }
    for (int i = 0; i < BUSY; i++)
        s_put(batch, "busy", "common");
    testing_expect_ok(test, mongo_backend.write(test->writer, batch->writes, batch->count, &test->error));
    for (uint32_t i = 0; i < batch->count; i++)
        pbus_buf_clear(&batch->data[i]);
    free(batch);
}

/* False on a server that has no plans. */
static bool s_open(testing_t *test)
{
    testing_new(test, &testing_server);
    testing_open(test);
    store_t *store = testing_store(test);
    bool has_plans = store_atomic(store);
    store_close(&store);
    if (!has_plans) {
        print_message("this server has no plans\n");
        return false;
    }
    s_fill(test);
    s_profile(test, 2);
    return true;
}

/* Checks on a store that is filled and watched. */
static void s_with_plans(void (*check)(testing_t *test))
{
    testing_t test;
    if (s_open(&test)) {
        check(&test);
        s_profile(&test, 0);
    }
    testing_destroy(&test);
}

static void s_expect(testing_t *test, const char *device, const char *resource, uint64_t expected)
{
    pbus_filter_t filter = pbus_filter_any();
    pbus_str_t name = pbus_str(resource);
    filter.device = pbus_str(device);
    filter.resources = &name;
    filter.resource_count = 1;
    pbus_query_t query = testing_query(filter, 0, 20);
    pbus_answer_t answer = testing_list(test, PBUS_READINGS, &query);
    assert_int_equal(answer.count, expected < 20 ? expected : 20);
    filter.origin_min = 0; /* so that it is counted from the events */
    assert_int_equal(testing_count(test, PBUS_READINGS, &filter), expected);
}

static void s_check_device_and_resource(testing_t *test)
{
    int64_t most;
    int count;
    for (int i = 0; i < 3; i++) {
        s_expect(test, "busy", "rare", QUIET);
        s_expect(test, "quiet", "common", QUIET);
        s_expect(test, "quiet", "rare", 0);
    }
    s_look(test, &most, &count);
    assert_in_range(count, 18, 40);
    assert_in_range(most, 1, 50);
}

/* A server that has found a few by their resource would look for those of a device in all of its events. */
static void test_device_and_resource(void **state)
{
    (void) state;
    s_with_plans(s_check_device_and_resource);
}

static void s_check_long_walk(testing_t *test)
{
    int64_t most;
    int count;
    pbus_filter_t filter = pbus_filter_any();
    filter.origin_max = -7000 * SECOND;
    pbus_query_t query = testing_query(filter, 0, 2);
    query.want_total = false;
    assert_int_equal(testing_list(test, PBUS_READINGS, &query).count, 2);
    s_look(test, &most, &count);
    assert_in_range(count, 5, 15);
}

/* Events up to a day behind the range may have readings in it: they are walked, in ever larger replies. */
static void test_long_walk(void **state)
{
    (void) state;
    s_with_plans(s_check_long_walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_and_resource),
        cmocka_unit_test(test_long_walk),
    };
    return cmocka_run_group_tests(tests, testing_set_up, testing_tear_down);
}
