/*
 * A store against a model in memory: random batches, purges, restarts of the worker and of the server, and
 * after each some of all the questions that can be asked, of two workers at once. SEED=n repeats a run.
 */
#include "testing.h"

#include <sys/wait.h>

#define STEPS 20 /* of each run; MODEL_STEPS=n for more */
#define BATCH 40
#define WORKERS 2

typedef struct {
    pbus_uuid_t id;
    uint64_t accept;
    int64_t origin;
    pbus_buf_t data;
} s_stored_t;

typedef struct {
    testing_t workers[WORKERS];
    testing_chance_t chance;
    testing_kind_t kind;
    s_stored_t *events; /* newest first, after s_sort */
    size_t count;
    size_t capacity;
    uint64_t accept; /* last number given */
    uint64_t mark;
} s_model_t;

static testing_t *s_worker(s_model_t *self)
{
    return &self->workers[testing_chance(&self->chance, WORKERS)];
}

static bool s_percent(s_model_t *self, unsigned percent)
{
    return testing_percent(&self->chance, percent);
}

/* ---- the model ---------------------------------------------------------------------------------- */

static s_stored_t *s_find(const s_model_t *self, const pbus_uuid_t *id)
{
    for (size_t i = 0; i < self->count; i++)
        if (memcmp(&self->events[i].id, id, sizeof *id) == 0)
            return &self->events[i];
    return NULL;
}

static void s_keep(s_model_t *self, const s_stored_t *stored)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->events = realloc(self->events, self->capacity * sizeof *self->events);
        assert_non_null(self->events);
    }
    s_stored_t *kept = &self->events[self->count++];
    *kept = *stored;
    kept->data = (pbus_buf_t){0};
    pbus_buf_append(&kept->data, stored->data.data, stored->data.size);
}

static void s_drop(s_model_t *self, s_stored_t *stored)
{
    pbus_buf_clear(&stored->data);
    *stored = self->events[--self->count];
}

static int s_newest_first(const void *a, const void *b)
{
    const s_stored_t *one = a, *other = b;
    pbus_cursor_t x = {one->origin, one->id}, y = {other->origin, other->id};
    return -pbus_cursor_cmp(&x, &y);
}

static void s_sort(s_model_t *self)
{
    if (self->count)
        qsort(self->events, self->count, sizeof *self->events, s_newest_first);
}

/* ---- batches ------------------------------------------------------------------------------------ */

static void s_make_event(s_model_t *self, pbus_uuid_t id, s_stored_t *stored)
{
    pbus_event_t event;
    pbus_reading_t readings[TESTING_READINGS];
    testing_event(&self->chance, &self->kind, id, &event, readings);
    *stored = (s_stored_t){.id = id, .origin = event.origin};
    pbus_event_encode(&event, &stored->data);
    assert_false(stored->data.failed);
}

/* A new event; or one whose id is known, with its number or another one. */
static pbus_status_t s_plan_add(s_model_t *self, s_stored_t *stored)
{
    s_stored_t *known =
        self->count && s_percent(self, 20) ? &self->events[testing_chance(&self->chance, self->count)] : NULL;
    bool resend = known && s_percent(self, 50);
    s_make_event(self, known ? known->id : testing_id(&self->chance), stored);
    stored->accept = resend ? known->accept : ++self->accept;
    if (!known)
        s_keep(self, stored);
    return known && !resend ? PBUS_CONFLICT : PBUS_OK;
}

static pbus_status_t s_plan_delete(s_model_t *self, s_stored_t *stored)
{
    s_stored_t *known =
        self->count && s_percent(self, 85) ? &self->events[testing_chance(&self->chance, self->count)] : NULL;
    *stored = (s_stored_t){.id = known ? known->id : testing_id(&self->chance), .accept = ++self->accept};
    if (known)
        s_drop(self, known);
    return known ? PBUS_OK : PBUS_NOT_FOUND;
}

static void s_step_write(s_model_t *self)
{
    s_stored_t stored[BATCH];
    pbus_write_t writes[BATCH];
    pbus_status_t expected[BATCH];
    size_t count = 1 + testing_chance(&self->chance, BATCH);
    unsigned deletes = s_percent(self, 30) ? 40 : 5;
    for (size_t i = 0; i < count; i++) {
        bool delete = s_percent(self, deletes);
        expected[i] = delete ? s_plan_delete(self, &stored[i]) : s_plan_add(self, &stored[i]);
        writes[i] = (pbus_write_t){.op = delete ? PBUS_DELETE : PBUS_ADD,
                                   .accept = stored[i].accept,
                                   .id = stored[i].id,
                                   .data = stored[i].data.data,
                                   .size = stored[i].data.size,
                                   .status = PBUS_NOMEM};
        self->mark = stored[i].accept > self->mark ? stored[i].accept : self->mark;
    }
    testing_t *worker = s_worker(self);
    testing_expect_ok(worker, mongo_backend.write(worker->writer, writes, count, &worker->error));
    for (size_t i = 0; i < count; i++) {
        if (writes[i].status != expected[i])
            fail_msg("write %zu of %zu is %s, not %s", i, count, pbus_status_name(writes[i].status),
                     pbus_status_name(expected[i]));
        pbus_buf_clear(&stored[i].data);
    }
}

