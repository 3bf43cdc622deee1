/*
 * Bus: the two sockets that core-data binds, XPUB for what goes to workers and ROUTER for what comes from
 * them. Nothing of the protocol but its frames.
 */
#ifndef BUS_H
#define BUS_H

#include <persistbus/types.h>

#include <czmq.h>

typedef struct bus bus_t;

/* Each endpoint may be NULL for a loopback port of its own. NULL with *error filled when one can't be bound.
 */
bus_t *bus_new(const char *requests, const char *replies, pbus_error_t *error);
void bus_destroy(bus_t **self_p);
/* Closes both sockets, and so all connections, and binds them to the same ports again. */
pbus_status_t bus_rebind(bus_t *self, pbus_error_t *error);
const char *bus_requests(const bus_t *self);
const char *bus_replies(const bus_t *self);

/* Until something can be taken, or that time (CLOCK_BOOTTIME, ns) has come. */
void bus_wait(bus_t *self, int64_t until);
/* Frames [topic, header, payload]; header and payload may be NULL for no such frame. */
void bus_send(bus_t *self, const char *topic, const pbus_buf_t *header, const pbus_buf_t *payload);

/*
 * Takes a subscription (joined) or its end; false when there is none. topic is a view of *frame_p, which the
 * caller destroys.
 */
bool bus_take_subscription(bus_t *self, bool *joined, pbus_str_t *topic, zframe_t **frame_p);
/* Takes a message from a worker; false when there is none. The caller destroys both; either may be NULL. */
bool bus_take_message(bus_t *self, zframe_t **header_p, zframe_t **payload_p);

#endif
