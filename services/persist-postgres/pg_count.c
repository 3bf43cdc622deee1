/*
 * Counts: from the counters, by shape, as long as the filter has no bounds of origin; else from the indexes,
 * whose entries between the bounds are counted one by one. And the list of sources, which is a count as well.
 */
#include "pg_store.h"

/* ---- events ------------------------------------------------------------------------------------------- */

static void s_ask_events(pg_store_t *self, const pbus_filter_t *filter)
{
    pg_params_t *params = &self->params;
    bool by_source = filter->device.size || filter->source.size;
    if (filter->id_count) {
        pg_store_sql(self, "SELECT count(*) FROM stored_event e JOIN shape s ON s.id = e.shape");
        pg_params_sql(params, " WHERE e.id = ANY ($%d::uuid[])",
                      pg_params_uuids(params, filter->ids, filter->id_count));
        pg_sql_sources(params, filter);
        pg_sql_bounds(params, "e.origin", filter->origin_min, filter->origin_max);
    } else if (!pg_filter_is_bounded(filter) && !by_source) {
        pg_store_sql(self, "SELECT coalesce(sum(events), 0)::bigint FROM total");
    } else if (!pg_filter_is_bounded(filter)) {
        pg_store_sql(self,
                     "SELECT coalesce(sum(c.events), 0)::bigint FROM shape s JOIN counter c ON c.shape = s.id"
                     " WHERE true");
        pg_sql_sources(params, filter);
    } else if (!by_source) {
        pg_store_sql(self, "SELECT count(*) FROM stored_event WHERE true");
        pg_sql_bounds(params, "origin", filter->origin_min, filter->origin_max);
    } else {
        pg_store_sql(self, "SELECT coalesce(sum(c.events), 0)::bigint FROM shape s CROSS JOIN LATERAL"
                           " (SELECT count(*) AS events FROM stored_event WHERE shape = s.id");
        pg_sql_bounds(params, "origin", filter->origin_min, filter->origin_max);
        pg_params_sql(params, ") c WHERE true");
        pg_sql_sources(params, filter);
    }
}

/* ---- readings ----------------------------------------------------------------------------------------- */

/* Without bounds: how many readings of each shape match, times its events. */
static void s_ask_counted_readings(pg_store_t *self, const pbus_filter_t *filter)
{
    if (!filter->device.size && !filter->resource_count) {
        pg_store_sql(self, "SELECT coalesce(sum(readings), 0)::bigint FROM total");
        return;
    }
    pg_store_sql(self, "SELECT coalesce(sum(r.n * c.events), 0)::bigint FROM"
                       " (SELECT r.shape, count(*) AS n FROM shape_reading r WHERE true");
    pg_sql_resources(&self->params, filter);
    pg_params_sql(&self->params, " GROUP BY r.shape) r JOIN counter c ON c.shape = r.shape");
}

static void s_ask_bounded_readings(pg_store_t *self, const pbus_filter_t *filter)
{
    pg_params_t *params = &self->params;
    bool any = !filter->device.size && !filter->resource_count;
    pg_store_sql(self,
                 "WITH r AS MATERIALIZED (SELECT r.shape, s.own, array_agg(r.k) AS ks FROM shape_reading r"
                 " JOIN shape s ON s.id = r.shape WHERE true");
    pg_sql_resources(params, filter);
    pg_params_sql(params,
                  " GROUP BY r.shape, s.own)"
                  " SELECT (coalesce((SELECT sum(cardinality(r.ks) * c.events) FROM r CROSS JOIN LATERAL"
                  " (SELECT count(*) AS events FROM stored_event WHERE shape = r.shape");
    pg_sql_bounds(params, "origin", filter->origin_min, filter->origin_max);
    pg_params_sql(params, ") c WHERE NOT r.own), 0) + coalesce((SELECT sum(c.readings) FROM");
    if (any)
        pg_params_sql(params, " (SELECT count(*) AS readings FROM own_origin WHERE true");
    else
        pg_params_sql(
            params, " r CROSS JOIN LATERAL unnest(r.ks) AS k CROSS JOIN LATERAL (SELECT count(*) AS readings"
                    " FROM own_origin o WHERE o.shape = r.shape AND o.k = k.k AND r.own");
    pg_sql_bounds(params, "origin", filter->origin_min, filter->origin_max);
    pg_params_sql(params, ") c), 0))::bigint");
}

/* ---- both --------------------------------------------------------------------------------------------- */

pbus_status_t pg_count(pg_store_t *self, pbus_what_t what, const pbus_filter_t *filter, int64_t deadline,
                       uint64_t *count, pbus_error_t *error)
{
    pg_row_t row;
    if (what == PBUS_EVENTS)
        s_ask_events(self, filter);
    else if (pg_filter_is_bounded(filter))
        s_ask_bounded_readings(self, filter);
    else
        s_ask_counted_readings(self, filter);
    pbus_status_t status = pg_store_run_row(self, deadline, &row, error);
    int64_t found = pg_field_int8(row.fields[0]);
    *count = found > 0 ? (uint64_t) found : 0;
    return status;
}

pbus_status_t pg_store_count(void *handle, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                             pbus_error_t *error)
{
    pbus_status_t status = pg_filter_check(filter, error);
    if (status == PBUS_OK)
        status = pg_store_ready(handle, error);
    return status == PBUS_OK ? pg_count(handle, what, filter, 0, count, error) : status;
}

pbus_status_t pg_store_list_sources(void *handle, pbus_result_t *result, pbus_error_t *error)
{
    pg_store_t *self = handle;
    pbus_status_t status = pg_store_ready(self, error);
    if (status != PBUS_OK)
        return status;
    pg_store_sql(
        self, "SELECT s.device, s.source, sum(c.events)::bigint FROM counter c JOIN shape s ON s.id = c.shape"
              " GROUP BY s.device, s.source HAVING sum(c.events) > 0");
    status = pg_store_run(self, 0, error);
    pg_row_t row = pg_row_first();
    while (status == PBUS_OK && pg_rows_next(&self->rows, &row))
        if (!pbus_result_add_source(result, row.fields[0], row.fields[1],
                                    (uint64_t) pg_field_int8(row.fields[2])))
            break;
    return status;
}
