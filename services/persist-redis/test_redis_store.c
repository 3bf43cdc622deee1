/*
 * A store when things are not as they should be: servers that are full, halted, emptied, or replicas; events
 * that somebody changed by hand; large events; and how much one call asks of the server.
 */
#include "redis_testing.h"

#include "scripts.h"

/* ---- a server that changes -------------------------------------------------------------------------------
 */

static void test_full(void **state)
{
    (void) state;
    static char text[3000];
    testing_pair_t pair = testing_pair("none");
    pbus_health_t health;
    pbus_status_t status = PBUS_OK;
    uint64_t stored = 0;
    memset(text, 'x', sizeof text);
    testing_command(&pair.server, "CONFIG SET maxmemory 4mb");
    while (status == PBUS_OK && stored < 10000) {
        status = testing_add_text(&pair.worker, stored + 1, (pbus_str_t){text, sizeof text});
        stored += status == PBUS_OK;
    }
    testing_expect_failure(&pair.worker, status, PBUS_FULL, "its memory is full: raise maxmemory");
    assert_true(stored > 100);
    /* It stays so until there is room for some more than that. */
    testing_expect_failure(&pair.worker, testing_health(&pair.worker, &health), PBUS_FULL, "memory is full");
    assert_int_equal(testing_count_all(&pair.worker, PBUS_EVENTS), stored);
    /* What frees memory is not refused. */
    assert_int_equal(testing_delete(&pair.worker, testing_id(1), 100000), PBUS_OK);
    assert_int_equal(testing_purge_all(&pair.worker), stored - 1);
    testing_expect_health(&pair.worker);
    assert_int_equal(testing_add_number(&pair.worker, 1), PBUS_OK);
    assert_int_equal(testing_purge_all(&pair.worker), 1);
    assert_int_equal(testing_command(&pair.server, "DBSIZE"), 2);
    testing_pair_destroy(&pair);
}

static void test_script_flush(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    testing_add_many(&pair.worker, 1000);
    testing_command(&pair.server, "SCRIPT FLUSH");
    testing_expect_failure(&pair.worker, testing_add_number(&pair.worker, 2000), PBUS_UNAVAILABLE,
                           "dropped its scripts");
    testing_expect_health(&pair.worker);
    assert_int_equal(testing_add_number(&pair.worker, 2000), PBUS_OK);
    testing_command(&pair.server, "SCRIPT FLUSH");
    pbus_health_t health;
    assert_int_equal(testing_health(&pair.worker, &health), PBUS_UNAVAILABLE);
    testing_expect_health(&pair.worker);
    assert_int_equal(testing_purge_all(&pair.worker), 1001);
    testing_pair_destroy(&pair);
}

/* The server holds another data set: core-data has to learn of it before anything is written there. */
static void s_expect_change(testing_pair_t *pair, const pbus_health_t *before)
{
    pbus_health_t health;
    pbus_status_t status = testing_add_number(&pair->worker, 2);
    testing_expect_failure(&pair->worker, status, PBUS_UNAVAILABLE, "data set");
    for (int i = 0; i < 3 && status == PBUS_UNAVAILABLE; i++)
        status = testing_health(&pair->worker, &health);
    testing_expect_ok(&pair->worker, status);
    assert_memory_not_equal(&health.data_set, &before->data_set, sizeof health.data_set);
    assert_int_equal(health.applied_mark, 0);
    assert_int_equal(testing_add_number(&pair->worker, 2), PBUS_OK);
    pbus_query_t query = testing_query(0, 10);
    status = testing_try_list(&pair->worker, PBUS_EVENTS, &query);
    if (status == PBUS_UNAVAILABLE)
        for (int i = 0; i < 3 && status == PBUS_UNAVAILABLE; i++)
            status = redis_backend.health(pair->worker.reader, &health, &pair->worker.error);
    testing_expect_ok(&pair->worker, status);
    assert_int_equal(testing_list(&pair->worker, PBUS_EVENTS, &query).total, 1);
}

static void test_flushall(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    assert_int_equal(testing_add_number(&pair.worker, 1), PBUS_OK);
    pbus_health_t before = testing_expect_health(&pair.worker);
    testing_command(&pair.server, "FLUSHALL");
    s_expect_change(&pair, &before);
    testing_pair_destroy(&pair);
}

