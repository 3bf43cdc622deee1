/*
 * The backend against a model in memory: operations at random, every answer compared. The server is stopped,
 * crashed and started, and handles are opened anew, in between.
 */
#include "test_pg_support.h"

#define EVENTS_MAX 2000

typedef struct {
    pbus_buf_t data;
    pbus_decoder_t *decoder;
    const pbus_event_t *event;
    uint64_t accept;
} entry_t;

typedef struct {
    entry_t entries[EVENTS_MAX];
    size_t count;
    uint64_t accept; /* last number given */
    uint64_t mark;
} model_t;

/* ---- the model ---------------------------------------------------------------------------------------- */

static entry_t *s_find(model_t *model, const pbus_uuid_t *id)
{
    for (size_t i = 0; i < model->count; i++)
        if (memcmp(&model->entries[i].event->id, id, sizeof *id) == 0)
            return &model->entries[i];
    return NULL;
}

static void s_remove(model_t *model, entry_t *entry)
{
    pbus_buf_clear(&entry->data);
    pbus_decoder_destroy(&entry->decoder);
    *entry = model->entries[--model->count];
}

static void s_insert(model_t *model, const pbus_write_t *write)
{
    assert_true(model->count < EVENTS_MAX);
    entry_t *entry = &model->entries[model->count++];
    *entry = (entry_t){.accept = write->accept, .decoder = pbus_decoder_new()};
    pbus_buf_append(&entry->data, write->data, write->size);
    entry->event = pbus_decoder_event(entry->decoder, entry->data.data, entry->data.size);
    assert_non_null(entry->event);
}

static pbus_status_t s_apply(model_t *model, const pbus_write_t *write)
{
    entry_t *entry = s_find(model, &write->id);
    if (write->accept > model->mark)
        model->mark = write->accept;
    if (write->op == PBUS_DELETE) {
        if (entry)
            s_remove(model, entry);
        return entry ? PBUS_OK : PBUS_NOT_FOUND;
    }
    if (entry)
        return entry->accept == write->accept ? PBUS_OK : PBUS_CONFLICT;
    s_insert(model, write);
    return PBUS_OK;
}

static int s_compare_events(const void *a, const void *b)
{
    const entry_t *one = *(const entry_t *const *) a, *other = *(const entry_t *const *) b;
    pbus_cursor_t x = {one->event->origin, one->event->id}, y = {other->event->origin, other->event->id};
    return pbus_cursor_cmp(&y, &x);
}

/* The events that pass, newest first. */
static const entry_t **s_events(model_t *model, const pbus_filter_t *filter, size_t *count)
{
    const entry_t **found = calloc(model->count + 1, sizeof *found);
    assert_non_null(found);
    *count = 0;
    for (size_t i = 0; i < model->count; i++)
        if (pbus_filter_event(filter, model->entries[i].event, model->entries[i].accept))
            found[(*count)++] = &model->entries[i];
    qsort(found, *count, sizeof *found, s_compare_events);
    return found;
}

typedef struct {
    pbus_buf_t data;
    const pbus_reading_t *reading;
} passing_t;

static int s_compare_bytes(const pbus_buf_t *a, const pbus_buf_t *b)
{
    return pbus_str_cmp((pbus_str_t){(const char *) a->data, a->size},
                        (pbus_str_t){(const char *) b->data, b->size});
}

/* Newest first, ties by their bytes. */
static int s_compare_readings(const void *a, const void *b)
{
    const passing_t *one = a, *other = b;
    if (one->reading->origin != other->reading->origin)
        return one->reading->origin > other->reading->origin ? -1 : 1;
    return s_compare_bytes(&one->data, &other->data);
}

static passing_t *s_readings(model_t *model, const pbus_filter_t *filter, size_t *count)
{
    passing_t *found = NULL;
    *count = 0;
    for (size_t i = 0; i < model->count; i++)
        for (size_t k = 0; k < model->entries[i].event->reading_count; k++) {
            const pbus_reading_t *reading = &model->entries[i].event->readings[k];
            if (!pbus_filter_reading(filter, reading))
                continue;
            found = realloc(found, (*count + 1) * sizeof *found);
            assert_non_null(found);
            found[*count] = (passing_t){.reading = reading};
            pbus_reading_encode(reading, &found[(*count)++].data);
        }
    if (*count)
        qsort(found, *count, sizeof *found, s_compare_readings);
    return found;
}

static void s_free_readings(passing_t *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pbus_buf_clear(&found[i].data);
    free(found);
}

