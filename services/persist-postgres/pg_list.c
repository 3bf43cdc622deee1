/*
 * Lists: pages of events and readings, and the scan of a store.
 *
 * Events are found by the index on (origin, id), or, when a device or source is asked for, by merging the
 * shapes that match through the index on (shape, origin, id). A page of n events can only come from the n
 * shapes whose newest events are newest, and from the first n events of each; so a page costs about the same
 * however many events there are, and large offsets cost what they skip.
 *
 * Readings come from two places: those of events whose readings all have the event's origin, found as the
 * events are; and those with origins of their own, which table own_origin has an entry for, each. The page is
 * taken from both.
 *
 * Events may be large, a reply may not. So a page is asked for in chunks, as many rows at once as fit a few
 * megabytes going by the rows seen last, and each chunk continues behind the last row of the one before.
 */
#include "pg_store.h"

#include <string.h>

#define CHUNK_BYTES (4u << 20)
#define CHUNK_ROWS_MIN 16u
#define OFFSET_MAX (INT64_MAX / 2)

/* One page, chunk by chunk. */
typedef struct {
    pg_store_t *store;
    const pbus_filter_t *filter;
    pbus_result_t *result;
    int64_t deadline;
    bool ascending;
    uint64_t offset; /* to be skipped yet */
    uint32_t limit;  /* to be found yet */
    bool has_last;
    pbus_cursor_t last; /* found */
    int32_t last_k;
    bool full; /* the result takes no more */
} s_page_t;

typedef void s_ask_t(s_page_t *page, int64_t skip, int64_t limit);
typedef pbus_status_t s_keep_t(s_page_t *page, const pg_row_t *row, pbus_error_t *error);

/* ---- chunks ------------------------------------------------------------------------------------------- */

static uint32_t s_chunk_rows(const s_page_t *page)
{
    size_t fit = CHUNK_BYTES / page->store->row_bytes;
    if (fit < CHUNK_ROWS_MIN)
        fit = CHUNK_ROWS_MIN;
    return fit < page->limit ? (uint32_t) fit : page->limit;
}

/* Moves the estimate towards what was seen: at once upwards, slowly downwards. */
static void s_learn(pg_store_t *store)
{
    if (store->rows.count == 0)
        return;
    size_t seen = store->rows.data.size / store->rows.count + 1;
    store->row_bytes = seen > store->row_bytes ? seen : (store->row_bytes * 3 + seen) / 4;
}

/* Sees to it that the shapes of all rows are known. */
static pbus_status_t s_load_shapes(s_page_t *page, int column, pbus_error_t *error)
{
    pg_store_t *store = page->store;
    pbus_buf_reset(&store->scratch);
    pg_row_t row = pg_row_first();
    while (pg_rows_next(&store->rows, &row)) {
        int32_t id = pg_field_int4(row.fields[column]);
        pbus_buf_append(&store->scratch, &id, sizeof id);
    }
    if (store->scratch.failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for a page");
    return pg_shapes_load(store->shapes, store->link, (const int32_t *) (const void *) store->scratch.data,
                          store->scratch.size / sizeof(int32_t), page->deadline, error);
}

static pbus_status_t s_keep_rows(s_page_t *page, s_keep_t *keep, pbus_error_t *error)
{
    pg_row_t row = pg_row_first();
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && !page->full && pg_rows_next(&page->store->rows, &row)) {
        status = keep(page, &row, error);
        page->has_last = true;
        page->limit--;
    }
    return status;
}

static pbus_status_t s_chunk(s_page_t *page, s_ask_t *ask, s_keep_t *keep, bool *more, pbus_error_t *error)
{
    pg_store_t *store = page->store;
    uint32_t rows = s_chunk_rows(page);
    pg_store_sql(store, "");
    pg_rows_reset(&store->rows, 2 * CHUNK_BYTES);
    ask(page, (int64_t) page->offset, rows);
    pbus_status_t status = pg_store_run(store, page->deadline, error);
    if (status != PBUS_OK)
        return status;
    s_learn(store);
    *more = store->rows.cut || store->rows.count == rows;
    status = s_load_shapes(page, PG_EVENT_SHAPE, error);
    if (status == PBUS_OK)
        status = s_keep_rows(page, keep, error);
    page->offset = 0;
    return status;
}

static pbus_status_t s_run_page(s_page_t *page, s_ask_t *ask, s_keep_t *keep, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    bool more = true;
    if (page->offset > OFFSET_MAX)
        return PBUS_OK; /* there are not so many */
    while (status == PBUS_OK && more && !page->full && page->limit)
        status = s_chunk(page, ask, keep, &more, error);
    return status;
}

