/*
 * For tests: the dispatcher and the worker runtime together, over real sockets on ipc endpoints of a
 * temporary folder, with backends in memory that can be told to fail, to be slow or to hold on. What a test
 * submits has a ticket, which lives until it has been waited for.
 */
#ifndef CORE_DATA_TEST_BUS_H
#define CORE_DATA_TEST_BUS_H

#include "answer.h"
#include "dispatcher.h"
#include "link.h"
#include "message.h"

#include <czmq.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS_MAX 20000
#define SECOND 1000000000ll

/* ---- a store in memory, shared by the workers of a test ---- */

typedef struct {
    pthread_mutex_t mutex;
    struct {
        pbus_uuid_t id;
        uint64_t accept;
    } events[EVENTS_MAX];
    atomic_size_t count; /* also read by tests */
    _Atomic uint64_t mark;
    pbus_uuid_t data_set;
    atomic_bool away;
    atomic_int poison;    /* an id whose first byte is this can't be stored; -1: none */
    atomic_int slow_ms;   /* a batch takes this long */
    atomic_int health_ms; /* between reading the mark and telling it */
    atomic_size_t calls;  /* of write */
    atomic_size_t batch;  /* writes of the last one that was begun */
    atomic_int hold;      /* so many calls of write wait until `released`; then they go on as usual */
    atomic_bool released;
} store_t;

#define STORES 2

static store_t bus_stores[STORES]; /* a backend's table has no place for a test's own; reset by bus_setup */

static inline pbus_status_t store_open(void **self_p, store_t *store, pbus_error_t *error)
{
    *self_p = NULL;
    if (atomic_load(&store->away))
        return pbus_fail(error, PBUS_UNAVAILABLE, "the store is away");
    *self_p = store;
    return PBUS_OK;
}

static inline pbus_status_t store_open_first(void **self_p, const pbus_config_t *config, pbus_log_t *log,
                                             pbus_lane_t lane, pbus_error_t *error)
{
    (void) config, (void) log, (void) lane;
    return store_open(self_p, &bus_stores[0], error);
}

static inline pbus_status_t store_open_second(void **self_p, const pbus_config_t *config, pbus_log_t *log,
                                              pbus_lane_t lane, pbus_error_t *error)
{
    (void) config, (void) log, (void) lane;
    return store_open(self_p, &bus_stores[1], error);
}

static inline void store_close(void **self_p)
{
    *self_p = NULL;
}

static inline pbus_status_t store_health(void *self, pbus_health_t *health, pbus_error_t *error)
{
    store_t *store = self;
    if (atomic_load(&store->away))
        return pbus_fail(error, PBUS_UNAVAILABLE, "the store is away");
    pthread_mutex_lock(&store->mutex);
    *health = (pbus_health_t){.durable = true, .data_set = store->data_set, .applied_mark = store->mark};
    pthread_mutex_unlock(&store->mutex);
    if (atomic_load(&store->health_ms))
        poll(NULL, 0, atomic_load(&store->health_ms));
    return PBUS_OK;
}

static inline size_t store_position(const store_t *store, const pbus_uuid_t *id)
{
    size_t i = 0;
    while (i < store->count && memcmp(&store->events[i].id, id, sizeof *id) != 0)
        i++;
    return i;
}

static inline pbus_status_t store_apply(store_t *store, const pbus_write_t *write)
{
    size_t i = store_position(store, &write->id);
    if (write->accept > store->mark)
        store->mark = write->accept;
    if (write->op == PBUS_DELETE) {
        if (i == store->count)
            return PBUS_NOT_FOUND;
        store->events[i] = store->events[--store->count];
        return PBUS_OK;
    }
    if (i < store->count)
        return store->events[i].accept == write->accept ? PBUS_OK : PBUS_CONFLICT;
    store->events[i].id = write->id;
    store->events[i].accept = write->accept;
    store->count++;
    return PBUS_OK;
}

