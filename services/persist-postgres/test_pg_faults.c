/* What the backend does when the server, the schema or the configuration is not as it should be. */
#include "test_pg_support.h"

#define SECOND INT64_C(1000000000)
#define MS (SECOND / 1000)

static const char s_secret[] = "Pa55-w0rd";

/* One clear line, without the password. */
static void s_check_text(const char *text)
{
    assert_true(strlen(text) > 20);
    assert_null(strchr(text, '\n'));
    assert_null(strstr(text, s_secret));
    assert_null(strstr(text, "probably"));
    assert_null(strstr(text, "LOCATION"));
}

static void s_expect(const char *url, const char *schema, pbus_status_t status, const char *part)
{
    store_t store = store_try(url, schema, PBUS_LANE_WRITE);
    if (store.error.status != status || !strstr(store.error.text, part))
        fail_msg("%s: %s, expected %s: %s", pbus_status_name(store.error.status), store.error.text,
                 pbus_status_name(status), part);
    s_check_text(store.error.text);
    store_close(&store);
}

static pbus_status_t s_write_one(store_t *store, uint64_t accept)
{
    pbus_buf_t data = {0};
    pbus_write_t write = {.op = PBUS_ADD, .accept = accept, .id = random_uuid()};
    random_event(write.id, &data);
    write.data = data.data;
    write.size = data.size;
    pbus_status_t status = store_write(store, &write, 1);
    if (status == PBUS_OK)
        assert_int_equal(write.status, PBUS_OK);
    pbus_buf_clear(&data);
    return status;
}

/* ---- connecting --------------------------------------------------------------------------------------- */

/* The same server under another user, password or database. */
static void s_url(server_t *server, char *url, size_t size, const char *user, const char *password,
                  const char *database)
{
    snprintf(url, size, "postgresql://%s:%s@/%s?%s", user, password, database, strstr(server->url, "host="));
}

static void test_refusals(void **state)
{
    server_t *server = *state;
    char url[400];
    s_url(server, url, sizeof url, "persistbus", s_secret, "persistbus");
    s_expect(url, "persistbus", PBUS_INVALID, "password authentication failed");
    s_url(server, url, sizeof url, "persistbus", "persistbus", "nowhere");
    s_expect(url, "persistbus", PBUS_INVALID, "\"nowhere\" does not exist");
    s_url(server, url, sizeof url, "nobody", s_secret, "persistbus");
    s_expect(url, "persistbus", PBUS_INVALID, "nobody");
    s_url(server, url, sizeof url, "persistbus", "", "persistbus");
    s_expect(url, "persistbus", PBUS_INVALID, "asks for a password");
    server_sql(server, "DROP DATABASE IF EXISTS latin", NULL, 0);
    server_sql(server,
               "CREATE DATABASE latin OWNER persistbus ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", NULL,
               0);
    s_url(server, url, sizeof url, "persistbus", "persistbus", "latin");
    s_expect(url, "persistbus", PBUS_UNSUPPORTED, "LATIN1");
}

static void test_unreachable(void **state)
{
    (void) state;
    s_expect("postgresql://u:Pa55-w0rd@127.0.0.1:1/d", "persistbus", PBUS_UNAVAILABLE, "127.0.0.1:1/d");
    s_expect("postgresql:///d?host=/nowhere", "persistbus", PBUS_UNAVAILABLE, "/nowhere");
}

/* libpq quotes what it can't read; a password may be in it. */
static void test_bad_url(void **state)
{
    (void) state;
    s_expect("postgresql://u:Pa55-w0rd@[::1/d", "persistbus", PBUS_INVALID, "Database.URL");
    s_expect("postgresql://u:Pa55-w0rd@h/d?nonsense=1", "persistbus", PBUS_INVALID, "Database.URL");
    s_expect("postgresql://u:x@Pa55-w0rd@h/d", "persistbus", PBUS_INVALID, "Database.URL");
    s_expect("postgresql://u:x@h:Pa55-w0rd:5/d", "persistbus", PBUS_INVALID, "Database.URL");
    s_expect("mysql://u:Pa55-w0rd@h/d", "persistbus", PBUS_INVALID, "Database.URL");
    s_expect("postgresql:///d", "pg_mine", PBUS_INVALID, "Database.Schema");
    s_expect("postgresql:///d", "", PBUS_INVALID, "Database.Schema");
    s_expect("postgresql:///d", "a-name-of-64-bytes-which-is-one-more-than-what-PostgreSQL-can-keep",
             PBUS_INVALID, "Database.Schema");
}

/* ---- the schema --------------------------------------------------------------------------------------- */

