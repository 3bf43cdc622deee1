#include "execute.h"
#include "ask.h"
#include "digest.h"
#include "msgread.h"
#include "result.h"

#include <stdlib.h>

#define PURGE_LIMIT_MAX 10000

/*
 * A digest is computed in small scans, and cut after a while, so that other reads do not wait long for it. A
 * scan of fewer events than DIGEST_PAGE_MIN takes hardly less time, on a busy machine least of all.
 */
#define DIGEST_SPAN 25000000 /* ns */
#define DIGEST_SCAN 5000000  /* ns, that one scan should take */
#define DIGEST_PAGE_MIN 200  /* events of a scan */
#define DIGEST_PAGE_MAX 1000
#define DIGEST_BYTES (1 << 20) /* where a scan is cut */

struct pbus_executor {
    const pbus_backend_t *backend;
    pbus_decoder_t *decoder;
    pbus_result_t *result;
    pbus_result_t *scan; /* of a digest */
    pbus_digest_t *digest;
    uint32_t page;     /* of a digest: events of the next scan */
    bool slow_scans;   /* small ones take hardly less time than large ones */
    pbus_buf_t lists;  /* of an ask */
    pbus_buf_t writes; /* pbus_write_t of a batch, those the backend gets */
    pbus_buf_t places; /* size_t: where in the batch each of them was */
    pbus_buf_t failed; /* pbus_failed_t */
    pbus_error_t error;
};

pbus_executor_t *pbus_executor_new(const pbus_backend_t *backend)
{
    pbus_executor_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->backend = backend;
    self->decoder = pbus_decoder_new();
    self->result = pbus_result_new();
    self->scan = pbus_result_new();
    self->digest = pbus_digest_new();
    self->page = DIGEST_PAGE_MIN;
    if (!self->decoder || !self->result || !self->scan || !self->digest)
        pbus_executor_destroy(&self);
    return self;
}

void pbus_executor_destroy(pbus_executor_t **self_p)
{
    pbus_executor_t *self = *self_p;
    if (!self)
        return;
    pbus_decoder_destroy(&self->decoder);
    pbus_result_destroy(&self->result);
    pbus_result_destroy(&self->scan);
    pbus_digest_destroy(&self->digest);
    pbus_buf_clear(&self->lists);
    pbus_buf_clear(&self->writes);
    pbus_buf_clear(&self->places);
    pbus_buf_clear(&self->failed);
    free(self);
    *self_p = NULL;
}

static void s_add_failed(pbus_executor_t *self, size_t place, pbus_status_t status)
{
    pbus_failed_t failed = {.index = place, .status = status};
    pbus_buf_append(&self->failed, &failed, sizeof failed);
}

/* Takes one write; an event that is not what it claims to be fails alone. */
static void s_take_write(pbus_executor_t *self, pbus_msgread_t *in, size_t place)
{
    size_t length = pbus_msgread_array(in);
    pbus_write_t write = {.op = (pbus_op_t) pbus_msgread_uint(in)};
    write.accept = pbus_msgread_uint(in);
    write.id = pbus_msgread_uuid(in);
    size_t known = write.op == PBUS_ADD ? 4 : 3;
    if (length < known || (write.op != PBUS_ADD && write.op != PBUS_DELETE))
        in->bad = true;
    if (write.op == PBUS_ADD) {
        pbus_str_t event = pbus_msgread_bin(in);
        write.data = event.data;
        write.size = event.size;
    }
    for (size_t i = known; i < length && !in->bad; i++)
        pbus_msgread_skip(in);
    if (in->bad)
        return;

    if (write.op == PBUS_ADD) {
        const pbus_event_t *event = pbus_decoder_event(self->decoder, write.data, write.size);
        if (!event || memcmp(&event->id, &write.id, sizeof write.id) != 0) {
            s_add_failed(self, place, PBUS_INVALID);
            return;
        }
    }
    pbus_buf_append(&self->writes, &write, sizeof write);
    pbus_buf_append(&self->places, &place, sizeof place);
}

static pbus_status_t s_take_batch(pbus_executor_t *self, const void *batch, size_t size)
{
    pbus_buf_reset(&self->writes);
    pbus_buf_reset(&self->places);
    pbus_buf_reset(&self->failed);
    pbus_msgread_t in = pbus_msgread(batch, size);
    size_t count = pbus_msgread_array(&in);
    for (size_t i = 0; i < count && !in.bad; i++)
        s_take_write(self, &in, i);
    if (!pbus_msgread_at_end(&in))
        return pbus_fail(&self->error, PBUS_INVALID, "malformed batch of %zu bytes", size);
    if (self->writes.failed || self->places.failed || self->failed.failed)
        return pbus_fail(&self->error, PBUS_NOMEM, "out of memory for a batch of %zu writes", count);
    return PBUS_OK;
}

