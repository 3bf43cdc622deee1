#include "list.h"

#include "counts.h"
#include "merge.h"
#include <persistbus/series/pending.h>
#include "reader.h"
#include "way.h"

#include <stdlib.h>

static pbus_status_t s_fail_memory(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "out of memory while making a list");
}

static uint64_t s_want(uint64_t offset, uint32_t limit)
{
    return offset + limit < offset ? UINT64_MAX : offset + limit;
}

/* A page that is being filled. */
typedef struct {
    store_t *store;
    const pbus_filter_t *filter;
    pbus_result_t *result;
    row_t *row;
    pbus_plan_t plan;
    merge_t *merge;
    pbus_pending_t *pending; /* readings only */
    uint64_t skip;           /* matching items still to pass over */
    uint32_t left;           /* items still to add; 0: the page is complete */
} page_t;

static void s_page_clear(page_t *self)
{
    row_destroy(&self->row);
    merge_destroy(&self->merge);
    pbus_pending_destroy(&self->pending);
    pbus_plan_clear(&self->plan);
}

/* After an add: whether it was taken. If not, the result is full and the page complete. */
static void s_count_item(page_t *self, bool added)
{
    self->left = added ? self->left - 1 : 0;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_add_event(page_t *self, int64_t row, pbus_error_t *error)
{
    pbus_status_t status = reader_event(self->store, row, self->row, error);
    if (status == PBUS_OK)
        s_count_item(self, pbus_result_add_event(self->result, row_accept(self->row), row_event(self->row)));
    return status;
}

static pbus_status_t s_fail_series(const entry_t *entry, pbus_error_t *error)
{
    return pbus_fail(
        error, PBUS_INTERNAL,
        "row %lld of the events names the unknown series %lld: run PRAGMA integrity_check with the "
        "sqlite3 shell",
        (long long) entry->row, (long long) entry->series);
}

static pbus_status_t s_event_passes(const page_t *self, const entry_t *entry, bool *passes,
                                    pbus_error_t *error)
{
    *passes = true;
    if (!self->plan.filtered)
        return PBUS_OK;
    const pbus_series_t *series = pbus_catalogue_series(store_catalogue(self->store), entry->series);
    if (!series)
        return s_fail_series(entry, error);
    *passes = pbus_plan_event_passes(self->filter, series);
    return PBUS_OK;
}

static pbus_status_t s_take_event(page_t *self, const entry_t *entry, pbus_error_t *error)
{
    bool passes;
    pbus_status_t status = s_event_passes(self, entry, &passes, error);
    if (status != PBUS_OK || !passes)
        return status;
    if (self->skip == 0)
        return s_add_event(self, entry->row, error);
    self->skip--;
    return PBUS_OK;
}

static pbus_status_t s_fill_events(page_t *self, pbus_error_t *error)
{
    const entry_t *entry;
    const pbus_source_t *source;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && self->left > 0 && (entry = merge_top(self->merge, &source))) {
        status = s_take_event(self, entry, error);
        if (status == PBUS_OK && self->left > 0)
            status = merge_next(self->merge, error);
    }
    return status;
}

static pbus_status_t s_list_events(page_t *self, merge_order_t order, const pbus_cursor_t *after,
                                   pbus_error_t *error)
{
    if (self->left == 0)
        return PBUS_OK;
    uint64_t want = s_want(self->skip, self->left), jump = 0;
    pbus_status_t status = way_events(&self->plan, self->store, self->filter, want, error);
    if (status == PBUS_OK && self->plan.count == 1 && !self->plan.filtered) {
        jump = self->skip;
        self->skip = 0;
    }
    if (status == PBUS_OK)
        status = merge_new(&self->merge, &self->plan, store_database(self->store), order, want - jump, jump,
                           after, error);
    return status == PBUS_OK ? s_fill_events(self, error) : status;
}

/* ---- events by id ----------------------------------------------------------------------------------------
 */

typedef struct {
    pbus_cursor_t place;
    int64_t row;
} found_t;

static int s_newest_first(const void *a, const void *b)
{
    return -pbus_cursor_cmp(&((const found_t *) a)->place, &((const found_t *) b)->place);
}

static bool s_place_passes(const pbus_filter_t *filter, const reader_place_t *place)
{
    return place->origin >= filter->origin_min && place->origin <= filter->origin_max &&
           pbus_plan_event_passes(filter, place->series);
}

