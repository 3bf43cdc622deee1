/*
 * Call: see call.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "adding.h"
#include "call.h"
#include "common.h"
#include "jobs.h"
#include "mirror/mirror.h"
#include "query.h"
#include "render.h"
#include "status.h"

#define BODY_KEPT ((size_t) 32 * 1024)
#define BODY_SMALL ((size_t) 1024 * 1024) /* of what is read on routes that store nothing */
#define GROUP_NAME 64

struct call {
    service_t *service;
    arena_t *arena;
    url_t url;
    route_match_t match;
    params_t params;
    pbus_str_t content_type;
    pbus_str_t correlation;
    pbus_buf_t body;
    size_t pending;    /* bytes of it that are taken from the service's limit */
    uint64_t received; /* bytes of it, kept or not */
    bool options;      /* the method */
    bool preflight;    /* of CORS */
    request_t *request;
    query_t *query;
    added_t added;
    job_order_t order; /* of a job that is to be started */
    char group[GROUP_NAME];
    reply_t reply;
};

call_t *call_new(service_t *service)
{
    call_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->service = service;
    self->arena = arena_new();
    if (!self->arena)
        call_destroy(&self);
    return self;
}

void call_reset(call_t *self)
{
    pbus_buf_t body = self->body;
    reply_t reply = self->reply;
    request_destroy(&self->request);
    query_destroy(&self->query);
    service_give_pending(self->service, self->pending);
    arena_reset(self->arena);
    if (body.capacity > BODY_KEPT)
        pbus_buf_clear(&body);
    pbus_buf_reset(&body);
    reply_reset(&reply);
    *self = (call_t){.service = self->service, .arena = self->arena, .body = body, .reply = reply};
}

void call_destroy(call_t **self_p)
{
    call_t *self = *self_p;
    if (!self)
        return;
    if (self->arena)
        call_reset(self);
    pbus_buf_clear(&self->body);
    reply_clear(&self->reply);
    arena_destroy(&self->arena);
    free(self);
    *self_p = NULL;
}

request_t *call_request(call_t *self)
{
    return self->request;
}

reply_t *call_reply(call_t *self)
{
    return &self->reply;
}

/* ---- replies ------------------------------------------------------------------------------------------ */

/* Every reply comes by here. */
static call_step_t s_finish(call_t *self)
{
    pbus_metrics_t *metrics = service_metrics(self->service);
    if (self->reply.body.failed) {
        pbus_buf_clear(&self->reply.body);
        self->reply.status = 503;
    }
    pbus_metrics_add(metrics, SERVICE_REQUESTS, 1);
    if (self->reply.status >= 500)
        pbus_metrics_add(metrics, SERVICE_FAILED, 1);
    else if (self->reply.status >= 400)
        pbus_metrics_add(metrics, SERVICE_REFUSED, 1);
    return CALL_REPLY;
}

static call_step_t s_error(call_t *self, unsigned status, const char *message)
{
    reply_error(&self->reply, self->added.request_id, status, message);
    if (status == 503)
        reply_header(&self->reply, "Retry-After", STATUS_RETRY_AFTER);
    return s_finish(self);
}

static call_step_t s_failed(call_t *self, const pbus_error_t *error)
{
    return s_error(self, status_http(error->status), error->text);
}

static call_step_t s_no_memory(call_t *self)
{
    return s_error(self, 503, "memory is out");
}

/* The frame's own errors have neither version nor status. */
static call_step_t s_message(call_t *self, unsigned status, const char *body)
{
    self->reply.status = status;
    pbus_buf_puts(&self->reply.body, body);
    return s_finish(self);
}

static call_step_t s_allow(call_t *self, unsigned status, const char *body)
{
    char *allow = arena_alloc(self->arena, ROUTES_ALLOW);
    if (!allow)
        return s_no_memory(self);
    routes_allow(self->match.methods, allow);
    reply_header(&self->reply, "Allow", allow);
    return s_message(self, status, body);
}

/* ---- beginning ---------------------------------------------------------------------------------------- */

static pbus_str_t s_copy(call_t *self, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    const char *copy = size ? arena_copy(self->arena, text, size) : NULL;
    return copy ? (pbus_str_t){copy, size} : PBUS_STR("");
}

