/*
 * Aggregate: exact, in the server's type numeric, over the readings that pass the filter.
 *
 * A reading takes part in the figures if its type is a scalar number and its value has decimal digits; null
 * readings, NaN and infinities only make their group exist. SUM of integers beyond their 64 bits is an
 * overflow. A mean gets 40 digits, which is more than tells neighbouring doubles apart.
 *
 * Each event is looked at once, whatever the number of its readings; its values go to figures per reading of
 * its shape, found by two small numbers, and only those few are grouped by their names.
 */
#include "pg_store.h"

/* By pbus_function_t: x, of the values v of one reading of a shape; and the result, of the x and their counts
 * n. */
static const struct {
    const char *part;
    const char *whole;
} s_sql[] = {
    [PBUS_MIN] = {"min(v)", "min(x)"},
    [PBUS_MAX] = {"max(v)", "max(x)"},
    [PBUS_COUNT] = {"NULL::numeric", "sum(n)"},
    [PBUS_SUM] = {"sum(v)", "sum(x)"},
    /* The quotient has as many decimals as its dividend: 40, and the zeros behind the point of a small one.
     */
    [PBUS_AVG] = {"sum(v)",
                  "CASE WHEN sum(x) = 0 THEN 0 WHEN sum(x) <> 0 THEN"
                  " round(sum(x), least(1000, greatest(scale(sum(x)), 40 - floor(log(abs(sum(x))))::int"
                  " + ceil(log(sum(n)))::int))) / sum(n) END"},
};

static const char s_matching[] =
    "WITH r AS MATERIALIZED (SELECT r.*, s.own, r.type = ANY"
    " ('{Int8,Int16,Int32,Int64,Uint8,Uint16,Uint32,Uint64,Float32,Float64}') AS number"
    " FROM shape_reading r JOIN shape s ON s.id = r.shape WHERE true";

/* Rows (shape, k, number, text): first of the events whose readings have the event's origin, then of the
 * others. */
static const char s_plain[] = "SELECT m.shape, u.k, u.number, e.texts[u.k] AS text"
                              " FROM m JOIN stored_event e ON e.shape = m.shape"
                              " CROSS JOIN LATERAL unnest(m.ks, m.numbers) AS u (k, number) WHERE true";
static const char s_own[] = " UNION ALL SELECT r.shape, r.k, r.number, e.texts[r.k] FROM r"
                            " JOIN own_origin o ON o.shape = r.shape AND o.k = r.k"
                            " JOIN stored_event e ON e.id = o.id WHERE r.own";

static const char s_value[] = "CASE WHEN number AND text <> ALL ('{NaN,+Inf,-Inf,Infinity,-Infinity}')"
                              " THEN text::numeric END AS v";

static void s_ask(pg_store_t *self, const pbus_filter_t *filter, pbus_function_t function)
{
    pg_params_t *params = &self->params;
    pg_store_sql(self, s_matching);
    pg_sql_resources(params, filter);
    pg_params_sql(params,
                  "), m AS MATERIALIZED (SELECT shape, array_agg(k) AS ks, array_agg(number) AS numbers"
                  " FROM r WHERE NOT own GROUP BY shape),"
                  " p AS (SELECT shape, k, count(v) AS n, %s AS x FROM (SELECT shape, k, %s FROM (%s",
                  s_sql[function].part, s_value, s_plain);
    pg_sql_bounds(params, "e.origin", filter->origin_min, filter->origin_max);
    pg_params_sql(params, "%s", s_own);
    pg_sql_bounds(params, "o.origin", filter->origin_min, filter->origin_max);
    pg_params_sql(params,
                  ") t) v GROUP BY shape, k)"
                  " SELECT device, profile, resource, type, sum(n)::bigint, trim_scale(%s)::text,"
                  " sum(x) BETWEEN -9223372036854775808 AND 9223372036854775807,"
                  " sum(x) BETWEEN 0 AND 18446744073709551615"
                  " FROM p JOIN shape_reading USING (shape, k) GROUP BY device, profile, resource, type",
                  s_sql[function].whole);
}

static bool s_is_int(pbus_type_t type)
{
    return type >= PBUS_INT8 && type <= PBUS_INT64;
}

static bool s_is_uint(pbus_type_t type)
{
    return type >= PBUS_UINT8 && type <= PBUS_UINT64;
}

static pbus_status_t s_add_group(pbus_function_t function, const pg_row_t *row, pbus_result_t *result,
                                 bool *full, pbus_error_t *error)
{
    pbus_reading_t like = {.device = row->fields[0], .profile = row->fields[1], .resource = row->fields[2]};
    uint64_t count = (uint64_t) pg_field_int8(row->fields[4]);
    if (!pbus_type_parse(row->fields[3], &like.type))
        return pbus_fail(error, PBUS_INTERNAL, "a stored reading has the unknown type %.*s",
                         (int) (row->fields[3].size < 40 ? row->fields[3].size : 40), row->fields[3].data);
    bool fits = s_is_int(like.type) ? pg_field_bool(row->fields[6])
                                    : !s_is_uint(like.type) || pg_field_bool(row->fields[7]);
    if (function == PBUS_SUM && count && !fits)
        return pbus_fail(error, PBUS_OVERFLOW, "the sum of %.*s of %.*s does not fit 64 bits",
                         (int) (like.resource.size < 80 ? like.resource.size : 80), like.resource.data,
                         (int) (like.device.size < 80 ? like.device.size : 80), like.device.data);
    *full = !pbus_result_add_group(result, &like, count, count ? row->fields[5] : PBUS_STR(""));
    return PBUS_OK;
}

pbus_status_t pg_store_aggregate(void *handle, const pbus_filter_t *filter, pbus_function_t function,
                                 pbus_result_t *result, pbus_error_t *error)
{
    pg_store_t *self = handle;
    if (function < PBUS_MIN || function > PBUS_AVG)
        return pbus_fail(error, PBUS_INVALID, "%d is no aggregate function", (int) function);
    pbus_status_t status = pg_filter_check(filter, error);
    if (status == PBUS_OK)
        status = pg_store_ready(self, error);
    if (status != PBUS_OK)
        return status;
    s_ask(self, filter, function);
    status = pg_store_run(self, 0, error);
    pg_row_t row = pg_row_first();
    bool full = false;
    while (status == PBUS_OK && !full && pg_rows_next(&self->rows, &row))
        status = s_add_group(function, &row, result, &full, error);
    return status;
}
