#include "wire.h"
#include "endpoint.h"

#include <stdlib.h>
#include <unistd.h>

#define FROM_PEERS_MAX 512 /* bytes of a subscription; a larger one closes its connection */
#define HANDSHAKE_MS 3000  /* a silent connection is closed after this */
#define HEARTBEAT_MS 2000  /* a backstop for dead peers; liveness is PING and PONG */
#define HEARTBEAT_TIMEOUT_MS 10000
#define ZAP_DOMAIN "persistbus" /* with a domain, NULL peers too have to pass the ZAP handler */

struct wire {
    pbus_log_t *log;
    zactor_t *auth;
    zactor_t *monitor;
    zsock_t *requests;
    zsock_t *replies;
    zsock_t *events;
    size_t peers;
    int locks[3];      /* of ipc endpoints; -1 */
    pbus_buf_t header; /* reused */
};

static zsock_t *s_socket(int type, int64_t message_bytes)
{
    zsock_t *socket = zsock_new(type);
    if (!socket)
        return NULL;
    zsock_set_zap_domain(socket, ZAP_DOMAIN);
    zsock_set_maxmsgsize(socket, (int) message_bytes);
    zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
    zsock_set_heartbeat_ivl(socket, HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(socket, HEARTBEAT_TIMEOUT_MS);
    zsock_set_linger(socket, 0);
    return socket;
}

static pbus_status_t s_bind(zsock_t *socket, const pbus_config_t *config, const char *key, int *lock,
                            pbus_error_t *error)
{
    const char *endpoint = pbus_config_string(config, key);
    if (!socket)
        return pbus_fail(error, PBUS_NOMEM, "no more sockets: %s", zmq_strerror(zmq_errno()));
    pbus_status_t status = pbus_endpoint_claim(key, endpoint, lock, error);
    if (status != PBUS_OK || zsock_bind(socket, "%s", endpoint) >= 0)
        return status;
    int reason = zmq_errno();
    const char *remedy = reason == EADDRINUSE ? "another process has it: stop that one or choose another port"
                                              : "use one like tcp://127.0.0.1:5570";
    return pbus_fail(error, PBUS_INVALID, "%s: can't bind %s: %s; %s", key, endpoint, zmq_strerror(reason),
                     remedy);
}

static pbus_status_t s_bind_all(wire_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    self->requests = s_socket(ZMQ_XPUB, FROM_PEERS_MAX);
    self->replies = s_socket(ZMQ_ROUTER, pbus_config_int(config, "PersistBus.MaxMessageSize") * 1024);
    self->events = s_socket(ZMQ_PUB, FROM_PEERS_MAX);
    if (self->requests) {
        zsock_set_xpub_verboser(self->requests, 1);
        zsock_set_rcvtimeo(self->requests,
                           0); /* a receive that finds nothing returns: no need to ask first */
    }
    if (self->replies) {
        zsock_set_rcvhwm(self->replies, 0); /* bounded by the credit that workers were given */
        zsock_set_rcvtimeo(self->replies, 0);
    }
    pbus_status_t status = s_bind(self->requests, config, "PersistBus.Requests", &self->locks[0], error);
    if (status == PBUS_OK)
        status = s_bind(self->replies, config, "PersistBus.Replies", &self->locks[1], error);
    if (status == PBUS_OK)
        status = s_bind(self->events, config, "PersistBus.Events", &self->locks[2], error);
    return status;
}

/* Handshakes count, not connections: a port scanner is no subscriber. */
static bool s_watch_peers(wire_t *self)
{
    self->monitor = zactor_new(zmonitor, self->events);
    if (!self->monitor)
        return false;
    zstr_sendx(self->monitor, "LISTEN", "HANDSHAKE_SUCCEEDED", "DISCONNECTED", NULL);
    zstr_send(self->monitor, "START");
    return zsock_wait(self->monitor) == 0;
}

wire_t *wire_new(const pbus_config_t *config, pbus_log_t *log, pbus_error_t *error)
{
    wire_t *self = calloc(1, sizeof *self);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "out of memory while starting");
        return NULL;
    }
    self->log = log;
    for (int i = 0; i < 3; i++)
        self->locks[i] = -1;
    /* Lets everybody pass, but only who speaks the current ZMTP; keys and a list of the allowed go here. */
    self->auth = zactor_new(zauth, NULL);
    pbus_status_t status = PBUS_OK;
    if (!self->auth)
        status = pbus_fail(error, PBUS_NOMEM, "no ZAP handler: %s", zmq_strerror(zmq_errno()));
    if (status == PBUS_OK)
        status = s_bind_all(self, config, error);
    if (status == PBUS_OK && !s_watch_peers(self))
        status = pbus_fail(error, PBUS_NOMEM, "can't watch the public stream: %s", zmq_strerror(zmq_errno()));
    if (status != PBUS_OK)
        wire_destroy(&self);
    return self;
}

