/*
 * Session: one life of a worker's connection, and what it has been asked (docs/PROTOCOL.md, section 3). Keeps
 * state, credit and calls; sends nothing itself.
 */
#ifndef CORE_DATA_SESSION_H
#define CORE_DATA_SESSION_H

#include "cut.h"
#include "delivery.h"
#include "message.h"
#include "spool.h"

typedef struct session session_t;

typedef enum {
    SESSION_ASKED,    /* WHO was sent */
    SESSION_REFUSED,  /* its HELLO was not accepted */
    SESSION_WELCOME,  /* in session, its store is away */
    SESSION_READY,    /* and there */
    SESSION_DRAINING, /* it leaves: gets nothing more, may still answer */
    SESSION_ENDED     /* the subscription is there, the session is not; WHO is due */
} session_state_t;

/* What a session was asked and has not answered: a batch of deliveries, a query, or a purge for a cut. */
typedef struct call {
    pbus_kind_t kind;
    uint64_t seq;
    int64_t sent; /* CLOCK_BOOTTIME ns */
    size_t bytes;
    delivery_t **deliveries; /* WRITE; those no longer pending are NULL */
    size_t count;            /* WRITE */
    uint64_t accept_min;     /* WRITE: the lowest number in it */
    uint64_t accept_max;     /* WRITE: and the highest */
    bool adds;               /* WRITE: has an add in it */
    request_list_t requests; /* QUERY of clients: all that asked this before it was sent. Repair: the one */
    cut_t *cut;              /* QUERY that is a purge */
    spool_job_t *drain;      /* WRITE from the spool: its rows; owned */
    bool repair;             /* WRITE that copying wants */
    size_t repair_count;     /* of writes in it */
    TAILQ_ENTRY(call) link;
} call_t;

typedef TAILQ_HEAD(call_list, call) call_list_t;

struct session {
    char topic[200];
    pbus_str_t worker; /* view into topic */
    char backend[PBUS_NAME_MAX + 1];
    char version[PBUS_NAME_MAX + 1]; /* of the backend */
    size_t connections; /* subscriptions to the topic; a new one may come before the end of the old one */
    uint64_t number;    /* new for each WHO */
    session_state_t state;
    group_t *group; /* from WELCOME on */
    uint64_t
        mark; /* what its group had acknowledged when it was asked, or its store went: it has to have that */
    int64_t asked;                      /* CLOCK_BOOTTIME ns of the last WHO */
    int64_t pinged;                     /* of the last PING */
    int64_t ponged;                     /* of the last PONG, or of the WELCOME */
    uint64_t busy;                      /* ns, as its last PONG says */
    uint64_t messages, batches, bytes;  /* credit granted */
    uint64_t batch_events, batch_bytes; /* the largest batch that suits it */
    uint64_t minor;
    size_t calls_out, batches_out, bytes_out;
    uint64_t next_seq;
    call_list_t calls; /* oldest first */
    char reason[160];  /* why its store is away */
    TAILQ_ENTRY(session) link;
};

typedef TAILQ_HEAD(session_list, session) session_list_t;

/* A session without a group, state ENDED. NULL when memory is out. */
session_t *session_new(pbus_str_t topic, pbus_str_t worker);
/* Its calls must have been taken. */
void session_destroy(session_t **self_p);

/* Takes over backend, credit and batch sizes from a HELLO, within what core-data allows. */
void session_introduce(session_t *self, const pbus_message_t *hello);

/* Whether a batch of at least `bytes`, or a query, may be sent now. */
bool session_can_write(const session_t *self, size_t bytes);
bool session_can_ask(const session_t *self, size_t bytes);

/* A new call with room for count deliveries; it gets the next seq. NULL when memory is out. */
call_t *session_call_new(session_t *self, pbus_kind_t kind, size_t count);
/* Enters a call, with its bytes set, as sent. */
void session_add_call(session_t *self, call_t *call);
/* Takes out the call that this answers: of this seq and kind; NULL if there is none. The caller destroys it.
 */
call_t *session_take_call(session_t *self, pbus_kind_t kind, uint64_t seq);
/* Takes out the newest; NULL if none is left. */
call_t *session_take_newest(session_t *self);
void session_call_destroy(call_t **self_p);

#endif
