/*
 * See model.h.
 */
#include "model.h"

/* An event of the model, encoded. */
typedef struct {
    pbus_uuid_t id;
    uint64_t accept;
    int64_t origin;
    pbus_buf_t data;
} stored_t;

struct model {
    testing_t *workers;
    size_t worker_count;
    testing_random_t random;
    stored_t *events;
    size_t count;
    size_t capacity;
    uint64_t accept;  /* last number given */
    uint64_t applied; /* highest in a batch */
    model_variety_t variety;
};

static uint64_t s_random(model_t *self, uint64_t below)
{
    return testing_random(&self->random, below);
}

static bool s_chance(model_t *self, unsigned percent)
{
    return s_random(self, 100) < percent;
}

/* ---- making events ---- */

#define READINGS_MAX 5

static const pbus_str_t s_devices[] = {{"d0", 2}, {"d1", 2}, {"\xc3\xa9t\xc3\xa9/2", 7}, {"none", 4}};
static const pbus_str_t s_sources[] = {{"s0", 2}, {"s1", 2}, {"none", 4}};
static const pbus_str_t s_resources[] = {{"r0", 2}, {"r1", 2}, {"r2", 2}, {"s0", 2}, {"none", 4}};
static const pbus_str_t s_profiles[] = {{"p0", 2}, {"p1", 2}};
static const pbus_str_t s_tags[] = {{"{\"a\":1}", 7}, {"{\"b\":[{\"c\":\"}\"}]}", 17}};

#define FIFTY "llllllllllllllllllllllllllllllllllllllllllllllllll"
#define FIVE_HUNDRED FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY
/* Of a size that some backends keep apart. */
static const char s_large[] = FIVE_HUNDRED FIVE_HUNDRED FIVE_HUNDRED FIVE_HUNDRED FIVE_HUNDRED FIVE_HUNDRED
    FIVE_HUNDRED FIVE_HUNDRED FIVE_HUNDRED FIVE_HUNDRED;

/* Values of all types, with every kind of byte. */
static const struct {
    pbus_type_t type;
    pbus_str_t value;
} s_values[] = {
    {PBUS_INT32, {"12345", 5}},
    {PBUS_INT32, {"-5", 2}},
    {PBUS_FLOAT64, {"-2.25e+02", 9}},
    {PBUS_FLOAT64, {"1.5e+00", 7}},
    {PBUS_FLOAT32, {"NaN", 3}},
    {PBUS_FLOAT32, {"5e-01", 5}},
    {PBUS_BOOL, {"true", 4}},
    {PBUS_STRING, {"a\"b\\c\n", 6}},
    {PBUS_STRING, {"", 0}},
    {PBUS_STRING, {"\xc3\xa9\xe6\xb8\xa9\xe5\xba\xa6", 8}},
    {PBUS_STRING, {s_large, sizeof s_large - 1}},
    {PBUS_UINT8, {"255", 3}},
    {PBUS_UINT16, {"7", 1}},
    {PBUS_UINT32, {"8", 1}},
    {PBUS_UINT64, {"42", 2}},
    {PBUS_INT8, {"-128", 4}},
    {PBUS_INT16, {"-1", 2}},
    {PBUS_INT64, {"9007199254740992", 16}},
    {PBUS_OBJECT, {"{\"x\":[1]}", 9}},
    {PBUS_OBJECT_ARRAY, {"[]", 2}},
    {PBUS_BINARY, {"\0\xff\x10", 3}},
    {PBUS_BINARY, {"", 0}},
    {PBUS_BOOL_ARRAY, {"[true]", 6}},
    {PBUS_STRING_ARRAY, {"[\"a\"]", 5}},
    {PBUS_UINT8_ARRAY, {"[1]", 3}},
    {PBUS_UINT16_ARRAY, {"[1,2]", 5}},
    {PBUS_UINT32_ARRAY, {"[1]", 3}},
    {PBUS_UINT64_ARRAY, {"[1]", 3}},
    {PBUS_INT8_ARRAY, {"[1,2]", 5}},
    {PBUS_INT16_ARRAY, {"[-1]", 4}},
    {PBUS_INT32_ARRAY, {"[1]", 3}},
    {PBUS_INT64_ARRAY, {"[1]", 3}},
    {PBUS_FLOAT32_ARRAY, {"[1.5]", 5}},
    {PBUS_FLOAT64_ARRAY, {"[NaN]", 5}},
};

