/*
 * Write and delivery: an accepted write on its way to the groups, one delivery a group. A write is undecided
 * while a delivery is pending; its outcome is then read off the deliveries (docs/ARCHITECTURE.md, "A write").
 * Pure data.
 *
 * Ownership: a write owns its deliveries. A group's queue and a session's calls only link to pending ones;
 * what is no longer pending is linked nowhere.
 */
#ifndef CORE_DATA_DELIVERY_H
#define CORE_DATA_DELIVERY_H

#include <persistbus/backend.h>

#include "request.h"

typedef struct data_group group_t;
typedef struct write write_t;
typedef struct delivery delivery_t;

typedef enum {
    DELIVERY_QUEUED,   /* in its group's queue */
    DELIVERY_SENT,     /* in a call of a session */
    DELIVERY_SPOOLING, /* on its way to the disk */
    DELIVERY_SPOOLED,  /* on disk, for when the group can take it */
    DELIVERY_DONE,     /* the group has answered: status */
    DELIVERY_MISSED    /* the group was not waited for; it lacks this write */
} delivery_state_t;

struct delivery {
    write_t *write;
    group_t *group;
    delivery_state_t state;
    bool resent; /* was in the hands of a session that ended, so the store may know the write already */
    pbus_status_t status;
    TAILQ_ENTRY(delivery) link; /* QUEUED */
    delivery_t **slot;          /* SENT: the place in its call that links here */
};

typedef TAILQ_HEAD(delivery_list, delivery) delivery_list_t;

struct write {
    request_t
        *request; /* NULL: its answer was given up, or done again on core-data's own account, nobody waits */
    pbus_op_t op;
    uint64_t accept;
    pbus_uuid_t id;
    bool own;       /* core-data's: a delete that is run again (redo.c) */
    bool cancelled; /* such a one, when the spool is asked to forget it */
    int64_t since;  /* CLOCK_BOOTTIME ns */
    size_t pending;
    size_t count;
    TAILQ_ENTRY(write) link; /* all undecided writes, oldest first */
    delivery_t deliveries[];
};

typedef TAILQ_HEAD(write_list, write) write_list_t;

/* A write with room for count deliveries, none made yet. NULL when memory is out. request may be NULL. */
write_t *write_new(size_t count, pbus_op_t op, const pbus_uuid_t *id, uint64_t accept, request_t *request);
/* No delivery may be pending. The request is not touched. */
void write_destroy(write_t **self_p);
/* Adds the delivery to a group (in the order of preference) and returns it, to be queued. */
delivery_t *write_add(write_t *self, group_t *group);

/* Its deliveries, which are in no queue and no call, are no more. */
void write_withdraw(write_t *self);
/* It is for another group. Queues are the caller's. */
void delivery_move(delivery_t *self, group_t *group);
/* A pending delivery is over; unlinks it from its call. Taking it off a queue is the caller's. */
void delivery_finish(delivery_t *self, delivery_state_t state, pbus_status_t status);
/* Whether the status of a write says that its group lacks it, rather than that it has another or had it
 * before. */
bool delivery_is_refusal(pbus_status_t status);
/* The encoded event; NULL for a delete. */
const pbus_buf_t *write_event(const write_t *self);
/* What it takes in a batch. */
size_t write_bytes(const write_t *self);

/*
 * The delivery whose status is the write's: the first in order of preference that is done in a group that
 * counts, of a LIVE one if there is, and of a narrowed one only if there is no other. NULL if none is done.
 */
const delivery_t *write_decider(const write_t *self);
/* Whether a group that others can be filled from has it, so that what waits for others is no sole copy. */
bool write_is_covered(const write_t *self);
/* Whether a delivery is in this state. */
bool write_has(const write_t *self, delivery_state_t state);

#endif