/* The client's id, or a fresh one. */
static bool s_correlate(call_t *self, const char *given)
{
    self->correlation = s_copy(self, given);
    if (self->correlation.size == 0) {
        char *fresh = arena_alloc(self->arena, PBUS_UUID_TEXT);
        if (!fresh)
            return false;
        service_new_id(self->service, fresh);
        self->correlation = (pbus_str_t){fresh, PBUS_UUID_TEXT - 1};
    }
    reply_header(&self->reply, "X-Correlation-Id", self->correlation.data);
    return true;
}

static bool s_cors(call_t *self, const call_head_t *head)
{
    const settings_t *settings = service_settings(self->service);
    if (!settings->cors.enabled || !head->origin)
        return true;
    reply_header(&self->reply, "Access-Control-Allow-Origin", settings->cors.origin);
    reply_header(&self->reply, "Vary", "Origin");
    if (settings->cors.credentials)
        reply_header(&self->reply, "Access-Control-Allow-Credentials", "true");
    if (!head->cors_method || !self->options) {
        reply_header(&self->reply, "Access-Control-Expose-Headers", settings->cors.expose);
        return true;
    }
    pbus_buf_t age = {0};
    render_uint(&age, settings->cors.max_age);
    const char *text = age.failed ? NULL : arena_copy(self->arena, age.data, age.size);
    pbus_buf_clear(&age);
    reply_header(&self->reply, "Access-Control-Allow-Methods", settings->cors.methods);
    reply_header(&self->reply, "Access-Control-Allow-Headers", settings->cors.headers);
    reply_header(&self->reply, "Access-Control-Max-Age", text);
    return text != NULL;
}

/* The limit of the body in bytes, and the option that sets it. */
static uint64_t s_limit(const call_t *self, const char **option)
{
    const settings_t *settings = service_settings(self->service);
    const route_t *route = self->match.route;
    bool adds = route && route->kind == ROUTE_ADD;
    uint64_t limit = adds ? settings->max_event_size : BODY_SMALL;
    *option = adds ? "MaxEventSize" : "this route";
    if (route && route->method == METHOD_POST && settings->max_request_size &&
        (limit == 0 || settings->max_request_size < limit)) {
        limit = settings->max_request_size;
        *option = "Service.MaxRequestSize";
    }
    return limit;
}

/* Whether a body of so many bytes is too large; the reply says so then. */
static bool s_is_too_large(call_t *self, uint64_t size)
{
    const char *option;
    uint64_t limit = s_limit(self, &option);
    pbus_error_t error;
    if (limit == 0 || size <= limit)
        return false;
    pbus_fail(&error, PBUS_INVALID, "request size exceed %s(%llu KB)", option,
              (unsigned long long) limit / 1024);
    self->reply.close = true;
    s_error(self, 413, error.text);
    return true;
}

/* What no client may send; libmicrohttpd lets it pass. NULL if there is nothing of it. */
static const char *s_malformed(const call_head_t *head)
{
    if (head->malformed)
        return head->malformed;
    for (const char *p = head->target; *p; p++)
        if ((unsigned char) *p <= ' ' || *p == 0x7F)
            return "Bad Request: the URL has a blank or a control character; percent-encode it";
    return NULL;
}

call_step_t call_begin(call_t *self, const call_head_t *head)
{
    self->added.request_id = PBUS_STR("");
    const char *target = s_copy(self, head->target).data;
    self->url = url_split(target);
    self->match = routes_match(routes_method(head->method), self->url.path);
    self->options = routes_method(head->method) == METHOD_OPTIONS;
    self->content_type = s_copy(self, head->content_type);
    if (!s_correlate(self, head->correlation) || !s_cors(self, head))
        return s_no_memory(self);
    const char *malformed = s_malformed(head);
    if (malformed) {
        self->reply.close = true;
        return s_error(self, 400, malformed);
    }
    self->preflight =
        self->options && head->origin && head->cors_method && service_settings(self->service)->cors.enabled;
    if (head->has_size && s_is_too_large(self, head->size))
        return CALL_REPLY;
    return CALL_READ;
}

/* ---- body --------------------------------------------------------------------------------------------- */

static bool s_wants_body(const call_t *self)
{
    const route_t *route = self->match.route;
    return route && (route->method == METHOD_POST || route->body_filter);
}

