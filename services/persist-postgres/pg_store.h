/*
 * Store: what a handle of the backend is, and what its functions share. A handle is used by one thread at a
 * time and has one connection, which it never holds while it waits for another.
 */
#ifndef PG_STORE_H
#define PG_STORE_H

#include "pg_event.h"
#include "pg_link.h"
#include "pg_schema.h"
#include "pg_shapes.h"

#include <persistbus/backend.h>

/* Where a purge that takes several calls has got to. */
typedef struct {
    bool under_way;
    int64_t touched;      /* CLOCK_BOOTTIME ns: when the last call ended */
    pbus_filter_t filter; /* device and source point into names */
    pbus_buf_t names;
    pbus_buf_t shapes; /* int32_t: those that are left, when the filter names a device or a source */
    bool has_cursor;
    pbus_cursor_t cursor; /* last event looked at */
    uint32_t chunk;       /* how many events to look at in one statement */
} pg_purge_t;

typedef struct {
    pbus_log_t *log;
    pbus_lane_t lane;
    const char *schema_name;
    pg_link_t *link;
    pg_schema_t schema;
    pg_shapes_t *shapes;
    pg_events_t *events;
    pbus_decoder_t *decoder;
    pg_params_t params;
    pg_rows_t rows;
    pbus_buf_t scratch;
    size_t row_bytes; /* of an event as last listed, on average; decides how many are asked for at once */
    bool was_full;    /* the disk was; health has to see more than an answer */
    pg_purge_t purge;
} pg_store_t;

/* The backend's table. */
extern const pbus_backend_t pg_backend;

pbus_status_t pg_store_open(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                            pbus_error_t *error);
void pg_store_close(void **self_p);
pbus_status_t pg_store_health(void *self, pbus_health_t *health, pbus_error_t *error);

/* Connected and in its schema, again if need be; every function begins with it. */
pbus_status_t pg_store_ready(pg_store_t *self, pbus_error_t *error);

/* Begins the next statement: empties params and rows, and begins its text. */
void pg_store_sql(pg_store_t *self, const char *sql);
/* Runs it; deadline as for pg_link_run. */
pbus_status_t pg_store_run(pg_store_t *self, int64_t deadline, pbus_error_t *error);
/* Runs it; *row is its first row, zeros if there is none. */
pbus_status_t pg_store_run_row(pg_store_t *self, int64_t deadline, pg_row_t *row, pbus_error_t *error);

pbus_status_t pg_store_write(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error);
pbus_status_t pg_store_purge(void *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                             bool *more, pbus_error_t *error);
pbus_status_t pg_store_list_events(void *self, const pbus_query_t *query, pbus_result_t *result,
                                   pbus_error_t *error);
pbus_status_t pg_store_list_readings(void *self, const pbus_query_t *query, pbus_result_t *result,
                                     pbus_error_t *error);
pbus_status_t pg_store_count(void *self, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                             pbus_error_t *error);
pbus_status_t pg_store_aggregate(void *self, const pbus_filter_t *filter, pbus_function_t function,
                                 pbus_result_t *result, pbus_error_t *error);
pbus_status_t pg_store_list_sources(void *self, pbus_result_t *result, pbus_error_t *error);
pbus_status_t pg_store_scan(void *self, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                            uint32_t limit, pbus_result_t *result, pbus_error_t *error);

/* As pg_store_count, on a store that is ready; deadline as for pg_link_run. */
pbus_status_t pg_count(pg_store_t *self, pbus_what_t what, const pbus_filter_t *filter, int64_t deadline,
                       uint64_t *count, pbus_error_t *error);

/* ---- pieces of SQL that several statements share (pg_sql.c) ---- */

/* Appends conditions, each beginning with AND, on the origin; column is "origin", "e.origin"... */
void pg_sql_bounds(pg_params_t *params, const char *column, int64_t origin_min, int64_t origin_max);
/* On shape s: the event's device and source, as far as the filter names them. */
void pg_sql_sources(pg_params_t *params, const pbus_filter_t *filter);
/* On shape_reading r: the reading's own device and resource. */
void pg_sql_resources(pg_params_t *params, const pbus_filter_t *filter);

/*
 * The end of a statement whose CTE `changed` gives a row with its shape for each event: adds them to the
 * counters of the slot, or takes them off; raises the applied mark if mark is not 0. Both are CTEs, to be
 * followed by a SELECT.
 */
void pg_sql_counters(pg_params_t *params, int32_t slot, bool add, uint64_t mark);
/* A CTE that removes the readings' own origins of the events that CTE `gone` (id, shape, origins) has
 * deleted. */
extern const char pg_sql_forget_origins[];

/* Whether the store can do without looking at events one by one. */
bool pg_filter_is_bounded(const pbus_filter_t *filter);
/* PBUS_UNSUPPORTED when a filter asks for what only a purge may. */
pbus_status_t pg_filter_check(const pbus_filter_t *filter, pbus_error_t *error);

#endif
