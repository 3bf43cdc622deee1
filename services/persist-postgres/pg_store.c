#include "pg_store.h"

#include <persistbus/version.h>

#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define ROW_BYTES_FIRST 1000

static const pbus_option_t s_options[] = {
    {"Database.URL", PBUS_OPTION_STRING, "postgresql:///persistbus", 0, 0,
     "PostgreSQL's connection URI; what it leaves out comes from PGHOST, PGPASSWORD, ~/.pgpass..."},
    {"Database.Schema", PBUS_OPTION_STRING, "persistbus", 0, 0,
     "schema that holds the tables; created if absent"},
    {"Database.ConnectTimeout", PBUS_OPTION_DURATION, "5s", 100 * (SECOND / 1000), 3600 * SECOND,
     "how long to wait for a connection"},
    {"Database.StatementTimeout", PBUS_OPTION_DURATION, "10s", SECOND, 3600 * SECOND,
     "how long a statement may take before it is given up"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};

const pbus_backend_t pg_backend = {
    .abi = PBUS_BACKEND_ABI,
    .name = "postgres",
    .version = PBUS_VERSION,
    .flags = PBUS_READ_LANE,
    .batch_events = 1000,
    .batch_bytes = 1u << 20,
    .options = s_options,
    .open = pg_store_open,
    .close = pg_store_close,
    .health = pg_store_health,
    .write = pg_store_write,
    .purge = pg_store_purge,
    .list_events = pg_store_list_events,
    .list_readings = pg_store_list_readings,
    .count = pg_store_count,
    .aggregate = pg_store_aggregate,
    .list_sources = pg_store_list_sources,
    .scan = pg_store_scan,
};

/* ---- life --------------------------------------------------------------------------------------------- */

static pbus_status_t s_make(pg_store_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    self->schema_name = pbus_config_string(config, "Database.Schema");
    self->row_bytes = ROW_BYTES_FIRST;
    pbus_status_t status = pg_schema_check_name(self->schema_name, error);
    if (status != PBUS_OK)
        return status;
    self->shapes = pg_shapes_new();
    self->events = pg_events_new();
    self->decoder = pbus_decoder_new();
    if (!self->shapes || !self->events || !self->decoder)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    self->link = pg_link_new(pbus_config_string(config, "Database.URL"),
                             pbus_config_duration(config, "Database.ConnectTimeout"),
                             pbus_config_duration(config, "Database.StatementTimeout"), self->log, error);
    return self->link ? pg_store_ready(self, error) : error->status;
}

pbus_status_t pg_store_open(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                            pbus_error_t *error)
{
    pg_store_t *self = calloc(1, sizeof *self);
    *self_p = self;
    if (!self)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    self->log = log;
    self->lane = lane;
    pbus_status_t status = s_make(self, config, error);
    if (status != PBUS_OK)
        pg_store_close(self_p);
    if (status == PBUS_TIMEOUT) /* somebody else is at work on the schema, or the server is very slow */
        status = error->status = PBUS_UNAVAILABLE;
    return status;
}

void pg_store_close(void **self_p)
{
    pg_store_t *self = *self_p;
    if (!self)
        return;
    pg_link_destroy(&self->link);
    pg_shapes_destroy(&self->shapes);
    pg_events_destroy(&self->events);
    pbus_decoder_destroy(&self->decoder);
    pg_params_clear(&self->params);
    pg_rows_clear(&self->rows);
    pbus_buf_clear(&self->scratch);
    pbus_buf_clear(&self->purge.names);
    pbus_buf_clear(&self->purge.shapes);
    free(self);
    *self_p = NULL;
}

/* What was remembered of the store may be another's now. */
static void s_forget(pg_store_t *self)
{
    pg_shapes_forget(self->shapes);
    self->purge.under_way = false;
}

pbus_status_t pg_store_ready(pg_store_t *self, pbus_error_t *error)
{
    if (pg_link_is_connected(self->link)) {
        pg_shapes_trim(self->shapes);
        return PBUS_OK;
    }
    s_forget(self);
    pbus_status_t status = pg_link_connect(self->link, error);
    if (status != PBUS_OK)
        return status;
    status =
        pg_schema_use(self->link, self->schema_name, self->lane == PBUS_LANE_WRITE, &self->schema, error);
    if (status != PBUS_OK)
        pg_link_drop(self->link);
    else if (self->lane == PBUS_LANE_WRITE)
        pbus_log_info(self->log, "connected to postgres at %s, schema %s", pg_link_where(self->link),
                      self->schema_name);
    return status;
}

/* ---- statements --------------------------------------------------------------------------------------- */

void pg_store_sql(pg_store_t *self, const char *sql)
{
    pg_params_reset(&self->params);
    pg_params_sql(&self->params, "%s", sql);
    pg_rows_reset(&self->rows, 0);
}

pbus_status_t pg_store_run(pg_store_t *self, int64_t deadline, pbus_error_t *error)
{
    pbus_status_t status = pg_link_run(self->link, &self->params, deadline, &self->rows, error);
    if (status == PBUS_FULL)
        self->was_full = true;
    return status;
}

pbus_status_t pg_store_run_row(pg_store_t *self, int64_t deadline, pg_row_t *row, pbus_error_t *error)
{
    pbus_status_t status = pg_store_run(self, deadline, error);
    *row = pg_row_first();
    if (status == PBUS_OK)
        pg_rows_next(&self->rows, row);
    return status;
}

/* ---- health ------------------------------------------------------------------------------------------- */

/* Whether there is room again: a table of some pages, which leaves nothing behind. */
static pbus_status_t s_try_room(pg_store_t *self, pbus_error_t *error)
{
    pbus_status_t status = pg_link_begin(self->link, error);
    if (status != PBUS_OK)
        return status;
    status = pg_link_script(self->link,
                            "CREATE TABLE room_probe AS SELECT repeat(md5(i::text), 60) AS text"
                            " FROM generate_series(1, 100) AS i",
                            error);
    pg_link_end(self->link, PBUS_TIMEOUT, NULL); /* any but PBUS_OK: rolls back */
    if (status == PBUS_OK)
        self->was_full = false;
    return status;
}

pbus_status_t pg_store_health(void *handle, pbus_health_t *health, pbus_error_t *error)
{
    pg_store_t *self = handle;
    pg_row_t row;
    pbus_status_t status = pg_store_ready(self, error);
    if (status != PBUS_OK)
        return status;
    pg_store_sql(self, "SELECT (SELECT data_set FROM store), (SELECT max(mark)::text FROM total),"
                       " current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'"
                       " AND current_setting('synchronous_commit') <> 'off',"
                       " pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'");
    status = pg_store_run_row(self, 0, &row, error);
    if (status == PBUS_OK && pg_field_bool(row.fields[3])) {
        pg_link_drop(self->link); /* with several hosts in the URL the next attempt may find the primary */
        return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s is read-only: a standby, or set so",
                         pg_link_where(self->link));
    }
    if (status == PBUS_OK && self->was_full)
        status = s_try_room(self, error);
    if (status != PBUS_OK)
        return status;
    health->applied_mark = pg_field_digits(row.fields[1]);
    health->durable = pg_field_bool(row.fields[2]);
    if (!pg_field_uuid(row.fields[0], &health->data_set) ||
        memcmp(&health->data_set, &self->schema.data_set, sizeof health->data_set) != 0) {
        pg_link_drop(self->link);
        return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s: schema %s was replaced while in use",
                         pg_link_where(self->link), self->schema_name);
    }
    return PBUS_OK;
}
