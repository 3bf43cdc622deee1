/*
 * Remote: see remote.h.
 */
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "remote.h"

#define PATIENCE (5 * INT64_C(1000000000)) /* ns, for one answer */
#define TAKES INT64_C(20000000)            /* ns, that one thing should take */
#define PAGE_FIRST 200
#define PAGE_MIN 100  /* fewer hardly take less time */
#define PAGE_MAX 1000 /* events */

struct remote {
    asker_t *asker;
    pace_t *pace;
    char *group;
    pbus_digest_t *digest;
    bool scanned;    /* a worker has no digest: it is made of scans */
    uint32_t page;   /* events of the next scan */
    uint32_t writes; /* of the next batch */
};

remote_t *remote_new(asker_t *asker, pace_t *pace, const char *group)
{
    remote_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (remote_t){.asker = asker, .pace = pace, .page = PAGE_FIRST, .writes = PAGE_FIRST};
    self->group = strdup(group);
    self->digest = pbus_digest_new();
    if (!self->group || !self->digest)
        remote_destroy(&self);
    return self;
}

void remote_destroy(remote_t **self_p)
{
    remote_t *self = *self_p;
    if (!self)
        return;
    free(self->group);
    pbus_digest_destroy(&self->digest);
    free(self);
    *self_p = NULL;
}

const char *remote_name(const remote_t *self)
{
    return self->group;
}

size_t remote_writes(const remote_t *self)
{
    return self->writes;
}

pbus_status_t remote_malformed(const remote_t *self, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_INTERNAL, "the persistence group %s gave a malformed answer; see its log",
                     self->group);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static request_t *s_request(const remote_t *self, request_kind_t kind)
{
    request_t *request = request_new(kind);
    if (!request)
        return NULL;
    request->deadline = pbus_clock_boottime() + PATIENCE;
    request->target = strdup(self->group);
    if (!request->target)
        request_destroy(&request);
    return request;
}

/* Asks and pauses; *took is how long the answer took. */
static pbus_status_t s_ask(remote_t *self, request_t **request_p, int64_t *took, pbus_error_t *error)
{
    int64_t began = pbus_clock_boottime();
    pbus_status_t status = asker_ask(self->asker, request_p, error);
    int64_t now = pbus_clock_boottime();
    *took = now - began;
    int64_t pause = pace_pause(self->pace, *took, now);
    if (pause > 0 && !asker_sleep(self->asker, pause) && status == PBUS_OK) {
        request_destroy(request_p);
        return pbus_fail(error, PBUS_UNAVAILABLE, "the service is stopping");
    }
    return status;
}

static pbus_status_t s_query(remote_t *self, const pbus_ask_t *ask, request_t **request_p, int64_t *took,
                             pbus_error_t *error)
{
    request_t *request = s_request(self, REQUEST_QUERY);
    if (request)
        pbus_ask_encode(ask, &request->ask);
    if (request && request->ask.failed)
        request_destroy(&request);
    pbus_status_t status = s_ask(self, &request, took, error);
    *request_p = request;
    return status;
}

/* What fits: from a number that took so long, at most twice as much. */
static void s_fit(uint32_t *number, int64_t took)
{
    int64_t fit = took > 0 ? *number * TAKES / took : PAGE_MAX;
    fit = fit > 2 * (int64_t) *number ? 2 * (int64_t) *number : fit;
    *number = (uint32_t) (fit < PAGE_MIN ? PAGE_MIN : fit > PAGE_MAX ? PAGE_MAX : fit);
}

pbus_status_t remote_count(remote_t *self, uint64_t *count, pbus_error_t *error)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    request_t *request;
    pbus_answer_t answer;
    int64_t took;
    pbus_status_t status = s_query(self, &ask, &request, &took, error);
    if (status != PBUS_OK)
        return status;
    if (pbus_answer_open(&answer, request->answer, request->answer_size))
        *count = answer.total;
    else
        status = remote_malformed(self, error);
    request_destroy(&request);
    return status;
}

/* ---- scans -------------------------------------------------------------------------------------------- */