/* ---- filters at random -------------------------------------------------------------------------------- */

typedef struct {
    pbus_filter_t filter;
    pbus_str_t resources[3];
    pbus_uuid_t ids[20];
} choice_t;

static void s_choose_bounds(pbus_filter_t *filter)
{
    if (random_chance(30))
        filter->origin_min = s_random_origin();
    if (random_chance(30))
        filter->origin_max = s_random_origin();
    if (random_chance(10))
        filter->origin_min = filter->origin_max = s_random_origin();
}

static void s_choose_events(model_t *model, choice_t *choice, bool with_ids)
{
    pbus_filter_t *filter = &choice->filter;
    *filter = pbus_filter_any();
    s_choose_bounds(filter);
    if (random_chance(40))
        filter->device = pbus_str(random_chance(10) ? "nobody" : PICK(s_devices));
    if (random_chance(30))
        filter->source = pbus_str(PICK(s_sources));
    if (!with_ids || random_chance(75))
        return;
    filter->ids = choice->ids;
    filter->id_count = 1 + random_below(20);
    for (size_t i = 0; i < filter->id_count; i++)
        choice->ids[i] = model->count && random_chance(80) && i == 0
                             ? model->entries[random_below(model->count)].event->id
                             : random_uuid();
    for (size_t i = 1; i < filter->id_count && i < model->count; i++)
        choice->ids[i] = model->entries[i - 1].event->id;
    if (memcmp(&choice->ids[0], &choice->ids[filter->id_count - 1], sizeof choice->ids[0]) == 0)
        filter->id_count = 1;
}

