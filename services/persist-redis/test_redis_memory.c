/*
 * How much of Redis' memory a reading takes, with half the events of one reading and half of ten, from 100
 * devices with 10 resources each. READINGS=n in the environment stores that many instead of 200,000.
 */
#include "redis_testing.h"

#define GOAL 100.0 /* bytes a reading; 155 is the limit that was set, this the aim */
#define DEVICES 100
#define RESOURCES 10
#define BATCH 100

typedef struct {
    testing_random_t random;
    uint64_t events, readings;
} mix_t;

/* The texts of an event have to stay until it is encoded. */
typedef struct {
    char device[32], source[32], resources[RESOURCES][32], values[RESOURCES][32];
    pbus_reading_t readings[RESOURCES];
} texts_t;

static pbus_uuid_t s_random_id(mix_t *self)
{
    pbus_uuid_t id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t) testing_random(&self->random, 256);
    return id;
}

static void s_fill_reading(mix_t *self, texts_t *texts, size_t i, uint64_t resource, int64_t origin)
{
    /* In normal form, which has no fewer digits than are needed. */
    snprintf(texts->resources[i], sizeof texts->resources[i], "resource-%02llu",
             (unsigned long long) resource);
    snprintf(texts->values[i], sizeof texts->values[i], "%llu.%06llue+01",
             (unsigned long long) testing_random(&self->random, 9) + 1,
             (unsigned long long) testing_random(&self->random, 1000000));
    texts->readings[i] = (pbus_reading_t){.origin = origin,
                                          .device = pbus_str(texts->device),
                                          .profile = PBUS_STR("profile-climate"),
                                          .resource = pbus_str(texts->resources[i]),
                                          .type = PBUS_FLOAT64,
                                          .units = PBUS_STR("C"),
                                          .tags = PBUS_STR(""),
                                          .value = pbus_str(texts->values[i]),
                                          .media_type = PBUS_STR("")};
}

static pbus_event_t s_make_event(mix_t *self, texts_t *texts)
{
    bool one = self->events % 2 == 0;
    size_t count = one ? 1 : RESOURCES;
    int64_t origin = INT64_C(1760000000000000000) + (int64_t) self->events * 20000 -
                     (int64_t) testing_random(&self->random, 500000);
    uint64_t resource = testing_random(&self->random, RESOURCES);
    snprintf(texts->device, sizeof texts->device, "device-%03llu",
             (unsigned long long) testing_random(&self->random, DEVICES));
    for (size_t i = 0; i < count; i++)
        s_fill_reading(self, texts, i, one ? resource : i, origin);
    snprintf(texts->source, sizeof texts->source, "%s", one ? texts->resources[0] : "all");
    self->events++;
    self->readings += count;
    return (pbus_event_t){.id = s_random_id(self),
                          .origin = origin,
                          .device = pbus_str(texts->device),
                          .profile = PBUS_STR("profile-climate"),
                          .source = pbus_str(texts->source),
                          .tags = PBUS_STR(""),
                          .readings = texts->readings,
                          .reading_count = count};
}

static void s_write_batch(mix_t *self, testing_t *worker)
{
    static texts_t texts;
    pbus_write_t writes[BATCH];
    pbus_buf_t data[BATCH] = {0};
    for (size_t i = 0; i < BATCH; i++) {
        pbus_event_t event = s_make_event(self, &texts);
        pbus_event_encode(&event, &data[i]);
        writes[i] = (pbus_write_t){.op = PBUS_ADD,
                                   .accept = self->events,
                                   .id = event.id,
                                   .data = data[i].data,
                                   .size = data[i].size};
    }
    testing_expect_ok(worker, redis_backend.write(worker->writer, writes, BATCH, &worker->error));
    for (size_t i = 0; i < BATCH; i++)
        pbus_buf_clear(&data[i]);
}

static double s_used(const testing_server_t *server)
{
    redisContext *context = testing_connect(server);
    redisReply *info = redisCommand(context, "INFO memory");
    const char *field = strstr(info->str, "used_memory:");
    assert_non_null(field);
    double used = strtod(field + strlen("used_memory:"), NULL);
    freeReplyObject(info);
    redisFree(context);
    return used;
}

static void test_memory(void **state)
{
    (void) state;
    const char *wanted = getenv("READINGS");
    uint64_t readings = wanted ? strtoull(wanted, NULL, 10) : 200000;
    testing_server_t server = testing_server_new("none");
    testing_t worker = testing_new(server.url);
    mix_t mix = {.random = testing_seed()};
    double before = s_used(&server);
    testing_open(&worker);
    int64_t start = pbus_clock_boottime();
    while (mix.readings < readings)
        s_write_batch(&mix, &worker);
    double seconds = (double) (pbus_clock_boottime() - start) / 1e9;
    double bytes = (s_used(&server) - before) / (double) mix.readings;
    print_message("%llu events, %llu readings: %.1f bytes a reading, %.0f events/s\n",
                  (unsigned long long) mix.events, (unsigned long long) mix.readings, bytes,
                  (double) mix.events / seconds);
    assert_int_equal(testing_count_all(&worker, PBUS_EVENTS), mix.events);
    assert_int_equal(testing_count_all(&worker, PBUS_READINGS), mix.readings);
    assert_true(bytes <= GOAL);
    testing_destroy(&worker);
    testing_server_destroy(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