/*
 * Applies writes, halving what fails until the write at fault stands alone, so that it fails alone. When the
 * store is away the whole batch fails: it will be sent again, and what was applied is then recognised.
 */
static pbus_status_t s_apply(pbus_executor_t *self, void *handle, pbus_write_t *writes, size_t count)
{
    if (count == 0)
        return PBUS_OK;
    pbus_status_t status = self->backend->write(handle, writes, count, &self->error);
    if (status == PBUS_OK || (status != PBUS_INVALID && status != PBUS_INTERNAL))
        return status;
    if (count == 1) {
        writes->status = status;
        return PBUS_OK;
    }
    status = s_apply(self, handle, writes, count / 2);
    return status == PBUS_OK ? s_apply(self, handle, writes + count / 2, count - count / 2) : status;
}

static pbus_status_t s_run_batch(pbus_executor_t *self, void *handle, const void *batch, size_t size,
                                 uint64_t *mark)
{
    pbus_status_t status = s_take_batch(self, batch, size);
    if (status != PBUS_OK)
        return status;
    pbus_write_t *writes = (pbus_write_t *) self->writes.data;
    const size_t *places = (const size_t *) self->places.data;
    size_t count = self->writes.size / sizeof *writes;
    status = s_apply(self, handle, writes, count);
    if (status != PBUS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        if (writes[i].status != PBUS_OK)
            s_add_failed(self, places[i], writes[i].status);
        if (writes[i].accept > *mark)
            *mark = writes[i].accept;
    }
    if (self->failed.failed)
        return pbus_fail(&self->error, PBUS_NOMEM, "out of memory for the outcome of a batch");
    return PBUS_OK;
}

void pbus_executor_write(pbus_executor_t *self, void *handle, const void *batch, size_t size, uint64_t mark,
                         pbus_message_t *ack)
{
    self->error = (pbus_error_t){0};
    ack->status = s_run_batch(self, handle, batch, size, &mark);
    ack->mark = mark;
    if (ack->status == PBUS_OK) {
        ack->failed = (const pbus_failed_t *) self->failed.data;
        ack->failed_count = self->failed.size / sizeof(pbus_failed_t);
    } else
        ack->text = pbus_str(self->error.text);
}

static pbus_status_t s_unsupported(pbus_executor_t *self, const char *what)
{
    return pbus_fail(&self->error, PBUS_UNSUPPORTED, "backend %s does not %s", self->backend->name, what);
}

static pbus_status_t s_purge(pbus_executor_t *self, void *handle, const pbus_query_t *query)
{
    uint64_t deleted = 0;
    bool more = false;
    uint32_t limit = query->limit < PURGE_LIMIT_MAX ? query->limit : PURGE_LIMIT_MAX;
    pbus_status_t status = self->backend->purge(handle, &query->filter, limit, &deleted, &more, &self->error);
    pbus_result_total(self->result, deleted);
    pbus_result_set_more(self->result, more);
    return status;
}

static pbus_status_t s_count(pbus_executor_t *self, void *handle, const pbus_ask_t *ask)
{
    uint64_t count = 0;
    pbus_status_t status = self->backend->count(handle, ask->what, &ask->query.filter, &count, &self->error);
    pbus_result_total(self->result, count);
    return status;
}

static bool s_can_scan(const pbus_executor_t *self)
{
    return self->backend->scan && !(self->backend->missing & PBUS_CAP_SCAN);
}

static pbus_status_t s_scan(pbus_executor_t *self, void *handle, const pbus_ask_t *ask, pbus_result_t *result)
{
    const pbus_filter_t *filter = &ask->query.filter;
    return self->backend->scan(handle, filter->origin_min, filter->origin_max,
                               ask->has_after ? &ask->after : NULL, ask->query.limit, result, &self->error);
}

/*
 * So many events that the next scan takes as long as it should, but no more than twice as many as before. A
 * store for which even a small scan takes long is asked for much at once.
 */