void wire_destroy(wire_t **self_p)
{
    wire_t *self = *self_p;
    if (!self)
        return;
    zactor_destroy(&self->monitor);
    zsock_destroy(&self->requests);
    zsock_destroy(&self->replies);
    zsock_destroy(&self->events);
    zactor_destroy(&self->auth);
    for (int i = 0; i < 3; i++)
        if (self->locks[i] >= 0)
            close(self->locks[i]);
    pbus_buf_clear(&self->header);
    free(self);
    *self_p = NULL;
}

zsock_t *wire_requests(wire_t *self)
{
    return self->requests;
}

zsock_t *wire_replies(wire_t *self)
{
    return self->replies;
}

zsock_t *wire_monitor(wire_t *self)
{
    return zactor_sock(self->monitor);
}

static bool s_readable(zsock_t *socket)
{
    return zsock_events(socket) & ZMQ_POLLIN;
}

/* Takes the rest of a message that has more frames than belong there. */
static void s_drop_rest(zsock_t *socket, const zframe_t *last)
{
    bool more = last && zframe_more((zframe_t *) last);
    while (more) {
        zframe_t *frame = zframe_recv(socket);
        more = frame && zframe_more(frame);
        zframe_destroy(&frame);
    }
}

bool wire_take_subscription(wire_t *self, bool *joined, pbus_str_t *topic, zframe_t **frame_p)
{
    zframe_t *frame;
    while ((frame = zframe_recv(self->requests))) {
        s_drop_rest(self->requests, frame);
        const uint8_t *data = zframe_data(frame);
        size_t size = zframe_size(frame);
        if (size >= 1 && data[0] <= 1) {
            *joined = data[0] == 1;
            *topic = (pbus_str_t){(const char *) data + 1, size - 1};
            *frame_p = frame;
            return true;
        }
        zframe_destroy(&frame);
    }
    return false;
}

bool wire_take_reply(wire_t *self, zframe_t **header_p, zframe_t **payload_p)
{
    *header_p = *payload_p = NULL;
    zframe_t *sender = zframe_recv(self->replies);
    if (!sender)
        return false;
    if (zframe_more(sender))
        *header_p = zframe_recv(self->replies);
    if (*header_p && zframe_more(*header_p))
        *payload_p = zframe_recv(self->replies);
    s_drop_rest(self->replies, *payload_p);
    zframe_destroy(&sender);
    return true;
}

static bool s_send_part(void *socket, const void *data, size_t size, bool more)
{
    return zmq_send(socket, data, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
}

bool wire_send(wire_t *self, const char *topic, const pbus_message_t *message, zmq_msg_t *payload)
{
    void *socket = zsock_resolve(self->requests);
    pbus_buf_reset(&self->header);
    pbus_message_encode(message, &self->header);
    bool sent = !self->header.failed && s_send_part(socket, topic, strlen(topic), true) &&
                s_send_part(socket, self->header.data, self->header.size, payload != NULL);
    if (sent && payload)
        sent = zmq_msg_send(payload, socket, ZMQ_DONTWAIT) >= 0;
    if (payload)
        zmq_msg_close(payload);
    if (!sent)
        pbus_log_error(self->log, "%s not sent on %s: %s", pbus_kind_name(message->kind), topic,
                       zmq_strerror(zmq_errno()));
    return sent;
}

void wire_publish(wire_t *self, const pbus_buf_t *topic, const pbus_buf_t *message)
{
    void *socket = zsock_resolve(self->events);
    if (s_send_part(socket, topic->data, topic->size, true))
        s_send_part(socket, message->data, message->size, false);
}

bool wire_watch(wire_t *self, size_t *peers)
{
    size_t before = self->peers;
    while (s_readable(wire_monitor(self))) {
        zmsg_t *event = zmsg_recv(self->monitor);
        char *name = event ? zmsg_popstr(event) : NULL;
        if (name && streq(name, "HANDSHAKE_SUCCEEDED"))
            self->peers++;
        else if (name && streq(name, "DISCONNECTED") && self->peers > 0)
            self->peers--;
        zstr_free(&name);
        zmsg_destroy(&event);
    }
    *peers = self->peers;
    return self->peers != before;
}
