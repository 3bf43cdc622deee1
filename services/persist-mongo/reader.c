#include "reader.h"
#include "counts.h"
#include "filter.h"

#define NS_PER_MS 1000000

uint32_t reader_append_opts(const reader_t *self, bson_t *opts, int64_t deadline, uint64_t expected)
{
    uint64_t most = store_reply_documents(self->store);
    uint64_t size = expected < 2 ? 2 : expected < most ? expected : most;
    BSON_APPEND_INT64(opts, "batchSize", (int64_t) size); /* a type that libmongoc can change later */
    if (deadline) {
        int64_t left = (deadline - pbus_clock_boottime()) / NS_PER_MS;
        BSON_APPEND_INT64(opts, "maxTimeMS", left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : left);
    }
    return (uint32_t) size;
}

/* Which of the two has less. */
static pbus_status_t s_way(const reader_t *self, const pbus_filter_t *filter, filter_way_t *way,
                           pbus_error_t *error)
{
    uint64_t device, resources;
    *way = FILTER_FREE;
    if (!filter->device.size || !filter->resource_count || !store_atomic(self->store))
        return PBUS_OK;
    pbus_filter_t one = pbus_filter_any(), other = one;
    one.device = filter->device;
    other.resources = filter->resources;
    other.resource_count = filter->resource_count;
    pbus_status_t status = counts_read(self->store, PBUS_READINGS, &one, &device, error);
    if (status == PBUS_OK)
        status = counts_read(self->store, PBUS_READINGS, &other, &resources, error);
    if (status == PBUS_OK)
        *way = device <= resources ? FILTER_BY_DEVICE : FILTER_BY_RESOURCE;
    return status;
}

pbus_status_t reader_append_readings(const reader_t *self, const pbus_filter_t *filter, bson_t *to,
                                     pbus_error_t *error)
{
    filter_way_t way;
    pbus_status_t status = s_way(self, filter, &way, error);
    if (status == PBUS_OK)
        filter_readings(filter, way, to);
    return status;
}

pbus_status_t reader_check_time(const reader_t *self, int64_t deadline, pbus_error_t *error)
{
    if (!deadline || pbus_clock_boottime() <= deadline)
        return PBUS_OK;
    return pbus_fail(error, PBUS_TIMEOUT, "%s: the query takes longer than it may", store_name(self->store));
}

/* ---- the copy ----------------------------------------------------------------------------------- */

pbus_status_t reader_has_copy(reader_t *self, int64_t deadline, bool *has, pbus_error_t *error)
{
    pbus_status_t status = copy_refresh(self->copy, has, error);
    return status == PBUS_OK && *has ? reader_check_time(self, deadline, error) : status;
}

static bool s_event_passes(const document_t *event, const void *what)
{
    pbus_event_t like = {
        .id = event->id, .origin = event->origin, .device = event->device, .source = event->source};
    return pbus_filter_event(what, &like, event->accept);
}

static int s_ascending(const document_t *a, const document_t *b)
{
    pbus_cursor_t one = {a->origin, a->id}, other = {b->origin, b->id};
    return pbus_cursor_cmp(&one, &other);
}

static int s_descending(const document_t *a, const document_t *b)
{
    return s_ascending(b, a);
}

/* ---- counts ------------------------------------------------------------------------------------- */

static pbus_status_t s_count_events(reader_t *self, const pbus_filter_t *filter, uint64_t *count,
                                    pbus_error_t *error)
{
    bool has_copy;
    bson_t condition = BSON_INITIALIZER;
    pbus_status_t status = reader_has_copy(self, 0, &has_copy, error);
    if (status == PBUS_OK && has_copy) {
        source_t source = {0};
        source_open_copy(&source, self->copy, s_event_passes, filter, s_ascending, 0, 0);
        *count = source.end;
        return source_close(&source, self->store, "count events", PBUS_OK, error);
    }
    filter_events(filter, &condition);
    if (status == PBUS_OK)
        status = store_count(self->store, STORE_EVENTS, &condition, count, "count events", error);
    bson_destroy(&condition);
    return status;
}

