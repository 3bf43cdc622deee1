/*
 * What host.c and peer.c share.
 */
#ifndef PEER_PRIVATE_H
#define PEER_PRIVATE_H

#include "bus.h"
#include "peer.h"

/* What all peers of a host have in common. */
typedef struct {
    bus_t *bus;
    uint64_t epoch;
    uint64_t session; /* the last one given */
    host_terms_t terms;
    const char *refusal;
    double patience;
    char fault[400]; /* the first one; empty: none */
} host_shared_t;

/* Keeps the fault, if it is the first. who: the worker's topic, or NULL. */
void host_shared_fault(host_shared_t *self, const char *who, const char *format, ...) PBUS_PRINTF(3, 4);

/* A worker whose subscription has come; begins its first session. */
peer_t *peer_new(host_shared_t *shared, pbus_str_t topic);
/* What it has not answered is lost. */
void peer_destroy(peer_t **self_p);
bool peer_is_topic(const peer_t *self, pbus_str_t topic);
bool peer_is_session(const peer_t *self, uint64_t session);
/* A message of its session. payload may be NULL. */
void peer_take(peer_t *self, pbus_message_t *message, zframe_t *payload);
/* The subscription is gone: true if answers may still come, false if the peer is to be destroyed. */
bool peer_leave(peer_t *self);
/* Does what is due; false when the peer is to be destroyed. */
bool peer_tick(peer_t *self, int64_t now);

#endif
