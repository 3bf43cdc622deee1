/*
 * What the tests of this folder share: a PostgreSQL server of their own, started by
 * tests/support/postgres.sh; handles of the backend on it; events at random from a printed seed; and the
 * test's own pbus_result_t, which keeps what a backend adds. (The library's is not linked then: it comes in
 * only with the worker runtime.)
 */
#ifndef TEST_PG_SUPPORT_H
#define TEST_PG_SUPPORT_H

#include "pg_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define UNUSED __attribute__((unused))

/* ---- the server --------------------------------------------------------------------------------------- */

typedef struct {
    char script[600];
    char folder[32];
    char url[300];   /* of the ordinary role that owns the database */
    char admin[300]; /* of the superuser */
} server_t;

/* The script, found from where the test program lies. */
static void s_find_script(server_t *server)
{
    char path[512];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(size > 0);
    path[size] = '\0';
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        snprintf(server->script, sizeof server->script, "%s/tests/support/postgres.sh", path);
        if (access(server->script, X_OK) == 0)
            return;
    }
    fail_msg("tests/support/postgres.sh is in no folder above the test program");
}

/* Runs the script; its output, one line, goes to out. */
static void s_server(server_t *server, const char *action, char *out, size_t size)
{
    char command[700];
    snprintf(command, sizeof command, "%s %s %s", server->script, action, server->folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char line[300] = "";
    if (fgets(line, sizeof line, pipe))
        line[strcspn(line, "\n")] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("%s failed", command);
    if (out)
        snprintf(out, size, "%s", line);
}

static UNUSED int server_start(void **state)
{
    server_t *server = calloc(1, sizeof *server);
    assert_non_null(server);
    *state = server;
    strcpy(server->folder, "/tmp/pbus-test.XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    s_find_script(server);
    s_server(server, "start", server->url, sizeof server->url);
    s_server(server, "admin", server->admin, sizeof server->admin);
    return 0;
}

static UNUSED int server_remove(void **state)
{
    server_t *server = *state;
    s_server(server, "remove", NULL, 0);
    rmdir(server->folder);
    free(server);
    return 0;
}

static UNUSED void server_do(server_t *server, const char *action)
{
    s_server(server, action, NULL, 0);
}

/* Runs SQL beside the backend, as the superuser; *text (if not NULL) is the first field of the first row. */
static UNUSED void server_sql(server_t *server, const char *sql, char *text, size_t size)
{
    PGconn *connection = PQconnectdb(server->admin);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType outcome = PQresultStatus(result);
    if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    if (text)
        snprintf(text, size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(connection);
}

/* ---- handles ------------------------------------------------------------------------------------------ */

typedef struct {
    pbus_config_t *config;
    void *handle;
    pbus_error_t error;
} store_t;

/* Opens the backend on a URL; the status is in error.status. */
static UNUSED store_t store_try(const char *url, const char *schema, pbus_lane_t lane)
{
    store_t store = {0};
    const pbus_option_t *tables[] = {pg_backend.options};
    setenv("DATABASE_URL", url, 1);
    setenv("DATABASE_SCHEMA", schema, 1);
    store.config = pbus_config_new(tables, 1, NULL);
    assert_non_null(store.config);
    assert_int_equal(pbus_config_load(store.config, NULL, &store.error), PBUS_OK);
    pbus_status_t status = pg_backend.open(&store.handle, store.config, NULL, lane, &store.error);
    if (status == PBUS_OK)
        store.error.status = PBUS_OK;
    else {
        assert_int_equal(status, store.error.status);
        assert_null(store.handle);
    }
    return store;
}

static UNUSED void store_close(store_t *store)
{
    if (store->handle)
        pg_backend.close(&store->handle);
    pbus_config_destroy(&store->config);
}

static UNUSED store_t store_open(const char *url, const char *schema)
{
    store_t store = store_try(url, schema, PBUS_LANE_WRITE);
    if (store.error.status != PBUS_OK)
        fail_msg("open: %s", store.error.text);
    return store;
}

#define assert_ok(call)                                                                                      \
    do {                                                                                                     \
        pbus_error_t *e_ = &store->error;                                                                    \
        pbus_status_t status_ = (call);                                                                      \
        if (status_ != PBUS_OK)                                                                              \
            fail_msg("%s: %s: %s", #call, pbus_status_name(status_), e_->text);                              \
    } while (0)

static UNUSED pbus_status_t store_write(store_t *store, pbus_write_t *writes, size_t count)
{
    return pg_backend.write(store->handle, writes, count, &store->error);
}

static UNUSED uint64_t store_count(store_t *store, pbus_what_t what, pbus_filter_t filter)
{
    uint64_t count = 0;
    assert_ok(pg_backend.count(store->handle, what, &filter, &count, &store->error));
    return count;
}

static UNUSED pbus_health_t store_health(store_t *store)
{
    pbus_health_t health;
    assert_ok(pg_backend.health(store->handle, &health, &store->error));
    return health;
}

/* ---- results ------------------------------------------------------------------------------------------ */

typedef struct {
    uint64_t accept; /* events: of the write; sources: how many; groups: how many */
    pbus_buf_t data; /* event or reading, encoded; source or group: names, each ended by a NUL */
} item_t;

struct pbus_result {
    item_t *items;
    size_t count;
    uint64_t total;
    size_t max; /* items that it takes; 0: no limit */
};

static UNUSED void result_clear(pbus_result_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        pbus_buf_clear(&self->items[i].data);
    free(self->items);
    size_t max = self->max;
    *self = (pbus_result_t){.max = max};
}

static item_t *s_new_item(pbus_result_t *self)
{
    if (self->max && self->count == self->max)
        return NULL;
    self->items = realloc(self->items, (self->count + 1) * sizeof *self->items);
    assert_non_null(self->items);
    item_t *item = &self->items[self->count++];
    *item = (item_t){0};
    return item;
}

void pbus_result_total(pbus_result_t *self, uint64_t total)
{
    self->total = total;
}

bool pbus_result_add_encoded(pbus_result_t *self, uint64_t accept, const void *data, size_t size)
{
    item_t *item = s_new_item(self);
    if (item) {
        item->accept = accept;
        pbus_buf_append(&item->data, data, size);
    }
    return item != NULL;
}

bool pbus_result_add_event(pbus_result_t *self, uint64_t accept, const pbus_event_t *event)
{
    item_t *item = s_new_item(self);
    if (item) {
        item->accept = accept;
        pbus_event_encode(event, &item->data);
    }
    return item != NULL;
}

bool pbus_result_add_reading(pbus_result_t *self, const pbus_reading_t *reading)
{
    item_t *item = s_new_item(self);
    if (item)
        pbus_reading_encode(reading, &item->data);
    return item != NULL;
}

static void s_add_name(item_t *item, pbus_str_t name)
{
    pbus_buf_append(&item->data, name.data, name.size);
    pbus_buf_append(&item->data, "", 1);
}

bool pbus_result_add_source(pbus_result_t *self, pbus_str_t device, pbus_str_t source, uint64_t events)
{
    item_t *item = s_new_item(self);
    if (item) {
        item->accept = events;
        s_add_name(item, device);
        s_add_name(item, source);
    }
    return item != NULL;
}

bool pbus_result_add_group(pbus_result_t *self, const pbus_reading_t *like, uint64_t count, pbus_str_t value)
{
    item_t *item = s_new_item(self);
    if (item) {
        item->accept = count;
        s_add_name(item, like->device);
        s_add_name(item, like->profile);
        s_add_name(item, like->resource);
        s_add_name(item, pbus_str(pbus_type_name(like->type)));
        s_add_name(item, value);
    }
    return item != NULL;
}

/* ---- events at random --------------------------------------------------------------------------------- */

static uint64_t s_random_state;

static UNUSED uint64_t random_seed(void)
{
    const char *given = getenv("SEED");
    s_random_state = given ? strtoull(given, NULL, 10) : (uint64_t) pbus_clock_realtime() % 1000000000;
    print_message("SEED=%llu\n", (unsigned long long) s_random_state);
    return s_random_state;
}

static UNUSED uint64_t random_bits(void)
{
    uint64_t z = s_random_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static UNUSED size_t random_below(size_t n)
{
    return (size_t) (random_bits() % n);
}

static UNUSED bool random_chance(unsigned percent)
{
    return random_below(100) < percent;
}

static UNUSED pbus_uuid_t random_uuid(void)
{
    pbus_uuid_t id;
    uint64_t bits[2] = {random_bits(), random_bits()};
    memcpy(&id, bits, sizeof id);
    return id;
}

#define PICK(array) ((array)[random_below(sizeof(array) / sizeof((array)[0]))])

static const char *const s_devices[] = {"room-1",  "room-2", "Küche 東京 🌡", "a'b\"c\\d%e", "x",
                                        "{n,ull}", "room-10"};
static const char *const s_profiles[] = {"climate", "Profil ä"};
static const char *const s_sources[] = {"temperature", "all", "NULL", "quelle/ü"};
static const char *const s_resources[] = {"temperature", "humidity", "res,{}\"", "ρ", "all", "NULL"};
static const char *const s_units[] = {"", "", "C", "°F"};
static const char *const s_jsons[] = {"{}",
                                      "{\"floor\":2}",
                                      "{\"B\":[1,2.50,null,true],\"a\":{\"x\":\"\\\"\\\\\\n\"},\"aa\":\"ä\"}",
                                      "{\"tiny\":1e-9}",
                                      "{\"n\":-0}",
                                      "{\"nul\":\"\\u0000\"}",
                                      "{\"b\":1,\"a\":2}",
                                      "{\"big\":123456789012345678901234567890}"};

static pbus_str_t s_random_text(pbus_buf_t *room, pbus_type_t type)
{
    size_t start = room->size;
    int whole = (int) random_below(2000001) - 1000000;
    if (type == PBUS_BOOL)
        pbus_buf_puts(room, random_chance(50) ? "true" : "F");
    else if (type == PBUS_STRING)
        pbus_buf_puts(room, random_chance(30) ? "" : random_chance(50) ? "NULL" : "line\nünd \"{},\\");
    else if (type == PBUS_UINT64 && random_chance(2))
        pbus_buf_puts(room, "18446744073709551615");
    else if (type == PBUS_INT64 && random_chance(2))
        pbus_buf_puts(room, random_chance(50) ? "-9223372036854775808" : "9223372036854775807");
    else if (type >= PBUS_UINT8 && type <= PBUS_INT64)
        pbus_buf_printf(room, "%d", type <= PBUS_UINT64 ? abs(whole) : whole);
    else if (type == PBUS_FLOAT32 || type == PBUS_FLOAT64)
        pbus_buf_printf(room, random_chance(5) ? "NaN" : random_chance(5) ? "+Inf" : "%de-04", whole);
    else
        pbus_buf_printf(room, "[%d, %d]", whole, whole + 1);
    return (pbus_str_t){(const char *) room->data + start, room->size - start};
}

static void s_random_value(pbus_buf_t *room, pbus_reading_t *reading)
{
    reading->is_null = random_chance(15);
    if (reading->is_null)
        return;
    if (reading->type == PBUS_BINARY) {
        size_t size = random_chance(20) ? 0 : random_below(40);
        reading->media_type = pbus_str(random_chance(80) ? "image/png" : "");
        reading->value = (pbus_str_t){(const char *) room->data + room->size, size};
        for (size_t i = 0; i < size; i++) {
            uint8_t byte = (uint8_t) random_bits();
            pbus_buf_append(room, &byte, 1);
        }
    } else if (reading->type == PBUS_OBJECT || reading->type == PBUS_OBJECT_ARRAY)
        reading->value = pbus_str(random_chance(10) ? "null" : PICK(s_jsons));
    else
        reading->value = s_random_text(room, reading->type);
}

static int64_t s_random_origin(void)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, -1, 1};
    return random_chance(3) ? PICK(extremes) : 1000 + (int64_t) random_below(60);
}

static void s_random_reading(pbus_buf_t *room, const pbus_event_t *event, pbus_reading_t *reading, bool own)
{
    *reading = (pbus_reading_t){.origin = own && random_chance(70) ? s_random_origin() : event->origin,
                                .device = event->device,
                                .profile = event->profile,
                                .resource = random_chance(20) ? event->source : pbus_str(PICK(s_resources)),
                                .type = (pbus_type_t) (1 + random_below(27)),
                                .units = pbus_str(PICK(s_units)),
                                .tags = random_chance(15) ? pbus_str(PICK(s_jsons)) : PBUS_STR(""),
                                .value = PBUS_STR(""),
                                .media_type = PBUS_STR("")};
    if (random_chance(10)) {
        reading->device = pbus_str(PICK(s_devices));
        reading->profile = pbus_str(PICK(s_profiles));
    }
    s_random_value(room, reading);
}

/* Appends an event with this id, encoded, to out. */
static UNUSED void random_event(pbus_uuid_t id, pbus_buf_t *out)
{
    enum { READINGS = 5 };
    pbus_reading_t readings[READINGS];
    uint8_t memory[READINGS * 100];
    pbus_buf_t room = {.data = memory, .capacity = sizeof memory}; /* never grows, so views stay */
    pbus_event_t event = {.id = id,
                          .origin = s_random_origin(),
                          .device = pbus_str(PICK(s_devices)),
                          .profile = pbus_str(PICK(s_profiles)),
                          .source = pbus_str(PICK(s_sources)),
                          .tags = random_chance(20) ? pbus_str(PICK(s_jsons)) : PBUS_STR(""),
                          .readings = readings,
                          .reading_count = 1 + random_below(READINGS)};
    bool own = random_chance(30);
    for (size_t i = 0; i < event.reading_count; i++)
        s_random_reading(&room, &event, &readings[i], own);
    pbus_event_encode(&event, out);
}

#endif