static bool s_count_passing(const bson_t *bson, const pbus_filter_t *filter, uint64_t *count)
{
    document_t document;
    bson_iter_t item;
    if (!document_read(bson, &document) || !bson_iter_recurse(&document.readings, &item))
        return false;
    while (bson_iter_next(&item)) {
        pbus_reading_t reading;
        if (!document_reading_names(&document, &item, &reading))
            return false;
        *count += pbus_filter_reading(filter, &reading);
    }
    return true;
}

static pbus_status_t s_open_readings(reader_t *self, const pbus_filter_t *filter, source_t *source,
                                     pbus_error_t *error)
{
    bson_t condition = BSON_INITIALIZER;
    pbus_status_t status = reader_append_readings(self, filter, &condition, error);
    if (status != PBUS_OK)
        return status;
    bson_t *opts =
        BCON_NEW("projection", "{", "device", BCON_INT32(1), "source", BCON_INT32(1), "origin", BCON_INT32(1),
                 "accept", BCON_INT32(1), "batch", BCON_INT32(1), "last", BCON_INT32(1), "readings.resource",
                 BCON_INT32(1), "readings.device", BCON_INT32(1), "readings.origin", BCON_INT32(1), "}");
    source->cursor = store_find(self->store, STORE_EVENTS, &condition, opts);
    bson_destroy(opts);
    bson_destroy(&condition);
    return PBUS_OK;
}

/* Readings in a range of time: events in it are looked through, without values. */
static pbus_status_t s_count_readings(reader_t *self, const pbus_filter_t *filter, uint64_t *count,
                                      pbus_error_t *error)
{
    const bson_t *bson;
    source_t source = {0};
    bool has_copy;
    pbus_status_t status = reader_has_copy(self, 0, &has_copy, error);
    if (status != PBUS_OK)
        return status;
    if (has_copy)
        reader_open_copied_readings(self, filter, &source);
    else
        status = s_open_readings(self, filter, &source, error);
    while (status == PBUS_OK && source_next(&source, &bson))
        if (!s_count_passing(bson, filter, count))
            status = document_damaged(bson, error);
    return source_close(&source, self->store, "count readings", status, error);
}

pbus_status_t reader_count(reader_t *self, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                           pbus_error_t *error)
{
    *count = 0;
    if (what == PBUS_EVENTS &&
        (filter_is_bounded(filter) || filter->id_count || filter->accept_max != UINT64_MAX))
        return s_count_events(self, filter, count, error);
    if (what == PBUS_READINGS && filter_is_bounded(filter))
        return s_count_readings(self, filter, count, error);
    return counts_read(self->store, what, filter, count, error);
}

/* ---- events ------------------------------------------------------------------------------------- */

static pbus_status_t s_add_event(reader_t *self, const bson_t *bson, bool *room, pbus_error_t *error)
{
    pbus_event_t event;
    uint64_t accept;
    pbus_status_t status = document_event(self->decoder, bson, &event, &accept, error);
    if (status != PBUS_OK)
        return status;
    self->added = true;
    *room = pbus_result_add_event(self->result, accept, &event);
    return PBUS_OK;
}

static pbus_status_t s_list(reader_t *self, source_t *source, pbus_error_t *error)
{
    const bson_t *bson;
    bool room = true;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && room && source_next(source, &bson))
        status = s_add_event(self, bson, &room, error);
    return source_close(source, self->store, "list events", status, error);
}

static void s_append_sort(bson_t *opts, int direction)
{
    bson_t sort;
    BSON_APPEND_DOCUMENT_BEGIN(opts, "sort", &sort);
    BSON_APPEND_INT32(&sort, "origin", direction);
    BSON_APPEND_INT32(&sort, "_id", direction);
    bson_append_document_end(opts, &sort);
}

static void s_open_page(reader_t *self, const pbus_query_t *query, source_t *source)
{
    bson_t condition = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    filter_events(&query->filter, &condition);
    s_append_sort(&opts, -1);
    BSON_APPEND_INT64(&opts, "skip", (int64_t) query->offset);
    BSON_APPEND_INT64(&opts, "limit", query->limit);
    reader_append_opts(self, &opts, query->deadline, query->limit);
    source->cursor = store_find(self->store, STORE_EVENTS, &condition, &opts);
    bson_destroy(&opts);
    bson_destroy(&condition);
}