call_step_t call_read(call_t *self, const char *data, size_t size)
{
    self->received += size;
    if (s_is_too_large(self, self->received))
        return CALL_REPLY;
    if (!s_wants_body(self))
        return CALL_READ;
    if (!service_take_pending(self->service, size)) {
        self->reply.close = true;
        return s_error(self, 503,
                       "too many bytes are being received at once (Service.MaxPendingSize): try again");
    }
    self->pending += size;
    pbus_buf_append(&self->body, data, size);
    if (!self->body.failed)
        return CALL_READ;
    self->reply.close = true;
    return s_no_memory(self);
}

/* ---- running ------------------------------------------------------------------------------------------ */

static int64_t s_deadline(const call_t *self)
{
    return pbus_clock_boottime() + service_settings(self->service)->request_timeout;
}

static call_step_t s_submit(call_t *self, request_t *request)
{
    self->request = request;
    if (!request)
        return s_no_memory(self);
    request->deadline = s_deadline(self);
    request->context = self;
    return CALL_SUBMIT;
}

static call_step_t s_added(call_t *self)
{
    pbus_metrics_t *metrics = service_metrics(self->service);
    if (self->request && self->request->kind == REQUEST_ADD) {
        pbus_metrics_add(metrics, SERVICE_EVENTS_PERSISTED, 1);
        pbus_metrics_add(metrics, SERVICE_READINGS_PERSISTED, self->added.readings);
    }
    self->reply.status = self->request && self->request->spooled ? 202 : 201;
    render_id(&self->reply.body, self->added.request_id, self->reply.status, &self->added.id);
    return s_finish(self);
}

static call_step_t s_run_add(call_t *self)
{
    pbus_error_t error;
    request_t *request;
    if (adding_prepare(&self->added, self->service, &self->params, &self->body, self->content_type,
                       self->correlation, self->arena, &request, &error) != PBUS_OK)
        return s_failed(self, &error);
    return request ? s_submit(self, request) : s_added(self);
}

static call_step_t s_run_query(call_t *self)
{
    self->query = query_new(&self->params, self->arena, service_settings(self->service));
    return self->query ? s_submit(self, query_request(self->query, 0)) : s_no_memory(self);
}

static call_step_t s_run_delete(call_t *self)
{
    request_t *request = request_new(REQUEST_DELETE);
    if (request)
        request->id = self->params.id;
    return s_submit(self, request);
}

static call_step_t s_run_purge(call_t *self)
{
    const params_t *params = &self->params;
    request_t *request = request_new(REQUEST_PURGE);
    if (request) {
        request->origin_min = params->origin_min;
        request->origin_max = params->origin_max;
        request->device = params->device.size ? strndup(params->device.data, params->device.size) : NULL;
        if (params->device.size && !request->device)
            request_destroy(&request);
    }
    return s_submit(self, request);
}

static call_step_t s_run_groups(call_t *self)
{
    return s_submit(self, request_new(REQUEST_STATUS));
}

static char *s_text(pbus_str_t text)
{
    return strndup(text.data, text.size);
}

static call_step_t s_administer(call_t *self, admin_command_t command)
{
    const params_t *params = &self->params;
    request_t *request = request_new(REQUEST_ADMIN);
    if (!request)
        return s_no_memory(self);
    request->command = command;
    request->force = params->force;
    request->target = s_text(params->group);
    request->worker = params->worker.data ? s_text(params->worker) : NULL;
    if (!request->target || (params->worker.data && !request->worker))
        request_destroy(&request);
    return s_submit(self, request);
}

static call_step_t s_run_prefer(call_t *self)
{
    return s_administer(self, ADMIN_PREFER);
}

static call_step_t s_run_promote(call_t *self)
{
    return s_administer(self, ADMIN_PROMOTE);
}

static call_step_t s_run_retire(call_t *self)
{
    return s_administer(self, ADMIN_RETIRE);
}

static call_step_t s_run_forget(call_t *self)
{
    return s_administer(self, ADMIN_FORGET);
}

static call_step_t s_run_drain(call_t *self)
{
    return s_administer(self, ADMIN_DRAIN);
}

/* ---- jobs */

static call_step_t s_answer_job(call_t *self, pbus_status_t status, const job_view_t *view,
                                const pbus_error_t *error)
{
    if (status != PBUS_OK)
        return s_failed(self, error);
    jobs_put(&self->reply.body, self->reply.status, view);
    return s_finish(self);
}

/* The id that the path names, terminated; NULL when memory is out. */
static const char *s_job_id(call_t *self)
{
    return arena_copy(self->arena, self->params.job.data, self->params.job.size);
}