static void test_foreign_schema(void **state)
{
    server_t *server = *state;
    char text[200];
    server_sql(server,
               "CREATE SCHEMA foreigner AUTHORIZATION persistbus; SET ROLE persistbus;"
               "CREATE TABLE foreigner.events (a int); INSERT INTO foreigner.events VALUES (7)",
               NULL, 0);
    s_expect(server->url, "foreigner", PBUS_INVALID, "foreigner");
    server_sql(server,
               "SET ROLE persistbus; CREATE TABLE foreigner.schema_version (version int);"
               "INSERT INTO foreigner.schema_version VALUES (1)",
               NULL, 0);
    s_expect(server->url, "foreigner", PBUS_INVALID, "foreigner");
    server_sql(
        server,
        "SET ROLE persistbus; ALTER TABLE foreigner.schema_version ADD application text DEFAULT 'flyway'",
        NULL, 0);
    s_expect(server->url, "foreigner", PBUS_INVALID, "foreigner");
    server_sql(server,
               "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relnamespace = "
               "'foreigner'::regnamespace",
               text, sizeof text);
    assert_string_equal(text, "events,schema_version");
}

static void test_newer_schema(void **state)
{
    server_t *server = *state;
    char text[200];
    store_t store = store_open(server->url, "newer");
    store_close(&store);
    server_sql(server, "INSERT INTO newer.schema_version (application, version) VALUES ('persistbus', 99)",
               NULL, 0);
    s_expect(server->url, "newer", PBUS_UNSUPPORTED, "version 99");
    server_sql(server, "SELECT count(*) FROM newer.schema_version", text, sizeof text);
    assert_string_equal(text, "2");
}

/* Names that need quotes, an empty schema made by somebody else, and a role that may do nothing. */
static void test_names_and_rights(void **state)
{
    server_t *server = *state;
    char url[400], text[20];
    store_t store = store_open(server->url, "My \"Schema\"; DROP");
    assert_int_equal(s_write_one(&store, 1), PBUS_OK);
    store_close(&store);
    server_sql(server, "CREATE SCHEMA given AUTHORIZATION persistbus", NULL, 0);
    store = store_open(server->url, "given");
    store_close(&store);
    server_sql(server, "CREATE ROLE guest LOGIN PASSWORD 'guest'", NULL, 0);
    s_url(server, url, sizeof url, "guest", "guest", "persistbus");
    s_expect(url, "guest_schema", PBUS_INVALID, "may not create schema guest_schema");
    server_sql(server, "SELECT count(*) FROM pg_namespace WHERE nspname = 'guest_schema'", text, sizeof text);
    assert_string_equal(text, "0");
}

/* An event whose shape the handle knows after the first time. */
static pbus_status_t s_write_same(store_t *store, uint64_t accept)
{
    uint64_t state = s_random_state;
    s_random_state = 1;
    pbus_buf_t data = {0};
    pbus_write_t write = {.op = PBUS_ADD, .accept = accept, .id = {{(uint8_t) accept}}};
    random_event(write.id, &data);
    s_random_state = state;
    write.data = data.data;
    write.size = data.size;
    pbus_status_t status = store_write(store, &write, 1);
    pbus_buf_clear(&data);
    return status;
}

/* The store is wiped under a worker: it makes a new one, with a new identity, and mixes nothing up. */
static void test_dropped_schema(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "dropped"), *store = &own;
    store_t other = store_open(server->url, "dropped");
    assert_int_equal(s_write_same(store, 1), PBUS_OK);
    assert_int_equal(s_write_same(&other, 2), PBUS_OK);
    pbus_uuid_t before = store_health(store).data_set;
    server_sql(server, "DROP SCHEMA dropped CASCADE", NULL, 0);
    assert_int_equal(s_write_same(store, 3), PBUS_UNAVAILABLE);
    s_check_text(store->error.text);
    pbus_health_t after = store_health(store);
    assert_memory_not_equal(&before, &after.data_set, sizeof before);
    assert_int_equal(after.applied_mark, 0);
    assert_int_equal(s_write_one(store, 4), PBUS_OK);
    /* The other one has not noticed yet, and knows numbers of shapes that mean nothing now. */
    assert_int_equal(s_write_same(&other, 5), PBUS_UNAVAILABLE);
    store = &other;
    store_health(store);
    assert_int_equal(s_write_one(store, 6), PBUS_OK);
    assert_int_equal(store_count(store, PBUS_EVENTS, pbus_filter_any()), 2);
    store_close(&other);
    store_close(&own);
}

/* ---- while running ------------------------------------------------------------------------------------ */

static const char s_kill[] =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'persistbus'";