static pbus_status_t s_list_page(reader_t *self, const pbus_query_t *query, pbus_error_t *error)
{
    source_t source = {0};
    bool has_copy;
    pbus_status_t status = reader_has_copy(self, query->deadline, &has_copy, error);
    if (status != PBUS_OK)
        return status;
    if (has_copy)
        source_open_copy(&source, self->copy, s_event_passes, &query->filter, s_descending, query->offset,
                         query->limit);
    else
        s_open_page(self, query, &source);
    return s_list(self, &source, error);
}

pbus_status_t reader_list_events(reader_t *self, const pbus_query_t *query, pbus_error_t *error)
{
    uint64_t total = 0;
    pbus_status_t status = PBUS_OK;
    if (query->limit > 0 && query->offset <= INT64_MAX)
        status = s_list_page(self, query, error);
    if (status == PBUS_OK && query->want_total) {
        status = reader_count(self, PBUS_EVENTS, &query->filter, &total, error);
        pbus_result_total(self->result, total);
    }
    return status;
}

/* ---- scan --------------------------------------------------------------------------------------- */

static void s_append_after(bson_t *condition, const pbus_cursor_t *after)
{
    bson_t either, branch, range;
    BSON_APPEND_ARRAY_BEGIN(condition, "$or", &either);
    BSON_APPEND_DOCUMENT_BEGIN(&either, "0", &branch);
    BSON_APPEND_DOCUMENT_BEGIN(&branch, "origin", &range);
    BSON_APPEND_INT64(&range, "$gt", after->origin);
    bson_append_document_end(&branch, &range);
    bson_append_document_end(&either, &branch);
    BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &branch);
    BSON_APPEND_INT64(&branch, "origin", after->origin);
    BSON_APPEND_DOCUMENT_BEGIN(&branch, "_id", &range);
    document_append_id(&range, "$gt", &after->id);
    bson_append_document_end(&branch, &range);
    bson_append_document_end(&either, &branch);
    bson_append_array_end(condition, &either);
}

typedef struct {
    int64_t origin_min, origin_max;
    const pbus_cursor_t *after;
} s_window_t;

static bool s_is_in_window(const document_t *event, const void *what)
{
    const s_window_t *window = what;
    pbus_cursor_t place = {event->origin, event->id};
    return event->origin >= window->origin_min && event->origin <= window->origin_max &&
           (!window->after || pbus_cursor_cmp(&place, window->after) > 0);
}

/* The cursor's place is a lower bound of origin as well, so that the index is entered there. */
static void s_open_window(reader_t *self, const s_window_t *window, uint32_t limit, source_t *source)
{
    bson_t condition = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    const pbus_cursor_t *after = window->after;
    pbus_filter_t filter = pbus_filter_any();
    filter.origin_min = after && after->origin > window->origin_min ? after->origin : window->origin_min;
    filter.origin_max = window->origin_max;
    filter_events(&filter, &condition);
    if (after)
        s_append_after(&condition, after);
    s_append_sort(&opts, 1);
    BSON_APPEND_INT64(&opts, "limit", limit);
    reader_append_opts(self, &opts, 0, limit);
    source->cursor = store_find(self->store, STORE_EVENTS, &condition, &opts);
    bson_destroy(&opts);
    bson_destroy(&condition);
}

pbus_status_t reader_scan(reader_t *self, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                          uint32_t limit, pbus_error_t *error)
{
    s_window_t window = {origin_min, origin_max, after};
    source_t source = {0};
    bool has_copy;
    if (limit == 0)
        return PBUS_OK;
    pbus_status_t status = reader_has_copy(self, 0, &has_copy, error);
    if (status != PBUS_OK)
        return status;
    if (has_copy)
        source_open_copy(&source, self->copy, s_is_in_window, &window, s_ascending, 0, limit);
    else
        s_open_window(self, &window, limit, &source);
    return s_list(self, &source, error);
}