#define PICK(list) list[s_random(self, sizeof list / sizeof list[0])]
/* All but the last, which is in no event. */
#define PICK_USED(list) list[s_random(self, sizeof list / sizeof list[0] - 1)]

static pbus_uuid_t s_random_id(model_t *self)
{
    pbus_uuid_t id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t) s_random(self, 256);
    return id;
}

/* In ns, around now; or where arithmetic with 64 bits ends. */
static int64_t s_random_origin(model_t *self)
{
    if (self->variety.spread == 4 && s_chance(self, 2))
        return s_chance(self, 50) ? INT64_MAX - (int64_t) s_random(self, 3)
                                  : INT64_MIN + (int64_t) s_random(self, 3);
    return INT64_C(1760000000000000000) + (int64_t) (s_random(self, self->variety.times) * 300000);
}

static int64_t s_random_reading_origin(model_t *self, int64_t event)
{
    static const int64_t reach[] = {1, 1000000, 1000000000, INT64_C(3600000000000),
                                    INT64_C(90000000000000000)};
    unsigned class = self->variety.spread == 0 ? 0 : (unsigned) s_random(self, self->variety.spread + 1);
    int64_t distance =
        class == 0 ? 0 : (int64_t) (s_random(self, (uint64_t) reach[class] * 2)) - reach[class];
    int64_t origin;
    if (self->variety.spread == 4 && s_chance(self, 1))
        return s_random_origin(self);
    return __builtin_add_overflow(event, distance, &origin) ? event : origin;
}

/* Its texts live in static memory, and in units. */
static void s_random_reading(model_t *self, const pbus_event_t *event, pbus_reading_t *reading,
                             char units[12])
{
    size_t which = s_random(self, sizeof s_values / sizeof s_values[0]);
    snprintf(units, 12, "u%u", (unsigned) s_random(self, self->variety.units));
    *reading = (pbus_reading_t){.origin = s_random_reading_origin(self, event->origin),
                                .device = s_chance(self, 3) ? PICK_USED(s_devices) : event->device,
                                .profile = s_chance(self, 3) ? PICK(s_profiles) : event->profile,
                                .resource = PICK_USED(s_resources),
                                .type = s_values[which].type,
                                .is_null = s_chance(self, 10),
                                .units = s_chance(self, 50) ? PBUS_STR("") : pbus_str(units),
                                .tags = s_chance(self, 5) ? PICK(s_tags) : PBUS_STR(""),
                                .value = s_values[which].value,
                                .media_type = PBUS_STR("")};
    if (reading->is_null)
        reading->value = PBUS_STR("");
    else if (reading->type == PBUS_BINARY)
        reading->media_type = PBUS_STR("image/png");
}

static void s_random_event(model_t *self, pbus_uuid_t id, stored_t *stored)
{
    pbus_reading_t readings[READINGS_MAX];
    char units[READINGS_MAX][12];
    pbus_event_t event = {.id = id,
                          .origin = s_random_origin(self),
                          .device = PICK_USED(s_devices),
                          .profile = s_chance(self, 90) ? s_profiles[0] : s_profiles[1],
                          .source = PICK_USED(s_sources),
                          .tags = s_chance(self, 10) ? PICK(s_tags) : PBUS_STR(""),
                          .readings = readings,
                          .reading_count = 1 + s_random(self, READINGS_MAX)};
    for (size_t i = 0; i < event.reading_count; i++)
        s_random_reading(self, &event, &readings[i], units[i]);
    *stored = (stored_t){.id = id, .origin = event.origin, .accept = ++self->accept};
    pbus_event_encode(&event, &stored->data);
    assert_false(stored->data.failed);
}

/* ---- the model ---- */

static size_t s_find(const model_t *self, const pbus_uuid_t *id)
{
    size_t i = 0;
    while (i < self->count && memcmp(&self->events[i].id, id, sizeof *id) != 0)
        i++;
    return i;
}

static void s_keep(model_t *self, stored_t stored)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->events = realloc(self->events, self->capacity * sizeof *self->events);
        assert_non_null(self->events);
    }
    self->events[self->count++] = stored;
}

static void s_drop(model_t *self, size_t at)
{
    pbus_buf_clear(&self->events[at].data);
    self->events[at] = self->events[--self->count];
}

static int s_newest_first(const void *left, const void *right)
{
    const stored_t *a = left, *b = right;
    pbus_cursor_t x = {a->origin, a->id}, y = {b->origin, b->id};
    return pbus_cursor_cmp(&y, &x);
}

static void s_sort(model_t *self)
{
    if (self->count > 0)
        qsort(self->events, self->count, sizeof *self->events, s_newest_first);
}

