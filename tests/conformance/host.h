/*
 * Host: a private core-data side of the bus (docs/PROTOCOL.md), for tests of a worker. Binds XPUB and ROUTER,
 * leads sessions, sends PINGs, and checks everything that comes. It knows
 * nothing of backends, and nothing is done in the background: messages move in host_step, in the caller's
 * thread.
 *
 *   core-data -> worker   WHO, WELCOME, REFUSE, PING, DRAIN by itself; WRITE, QUERY through peer_call
 *   worker -> core-data   HELLO, READY, ACK, REPLY, PONG, BYE
 *
 * What a worker does against the protocol is a fault: the first is kept as text for whoever asks.
 */
#ifndef HOST_H
#define HOST_H

#include "message.h"

#include <persistbus/types.h>

typedef struct host host_t;
typedef struct peer peer_t;

/* What WELCOME says, for sessions that begin from then on. */
typedef struct {
    uint64_t lease_ms;
    uint64_t reply_bytes;
    uint64_t message_bytes;
    bool later_minor; /* speak a later minor version: every message has an element more than is known */
} host_terms_t;

/*
 * Endpoints to bind; each may be NULL for a loopback port of its own. Every span in which a worker has to do
 * something is multiplied by patience (1 for an ordinary build). NULL with *error filled when one can't be
 * bound.
 */
host_t *host_new(const char *requests, const char *replies, double patience, pbus_error_t *error);
void host_destroy(host_t **self_p);

/* "tcp://127.0.0.1:port", for the worker's environment. */
const char *host_requests(const host_t *self);
const char *host_replies(const host_t *self);

void host_set_terms(host_t *self, const host_terms_t *terms);
host_terms_t host_terms(const host_t *self);
host_terms_t host_default_terms(void);
/* HELLO is answered with REFUSE and this text from now on; NULL: with WELCOME. The text stays the caller's.
 */
void host_set_refusal(host_t *self, const char *text);

/* As core-data that ends and starts again: the same ports, a new epoch, nothing known of anybody. */
pbus_status_t host_restart(host_t *self, pbus_error_t *error);

/* Takes what has come, waiting at most until then (CLOCK_BOOTTIME, ns) if there is nothing, and does what is
 * due. */
void host_step(host_t *self, int64_t until);

/* Workers whose subscription is there, the oldest first; NULL behind the last. Valid until it is gone. */
peer_t *host_peer(host_t *self, size_t place);
/* The place-th of those that said READY true. */
peer_t *host_ready_peer(host_t *self, size_t place);

/* The first fault since the last call of host_forget_fault; NULL: none. */
const char *host_fault(const host_t *self);
void host_forget_fault(host_t *self);

#endif
