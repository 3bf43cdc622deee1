/*
 * Readings in a range of time: an event of a plain series whose origin is so far inside that all its readings
 * must be, counts without a look at it; only those near the bounds, within the spread of the series, are
 * read.
 */
#include "counts.h"

#include "cursor.h"
#include "reader.h"

/* ---- without bounds --------------------------------------------------------------------------------------
 */

pbus_status_t counts_all(store_t *store, counts_t *counts, pbus_error_t *error)
{
    bool found;
    sqlite3_stmt *row = database_statement(store_database(store), SQL_STORE, error);
    if (!row)
        return error->status;
    pbus_status_t status = database_step(store_database(store), row, &found, error);
    *counts = (counts_t){0};
    if (status == PBUS_OK && found)
        *counts =
            (counts_t){(uint64_t) sqlite3_column_int64(row, 3), (uint64_t) sqlite3_column_int64(row, 4)};
    database_done(row);
    return status;
}

pbus_status_t counts_of(store_t *store, const pbus_series_t *series, counts_t *counts, pbus_error_t *error)
{
    bool found;
    sqlite3_stmt *row = database_statement(store_database(store), SQL_COUNTS, error);
    if (!row)
        return error->status;
    sqlite3_bind_int64(row, 1, series->number);
    pbus_status_t status = database_step(store_database(store), row, &found, error);
    *counts = (counts_t){0};
    if (status == PBUS_OK && found)
        *counts =
            (counts_t){(uint64_t) sqlite3_column_int64(row, 0), (uint64_t) sqlite3_column_int64(row, 1)};
    database_done(row);
    return status;
}

static bool s_is_bounded(const pbus_filter_t *filter)
{
    return filter->origin_min != INT64_MIN || filter->origin_max != INT64_MAX;
}

/* ---- ranges ----------------------------------------------------------------------------------------------
 */

