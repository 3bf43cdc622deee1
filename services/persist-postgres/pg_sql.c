/*
 * Pieces of SQL that several statements share. Bounds that let everything pass are left out, so that the
 * planner sees what is really asked for.
 */
#include "pg_store.h"

#include <inttypes.h>

void pg_sql_bounds(pg_params_t *params, const char *column, int64_t origin_min, int64_t origin_max)
{
    if (origin_min != INT64_MIN)
        pg_params_sql(params, " AND %s >= $%d::bigint", column, pg_params_int(params, origin_min));
    if (origin_max != INT64_MAX)
        pg_params_sql(params, " AND %s <= $%d::bigint", column, pg_params_int(params, origin_max));
}

void pg_sql_sources(pg_params_t *params, const pbus_filter_t *filter)
{
    if (filter->device.size)
        pg_params_sql(params, " AND s.device = $%d::text", pg_params_text(params, filter->device));
    if (filter->source.size)
        pg_params_sql(params, " AND s.source = $%d::text", pg_params_text(params, filter->source));
}

void pg_sql_resources(pg_params_t *params, const pbus_filter_t *filter)
{
    if (filter->device.size)
        pg_params_sql(params, " AND r.device = $%d::text", pg_params_text(params, filter->device));
    if (filter->resource_count == 1) /* a hash index knows = alone */
        pg_params_sql(params, " AND r.resource = $%d::text", pg_params_text(params, filter->resources[0]));
    else if (filter->resource_count)
        pg_params_sql(params, " AND r.resource = ANY ($%d::text[])",
                      pg_params_texts(params, filter->resources, filter->resource_count));
}

void pg_sql_counters(pg_params_t *params, int32_t slot, bool add, uint64_t mark)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, mark);
    int slot_param = pg_params_int4(params, slot);
    int mark_param = pg_params_text(params, (pbus_str_t){digits, (size_t) size});
    pg_params_sql(params,
                  ", tally AS MATERIALIZED (SELECT shape, %s AS events FROM changed GROUP BY shape)"
                  ", counted AS (INSERT INTO counter AS c (slot, shape, events)"
                  " SELECT $%d::int, shape, events FROM tally"
                  " ON CONFLICT (slot, shape) DO UPDATE SET events = c.events + excluded.events)"
                  ", totalled AS (UPDATE total SET"
                  " events = total.events + coalesce((SELECT sum(events) FROM tally), 0),"
                  " readings = total.readings + coalesce((SELECT sum(t.events * s.readings)"
                  " FROM tally t JOIN shape s ON s.id = t.shape), 0),"
                  " mark = greatest(mark, $%d::text::numeric) WHERE slot = $%d::int)",
                  add ? "count(*)" : "-count(*)", slot_param, mark_param, slot_param);
}

const char pg_sql_forget_origins[] =
    ", forgotten AS (DELETE FROM own_origin o USING changed c, generate_subscripts(c.origins, 1) AS i"
    " WHERE o.shape = c.shape AND o.k = i AND o.origin = c.origins[i] AND o.id = c.id)";

bool pg_filter_is_bounded(const pbus_filter_t *filter)
{
    return filter->origin_min != INT64_MIN || filter->origin_max != INT64_MAX;
}

pbus_status_t pg_filter_check(const pbus_filter_t *filter, pbus_error_t *error)
{
    if (filter->accept_max != UINT64_MAX)
        return pbus_fail(error, PBUS_UNSUPPORTED, "a bound on accept numbers is for a purge only");
    return PBUS_OK;
}