static void s_fit_page(pbus_executor_t *self, int64_t took)
{
    if (self->page == DIGEST_PAGE_MIN && took > DIGEST_SPAN)
        self->slow_scans = true;
    else if (took < DIGEST_SCAN)
        self->slow_scans = false;
    if (self->slow_scans) {
        self->page = DIGEST_PAGE_MAX;
        return;
    }
    int64_t fit = took > 0 ? self->page * DIGEST_SCAN / took : DIGEST_PAGE_MAX;
    fit = fit > 2 * (int64_t) self->page ? 2 * (int64_t) self->page : fit;
    self->page = (uint32_t) (fit < DIGEST_PAGE_MIN   ? DIGEST_PAGE_MIN
                             : fit > DIGEST_PAGE_MAX ? DIGEST_PAGE_MAX
                                                     : fit);
}

static pbus_status_t s_digest_scan(pbus_executor_t *self, void *handle, const pbus_ask_t *scan)
{
    pbus_result_reset(self->scan, DIGEST_BYTES, SIZE_MAX);
    pbus_status_t status = s_scan(self, handle, scan, self->scan);
    if (status != PBUS_OK)
        return status;
    const pbus_buf_t *answer = pbus_result_answer(self->scan, &self->error);
    return answer ? pbus_digest_take(self->digest, answer->data, answer->size, &self->error)
                  : self->error.status;
}

static pbus_status_t s_digest(pbus_executor_t *self, void *handle, const pbus_ask_t *ask)
{
    pbus_ask_t scan;
    pbus_digest_sum_t sum;
    int64_t began = pbus_clock_boottime();
    int64_t now = began;
    pbus_digest_begin(self->digest, ask);
    while (now - began < DIGEST_SPAN && pbus_digest_wants(self->digest, self->page, &scan)) {
        pbus_status_t status = s_digest_scan(self, handle, &scan);
        if (status != PBUS_OK)
            return status;
        int64_t before = now;
        now = pbus_clock_boottime();
        if (scan.query.limit == self->page)
            s_fit_page(self, now - before);
    }
    pbus_digest_sum(self->digest, &sum);
    pbus_digest_put(&sum, self->result);
    return PBUS_OK;
}

static pbus_status_t s_run_ask(pbus_executor_t *self, void *handle, const pbus_ask_t *ask)
{
    const pbus_backend_t *backend = self->backend;
    const pbus_query_t *query = &ask->query;
    switch (ask->kind) {
    case PBUS_ASK_EVENTS:
        return backend->list_events(handle, query, self->result, &self->error);
    case PBUS_ASK_READINGS:
        return backend->list_readings(handle, query, self->result, &self->error);
    case PBUS_ASK_COUNT:
        return s_count(self, handle, ask);
    case PBUS_ASK_AGGREGATE:
        if (!backend->aggregate || (backend->missing & PBUS_CAP_AGGREGATE))
            return s_unsupported(self, "aggregate");
        return backend->aggregate(handle, &query->filter, ask->function, self->result, &self->error);
    case PBUS_ASK_SOURCES:
        return backend->list_sources(handle, self->result, &self->error);
    case PBUS_ASK_SCAN:
        return s_can_scan(self) ? s_scan(self, handle, ask, self->result) : s_unsupported(self, "scan");
    case PBUS_ASK_PURGE:
        return s_purge(self, handle, query);
    case PBUS_ASK_DIGEST:
        return s_can_scan(self) ? s_digest(self, handle, ask) : s_unsupported(self, "scan");
    }
    return PBUS_INVALID;
}

const pbus_buf_t *pbus_executor_query(pbus_executor_t *self, void *handle, const void *data, size_t size,
                                      int64_t deadline, size_t soft_bytes, size_t hard_bytes,
                                      pbus_message_t *reply)
{
    self->error = (pbus_error_t){0};
    const pbus_buf_t *answer = NULL;
    pbus_ask_t ask;
    if (!pbus_ask_decode(&ask, data, size, &self->lists))
        reply->status = pbus_fail(&self->error, PBUS_INVALID, "malformed query of %zu bytes", size);
    else if (pbus_clock_boottime() > deadline)
        reply->status =
            pbus_fail(&self->error, PBUS_TIMEOUT, "the query's time had passed before its turn came");
    else {
        ask.query.deadline = deadline;
        pbus_result_reset(self->result, soft_bytes, hard_bytes);
        reply->status = s_run_ask(self, handle, &ask);
    }
    if (reply->status == PBUS_OK) {
        answer = pbus_result_answer(self->result, &self->error);
        if (!answer)
            reply->status = self->error.status;
    }
    if (reply->status != PBUS_OK)
        reply->text = pbus_str(self->error.text);
    return answer;
}
