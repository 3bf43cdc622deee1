#include "group.h"

#include <stdlib.h>

group_t *group_new(pbus_str_t name)
{
    group_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    snprintf(self->name, sizeof self->name, "%.*s", (int) name.size, name.data);
    self->drain_limit = DRAIN_EVENTS;
    TAILQ_INIT(&self->queue);
    TAILQ_INIT(&self->sessions);
    for (size_t i = 0; i < REDO_LISTS; i++)
        TAILQ_INIT(&self->redo[i]);
    TAILQ_INIT(&self->redoing);
    return self;
}

void group_destroy(group_t **self_p)
{
    group_t *self = *self_p;
    if (!self)
        return;
    write_t *write;
    for (size_t i = 0; i < REDO_LISTS; i++)
        while ((write = TAILQ_FIRST(&self->redo[i]))) {
            TAILQ_REMOVE(&self->redo[i], write, link);
            write_destroy(&write);
        }
    spool_job_destroy(&self->rows);
    free(self);
    *self_p = NULL;
}

write_list_t *group_redo(group_t *self, const pbus_uuid_t *id)
{
    return &self->redo[id->bytes[sizeof id->bytes - 1] % REDO_LISTS];
}

bool group_serves(const group_t *self)
{
    return !self->retiring;
}

group_state_t group_state(const group_t *self)
{
    if (self->stale)
        return GROUP_STALE;
    return self->lagging ? GROUP_LAGGING : GROUP_LIVE;
}

const char *group_state_name(group_state_t state)
{
    static const char *const names[] = {"LIVE", "LAGGING", "STALE"};
    return names[state];
}

void group_enqueue(group_t *self, delivery_t *delivery)
{
    delivery->state = DELIVERY_QUEUED;
    TAILQ_INSERT_TAIL(&self->queue, delivery, link);
    self->queued++;
}

void group_dequeue(group_t *self, delivery_t *delivery)
{
    TAILQ_REMOVE(&self->queue, delivery, link);
    self->queued--;
}

void group_requeue(group_t *self, call_t *call)
{
    for (size_t i = call->count; i-- > 0;) {
        delivery_t *delivery = call->deliveries[i];
        if (!delivery)
            continue;
        delivery->state = DELIVERY_QUEUED;
        delivery->slot = NULL;
        delivery->resent = true;
        TAILQ_INSERT_HEAD(&self->queue, delivery, link);
        self->queued++;
    }
    call->count = 0;
}

static session_t *s_least(const group_t *self, size_t bytes, bool (*can)(const session_t *, size_t))
{
    session_t *least = NULL;
    session_t *session;
    TAILQ_FOREACH(session, &self->sessions, link)
    if (can(session, bytes) && (!least || session->bytes_out + session->calls_out * 1024 <
                                              least->bytes_out + least->calls_out * 1024))
        least = session;
    return least;
}

session_t *group_writer(const group_t *self, size_t bytes)
{
    return s_least(self, bytes, session_can_write);
}

session_t *group_reader(const group_t *self, size_t bytes)
{
    return s_least(self, bytes, session_can_ask);
}

bool group_is_ready(const group_t *self)
{
    const session_t *session;
    TAILQ_FOREACH(session, &self->sessions, link)
    if (session->state == SESSION_READY)
        return true;
    return false;
}

bool group_is_served(const group_t *self)
{
    return !TAILQ_EMPTY(&self->sessions);
}

/* What copying repairs has numbers of its own, and may be of any age. */
static bool s_asked(const session_t *session, uint64_t accept)
{
    const call_t *call;
    TAILQ_FOREACH(call, &session->calls, link)
    if (call->kind == PBUS_WRITE && (call->repair || call->accept_min <= accept))
        return true;
    return false;
}

/* Calls first: the oldest are there, and the queue may be long. */
bool group_awaits(const group_t *self, uint64_t accept)
{
    const delivery_t *delivery;
    const session_t *session;
    if (self->lagging && (self->spooled || self->puts))
        return true;
    TAILQ_FOREACH(session, &self->sessions, link)
    if (s_asked(session, accept))
        return true;
    TAILQ_FOREACH(delivery, &self->queue, link)
    if (delivery->write->accept <= accept)
        return true;
    return false;
}

/* How much of the queue's head makes the next batch: within what suits the worker and its credit, at least
 * one. */
static size_t s_measure(const group_t *self, const session_t *session, size_t *bytes)
{
    size_t count = 0;
    size_t room = session->bytes > session->bytes_out ? session->bytes - session->bytes_out : 0;
    size_t limit = session->batch_bytes < room ? session->batch_bytes : room;
    const delivery_t *delivery;
    *bytes = PBUS_BATCH_BEGIN;
    TAILQ_FOREACH(delivery, &self->queue, link)
    {
        size_t size = write_bytes(delivery->write);
        if (count > 0 && (count >= session->batch_events || *bytes + size > limit))
            break;
        *bytes += size;
        count++;
    }
    return count;
}

/* Takes the head of the queue into the call and encodes it at `out`. */
static void s_fill(group_t *self, call_t *call, size_t count, uint8_t *out)
{
    size_t at = pbus_batch_begin(out, count);
    for (size_t i = 0; i < count; i++) {
        delivery_t *delivery = TAILQ_FIRST(&self->queue);
        const write_t *write = delivery->write;
        const pbus_buf_t *event = write_event(write);
        group_dequeue(self, delivery);
        delivery->state = DELIVERY_SENT;
        delivery->slot = &call->deliveries[i];
        call->deliveries[i] = delivery;
        call->adds = call->adds || write->op == PBUS_ADD;
        if (i == 0 || write->accept < call->accept_min)
            call->accept_min = write->accept;
        if (write->accept > call->accept_max)
            call->accept_max = write->accept;
        at += pbus_batch_put(out + at, write->op, write->accept, &write->id, event ? event->data : NULL,
                             event ? event->size : 0);
    }
    call->count = count;
}

call_t *group_next_batch(group_t *self, session_t *session, zmq_msg_t *payload)
{
    if (TAILQ_EMPTY(&self->queue))
        return NULL;
    size_t bytes;
    size_t count = s_measure(self, session, &bytes);
    call_t *call = session_call_new(session, PBUS_WRITE, count);
    if (!call)
        return NULL;
    if (zmq_msg_init_size(payload, bytes) != 0) {
        session_call_destroy(&call);
        return NULL;
    }
    s_fill(self, call, count, zmq_msg_data(payload));
    call->bytes = bytes;
    return call;
}
