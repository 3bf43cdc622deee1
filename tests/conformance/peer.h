/*
 * Peer: one worker as the host sees it: its session, what it said of itself, and what it was asked. Belongs
 * to the host, which destroys it when its subscription is gone.
 */
#ifndef PEER_H
#define PEER_H

#include "ask.h"
#include "batch.h"
#include "host.h"

/* What HELLO and READY said. Texts are the peer's. */
typedef struct {
    const char *topic, *backend, *version, *group;
    uint64_t minor, missing;
    uint64_t messages, batches, bytes; /* credit */
    uint64_t batch_events, batch_bytes;
    bool ready;
    bool durable;
    bool has_set;
    pbus_uuid_t data_set;
    uint64_t mark;
    const char *text;   /* of the last READY */
    unsigned readies;   /* READY true, in all sessions */
    unsigned unreadies; /* READY false */
    unsigned hellos;
    bool leaving;         /* BYE has come */
    uint64_t busy;        /* of the last PONG, ns */
    unsigned pongs;       /* in all */
    int64_t slowest_pong; /* ns from PING to PONG */
} peer_info_t;

/*
 * A WRITE or QUERY that was sent, and its answer. Belongs to the caller, who may destroy it at any time; may
 * outlive the peer.
 */
typedef struct {
    pbus_kind_t kind;
    uint64_t seq;
    size_t writes; /* of a WRITE */
    size_t bytes;  /* of the payload */
    int64_t sent;  /* CLOCK_BOOTTIME, ns */
    bool answered;
    bool lost; /* the session ended first: no answer will come */
    int64_t answered_at;
    pbus_status_t status;
    char text[240];
    uint64_t mark;         /* ACK */
    pbus_status_t *failed; /* ACK with status OK: the status of each write */
    pbus_buf_t payload;    /* REPLY with status OK */
    peer_t *place;         /* private: who has yet to answer */
} call_t;

void call_destroy(call_t **self_p);

const peer_info_t *peer_info(const peer_t *self);
bool peer_is_ready(const peer_t *self);
/* Publishes WHO: begins a new session; what is unanswered is lost. */
void peer_begin(peer_t *self);
void peer_ping(peer_t *self);
/* DRAIN: nothing more is sent in this session. */
void peer_drain(peer_t *self);

/* Whether this many more bytes of a WRITE or QUERY are within the worker's credit. */
bool peer_has_credit(const peer_t *self, pbus_kind_t kind, size_t bytes);
call_t *peer_write(peer_t *self, const batch_t *batch);
call_t *peer_ask(peer_t *self, const pbus_ask_t *ask, uint64_t timeout_ms);

/* ---- for messages that are out of the ordinary -----------------------------------------------------------
 */

/* A header of the current session, sent now, with a new seq if its kind has one. */
pbus_message_t peer_message(peer_t *self, pbus_kind_t kind);
/* Sends it and waits for an answer of its seq. payload may be NULL. */
call_t *peer_call(peer_t *self, const pbus_message_t *message, const pbus_buf_t *payload, size_t writes);
/* Sends it; an answer would be a fault. */
void peer_send(peer_t *self, const pbus_message_t *message, const pbus_buf_t *payload);
/* Any bytes; either may be NULL for no such frame. */
void peer_send_frames(peer_t *self, const pbus_buf_t *header, const pbus_buf_t *payload);

#endif
