/*
 * Retention: see retention.h.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "asker.h"
#include "retention.h"

#define PATIENCE (30 * INT64_C(1000000000)) /* ns, for one answer */

struct retention {
    service_t *service;
    rules_t rules;
    asker_t *asker;
    pthread_t thread;
    bool started;
};

/* ---- what is asked ------------------------------------------------------------------------------------ */

static request_t *s_request(request_kind_t kind)
{
    request_t *request = request_new(kind);
    if (request) {
        request->deadline = pbus_clock_boottime() + PATIENCE;
        request->what = PBUS_EVENTS;
    }
    return request;
}

static request_t *s_query(const pbus_ask_t *ask)
{
    request_t *request = s_request(REQUEST_QUERY);
    if (!request)
        return NULL;
    request->origin_max = ask->query.filter.origin_max;
    if (ask->query.filter.device.size)
        request->device = strndup(ask->query.filter.device.data, ask->query.filter.device.size);
    pbus_ask_encode(ask, &request->ask);
    if (request->ask.failed || (ask->query.filter.device.size && !request->device))
        request_destroy(&request);
    return request;
}

static request_t *s_purge(pbus_str_t device, pbus_str_t source, int64_t origin_max)
{
    request_t *request = s_request(REQUEST_PURGE);
    if (!request)
        return NULL;
    request->lazy = true;
    request->origin_max = origin_max;
    request->device = strndup(device.data, device.size);
    request->source = strndup(source.data, source.size);
    if (!request->device || !request->source)
        request_destroy(&request);
    return request;
}

static pbus_status_t s_malformed(const request_t *request, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_INTERNAL, "the persistence group %s gave a malformed answer; see its log",
                     request->group ? request->group : "?");
}

/* ---- one pair ----------------------------------------------------------------------------------------- */

/* The events that may go but for how many survive. */
static pbus_ask_t s_ask_cut_off(const retention_t *self, pbus_str_t device, pbus_str_t source)
{
    const rules_t *rules = &self->rules;
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
    ask.query.filter.device = device;
    ask.query.filter.source = source;
    if (rules->duration > 0)
        ask.query.filter.origin_max = pbus_clock_realtime() - rules->duration;
    ask.query.offset = rules->min_cap > 0 ? (uint64_t) rules->min_cap : 0;
    ask.query.limit = 1;
    return ask;
}

/* The origin of the one event that the answer has; *any is false when it has none. */
static pbus_status_t s_origin(const request_t *request, pbus_decoder_t *decoder, bool *any, int64_t *origin,
                              pbus_error_t *error)
{
    pbus_answer_t answer;
    pbus_str_t encoded;
    uint64_t accept;
    if (!pbus_answer_open(&answer, request->answer, request->answer_size))
        return s_malformed(request, error);
    *any = pbus_answer_event(&answer, &accept, &encoded);
    if (!*any)
        return answer.bad ? s_malformed(request, error) : PBUS_OK;
    const pbus_event_t *event = pbus_decoder_event(decoder, encoded.data, encoded.size);
    if (!event)
        return s_malformed(request, error);
    *origin = event->origin;
    return PBUS_OK;
}

/* The origin of the newest event that goes; *any is false when none does. */
static pbus_status_t s_cut_off(retention_t *self, pbus_str_t device, pbus_str_t source, bool *any,
                               int64_t *origin, pbus_error_t *error)
{
    pbus_ask_t ask = s_ask_cut_off(self, device, source);
    request_t *request = s_query(&ask);
    pbus_status_t status = asker_ask(self->asker, &request, error);
    if (status != PBUS_OK)
        return status;
    pbus_decoder_t *decoder = pbus_decoder_new();
    status = decoder ? s_origin(request, decoder, any, origin, error)
                     : pbus_fail(error, PBUS_NOMEM, "memory is out");
    pbus_decoder_destroy(&decoder);
    request_destroy(&request);
    return status;
}

