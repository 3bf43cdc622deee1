#include "host.h"
#include "need.h"
#include "peer_private.h"

#include <persistbus/version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define TICK_NS INT64_C(20000000)
#define TAKE_MAX 1000 /* messages taken before peers get their turn */

struct host {
    host_shared_t shared;
    peer_t **peers;
    size_t count;
};

void host_shared_fault(host_shared_t *self, const char *who, const char *format, ...)
{
    if (self->fault[0])
        return;
    if (who)
        snprintf(self->fault, sizeof self->fault, "worker %s: ", who);
    size_t size = strlen(self->fault);
    va_list args;
    va_start(args, format);
    vsnprintf(self->fault + size, sizeof self->fault - size, format, args);
    va_end(args);
}

host_terms_t host_default_terms(void)
{
    return (host_terms_t){.lease_ms = 10000, .reply_bytes = 4 << 20, .message_bytes = 64 << 20};
}

host_t *host_new(const char *requests, const char *replies, double patience, pbus_error_t *error)
{
    host_t *self = need_alloc(1, sizeof *self);
    self->shared.terms = host_default_terms();
    self->shared.patience = patience;
    self->shared.epoch = (uint64_t) pbus_clock_realtime();
    self->shared.bus = bus_new(requests, replies, error);
    if (!self->shared.bus)
        host_destroy(&self);
    return self;
}

static void s_forget_peers(host_t *self)
{
    while (self->count > 0)
        peer_destroy(&self->peers[--self->count]);
}

void host_destroy(host_t **self_p)
{
    host_t *self = *self_p;
    if (!self)
        return;
    s_forget_peers(self);
    bus_destroy(&self->shared.bus);
    free(self->peers);
    free(self);
    *self_p = NULL;
}

const char *host_requests(const host_t *self)
{
    return bus_requests(self->shared.bus);
}

const char *host_replies(const host_t *self)
{
    return bus_replies(self->shared.bus);
}

void host_set_terms(host_t *self, const host_terms_t *terms)
{
    self->shared.terms = *terms;
}

host_terms_t host_terms(const host_t *self)
{
    return self->shared.terms;
}

void host_set_refusal(host_t *self, const char *text)
{
    self->shared.refusal = text;
}

pbus_status_t host_restart(host_t *self, pbus_error_t *error)
{
    s_forget_peers(self);
    self->shared.epoch++;
    return bus_rebind(self->shared.bus, error);
}

const char *host_fault(const host_t *self)
{
    return self->shared.fault[0] ? self->shared.fault : NULL;
}

void host_forget_fault(host_t *self)
{
    self->shared.fault[0] = '\0';
}

/* ---- peers -----------------------------------------------------------------------------------------------
 */

peer_t *host_peer(host_t *self, size_t place)
{
    return place < self->count ? self->peers[place] : NULL;
}

peer_t *host_ready_peer(host_t *self, size_t place)
{
    for (size_t i = 0; i < self->count; i++)
        if (peer_is_ready(self->peers[i]) && place-- == 0)
            return self->peers[i];
    return NULL;
}

static void s_remove_peer(host_t *self, size_t place)
{
    peer_destroy(&self->peers[place]);
    memmove(&self->peers[place], &self->peers[place + 1], (--self->count - place) * sizeof(peer_t *));
}

/* The subscription is gone. The last answers of a worker that took its leave may still be on their way. */
static void s_leave(host_t *self, pbus_str_t topic)
{
    for (size_t i = 0; i < self->count; i++)
        if (peer_is_topic(self->peers[i], topic) && !peer_leave(self->peers[i])) {
            s_remove_peer(self, i);
            return;
        }
}

static void s_add_peer(host_t *self, pbus_str_t topic)
{
    pbus_topic_t parts;
    if (topic.size > 511 || !pbus_topic_parse(&parts, topic) || parts.major != PBUS_PROTOCOL_MAJOR) {
        host_shared_fault(&self->shared, NULL, "a subscription is no topic of protocol %d: '%.*s'",
                          PBUS_PROTOCOL_MAJOR, (int) topic.size, topic.data);
        return;
    }
    for (size_t i = 0; i < self->count; i++)
        if (peer_is_topic(self->peers[i], topic)) {
            s_remove_peer(self, i);
            break;
        }
    self->peers = need_more(self->peers, self->count + 1, sizeof(peer_t *));
    self->peers[self->count++] = peer_new(&self->shared, topic);
}

/* ---- messages --------------------------------------------------------------------------------------------
 */

static void s_on_message(host_t *self, zframe_t *header, zframe_t *payload)
{
    pbus_message_t message;
    if (!header || !pbus_message_decode(&message, zframe_data(header), zframe_size(header))) {
        char *hex = header ? zframe_strhex(header) : NULL;
        host_shared_fault(&self->shared, NULL, "a worker sent a malformed message: %.120s",
                          hex ? hex : "no header frame");
        zstr_free(&hex);
        return;
    }
    if (message.major != PBUS_PROTOCOL_MAJOR || message.kind < PBUS_HELLO) {
        host_shared_fault(&self->shared, NULL, "a worker sent %s of protocol %llu",
                          pbus_kind_name(message.kind), (unsigned long long) message.major);
        return;
    }
    /* Of another epoch or session: what was on its way when the session ended. */
    for (size_t i = 0; message.epoch == self->shared.epoch && i < self->count; i++)
        if (peer_is_session(self->peers[i], message.session)) {
            peer_take(self->peers[i], &message, payload);
            return;
        }
}

static void s_take_subscriptions(host_t *self)
{
    bool joined;
    pbus_str_t topic;
    zframe_t *frame;
    while (bus_take_subscription(self->shared.bus, &joined, &topic, &frame)) {
        if (joined)
            s_add_peer(self, topic);
        else
            s_leave(self, topic);
        zframe_destroy(&frame);
    }
}

static void s_take_messages(host_t *self)
{
    zframe_t *header, *payload;
    for (int i = 0; i < TAKE_MAX && bus_take_message(self->shared.bus, &header, &payload); i++) {
        s_on_message(self, header, payload);
        zframe_destroy(&header);
        zframe_destroy(&payload);
    }
}

void host_step(host_t *self, int64_t until)
{
    int64_t tick = pbus_clock_boottime() + TICK_NS;
    bus_wait(self->shared.bus, until < tick ? until : tick);
    /* Answers first: what a worker sent before it left counts. */
    s_take_messages(self);
    s_take_subscriptions(self);
    int64_t now = pbus_clock_boottime();
    for (size_t i = self->count; i-- > 0;)
        if (!peer_tick(self->peers[i], now))
            s_remove_peer(self, i);
}