static void s_choose_readings(choice_t *choice)
{
    pbus_filter_t *filter = &choice->filter;
    *filter = pbus_filter_any();
    s_choose_bounds(filter);
    if (random_chance(40))
        filter->device = pbus_str(random_chance(10) ? "nobody" : PICK(s_devices));
    if (random_chance(60))
        return;
    size_t first = random_below(4);
    filter->resources = choice->resources;
    filter->resource_count = 1 + random_below(3);
    for (size_t i = 0; i < filter->resource_count; i++)
        choice->resources[i] = pbus_str(s_resources[first + i]);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* An id: new, known, or used earlier in the same batch. */
static pbus_uuid_t s_choose_id(model_t *model, const pbus_write_t *writes, size_t count)
{
    if (count && random_chance(10))
        return writes[random_below(count)].id;
    if (model->count && random_chance(20))
        return model->entries[random_below(model->count)].event->id;
    return random_uuid();
}

static void s_choose_write(model_t *model, pbus_write_t *writes, size_t at, pbus_buf_t *data)
{
    pbus_write_t *write = &writes[at];
    *write = (pbus_write_t){.op = random_chance(model->count > 300 ? 50 : 15) ? PBUS_DELETE : PBUS_ADD};
    write->id = s_choose_id(model, writes, at);
    write->accept = ++model->accept;
    if (write->op == PBUS_DELETE)
        return;
    const entry_t *known = s_find(model, &write->id);
    if (known && random_chance(60))
        write->accept = known->accept; /* a resend */
    random_event(write->id, data);
    write->data = data->data;
    write->size = data->size;
}

static void s_do_write(store_t *store, model_t *model)
{
    enum { BATCH = 60 };
    pbus_write_t writes[BATCH];
    pbus_buf_t data[BATCH] = {{0}};
    size_t count = 1 + random_below(random_chance(50) ? 3 : BATCH);
    for (size_t i = 0; i < count; i++)
        s_choose_write(model, writes, i, &data[i]);
    assert_ok(store_write(store, writes, count));
    for (size_t i = 0; i < count; i++) {
        pbus_status_t expected = s_apply(model, &writes[i]);
        if (writes[i].status != expected)
            fail_msg("write %zu of %zu: %s, expected %s", i, count, pbus_status_name(writes[i].status),
                     pbus_status_name(expected));
        pbus_buf_clear(&data[i]);
    }
    assert_int_equal(store_health(store).applied_mark, model->mark);
}

static void s_do_purge(store_t *store, model_t *model)
{
    choice_t choice;
    s_choose_events(model, &choice, false);
    if (random_chance(50))
        choice.filter.accept_max = model->accept - random_below(200);
    uint64_t deleted = 0, expected = 0;
    bool more = true;
    for (int calls = 0; more; calls++) {
        uint64_t some;
        uint32_t limit = 1 + (uint32_t) random_below(30);
        assert_true(calls < 10000);
        assert_ok(pg_backend.purge(store->handle, &choice.filter, limit, &some, &more, &store->error));
        assert_true(some <= limit);
        deleted += some;
    }
    for (size_t i = model->count; i-- > 0;)
        if (pbus_filter_event(&choice.filter, model->entries[i].event, model->entries[i].accept)) {
            s_remove(model, &model->entries[i]);
            expected++;
        }
    assert_int_equal(deleted, expected);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

/* Makes the backend think that rows are large, so that it fetches a page in many small chunks. */
static void s_shrink_chunks(store_t *store)
{
    if (random_chance(40))
        ((pg_store_t *) store->handle)->row_bytes = 8u << 20;
}

static pbus_query_t s_query(const pbus_filter_t *filter, uint64_t offset, uint32_t limit)
{
    return (pbus_query_t){.filter = *filter,
                          .offset = offset,
                          .limit = limit,
                          .want_total = true,
                          .deadline = pbus_clock_boottime() + INT64_C(20000000000)};
}

static void s_same_bytes(const pbus_buf_t *a, const pbus_buf_t *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

/* A page of events, with a result that may be full before it ends. */
static void s_do_list_events(store_t *store, model_t *model)
{
    choice_t choice;
    size_t count;
    s_choose_events(model, &choice, true);
    const entry_t **expected = s_events(model, &choice.filter, &count);
    uint64_t offset = random_chance(50) ? 0 : random_below(count + 3);
    uint32_t limit = (uint32_t) random_below(random_chance(50) ? 5 : 400);
    pbus_query_t query = s_query(&choice.filter, offset, limit);
    pbus_result_t result = {.max = random_chance(20) ? 1 + random_below(10) : 0};
    s_shrink_chunks(store);
    assert_ok(pg_backend.list_events(store->handle, &query, &result, &store->error));
    assert_int_equal(result.total, count);
    size_t left = offset < count ? count - offset : 0;
    if (left > limit)
        left = limit;
    if (result.max && left > result.max)
        left = result.max;
    assert_int_equal(result.count, left);
    for (size_t i = 0; i < left; i++) {
        assert_int_equal(result.items[i].accept, expected[offset + i]->accept);
        s_same_bytes(&result.items[i].data, &expected[offset + i]->data);
    }
    result_clear(&result);
    free(expected);
}

/* All pages of readings one after another; within ties of origin their order is the backend's. */
static void s_do_list_readings(store_t *store, model_t *model)
{
    choice_t choice;
    size_t count, got = 0;
    s_choose_readings(&choice);
    passing_t *expected = s_readings(model, &choice.filter, &count);
    passing_t *found = calloc(count + 1, sizeof *found);
    pbus_reading_t *decoded = calloc(count + 1, sizeof *decoded);
    uint32_t limit = random_chance(50) ? 1000 : 7 + (uint32_t) random_below(100);
    pbus_result_t result = {.max = random_chance(20) ? limit / 2 : 0};
    do {
        result_clear(&result);
        pbus_query_t query = s_query(&choice.filter, got, limit);
        s_shrink_chunks(store);
        assert_ok(pg_backend.list_readings(store->handle, &query, &result, &store->error));
        assert_int_equal(result.total, count);
        assert_true(got + result.count <= count);
        for (size_t i = 0; i < result.count; i++, got++) {
            pbus_buf_append(&found[got].data, result.items[i].data.data, result.items[i].data.size);
            assert_true(pbus_reading_decode(found[got].data.data, found[got].data.size, &decoded[got]));
            found[got].reading = &decoded[got];
            assert_true(got == 0 || decoded[got].origin <= decoded[got - 1].origin);
        }
    } while (result.count);
    result_clear(&result);
    assert_int_equal(got, count);
    qsort(found, count, sizeof *found, s_compare_readings);
    for (size_t i = 0; i < count; i++)
        s_same_bytes(&found[i].data, &expected[i].data);
    s_free_readings(expected, count);
    s_free_readings(found, count);
    free(decoded);
}

static void s_do_count(store_t *store, model_t *model)
{
    choice_t choice;
    size_t count;
    s_choose_events(model, &choice, true);
    free(s_events(model, &choice.filter, &count));
    assert_int_equal(store_count(store, PBUS_EVENTS, choice.filter), count);
    s_choose_readings(&choice);
    passing_t *readings = s_readings(model, &choice.filter, &count);
    s_free_readings(readings, count);
    assert_int_equal(store_count(store, PBUS_READINGS, choice.filter), count);
}

static void s_do_sources(store_t *store, model_t *model)
{
    pbus_result_t result = {0};
    size_t all = 0;
    assert_ok(pg_backend.list_sources(store->handle, &result, &store->error));
    for (size_t i = 0; i < result.count; i++) {
        const char *device = (const char *) result.items[i].data.data;
        pbus_filter_t filter = pbus_filter_any();
        size_t count;
        filter.device = pbus_str(device);
        filter.source = pbus_str(device + strlen(device) + 1);
        free(s_events(model, &filter, &count));
        assert_true(count > 0);
        assert_int_equal(result.items[i].accept, count);
        all += count;
    }
    assert_int_equal(all, model->count);
    result_clear(&result);
}

static void s_do_scan(store_t *store, model_t *model)
{
    choice_t choice;
    size_t count, got = 0;
    choice.filter = pbus_filter_any();
    s_choose_bounds(&choice.filter);
    const entry_t **expected = s_events(model, &choice.filter, &count);
    pbus_cursor_t after;
    uint32_t limit = 1 + (uint32_t) random_below(200);
    pbus_result_t result = {.max = random_chance(30) ? 1 + random_below(20) : 0};
    do {
        result_clear(&result);
        s_shrink_chunks(store);
        assert_ok(pg_backend.scan(store->handle, choice.filter.origin_min, choice.filter.origin_max,
                                  got ? &after : NULL, limit, &result, &store->error));
        for (size_t i = 0; i < result.count; i++, got++) {
            assert_true(got < count);
            const entry_t *entry = expected[count - 1 - got];
            assert_int_equal(result.items[i].accept, entry->accept);
            s_same_bytes(&result.items[i].data, &entry->data);
            after = (pbus_cursor_t){entry->event->origin, entry->event->id};
        }
    } while (result.count);
    assert_int_equal(got, count);
    free(expected);
}

/* ---- aggregates --------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t count;
    __int128 sum, min, max; /* in units of 1/10000 */
} figures_t;

static bool s_is_scalar_number(pbus_type_t type)
{
    return type >= PBUS_UINT8 && type <= PBUS_FLOAT64;
}

static bool s_is_like(const pbus_reading_t *reading, const char *names[4])
{
    return pbus_str_eq(reading->device, pbus_str(names[0])) &&
           pbus_str_eq(reading->profile, pbus_str(names[1])) &&
           pbus_str_eq(reading->resource, pbus_str(names[2])) &&
           strcmp(pbus_type_name(reading->type), names[3]) == 0;
}

/* Plain digits, with an optional fraction or the exponent -04, in units of 1/10000. */
static __int128 s_scaled(pbus_str_t text)
{
    bool negative = text.size && text.data[0] == '-';
    int decimals = -1;
    __int128 value = 0;
    for (size_t i = negative; i < text.size && text.data[i] != 'e'; i++) {
        if (text.data[i] == '.')
            decimals = 0;
        else {
            value = value * 10 + (text.data[i] - '0');
            decimals += decimals >= 0;
        }
    }
    assert_true(decimals <= 4);
    int zeros = memchr(text.data, 'e', text.size) ? 0 : 4 - (decimals > 0 ? decimals : 0);
    while (zeros-- > 0)
        value *= 10;
    return negative ? -value : value;
}

static figures_t s_figures(const passing_t *readings, size_t count, const char *names[4], size_t *members)
{
    figures_t figures = {0};
    for (size_t i = 0; i < count; i++) {
        const pbus_reading_t *reading = readings[i].reading;
        if (!s_is_like(reading, names))
            continue;
        ++*members;
        bool finite =
            reading->value.size && (reading->value.data[0] == '-' ||
                                    (reading->value.data[0] >= '0' && reading->value.data[0] <= '9'));
        if (!s_is_scalar_number(reading->type) || reading->is_null || !finite)
            continue;
        __int128 value = s_scaled(reading->value);
        figures.sum += value;
        if (figures.count == 0 || value < figures.min)
            figures.min = value;
        if (figures.count++ == 0 || value > figures.max)
            figures.max = value;
    }
    return figures;
}

static void s_check_group(const item_t *item, pbus_function_t function, const passing_t *readings,
                          size_t count, size_t *members)
{
    const char *names[5];
    names[0] = (const char *) item->data.data;
    for (int i = 1; i < 5; i++)
        names[i] = names[i - 1] + strlen(names[i - 1]) + 1;
    figures_t figures = s_figures(readings, count, names, members);
    assert_int_equal(item->accept, figures.count);
    if (figures.count == 0) {
        assert_string_equal(names[4], "");
    } else if (function == PBUS_AVG) {
        long double mean = (long double) figures.sum / 10000 / (long double) figures.count;
        long double error = strtold(names[4], NULL) - mean;
        assert_true((error < 0 ? -error : error) <= 1e-17L * (mean < 0 ? -mean : mean));
    } else {
        __int128 expected = function == PBUS_MIN   ? figures.min
                            : function == PBUS_MAX ? figures.max
                            : function == PBUS_SUM ? figures.sum
                                                   : (__int128) figures.count * 10000;
        if (s_scaled(pbus_str(names[4])) != expected)
            fail_msg("function %d of %s of %s: %s", (int) function, names[2], names[0], names[4]);
    }
}

/* Whether some sum of integers does not fit. */
static bool s_overflows(const passing_t *readings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const pbus_reading_t *like = readings[i].reading;
        char text[4][100];
        const char *names[4] = {text[0], text[1], text[2], pbus_type_name(like->type)};
        snprintf(text[0], 100, "%.*s", (int) like->device.size, like->device.data);
        snprintf(text[1], 100, "%.*s", (int) like->profile.size, like->profile.data);
        snprintf(text[2], 100, "%.*s", (int) like->resource.size, like->resource.data);
        size_t members = 0;
        __int128 sum = s_figures(readings, count, names, &members).sum / 10000;
        if ((like->type >= PBUS_INT8 && like->type <= PBUS_INT64 && (sum > INT64_MAX || sum < INT64_MIN)) ||
            (like->type >= PBUS_UINT8 && like->type <= PBUS_UINT64 && sum > UINT64_MAX))
            return true;
    }
    return false;
}

static void s_do_aggregate(store_t *store, model_t *model)
{
    choice_t choice;
    size_t count, members = 0;
    pbus_function_t function = (pbus_function_t) (1 + random_below(5));
    s_choose_readings(&choice);
    passing_t *readings = s_readings(model, &choice.filter, &count);
    pbus_result_t result = {0};
    pbus_status_t status =
        pg_backend.aggregate(store->handle, &choice.filter, function, &result, &store->error);
    if (function == PBUS_SUM && s_overflows(readings, count)) {
        assert_int_equal(status, PBUS_OVERFLOW);
    } else {
        assert_ok(status);
        for (size_t i = 0; i < result.count; i++)
            s_check_group(&result.items[i], function, readings, count, &members);
        assert_int_equal(members, count);
    }
    result_clear(&result);
    s_free_readings(readings, count);
}

/* ---- the run ------------------------------------------------------------------------------------------ */

/* The server goes and comes back; what is asked meanwhile fails as it should. */
static void s_do_restart(server_t *server, store_t *store)
{
    server_do(server, random_chance(50) ? "stop" : "crash");
    pbus_health_t health;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pg_backend.health(store->handle, &health, &store->error), PBUS_UNAVAILABLE);
        assert_null(strstr(store->error.text, "\n"));
    }
    server_do(server, "start");
    store_health(store);
}

