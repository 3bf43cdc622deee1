/*
 * Two workers write at full speed, with new series all the time, while the server is killed with SIGKILL and
 * started again: with an append-only file that is synced before each reply (appendfsync always) nothing that
 * was acknowledged may be missing, no event may be there twice or in part, and both workers recover by
 * themselves.
 */
#include "redis_testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define WORKERS 2
#define BATCH 50
#define CRASHES 4
#define BETWEEN_MS 300
#define BATCHES_MAX 200000

typedef struct {
    testing_t worker;
    int which;
    atomic_bool *stop;
    uint64_t batches; /* acknowledged, that is all before it are */
    uint64_t retries;
    const char *failure; /* a test's asserts only work in its own thread */
} writer_t;

/* Event i of batch b of worker w has the id (w, b, i), which is also its accept number. */
static uint64_t s_number(int which, uint64_t batch, uint64_t i)
{
    return (uint64_t) (which + 1) << 40 | batch << 8 | i;
}

/* A new series every 20 batches, the same for both workers, so that they want it at the same time. */
static void s_write_source(uint64_t number, char source[32])
{
    snprintf(source, 32, "source-%llu", (unsigned long long) ((number >> 8 & 0xffffffff) / 20));
}

static void s_encode(uint64_t number, pbus_write_t *write, pbus_buf_t *data)
{
    char source[32];
    s_write_source(number, source);
    pbus_reading_t reading = {.origin = (int64_t) number,
                              .device = PBUS_STR("d"),
                              .profile = PBUS_STR("p"),
                              .resource = PBUS_STR("r"),
                              .type = PBUS_UINT64,
                              .units = PBUS_STR(""),
                              .tags = PBUS_STR(""),
                              .value = PBUS_STR("1"),
                              .media_type = PBUS_STR("")};
    pbus_event_t event = {.id = testing_id(number),
                          .origin = (int64_t) number,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = pbus_str(source),
                          .tags = PBUS_STR(""),
                          .readings = &reading,
                          .reading_count = 1};
    pbus_buf_reset(data);
    pbus_event_encode(&event, data);
    *write = (pbus_write_t){
        .op = PBUS_ADD, .accept = number, .id = event.id, .data = data->data, .size = data->size};
}

/* Waits as the SDK does: asks for the store's health until it is there again. */
static bool s_recover(writer_t *self)
{
    pbus_health_t health;
    for (int i = 0; i < 1000; i++) {
        if (testing_health(&self->worker, &health) == PBUS_OK)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

/* Sends the batch until it is taken; a resend has to be recognised as one. */
static const char *s_write_batch(writer_t *self, pbus_write_t *writes)
{
    while (redis_backend.write(self->worker.writer, writes, BATCH, &self->worker.error) != PBUS_OK) {
        if (self->worker.error.status != PBUS_UNAVAILABLE)
            return "a batch failed other than for want of the server";
        if (!s_recover(self))
            return "the server did not come back";
        self->retries++;
    }
    for (int i = 0; i < BATCH; i++)
        if (writes[i].status != PBUS_OK)
            return "an event of a batch was refused";
    return NULL;
}

static void *s_run(void *arg)
{
    writer_t *self = arg;
    pbus_write_t writes[BATCH];
    pbus_buf_t data[BATCH] = {0};
    while (!atomic_load(self->stop) && !self->failure && self->batches < BATCHES_MAX) {
        for (uint64_t i = 0; i < BATCH; i++)
            s_encode(s_number(self->which, self->batches, i), &writes[i], &data[i]);
        self->failure = s_write_batch(self, writes);
        self->batches += self->failure == NULL;
    }
    for (uint64_t i = 0; i < BATCH; i++)
        pbus_buf_clear(&data[i]);
    return NULL;
}

static uint64_t s_id_number(const pbus_uuid_t *id)
{
    uint64_t number = 0;
    for (int i = 8; i < 16; i++)
        number = number << 8 | id->bytes[i];
    return number;
}

/* Every event is there once, and in order. */
static void s_check(writer_t *writers)
{
    testing_t *worker = &writers[0].worker;
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_cursor_t after;
    uint64_t seen = 0;
    char source[32];
    for (bool more = true; more;) {
        uint64_t accept;
        pbus_str_t encoded;
        testing_reset(worker);
        testing_expect_ok(worker,
                          redis_backend.scan(worker->reader, INT64_MIN, INT64_MAX, seen > 0 ? &after : NULL,
                                             10000, worker->result, &worker->error));
        pbus_answer_t answer = testing_answer(worker);
        more = answer.count == 10000;
        for (; pbus_answer_event(&answer, &accept, &encoded); seen++) {
            const pbus_event_t *event = pbus_decoder_event(decoder, encoded.data, encoded.size);
            uint64_t first = writers[0].batches * BATCH, k = seen < first ? seen : seen - first;
            assert_non_null(event);
            assert_int_equal(s_id_number(&event->id), s_number(seen >= first, k / BATCH, k % BATCH));
            assert_int_equal(event->origin, accept);
            s_write_source(accept, source);
            assert_true(pbus_str_eq(event->source, pbus_str(source)));
            after = (pbus_cursor_t){event->origin, event->id};
        }
        assert_false(answer.bad);
    }
    uint64_t written = (writers[0].batches + writers[1].batches) * BATCH;
    assert_int_equal(seen, written);
    assert_int_equal(testing_count_all(worker, PBUS_EVENTS), written);
    assert_int_equal(testing_count_all(worker, PBUS_READINGS), written);
    pbus_decoder_destroy(&decoder);
}

static void s_crash(testing_server_t *server)
{
    for (int i = 0; i < CRASHES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = BETWEEN_MS * 1000000L}, NULL);
        testing_server_do(server, "crash");
        testing_server_do(server, "start");
    }
    nanosleep(&(struct timespec){.tv_nsec = BETWEEN_MS * 1000000L}, NULL);
}

static void test_crash(void **state)
{
    (void) state;
    testing_server_t server = testing_server_new("always");
    atomic_bool stop = false;
    writer_t writers[WORKERS] = {0};
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        writers[i] = (writer_t){.worker = testing_new(server.url), .which = i, .stop = &stop};
        testing_open(&writers[i].worker);
    }
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, s_run, &writers[i]), 0);
    s_crash(&server);
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        print_message("worker %d: %llu batches, %llu sent again\n", i,
                      (unsigned long long) writers[i].batches, (unsigned long long) writers[i].retries);
        if (writers[i].failure)
            fail_msg("%s: %s", writers[i].failure, writers[i].worker.error.text);
        assert_true(writers[i].retries > 0);
    }
    s_check(writers);
    for (int i = 0; i < WORKERS; i++)
        testing_destroy(&writers[i].worker);
    testing_server_destroy(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