static void test_lost_connection(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "lost"), *store = &own;
    assert_int_equal(s_write_one(store, 1), PBUS_OK);
    server_sql(server, s_kill, NULL, 0);
    assert_int_equal(s_write_one(store, 2), PBUS_UNAVAILABLE);
    s_check_text(store->error.text);
    assert_int_equal(store_health(store).applied_mark, 1);
    assert_int_equal(s_write_one(store, 3), PBUS_OK);
    server_do(server, "stop");
    pbus_uuid_t id = random_uuid();
    pbus_query_t query = {
        .filter = pbus_filter_any(), .limit = 1, .deadline = pbus_clock_boottime() + SECOND};
    query.filter.ids = &id;
    query.filter.id_count = 1;
    pbus_result_t result = {0};
    assert_int_equal(pg_backend.list_events(store->handle, &query, &result, &store->error), PBUS_UNAVAILABLE);
    s_check_text(store->error.text);
    server_do(server, "start");
    assert_int_equal(s_write_one(store, 4), PBUS_OK); /* even without health being asked first */
    assert_int_equal(store_count(store, PBUS_EVENTS, pbus_filter_any()), 3);
    store_close(store);
}

/* Somebody sits on the table: a statement is given up at its deadline, and the handle is as good as before.
 */
static void test_deadline(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "slow"), *store = &own;
    assert_int_equal(s_write_one(store, 1), PBUS_OK);
    PGconn *other = PQconnectdb(server->admin);
    PQclear(PQexec(other, "BEGIN; LOCK TABLE slow.stored_event IN ACCESS EXCLUSIVE MODE"));
    pbus_result_t result = {0};
    int64_t start = pbus_clock_boottime();
    pbus_query_t query = {.filter = pbus_filter_any(), .limit = 1, .deadline = start + 300 * MS};
    assert_int_equal(pg_backend.list_events(store->handle, &query, &result, &store->error), PBUS_TIMEOUT);
    assert_in_range(pbus_clock_boottime() - start, 250 * MS, 5 * SECOND);
    query.deadline = pbus_clock_boottime() - 1;
    assert_int_equal(pg_backend.list_events(store->handle, &query, &result, &store->error), PBUS_TIMEOUT);
    PQfinish(other);
    assert_int_equal(s_write_one(store, 2), PBUS_OK);
    store_close(store);
}

/* A server that neither answers nor closes, as when a cable is pulled. */
static void test_silent_server(void **state)
{
    server_t *server = *state;
    char pid[20], command[40];
    setenv("DATABASE_STATEMENTTIMEOUT", "1s", 1);
    store_t own = store_open(server->url, "silent"), *store = &own;
    unsetenv("DATABASE_STATEMENTTIMEOUT");
    server_sql(server, "SELECT pid FROM pg_stat_activity WHERE usename = 'persistbus'", pid, sizeof pid);
    snprintf(command, sizeof command, "kill -STOP %s", pid);
    assert_int_equal(system(command), 0);
    int64_t start = pbus_clock_boottime();
    pbus_status_t status = s_write_one(store, 1);
    int64_t taken = pbus_clock_boottime() - start;
    snprintf(command, sizeof command, "kill -CONT %s", pid);
    assert_int_equal(system(command), 0);
    assert_int_equal(status, PBUS_UNAVAILABLE);
    assert_in_range(taken, SECOND, 10 * SECOND);
    s_check_text(store->error.text);
    assert_int_equal(s_write_one(store, 2), PBUS_OK);
    store_close(store);
}

/* An insert that fails as SQL tells it to, for the next `times` times; a sequence is not rolled back. */
static void s_set_trap(server_t *server, const char *schema, const char *sqlstate, int times)
{
    char sql[900];
    snprintf(
        sql, sizeof sql,
        "SET search_path TO %s; DROP SEQUENCE IF EXISTS trap_count CASCADE; CREATE SEQUENCE trap_count;"
        "GRANT ALL ON SEQUENCE trap_count TO persistbus;"
        "CREATE OR REPLACE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('%s.trap_count') <= %d THEN RAISE EXCEPTION 'trapped' USING ERRCODE = '%s'; END IF;"
        " RETURN NEW; END $$;"
        "CREATE OR REPLACE TRIGGER trap BEFORE INSERT ON stored_event FOR EACH ROW EXECUTE FUNCTION trap()",
        schema, schema, times, sqlstate);
    server_sql(server, sql, NULL, 0);
}

static void test_full_disk(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "full"), *store = &own;
    s_set_trap(server, "full", "53100", 1);
    assert_int_equal(s_write_one(store, 1), PBUS_FULL);
    s_check_text(store->error.text);
    assert_true(((pg_store_t *) store->handle)->was_full);
    store_health(store); /* which tries whether there is room again */
    assert_false(((pg_store_t *) store->handle)->was_full);
    assert_int_equal(s_write_one(store, 2), PBUS_OK);
    store_close(store);
}

