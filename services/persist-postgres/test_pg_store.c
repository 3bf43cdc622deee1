/* What the backend promises, on a real server: values, batches, several workers, views. */
#include "test_pg_support.h"

#include <pthread.h>

#define SECOND INT64_C(1000000000)

static pbus_write_t s_add(pbus_uuid_t id, uint64_t accept, const pbus_buf_t *data)
{
    return (pbus_write_t){.op = PBUS_ADD, .accept = accept, .id = id, .data = data->data, .size = data->size};
}

static pbus_reading_t s_reading(const char *device, const char *resource, int64_t origin, const char *value)
{
    return (pbus_reading_t){.origin = origin,
                            .device = pbus_str(device),
                            .profile = PBUS_STR("p"),
                            .resource = pbus_str(resource),
                            .type = PBUS_FLOAT64,
                            .units = PBUS_STR(""),
                            .tags = PBUS_STR(""),
                            .value = pbus_str(value),
                            .media_type = PBUS_STR("")};
}

static pbus_event_t s_event(const char *device, const char *source, int64_t origin,
                            const pbus_reading_t *readings, size_t count)
{
    return (pbus_event_t){.id = random_uuid(),
                          .origin = origin,
                          .device = pbus_str(device),
                          .profile = PBUS_STR("p"),
                          .source = pbus_str(source),
                          .tags = PBUS_STR(""),
                          .readings = readings,
                          .reading_count = count};
}

/* Stores an event alone and checks that it comes back as the same bytes, from both handles. */
static void s_round_trip(store_t *store, store_t *reader, const pbus_event_t *event, uint64_t accept)
{
    pbus_buf_t data = {0};
    pbus_event_encode(event, &data);
    pbus_write_t write = s_add(event->id, accept, &data);
    assert_ok(store_write(store, &write, 1));
    assert_int_equal(write.status, PBUS_OK);
    pbus_query_t query = {
        .filter = pbus_filter_any(), .limit = 2, .deadline = pbus_clock_boottime() + 20 * SECOND};
    query.filter.ids = &event->id;
    query.filter.id_count = 1;
    pbus_result_t result = {0};
    store = reader;
    assert_ok(pg_backend.list_events(store->handle, &query, &result, &store->error));
    assert_int_equal(result.count, 1);
    assert_true(result.items[0].accept == accept);
    assert_int_equal(result.items[0].data.size, data.size);
    assert_memory_equal(result.items[0].data.data, data.data, data.size);
    result_clear(&result);
    pbus_buf_clear(&data);
}