static inline void store_hold(store_t *store)
{
    int left = atomic_load(&store->hold);
    while (left > 0 && !atomic_compare_exchange_weak(&store->hold, &left, left - 1))
        ;
    while (left > 0 && !atomic_load(&store->released))
        poll(NULL, 0, 5);
}

static inline pbus_status_t store_write(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    store_t *store = self;
    atomic_fetch_add(&store->calls, 1);
    atomic_store(&store->batch, count);
    store_hold(store);
    if (atomic_load(&store->slow_ms))
        poll(NULL, 0, atomic_load(&store->slow_ms));
    if (atomic_load(&store->away))
        return pbus_fail(error, PBUS_UNAVAILABLE, "the store is away");
    for (size_t i = 0; i < count; i++)
        if (writes[i].id.bytes[0] == atomic_load(&store->poison))
            return pbus_fail(error, PBUS_INTERNAL, "poison");
    pthread_mutex_lock(&store->mutex);
    for (size_t i = 0; i < count; i++)
        writes[i].status = store_apply(store, &writes[i]);
    pthread_mutex_unlock(&store->mutex);
    return PBUS_OK;
}

static inline pbus_status_t store_purge(void *self, const pbus_filter_t *filter, uint32_t limit,
                                        uint64_t *deleted, bool *more, pbus_error_t *error)
{
    (void) error;
    store_t *store = self;
    *deleted = 0;
    pthread_mutex_lock(&store->mutex);
    for (size_t i = store->count; i-- > 0 && *deleted < limit;)
        if (store->events[i].accept <= filter->accept_max) {
            store->events[i] = store->events[--store->count];
            ++*deleted;
        }
    pthread_mutex_unlock(&store->mutex);
    *more = *deleted == limit;
    return PBUS_OK;
}

static inline pbus_status_t store_count(void *self, pbus_what_t what, const pbus_filter_t *filter,
                                        uint64_t *count, pbus_error_t *error)
{
    (void) what, (void) filter, (void) error;
    store_t *store = self;
    pthread_mutex_lock(&store->mutex);
    *count = store->count;
    pthread_mutex_unlock(&store->mutex);
    return PBUS_OK;
}

static inline pbus_status_t store_list(void *self, const pbus_query_t *query, pbus_result_t *result,
                                       pbus_error_t *error)
{
    (void) self, (void) query, (void) result;
    return pbus_fail(error, PBUS_UNSUPPORTED, "not in this test");
}

/* What copying would ask for; nothing is ever found, since that is not what these tests are about. */
static inline pbus_status_t store_scan(void *self, int64_t origin_min, int64_t origin_max,
                                       const pbus_cursor_t *after, uint32_t limit, pbus_result_t *result,
                                       pbus_error_t *error)
{
    (void) self, (void) origin_min, (void) origin_max, (void) after, (void) limit, (void) result,
        (void) error;
    return PBUS_OK;
}

#define BUS_BACKEND(open_it)                                                                                 \
    {                                                                                                        \
        .abi = PBUS_BACKEND_ABI, .name = "memory", .version = "1", .missing = PBUS_CAP_AGGREGATE,            \
        .flags = PBUS_READ_LANE, .open = (open_it), .close = store_close, .health = store_health,            \
        .write = store_write, .purge = store_purge, .list_events = store_list, .list_readings = store_list,  \
        .count = store_count, .scan = store_scan                                                             \
    }

static const pbus_backend_t bus_backend = BUS_BACKEND(store_open_first);
static const pbus_backend_t bus_backend_second __attribute__((unused)) = BUS_BACKEND(store_open_second);

/* ---- workers and requests ---- */

typedef struct {
    pbus_config_t *config;
    pbus_link_t *link;
    pthread_t thread;
    int stop[2]; /* a pipe in place of a signalfd */
    pbus_status_t status;
} worker_t;