/* ---- questions about events --------------------------------------------------------------------- */

static int64_t s_bound(s_model_t *self)
{
    int64_t bound = testing_origin(&self->chance, &self->kind);
    if (self->count == 0 || s_percent(self, 40))
        return bound;
    int64_t near = self->events[testing_chance(&self->chance, self->count)].origin;
    return __builtin_add_overflow(near, (int64_t) testing_chance(&self->chance, 3) - 1, &bound) ? near
                                                                                                : bound;
}

static void s_bounds(s_model_t *self, pbus_filter_t *filter)
{
    if (s_percent(self, 35))
        filter->origin_min = s_bound(self);
    if (s_percent(self, 35))
        filter->origin_max = s_bound(self);
}

static pbus_filter_t s_event_filter(s_model_t *self)
{
    pbus_filter_t filter = pbus_filter_any();
    if (s_percent(self, 50))
        filter.device = TESTING_PICK_ANY(&self->chance, testing_devices);
    if (s_percent(self, 30))
        filter.source = TESTING_PICK_ANY(&self->chance, testing_sources);
    s_bounds(self, &filter);
    return filter;
}

/* Those that pass, newest first; to be freed. */
static s_stored_t **s_select(s_model_t *self, const pbus_filter_t *filter, uint64_t *count)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    s_stored_t **list = calloc(self->count + 1, sizeof *list);
    assert_true(decoder && list);
    s_sort(self);
    *count = 0;
    for (size_t i = 0; i < self->count; i++) {
        s_stored_t *stored = &self->events[i];
        const pbus_event_t *event = pbus_decoder_event(decoder, stored->data.data, stored->data.size);
        assert_non_null(event);
        if (pbus_filter_event(filter, event, stored->accept))
            list[(*count)++] = stored;
    }
    pbus_decoder_destroy(&decoder);
    return list;
}

static pbus_query_t s_page(s_model_t *self, pbus_filter_t filter, uint64_t total)
{
    uint64_t offset = s_percent(self, 40) ? 0 : testing_chance(&self->chance, total + 3);
    uint64_t limit = testing_chance(&self->chance, s_percent(self, 20) ? 3 : total + 10);
    return testing_query(filter, offset, (uint32_t) limit);
}

static uint64_t s_page_size(const pbus_query_t *query, uint64_t total)
{
    uint64_t left = query->offset < total ? total - query->offset : 0;
    return left < query->limit ? left : query->limit;
}

static void s_check_event(pbus_answer_t *answer, const s_stored_t *expected)
{
    uint64_t accept;
    pbus_str_t encoded;
    assert_true(pbus_answer_event(answer, &accept, &encoded));
    assert_int_equal(accept, expected->accept);
    assert_int_equal(encoded.size, expected->data.size);
    assert_memory_equal(encoded.data, expected->data.data, encoded.size);
}

static void s_ask_events(s_model_t *self, const pbus_filter_t *filter)
{
    uint64_t total;
    s_stored_t **expected = s_select(self, filter, &total);
    pbus_query_t query = s_page(self, *filter, total);
    testing_t *worker = s_worker(self);
    pbus_answer_t answer = testing_list(worker, PBUS_EVENTS, &query);
    assert_int_equal(answer.total, total);
    assert_int_equal(answer.count, s_page_size(&query, total));
    for (size_t i = 0; i < answer.count; i++)
        s_check_event(&answer, expected[query.offset + i]);
    assert_int_equal(testing_count(s_worker(self), PBUS_EVENTS, filter), total);
    free(expected);
}

static void s_step_events(s_model_t *self)
{
    pbus_filter_t filter = s_event_filter(self);
    s_ask_events(self, &filter);
}