static void test_types(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "types"), *store = &own;
    store_t reader = store_try(server->url, "types", PBUS_LANE_READ);
    static const char *const values[28] = {[PBUS_BOOL] = "true",
                                           [PBUS_STRING] = "ä\"\\{},NULL\n",
                                           [PBUS_UINT8] = "255",
                                           [PBUS_UINT16] = "65535",
                                           [PBUS_UINT32] = "4294967295",
                                           [PBUS_UINT64] = "18446744073709551615",
                                           [PBUS_INT8] = "-128",
                                           [PBUS_INT16] = "-32768",
                                           [PBUS_INT32] = "-2147483648",
                                           [PBUS_INT64] = "-9223372036854775808",
                                           [PBUS_FLOAT32] = "3.4028235e+38",
                                           [PBUS_FLOAT64] = "5e-324",
                                           [PBUS_BINARY] = "\x01\xff{}",
                                           [PBUS_OBJECT] = "{\"a\":[1.5,\"\\u0001\"],\"b\":{}}",
                                           [PBUS_OBJECT_ARRAY] = "[{\"a\":1e-9},null]",
                                           [PBUS_BOOL_ARRAY] = "[true, false]",
                                           [PBUS_STRING_ARRAY] = "[\"a\",\"b\"]",
                                           [PBUS_UINT8_ARRAY] = "[1, 2]",
                                           [PBUS_UINT16_ARRAY] = "[1]",
                                           [PBUS_UINT32_ARRAY] = "[1]",
                                           [PBUS_UINT64_ARRAY] = "[18446744073709551615]",
                                           [PBUS_INT8_ARRAY] = "[-1]",
                                           [PBUS_INT16_ARRAY] = "[-1]",
                                           [PBUS_INT32_ARRAY] = "[-1]",
                                           [PBUS_INT64_ARRAY] = "[-1]",
                                           [PBUS_FLOAT32_ARRAY] = "[1e+00]",
                                           [PBUS_FLOAT64_ARRAY] = "[NaN]"};
    pbus_reading_t readings[54];
    for (int i = 0; i < 54; i++) {
        readings[i] = s_reading("d", "r", 5, "");
        readings[i].type = (pbus_type_t) (i % 27 + 1);
        readings[i].is_null = i >= 27;
        if (i < 27)
            readings[i].value = pbus_str(values[i + 1]);
        if (i < 27 && readings[i].type == PBUS_BINARY)
            readings[i].media_type = PBUS_STR("a/b");
        pbus_event_t event = s_event("d", "s", 5, &readings[i], 1);
        s_round_trip(store, &reader, &event, 1 + (uint64_t) i);
    }
    pbus_event_t event = s_event("d", "s", 6, readings, 54);
    event.tags = PBUS_STR("{\"x\":{\"y\":[1,2.50]}}");
    s_round_trip(store, &reader, &event, UINT64_MAX);
    event = s_event("d", "s", INT64_MIN, readings, 54);
    event.tags = PBUS_STR("{\"\\u0000\":-0}");
    s_round_trip(store, &reader, &event, UINT64_C(1) << 63);
    assert_true(store_health(store).applied_mark == UINT64_MAX);
    store_close(&reader);
    store_close(store);
}

/* A value of this size, of its type's kind, without a pattern that compresses away. */
static void s_fill(pbus_buf_t *out, size_t size, bool is_json)
{
    pbus_buf_puts(out, is_json ? "[\"" : "");
    while (out->size < size)
        pbus_buf_printf(out, "%016llx", (unsigned long long) random_bits());
    pbus_buf_puts(out, is_json ? "\"]" : "");
}

static void test_large(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "types"), *store = &own;
    static const pbus_type_t types[] = {PBUS_STRING, PBUS_BINARY, PBUS_OBJECT, PBUS_FLOAT64_ARRAY};
    for (int i = 0; i < 4; i++) {
        pbus_buf_t value = {0}, name = {0};
        s_fill(&value, 1u << 20, types[i] == PBUS_OBJECT);
        s_fill(&name, 5000, false); /* far too long for a key of a btree */
        pbus_buf_append(&name, "", 1);
        pbus_reading_t reading = s_reading((char *) name.data, "r", 7, "");
        reading.type = types[i];
        reading.value = (pbus_str_t){(char *) value.data, value.size};
        reading.media_type = pbus_str(types[i] == PBUS_BINARY ? "image/jpeg" : "");
        pbus_event_t event = s_event((char *) name.data, (char *) name.data, 7, &reading, 1);
        s_round_trip(store, store, &event, 1);
        pbus_filter_t filter = pbus_filter_any();
        filter.device = pbus_str((char *) name.data);
        assert_int_equal(store_count(store, PBUS_READINGS, filter), 1);
        assert_int_equal(store_count(store, PBUS_EVENTS, filter), 1);
        pbus_buf_clear(&value);
        pbus_buf_clear(&name);
    }
    store_close(store);
}