/* Transactions in each other's way are run again; what the server refuses is the event's fault. */
static void test_crossed(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "crossed"), *store = &own;
    s_set_trap(server, "crossed", "40P01", 3);
    assert_int_equal(s_write_one(store, 1), PBUS_OK);
    s_set_trap(server, "crossed", "40001", 1000);
    assert_int_equal(s_write_one(store, 2), PBUS_UNAVAILABLE);
    s_set_trap(server, "crossed", "54000", 1);
    assert_int_equal(s_write_one(store, 3), PBUS_INVALID);
    s_set_trap(server, "crossed", "XX000", 1);
    assert_int_equal(s_write_one(store, 4), PBUS_INTERNAL);
    assert_int_equal(s_write_one(store, 5), PBUS_OK);
    assert_int_equal(store_count(store, PBUS_EVENTS, pbus_filter_any()), 2);
    store_close(store);
}

/* A batch that fails half-way leaves nothing behind, its deletes included. */
static void test_atomic(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "atomic"), *store = &own;
    pbus_buf_t data = {0};
    pbus_uuid_t id = random_uuid();
    random_event(id, &data);
    pbus_write_t writes[3] = {{.op = PBUS_ADD, .accept = 1, .id = id, .data = data.data, .size = data.size}};
    assert_ok(store_write(store, writes, 1));
    writes[1] = writes[2] = writes[0];
    writes[0].op = PBUS_DELETE;
    writes[0].accept = 2;
    writes[1].accept = 3;
    writes[2].accept = 4;
    s_set_trap(server, "atomic", "22000", 1);
    assert_int_equal(store_write(store, writes, 2), PBUS_INVALID);
    assert_int_equal(store_count(store, PBUS_EVENTS, pbus_filter_any()), 1);
    assert_int_equal(store_health(store).applied_mark, 1);
    writes[0].op = PBUS_ADD;
    writes[0].accept = 1;
    assert_ok(store_write(store, writes, 3));
    assert_int_equal(writes[0].status, PBUS_OK);
    assert_int_equal(writes[1].status, PBUS_CONFLICT);
    pbus_buf_clear(&data);
    store_close(store);
}

static void test_durable(void **state)
{
    server_t *server = *state;
    static const char *const weak[] = {"synchronous_commit = off"};
    store_t own = store_open(server->url, "durable"), *store = &own;
    assert_true(store_health(store).durable);
    char sql[100];
    snprintf(sql, sizeof sql, "ALTER ROLE persistbus SET %s", weak[0]);
    server_sql(server, sql, NULL, 0);
    server_sql(server, s_kill, NULL, 0);
    pbus_health_t health;
    pg_backend.health(store->handle, &health, &store->error); /* finds the connection gone */
    assert_false(store_health(store).durable);
    server_sql(server, "ALTER ROLE persistbus RESET ALL", NULL, 0);
    server_sql(server, "ALTER SYSTEM SET fsync = off", NULL, 0);
    server_sql(server, "SELECT pg_reload_conf()", NULL, 0);
    server_sql(server, s_kill, NULL, 0);
    pg_backend.health(store->handle, &health, &store->error);
    assert_false(store_health(store).durable);
    server_sql(server, "ALTER SYSTEM RESET fsync", NULL, 0);
    server_sql(server, "SELECT pg_reload_conf()", NULL, 0);
    store_close(store);
}

/* A server that only lets read, as a standby does. */
static void test_read_only(void **state)
{
    server_t *server = *state;
    store_t own = store_open(server->url, "standby"), *store = &own;
    server_sql(server, "ALTER ROLE persistbus SET default_transaction_read_only = on", NULL, 0);
    server_sql(server, s_kill, NULL, 0);
    pbus_health_t health;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pg_backend.health(store->handle, &health, &store->error), PBUS_UNAVAILABLE);
    s_check_text(store->error.text);
    s_expect(server->url, "standby", PBUS_UNAVAILABLE, "read-only");
    server_sql(server, "ALTER ROLE persistbus RESET ALL", NULL, 0);
    store_health(store);
    assert_int_equal(s_write_one(store, 1), PBUS_OK);
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
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_bad_url),        cmocka_unit_test(test_foreign_schema),
        cmocka_unit_test(test_newer_schema),   cmocka_unit_test(test_names_and_rights),
        cmocka_unit_test(test_dropped_schema), cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_deadline),       cmocka_unit_test(test_silent_server),
        cmocka_unit_test(test_full_disk),      cmocka_unit_test(test_crossed),
        cmocka_unit_test(test_atomic),         cmocka_unit_test(test_durable),
        cmocka_unit_test(test_read_only),
    };
    return cmocka_run_group_tests(tests, s_start, server_remove);
}