static void test_restart_empty(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    assert_int_equal(testing_add_number(&pair.worker, 1), PBUS_OK);
    pbus_health_t before = testing_expect_health(&pair.worker);
    testing_server_do(&pair.server, "crash");
    testing_server_do(&pair.server, "start");
    s_expect_change(&pair, &before);
    testing_pair_destroy(&pair);
}

/* An idle worker finds out by itself. */
static void test_restart_idle(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    pbus_health_t before = testing_expect_health(&pair.worker), after;
    testing_server_do(&pair.server, "stop");
    testing_expect_failure(&pair.worker, testing_health(&pair.worker, &after), PBUS_UNAVAILABLE, "redis at");
    testing_server_do(&pair.server, "start");
    testing_expect_failure(&pair.worker, testing_health(&pair.worker, &after), PBUS_UNAVAILABLE,
                           "data set is now");
    after = testing_expect_health(&pair.worker);
    assert_memory_not_equal(&after.data_set, &before.data_set, sizeof after.data_set);
    testing_pair_destroy(&pair);
}

/* The same data set with less in it, as from an old copy. */
static void test_lower_mark(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    pbus_health_t health;
    assert_int_equal(testing_add_number(&pair.worker, UINT64_MAX - 1), PBUS_OK);
    assert_true(testing_expect_health(&pair.worker).applied_mark == UINT64_MAX - 1);
    testing_command(&pair.server, "HSET pb:store mark 00000000000000000007");
    testing_command(&pair.server, "CLIENT KILL TYPE normal SKIPME yes");
    testing_expect_failure(&pair.worker, testing_health(&pair.worker, &health), PBUS_UNAVAILABLE,
                           "has lost writes");
    assert_int_equal(testing_expect_health(&pair.worker).applied_mark, 7);
    /* The mark only rises. */
    assert_int_equal(testing_add_number(&pair.worker, 9), PBUS_OK);
    assert_int_equal(testing_add_number(&pair.worker, 8), PBUS_OK);
    assert_int_equal(testing_expect_health(&pair.worker).applied_mark, 9);
    testing_pair_destroy(&pair);
}

static void test_replica(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    pbus_health_t health;
    testing_command(&pair.server, "REPLICAOF 127.0.0.1 1");
    testing_expect_failure(&pair.worker, testing_add_number(&pair.worker, 1), PBUS_UNAVAILABLE, "READONLY");
    testing_expect_failure(&pair.worker, testing_health(&pair.worker, &health), PBUS_UNAVAILABLE, "READONLY");
    testing_command(&pair.server, "REPLICAOF NO ONE");
    testing_expect_health(&pair.worker);
    assert_int_equal(testing_add_number(&pair.worker, 1), PBUS_OK);
    testing_pair_destroy(&pair);
}

/* A connection that the server has closed is made anew without anybody noticing. */
static void test_closed_connection(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    for (uint64_t i = 1; i <= 3; i++) {
        testing_command(&pair.server, "CLIENT KILL TYPE normal SKIPME yes");
        assert_int_equal(testing_add_number(&pair.worker, i), PBUS_OK);
        assert_int_equal(testing_count_all(&pair.worker, PBUS_EVENTS), i);
    }
    testing_pair_destroy(&pair);
}

static void test_halted(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    testing_close(&pair.worker);
    assert_int_equal(setenv("REDIS_TIMEOUT", "200ms", 1), 0);
    testing_configure(&pair.worker, "REDIS_URL", pair.server.url);
    assert_int_equal(unsetenv("REDIS_TIMEOUT"), 0);
    testing_open(&pair.worker);
    testing_server_do(&pair.server, "pause");
    int64_t start = pbus_clock_boottime();
    testing_expect_failure(&pair.worker, testing_add_number(&pair.worker, 1), PBUS_UNAVAILABLE,
                           "no answer in time");
    assert_true(pbus_clock_boottime() - start < INT64_C(3000000000));
    testing_server_do(&pair.server, "resume");
    testing_expect_health(&pair.worker);
    /* It may have been taken before; then this is a resend. */
    assert_int_equal(testing_add_number(&pair.worker, 1), PBUS_OK);
    assert_int_equal(testing_count_all(&pair.worker, PBUS_EVENTS), 1);
    testing_pair_destroy(&pair);
}

/* ---- what somebody changed by hand -----------------------------------------------------------------------
 */