static void s_clear(model_t *self)
{
    while (self->count > 0)
        s_drop(self, self->count - 1);
    free(self->events);
    self->events = NULL;
    self->capacity = 0;
}

/* ---- writes ---- */

/* A write, and what has to become of it. */
typedef struct {
    pbus_write_t write;
    stored_t stored;
    pbus_status_t expected;
} attempt_t;

static void s_plan_add(model_t *self, attempt_t *attempt)
{
    bool again = self->count > 0 && s_chance(self, 15), resend = s_chance(self, 50);
    size_t known = again ? s_random(self, self->count) : 0;
    s_random_event(self, again ? self->events[known].id : s_random_id(self), &attempt->stored);
    if (again && resend)
        attempt->stored.accept = self->events[known].accept;
    attempt->expected = again && !resend ? PBUS_CONFLICT : PBUS_OK;
    attempt->write = (pbus_write_t){.op = PBUS_ADD,
                                    .accept = attempt->stored.accept,
                                    .id = attempt->stored.id,
                                    .data = attempt->stored.data.data,
                                    .size = attempt->stored.data.size};
    if (!again)
        s_keep(self, attempt->stored);
    else
        attempt->write.status = PBUS_NOMEM; /* to be overwritten */
}

static void s_plan_delete(model_t *self, attempt_t *attempt)
{
    bool known = self->count > 0 && s_chance(self, 80);
    size_t at = known ? s_random(self, self->count) : 0;
    attempt->write = (pbus_write_t){
        .op = PBUS_DELETE, .accept = ++self->accept, .id = known ? self->events[at].id : s_random_id(self)};
    attempt->expected = known ? PBUS_OK : PBUS_NOT_FOUND;
}

#define BATCH_MAX 40

/* A copy of the event's bytes, so that what the model drops within a batch stays for the batch. */
static void s_own(attempt_t *attempt)
{
    pbus_buf_t copy = {0};
    pbus_buf_append(&copy, attempt->stored.data.data, attempt->stored.data.size);
    attempt->write.data = copy.data;
}

void model_write(model_t *self)
{
    attempt_t attempts[BATCH_MAX] = {0};
    pbus_write_t writes[BATCH_MAX];
    size_t count = 1 + s_random(self, BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        attempt_t *attempt = &attempts[i];
        if (s_chance(self, 15)) {
            s_plan_delete(self, attempt);
            if (attempt->expected == PBUS_OK)
                s_drop(self, s_find(self, &attempt->write.id));
        } else {
            size_t before = self->count;
            s_plan_add(self, attempt);
            s_own(attempt);
            if (self->count == before)
                pbus_buf_clear(&attempt->stored.data);
        }
        writes[i] = attempt->write;
    }
    testing_t *worker = model_worker(self);
    testing_expect_ok(worker, worker->backend->write(worker->writer, writes, count, &worker->error));
    for (size_t i = 0; i < count; i++) {
        self->applied = writes[i].accept > self->applied ? writes[i].accept : self->applied;
        assert_int_equal(writes[i].status, attempts[i].expected);
        free((void *) attempts[i].write.data);
    }
}

/* ---- filters ---- */

static int64_t s_random_bound(model_t *self)
{
    if (self->count > 0 && s_chance(self, 50)) {
        int64_t near = self->events[s_random(self, self->count)].origin, bound;
        int64_t distance = (int64_t) s_random(self, 3) - 1;
        return __builtin_add_overflow(near, distance, &bound) ? near : bound;
    }
    return s_random_origin(self);
}

static void s_random_bounds(model_t *self, pbus_filter_t *filter)
{
    if (s_chance(self, 30))
        filter->origin_min = s_random_bound(self);
    if (s_chance(self, 30))
        filter->origin_max = s_random_bound(self);
}

static pbus_filter_t s_event_filter(model_t *self, bool purge)
{
    pbus_filter_t filter = pbus_filter_any();
    if (s_chance(self, 50))
        filter.device = PICK(s_devices);
    if (s_chance(self, 30))
        filter.source = PICK(s_sources);
    s_random_bounds(self, &filter);
    if (purge && s_chance(self, 70))
        filter.accept_max = self->accept / 2 + s_random(self, self->accept / 2 + 2);
    return filter;
}

#define RESOURCES 5

