#include "session.h"

#include <stdlib.h>

/* Well under half of XPUB's high-water mark (1000), beyond which a stalled worker would lose messages. */
#define MESSAGES_MAX 256
#define BATCHES_MAX 16
#define BYTES_MAX (256u * 1024 * 1024)
#define BATCH_EVENTS_MAX 10000
#define KEPT_FOR_WRITES 2 /* of the messages: queries leave them alone */

session_t *session_new(pbus_str_t topic, pbus_str_t worker)
{
    session_t *self = calloc(1, sizeof *self);
    if (!self || topic.size >= sizeof self->topic) {
        free(self);
        return NULL;
    }
    memcpy(self->topic, topic.data, topic.size);
    self->worker = (pbus_str_t){self->topic + (worker.data - topic.data), worker.size};
    self->state = SESSION_ENDED;
    TAILQ_INIT(&self->calls);
    return self;
}

void session_destroy(session_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static uint64_t s_within(uint64_t value, uint64_t min, uint64_t max)
{
    return value < min ? min : value > max ? max : value;
}

void session_introduce(session_t *self, const pbus_message_t *hello)
{
    self->minor = hello->minor;
    snprintf(self->backend, sizeof self->backend, "%.*s", (int) hello->backend.size, hello->backend.data);
    snprintf(self->version, sizeof self->version, "%.*s", (int) hello->version.size, hello->version.data);
    self->messages = s_within(hello->messages, 1, MESSAGES_MAX);
    self->batches = s_within(hello->batches, 1, BATCHES_MAX);
    self->bytes = s_within(hello->bytes, 1, BYTES_MAX);
    self->batch_events = s_within(hello->batch_events, 1, BATCH_EVENTS_MAX);
    self->batch_bytes = s_within(hello->batch_bytes, 1, BYTES_MAX);
}

/* With nothing outstanding one call is always allowed, however big, so that nothing can wait for ever. */
bool session_can_write(const session_t *self, size_t bytes)
{
    if (self->state != SESSION_READY)
        return false;
    return self->calls_out == 0 || (self->batches_out < self->batches && self->calls_out < self->messages &&
                                    self->bytes_out + bytes <= self->bytes);
}

bool session_can_ask(const session_t *self, size_t bytes)
{
    if (self->state != SESSION_READY)
        return false;
    return self->calls_out == 0 ||
           (self->calls_out + KEPT_FOR_WRITES < self->messages && self->bytes_out + bytes <= self->bytes);
}

call_t *session_call_new(session_t *self, pbus_kind_t kind, size_t count)
{
    call_t *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    if (count && !(call->deliveries = calloc(count, sizeof *call->deliveries))) {
        free(call);
        return NULL;
    }
    call->kind = kind;
    TAILQ_INIT(&call->requests);
    call->seq = ++self->next_seq;
    return call;
}

void session_add_call(session_t *self, call_t *call)
{
    call->sent = pbus_clock_boottime();
    self->calls_out++;
    self->bytes_out += call->bytes;
    if (call->kind == PBUS_WRITE)
        self->batches_out++;
    TAILQ_INSERT_TAIL(&self->calls, call, link);
}

static call_t *s_take(session_t *self, call_t *call)
{
    if (!call)
        return NULL;
    TAILQ_REMOVE(&self->calls, call, link);
    self->calls_out--;
    self->bytes_out -= call->bytes;
    if (call->kind == PBUS_WRITE)
        self->batches_out--;
    return call;
}

call_t *session_take_call(session_t *self, pbus_kind_t kind, uint64_t seq)
{
    call_t *call;
    TAILQ_FOREACH(call, &self->calls, link)
    if (call->seq == seq && call->kind == kind)
        break;
    return s_take(self, call);
}

call_t *session_take_newest(session_t *self)
{
    return s_take(self, TAILQ_LAST(&self->calls, call_list));
}

void session_call_destroy(call_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->deliveries);
    spool_job_destroy(&(*self_p)->drain);
    free(*self_p);
    *self_p = NULL;
}
