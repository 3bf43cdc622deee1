/*
 * Lane: a thread with one handle of the backend. A czmq actor; the I/O side (link.c) speaks to it over its
 * pipe.
 *
 *   to the lane     "OPEN"               open the store now (a lane does nothing before)
 *                   "CALL" pbus_call_t*  a WRITE or QUERY to execute; the lane owns the call from then on
 *                   "LOOK"               say in which STATE the store is now, news or not
 *                   "STOP"               close the store, say "STOPPED", then wait for $TERM
 *                   "$TERM"              by pbus_actor_destroy
 *   from the lane   "REPLY" zmsg_t*      the ACK or REPLY of a call, for the receiver to send or destroy;
 * NULL for a call that was dropped (another session's, or its lease had run out) "STATE" pbus_lane_state_t*
 * the store came, went, or can never be opened; receiver frees
 *
 * Calls come back in the order in which they went in. While the store is away every call is answered
 * UNAVAILABLE at once and the lane tries the store again with back-off.
 */
#ifndef PBUS_LANE_H
#define PBUS_LANE_H

#include <persistbus/backend.h>
#include <persistbus/metrics.h>

#include "message.h"

#include <czmq.h>
#include <stdatomic.h>

/* What the I/O side knows and lanes look at, each on its own; written by the I/O thread alone. */
typedef struct {
    atomic_uint_fast64_t epoch;
    atomic_uint_fast64_t session; /* 0: none */
    atomic_int_fast64_t offset;   /* smallest (own clock - sent) seen in this epoch, ns */
    atomic_int_fast64_t lease;    /* ns */
    atomic_size_t reply_bytes;
    atomic_size_t message_bytes;
} pbus_link_view_t;

typedef enum {
    PBUS_COUNT_EXPIRED,
    PBUS_COUNT_STALE,
    PBUS_COUNT_MALFORMED,
    PBUS_COUNTERS
} pbus_worker_counter_t;

typedef struct {
    const pbus_backend_t *backend;
    const pbus_config_t *config;
    pbus_log_t *log;
    pbus_metrics_t *metrics;
    pbus_lane_t lane;
    const pbus_link_view_t *view;
    atomic_int_fast64_t busy_since; /* CLOCK_BOOTTIME ns when the call under way began; 0: none. The lane's */
} pbus_lane_args_t;

typedef struct {
    pbus_kind_t kind; /* PBUS_WRITE or PBUS_QUERY */
    uint64_t epoch;
    uint64_t session;
    uint64_t seq;
    int64_t sent;     /* core-data's clock, ns */
    int64_t deadline; /* own CLOCK_BOOTTIME, ns; QUERY */
    zframe_t *payload;
} pbus_call_t;

/* Takes over the payload. NULL (payload untouched) when memory is out. */
pbus_call_t *pbus_call_new(const pbus_message_t *message, zframe_t **payload_p, int64_t now);
void pbus_call_destroy(pbus_call_t **self_p);

typedef struct {
    bool ready;
    bool fatal; /* the store can never be opened: the process has to end */
    pbus_health_t health;
    char text[sizeof((pbus_error_t){0}.text)];
} pbus_lane_state_t;

/* For pbus_actor_new; args, a pbus_lane_args_t, outlives the actor. */
void pbus_lane_actor(zsock_t *pipe, void *args);

#endif