/* resources: memory for the filter's list. */
static pbus_filter_t s_reading_filter(model_t *self, pbus_str_t resources[RESOURCES])
{
    pbus_filter_t filter = pbus_filter_any();
    if (s_chance(self, 50))
        filter.device = PICK(s_devices);
    if (s_chance(self, 50)) {
        for (size_t i = 0; i < RESOURCES; i++)
            if (s_chance(self, 40))
                resources[filter.resource_count++] = s_resources[i];
        filter.resources = resources;
    }
    s_random_bounds(self, &filter);
    return filter;
}

/* ---- questions ---- */

static pbus_query_t s_random_page(model_t *self, pbus_filter_t filter, uint64_t total)
{
    pbus_query_t query = testing_query(0, 0);
    query.filter = filter;
    query.offset = s_chance(self, 40) ? 0 : s_random(self, total + 3);
    query.limit = (uint32_t) (s_chance(self, 10) ? s_random(self, 2) : s_random(self, total + 10));
    return query;
}

static uint64_t s_page_size(const pbus_query_t *query, uint64_t total)
{
    uint64_t left = query->offset < total ? total - query->offset : 0;
    return left < query->limit ? left : query->limit;
}

static void s_check_event(pbus_answer_t *answer, const stored_t *expected)
{
    uint64_t accept;
    pbus_str_t encoded;
    assert_true(pbus_answer_event(answer, &accept, &encoded));
    assert_int_equal(accept, expected->accept);
    assert_int_equal(encoded.size, expected->data.size);
    assert_memory_equal(encoded.data, expected->data.data, encoded.size);
}

/* The events that pass, in order; the caller frees the list. */
static const stored_t **s_select(model_t *self, const pbus_filter_t *filter, uint64_t *count)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    const stored_t **list = calloc(self->count + 1, sizeof *list);
    assert_true(list && decoder);
    s_sort(self);
    *count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const stored_t *stored = &self->events[i];
        const pbus_event_t *event = pbus_decoder_event(decoder, stored->data.data, stored->data.size);
        assert_non_null(event);
        if (pbus_filter_event(filter, event, stored->accept))
            list[(*count)++] = stored;
    }
    pbus_decoder_destroy(&decoder);
    return list;
}

static void s_ask_events(model_t *self, pbus_filter_t filter)
{
    uint64_t total;
    const stored_t **expected = s_select(self, &filter, &total);
    pbus_query_t query = s_random_page(self, filter, total);
    testing_t *worker = model_worker(self);
    pbus_answer_t answer = testing_list(worker, PBUS_EVENTS, &query);
    assert_int_equal(answer.total, total);
    assert_int_equal(answer.count, s_page_size(&query, total));
    for (size_t i = 0; i < answer.count; i++)
        s_check_event(&answer, expected[query.offset + i]);
    assert_int_equal(testing_count(worker, PBUS_EVENTS, &filter), total);
    free(expected);
}

static void s_ask_ids(model_t *self)
{
    pbus_uuid_t ids[6];
    pbus_filter_t filter = s_event_filter(self, false);
    filter.ids = ids;
    while (filter.id_count < 6) {
        pbus_uuid_t id = s_random_id(self);
        if (self->count > 0 && s_chance(self, 80))
            id = self->events[s_random(self, self->count)].id;
        bool known = false;
        for (size_t i = 0; i < filter.id_count; i++)
            known |= memcmp(&ids[i], &id, sizeof id) == 0;
        if (!known)
            ids[filter.id_count++] = id;
        else if (self->count < 10)
            break;
    }
    s_ask_events(self, filter);
}

/* A reading of the model, in an order that a list of readings may have. */
typedef struct {
    int64_t origin;
    pbus_uuid_t id;
    size_t position;
    pbus_buf_t data;
} expected_t;

static int s_latest_first(const void *left, const void *right)
{
    const expected_t *a = left, *b = right;
    if (a->origin != b->origin)
        return a->origin > b->origin ? -1 : 1;
    int order = memcmp(&b->id, &a->id, sizeof a->id);
    return order ? order : (a->position > b->position) - (a->position < b->position);
}

static void s_expect_readings(const pbus_event_t *event, const pbus_filter_t *filter, expected_t *list,
                              uint64_t *count)
{
    for (size_t k = 0; k < event->reading_count; k++)
        if (pbus_filter_reading(filter, &event->readings[k])) {
            expected_t expected = {event->readings[k].origin, event->id, k, {0}};
            pbus_reading_encode(&event->readings[k], &expected.data);
            list[(*count)++] = expected;
        }
}

