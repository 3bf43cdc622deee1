/*
 * Purge: removes events in steps. A step looks at some events in order of origin, from where the step before
 * it ended, deletes those that it may, and takes them off the counters, all in one statement and transaction.
 * The place is remembered between calls with the same filter, so that a purge of millions passes each event
 * once and does not walk again over what it has deleted but the server has not yet cleaned up.
 */
#include "pg_store.h"

#include <string.h>

#define MS INT64_C(1000000)
#define CALL_NS (40 * MS) /* when a call returns at the latest, but for the step then under way */
#define STEP_LONG (30 * MS)
#define STEP_SHORT (10 * MS)
#define FORGET_NS (10000 * MS)
#define CHUNK_MIN 10u
#define CHUNK_FIRST 200u
#define CHUNK_MAX 2000u

/* ---- where it is -------------------------------------------------------------------------------------- */

/* A purge that was not gone on with for a while begins anew: events may have come behind its place. */
static bool s_is_same(const pg_purge_t *self, const pbus_filter_t *filter)
{
    return self->under_way && pbus_clock_boottime() - self->touched < FORGET_NS &&
           pbus_str_eq(self->filter.device, filter->device) &&
           pbus_str_eq(self->filter.source, filter->source) &&
           self->filter.origin_min == filter->origin_min && self->filter.origin_max == filter->origin_max &&
           self->filter.accept_max == filter->accept_max;
}

static bool s_names_source(const pbus_filter_t *filter)
{
    return filter->device.size || filter->source.size;
}