static pbus_status_t s_find_ids(store_t *store, const pbus_filter_t *filter, found_t *list, size_t *count,
                                pbus_error_t *error)
{
    *count = 0;
    for (size_t i = 0; i < filter->id_count; i++) {
        bool found;
        reader_place_t place;
        pbus_status_t status = reader_find(store, &filter->ids[i], &found, &place, error);
        if (status != PBUS_OK)
            return status;
        if (found && s_place_passes(filter, &place))
            list[(*count)++] = (found_t){{place.origin, filter->ids[i]}, place.row};
    }
    qsort(list, *count, sizeof *list, s_newest_first);
    return PBUS_OK;
}

static pbus_status_t s_list_ids(page_t *self, pbus_error_t *error)
{
    size_t count;
    found_t *list = calloc(self->filter->id_count, sizeof *list);
    if (!list)
        return s_fail_memory(error);
    pbus_status_t status = s_find_ids(self->store, self->filter, list, &count, error);
    if (status == PBUS_OK)
        for (size_t i = self->skip; i < count && self->left > 0 && status == PBUS_OK; i++)
            status = s_add_event(self, list[i].row, error);
    free(list);
    return status;
}

/* ---- readings --------------------------------------------------------------------------------------------
 */

static void s_take_reading(page_t *self, const pbus_reading_t *reading)
{
    if (self->skip > 0)
        self->skip--;
    else
        s_count_item(self, pbus_result_add_reading(self->result, reading));
}

/* Adds the pending readings that nothing can precede any more. */
static void s_drain(page_t *self)
{
    pbus_cursor_t bound, place;
    const pbus_reading_t *reading;
    bool bounded = merge_bound(self->merge, &bound);
    while (self->left > 0 && (reading = pbus_pending_top(self->pending, &place)) &&
           (!bounded || pbus_cursor_cmp(&place, &bound) > 0)) {
        s_take_reading(self, reading);
        pbus_pending_pop(self->pending);
    }
}

/*
 * An event all of whose readings have its origin: they come next, one after another. When they are all to be
 * passed over the event need not even be read.
 */
static pbus_status_t s_take_even(page_t *self, const entry_t *entry, size_t matches, pbus_error_t *error)
{
    if (matches > 0 && self->skip >= matches) {
        self->skip -= matches;
        return PBUS_OK;
    }
    pbus_status_t status = reader_event(self->store, entry->row, self->row, error);
    if (status != PBUS_OK)
        return status;
    const pbus_event_t *event = row_event(self->row);
    for (size_t i = 0; i < event->reading_count && self->left > 0; i++)
        if (pbus_filter_reading(self->filter, &event->readings[i]))
            s_take_reading(self, &event->readings[i]);
    return PBUS_OK;
}

static pbus_status_t s_take_uneven(page_t *self, const entry_t *entry, pbus_error_t *error)
{
    row_t *row = pbus_pending_row(self->pending);
    if (!row)
        return s_fail_memory(error);
    pbus_status_t status = reader_event(self->store, entry->row, row, error);
    if (status == PBUS_OK && !pbus_pending_add(self->pending, self->filter))
        status = s_fail_memory(error);
    return status;
}

/* *passes: whether the event may have readings that pass; *matches: how many, if the series tells. */
static pbus_status_t s_look_up(const page_t *self, const entry_t *entry, const pbus_source_t *source,
                               bool *passes, size_t *matches, pbus_error_t *error)
{
    *passes = true;
    *matches = source->matches;
    if (source->series)
        return PBUS_OK;
    const pbus_series_t *series = pbus_catalogue_series(store_catalogue(self->store), entry->series);
    if (!series)
        return s_fail_series(entry, error);
    *matches = pbus_plan_matches(self->filter, series);
    *passes = series->kind != PBUS_SERIES_PLAIN || *matches > 0;
    return PBUS_OK;
}

static pbus_status_t s_take_entry(page_t *self, const entry_t *entry, const pbus_source_t *source,
                                  pbus_error_t *error)
{
    bool passes;
    size_t matches;
    pbus_status_t status = s_look_up(self, entry, source, &passes, &matches, error);
    if (status != PBUS_OK || !passes)
        return status;
    return source->class == PBUS_SPREAD_NONE ? s_take_even(self, entry, matches, error)
                                             : s_take_uneven(self, entry, error);
}

static pbus_status_t s_fill_readings(page_t *self, pbus_error_t *error)
{
    const entry_t *entry;
    const pbus_source_t *source;
    for (;;) {
        s_drain(self);
        if (self->left == 0 || !(entry = merge_top(self->merge, &source)))
            return PBUS_OK;
        pbus_status_t status = s_take_entry(self, entry, source, error);
        if (status == PBUS_OK && self->left > 0)
            status = merge_next(self->merge, error);
        if (status != PBUS_OK)
            return status;
    }
}