static expected_t *s_select_readings(model_t *self, const pbus_filter_t *filter, uint64_t *count)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    expected_t *list = calloc(self->count * READINGS_MAX + 1, sizeof *list);
    assert_true(list && decoder);
    *count = 0;
    for (size_t i = 0; i < self->count; i++)
        s_expect_readings(pbus_decoder_event(decoder, self->events[i].data.data, self->events[i].data.size),
                          filter, list, count);
    pbus_decoder_destroy(&decoder);
    qsort(list, *count, sizeof *list, s_latest_first);
    return list;
}

static void s_ask_readings(model_t *self)
{
    pbus_str_t resources[RESOURCES];
    pbus_filter_t filter = s_reading_filter(self, resources);
    uint64_t total;
    expected_t *expected = s_select_readings(self, &filter, &total);
    pbus_query_t query = s_random_page(self, filter, total);
    testing_t *worker = model_worker(self);
    pbus_answer_t answer = testing_list(worker, PBUS_READINGS, &query);
    assert_int_equal(answer.total, total);
    assert_int_equal(answer.count, s_page_size(&query, total));
    pbus_reading_t reading;
    pbus_buf_t encoded = {0};
    for (size_t i = query.offset; pbus_answer_reading(&answer, &reading); i++) {
        pbus_buf_reset(&encoded);
        pbus_reading_encode(&reading, &encoded);
        assert_int_equal(encoded.size, expected[i].data.size);
        assert_memory_equal(encoded.data, expected[i].data.data, encoded.size);
    }
    assert_false(answer.bad);
    assert_int_equal(testing_count(worker, PBUS_READINGS, &filter), total);
    pbus_buf_clear(&encoded);
    for (uint64_t i = 0; i < total; i++)
        pbus_buf_clear(&expected[i].data);
    free(expected);
}

static void s_ask_scan(model_t *self)
{
    pbus_filter_t filter = pbus_filter_any();
    s_random_bounds(self, &filter);
    uint64_t total, seen = 0;
    const stored_t **expected = s_select(self, &filter, &total);
    uint32_t limit = 1 + (uint32_t) s_random(self, 50);
    pbus_cursor_t after;
    testing_t *worker = model_worker(self);
    for (bool more = true; more;) {
        testing_reset(worker);
        testing_expect_ok(worker, worker->backend->scan(worker->reader, filter.origin_min, filter.origin_max,
                                                        seen > 0 ? &after : NULL, limit, worker->result,
                                                        &worker->error));
        pbus_answer_t answer = testing_answer(worker);
        more = answer.count == limit;
        for (size_t i = 0; i < answer.count; i++, seen++) {
            assert_true(seen < total);
            s_check_event(&answer, expected[total - 1 - seen]);
            after = (pbus_cursor_t){expected[total - 1 - seen]->origin, expected[total - 1 - seen]->id};
        }
    }
    assert_int_equal(seen, total);
    free(expected);
}

static void s_ask_sources(model_t *self)
{
    pbus_str_t device, source;
    uint64_t events, all = 0;
    testing_t *worker = model_worker(self);
    testing_reset(worker);
    testing_expect_ok(worker, worker->backend->list_sources(worker->reader, worker->result, &worker->error));
    pbus_answer_t answer = testing_answer(worker);
    while (pbus_answer_source(&answer, &device, &source, &events)) {
        uint64_t total;
        pbus_filter_t filter = pbus_filter_any();
        filter.device = device;
        filter.source = source;
        free(s_select(self, &filter, &total));
        assert_true(total > 0);
        assert_int_equal(events, total);
        all += events;
    }
    assert_int_equal(all, self->count);
}

/* What the readings of one group come to; doubles are exact for the values used here. */
typedef struct {
    uint64_t count;
    double sum, least, greatest;
    uint64_t members; /* with or without a number */
} totals_t;

static void s_total_reading(const pbus_reading_t *like, const pbus_reading_t *reading, totals_t *totals)
{
    if (like->type != reading->type || !pbus_str_eq(like->device, reading->device) ||
        !pbus_str_eq(like->profile, reading->profile) || !pbus_str_eq(like->resource, reading->resource))
        return;
    totals->members++;
    if (reading->is_null || reading->type < PBUS_UINT8 || reading->type > PBUS_FLOAT64 ||
        pbus_str_eq(reading->value, PBUS_STR("NaN")))
        return;
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int) reading->value.size, reading->value.data);
    double value = strtod(text, NULL);
    totals->least = totals->count == 0 || value < totals->least ? value : totals->least;
    totals->greatest = totals->count == 0 || value > totals->greatest ? value : totals->greatest;
    totals->sum += value;
    totals->count++;
}

