#include "sqlite_backend.h"

#include "aggregate.h"
#include "counts.h"
#include "list.h"
#include "purger.h"
#include "writer.h"

#include <persistbus/version.h>

#include <stdlib.h>

/* A handle; writer and purger only on the writing lane. */
typedef struct {
    store_t *store;
    writer_t *writer;
    purger_t *purger;
} handle_t;

static void s_close(void **self_p)
{
    handle_t *self = *self_p;
    if (!self)
        return;
    purger_destroy(&self->purger);
    writer_destroy(&self->writer);
    store_close(&self->store);
    free(self);
    *self_p = NULL;
}

static pbus_status_t s_set_up(handle_t *self, const char *path, pbus_lane_t lane, pbus_log_t *log,
                              pbus_error_t *error)
{
    pbus_status_t status = store_open(&self->store, path, lane, log, error);
    if (status != PBUS_OK || lane == PBUS_LANE_READ)
        return status;
    self->writer = writer_new(self->store);
    self->purger = purger_new(self->store);
    if (self->writer && self->purger)
        return PBUS_OK;
    return pbus_fail(error, PBUS_UNAVAILABLE, "%s: out of memory while opening", path);
}

static pbus_status_t s_open(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                            pbus_error_t *error)
{
    const char *path = pbus_config_string(config, "SQLite.Path");
    /*
     * SQLite's memory statistics take a lock of the whole process at each allocation, which the two lanes
     * would contend for. Refused, without harm, once SQLite is in use.
     */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    *self_p = NULL;
    handle_t *self = calloc(1, sizeof *self);
    if (!self)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s: out of memory while opening", path);
    pbus_status_t status = s_set_up(self, path, lane, log, error);
    void *handle = self;
    if (status == PBUS_OK)
        *self_p = handle;
    else
        s_close(&handle);
    return status;
}

static pbus_status_t s_health(void *self, pbus_health_t *health, pbus_error_t *error)
{
    return store_health(((handle_t *) self)->store, health, error);
}

static pbus_status_t s_write(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    return writer_write(((handle_t *) self)->writer, writes, count, error);
}

static pbus_status_t s_purge(void *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                             bool *more, pbus_error_t *error)
{
    return purger_step(((handle_t *) self)->purger, filter, limit, deleted, more, error);
}

static pbus_status_t s_list_events(void *self, const pbus_query_t *query, pbus_result_t *result,
                                   pbus_error_t *error)
{
    return list_events(((handle_t *) self)->store, query, result, error);
}

static pbus_status_t s_list_readings(void *self, const pbus_query_t *query, pbus_result_t *result,
                                     pbus_error_t *error)
{
    return list_readings(((handle_t *) self)->store, query, result, error);
}

static pbus_status_t s_count(void *self, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                             pbus_error_t *error)
{
    store_t *store = ((handle_t *) self)->store;
    pbus_status_t status = store_begin_read(store, 0, error);
    if (status != PBUS_OK)
        return status;
    status = what == PBUS_EVENTS ? counts_events(store, filter, count, error)
                                 : counts_readings(store, filter, count, error);
    store_end_read(store);
    return status;
}

static pbus_status_t s_aggregate(void *self, const pbus_filter_t *filter, pbus_function_t function,
                                 pbus_result_t *result, pbus_error_t *error)
{
    return aggregate(((handle_t *) self)->store, filter, function, result, error);
}

static pbus_status_t s_list_sources(void *self, pbus_result_t *result, pbus_error_t *error)
{
    return list_sources(((handle_t *) self)->store, result, error);
}

static pbus_status_t s_scan(void *self, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                            uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    return list_scan(((handle_t *) self)->store, origin_min, origin_max, after, limit, result, error);
}

static const pbus_option_t s_options[] = {
    {"SQLite.Path", PBUS_OPTION_STRING, "var/persistbus.sqlite", 0, 0,
     "file of the store, created with its folder if absent"},
    {0},
};

const pbus_backend_t sqlite_backend = {
    .abi = PBUS_BACKEND_ABI,
    .name = "sqlite",
    .version = PBUS_VERSION,
    .missing = PBUS_CAP_WORKERS,
    .flags = PBUS_READ_LANE,
    .options = s_options,
    .open = s_open,
    .close = s_close,
    .health = s_health,
    .write = s_write,
    .purge = s_purge,
    .list_events = s_list_events,
    .list_readings = s_list_readings,
    .count = s_count,
    .aggregate = s_aggregate,
    .list_sources = s_list_sources,
    .scan = s_scan,
};
