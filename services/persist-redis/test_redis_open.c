/*
 * Opening a store: servers that are away, closed to this user, or something else altogether; keys of others;
 * and what a server promises.
 */
#include "redis_testing.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void s_expect_no_open(const char *url, pbus_status_t expected, const char *text)
{
    testing_t worker = testing_new(url);
    testing_expect_failure(&worker, testing_try_open(&worker), expected, text);
    assert_null(worker.writer);
    testing_destroy(&worker);
}

/* ---- opening ---------------------------------------------------------------------------------------------
 */

static void test_away(void **state)
{
    (void) state;
    s_expect_no_open("unix:///tmp/persist-redis-nowhere", PBUS_UNAVAILABLE, "No such file");
    s_expect_no_open("redis://127.0.0.1:1", PBUS_UNAVAILABLE, "redis at 127.0.0.1:1: Connection refused");
    s_expect_no_open("redis://joe:hush@127.0.0.1:1", PBUS_UNAVAILABLE, "redis at 127.0.0.1:1");
    s_expect_no_open("rediss://127.0.0.1", PBUS_INVALID, "TLS");
}

/* Something that answers whatever comes with HTTP; in a process of its own. */
static pid_t s_start_http(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
        char byte;
        int client = accept(fd, NULL, NULL);
        ssize_t size = write(client, answer, sizeof answer - 1);
        /* Until the other side has read it and gone. */
        while (size > 0)
            size = read(client, &byte, 1);
        _exit(0);
    }
    close(fd);
    return pid;
}