typedef struct {
    char folder[64];
    pbus_log_t *log;
    pbus_config_t *config;
    dispatcher_t *dispatcher;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} fixture_t;

static inline void *bus_run(void *arg)
{
    worker_t *worker = arg;
    pbus_error_t error;
    worker->status = pbus_link_run(worker->link, worker->stop[0], &error);
    return NULL;
}

static inline worker_t *bus_worker_of(fixture_t *fixture, const char *group, const pbus_backend_t *backend)
{
    worker_t *worker = calloc(1, sizeof *worker);
    assert_non_null(worker);
    const pbus_option_t *tables[] = {pbus_worker_options};
    pbus_error_t error;
    setenv("PERSISTBUS_GROUP", group, 1);
    worker->config = pbus_config_new(tables, 1, fixture->log);
    assert_non_null(worker->config);
    assert_int_equal(pbus_config_load(worker->config, NULL, &error), PBUS_OK);
    assert_int_equal(pipe(worker->stop), 0);
    worker->link = pbus_link_new(backend, worker->config, fixture->log, &error);
    assert_non_null(worker->link);
    assert_int_equal(pthread_create(&worker->thread, NULL, bus_run, worker), 0);
    return worker;
}

static inline worker_t *bus_worker_new(fixture_t *fixture, const char *group)
{
    return bus_worker_of(fixture, group, &bus_backend);
}

/* A worker on the second store. */
static inline worker_t *bus_worker_second(fixture_t *fixture, const char *group)
{
    return bus_worker_of(fixture, group, &bus_backend_second);
}

static inline void bus_worker_free(worker_t *worker)
{
    assert_int_equal(worker->status, PBUS_OK);
    pbus_link_destroy(&worker->link);
    pbus_config_destroy(&worker->config);
    close(worker->stop[0]);
    close(worker->stop[1]);
    free(worker);
}

/* It has been told to leave. */
static inline void bus_worker_await_end(worker_t *worker)
{
    pthread_join(worker->thread, NULL);
    bus_worker_free(worker);
}

static inline void bus_worker_stop(worker_t *worker)
{
    struct signalfd_siginfo info = {.ssi_signo = SIGTERM};
    assert_int_equal(write(worker->stop[1], &info, sizeof info), sizeof info);
    bus_worker_await_end(worker);
}

typedef struct {
    fixture_t *fixture;
    bool done;
} ticket_t;

static inline void bus_done(request_t *request)
{
    ticket_t *ticket = request->context;
    pthread_mutex_lock(&ticket->fixture->mutex);
    ticket->done = true;
    pthread_cond_broadcast(&ticket->fixture->cond);
    pthread_mutex_unlock(&ticket->fixture->mutex);
}

static inline void bus_submit(fixture_t *fixture, request_t *request, ticket_t *ticket, int64_t timeout)
{
    *ticket = (ticket_t){.fixture = fixture};
    request->context = ticket;
    request->done = bus_done;
    request->deadline = pbus_clock_boottime() + timeout;
    assert_int_equal(dispatcher_submit(fixture->dispatcher, request), PBUS_OK);
}

static inline bool bus_is_done(request_t *request)
{
    ticket_t *ticket = request->context;
    pthread_mutex_lock(&ticket->fixture->mutex);
    bool done = ticket->done;
    pthread_mutex_unlock(&ticket->fixture->mutex);
    return done;
}

static inline pbus_status_t bus_wait(request_t *request)
{
    ticket_t *ticket = request->context;
    pthread_mutex_lock(&ticket->fixture->mutex);
    while (!ticket->done)
        pthread_cond_wait(&ticket->fixture->cond, &ticket->fixture->mutex);
    pthread_mutex_unlock(&ticket->fixture->mutex);
    return request->status;
}

static inline pbus_uuid_t bus_id(unsigned first, unsigned number)
{
    pbus_uuid_t id = {{(uint8_t) first, (uint8_t) (number >> 16), (uint8_t) (number >> 8), (uint8_t) number}};
    return id;
}