static double s_expected_result(const totals_t *totals, pbus_function_t function)
{
    switch (function) {
    case PBUS_MIN:
        return totals->least;
    case PBUS_MAX:
        return totals->greatest;
    case PBUS_COUNT:
        return (double) totals->count;
    case PBUS_SUM:
        return totals->sum;
    default:
        return totals->sum / (double) totals->count;
    }
}

static uint64_t s_check_group(const pbus_reading_t *like, uint64_t count, pbus_str_t value,
                              pbus_function_t function, const expected_t *list, uint64_t size)
{
    totals_t totals = {0};
    char text[64];
    for (uint64_t i = 0; i < size; i++) {
        pbus_reading_t reading;
        assert_true(pbus_reading_decode(list[i].data.data, list[i].data.size, &reading));
        s_total_reading(like, &reading, &totals);
    }
    assert_true(totals.members > 0);
    assert_int_equal(count, totals.count);
    snprintf(text, sizeof text, "%.*s", (int) value.size, value.data);
    if (count == 0)
        assert_int_equal(value.size, 0);
    else
        assert_true(strtod(text, NULL) == s_expected_result(&totals, function));
    return totals.members;
}

static void s_ask_aggregate(model_t *self)
{
    pbus_str_t resources[RESOURCES], value;
    pbus_filter_t filter = s_reading_filter(self, resources);
    pbus_function_t function = (pbus_function_t) (PBUS_MIN + s_random(self, 5));
    pbus_reading_t like;
    uint64_t total, count, members = 0;
    expected_t *expected = s_select_readings(self, &filter, &total);
    testing_t *worker = model_worker(self);
    testing_reset(worker);
    testing_expect_ok(worker, worker->backend->aggregate(worker->reader, &filter, function, worker->result,
                                                         &worker->error));
    pbus_answer_t answer = testing_answer(worker);
    while (pbus_answer_group(&answer, &like, &count, &value))
        members += s_check_group(&like, count, value, function, expected, total);
    assert_int_equal(members, total);
    for (uint64_t i = 0; i < total; i++)
        pbus_buf_clear(&expected[i].data);
    free(expected);
}

void model_ask(model_t *self)
{
    for (int i = 0; i < 4; i++) {
        s_ask_events(self, s_event_filter(self, false));
        s_ask_readings(self);
    }
    s_ask_ids(self);
    s_ask_scan(self);
    s_ask_sources(self);
    if (s_chance(self, 20))
        s_ask_aggregate(self);
}

/* ---- the rest ---- */

void model_purge(model_t *self)
{
    pbus_filter_t filter = s_event_filter(self, true);
    uint64_t total, deleted = 0;
    const stored_t **victims = s_select(self, &filter, &total);
    pbus_uuid_t *ids = calloc(total + 1, sizeof *ids);
    for (uint64_t i = 0; i < total; i++)
        ids[i] = victims[i]->id;
    free(victims);
    testing_t *worker = model_worker(self);
    for (bool more = true; more;) {
        uint64_t step;
        testing_expect_ok(worker,
                          worker->backend->purge(worker->writer, &filter, 7, &step, &more, &worker->error));
        assert_true(step <= 7);
        deleted += step;
    }
    assert_int_equal(deleted, total);
    for (uint64_t i = 0; i < total; i++)
        s_drop(self, s_find(self, &ids[i]));
    free(ids);
}

void model_check_health(model_t *self)
{
    for (size_t i = 0; i < self->worker_count; i++) {
        pbus_health_t health = testing_expect_health(&self->workers[i]);
        assert_true(health.durable);
        assert_int_equal(health.applied_mark, self->applied);
    }
}

/* ---- life ---- */

model_t *model_new(testing_t *workers, size_t count, model_variety_t variety)
{
    model_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    *self =
        (model_t){.workers = workers, .worker_count = count, .random = testing_seed(), .variety = variety};
    return self;
}

void model_clear(model_t *self)
{
    s_clear(self);
}

void model_destroy(model_t **self_p)
{
    s_clear(*self_p);
    free(*self_p);
    *self_p = NULL;
}

uint64_t model_random(model_t *self, uint64_t below)
{
    return s_random(self, below);
}

testing_t *model_worker(model_t *self)
{
    return &self->workers[s_random(self, self->worker_count)];
}

size_t model_count(const model_t *self)
{
    return self->count;
}

bool model_has(const model_t *self, const pbus_uuid_t *id)
{
    return s_find(self, id) < self->count;
}