/* Many large events make one page: memory stays bounded, and nothing is missing or out of order. */
static void test_large_page(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "page"), *store = &own;
    pbus_buf_t value = {0}, data = {0};
    enum { EVENTS = 60 };
    s_fill(&value, 500000, false);
    for (int i = 1; i <= EVENTS; i++) {
        pbus_reading_t reading = s_reading("d", "r", i, "");
        reading.type = PBUS_STRING;
        reading.value = (pbus_str_t){(char *) value.data, value.size};
        pbus_event_t event = s_event("d", "s", i, &reading, 1);
        pbus_buf_reset(&data);
        pbus_event_encode(&event, &data);
        pbus_write_t write = s_add(event.id, (uint64_t) i, &data);
        assert_ok(store_write(store, &write, 1));
    }
    pbus_query_t query = {
        .filter = pbus_filter_any(), .limit = 1024, .deadline = pbus_clock_boottime() + 20 * SECOND};
    for (int kind = 0; kind < 2; kind++) {
        ((pg_store_t *) store->handle)->row_bytes = 1000; /* as after a long time of small ones */
        pbus_result_t result = {0};
        assert_ok((kind ? pg_backend.list_events : pg_backend.list_readings)(store->handle, &query, &result,
                                                                             &store->error));
        assert_int_equal(result.count, EVENTS);
        for (int i = 0; kind && i < EVENTS; i++)
            assert_int_equal(result.items[i].accept, EVENTS - i);
        result_clear(&result);
        assert_true(((pg_store_t *) store->handle)->rows.data.capacity <= 16u << 20);
    }
    pbus_buf_clear(&value);
    pbus_buf_clear(&data);
    store_close(store);
}

/* ---- several workers ---------------------------------------------------------------------------------- */

enum { WORKERS = 4, EVENTS = 300, BATCH = 50 };

typedef struct {
    server_t *server;
    const pbus_buf_t *data;
    const pbus_uuid_t *ids;
    unsigned seed;
    pbus_status_t status;
    pbus_error_t error;
    uint64_t ok, conflict, removed;
} worker_t;

/* All workers write the same events, in orders of their own and with accept numbers of their own, and delete
 * some. */
static void s_work(worker_t *worker, store_t *store)
{
    unsigned random = worker->seed;
    for (int round = 0; round < 12; round++) {
        pbus_write_t writes[BATCH];
        for (int i = 0; i < BATCH; i++) {
            int which = rand_r(&random) % EVENTS;
            writes[i] = s_add(worker->ids[which], worker->seed, &worker->data[which]);
            if (rand_r(&random) % 4 == 0)
                writes[i].op = PBUS_DELETE;
        }
        worker->status = pg_backend.write(store->handle, writes, BATCH, &worker->error);
        for (int i = 0; worker->status == PBUS_OK && i < BATCH; i++) {
            worker->removed += writes[i].op == PBUS_DELETE && writes[i].status == PBUS_OK;
            worker->conflict += writes[i].status == PBUS_CONFLICT;
        }
        if (worker->status != PBUS_OK)
            return;
    }
}

static void *s_worker(void *arg)
{
    worker_t *worker = arg;
    store_t store = {0};
    pbus_error_t *error = &worker->error;
    const pbus_option_t *tables[] = {pg_backend.options};
    store.config = pbus_config_new(tables, 1, NULL);
    worker->status = pbus_config_load(store.config, NULL, error);
    if (worker->status == PBUS_OK)
        worker->status = pg_backend.open(&store.handle, store.config, NULL, PBUS_LANE_WRITE, error);
    if (worker->status == PBUS_OK && worker->data)
        s_work(worker, &store);
    if (store.handle)
        pg_backend.close(&store.handle);
    pbus_config_destroy(&store.config);
    return NULL;
}

static void s_run_workers(worker_t *workers, int count)
{
    pthread_t threads[16];
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, s_worker, &workers[i]), 0);
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        if (workers[i].status != PBUS_OK)
            fail_msg("worker %d: %s: %s", i, pbus_status_name(workers[i].status), workers[i].error.text);
    }
}