static call_step_t s_run_jobs(call_t *self)
{
    job_view_t *views = arena_alloc(self->arena, MIRROR_JOBS * sizeof *views);
    if (!views)
        return s_no_memory(self);
    jobs_put_list(&self->reply.body, views, mirror_list(service_mirror(self->service), views));
    return s_finish(self);
}

static call_step_t s_run_job(call_t *self)
{
    pbus_error_t error;
    job_view_t view;
    const char *id = s_job_id(self);
    if (!id)
        return s_no_memory(self);
    pbus_status_t status = mirror_find(service_mirror(self->service), id, &view, &error);
    return s_answer_job(self, status, &view, &error);
}

static call_step_t s_run_job_cancel(call_t *self)
{
    pbus_error_t error;
    job_view_t view;
    const char *id = s_job_id(self);
    if (!id)
        return s_no_memory(self);
    pbus_status_t status = mirror_cancel(service_mirror(self->service), id, &view, &error);
    bool runs = status == PBUS_OK && (view.state == JOB_RUNNING || view.state == JOB_WAITING);
    self->reply.status = runs ? 202 : 200;
    return s_answer_job(self, status, &view, &error);
}

/* The groups first: a job between others than those that are known is refused at once. */
static call_step_t s_run_job_start(call_t *self)
{
    pbus_error_t error;
    pbus_str_t body = {(char *) self->body.data, self->body.size};
    if (jobs_read(&self->order, body, self->arena, &error) != PBUS_OK)
        return s_failed(self, &error);
    return s_submit(self, request_new(REQUEST_STATUS));
}

static call_step_t s_answer_job_start(call_t *self)
{
    pbus_error_t error;
    job_view_t view;
    pbus_str_t groups = {self->request->answer, self->request->answer_size};
    pbus_status_t status = jobs_check(&self->order, groups, self->arena, &error);
    if (status == PBUS_OK)
        status = mirror_start(service_mirror(self->service), &self->order, &view, &error);
    if (status != PBUS_OK)
        return s_failed(self, &error);
    self->reply.status = 202;
    jobs_put_started(&self->reply.body, 202, &view);
    return s_finish(self);
}

static call_step_t s_run_ping(call_t *self)
{
    common_ping(&self->reply.body, pbus_clock_realtime());
    return s_finish(self);
}

static call_step_t s_run_version(call_t *self)
{
    common_version(&self->reply.body);
    return s_finish(self);
}

static call_step_t s_run_config(call_t *self)
{
    common_config(&self->reply.body, self->service);
    return s_finish(self);
}

static call_step_t s_run_secret(call_t *self)
{
    pbus_error_t error;
    pbus_str_t body = {(char *) self->body.data, self->body.size};
    pbus_buf_t room = {0};
    pbus_str_t request_id;
    pbus_status_t status = secrets_put(service_secrets(self->service), body, &room, &request_id, &error);
    if (status == PBUS_OK) {
        self->reply.status = 201;
        render_base(&self->reply.body, request_id, 201);
    } else
        reply_error(&self->reply, request_id, status_http(status), error.text);
    pbus_buf_clear(&room);
    return s_finish(self);
}

static call_step_t s_answer_query(call_t *self)
{
    pbus_error_t error;
    unsigned status = query_answer(self->query, self->request, &self->reply.body, &error);
    if (status == 0)
        return CALL_SUBMIT;
    if (self->request->stale)
        reply_header(&self->reply, "X-Persistence-Stale", self->group);
    if (status == 200)
        return s_finish(self);
    if (error.status == PBUS_INTERNAL)
        pbus_metrics_add(service_metrics(self->service), SERVICE_MALFORMED, 1);
    return s_error(self, status, error.text);
}

static call_step_t s_answer_delete(call_t *self)
{
    if (self->request->spooled)
        self->reply.status = 202;
    render_base(&self->reply.body, PBUS_STR(""), self->reply.status);
    return s_finish(self);
}

static call_step_t s_answer_done(call_t *self)
{
    render_base(&self->reply.body, PBUS_STR(""), self->reply.status);
    return s_finish(self);
}

static call_step_t s_answer_promote(call_t *self)
{
    pbus_str_t lacks = {self->request->answer, self->request->answer_size};
    common_promoted(&self->reply.body, lacks);
    return s_finish(self);
}