static void test_not_redis(void **state)
{
    (void) state;
    char folder[] = "/tmp/persist-redis-XXXXXX", path[64], url[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(url, sizeof url, "unix://%s", path);
    pid_t pid = s_start_http(path);
    s_expect_no_open(url, PBUS_UNAVAILABLE, "not Redis");
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_cluster(void **state)
{
    (void) state;
    testing_server_t server = testing_server_new("none --cluster-enabled yes");
    s_expect_no_open(server.url, PBUS_INVALID, "runs as cluster");
    testing_server_destroy(&server);
}

static void s_url_with(const testing_server_t *server, const char *user, char url[256])
{
    snprintf(url, 256, "unix://%s@%s", user, server->url + strlen("unix://"));
}

static void test_password(void **state)
{
    (void) state;
    char url[256];
    testing_server_t server = testing_server_new("none --requirepass hush");
    s_expect_no_open(server.url, PBUS_INVALID, "check user and password of Redis.URL: NOAUTH");
    s_url_with(&server, ":hushhush", url);
    s_expect_no_open(url, PBUS_INVALID, "check user and password of Redis.URL: WRONGPASS");
    s_url_with(&server, "joe:hush", url);
    s_expect_no_open(url, PBUS_INVALID, "check user and password of Redis.URL: WRONGPASS");
    s_url_with(&server, ":hush", url);
    testing_t worker = testing_new(url);
    testing_open(&worker);
    assert_int_equal(testing_add_number(&worker, 1), PBUS_OK);
    testing_destroy(&worker);
    testing_server_destroy(&server);
}

/* The rules that the README gives for a user are enough, and without INFO and CONFIG it still goes. */
static void test_acl(void **state)
{
    (void) state;
    char url[256];
    testing_server_t server = testing_server_new("none");
    testing_command(&server, "ACL SETUSER joe on >hush ~pb:* +@read +@write +@scripting -@dangerous");
    s_url_with(&server, "joe:hush", url);
    testing_t worker = testing_new(url);
    testing_open(&worker);
    testing_add_many(&worker, 3);
    assert_false(testing_expect_health(&worker).durable);
    assert_int_equal(testing_count_all(&worker, PBUS_READINGS), 3);
    assert_int_equal(testing_delete(&worker, testing_id(1), 4), PBUS_OK);
    assert_int_equal(testing_purge_all(&worker), 2);
    testing_command(&server, "ACL SETUSER joe +info +config|get");
    testing_command(&server, "CONFIG SET appendonly yes appendfsync always");
    assert_true(testing_expect_health(&worker).durable);
    testing_destroy(&worker);
    testing_command(&server, "ACL SETUSER joe -evalsha");
    s_expect_no_open(url, PBUS_INVALID, "the user of Redis.URL lacks a permission: NOPERM");
    testing_server_destroy(&server);
}

/* A permission that is taken away later is no fault of the batch that meets it. */
static void test_acl_later(void **state)
{
    (void) state;
    char url[256];
    testing_server_t server = testing_server_new("none");
    testing_command(&server, "ACL SETUSER joe on >hush ~pb:* +@all");
    s_url_with(&server, "joe:hush", url);
    testing_t worker = testing_new(url);
    testing_open(&worker);
    testing_command(&server, "ACL SETUSER joe -evalsha");
    testing_expect_failure(&worker, testing_add_number(&worker, 1), PBUS_UNAVAILABLE, "NOPERM");
    testing_command(&server, "ACL SETUSER joe +@all");
    testing_expect_health(&worker);
    assert_int_equal(testing_add_number(&worker, 1), PBUS_OK);
    testing_destroy(&worker);
    testing_server_destroy(&server);
}

/* ---- what others have there ------------------------------------------------------------------------------
 */

static void test_foreign(void **state)
{
    (void) state;
    static const char *const commands[] = {"SET pb:store x", "HSET pb:store a b", "RPUSH pb:series x",
                                           "ZADD pb:t:3 1 x", "HSET pb:store schema 1 id x mark 0"};
    testing_server_t server = testing_server_new("none");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        testing_command(&server, commands[i]);
        s_expect_no_open(server.url, PBUS_INVALID, "is not of persist-redis: set Redis.Prefix");
        assert_int_equal(testing_command(&server, "DBSIZE"), 1);
        testing_command(&server, "FLUSHALL");
    }
    /* The key of a series that is to be. */
    testing_t worker = testing_new(server.url);
    testing_open(&worker);
    testing_command(&server, "SET pb:s:1 mine");
    testing_expect_failure(&worker, testing_add_number(&worker, 1), PBUS_UNAVAILABLE,
                           "key 'pb:s:1' is not of persist-redis");
    assert_int_equal(testing_command(&server, "DBSIZE"), 2);
    /* Once it is gone all is well: nothing was left half done. */
    testing_command(&server, "DEL pb:s:1");
    testing_expect_health(&worker);
    assert_int_equal(testing_add_number(&worker, 1), PBUS_OK);
    pbus_query_t query = testing_query(0, 1);
    assert_int_equal(testing_list(&worker, PBUS_READINGS, &query).count, 1);
    testing_destroy(&worker);
    testing_server_destroy(&server);
}

static void test_newer_schema(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    testing_close(&pair.worker);
    testing_command(&pair.server, "HSET pb:store schema 2");
    s_expect_no_open(pair.server.url, PBUS_INVALID,
                     "has schema 2 of a newer persist-redis, this one knows 1");
    testing_command(&pair.server, "HSET pb:store schema 1");
    testing_open(&pair.worker);
    testing_pair_destroy(&pair);
}

/* Two data sets and keys of others in one database leave each other alone. */
static void test_prefix(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    assert_int_equal(setenv("REDIS_PREFIX", "\xc3\xa9t\xc3\xa9 *[", 1), 0);
    testing_t other = testing_new(pair.server.url);
    assert_int_equal(unsetenv("REDIS_PREFIX"), 0);
    testing_command(&pair.server, "SET pb x");
    testing_command(&pair.server, "SET pbx x");
    testing_open(&other);
    pbus_health_t a = testing_expect_health(&pair.worker), b = testing_expect_health(&other);
    assert_memory_not_equal(&a.data_set, &b.data_set, sizeof a.data_set);
    testing_add_many(&pair.worker, 10);
    testing_add_many(&other, 20);
    assert_int_equal(testing_count_all(&pair.worker, PBUS_EVENTS), 10);
    assert_int_equal(testing_purge_all(&pair.worker), 10);
    assert_int_equal(testing_count_all(&other, PBUS_EVENTS), 20);
    assert_int_equal(testing_purge_all(&other), 20);
    assert_int_equal(testing_command(&pair.server, "DBSIZE"), 2 + 2 + 2);
    testing_destroy(&other);
    testing_pair_destroy(&pair);
}

/* ---- what the server promises ----------------------------------------------------------------------------
 */

static void test_durable(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    assert_false(testing_expect_health(&pair.worker).durable);
    testing_command(&pair.server, "CONFIG SET appendonly yes");
    assert_false(testing_expect_health(&pair.worker).durable);
    testing_command(&pair.server, "CONFIG SET appendfsync always");
    assert_true(testing_expect_health(&pair.worker).durable);
    testing_command(&pair.server, "CONFIG SET no-appendfsync-on-rewrite yes");
    assert_false(testing_expect_health(&pair.worker).durable);
    testing_command(&pair.server, "CONFIG SET no-appendfsync-on-rewrite no maxmemory 100mb");
    assert_true(testing_expect_health(&pair.worker).durable);
    testing_command(&pair.server, "CONFIG SET maxmemory-policy volatile-lru");
    assert_true(testing_expect_health(&pair.worker).durable);
    testing_command(&pair.server, "CONFIG SET maxmemory-policy allkeys-lru");
    assert_false(testing_expect_health(&pair.worker).durable);
    testing_pair_destroy(&pair);
}

/* A warning says so once, and once more when it gets worse. */
static void test_promise_is_logged(void **state)
{
    (void) state;
    char text[4096] = "";
    testing_pair_t pair = testing_pair("always");
    FILE *file = tmpfile();
    assert_non_null(file);
    pbus_log_set_fd(pair.worker.log, fileno(file));
    pbus_log_set_level(pair.worker.log, "WARN");
    testing_expect_health(&pair.worker);
    testing_command(&pair.server, "CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lfu");
    testing_expect_health(&pair.worker);
    testing_expect_health(&pair.worker);
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_non_null(strstr(text, "noeviction"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    pbus_log_set_fd(pair.worker.log, 2);
    fclose(file);
    testing_pair_destroy(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_not_redis),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_acl),
        cmocka_unit_test(test_acl_later),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_newer_schema),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_durable),
        cmocka_unit_test(test_promise_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