/* Counters must agree with the rows, whoever wrote and deleted them. */
static void s_check_counters(server_t *server, const char *schema)
{
    char sql[700], text[100];
    snprintf(
        sql, sizeof sql,
        "SET search_path TO %s; SELECT (SELECT count(*) FROM stored_event) = (SELECT sum(events) FROM total)"
        " AND (SELECT count(*) FROM readings) = (SELECT sum(readings) FROM total)"
        " AND NOT EXISTS (SELECT FROM (SELECT shape, sum(events) AS n FROM counter GROUP BY shape) c"
        " FULL JOIN (SELECT shape, count(*) AS n FROM stored_event GROUP BY shape) e USING (shape)"
        " WHERE coalesce(c.n, 0) <> coalesce(e.n, 0))"
        " AND (SELECT count(*) FROM own_origin) = (SELECT coalesce(sum(cardinality(origins)), 0) FROM "
        "stored_event)",
        schema);
    server_sql(server, sql, text, sizeof text);
    assert_string_equal(text, "t");
}

static void test_workers(void **state)
{
    server_t *server = *state;
    pbus_buf_t data[EVENTS] = {{0}};
    pbus_uuid_t ids[EVENTS];
    worker_t workers[WORKERS];
    store_t store = store_open(server->url, "workers");
    for (int i = 0; i < EVENTS; i++) {
        ids[i] = random_uuid();
        random_event(ids[i], &data[i]);
    }
    for (int i = 0; i < WORKERS; i++)
        workers[i] = (worker_t){.server = server, .data = data, .ids = ids, .seed = (unsigned) i + 1};
    s_run_workers(workers, WORKERS);
    /* Of one alone there may be none, when it is through before the others begin. */
    uint64_t conflict = 0, removed = 0;
    for (int i = 0; i < WORKERS; i++) {
        conflict += workers[i].conflict;
        removed += workers[i].removed;
    }
    assert_true(conflict > 0 && removed > 0);
    s_check_counters(server, "workers");
    for (int i = 0; i < EVENTS; i++)
        pbus_buf_clear(&data[i]);
    store_close(&store);
}

static int32_t s_slot(const store_t *store)
{
    return ((const pg_store_t *) store->handle)->schema.slot;
}

/* Each counts in rows of its own, so that none waits for another; what ends is used again. */
static void test_slots(void **state)
{
    server_t *server = *state;
    store_t one = store_open(server->url, "slots"), two = store_open(server->url, "slots");
    assert_int_equal(s_slot(&one), 1);
    assert_int_equal(s_slot(&two), 2);
    store_close(&one);
    for (int i = 0; i < 100; i++) { /* the server may take a moment to see that it is gone */
        one = store_open(server->url, "slots");
        if (s_slot(&one) == 1)
            break;
        store_close(&one);
    }
    assert_int_equal(s_slot(&one), 1);
    store_close(&one);
    store_close(&two);
}

/* Workers that find no schema, all at once: one makes it, all use it. */
static void test_start_together(void **state)
{
    server_t *server = *state;
    for (int round = 0; round < 3; round++) {
        char schema[20], sql[80], text[20];
        worker_t workers[8] = {{0}};
        snprintf(schema, sizeof schema, "together%d", round);
        setenv("DATABASE_URL", server->url, 1);
        setenv("DATABASE_SCHEMA", schema, 1);
        s_run_workers(workers, 8);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s.store", schema);
        server_sql(server, sql, text, sizeof text);
        assert_string_equal(text, "1");
    }
}

/* ---- purge, views ------------------------------------------------------------------------------------- */

/* `count` events of one device, whose origins run from 1. */
static void s_write_many(store_t *store, const char *device, size_t count)
{
    pbus_buf_t data[1000] = {{0}};
    pbus_write_t writes[1000];
    for (size_t i = 0; i < count; i++) {
        pbus_reading_t reading = s_reading(device, "r", (int64_t) i + 1, "1.5e+00");
        pbus_event_t event = s_event(device, "s", (int64_t) i + 1, &reading, 1);
        pbus_buf_reset(&data[i % 1000]);
        pbus_event_encode(&event, &data[i % 1000]);
        writes[i % 1000] = s_add(event.id, i + 1, &data[i % 1000]);
        if (i % 1000 == 999 || i + 1 == count)
            assert_ok(store_write(store, writes, i % 1000 + 1));
    }
    for (size_t i = 0; i < 1000; i++)
        pbus_buf_clear(&data[i]);
}