static void s_do_reopen(server_t *server, store_t *store)
{
    store_close(store);
    *store = store_open(server->url, "persistbus");
}

static void test_model(void **state)
{
    server_t *server = *state;
    model_t *model = calloc(1, sizeof *model);
    store_t own = store_open(server->url, "persistbus"), *store = &own;
    uint64_t seed = random_seed();
    const char *steps_text = getenv("PERSISTBUS_STEPS");
    int steps = steps_text ? atoi(steps_text) : 700;
    for (int step = 0; step < steps; step++) {
        size_t roll = random_below(100);
        if (roll < 30)
            s_do_write(store, model);
        else if (roll < 33)
            s_do_purge(store, model);
        else if (roll < 50)
            s_do_list_events(store, model);
        else if (roll < 67)
            s_do_list_readings(store, model);
        else if (roll < 78)
            s_do_count(store, model);
        else if (roll < 83)
            s_do_sources(store, model);
        else if (roll < 90)
            s_do_scan(store, model);
        else if (roll < 98)
            s_do_aggregate(store, model);
        else if (roll == 98)
            s_do_reopen(server, store);
        else if (random_chance(50))
            s_do_restart(server, store);
    }
    print_message("seed %llu: %d steps, %zu events at the end\n", (unsigned long long) seed, steps,
                  model->count);
    while (model->count)
        s_remove(model, &model->entries[0]);
    free(model);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, server_start, server_remove);
}