/* How many events of the source have an origin in the span. */
static pbus_status_t s_count_span(store_t *store, const pbus_source_t *source, pbus_span_t span,
                                  uint64_t *count, pbus_error_t *error)
{
    bool found;
    *count = 0;
    if (span.min > span.max)
        return PBUS_OK;
    sqlite3_stmt *range =
        database_statement(store_database(store), source->series ? SQL_SERIES_RANGE : SQL_CLASS_RANGE, error);
    if (!range)
        return error->status;
    sqlite3_bind_int64(range, 1, source->series ? source->series->number : source->class);
    sqlite3_bind_int64(range, 2, span.min);
    sqlite3_bind_int64(range, 3, span.max);
    pbus_status_t status = database_step(store_database(store), range, &found, error);
    if (status == PBUS_OK && found)
        *count = (uint64_t) sqlite3_column_int64(range, 0);
    database_done(range);
    return status;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_count_ids(store_t *store, const pbus_filter_t *filter, uint64_t *count,
                                 pbus_error_t *error)
{
    for (size_t i = 0; i < filter->id_count; i++) {
        bool found;
        reader_place_t place;
        pbus_status_t status = reader_find(store, &filter->ids[i], &found, &place, error);
        if (status != PBUS_OK)
            return status;
        *count += found && place.origin >= filter->origin_min && place.origin <= filter->origin_max &&
                  pbus_plan_event_passes(filter, place.series);
    }
    return PBUS_OK;
}

static pbus_status_t s_count_events_of(store_t *store, const pbus_source_t *source, bool bounded,
                                       uint64_t *count, pbus_error_t *error)
{
    counts_t counts;
    if (bounded)
        return s_count_span(store, source, source->span, count, error);
    pbus_status_t status = counts_of(store, source->series, &counts, error);
    *count = counts.events;
    return status;
}

static pbus_status_t s_count_event_plan(store_t *store, const pbus_plan_t *plan, bool bounded,
                                        uint64_t *count, pbus_error_t *error)
{
    for (size_t i = 0; i < plan->count; i++) {
        uint64_t more;
        pbus_status_t status = s_count_events_of(store, &plan->sources[i], bounded, &more, error);
        if (status != PBUS_OK)
            return status;
        *count += more;
    }
    return PBUS_OK;
}

static pbus_status_t s_count_all(store_t *store, pbus_what_t what, uint64_t *count, pbus_error_t *error)
{
    counts_t counts;
    pbus_status_t status = counts_all(store, &counts, error);
    *count = what == PBUS_EVENTS ? counts.events : counts.readings;
    return status;
}

pbus_status_t counts_events(store_t *store, const pbus_filter_t *filter, uint64_t *count, pbus_error_t *error)
{
    *count = 0;
    if (filter->id_count > 0)
        return s_count_ids(store, filter, count, error);
    if (!s_is_bounded(filter) && filter->device.size == 0 && filter->source.size == 0)
        return s_count_all(store, PBUS_EVENTS, count, error);
    pbus_plan_t plan = {0};
    pbus_status_t status = pbus_plan_events(&plan, store_catalogue(store), filter, error);
    if (status == PBUS_OK)
        status = s_count_event_plan(store, &plan, s_is_bounded(filter), count, error);
    pbus_plan_clear(&plan);
    return status;
}

/* ---- readings --------------------------------------------------------------------------------------------
 */

static pbus_status_t s_count_entry(store_t *store, const pbus_filter_t *filter, row_t *row, int64_t number,
                                   uint64_t *count, pbus_error_t *error)
{
    pbus_status_t status = reader_event(store, number, row, error);
    if (status != PBUS_OK)
        return status;
    const pbus_event_t *event = row_event(row);
    for (size_t i = 0; i < event->reading_count; i++)
        *count += pbus_filter_reading(filter, &event->readings[i]);
    return PBUS_OK;
}

/* Looks at each event of the span. */
static pbus_status_t s_count_one_by_one(store_t *store, const pbus_filter_t *filter, pbus_source_t source,
                                        pbus_span_t span, uint64_t *count, pbus_error_t *error)
{
    source.span = span;
    cursor_t at = cursor(&source, CURSOR_DOWN, 64);
    row_t *row = row_new();
    const entry_t *entry = NULL;
    pbus_status_t status = row ? PBUS_OK : pbus_fail(error, PBUS_NOMEM, "out of memory while counting");
    while (status == PBUS_OK) {
        status = cursor_peek(&at, store_database(store), &entry, error);
        if (status != PBUS_OK || !entry)
            break;
        status = s_count_entry(store, filter, row, entry->row, count, error);
        cursor_next(&at);
    }
    cursor_clear(&at);
    row_destroy(&row);
    return status;
}

/* The candidates on either side of those that are certain. */
static pbus_status_t s_count_edges(store_t *store, const pbus_filter_t *filter, const pbus_source_t *source,
                                   pbus_span_t certain, uint64_t *count, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (certain.min > source->span.min) {
        pbus_span_t below = {source->span.min, certain.min - 1};
        status = s_count_one_by_one(store, filter, *source, below, count, error);
    }
    if (status == PBUS_OK && certain.max < source->span.max) {
        pbus_span_t above = {certain.max + 1, source->span.max};
        status = s_count_one_by_one(store, filter, *source, above, count, error);
    }
    return status;
}

static pbus_status_t s_count_readings_between(store_t *store, const pbus_filter_t *filter,
                                              const pbus_source_t *source, uint64_t *count,
                                              pbus_error_t *error)
{
    uint64_t events;
    pbus_span_t certain =
        pbus_spread_certain(source->spread, (pbus_span_t){filter->origin_min, filter->origin_max});
    if (source->matches == 0 || certain.min > certain.max)
        return s_count_one_by_one(store, filter, *source, source->span, count, error);
    pbus_status_t status = s_count_span(store, source, certain, &events, error);
    if (status != PBUS_OK)
        return status;
    *count += events * source->matches;
    return s_count_edges(store, filter, source, certain, count, error);
}

/* All readings of a mixed series pass if only its device is asked for, and it has no other. */
static bool s_passes_whole(const pbus_filter_t *filter, const pbus_series_t *series)
{
    return filter->resource_count == 0 && (filter->device.size == 0 || series->kind == PBUS_SERIES_MIXED);
}

static pbus_status_t s_count_readings_of(store_t *store, const pbus_filter_t *filter,
                                         const pbus_source_t *source, uint64_t *count, pbus_error_t *error)
{
    counts_t counts;
    if (s_is_bounded(filter))
        return s_count_readings_between(store, filter, source, count, error);
    if (source->matches == 0 && !s_passes_whole(filter, source->series))
        return s_count_one_by_one(store, filter, *source, source->span, count, error);
    pbus_status_t status = counts_of(store, source->series, &counts, error);
    if (status == PBUS_OK)
        *count += source->matches > 0 ? counts.events * source->matches : counts.readings;
    return status;
}

pbus_status_t counts_readings(store_t *store, const pbus_filter_t *filter, uint64_t *count,
                              pbus_error_t *error)
{
    *count = 0;
    if (!s_is_bounded(filter) && filter->device.size == 0 && filter->resource_count == 0)
        return s_count_all(store, PBUS_READINGS, count, error);
    pbus_plan_t plan = {0};
    pbus_status_t status = pbus_plan_reading_series(&plan, store_catalogue(store), filter, error);
    for (size_t i = 0; i < plan.count && status == PBUS_OK; i++)
        status = s_count_readings_of(store, filter, &plan.sources[i], count, error);
    pbus_plan_clear(&plan);
    return status;
}