static void s_step_ids(s_model_t *self)
{
    pbus_uuid_t ids[4];
    pbus_filter_t filter = s_percent(self, 70) ? pbus_filter_any() : s_event_filter(self);
    size_t wanted = 1 + testing_chance(&self->chance, 4);
    for (size_t tries = 0; filter.id_count < wanted && tries < 20; tries++) {
        bool known = self->count && s_percent(self, 80), twice = false;
        pbus_uuid_t id =
            known ? self->events[testing_chance(&self->chance, self->count)].id : testing_id(&self->chance);
        for (size_t i = 0; i < filter.id_count; i++)
            twice = twice || memcmp(&ids[i], &id, sizeof id) == 0;
        if (!twice)
            ids[filter.id_count++] = id;
    }
    filter.ids = ids;
    s_ask_events(self, &filter);
}

static void s_step_scan(s_model_t *self)
{
    pbus_filter_t filter = pbus_filter_any();
    s_bounds(self, &filter);
    uint64_t total, seen = 0;
    s_stored_t **expected = s_select(self, &filter, &total);
    uint32_t limit = 5 + (uint32_t) testing_chance(&self->chance, 100);
    testing_t *worker = s_worker(self);
    pbus_cursor_t after = {0};
    for (bool more = true; more;) {
        pbus_result_reset(worker->result, 1 << 30, 1 << 30);
        testing_expect_ok(worker,
                          mongo_backend.scan(worker->reader, filter.origin_min, filter.origin_max,
                                             seen ? &after : NULL, limit, worker->result, &worker->error));
        pbus_answer_t answer = testing_answer(worker);
        more = answer.count == limit;
        for (size_t i = 0; i < answer.count; i++, seen++) {
            assert_true(seen < total);
            const s_stored_t *next = expected[total - 1 - seen];
            s_check_event(&answer, next);
            after = (pbus_cursor_t){next->origin, next->id};
        }
    }
    assert_int_equal(seen, total);
    free(expected);
}

static void s_step_sources(s_model_t *self)
{
    pbus_str_t device, source;
    uint64_t events, all = 0, total;
    testing_t *worker = s_worker(self);
    pbus_result_reset(worker->result, 1 << 30, 1 << 30);
    testing_expect_ok(worker, mongo_backend.list_sources(worker->reader, worker->result, &worker->error));
    pbus_answer_t answer = testing_answer(worker);
    while (pbus_answer_source(&answer, &device, &source, &events)) {
        pbus_filter_t filter = pbus_filter_any();
        filter.device = device;
        filter.source = source;
        free(s_select(self, &filter, &total));
        assert_int_equal(events, total);
        assert_true(total > 0);
        all += total;
    }
    assert_false(answer.bad);
    assert_int_equal(all, self->count);
}

/* ---- questions about readings ------------------------------------------------------------------- */

typedef struct {
    int64_t origin;
    pbus_uuid_t id;
    size_t place;
    pbus_buf_t data;
} s_reading_t;

static int s_latest_first(const void *a, const void *b)
{
    const s_reading_t *one = a, *other = b;
    if (one->origin != other->origin)
        return one->origin > other->origin ? -1 : 1;
    int order = memcmp(&other->id, &one->id, sizeof one->id);
    return order ? order : (one->place > other->place) - (one->place < other->place);
}

static s_reading_t *s_select_readings(s_model_t *self, const pbus_filter_t *filter, uint64_t *count)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    s_reading_t *list = calloc(self->count * TESTING_READINGS + 1, sizeof *list);
    assert_true(decoder && list);
    *count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const s_stored_t *stored = &self->events[i];
        const pbus_event_t *event = pbus_decoder_event(decoder, stored->data.data, stored->data.size);
        for (size_t k = 0; k < event->reading_count; k++) {
            const pbus_reading_t *reading = &event->readings[k];
            if (!pbus_filter_reading(filter, reading))
                continue;
            s_reading_t *taken = &list[(*count)++];
            *taken = (s_reading_t){reading->origin, stored->id, k, {0}};
            pbus_reading_encode(reading, &taken->data);
        }
    }
    pbus_decoder_destroy(&decoder);
    qsort(list, *count, sizeof *list, s_latest_first);
    return list;
}

static void s_check_readings(pbus_answer_t *answer, const s_reading_t *expected)
{
    pbus_reading_t reading;
    pbus_buf_t encoded = {0};
    for (; pbus_answer_reading(answer, &reading); expected++) {
        pbus_buf_reset(&encoded);
        pbus_reading_encode(&reading, &encoded);
        assert_int_equal(encoded.size, expected->data.size);
        assert_memory_equal(encoded.data, expected->data.data, encoded.size);
    }
    assert_false(answer->bad);
    pbus_buf_clear(&encoded);
}

