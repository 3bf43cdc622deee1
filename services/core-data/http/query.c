/*
 * Query: see query.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "aggregate.h"
#include "query.h"
#include "status.h"

struct query {
    const params_t *params;
    arena_t *arena;
    const settings_t *settings;
    pbus_decoder_t *decoder;
    render_list_t list;
    bool opened;            /* the list has its beginning */
    aggregate_t *aggregate; /* computed here, as the backend does not; else NULL */
    uint64_t readings;      /* so many of them have gone into it */
    uint32_t asked;         /* how many items the last request asked for */
    const char *group;      /* who answered, for error texts */
};

query_t *query_new(const params_t *params, arena_t *arena, const settings_t *settings)
{
    query_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->params = params;
    self->arena = arena;
    self->settings = settings;
    self->decoder = pbus_decoder_new();
    if (!self->decoder)
        query_destroy(&self);
    return self;
}

void query_destroy(query_t **self_p)
{
    query_t *self = *self_p;
    if (!self)
        return;
    pbus_decoder_destroy(&self->decoder);
    aggregate_destroy(&self->aggregate);
    free(self);
    *self_p = NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------- */

static pbus_filter_t s_filter(const params_t *params)
{
    pbus_filter_t filter = pbus_filter_any();
    filter.device = params->device;
    filter.resources = params->resources;
    filter.resource_count = params->resource_count;
    filter.origin_min = params->origin_min;
    filter.origin_max = params->origin_max;
    if (params->route->kind == ROUTE_SINGLE) {
        filter.ids = &params->id;
        filter.id_count = 1;
    }
    return filter;
}

#define PAGE 1000 /* readings at a time for an aggregate that is computed here */

static void s_ask_page(query_t *self, pbus_ask_t *ask)
{
    const params_t *params = self->params;
    ask->kind = params->route->what == PBUS_EVENTS ? PBUS_ASK_EVENTS : PBUS_ASK_READINGS;
    if (self->aggregate) {
        ask->query.offset = self->readings;
        ask->query.limit = PAGE;
    } else if (params->route->kind == ROUTE_SINGLE)
        ask->query.limit = 1;
    else {
        ask->query.offset = params->offset + self->list.size;
        ask->query.limit = params->limit - (uint32_t) self->list.size;
        ask->query.want_total = params->want_total && !self->opened;
    }
    self->asked = ask->query.limit;
}

/* Writes what is to be asked next into the request. */
static void s_ask(query_t *self, request_t *request)
{
    const params_t *params = self->params;
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    ask.query.filter = s_filter(params);
    ask.what = params->route->what;
    if (params->function && !self->aggregate) {
        ask.kind = PBUS_ASK_AGGREGATE;
        ask.function = params->function;
    } else if (params->route->kind != ROUTE_COUNT)
        s_ask_page(self, &ask);
    pbus_buf_reset(&request->ask);
    pbus_ask_encode(&ask, &request->ask);
}

request_t *query_request(query_t *self, int64_t deadline)
{
    const params_t *params = self->params;
    request_t *request = request_new(REQUEST_QUERY);
    if (!request)
        return NULL;
    request->deadline = deadline;
    request->what = params->route->what;
    request->id = params->id;
    request->origin_min = params->origin_min;
    request->origin_max = params->origin_max;
    s_ask(self, request);
    if (params->device.size)
        request->device = strndup(params->device.data, params->device.size);
    if (request->ask.failed || (params->device.size && !request->device))
        request_destroy(&request);
    return request;
}

/* ---- answers ---------------------------------------------------------------------------------------- */

static unsigned s_fail(pbus_error_t *error, pbus_status_t status, const char *text)
{
    pbus_fail(error, status, "%s", text);
    return status_http(status);
}

static unsigned s_malformed(query_t *self, pbus_error_t *error)
{
    pbus_fail(error, PBUS_INTERNAL, "the persistence group %s gave a malformed answer; see its log",
              self->group ? self->group : "?");
    return 500;
}

static unsigned s_no_memory(pbus_error_t *error)
{
    return s_fail(error, PBUS_NOMEM, "memory is out");
}

static unsigned s_again(query_t *self, request_t *request, pbus_error_t *error)
{
    request_clear_answer(request);
    s_ask(self, request);
    return request->ask.failed ? s_no_memory(error) : 0;
}

static unsigned s_single(query_t *self, pbus_answer_t *answer, pbus_buf_t *out, pbus_error_t *error)
{
    uint64_t accept;
    pbus_str_t encoded;
    if (answer->count == 0) {
        char id[PBUS_UUID_TEXT];
        pbus_uuid_format(&self->params->id, id);
        pbus_fail(error, PBUS_NOT_FOUND, "no event with id '%s' found", id);
        return 404;
    }
    if (!pbus_answer_event(answer, &accept, &encoded))
        return s_malformed(self, error);
    const pbus_event_t *event = pbus_decoder_event(self->decoder, encoded.data, encoded.size);
    if (!event || !render_single(out, event, self->settings->optimize))
        return s_malformed(self, error);
    return 200;
}

/* The list's beginning, of the first answer. 0 when items are to follow. */
static unsigned s_open(query_t *self, uint64_t total, pbus_buf_t *out, pbus_error_t *error)
{
    const params_t *params = self->params;
    bool counted = params->want_total;
    if (counted && params->limit > 0 && total > 0 && params->offset > total) {
        pbus_fail(error, PBUS_INVALID,
                  "query objects bounds out of range. length:%" PRIu64 " offset:%" PRIu32, total,
                  params->offset);
        return 416;
    }
    self->list = (render_list_t){.out = out,
                                 .form = params->numeric ? RENDER_NUMERIC : RENDER_TEXT,
                                 .what = params->route->what,
                                 .optimized = self->settings->optimize,
                                 .decoder = self->decoder};
    self->opened = true;
    render_list_open(&self->list, counted ? total : 0);
    return 0;
}

static unsigned s_list(query_t *self, request_t *request, pbus_answer_t *answer, pbus_buf_t *out,
                       pbus_error_t *error)
{
    unsigned failed = self->opened ? 0 : s_open(self, answer->total, out, error);
    if (failed)
        return failed;
    bool stuck = answer->more && answer->count == 0 && self->asked > 0;
    if (stuck || answer->count > self->asked || !render_list_add(&self->list, answer))
        return s_malformed(self, error);
    if (out->size > self->settings->max_response_size) {
        pbus_fail(error, PBUS_INVALID,
                  "the answer is larger than Service.MaxResponseSize (%" PRIu64 " KB): use a smaller limit",
                  self->settings->max_response_size / 1024);
        return 400;
    }
    if (answer->more && self->list.size < self->params->limit)
        return s_again(self, request, error);
    render_list_close(&self->list);
    return 200;
}

/* ---- aggregates ------------------------------------------------------------------------------------- */

static unsigned s_aggregate_done(query_t *self, aggregate_t *aggregate, pbus_buf_t *out, pbus_error_t *error)
{
    const params_t *params = self->params;
    pbus_status_t status =
        aggregate_render(aggregate, params->function_text, params->offset, params->limit, out, error);
    return status_http(status);
}

/* Groups that the backend computed. */
static unsigned s_groups(query_t *self, pbus_answer_t *answer, pbus_buf_t *out, pbus_error_t *error)
{
    pbus_reading_t like;
    uint64_t count;
    pbus_str_t value;
    if (answer->more)
        return s_fail(error, PBUS_INVALID,
                      "the aggregate has too many rows for one answer: ask for one device");
    aggregate_t *aggregate = aggregate_new(self->params->function, self->arena);
    bool added = aggregate != NULL;
    while (added && pbus_answer_group(answer, &like, &count, &value))
        added = aggregate_add_group(aggregate, &like, count, value);
    unsigned status = !added        ? s_no_memory(error)
                      : answer->bad ? s_malformed(self, error)
                                    : s_aggregate_done(self, aggregate, out, error);
    aggregate_destroy(&aggregate);
    return status;
}

/* The backend does not aggregate: go through the readings. */
static unsigned s_compute(query_t *self, request_t *request, pbus_answer_t *answer, pbus_buf_t *out,
                          pbus_error_t *error)
{
    pbus_reading_t reading;
    pbus_status_t status = PBUS_OK;
    uint64_t before = self->readings;
    for (; status == PBUS_OK && pbus_answer_reading(answer, &reading); self->readings++)
        status = aggregate_add_reading(self->aggregate, &reading, error);
    if (status != PBUS_OK)
        return status_http(status);
    if (answer->bad)
        return s_malformed(self, error);
    uint64_t got = self->readings - before;
    if (got > 0 && (answer->more || got == self->asked))
        return s_again(self, request, error);
    return s_aggregate_done(self, self->aggregate, out, error);
}

static unsigned s_start_computing(query_t *self, request_t *request, pbus_error_t *error)
{
    self->aggregate = aggregate_new(self->params->function, self->arena);
    return self->aggregate ? s_again(self, request, error) : s_no_memory(error);
}

/* -------------------------------------------------------------------------------------------------- */

unsigned query_answer(query_t *self, request_t *request, pbus_buf_t *out, pbus_error_t *error)
{
    pbus_answer_t answer;
    const params_t *params = self->params;
    self->group = request->group;
    if (request->status == PBUS_UNSUPPORTED && params->function && !self->aggregate)
        return s_start_computing(self, request, error);
    if (request->status != PBUS_OK)
        return s_fail(error, request->status, request->error.text);
    if (!pbus_answer_open(&answer, request->answer, request->answer_size))
        return s_malformed(self, error);
    if (self->aggregate)
        return s_compute(self, request, &answer, out, error);
    if (params->function)
        return s_groups(self, &answer, out, error);
    if (params->route->kind == ROUTE_SINGLE)
        return s_single(self, &answer, out, error);
    if (params->route->kind == ROUTE_LIST)
        return s_list(self, request, &answer, out, error);
    render_count(out, answer.total);
    return 200;
}