static pbus_status_t s_pair(retention_t *self, pbus_str_t device, pbus_str_t source, uint64_t events,
                            pbus_error_t *error)
{
    const rules_t *rules = &self->rules;
    bool any = false;
    int64_t origin = 0;
    if (rules->max_cap > 0 && events < (uint64_t) rules->max_cap)
        return PBUS_OK;
    if (rules->min_cap > 0 && events <= (uint64_t) rules->min_cap)
        return PBUS_OK;
    pbus_status_t status = s_cut_off(self, device, source, &any, &origin, error);
    if (status != PBUS_OK || !any)
        return status;
    request_t *request = s_purge(device, source, origin);
    status = asker_ask(self->asker, &request, error);
    if (status == PBUS_OK)
        pbus_metrics_add(service_metrics(self->service), SERVICE_RETENTION_PURGES, 1);
    request_destroy(&request);
    return status;
}

/* ---- a pass ------------------------------------------------------------------------------------------- */

static pbus_status_t s_pairs(retention_t *self, const request_t *sources, pbus_error_t *error)
{
    pbus_answer_t answer;
    pbus_str_t device, source;
    uint64_t events;
    if (!pbus_answer_open(&answer, sources->answer, sources->answer_size))
        return s_malformed(sources, error);
    while (pbus_answer_source(&answer, &device, &source, &events)) {
        /* In a purge an empty name would stand for any. */
        if (device.size == 0 || source.size == 0)
            return s_malformed(sources, error);
        pbus_status_t status = s_pair(self, device, source, events, error);
        if (status != PBUS_OK)
            return status;
    }
    if (answer.bad)
        return s_malformed(sources, error);
    if (answer.more)
        return pbus_fail(error, PBUS_FULL,
                         "there are more devices and sources than the %zu of which a group can tell at once; "
                         "the others keep their events",
                         answer.count);
    return PBUS_OK;
}

static pbus_status_t s_pass(retention_t *self, pbus_error_t *error)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SOURCES);
    request_t *sources = s_query(&ask);
    pbus_status_t status = asker_ask(self->asker, &sources, error);
    if (status == PBUS_OK)
        status = s_pairs(self, sources, error);
    request_destroy(&sources);
    return status;
}

static void s_run_pass(retention_t *self)
{
    pbus_metrics_t *metrics = service_metrics(self->service);
    pbus_error_t error;
    pbus_status_t status = s_pass(self, &error);
    if (asker_stopped(self->asker))
        return;
    pbus_metrics_add(metrics, status == PBUS_OK ? SERVICE_RETENTION_PASSES : SERVICE_RETENTION_FAILED, 1);
    if (status != PBUS_OK)
        pbus_log_warn(service_log(self->service),
                      "retention: a pass is given up, the next one comes after Retention.Interval: %s",
                      error.text);
}

/* ---- life --------------------------------------------------------------------------------------------- */

static void *s_run(void *context)
{
    retention_t *self = context;
    while (asker_sleep(self->asker, self->rules.interval))
        s_run_pass(self);
    return NULL;
}

retention_t *retention_new(service_t *service, const rules_t *rules, pbus_error_t *error)
{
    retention_t *self = calloc(1, sizeof *self);
    asker_t *asker = self ? asker_new(*service_port(service)) : NULL;
    if (!asker) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        free(self);
        return NULL;
    }
    *self = (retention_t){.service = service, .rules = *rules, .asker = asker};
    self->started = rules->interval > 0 && pthread_create(&self->thread, NULL, s_run, self) == 0;
    if (!self->started && rules->interval > 0) {
        pbus_fail(error, PBUS_INTERNAL, "the thread of retention does not start: threads or memory are out");
        retention_destroy(&self);
    }
    return self;
}

void retention_destroy(retention_t **self_p)
{
    retention_t *self = *self_p;
    if (!self)
        return;
    asker_stop(self->asker);
    if (self->started)
        pthread_join(self->thread, NULL);
    asker_destroy(&self->asker);
    free(self);
    *self_p = NULL;
}