/* It has begun, or waits on disk until it can. */
static call_step_t s_answer_begun(call_t *self)
{
    self->reply.status = 202;
    render_base(&self->reply.body, PBUS_STR(""), 202);
    return s_finish(self);
}

static call_step_t s_answer_groups(call_t *self)
{
    pbus_str_t groups = {self->request->answer, self->request->answer_size};
    if (!common_groups(&self->reply.body, groups, self->service))
        return s_error(self, 500, "the state of the persistence groups is no JSON");
    return s_finish(self);
}

/* What each kind of route does when the request is complete, and when its outcome is there. */
static const struct {
    call_step_t (*run)(call_t *self);
    call_step_t (*answer)(call_t *self);
} kinds[] = {
    [ROUTE_ADD] = {s_run_add, s_added},
    [ROUTE_DELETE] = {s_run_delete, s_answer_delete},
    [ROUTE_PURGE] = {s_run_purge, s_answer_begun},
    [ROUTE_SINGLE] = {s_run_query, s_answer_query},
    [ROUTE_LIST] = {s_run_query, s_answer_query},
    [ROUTE_COUNT] = {s_run_query, s_answer_query},
    [ROUTE_PING] = {s_run_ping, NULL},
    [ROUTE_VERSION] = {s_run_version, NULL},
    [ROUTE_CONFIG] = {s_run_config, NULL},
    [ROUTE_SECRET] = {s_run_secret, NULL},
    [ROUTE_GROUPS] = {s_run_groups, s_answer_groups},
    [ROUTE_PREFER] = {s_run_prefer, s_answer_done},
    [ROUTE_PROMOTE] = {s_run_promote, s_answer_promote},
    [ROUTE_RETIRE] = {s_run_retire, s_answer_begun},
    [ROUTE_FORGET] = {s_run_forget, s_answer_done},
    [ROUTE_DRAIN] = {s_run_drain, s_answer_begun},
    [ROUTE_JOBS] = {s_run_jobs, NULL},
    [ROUTE_JOB] = {s_run_job, NULL},
    [ROUTE_JOB_START] = {s_run_job_start, s_answer_job_start},
    [ROUTE_JOB_CANCEL] = {s_run_job_cancel, NULL},
};

call_step_t call_run(call_t *self)
{
    pbus_error_t error;
    pbus_str_t body = {(char *) self->body.data, self->body.size};
    if (!self->match.methods)
        return s_message(self, 404, "{\"message\":\"Not Found\"}\n");
    if (self->preflight)
        return s_message(self, 200, "");
    if (!self->match.route && self->options)
        return s_allow(self, 204, "");
    if (!self->match.route)
        return s_allow(self, 405, "{\"message\":\"Method Not Allowed\"}\n");
    if (params_read(&self->params, &self->match, self->url.query, body,
                    service_settings(self->service)->max_result_count, pbus_clock_realtime(), self->arena,
                    &error) != PBUS_OK)
        return s_failed(self, &error);
    self->reply.status = 200;
    return kinds[self->match.route->kind].run(self);
}

/* ---- the outcome -------------------------------------------------------------------------------------- */

void call_done(call_t *self)
{
    if (!self->request->group)
        return;
    strncpy(self->group, self->request->group, sizeof self->group - 1);
    self->request->group = self->group;
}

static call_step_t s_failed_request(call_t *self)
{
    request_t *request = self->request;
    if (request->kind == REQUEST_ADD && request->status == PBUS_CONFLICT)
        return s_error(self, 409, "Event Id exists");
    if (request->kind == REQUEST_DELETE && request->status == PBUS_NOT_FOUND) {
        char id[PBUS_UUID_TEXT];
        pbus_uuid_format(&request->id, id);
        pbus_fail(&request->error, PBUS_NOT_FOUND, "no event with id '%s' found", id);
    }
    request->error.status = request->status;
    return s_failed(self, &request->error);
}

call_step_t call_answered(call_t *self)
{
    /* A query sees to its own failures, as some of them are answered otherwise. */
    if (self->request->status != PBUS_OK && !self->query)
        return s_failed_request(self);
    return kinds[self->match.route->kind].answer(self);
}

call_step_t call_rejected(call_t *self, pbus_status_t status)
{
    const char *text = status == PBUS_FULL
                           ? "too many requests are waiting (PersistBus.MaxInFlight): try again"
                           : "the service is stopping";
    return s_error(self, status_http(status), text);
}
