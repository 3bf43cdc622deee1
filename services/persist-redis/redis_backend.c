#include "redis_backend.h"

#include <persistbus/version.h>

#include "aggregate.h"
#include "list.h"
#include "purger.h"
#include "writer.h"

#include <stdlib.h>

typedef struct {
    store_t *store;
    writer_t *writer; /* of the writing lane only, as the purger */
    purger_t *purger;
} handle_t;

static void s_close(void **self_p)
{
    handle_t *self = *self_p;
    if (!self)
        return;
    writer_destroy(&self->writer);
    purger_destroy(&self->purger);
    store_close(&self->store);
    free(self);
    *self_p = NULL;
}

static pbus_status_t s_open_handle(handle_t *self, const pbus_config_t *config, pbus_log_t *log,
                                   pbus_lane_t lane, pbus_error_t *error)
{
    pbus_status_t status = store_open(&self->store, config, log, lane, error);
    if (status != PBUS_OK || lane != PBUS_LANE_WRITE)
        return status;
    self->writer = writer_new(self->store);
    self->purger = purger_new(self->store);
    if (!self->writer || !self->purger)
        return pbus_fail(error, PBUS_UNAVAILABLE, "out of memory while opening the store");
    return PBUS_OK;
}

static pbus_status_t s_open(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                            pbus_error_t *error)
{
    *self_p = NULL;
    void *handle = calloc(1, sizeof(handle_t));
    if (!handle)
        return pbus_fail(error, PBUS_UNAVAILABLE, "out of memory while opening the store");
    pbus_status_t status = s_open_handle(handle, config, log, lane, error);
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
    return list_count(((handle_t *) self)->store, what, filter, count, error);
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
    {"Redis.URL", PBUS_OPTION_STRING, "redis://127.0.0.1:6379/0", 0, 0,
     "server: redis://user:password@host:port/database or unix://user:password@/path?db=database"},
    {"Redis.Prefix", PBUS_OPTION_STRING, "pb:", 0, 0,
     "beginning of all keys; another one is another data set"},
    {"Redis.Timeout", PBUS_OPTION_DURATION, "5s", 100000000, 60000000000,
     "how long the server may take to accept a connection, or to answer"},
    {0},
};

const pbus_backend_t redis_backend = {
    .abi = PBUS_BACKEND_ABI,
    .name = "redis",
    .version = PBUS_VERSION,
    .missing = 0,
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