/* With a single series of even events, whole events are passed over inside SQLite. */
static uint64_t s_jump(page_t *self)
{
    const pbus_source_t *source = self->plan.sources;
    if (self->plan.count != 1 || source->class != PBUS_SPREAD_NONE || source->matches == 0)
        return 0;
    uint64_t jump = self->skip / source->matches;
    self->skip %= source->matches;
    return jump;
}

static pbus_status_t s_list_readings(page_t *self, pbus_error_t *error)
{
    if (self->left == 0)
        return PBUS_OK;
    uint64_t want = s_want(self->skip, self->left);
    pbus_status_t status = way_readings(&self->plan, self->store, self->filter, want, error);
    if (status != PBUS_OK)
        return status;
    uint64_t jump = s_jump(self);
    self->pending = pbus_pending_new(&row_pending, s_want(self->skip, self->left));
    if (!self->pending)
        return s_fail_memory(error);
    status = merge_new(&self->merge, &self->plan, store_database(self->store), MERGE_READINGS, want - jump,
                       jump, NULL, error);
    return status == PBUS_OK ? s_fill_readings(self, error) : status;
}

/* ---- pages -----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_total(store_t *store, pbus_what_t what, const pbus_query_t *query,
                             pbus_result_t *result, pbus_error_t *error)
{
    uint64_t total;
    if (!query->want_total)
        return PBUS_OK;
    pbus_status_t status = what == PBUS_EVENTS ? counts_events(store, &query->filter, &total, error)
                                               : counts_readings(store, &query->filter, &total, error);
    if (status == PBUS_OK)
        pbus_result_total(result, total);
    return status;
}

static pbus_status_t s_fill_page(page_t *page, pbus_what_t what, const pbus_query_t *query,
                                 pbus_error_t *error)
{
    pbus_status_t status;
    if (!page->row)
        status = s_fail_memory(error);
    else if (what == PBUS_READINGS)
        status = s_list_readings(page, error);
    else if (query->filter.id_count > 0)
        status = s_list_ids(page, error);
    else
        status = s_list_events(page, MERGE_EVENTS_DOWN, NULL, error);
    return status == PBUS_OK ? s_total(page->store, what, query, page->result, error) : status;
}

static pbus_status_t s_list(store_t *store, pbus_what_t what, const pbus_query_t *query,
                            pbus_result_t *result, pbus_error_t *error)
{
    page_t page = {.store = store,
                   .filter = &query->filter,
                   .result = result,
                   .row = row_new(),
                   .skip = query->offset,
                   .left = query->limit};
    pbus_status_t status = store_begin_read(store, query->deadline, error);
    if (status == PBUS_OK) {
        status = s_fill_page(&page, what, query, error);
        store_end_read(store);
    }
    s_page_clear(&page);
    return status;
}

pbus_status_t list_events(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                          pbus_error_t *error)
{
    return s_list(store, PBUS_EVENTS, query, result, error);
}

pbus_status_t list_readings(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                            pbus_error_t *error)
{
    return s_list(store, PBUS_READINGS, query, result, error);
}

pbus_status_t list_scan(store_t *store, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                        uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    pbus_filter_t filter = pbus_filter_any();
    filter.origin_min = origin_min;
    filter.origin_max = origin_max;
    page_t page = {.store = store, .filter = &filter, .result = result, .row = row_new(), .left = limit};
    /* A cursor below the range would widen it. */
    const pbus_cursor_t *begin = after && after->origin >= origin_min ? after : NULL;
    pbus_status_t status = store_begin_read(store, 0, error);
    if (status == PBUS_OK) {
        status = page.row ? s_list_events(&page, MERGE_EVENTS_UP, begin, error) : s_fail_memory(error);
        store_end_read(store);
    }
    s_page_clear(&page);
    return status;
}

/* ---- sources ---------------------------------------------------------------------------------------------
 */

static pbus_status_t s_add_sources(store_t *store, pbus_result_t *result, pbus_error_t *error)
{
    sqlite3_stmt *row = database_statement(store_database(store), SQL_SOURCES, error);
    if (!row)
        return error->status;
    for (bool added = true; added;) {
        bool found;
        pbus_status_t status = database_step(store_database(store), row, &found, error);
        if (status != PBUS_OK || !found)
            return status;
        added = pbus_result_add_source(result, database_text(row, 0), database_text(row, 1),
                                       (uint64_t) sqlite3_column_int64(row, 2));
    }
    database_done(row);
    return PBUS_OK;
}

pbus_status_t list_sources(store_t *store, pbus_result_t *result, pbus_error_t *error)
{
    pbus_status_t status = store_begin_read(store, 0, error);
    if (status == PBUS_OK) {
        status = s_add_sources(store, result, error);
        store_end_read(store);
    }
    return status;
}
