/*
 * What the tests of persist-redis share, besides what all backends' tests do (common/testkit/testing.h).
 */
#ifndef REDIS_TESTING_H
#define REDIS_TESTING_H

#include "redis_backend.h"

#include "../../common/testkit/testing.h"

#include <stdlib.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

/* ---- a server ---- */

typedef struct {
    char folder[64];
    char url[160];
} testing_server_t;

/* Runs redis.sh for the server; what it prints first goes into text, if that is not NULL. */
static inline void testing_server(testing_server_t *self, const char *action, const char *arguments,
                                  char *text, size_t size)
{
    /* This file's name is relative to the folder that make, and so the test, runs in. */
    static const char here[] = __FILE__;
    char command[512], line[256] = "";
    snprintf(command, sizeof command, "%.*s../../tests/support/redis.sh %s %s %s",
             (int) (sizeof here - sizeof "redis_testing.h"), here, action, self->folder, arguments);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    if (!fgets(line, sizeof line, output))
        line[0] = '\0';
    while (fgetc(output) != EOF)
        ;
    if (pclose(output) != 0)
        fail_msg("%s failed", command);
    line[strcspn(line, "\n")] = '\0';
    if (text)
        snprintf(text, size, "%s", line);
}

/* The folder of a server that is still there when the process ends, after a test has failed. */
static char testing_server_left[64];

static inline void testing_server_clean_up(void)
{
    static const char here[] = __FILE__;
    char command[256];
    if (testing_server_left[0] == '\0')
        return;
    snprintf(command, sizeof command, "%.*s../../tests/support/redis.sh remove %s; rmdir %s",
             (int) (sizeof here - sizeof "redis_testing.h"), here, testing_server_left, testing_server_left);
    if (system(command) != 0)
        fprintf(stderr, "%s failed\n", command);
}

/* aof and options: see redis.sh. There is one server at a time. */
static inline testing_server_t testing_server_new(const char *aof_and_options)
{
    static bool registered = false;
    testing_server_t self = {.folder = "/tmp/persist-redis-XXXXXX"};
    testing_server_clean_up();
    assert_non_null(mkdtemp(self.folder));
    memcpy(testing_server_left, self.folder, sizeof self.folder);
    if (!registered)
        assert_int_equal(atexit(testing_server_clean_up), 0);
    registered = true;
    testing_server(&self, "start", aof_and_options, self.url, sizeof self.url);
    return self;
}

static inline void testing_server_do(testing_server_t *self, const char *action)
{
    testing_server(self, action, "", NULL, 0);
}

static inline void testing_server_destroy(testing_server_t *self)
{
    testing_server_do(self, "remove");
    assert_int_equal(rmdir(self->folder), 0);
    testing_server_left[0] = '\0';
}

/* A connection of the test's own. */
static inline redisContext *testing_connect(const testing_server_t *self)
{
    redisContext *context = redisConnectUnix(self->url + strlen("unix://"));
    assert_non_null(context);
    assert_int_equal(context->err, 0);
    return context;
}

/* Runs a command given as words; returns its integer, or the length of what it returns. */
static inline long long testing_command(const testing_server_t *self, const char *words)
{
    redisContext *context = testing_connect(self);
    redisReply *reply = redisCommand(context, words);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", words, reply->str);
    long long result = reply->type == REDIS_REPLY_INTEGER ? reply->integer
                       : reply->type == REDIS_REPLY_ARRAY ? (long long) reply->elements
                                                          : (long long) reply->len;
    freeReplyObject(reply);
    redisFree(context);
    return result;
}

/* A worker on the server, not open yet. */
static inline testing_t testing_new(const char *url)
{
    return testing_make(&redis_backend, "REDIS_URL", url);
}

static inline pbus_status_t testing_health(testing_t *self, pbus_health_t *health)
{
    return redis_backend.health(self->writer, health, &self->error);
}

/* ---- writes ---- */

static inline pbus_uuid_t testing_id(uint64_t number)
{
    pbus_uuid_t id = {{0}};
    for (int i = 0; i < 8; i++)
        id.bytes[15 - i] = (uint8_t) (number >> 8 * i);
    return id;
}

/* ---- events ---- */

static inline pbus_event_t testing_event(pbus_reading_t *reading, uint64_t number, pbus_str_t value)
{
    *reading = (pbus_reading_t){.origin = (int64_t) number,
                                .device = PBUS_STR("device"),
                                .profile = PBUS_STR("profile"),
                                .resource = PBUS_STR("resource"),
                                .type = PBUS_STRING,
                                .units = PBUS_STR(""),
                                .tags = PBUS_STR(""),
                                .value = value,
                                .media_type = PBUS_STR("")};
    return (pbus_event_t){.id = testing_id(number),
                          .origin = (int64_t) number,
                          .device = PBUS_STR("device"),
                          .profile = PBUS_STR("profile"),
                          .source = PBUS_STR("source"),
                          .tags = PBUS_STR(""),
                          .readings = reading,
                          .reading_count = 1};
}

static inline pbus_status_t testing_add_text(testing_t *worker, uint64_t number, pbus_str_t value)
{
    pbus_reading_t reading;
    pbus_event_t event = testing_event(&reading, number, value);
    return testing_add(worker, &event, number);
}

static inline pbus_status_t testing_add_number(testing_t *worker, uint64_t number)
{
    return testing_add_text(worker, number, PBUS_STR("21.5"));
}

/* So many events in one batch, numbered from 1. */
static inline void testing_add_many(testing_t *worker, uint64_t count)
{
    pbus_write_t *writes = calloc(count, sizeof *writes);
    pbus_buf_t *data = calloc(count, sizeof *data);
    assert_true(writes && data);
    for (uint64_t i = 0; i < count; i++) {
        pbus_reading_t reading;
        pbus_event_t event = testing_event(&reading, i + 1, PBUS_STR("x"));
        pbus_event_encode(&event, &data[i]);
        writes[i] = (pbus_write_t){
            .op = PBUS_ADD, .accept = i + 1, .id = event.id, .data = data[i].data, .size = data[i].size};
    }
    testing_expect_ok(worker, redis_backend.write(worker->writer, writes, count, &worker->error));
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(writes[i].status, PBUS_OK);
        pbus_buf_clear(&data[i]);
    }
    free(writes);
    free(data);
}

/* One line without the password, that has this in it. */
static inline void testing_expect_failure(const testing_t *worker, pbus_status_t status,
                                          pbus_status_t expected, const char *text)
{
    if (status != expected || !strstr(worker->error.text, text))
        fail_msg("%s: '%s' instead of %s: '%s'", pbus_status_name(status), worker->error.text,
                 pbus_status_name(expected), text);
    assert_null(strchr(worker->error.text, '\n'));
    assert_null(strstr(worker->error.text, "hush"));
}

/* A server, and a worker on it. */
typedef struct {
    testing_server_t server;
    testing_t worker;
} testing_pair_t;

static inline testing_pair_t testing_pair(const char *aof_and_options)
{
    testing_pair_t pair = {.server = testing_server_new(aof_and_options)};
    pair.worker = testing_new(pair.server.url);
    testing_open(&pair.worker);
    testing_expect_health(&pair.worker);
    return pair;
}

static inline void testing_pair_destroy(testing_pair_t *pair)
{
    testing_destroy(&pair->worker);
    testing_server_destroy(&pair->server);
}

#endif