/* A purge goes in steps, none of which keeps a worker from its other work for long. */
static void test_purge_steps(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "purge"), *store = &own;
    uint64_t deleted = 0, some;
    int64_t longest = 0;
    bool more = true;
    s_write_many(store, "d", 20000);
    s_write_many(store, "e", 100);
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("d");
    filter.accept_max = 15000;
    while (more) {
        int64_t start = pbus_clock_boottime();
        assert_ok(pg_backend.purge(store->handle, &filter, 10000, &some, &more, &store->error));
        int64_t taken = pbus_clock_boottime() - start;
        longest = taken > longest ? taken : longest;
        deleted += some;
    }
    print_message("longest step of a purge: %lld ms\n", (long long) (longest / 1000000));
    assert_true(longest < SECOND); /* about 60 ms on an idle machine */
    assert_int_equal(deleted, 15000);
    assert_int_equal(store_count(store, PBUS_EVENTS, pbus_filter_any()), 5100);
    filter.device = PBUS_STR("never seen");
    assert_ok(pg_backend.purge(store->handle, &filter, 10, &some, &more, &store->error));
    assert_int_equal(some, 0);
    assert_false(more);
    s_check_counters(server, "purge");
    store_close(store);
}

static int s_count_shapes(server_t *server)
{
    char text[20];
    server_sql(server, "SELECT count(*) FROM tidy.shape", text, sizeof text);
    return atoi(text);
}

/* Names of deleted events go when a worker starts alone; while another is at work it may still need them. */
static void test_tidy(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "tidy"), *store = &own;
    uint64_t some;
    bool more;
    s_write_many(store, "d", 5);
    s_write_many(store, "e", 5);
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("d");
    assert_ok(pg_backend.purge(store->handle, &filter, 10, &some, &more, &store->error));
    store_t second = store_open(server->url, "tidy");
    store_close(&second);
    assert_int_equal(s_count_shapes(server), 2);
    s_write_many(store, "d", 1);
    assert_ok(pg_backend.purge(store->handle, &filter, 10, &some, &more, &store->error));
    assert_int_equal(some, 1);
    store_close(store);
    *store = store_open(server->url, "tidy");
    assert_int_equal(s_count_shapes(server), 1);
    s_write_many(store, "d", 3);
    assert_int_equal(store_count(store, PBUS_READINGS, filter), 3);
    assert_int_equal(store_count(store, PBUS_READINGS, pbus_filter_any()), 8);
    s_check_counters(server, "tidy");
    store_close(store);
}

/* The order of a batch counts; a batch of deletes and adds of the same ids is one transaction. */
static void test_batch_order(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "batches"), *store = &own;
    pbus_buf_t data = {0};
    pbus_uuid_t id = random_uuid();
    random_event(id, &data);
    pbus_write_t writes[] = {s_add(id, 1, &data), s_add(id, 1, &data), s_add(id, 2, &data),
                             s_add(id, 3, &data), s_add(id, 4, &data), s_add(id, 5, &data),
                             s_add(id, 6, &data)};
    writes[3].op = writes[4].op = PBUS_DELETE;
    static const pbus_status_t expected[] = {PBUS_OK,        PBUS_OK, PBUS_CONFLICT, PBUS_OK,
                                             PBUS_NOT_FOUND, PBUS_OK, PBUS_CONFLICT};
    assert_ok(store_write(store, writes, 7));
    for (int i = 0; i < 7; i++)
        assert_int_equal(writes[i].status, expected[i]);
    assert_int_equal(store_count(store, PBUS_EVENTS, pbus_filter_any()), 1);
    assert_int_equal(store_health(store).applied_mark, 6);
    pbus_buf_clear(&data);
    store_close(store);
}

/* Index entries of the schema's tables read so far; sessions report theirs when they end. */
static long s_entries_read(server_t *server)
{
    char text[40];
    server_sql(server, "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'plans'", text,
               sizeof text);
    return atol(text);
}