/* A command on the key of an event. */
static void s_tamper(const testing_pair_t *pair, const char *format, uint64_t number)
{
    pbus_uuid_t id = testing_id(number);
    redisContext *context = testing_connect(&pair->server);
    redisReply *reply = redisCommand(context, format, id.bytes, sizeof id.bytes);
    assert_true(reply && reply->type != REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(context);
}

static void test_lost_event(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    pbus_query_t query = testing_query(0, 5);
    testing_add_many(&pair.worker, 10);
    s_tamper(&pair, "DEL pb:e%b", 9);
    assert_int_equal(testing_list(&pair.worker, PBUS_EVENTS, &query).count, 5);
    assert_int_equal(testing_list(&pair.worker, PBUS_READINGS, &query).count, 5);
    /* A purge takes its index entries along. */
    assert_int_equal(testing_purge_all(&pair.worker), 9);
    assert_int_equal(testing_command(&pair.server, "EXISTS pb:t:0 pb:s:1"), 0);
    testing_pair_destroy(&pair);
}

static void test_damaged_event(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    pbus_query_t query = testing_query(0, 5);
    testing_add_many(&pair.worker, 3);
    s_tamper(&pair, "APPEND pb:e%b x", 2);
    pbus_status_t status = testing_try_list(&pair.worker, PBUS_EVENTS, &query);
    testing_expect_failure(&pair.worker, status, PBUS_INTERNAL, "00000000-0000-0000-0000-000000000002");
    assert_int_equal(testing_delete(&pair.worker, testing_id(2), 9), PBUS_OK);
    assert_int_equal(testing_list(&pair.worker, PBUS_EVENTS, &query).count, 2);
    testing_pair_destroy(&pair);
}

/*
 * Between the purger's look at an event and its deletion another worker may have put another event with the
 * same id in its place: the script leaves that alone. And it does nothing to another data set.
 */
static void test_purge_looks_again(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    assert_int_equal(testing_add_number(&pair.worker, 1), PBUS_OK);
    redisContext *context = testing_connect(&pair.server);
    redisReply *data_set = redisCommand(context, "HGET pb:store id");
    redisReply *members = redisCommand(context, "ZRANGE pb:s:1 0 -1");
    pbus_uuid_t id = testing_id(1);
    /* As the purger would after it has seen the accept number 2, or none at all, or the right one elsewhere.
     */
    static const struct {
        const char *accept, *data_set;
        size_t size;
        long long answer;
    } cases[] = {{"\0\0\0\0\0\0\0\2", NULL, 8, 0},
                 {"", NULL, 0, 0},
                 {"\0\0\0\0\0\0\0\1", "another", 8, SCRIPT_OTHER_STORE},
                 {"\0\0\0\0\0\0\0\1", NULL, 8, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(testing_command(&pair.server, "DBSIZE"), 5);
        redisReply *deleted = redisCommand(
            context, "EVAL %s 1 pb:store pb: %s pb:e%b %b %b pb:s:1 pb:t:0", script_text(SCRIPT_PURGE),
            cases[i].data_set ? cases[i].data_set : data_set->str, id.bytes, sizeof id.bytes, cases[i].accept,
            cases[i].size, members->element[0]->str, members->element[0]->len);
        assert_int_equal(deleted->type, REDIS_REPLY_INTEGER);
        assert_int_equal(deleted->integer, cases[i].answer);
        freeReplyObject(deleted);
    }
    assert_int_equal(testing_command(&pair.server, "DBSIZE"), 2);
    freeReplyObject(members);
    freeReplyObject(data_set);
    redisFree(context);
    testing_pair_destroy(&pair);
}

/* ---- large events ----------------------------------------------------------------------------------------
 */

static void test_large(void **state)
{
    (void) state;
    static const size_t sizes[] = {5000, 1 << 20, 25 << 20};
    testing_pair_t pair = testing_pair("none");
    for (uint64_t i = 0; i < 3; i++) {
        char *text = malloc(sizes[i]);
        assert_non_null(text);
        memset(text, 'a' + (int) i, sizes[i]);
        assert_int_equal(testing_add_text(&pair.worker, i + 1, (pbus_str_t){text, sizes[i]}), PBUS_OK);
        free(text);
    }
    pbus_query_t query = testing_query(0, 10);
    pbus_answer_t answer = testing_list(&pair.worker, PBUS_READINGS, &query);
    assert_int_equal(answer.count, 3);
    for (int i = 2; i >= 0; i--) {
        pbus_reading_t reading;
        assert_true(pbus_answer_reading(&answer, &reading));
        assert_int_equal(reading.value.size, sizes[i]);
        assert_int_equal(reading.value.data[sizes[i] - 1], 'a' + i);
    }
    assert_int_equal(testing_delete(&pair.worker, testing_id(2), 4), PBUS_OK);
    assert_int_equal(testing_purge_all(&pair.worker), 2);
    assert_int_equal(testing_command(&pair.server, "DBSIZE"), 2);
    testing_pair_destroy(&pair);
}

/* A reply that is full ends the list; what is left is asked for next. */
static void test_full_reply(void **state)
{
    (void) state;
    static char text[100000];
    testing_pair_t pair = testing_pair("none");
    memset(text, 'x', sizeof text);
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(testing_add_text(&pair.worker, i, (pbus_str_t){text, sizeof text}), PBUS_OK);
    for (int what = PBUS_EVENTS; what <= PBUS_READINGS; what++) {
        uint64_t seen = 0;
        for (bool more = true; more;) {
            pbus_query_t query = testing_query(seen, 20);
            pbus_result_reset(pair.worker.result, 350000, 1 << 30);
            testing_expect_ok(&pair.worker,
                              (what == PBUS_EVENTS ? redis_backend.list_events : redis_backend.list_readings)(
                                  pair.worker.reader, &query, pair.worker.result, &pair.worker.error));
            pbus_answer_t answer = testing_answer(&pair.worker);
            assert_int_equal(answer.total, 10);
            assert_true(answer.count == 3 || seen == 9);
            more = answer.more;
            seen += answer.count;
        }
        assert_int_equal(seen, 10);
    }
    testing_pair_destroy(&pair);
}

/* ---- how much a call asks of the server ------------------------------------------------------------------
 */

static uint64_t s_calls(const testing_pair_t *pair, const char *command)
{
    char field[64];
    redisContext *context = testing_connect(&pair->server);
    redisReply *info = redisCommand(context, "INFO commandstats");
    snprintf(field, sizeof field, "cmdstat_%s:calls=", command);
    const char *at = strstr(info->str, field);
    uint64_t calls = at ? strtoull(at + strlen(field), NULL, 10) : 0;
    freeReplyObject(info);
    redisFree(context);
    return calls;
}

/* No call handles more than 200 events, and a batch is not one call an event either. */
static void test_bounded_calls(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    uint64_t before = s_calls(&pair, "evalsha");
    testing_add_many(&pair.worker, 4000);
    /* One more for the new series. */
    assert_in_range(s_calls(&pair, "evalsha") - before, 21, 40);
    before = s_calls(&pair, "evalsha");
    assert_int_equal(testing_purge_all(&pair.worker), 4000);
    assert_in_range(s_calls(&pair, "evalsha") - before, 20, 40);
    testing_pair_destroy(&pair);
}

/* A page takes no more from Redis than it gives out, wherever it begins. */
static void test_bounded_reads(void **state)
{
    (void) state;
    testing_pair_t pair = testing_pair("none");
    testing_add_many(&pair.worker, 4000);
    for (uint64_t offset = 0; offset < 4000; offset += 1000) {
        pbus_query_t query = testing_query(offset, 20);
        uint64_t before = s_calls(&pair, "mget");
        assert_int_equal(testing_list(&pair.worker, PBUS_EVENTS, &query).count, 20);
        assert_int_equal(s_calls(&pair, "mget") - before, 1);
    }
    testing_pair_destroy(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),          cmocka_unit_test(test_script_flush),
        cmocka_unit_test(test_flushall),      cmocka_unit_test(test_restart_empty),
        cmocka_unit_test(test_restart_idle),  cmocka_unit_test(test_lower_mark),
        cmocka_unit_test(test_replica),       cmocka_unit_test(test_closed_connection),
        cmocka_unit_test(test_halted),        cmocka_unit_test(test_lost_event),
        cmocka_unit_test(test_damaged_event), cmocka_unit_test(test_purge_looks_again),
        cmocka_unit_test(test_large),         cmocka_unit_test(test_full_reply),
        cmocka_unit_test(test_bounded_calls), cmocka_unit_test(test_bounded_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