static pbus_status_t s_damaged(const pg_row_t *row, pbus_error_t *error)
{
    pbus_uuid_t id = {{0}};
    char text[PBUS_UUID_TEXT];
    pg_field_uuid(row->fields[PG_EVENT_ID], &id);
    pbus_uuid_format(&id, text);
    return pbus_fail(error, PBUS_INTERNAL, "the row of event %s can't be read, or memory is out", text);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static pbus_status_t s_keep_event(s_page_t *page, const pg_row_t *row, pbus_error_t *error)
{
    pg_store_t *store = page->store;
    const pg_shape_t *shape = pg_shapes_get(store->shapes, pg_field_int4(row->fields[PG_EVENT_SHAPE]));
    const pbus_event_t *event = shape ? pg_events_get(store->events, row, shape) : NULL;
    if (!event)
        return s_damaged(row, error);
    page->last = (pbus_cursor_t){event->origin, event->id};
    page->full =
        !pbus_result_add_event(page->result, (uint64_t) pg_field_int8(row->fields[PG_EVENT_ACCEPT]), event);
    return PBUS_OK;
}

/* Conditions on the origin and, in later chunks, on the place. */
static void s_put_place(s_page_t *page)
{
    pg_params_t *params = &page->store->params;
    pg_sql_bounds(params, "origin", page->filter->origin_min, page->filter->origin_max);
    if (page->has_last)
        pg_params_sql(params, " AND (origin, id) %s ($%d::bigint, $%d::uuid)", page->ascending ? ">" : "<",
                      pg_params_int(params, page->last.origin), pg_params_uuid(params, &page->last.id));
}

/* Every event in order. */
static void s_ask_all(s_page_t *page, int64_t skip, int64_t limit)
{
    pg_params_t *params = &page->store->params;
    const char *order = page->ascending ? "" : "DESC";
    pg_params_sql(params, "SELECT " PG_EVENT_COLUMNS " FROM stored_event e WHERE true");
    s_put_place(page);
    pg_params_sql(params, " ORDER BY origin %s, id %s OFFSET $%d::bigint LIMIT $%d::bigint", order, order,
                  pg_params_int(params, skip), pg_params_int(params, limit));
}

/* Events of the shapes that match. */
static void s_ask_sources(s_page_t *page, int64_t skip, int64_t limit)
{
    pg_params_t *params = &page->store->params;
    pg_params_sql(params, "WITH s AS MATERIALIZED (SELECT s.id FROM shape s CROSS JOIN LATERAL"
                          " (SELECT origin, id FROM stored_event WHERE shape = s.id");
    s_put_place(page);
    pg_params_sql(params, " ORDER BY origin DESC, id DESC LIMIT 1) newest WHERE true");
    pg_sql_sources(params, page->filter);
    int reach = pg_params_int(params, skip + limit);
    pg_params_sql(params, " ORDER BY newest.origin DESC, newest.id DESC LIMIT $%d::bigint),", reach);
    pg_params_sql(params, " page AS MATERIALIZED (SELECT x.origin, x.id FROM s CROSS JOIN LATERAL"
                          " (SELECT origin, id FROM stored_event WHERE shape = s.id");
    s_put_place(page);
    pg_params_sql(params,
                  " ORDER BY origin DESC, id DESC LIMIT $%d::bigint) x"
                  " ORDER BY x.origin DESC, x.id DESC OFFSET $%d::bigint LIMIT $%d::bigint)"
                  " SELECT " PG_EVENT_COLUMNS " FROM page p JOIN stored_event e ON e.id = p.id"
                  " ORDER BY p.origin DESC, p.id DESC",
                  reach, pg_params_int(params, skip), pg_params_int(params, limit));
}

/* Events that are asked for by id; there are only few. */
static void s_ask_ids(s_page_t *page, int64_t skip, int64_t limit)
{
    pg_params_t *params = &page->store->params;
    pg_params_sql(params,
                  "SELECT " PG_EVENT_COLUMNS " FROM (SELECT * FROM stored_event WHERE id = ANY ($%d::uuid[])",
                  pg_params_uuids(params, page->filter->ids, page->filter->id_count));
    s_put_place(page);
    pg_params_sql(params, ") e JOIN shape s ON s.id = e.shape WHERE true");
    pg_sql_sources(params, page->filter);
    pg_params_sql(params, " ORDER BY e.origin DESC, e.id DESC OFFSET $%d::bigint LIMIT $%d::bigint",
                  pg_params_int(params, skip), pg_params_int(params, limit));
}

/* The total, if it is asked for. */
static pbus_status_t s_put_total(pg_store_t *self, pbus_what_t what, const pbus_query_t *query,
                                 pbus_result_t *result, pbus_error_t *error)
{
    uint64_t total;
    if (!query->want_total)
        return PBUS_OK;
    pbus_status_t status = pg_count(self, what, &query->filter, query->deadline, &total, error);
    if (status == PBUS_OK)
        pbus_result_total(result, total);
    return status;
}

pbus_status_t pg_store_list_events(void *handle, const pbus_query_t *query, pbus_result_t *result,
                                   pbus_error_t *error)
{
    pg_store_t *self = handle;
    const pbus_filter_t *filter = &query->filter;
    s_page_t page = {.store = self,
                     .filter = filter,
                     .result = result,
                     .deadline = query->deadline,
                     .offset = query->offset,
                     .limit = query->limit};
    s_ask_t *ask = filter->id_count                             ? s_ask_ids
                   : filter->device.size || filter->source.size ? s_ask_sources
                                                                : s_ask_all;
    pbus_status_t status = pg_filter_check(filter, error);
    if (status == PBUS_OK)
        status = pg_store_ready(self, error);
    if (status == PBUS_OK)
        status = s_put_total(self, PBUS_EVENTS, query, result, error);
    return status == PBUS_OK ? s_run_page(&page, ask, s_keep_event, error) : status;
}

pbus_status_t pg_store_scan(void *handle, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                            uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    pg_store_t *self = handle;
    pbus_filter_t filter = pbus_filter_any();
    filter.origin_min = origin_min;
    filter.origin_max = origin_max;
    s_page_t page = {.store = self,
                     .filter = &filter,
                     .result = result,
                     .ascending = true,
                     .limit = limit,
                     .has_last = after != NULL};
    if (after)
        page.last = *after;
    pbus_status_t status = pg_store_ready(self, error);
    return status == PBUS_OK ? s_run_page(&page, s_ask_all, s_keep_event, error) : status;
}

/* ---- readings ----------------------------------------------------------------------------------------- */

static pbus_status_t s_keep_reading(s_page_t *page, const pg_row_t *row, pbus_error_t *error)
{
    pg_store_t *store = page->store;
    const pg_shape_t *shape = pg_shapes_get(store->shapes, pg_field_int4(row->fields[PG_READING_SHAPE]));
    pbus_reading_t reading;
    if (!shape || !pg_events_get_reading(store->events, row, shape, &reading))
        return s_damaged(row, error);
    page->last.origin = reading.origin;
    pg_field_uuid(row->fields[PG_READING_ID], &page->last.id);
    page->last_k = pg_field_int4(row->fields[PG_READING_K]);
    page->full = !pbus_result_add_reading(page->result, &reading);
    return PBUS_OK;
}

/* As s_put_place, but with the event of the last reading, of which more readings may come. */
static void s_put_reach(s_page_t *page)
{
    pg_params_t *params = &page->store->params;
    pg_sql_bounds(params, "origin", page->filter->origin_min, page->filter->origin_max);
    if (page->has_last)
        pg_params_sql(params, " AND (origin, id) <= ($%d::bigint, $%d::uuid)",
                      pg_params_int(params, page->last.origin), pg_params_uuid(params, &page->last.id));
}

/* The page of CTEs plain and own, each (origin, id, k, shape), with its values. */
static void s_put_page(s_page_t *page, int64_t skip, int64_t limit)
{
    pg_params_t *params = &page->store->params;
    pg_params_sql(params,
                  " page AS MATERIALIZED (SELECT origin, id, k, shape FROM"
                  " (SELECT origin, id, k, shape FROM plain UNION ALL SELECT origin, id, k, shape FROM own) u"
                  " WHERE true");
    if (page->has_last)
        pg_params_sql(params, " AND (origin, id, k) < ($%d::bigint, $%d::uuid, $%d::int)",
                      pg_params_int(params, page->last.origin), pg_params_uuid(params, &page->last.id),
                      pg_params_int4(params, page->last_k));
    pg_params_sql(params,
                  " ORDER BY origin DESC, id DESC, k DESC OFFSET $%d::bigint LIMIT $%d::bigint)"
                  " SELECT p.origin, p.id, p.k, p.shape, " PG_READING_COLUMNS(
                      "p.k") " FROM page p JOIN stored_event e ON e.id = p.id"
                             " ORDER BY p.origin DESC, p.id DESC, p.k DESC",
                  pg_params_int(params, skip), pg_params_int(params, limit));
}

/* How many events a page may reach into: each has a reading that counts, but for what the last chunk had of
 * one. */
static int s_put_reach_limit(s_page_t *page, int64_t skip, int64_t limit)
{
    return pg_params_int(&page->store->params, skip + limit + (page->has_last ? 1 : 0));
}

static void s_ask_any_reading(s_page_t *page, int64_t skip, int64_t limit)
{
    pg_params_t *params = &page->store->params;
    int reach = s_put_reach_limit(page, skip, limit);
    int rows = pg_params_int(params, skip + limit);
    pg_params_sql(params, "WITH own AS MATERIALIZED (SELECT origin, id, k, shape FROM own_origin WHERE true");
    s_put_reach(page);
    if (page->has_last)
        pg_params_sql(params, " AND (origin, id, k) < ($%d::bigint, $%d::uuid, $%d::int)",
                      pg_params_int(params, page->last.origin), pg_params_uuid(params, &page->last.id),
                      pg_params_int4(params, page->last_k));
    pg_params_sql(params,
                  " ORDER BY origin DESC, id DESC, k DESC LIMIT $%d::bigint),"
                  " near AS MATERIALIZED (SELECT origin, id, shape FROM stored_event WHERE origins IS NULL",
                  rows);
    s_put_reach(page);
    /* Below the last of a page full of own origins nothing can get into the page. */
    pg_params_sql(
        params,
        " AND origin >= coalesce((SELECT min(origin) FROM own HAVING count(*) = $%d::bigint), $%d::bigint)"
        " ORDER BY origin DESC, id DESC LIMIT $%d::bigint),"
        " plain AS (SELECT n.origin, n.id, k, n.shape FROM near n JOIN shape s ON s.id = n.shape,"
        " generate_series(1, s.readings) AS k),",
        rows, pg_params_int(params, INT64_MIN), reach);
    s_put_page(page, skip, limit);
}

/* The shapes that match, with the numbers of those of their readings that do. */
static void s_put_matching(s_page_t *page)
{
    pg_params_t *params = &page->store->params;
    pg_params_sql(params,
                  "WITH r AS MATERIALIZED (SELECT r.shape, s.own, array_agg(r.k) AS ks FROM shape_reading r"
                  " JOIN shape s ON s.id = r.shape WHERE true");
    pg_sql_resources(params, page->filter);
    pg_params_sql(params, " GROUP BY r.shape, s.own),");
}

static void s_ask_matching_readings(s_page_t *page, int64_t skip, int64_t limit)
{
    pg_params_t *params = &page->store->params;
    int reach = s_put_reach_limit(page, skip, limit);
    s_put_matching(page);
    pg_params_sql(params, " near AS MATERIALIZED (SELECT r.shape, r.ks FROM r CROSS JOIN LATERAL"
                          " (SELECT origin, id FROM stored_event WHERE shape = r.shape");
    s_put_reach(page);
    pg_params_sql(params,
                  " ORDER BY origin DESC, id DESC LIMIT 1) newest WHERE NOT r.own"
                  " ORDER BY newest.origin DESC, newest.id DESC LIMIT $%d::bigint),"
                  " plain AS (SELECT x.origin, x.id, k, n.shape FROM near n CROSS JOIN LATERAL"
                  " (SELECT origin, id FROM stored_event WHERE shape = n.shape",
                  reach);
    s_put_reach(page);
    pg_params_sql(
        params,
        " ORDER BY origin DESC, id DESC LIMIT $%d::bigint) x CROSS JOIN LATERAL unnest(n.ks) AS k),"
        " own AS (SELECT x.origin, x.id, k, r.shape FROM r CROSS JOIN LATERAL unnest(r.ks) AS k"
        " CROSS JOIN LATERAL (SELECT origin, id FROM own_origin o WHERE o.shape = r.shape AND o.k = k.k",
        reach);
    s_put_reach(page);
    pg_params_sql(params, " ORDER BY origin DESC, id DESC LIMIT $%d::bigint) x WHERE r.own),", reach);
    s_put_page(page, skip, limit);
}

pbus_status_t pg_store_list_readings(void *handle, const pbus_query_t *query, pbus_result_t *result,
                                     pbus_error_t *error)
{
    pg_store_t *self = handle;
    const pbus_filter_t *filter = &query->filter;
    s_page_t page = {.store = self,
                     .filter = filter,
                     .result = result,
                     .deadline = query->deadline,
                     .offset = query->offset,
                     .limit = query->limit};
    s_ask_t *ask =
        filter->device.size || filter->resource_count ? s_ask_matching_readings : s_ask_any_reading;
    pbus_status_t status = pg_filter_check(filter, error);
    if (status == PBUS_OK)
        status = pg_store_ready(self, error);
    if (status == PBUS_OK)
        status = s_put_total(self, PBUS_READINGS, query, result, error);
    return status == PBUS_OK ? s_run_page(&page, ask, s_keep_reading, error) : status;
}
