/*
 * Group: all workers that serve one data set, its state, and what waits for it. Sends nothing itself.
 */
#ifndef CORE_DATA_GROUP_H
#define CORE_DATA_GROUP_H

#include "session.h"

typedef enum {
    GROUP_LIVE,    /* nothing missing, nothing pending */
    GROUP_LAGGING, /* something pending in its spool: not yet up to date */
    GROUP_STALE    /* history is missing */
} group_state_t;

#define REDO_LISTS 256
#define DRAIN_EVENTS 1000 /* the most in a batch from the spool */

struct data_group {
    char name[PBUS_NAME_MAX + 1];
    char backend[PBUS_NAME_MAX + 1];
    char version[PBUS_NAME_MAX + 1]; /* of the backend, as the last worker said */
    bool stale;                      /* history is missing */
    char why[160];                   /* it is */
    bool narrowed;   /* it gets only what PersistBus.Routes let through; such a group is always stale */
    bool retiring;   /* it gets no more writes and answers no more, and goes when it has what waits for it */
    bool forgetting; /* the spool is asked to forget it */
    bool forced;     /* what waits for it may be lost */
    bool refused;    /* the spool has said no, and no worker has come since */
    int64_t left;    /* CLOCK_BOOTTIME ns: when a retiring group's last worker was there */
    uint64_t preference; /* the greatest comes first; 0: PersistBus.Prefer decides */
    uint64_t generation; /* grows whenever it begins to lack something, also when it is STALE already */
    bool lagging;        /* not yet up to date: what is new goes to the spool, behind what is there */
    bool holding; /* lagging, but what is in the spool is about to be sent as one batch: what is new waits in
                     memory */
    bool has_set;
    pbus_uuid_t data_set;
    bool durable;
    bool counts;      /* what it has decides: it is durable, or PersistBus.AllowVolatile is true */
    uint64_t missing; /* capabilities, PBUS_CAP_... */
    uint64_t acked;   /* highest accept number that it has acknowledged */
    uint64_t saved;   /* of that, what the spool has on disk */
    uint64_t spooled; /* writes in the spool */
    uint64_t spooled_bytes;
    uint64_t oldest;      /* accept number of the oldest of them; 0: none */
    size_t puts;          /* on their way there */
    bool fetching;        /* rows are on their way from there */
    uint32_t drain_limit; /* rows that the next batch from the spool may have */
    bool draining;        /* a worker has been sent rows, and the spool may not have dropped them yet */
    int64_t not_before;   /* CLOCK_BOOTTIME ns: of the next fetch, after a failure */
    spool_job_t *rows;    /* fetched, not yet sent; owned */
    uint64_t dropped;     /* of the spool, by its limits, since start */
    uint64_t missed;      /* writes that it lacks for other reasons, since start */
    uint64_t writes;      /* that it has acknowledged, since start */
    uint64_t conflicts;   /* of these */
    uint64_t differing;   /* outcomes other than the deciding group's, since start */
    int64_t lease_end;    /* CLOCK_BOOTTIME ns: until then a lost worker may still execute what it was sent */
    size_t repairs;       /* of copying, in the hands of its sessions */
    int64_t offered;      /* CLOCK_BOOTTIME ns: when copying was last told to fill it */
    size_t deliveries;    /* that name this group, over or not */
    delivery_list_t queue;
    size_t queued;
    session_list_t sessions;       /* WELCOME, READY and DRAINING */
    write_list_t redo[REDO_LISTS]; /* deletes to run again when lease_end has passed, spread by their ids */
    write_list_t redoing;          /* those that are queued or sent; not owned */
    TAILQ_ENTRY(data_group) link;
};

typedef TAILQ_HEAD(group_list, data_group) group_list_t;

/* NULL when memory is out. */
group_t *group_new(pbus_str_t name);
/* No session, nothing queued. */
void group_destroy(group_t **self_p);

/* Where deletes of this id wait to be run again. */
write_list_t *group_redo(group_t *self, const pbus_uuid_t *id);

/* Whether it takes writes and answers, or will do so: it is not about to go. */
bool group_serves(const group_t *self);
group_state_t group_state(const group_t *self);
const char *group_state_name(group_state_t state);

/* Puts a pending delivery at the end of the queue, or takes it off. */
void group_enqueue(group_t *self, delivery_t *delivery);
void group_dequeue(group_t *self, delivery_t *delivery);
/* Puts the call's deliveries that are still pending back to the head of the queue, in their order. */
void group_requeue(group_t *self, call_t *call);

/* The ready session with the least outstanding that may be sent a batch, or a query, of so many bytes; or
 * NULL. */
session_t *group_writer(const group_t *self, size_t bytes);
session_t *group_reader(const group_t *self, size_t bytes);
/* Whether a worker's store is there, or a worker is in session at all. */
bool group_is_ready(const group_t *self);
bool group_is_served(const group_t *self);

/* Whether a write with an accept number up to this one may still be on its way to a store of the group. */
bool group_awaits(const group_t *self, uint64_t accept);

/*
 * Takes the next batch for the session off the queue: a call with its deliveries, and its payload, built in
 * place. NULL when nothing is queued or memory is out. call->bytes is the payload's size.
 */
call_t *group_next_batch(group_t *self, session_t *session, zmq_msg_t *payload);

#endif
