/*
 * What was acknowledged is there: after kill -9 in the middle of writes and purges, and for a reader that
 * works beside the writer.
 */
#include "sqlite_testing.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ROUNDS 8
#define BATCH 20

static pbus_uuid_t s_id(uint64_t number)
{
    pbus_uuid_t id = {{0}};
    number *= UINT64_C(0x9e3779b97f4a7c15); /* scattered, as real ids are */
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

/* Event i: every tenth one of a series of its own, so that the catalogue grows as well. */
static void s_make(uint64_t i, pbus_event_t *event, pbus_reading_t readings[2], char source[16])
{
    snprintf(source, 16, "s%llu", (unsigned long long) (i % 10 == 0 ? i : i % 7));
    for (int k = 0; k < 2; k++)
        readings[k] = (pbus_reading_t){.origin = (int64_t) i,
                                       .device = PBUS_STR("d"),
                                       .profile = PBUS_STR("p"),
                                       .resource = k ? PBUS_STR("b") : PBUS_STR("a"),
                                       .type = PBUS_INT32,
                                       .units = PBUS_STR(""),
                                       .tags = PBUS_STR(""),
                                       .value = PBUS_STR("1"),
                                       .media_type = PBUS_STR("")};
    *event = (pbus_event_t){.id = s_id(i),
                            .origin = (int64_t) i,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .source = pbus_str(source),
                            .tags = PBUS_STR(""),
                            .readings = readings,
                            .reading_count = 2};
}

/* Adds the events from first on; their accept numbers are their numbers. */
static pbus_status_t s_write_batch(testing_t *self, uint64_t first)
{
    pbus_buf_t data[BATCH] = {0};
    pbus_write_t writes[BATCH];
    for (uint64_t i = 0; i < BATCH; i++) {
        pbus_event_t event;
        pbus_reading_t readings[2];
        char source[16];
        s_make(first + i, &event, readings, source);
        pbus_event_encode(&event, &data[i]);
        writes[i] = (pbus_write_t){
            .op = PBUS_ADD, .accept = first + i, .id = event.id, .data = data[i].data, .size = data[i].size};
    }
    pbus_status_t status = sqlite_backend.write(self->writer, writes, BATCH, &self->error);
    for (int i = 0; i < BATCH; i++) {
        pbus_buf_clear(&data[i]);
        if (status == PBUS_OK && writes[i].status != PBUS_OK)
            status = writes[i].status;
    }
    return status;
}

/* ---- kill -9 ---------------------------------------------------------------------------------------------
 */

/* The child: writes, says so, writes... until it is killed. */
static void s_child(testing_t *self, uint64_t next, int say)
{
    if (testing_try_open(self) != PBUS_OK)
        _exit(1);
    for (;; next += BATCH)
        if (s_write_batch(self, next) != PBUS_OK || write(say, &next, sizeof next) != sizeof next)
            _exit(2);
}

/* Lets a child write until `batches` were acknowledged, and kills it; how many were in the end. */
static uint64_t s_kill_in_the_middle(testing_t *self, uint64_t next, int batches)
{
    int ends[2];
    uint64_t said, last = next - BATCH;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        s_child(self, next, ends[1]);
    }
    close(ends[1]);
    while (batches-- > 0) {
        assert_int_equal(read(ends[0], &said, sizeof said), sizeof said);
        last = said;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &said, sizeof said) == sizeof said)
        last = said;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last + BATCH;
}

/* Every event below `next` is there, once; what came after is there by whole batches. */
static void s_check(testing_t *self, uint64_t next)
{
    pbus_filter_t any = pbus_filter_any();
    uint64_t count = testing_count(self, PBUS_EVENTS, &any);
    assert_true(count >= next - 1);
    assert_int_equal(count % BATCH, 0);
    assert_int_equal(testing_count(self, PBUS_READINGS, &any), count * 2);
    pbus_query_t query = testing_query(0, (uint32_t) count + 10);
    pbus_answer_t answer = testing_list(self, PBUS_EVENTS, &query);
    assert_int_equal(answer.count, count);
    uint64_t accept, expected = count;
    pbus_str_t encoded;
    while (pbus_answer_event(&answer, &accept, &encoded))
        assert_int_equal(accept, expected--);
    pbus_health_t health;
    testing_expect_ok(self, sqlite_backend.health(self->writer, &health, &self->error));
    assert_int_equal(health.applied_mark, count);
}

static int s_take_text(void *out, int columns, char **values, char **names)
{
    (void) columns;
    (void) names;
    snprintf(out, 64, "%s", values[0]);
    return 0;
}

static void s_check_file(const char *path)
{
    sqlite3 *db;
    char text[64] = "";
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA integrity_check", s_take_text, text, NULL), SQLITE_OK);
    assert_string_equal(text, "ok");
    assert_int_equal(
        sqlite3_exec(db,
                     "SELECT count(*) FROM counts c WHERE events <> (SELECT count(*) FROM events e "
                     "WHERE e.series = c.series)",
                     s_take_text, text, NULL),
        SQLITE_OK);
    assert_string_equal(text, "0");
    sqlite3_close(db);
}

