/*
 * A store against a model in memory (common/testkit/model.h): two workers, restarts of workers and of the
 * server; and that Redis holds no key and no index entry that no event accounts for.
 */
#include "../../common/testkit/model.h"
#include "redis_testing.h"

#define STEPS 150 /* of each run */
#define WORKERS 2

typedef struct {
    testing_server_t server;
    testing_t workers[WORKERS];
    model_t *model;
} run_t;

/* ---- what Redis holds ---- */

typedef struct {
    uint64_t events, by_class, by_series, mixed;
} held_t;

static uint64_t s_ask_number(redisContext *context, const char *command, const redisReply *key)
{
    redisReply *reply = redisCommand(context, "%s %b", command, key->str, key->len);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    uint64_t number = (uint64_t) reply->integer;
    freeReplyObject(reply);
    return number;
}

/* Whether the key, without its prefix, begins so. */
static bool s_is_key(const redisReply *key, const char *begin)
{
    return strncmp(key->str + 3, begin, strlen(begin)) == 0;
}

static void s_check_id(const model_t *model, const redisReply *key)
{
    pbus_uuid_t id;
    assert_int_equal(key->len, 4 + sizeof id);
    memcpy(&id, key->str + 4, sizeof id);
    assert_true(model_has(model, &id));
}

static void s_check_key(const model_t *model, redisContext *context, const redisReply *key, held_t *held)
{
    if (s_is_key(key, "t:"))
        held->by_class += s_ask_number(context, "ZCARD", key);
    else if (s_is_key(key, "s:"))
        held->by_series += s_ask_number(context, "ZCARD", key);
    else if (s_is_key(key, "mixed"))
        held->mixed += s_ask_number(context, "HLEN", key);
    else if (key->len == 20 && (s_is_key(key, "e") || s_is_key(key, "b"))) {
        held->events += s_is_key(key, "e");
        s_check_id(model, key);
    } else
        assert_true(s_is_key(key, "store") || s_is_key(key, "series"));
}

/* The mixed series' counters: none is zero. */
static void s_check_mixed(redisContext *context)
{
    redisReply *values = redisCommand(context, "HVALS pb:mixed");
    for (size_t i = 0; i < values->elements; i++)
        assert_true(strtoll(values->element[i]->str, NULL, 10) > 0);
    freeReplyObject(values);
}

static void s_check_redis(const run_t *self)
{
    held_t held = {0};
    redisContext *context = testing_connect(&self->server);
    redisReply *keys = redisCommand(context, "KEYS *");
    assert_int_equal(keys->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++)
        s_check_key(self->model, context, keys->element[i], &held);
    freeReplyObject(keys);
    s_check_mixed(context);
    redisFree(context);
    assert_int_equal(held.events, model_count(self->model));
    assert_int_equal(held.by_class, model_count(self->model));
    assert_int_equal(held.by_series, model_count(self->model));
}

/* ---- steps ---- */

static void s_restart(run_t *self)
{
    testing_t *worker = model_worker(self->model);
    testing_close(worker);
    testing_open(worker);
}

static void s_restart_server(run_t *self)
{
    testing_server_do(&self->server, model_random(self->model, 2) ? "crash" : "stop");
    testing_server_do(&self->server, "start");
}

static void s_step(run_t *self)
{
    uint64_t what = model_random(self->model, 100);
    if (what < 75)
        model_write(self->model);
    else if (what < 85)
        model_purge(self->model);
    else if (what < 88)
        s_restart(self);
    else if (what < 90)
        s_restart_server(self);
    model_ask(self->model);
    model_check_health(self->model);
    s_check_redis(self);
}

/* Without any event there is no key left but those of the data set itself. */
static void s_purge_all(run_t *self)
{
    testing_t *worker = model_worker(self->model);
    testing_purge_all(worker);
    model_clear(self->model);
    s_check_redis(self);
    assert_int_equal(testing_command(&self->server, "DBSIZE"), 2);
    assert_int_equal(testing_count_all(worker, PBUS_READINGS), 0);
}

static void s_run(unsigned units, unsigned spread, unsigned times)
{
    run_t self = {.server = testing_server_new("always")};
    for (int i = 0; i < WORKERS; i++) {
        self.workers[i] = testing_new(self.server.url);
        testing_open(&self.workers[i]);
    }
    self.model = model_new(self.workers, WORKERS, (model_variety_t){units, spread, times});
    for (int i = 0; i < STEPS; i++)
        s_step(&self);
    s_purge_all(&self);
    model_destroy(&self.model);
    for (int i = 0; i < WORKERS; i++)
        testing_destroy(&self.workers[i]);
    testing_server_destroy(&self.server);
}

static void test_even(void **state)
{
    (void) state;
    s_run(2, 0, 200);
}

static void test_ties(void **state)
{
    (void) state;
    s_run(2, 1, 3);
}

static void test_skewed(void **state)
{
    (void) state;
    s_run(2, 3, 2000);
}

static void test_far(void **state)
{
    (void) state;
    s_run(2, 4, 200);
}

/* So many lists of readings that each source needs its mixed series. */
static void test_mixed(void **state)
{
    (void) state;
    s_run(500, 4, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even), cmocka_unit_test(test_ties),  cmocka_unit_test(test_skewed),
        cmocka_unit_test(test_far),  cmocka_unit_test(test_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
