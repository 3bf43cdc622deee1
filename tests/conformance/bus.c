#include "bus.h"
#include "need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Below the ports that outgoing connections are given, so that a port is still free when it is bound again.
 */
#define PORT_MIN 12000
#define PORTS 20000
#define TRIES 200
#define ENDPOINT_MAX 256
#define REBIND_NS (5 * INT64_C(1000000000)) /* how long the system may take to give a port back */

struct bus {
    zsock_t *requests;
    zsock_t *replies;
    char requests_endpoint[ENDPOINT_MAX];
    char replies_endpoint[ENDPOINT_MAX];
};

static zsock_t *s_socket(int type)
{
    zsock_t *socket = zsock_new(type);
    need_made(socket);
    zsock_set_linger(socket, 0);
    zsock_set_sndhwm(socket, 0); /* bounded by the credit of workers */
    zsock_set_rcvhwm(socket, 0);
    if (type == ZMQ_XPUB)
        zsock_set_xpub_verboser(socket, 1);
    return socket;
}

static unsigned s_random_port(void)
{
    unsigned number = 0;
    need_made(getrandom(&number, sizeof number, 0) == sizeof number ? &number : NULL);
    return PORT_MIN + number % PORTS;
}

/* Where it is told to, or anywhere. */
static bool s_bind(zsock_t *socket, const char *where, char endpoint[ENDPOINT_MAX])
{
    if (where) {
        snprintf(endpoint, ENDPOINT_MAX, "%s", where);
        return zsock_bind(socket, "%s", endpoint) >= 0;
    }
    for (int i = 0; i < TRIES; i++) {
        snprintf(endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:%u", s_random_port());
        if (zsock_bind(socket, "%s", endpoint) >= 0)
            return true;
    }
    return false;
}

bus_t *bus_new(const char *requests, const char *replies, pbus_error_t *error)
{
    bus_t *self = need_alloc(1, sizeof *self);
    self->requests = s_socket(ZMQ_XPUB);
    self->replies = s_socket(ZMQ_ROUTER);
    if (!s_bind(self->requests, requests, self->requests_endpoint) ||
        !s_bind(self->replies, replies, self->replies_endpoint)) {
        pbus_fail(error, PBUS_UNAVAILABLE, "%s or %s can't be bound: %s",
                  requests ? requests : "a loopback port", replies ? replies : "another",
                  zmq_strerror(zmq_errno()));
        bus_destroy(&self);
    }
    return self;
}

void bus_destroy(bus_t **self_p)
{
    bus_t *self = *self_p;
    if (!self)
        return;
    zsock_destroy(&self->requests);
    zsock_destroy(&self->replies);
    free(self);
    *self_p = NULL;
}

/* The old socket is closed by ZeroMQ's own thread, a moment later. */
static bool s_bind_again(zsock_t *socket, const char *endpoint)
{
    int64_t end = pbus_clock_boottime() + REBIND_NS;
    while (zsock_bind(socket, "%s", endpoint) < 0) {
        if (zmq_errno() != EADDRINUSE || pbus_clock_boottime() > end)
            return false;
        zclock_sleep(1);
    }
    return true;
}

pbus_status_t bus_rebind(bus_t *self, pbus_error_t *error)
{
    zsock_destroy(&self->requests);
    zsock_destroy(&self->replies);
    self->requests = s_socket(ZMQ_XPUB);
    self->replies = s_socket(ZMQ_ROUTER);
    if (s_bind_again(self->requests, self->requests_endpoint) &&
        s_bind_again(self->replies, self->replies_endpoint))
        return PBUS_OK;
    return pbus_fail(error, PBUS_UNAVAILABLE, "%s or %s can't be bound again: %s", self->requests_endpoint,
                     self->replies_endpoint, zmq_strerror(zmq_errno()));
}

const char *bus_requests(const bus_t *self)
{
    return self->requests_endpoint;
}

const char *bus_replies(const bus_t *self)
{
    return self->replies_endpoint;
}

static bool s_readable(zsock_t *socket)
{
    return zsock_events(socket) & ZMQ_POLLIN;
}

void bus_wait(bus_t *self, int64_t until)
{
    int64_t left = until - pbus_clock_boottime();
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(self->requests), .events = ZMQ_POLLIN},
                              {.socket = zsock_resolve(self->replies), .events = ZMQ_POLLIN}};
    zmq_poll(items, 2, left > 0 ? (long) (left / 1000000 + 1) : 0);
}

/* A frame that can't be sent is missed by the worker, and so by the case. */
static void s_send_part(void *socket, const void *data, size_t size, bool more)
{
    zmq_send(socket, data, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

void bus_send(bus_t *self, const char *topic, const pbus_buf_t *header, const pbus_buf_t *payload)
{
    void *socket = zsock_resolve(self->requests);
    s_send_part(socket, topic, strlen(topic), header || payload);
    if (header)
        s_send_part(socket, header->data, header->size, payload);
    if (payload)
        s_send_part(socket, payload->data, payload->size, false);
}

static void s_drop_rest(zsock_t *socket, zframe_t *last)
{
    bool more = last && zframe_more(last);
    while (more) {
        zframe_t *frame = zframe_recv(socket);
        more = frame && zframe_more(frame);
        zframe_destroy(&frame);
    }
}

bool bus_take_subscription(bus_t *self, bool *joined, pbus_str_t *topic, zframe_t **frame_p)
{
    while (s_readable(self->requests)) {
        zframe_t *frame = zframe_recv(self->requests);
        if (!frame)
            return false;
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

bool bus_take_message(bus_t *self, zframe_t **header_p, zframe_t **payload_p)
{
    *header_p = *payload_p = NULL;
    if (!s_readable(self->replies))
        return false;
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