static void test_kill(void **state)
{
    (void) state;
    testing_random_t random = testing_seed();
    testing_t self = testing_new();
    uint64_t next = 1;
    for (int round = 0; round < ROUNDS; round++) {
        next = s_kill_in_the_middle(&self, next, 1 + (int) testing_random(&random, 60));
        testing_open(&self);
        s_check(&self, next);
        /* What the child was doing when it was killed may have been committed without being said. */
        pbus_filter_t any = pbus_filter_any();
        uint64_t count = testing_count(&self, PBUS_EVENTS, &any);
        if (count >= next) {
            testing_expect_ok(&self, s_write_batch(&self, next)); /* the resend is recognised */
            assert_int_equal(testing_count(&self, PBUS_EVENTS, &any), count);
            next = count + 1;
        }
        testing_close(&self);
        s_check_file(self.path);
    }
    testing_remove(&self);
}

/* ---- two lanes -------------------------------------------------------------------------------------------
 */

typedef struct {
    testing_t *store;
    atomic_uint_fast64_t written; /* events whose write has returned */
    atomic_bool done;
} lanes_t;

#define LANE_EVENTS 50000

static void *s_write_lane(void *argument)
{
    lanes_t *self = argument;
    for (uint64_t next = 1; next < LANE_EVENTS; next += BATCH) {
        if (s_write_batch(self->store, next) != PBUS_OK)
            break;
        atomic_store(&self->written, next + BATCH - 1);
    }
    atomic_store(&self->done, true);
    return NULL;
}

/* The newest event that was written before is on the first page, whatever series it is of. */
static void s_check_newest(void *reader, pbus_result_t *result, uint64_t written)
{
    pbus_error_t error;
    pbus_answer_t answer;
    pbus_reading_t reading;
    pbus_query_t query = testing_query(0, 1);
    pbus_result_reset(result, 1 << 20, 1 << 20);
    assert_int_equal(sqlite_backend.list_readings(reader, &query, result, &error), PBUS_OK);
    const pbus_buf_t *buf = pbus_result_answer(result, &error);
    assert_true(buf && pbus_answer_open(&answer, buf->data, buf->size));
    assert_true(answer.total >= written * 2 && answer.total % (BATCH * 2) == 0);
    if (written > 0) {
        assert_true(pbus_answer_reading(&answer, &reading));
        assert_true(reading.origin >= (int64_t) written);
        assert_int_equal((uint64_t) reading.origin, answer.total / 2); /* one moment, not two */
    }
}

static void test_lanes(void **state)
{
    (void) state;
    testing_t self = testing_new();
    lanes_t lanes = {.store = &self};
    pthread_t thread;
    testing_open(&self);
    assert_int_equal(pthread_create(&thread, NULL, s_write_lane, &lanes), 0);
    while (!atomic_load(&lanes.done))
        s_check_newest(self.reader, self.result, atomic_load(&lanes.written));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(lanes.written, LANE_EVENTS);
    /* Some 400 MB went through the log, which starts over although the reader takes no rest. */
    struct stat log;
    char path[160];
    snprintf(path, sizeof path, "%s-wal", self.path);
    assert_int_equal(stat(path, &log), 0);
    assert_in_range(log.st_size, 1, 70 * 1000 * 1000);
    testing_remove(&self);
}

/* Deletes some of the newest events, here and there; whether they are there does not matter. */
static bool s_delete_some(testing_t *self, testing_random_t *random, uint64_t next)
{
    pbus_write_t writes[BATCH];
    for (int i = 0; i < BATCH; i++)
        writes[i] = (pbus_write_t){.op = PBUS_DELETE,
                                   .accept = next,
                                   .id = s_id(next - testing_random(random, next < 12000 ? next : 12000))};
    return sqlite_backend.write(self->writer, writes, BATCH, &self->error) == PBUS_OK;
}

/* Adds events, and deletes nearly as many. */
static void *s_churn_lane(void *argument)
{
    lanes_t *self = argument;
    testing_random_t random = {1};
    for (uint64_t next = 1; next < LANE_EVENTS; next += BATCH) {
        if (s_write_batch(self->store, next) != PBUS_OK || !s_delete_some(self->store, &random, next))
            break;
        atomic_store(&self->written, next + BATCH - 1);
    }
    atomic_store(&self->done, true);
    return NULL;
}

/* An aggregate takes several transactions; what goes meanwhile does not trip it. */
static void test_aggregate_beside_deletes(void **state)
{
    (void) state;
    pbus_error_t error;
    pbus_filter_t any = pbus_filter_any();
    testing_t self = testing_new();
    lanes_t lanes = {.store = &self};
    pthread_t thread;
    testing_open(&self);
    assert_int_equal(pthread_create(&thread, NULL, s_churn_lane, &lanes), 0);
    while (!atomic_load(&lanes.done)) {
        uint64_t count;
        pbus_reading_t like;
        pbus_str_t value;
        testing_reset(&self);
        assert_int_equal(sqlite_backend.aggregate(self.reader, &any, PBUS_COUNT, self.result, &error),
                         PBUS_OK);
        pbus_answer_t answer = testing_answer(&self);
        while (pbus_answer_group(&answer, &like, &count, &value))
            assert_true(count <= LANE_EVENTS);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(lanes.written, LANE_EVENTS);
    testing_remove(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_aggregate_beside_deletes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