static pbus_status_t s_scan(remote_t *self, const pbus_ask_t *ask, request_t **page_p, pbus_error_t *error)
{
    int64_t took;
    pbus_status_t status = s_query(self, ask, page_p, &took, error);
    if (status == PBUS_UNSUPPORTED)
        return pbus_fail(error, PBUS_UNSUPPORTED,
                         "group %s can be neither copied nor compared: its backend does not scan",
                         self->group);
    if (status == PBUS_OK && ask->query.limit == self->page)
        s_fit(&self->page, took);
    return status;
}

pbus_status_t remote_scan(remote_t *self, const window_t *window, request_t **page_p, pbus_error_t *error)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SCAN);
    ask.has_after = window->has_after;
    ask.after = window->after;
    ask.query.limit = self->page;
    if (window->has_until)
        ask.query.filter.origin_max = window->until.origin;
    return s_scan(self, &ask, page_p, error);
}

/* ---- digests ------------------------------------------------------------------------------------------ */

/* Whether it speaks of what was asked; else the engine might turn in circles. */
static bool s_is_sound(const pbus_ask_t *ask, const pbus_digest_sum_t *sum)
{
    if (sum->count > ask->query.limit)
        return false;
    if (!sum->any)
        return true;
    return (!ask->has_after || pbus_cursor_cmp(&sum->last, &ask->after) > 0) &&
           (!ask->has_until || pbus_cursor_cmp(&sum->last, &ask->until) <= 0);
}

static pbus_status_t s_ask_digest(remote_t *self, const pbus_ask_t *ask, pbus_digest_sum_t *sum,
                                  pbus_error_t *error)
{
    request_t *request;
    int64_t took;
    pbus_status_t status = s_query(self, ask, &request, &took, error);
    if (status != PBUS_OK)
        return status;
    if (!pbus_digest_read(sum, request->answer, request->answer_size) || !s_is_sound(ask, sum))
        status = remote_malformed(self, error);
    request_destroy(&request);
    return status;
}

static pbus_status_t s_make_digest(remote_t *self, const pbus_ask_t *ask, pbus_digest_sum_t *sum,
                                   pbus_error_t *error)
{
    pbus_ask_t scan;
    pbus_digest_begin(self->digest, ask);
    while (pbus_digest_wants(self->digest, self->page, &scan)) {
        request_t *page;
        pbus_status_t status = s_scan(self, &scan, &page, error);
        if (status != PBUS_OK)
            return status;
        status = pbus_digest_take(self->digest, page->answer, page->answer_size, error);
        request_destroy(&page);
        if (status != PBUS_OK)
            return status == PBUS_INTERNAL ? remote_malformed(self, error) : status;
    }
    pbus_digest_sum(self->digest, sum);
    return PBUS_OK;
}

pbus_status_t remote_digest(remote_t *self, const window_t *window, uint64_t accept_max, uint32_t limit,
                            pbus_digest_sum_t *sum, pbus_error_t *error)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_DIGEST);
    ask.has_after = window->has_after;
    ask.after = window->after;
    ask.has_until = window->has_until;
    ask.until = window->until;
    ask.query.filter.accept_max = accept_max;
    ask.query.limit = limit;
    pbus_status_t status = PBUS_UNSUPPORTED;
    if (!self->scanned)
        status = s_ask_digest(self, &ask, sum, error);
    if (status != PBUS_UNSUPPORTED && status != PBUS_INVALID)
        return status;
    self->scanned = true;
    return s_make_digest(self, &ask, sum, error);
}

/* ---- repairs ------------------------------------------------------------------------------------------ */

pbus_status_t remote_repair(remote_t *self, pbus_buf_t *batch, uint32_t *refused, pbus_error_t *error)
{
    int64_t took;
    request_t *request = s_request(self, REQUEST_REPAIR);
    if (request) {
        request->batch = *batch;
        *batch = (pbus_buf_t){0};
    }
    pbus_status_t status = s_ask(self, &request, &took, error);
    if (status == PBUS_OK) {
        *refused = request->refused;
        s_fit(&self->writes, took);
    }
    request_destroy(&request);
    return status;
}