static inline request_t *bus_add_of(const char *device, pbus_uuid_t id)
{
    request_t *request = request_new(REQUEST_ADD);
    assert_non_null(request);
    request->id = id;
    pbus_reading_t reading = {.origin = 1,
                              .device = pbus_str(device),
                              .profile = PBUS_STR("p"),
                              .resource = PBUS_STR("r"),
                              .type = PBUS_BOOL,
                              .value = PBUS_STR("true")};
    pbus_event_t event = {.id = id,
                          .origin = 1,
                          .device = reading.device,
                          .profile = reading.profile,
                          .source = reading.resource,
                          .readings = &reading,
                          .reading_count = 1};
    pbus_event_encode(&event, &request->event);
    assert_false(request->event.failed);
    return request;
}

static inline request_t *bus_add(pbus_uuid_t id)
{
    return bus_add_of("d", id);
}

static inline pbus_status_t bus_do(fixture_t *fixture, request_t *request, int64_t timeout)
{
    ticket_t ticket;
    bus_submit(fixture, request, &ticket, timeout);
    pbus_status_t status = bus_wait(request);
    request_destroy(&request);
    return status;
}

static inline pbus_status_t bus_post(fixture_t *fixture, pbus_uuid_t id)
{
    return bus_do(fixture, bus_add(id), 20 * SECOND);
}

/* So many, at once as far as that goes. */
static inline void bus_post_many(fixture_t *fixture, unsigned first, unsigned count)
{
    enum { AT_ONCE = 500 };
    static request_t *requests[AT_ONCE];
    static ticket_t tickets[AT_ONCE];
    for (unsigned i = 0; i < count; i += AT_ONCE) {
        unsigned some = count - i < AT_ONCE ? count - i : AT_ONCE;
        for (unsigned k = 0; k < some; k++) {
            requests[k] = bus_add(bus_id(first, i + k));
            bus_submit(fixture, requests[k], &tickets[k], 20 * SECOND);
        }
        for (unsigned k = 0; k < some; k++) {
            assert_int_equal(bus_wait(requests[k]), PBUS_OK);
            request_destroy(&requests[k]);
        }
    }
}

static inline request_t *bus_delete_request(pbus_uuid_t id)
{
    request_t *request = request_new(REQUEST_DELETE);
    assert_non_null(request);
    request->id = id;
    return request;
}

static inline pbus_status_t bus_delete(fixture_t *fixture, pbus_uuid_t id)
{
    return bus_do(fixture, bus_delete_request(id), 20 * SECOND);
}

/* Whether the write is accepted, but only into the spool. */
static inline bool bus_is_spooled(fixture_t *fixture, request_t *request)
{
    ticket_t ticket;
    bus_submit(fixture, request, &ticket, 20 * SECOND);
    bool spooled = bus_wait(request) == PBUS_OK && request->spooled;
    request_destroy(&request);
    return spooled;
}

static inline request_t *bus_count_request(void)
{
    request_t *request = request_new(REQUEST_QUERY);
    assert_non_null(request);
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    pbus_ask_encode(&ask, &request->ask);
    return request;
}

static inline uint64_t bus_total(fixture_t *fixture)
{
    ticket_t ticket;
    request_t *request = bus_count_request();
    bus_submit(fixture, request, &ticket, 20 * SECOND);
    assert_int_equal(bus_wait(request), PBUS_OK);
    pbus_answer_t answer;
    assert_true(pbus_answer_open(&answer, request->answer, request->answer_size));
    uint64_t total = answer.total;
    request_destroy(&request);
    return total;
}

/* How often this text is in the status. */
static inline unsigned bus_status(fixture_t *fixture, const char *what)
{
    ticket_t ticket;
    request_t *request = request_new(REQUEST_STATUS);
    assert_non_null(request);
    bus_submit(fixture, request, &ticket, SECOND);
    assert_int_equal(bus_wait(request), PBUS_OK);
    char *text = strndup(request->answer, request->answer_size);
    assert_non_null(text);
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    free(text);
    request_destroy(&request);
    return count;
}