/* Which shapes to go through. */
static pbus_status_t s_list_shapes(pg_store_t *self, pbus_error_t *error)
{
    pg_purge_t *purge = &self->purge;
    pg_store_sql(self, "SELECT s.id FROM shape s WHERE true");
    pg_sql_sources(&self->params, &purge->filter);
    pbus_status_t status = pg_store_run(self, 0, error);
    pg_row_t row = pg_row_first();
    while (status == PBUS_OK && pg_rows_next(&self->rows, &row)) {
        int32_t id = pg_field_int4(row.fields[0]);
        pbus_buf_append(&purge->shapes, &id, sizeof id);
    }
    if (status == PBUS_OK && purge->shapes.failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for a purge");
    return status;
}

static pbus_status_t s_begin(pg_store_t *self, const pbus_filter_t *filter, pbus_error_t *error)
{
    pg_purge_t *purge = &self->purge;
    purge->under_way = purge->has_cursor = false;
    pbus_buf_reset(&purge->names);
    pbus_buf_reset(&purge->shapes);
    pbus_buf_append(&purge->names, filter->device.data, filter->device.size);
    pbus_buf_append(&purge->names, filter->source.data, filter->source.size);
    if (purge->names.failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for a purge");
    const char *names = purge->names.data ? (const char *) purge->names.data : "";
    purge->filter = *filter;
    purge->filter.device.data = names;
    purge->filter.source.data = names + filter->device.size;
    if (!purge->chunk)
        purge->chunk = CHUNK_FIRST;
    pbus_status_t status = s_names_source(filter) ? s_list_shapes(self, error) : PBUS_OK;
    purge->under_way = status == PBUS_OK;
    return status;
}

/* ---- one step ----------------------------------------------------------------------------------------- */

/* Accept numbers have 64 bits without a sign, bigint has one. */
static void s_put_accept(pg_params_t *params, uint64_t accept_max)
{
    int64_t bound = (int64_t) accept_max;
    if (accept_max == UINT64_MAX)
        return;
    if (bound >= 0)
        pg_params_sql(params, " AND e.accept BETWEEN 0 AND $%d::bigint", pg_params_int(params, bound));
    else
        pg_params_sql(params, " AND (e.accept >= 0 OR e.accept <= $%d::bigint)",
                      pg_params_int(params, bound));
}

static void s_put_look(pg_store_t *self, uint32_t count)
{
    const pg_purge_t *purge = &self->purge;
    pg_params_t *params = &self->params;
    pg_store_sql(self, "WITH looked AS MATERIALIZED (SELECT id, origin FROM stored_event WHERE true");
    if (s_names_source(&purge->filter)) {
        int32_t shape;
        memcpy(&shape, purge->shapes.data + purge->shapes.size - sizeof shape, sizeof shape);
        pg_params_sql(params, " AND shape = $%d::int", pg_params_int4(params, shape));
    }
    pg_sql_bounds(params, "origin", purge->has_cursor ? INT64_MIN : purge->filter.origin_min,
                  purge->filter.origin_max);
    if (purge->has_cursor)
        pg_params_sql(params, " AND (origin, id) > ($%d::bigint, $%d::uuid)",
                      pg_params_int(params, purge->cursor.origin), pg_params_uuid(params, &purge->cursor.id));
    pg_params_sql(params, " ORDER BY origin, id LIMIT $%d::bigint)", pg_params_int(params, count));
}

/* The row: how many were deleted, how many looked at, the last one's origin and id. */
static pbus_status_t s_run_step(pg_store_t *self, uint32_t count, pg_row_t *row, pbus_error_t *error)
{
    pg_params_t *params = &self->params;
    s_put_look(self, count);
    pg_params_sql(params, ", changed AS (DELETE FROM stored_event e USING looked l WHERE e.id = l.id");
    s_put_accept(params, self->purge.filter.accept_max);
    pg_params_sql(params, " RETURNING e.id, e.shape, e.origins)%s", pg_sql_forget_origins);
    pg_sql_counters(params, self->schema.slot, false, 0);
    pg_params_sql(params,
                  " SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM looked), l.origin, l.id"
                  " FROM (SELECT) AS one LEFT JOIN LATERAL"
                  " (SELECT * FROM looked ORDER BY origin DESC, id DESC LIMIT 1) l ON true");
    return pg_store_run_row(self, 0, row, error);
}

/* Goes on to the next shape; false when there is none. */
static bool s_next_shape(pg_purge_t *purge)
{
    purge->has_cursor = false;
    if (s_names_source(&purge->filter) && purge->shapes.size)
        purge->shapes.size -= sizeof(int32_t);
    return s_names_source(&purge->filter) && purge->shapes.size;
}

/* Steps are to take neither too long nor to be too many. */
static void s_adapt(pg_purge_t *purge, int64_t taken, uint32_t looked)
{
    if (taken > STEP_LONG)
        purge->chunk = purge->chunk / 2 > CHUNK_MIN ? purge->chunk / 2 : CHUNK_MIN;
    else if (taken < STEP_SHORT && looked == purge->chunk)
        purge->chunk = purge->chunk * 2 < CHUNK_MAX ? purge->chunk * 2 : CHUNK_MAX;
}

static pbus_status_t s_step(pg_store_t *self, uint32_t limit, uint64_t *deleted, pbus_error_t *error)
{
    pg_purge_t *purge = &self->purge;
    pg_row_t row;
    uint32_t count = limit < purge->chunk ? limit : purge->chunk;
    int64_t start = pbus_clock_boottime();
    pbus_status_t status = s_run_step(self, count, &row, error);
    if (status != PBUS_OK)
        return status;
    uint32_t looked = (uint32_t) pg_field_int8(row.fields[1]);
    *deleted += (uint64_t) pg_field_int8(row.fields[0]);
    purge->has_cursor = pg_field_uuid(row.fields[3], &purge->cursor.id);
    purge->cursor.origin = pg_field_int8(row.fields[2]);
    s_adapt(purge, pbus_clock_boottime() - start, looked);
    if (looked < count)
        purge->under_way = s_next_shape(purge);
    return PBUS_OK;
}

static pbus_status_t s_steps(pg_store_t *self, uint32_t limit, uint64_t *deleted, pbus_error_t *error)
{
    int64_t start = pbus_clock_boottime();
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && self->purge.under_way && *deleted < limit &&
           pbus_clock_boottime() - start < CALL_NS)
        status = s_step(self, (uint32_t) (limit - *deleted), deleted, error);
    return status;
}

/* A step that was in the way of another worker's transaction was rolled back; it is run again by the next
 * call. */
pbus_status_t pg_store_purge(void *handle, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                             bool *more, pbus_error_t *error)
{
    pg_store_t *self = handle;
    *deleted = 0;
    *more = false;
    pbus_status_t status = pg_store_ready(self, error);
    if (status == PBUS_OK && !s_is_same(&self->purge, filter))
        status = s_begin(self, filter, error);
    if (status == PBUS_OK && s_names_source(filter) && self->purge.shapes.size == 0)
        self->purge.under_way = false; /* nobody ever sent under this name */
    if (status == PBUS_OK)
        status = s_steps(self, limit, deleted, error);
    if (status != PBUS_OK && pg_link_was_crossed(self->link))
        status = PBUS_OK;
    *more = status == PBUS_OK && self->purge.under_way;
    self->purge.touched = pbus_clock_boottime();
    return status;
}