static void s_step_readings(s_model_t *self)
{
    pbus_str_t resources[sizeof testing_resources / sizeof *testing_resources];
    pbus_filter_t filter = pbus_filter_any();
    uint64_t total;
    if (s_percent(self, 50))
        filter.device = TESTING_PICK_ANY(&self->chance, testing_devices);
    filter.resources = resources;
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
        if (s_percent(self, 30))
            resources[filter.resource_count++] = pbus_str(testing_resources[i]);
    s_bounds(self, &filter);
    s_reading_t *expected = s_select_readings(self, &filter, &total);
    pbus_query_t query = s_page(self, filter, total);
    pbus_answer_t answer = testing_list(s_worker(self), PBUS_READINGS, &query);
    assert_int_equal(answer.total, total);
    assert_int_equal(answer.count, s_page_size(&query, total));
    s_check_readings(&answer, expected + query.offset);
    assert_int_equal(testing_count(s_worker(self), PBUS_READINGS, &filter), total);
    for (uint64_t i = 0; i < total; i++)
        pbus_buf_clear(&expected[i].data);
    free(expected);
}

/* ---- purges and restarts ------------------------------------------------------------------------ */

static void s_step_purge(s_model_t *self)
{
    pbus_filter_t filter = s_event_filter(self);
    if (s_percent(self, 60))
        filter.accept_max = self->accept - testing_chance(&self->chance, self->accept / 2 + 1);
    uint64_t total, deleted, all = 0;
    s_stored_t **expected = s_select(self, &filter, &total);
    uint32_t limit = 20 + (uint32_t) testing_chance(&self->chance, 200);
    for (bool more = true; more; all += deleted) {
        testing_t *worker = s_worker(self);
        testing_expect_ok(
            worker, mongo_backend.purge(worker->writer, &filter, limit, &deleted, &more, &worker->error));
        assert_true(deleted <= limit);
    }
    assert_int_equal(all, total);
    pbus_uuid_t *ids = calloc(total + 1, sizeof *ids);
    assert_non_null(ids);
    for (uint64_t i = 0; i < total; i++)
        ids[i] = expected[i]->id;
    for (uint64_t i = 0; i < total; i++)
        s_drop(self, s_find(self, &ids[i]));
    free(ids);
    free(expected);
}

static void s_check_health(s_model_t *self)
{
    for (int i = 0; i < WORKERS; i++) {
        pbus_health_t health = {0};
        testing_t *worker = &self->workers[i];
        testing_expect_ok(worker, mongo_backend.health(worker->writer, &health, &worker->error));
        assert_int_equal(health.applied_mark, self->mark);
        assert_true(health.durable);
    }
}

static void s_step_reopen(s_model_t *self)
{
    testing_t *worker = s_worker(self);
    testing_close(worker);
    testing_open(worker);
    s_check_health(self);
}

static void s_step_restart(s_model_t *self)
{
    if (!testing_server_stop(&testing_server, s_percent(self, 50)))
        return;
    testing_server_restart(&testing_server);
    s_check_health(self);
}

/* ---- runs --------------------------------------------------------------------------------------- */

static void s_step(s_model_t *self)
{
    static void (*const questions[])(s_model_t *) = {s_step_events, s_step_readings, s_step_ids, s_step_scan,
                                                     s_step_sources};
    uint64_t what = testing_chance(&self->chance, 100);
    if (what < 70)
        s_step_write(self);
    else if (what < 85)
        s_step_purge(self);
    else if (what < 95)
        s_step_reopen(self);
    else
        s_step_restart(self);
    for (int i = 0; i < 4; i++)
        questions[testing_chance(&self->chance, sizeof questions / sizeof *questions)](self);
}

static void s_run(testing_kind_t kind)
{
    s_model_t self = {.chance = testing_seed(), .kind = kind};
    const char *text = getenv("MODEL_STEPS");
    int steps = text ? atoi(text) : STEPS;
    testing_new(&self.workers[0], &testing_server);
    testing_open(&self.workers[0]);
    testing_second(&self.workers[1], &self.workers[0]);
    for (int i = 0; i < steps; i++)
        s_step(&self);
    s_check_health(&self);
    print_message("%zu events left of %llu writes\n", self.count, (unsigned long long) self.accept);
    testing_free(&self.workers[1]);
    testing_destroy(&self.workers[0]);
    while (self.count)
        s_drop(&self, self.events);
    free(self.events);
}

static void test_distinct(void **state)
{
    (void) state;
    s_run((testing_kind_t){.times = 1000000, .spread = 0});
}

static void test_ties(void **state)
{
    (void) state;
    s_run((testing_kind_t){.times = 5, .spread = 1});
}

static void test_spread(void **state)
{
    (void) state;
    s_run((testing_kind_t){.times = 30, .spread = 3});
}

static void test_extremes(void **state)
{
    (void) state;
    s_run((testing_kind_t){.times = 1000, .spread = 5});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, testing_set_up, testing_tear_down);
}