static inline void bus_await_status(fixture_t *fixture, const char *what, unsigned count)
{
    int64_t end = pbus_clock_boottime() + 20 * SECOND;
    while (bus_status(fixture, what) != count)
        assert_true(pbus_clock_boottime() < end);
}

/* Whether a group is LIVE and has a worker whose store is there. */
static inline bool bus_is_live(fixture_t *fixture)
{
    return bus_status(fixture, "\"LIVE\"") && bus_status(fixture, "\"ready\":true");
}

static inline worker_t *bus_worker_start(fixture_t *fixture, const char *group)
{
    worker_t *worker = bus_worker_new(fixture, group);
    int64_t end = pbus_clock_boottime() + 20 * SECOND;
    while (!bus_is_live(fixture))
        assert_true(pbus_clock_boottime() < end);
    return worker;
}

/* ---- set-up ---- */

static inline void bus_start(fixture_t *fixture)
{
    pbus_error_t error;
    fixture->dispatcher = dispatcher_new(fixture->config, fixture->log, &error);
    assert_non_null(fixture->dispatcher);
}

/* Reads the environment. */
static inline void bus_configure(fixture_t *fixture)
{
    const pbus_option_t *tables[] = {dispatcher_options};
    pbus_error_t error;
    fixture->config = pbus_config_new(tables, 1, fixture->log);
    if (fixture->config && pbus_config_load(fixture->config, NULL, &error) != PBUS_OK)
        pbus_config_destroy(&fixture->config);
}

/* core-data ends and comes back. */
static inline void bus_restart(fixture_t *fixture)
{
    dispatcher_destroy(&fixture->dispatcher);
    bus_start(fixture);
}

static inline int bus_setup(void **state)
{
    fixture_t *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    zsys_handler_set(NULL);
    memset(bus_stores, 0, sizeof bus_stores);
    for (int i = 0; i < STORES; i++) {
        pthread_mutex_init(&bus_stores[i].mutex, NULL);
        bus_stores[i].data_set.bytes[0] = (uint8_t) (i + 1);
        bus_stores[i].poison = -1;
    }
    strcpy(fixture->folder, "/tmp/dispatcher-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    char text[128];
    const char *names[] = {"REQUESTS", "REPLIES", "EVENTS"};
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "PERSISTBUS_%s", names[i]);
        snprintf(text, sizeof text, "ipc://%s/%s", fixture->folder, names[i]);
        setenv(name, text, 1);
    }
    snprintf(text, sizeof text, "%s/spool", fixture->folder);
    setenv("SPOOL_PATH", text, 1);
    fixture->log = pbus_log_new("test");
    pbus_log_set_level(fixture->log, getenv("TEST_LOG") ? getenv("TEST_LOG") : "ERROR");
    bus_configure(fixture);
    if (!fixture->config)
        return -1;
    pthread_mutex_init(&fixture->mutex, NULL);
    pthread_cond_init(&fixture->cond, NULL);
    bus_start(fixture);
    *state = fixture;
    return 0;
}

static inline int bus_teardown(void **state)
{
    fixture_t *fixture = *state;
    dispatcher_destroy(&fixture->dispatcher);
    pbus_config_destroy(&fixture->config);
    pbus_log_destroy(&fixture->log);
    zdir_t *folder = zdir_new(fixture->folder, NULL);
    if (folder)
        zdir_remove(folder, true);
    zdir_destroy(&folder);
    pthread_mutex_destroy(&fixture->mutex);
    pthread_cond_destroy(&fixture->cond);
    for (int i = 0; i < STORES; i++)
        pthread_mutex_destroy(&bus_stores[i].mutex);
    free(fixture);
    return 0;
}

#endif
