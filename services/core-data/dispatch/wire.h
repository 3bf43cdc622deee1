/*
 * Wire: core-data's sockets (docs/PROTOCOL.md, section 1). XPUB to workers, ROUTER from them, PUB for the
 * public stream, and a ZAP handler, without which ZeroMQ lets strangers' bytes through as frames. For one
 * thread.
 */
#ifndef CORE_DATA_WIRE_H
#define CORE_DATA_WIRE_H

#include <persistbus/config.h>

#include "message.h"

#include <czmq.h>

typedef struct wire wire_t;

/* NULL with *error filled when an endpoint can't be bound: which, of which option, why, and what to do. */
wire_t *wire_new(const pbus_config_t *config, pbus_log_t *log, pbus_error_t *error);
void wire_destroy(wire_t **self_p);

/* For zloop. The monitor tells of peers of the public stream; call wire_watch when it is readable. */
zsock_t *wire_requests(wire_t *self);
zsock_t *wire_replies(wire_t *self);
zsock_t *wire_monitor(wire_t *self);

/*
 * The next subscription (joined true) or unsubscription; false when there is none. The topic is a view into
 * *frame_p, which the caller destroys. Anything else that peers send is dropped.
 */
bool wire_take_subscription(wire_t *self, bool *joined, pbus_str_t *topic, zframe_t **frame_p);

/*
 * The next message of a worker; false when there is none. *header_p is NULL if it had no header frame;
 * *payload_p may be NULL. The caller destroys both.
 */
bool wire_take_reply(wire_t *self, zframe_t **header_p, zframe_t **payload_p);

/*
 * Publishes on a worker's topic, never blocks. payload (may be NULL) is taken over, also on failure. False
 * when it was not sent; what is sent may still be lost, so only an answer proves anything.
 */
bool wire_send(wire_t *self, const char *topic, const pbus_message_t *message, zmq_msg_t *payload);

/* Publishes on the public stream; a slow subscriber loses messages. */
void wire_publish(wire_t *self, const pbus_buf_t *topic, const pbus_buf_t *message);

/* Reads the monitor; true if the number of peers of the public stream changed, which *peers then is. */
bool wire_watch(wire_t *self, size_t *peers);

#endif
