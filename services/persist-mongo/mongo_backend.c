#include "mongo_backend.h"

#include "counts.h"
#include "reader.h"
#include "schema.h"
#include "writer.h"

#include <persistbus/version.h>

#include <stdlib.h>

typedef struct {
    store_t *store;
    reader_t reader;
    writer_t *writer; /* lane WRITE only */
} s_handle_t;

static void s_close(void **self_p)
{
    s_handle_t *self = *self_p;
    if (!self)
        return;
    writer_destroy(&self->writer);
    document_decoder_destroy(&self->reader.decoder);
    copy_destroy(&self->reader.copy);
    store_close(&self->store);
    free(self);
    *self_p = NULL;
}

static pbus_status_t s_set_up(s_handle_t *self, const pbus_config_t *config, pbus_log_t *log,
                              pbus_lane_t lane, pbus_error_t *error)
{
    pbus_uuid_t data_set;
    pbus_status_t status =
        store_open(&self->store, pbus_config_string(config, "MongoDB.URI"), lane, log, error);
    if (status != PBUS_OK)
        return status;
    self->reader.store = self->store;
    self->reader.copy = copy_new(self->store);
    self->reader.decoder = document_decoder_new();
    if (lane == PBUS_LANE_WRITE)
        self->writer = writer_new(self->store);
    if (!self->reader.decoder || (lane == PBUS_LANE_WRITE && !self->writer))
        return store_nomem(error);
    if (lane == PBUS_LANE_WRITE)
        return writer_tend(self->writer, error);
    status = schema_identify(self->store, false, &data_set, error);
    return status == PBUS_NOT_FOUND ? PBUS_UNAVAILABLE : status;
}

static pbus_status_t s_open(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                            pbus_error_t *error)
{
    s_handle_t *self = *self_p = calloc(1, sizeof *self);
    if (!self)
        return store_nomem(error);
    pbus_status_t status = s_set_up(self, config, log, lane, error);
    if (status != PBUS_OK)
        s_close(self_p);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static pbus_status_t s_write(void *handle, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    s_handle_t *self = handle;
    return writer_write(self->writer, writes, count, error);
}

static pbus_status_t s_purge(void *handle, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                             bool *more, pbus_error_t *error)
{
    s_handle_t *self = handle;
    return writer_purge(self->writer, filter, limit, deleted, more, error);
}

/* ---- reading ------------------------------------------------------------------------------------ */

typedef struct {
    const pbus_query_t *query;
    const pbus_filter_t *filter;
    const pbus_cursor_t *after;
    int64_t origin_min, origin_max;
    uint32_t limit;
    pbus_what_t what;
    uint64_t *count;
    pbus_health_t *health;
} s_question_t;

typedef pbus_status_t s_answer_fn(s_handle_t *self, const s_question_t *question, pbus_error_t *error);

/*
 * Asks, and once more over a new connection if the old one turns out to be broken before anything was
 * answered: a server that was restarted while nobody asked is no reason to fail.
 */
static pbus_status_t s_ask(s_handle_t *self, s_answer_fn *answer, const s_question_t *question,
                           pbus_result_t *result, pbus_error_t *error)
{
    bool fresh = store_broken(self->store);
    self->reader.result = result;
    self->reader.added = false;
    pbus_status_t status = store_connect(self->store, false, error);
    if (status == PBUS_OK)
        status = answer(self, question, error);
    if (status != PBUS_UNAVAILABLE || fresh || self->reader.added)
        return status;
    status = store_connect(self->store, true, error);
    return status == PBUS_OK ? answer(self, question, error) : status;
}

static pbus_status_t s_answer_events(s_handle_t *self, const s_question_t *question, pbus_error_t *error)
{
    return reader_list_events(&self->reader, question->query, error);
}

static pbus_status_t s_list_events(void *handle, const pbus_query_t *query, pbus_result_t *result,
                                   pbus_error_t *error)
{
    return s_ask(handle, s_answer_events, &(s_question_t){.query = query}, result, error);
}

static pbus_status_t s_answer_readings(s_handle_t *self, const s_question_t *question, pbus_error_t *error)
{
    return reader_list_readings(&self->reader, question->query, error);
}

static pbus_status_t s_list_readings(void *handle, const pbus_query_t *query, pbus_result_t *result,
                                     pbus_error_t *error)
{
    return s_ask(handle, s_answer_readings, &(s_question_t){.query = query}, result, error);
}

static pbus_status_t s_answer_count(s_handle_t *self, const s_question_t *question, pbus_error_t *error)
{
    return reader_count(&self->reader, question->what, question->filter, question->count, error);
}

static pbus_status_t s_count(void *handle, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                             pbus_error_t *error)
{
    s_question_t question = {.what = what, .filter = filter, .count = count};
    return s_ask(handle, s_answer_count, &question, NULL, error);
}

static pbus_status_t s_answer_sources(s_handle_t *self, const s_question_t *question, pbus_error_t *error)
{
    (void) question;
    return counts_sources(self->store, self->reader.result, error);
}

static pbus_status_t s_list_sources(void *handle, pbus_result_t *result, pbus_error_t *error)
{
    return s_ask(handle, s_answer_sources, &(s_question_t){0}, result, error);
}

static pbus_status_t s_answer_scan(s_handle_t *self, const s_question_t *question, pbus_error_t *error)
{
    return reader_scan(&self->reader, question->origin_min, question->origin_max, question->after,
                       question->limit, error);
}

static pbus_status_t s_scan(void *handle, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                            uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    s_question_t question = {
        .origin_min = origin_min, .origin_max = origin_max, .after = after, .limit = limit};
    return s_ask(handle, s_answer_scan, &question, result, error);
}

/* ---- health ------------------------------------------------------------------------------------- */

static pbus_status_t s_answer_health(s_handle_t *self, const s_question_t *question, pbus_error_t *error)
{
    pbus_health_t *health = question->health;
    pbus_status_t status;
    health->durable = store_durable(self->store);
    if (self->writer) {
        status = writer_tend(self->writer, error);
        health->data_set = *writer_data_set(self->writer);
    } else
        status = schema_identify(self->store, false, &health->data_set, error);
    if (status == PBUS_NOT_FOUND)
        status = PBUS_UNAVAILABLE;
    return status == PBUS_OK ? counts_mark(self->store, &health->applied_mark, error) : status;
}

static pbus_status_t s_health(void *handle, pbus_health_t *health, pbus_error_t *error)
{
    return s_ask(handle, s_answer_health, &(s_question_t){.health = health}, NULL, error);
}

/* ---- the table ---------------------------------------------------------------------------------- */

static const pbus_option_t s_options[] = {
    {.key = "MongoDB.URI",
     .type = PBUS_OPTION_STRING,
     .fallback = "mongodb://127.0.0.1:27017",
     .help = "connection string; the database is persistbus unless it names one"},
    {.key = NULL}};

const pbus_backend_t mongo_backend = {
    .abi = PBUS_BACKEND_ABI,
    .name = "mongo",
    .version = PBUS_VERSION,
    .missing = PBUS_CAP_AGGREGATE, /* no server adds up 64-bit integers and decimals exactly */
    .flags = PBUS_READ_LANE,
    .batch_events = 1000,
    .batch_bytes = 1024 * 1024,
    .options = s_options,
    .open = s_open,
    .close = s_close,
    .health = s_health,
    .write = s_write,
    .purge = s_purge,
    .list_events = s_list_events,
    .list_readings = s_list_readings,
    .count = s_count,
    .aggregate = NULL,
    .list_sources = s_list_sources,
    .scan = s_scan,
};