static void s_ask_page(store_t *store, int kind)
{
    pbus_str_t resource = PBUS_STR("r");
    pbus_query_t query = {.filter = pbus_filter_any(),
                          .limit = 20,
                          .want_total = true,
                          .deadline = pbus_clock_boottime() + 20 * SECOND};
    if (kind & 1)
        query.filter.device = PBUS_STR("d7");
    if (kind & 2) {
        query.filter.resources = &resource;
        query.filter.resource_count = 1;
    }
    pbus_result_t result = {0};
    if (kind < 4)
        assert_ok(pg_backend.list_readings(store->handle, &query, &result, &store->error));
    else if (kind < 6)
        assert_ok(pg_backend.list_events(store->handle, &query, &result, &store->error));
    else
        assert_ok(pg_backend.scan(store->handle, INT64_MIN, INT64_MAX, NULL, 20, &result, &store->error));
    assert_int_equal(result.count, 20);
    result_clear(&result);
}

/* The planner knows the table, does not know the limit, and still must not read more than a page takes. */
static void test_plans(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "plans"), *store = &own;
    for (int i = 0; i < 10; i++) {
        char device[8];
        snprintf(device, sizeof device, "d%d", i);
        s_write_many(store, device, 2000);
    }
    store_close(store);
    server_sql(server, "ANALYZE", NULL, 0);
    for (int kind = 0; kind < 7; kind++) {
        long before = s_entries_read(server);
        *store = store_open(server->url, "plans");
        s_ask_page(store, kind);
        store_close(store);
        long read = 0;
        for (int i = 0; i < 200 && read == 0; i++) {
            usleep(10000); /* until the session that has ended shows in the statistics */
            read = s_entries_read(server) - before;
        }
        if (read == 0 || read > 1000)
            fail_msg("page %d of 20 read %ld index entries", kind, read);
    }
}

/* What people see with tools of their own. */
static void test_views(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "views"), *store = &own;
    int64_t origin = INT64_C(1700000000123456789);
    pbus_reading_t readings[] = {s_reading("room", "temperature", origin, "2.15e+01"),
                                 s_reading("room", "state", origin + 1000, "")};
    readings[1].type = PBUS_OBJECT;
    readings[1].value = PBUS_STR("{\"on\":true,\"tiny\":1e-9}");
    pbus_event_t event = s_event("room", "climate", origin, readings, 2);
    event.tags = PBUS_STR("{\"floor\":2}");
    s_round_trip(store, store, &event, 1);
    char text[200];
    server_sql(
        server,
        "SET search_path TO views; SET timezone TO 'UTC'; SELECT concat_ws('|', device, profile, source,"
        " origin, time, tags->>'floor', readings) FROM events",
        text, sizeof text);
    assert_string_equal(text, "room|p|climate|1700000000123456789|2023-11-14 22:13:20.123456+00|2|2");
    server_sql(
        server,
        "SET search_path TO views; SET timezone TO 'UTC'; SELECT string_agg(concat_ws('|', device, resource,"
        " type, time, value, number * 2, object), E'\\n' ORDER BY origin) FROM readings",
        text, sizeof text);
    assert_string_equal(
        text, "room|temperature|Float64|2023-11-14 22:13:20.123456+00|2.15e+01|43\n"
              "room|state|Object|2023-11-14 22:13:20.123457+00|{\"on\": true, \"tiny\": 0.000000001}");
    store_close(store);
}

static int s_start(void **state)
{
    random_seed();
    return server_start(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),          cmocka_unit_test(test_large),
        cmocka_unit_test(test_large_page),     cmocka_unit_test(test_batch_order),
        cmocka_unit_test(test_workers),        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_start_together), cmocka_unit_test(test_purge_steps),
        cmocka_unit_test(test_tidy),           cmocka_unit_test(test_views),
        cmocka_unit_test(test_plans),
    };
    return cmocka_run_group_tests(tests, s_start, server_remove);
}
