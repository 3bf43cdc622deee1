/*
 * The dispatcher's own: its state, and what its parts offer each other. Everything here runs in the
 * dispatcher's thread.
 *
 *   dispatcher.c  life, requests in and out, the timer
 *   members.c     groups and sessions: who is there (docs/PROTOCOL.md, section 3)
 *   flow.c        writes to workers, their answers, outcomes
 *   redo.c        deletes that are run again
 *   forward.c     store and forward: writes that wait in the spool
 *   reads.c       queries to workers, their answers
 *   cuts.c        deletes by range
 *   copying.c     what copying from group to group asks
 *   admin.c       commands of operators: prefer, promote, retire, forget, drain
 *   status.c      the state as JSON
 *   narrowing.c   which groups get only a part of the writes
 */
#ifndef CORE_DATA_DISPATCH_PRIVATE_H
#define CORE_DATA_DISPATCH_PRIVATE_H

#include "accept.h"
#include "dispatcher.h"
#include "group.h"
#include "narrowing.h"
#include "spool.h"
#include "wire.h"

#include <pthread.h>
#include <stdatomic.h>

#define LEASE_MS 10000
#define SLOW_MS 1000         /* a group that has not answered is not waited for if another has */
#define PING_MS 500          /* how often a worker is asked for a sign of life */
#define SILENT_MS 2000       /* without one it is gone */
#define ASK_MS 1000          /* how often a subscriber without a session is asked for a HELLO */
#define REPLY_BYTES 4194304u /* where a worker cuts a result */
#define MS 1000000ll         /* in ns */

typedef enum {
    COUNT_BATCHES,
    COUNT_WRITES,
    COUNT_QUERIES,
    COUNT_RESENT,
    COUNT_PURGED,
    COUNT_TIMEOUTS,
    COUNT_FULL,
    COUNT_LOST_SESSIONS,
    COUNT_STALE_MESSAGES,
    COUNT_MALFORMED,
    COUNT_REFUSED,
    COUNT_PUBLISHED,
    COUNT_SPOOLED,
    COUNT_DRAINED,
    COUNT_DROPPED,
    COUNT_CONFLICTS,
    COUNT_UNSTORABLE,
    DISPATCH_COUNTERS
} dispatch_counter_t;

struct dispatcher {
    const pbus_config_t *config;
    pbus_log_t *log;
    pbus_metrics_t *metrics;
    wire_t *wire;
    spool_t *spool;
    narrowing_t *narrowing;
    zactor_t *actor;
    zloop_t *loop;

    /* Shared with other threads */
    pthread_mutex_t mutex;
    request_list_t incoming; /* under the mutex */
    bool stopping;           /* under the mutex */
    int wake;                /* eventfd, written when incoming was empty */
    atomic_size_t bytes;     /* of all requests submitted and not done */
    atomic_bool stream_wanted;
    size_t bytes_max;

    accept_clock_t clock;
    uint64_t epoch;
    uint64_t next_session;
    bool accepted;       /* a write has been given to a group since the spool was made, and the spool knows */
    bool floor_asked;    /* a floor is on its way to the disk */
    int64_t saved_marks; /* CLOCK_BOOTTIME ns: when groups' marks were last saved */
    int64_t watched;     /* CLOCK_BOOTTIME ns: when sessions were last looked after */
    int64_t stop_at;     /* 0: not told to stop */
    group_list_t groups; /* in order of preference */
    group_list_t gone;   /* forgotten, but writes that are not decided name them */
    session_list_t others; /* subscribers not in session with a group */
    size_t session_count;
    group_t *orphans; /* stands for the first group that will come: what is put for it */
    int64_t expired;  /* CLOCK_BOOTTIME ns: when the spool was last looked through for what is too old */
    write_list_t undecided;
    request_list_t waiting;  /* writes and purges that can't be accepted yet */
    request_list_t held;     /* adds whose id a delete that is to be run again still has */
    request_list_t queries;  /* that no worker has been asked yet */
    request_list_t targeted; /* the same, of one group alone */
    request_list_t settling; /* SETTLE */
    request_list_t repairs;  /* REPAIR, not sent yet */
    cut_list_t cuts;
};

/* ---- dispatcher.c ---- */

void dispatch_count(dispatcher_t *self, dispatch_counter_t counter);
/* The request is done; it is not touched any more. */
void dispatch_complete(dispatcher_t *self, request_t *request, pbus_status_t status);
void dispatch_fail(dispatcher_t *self, request_t *request, pbus_status_t status, const char *format, ...)
    PBUS_PRINTF(4, 5);
/* The next accept number; 0 when the spool has not got a floor for it. */
uint64_t dispatch_number(dispatcher_t *self);
/* Has the spool keep the group's state. The request (or NULL) is done when that is on disk. */
void dispatch_save_group(dispatcher_t *self, group_t *group, request_t *request);
/* A write is given to a group: from now on a group that joins lacks something. */
void dispatch_note_accepted(dispatcher_t *self);
/* Fails what has waited in the list beyond its deadline. */
void dispatch_expire(dispatcher_t *self, request_list_t *list, int64_t now);
/* What keeps requests waiting, for their errors. */
const char *dispatch_trouble(const dispatcher_t *self, char *text, size_t size);

/* ---- members.c ---- */

bool members_load(dispatcher_t *self);
void members_on_subscription(dispatcher_t *self, bool joined, pbus_str_t topic);
void members_on_message(dispatcher_t *self, session_t *session, const pbus_message_t *message);
/* The session sent something that can't be read, or is of another major version. */
void members_on_malformed(dispatcher_t *self, session_t *session, const pbus_message_t *message);
/* The session that a message belongs to, NULL if there is none now. */
session_t *members_find(dispatcher_t *self, uint64_t number);
/* Ends a session that is, or may be, still subscribed: its calls go back, it is asked again. */
void members_end(dispatcher_t *self, session_t *session, const char *why);
void members_on_timer(dispatcher_t *self, int64_t now);
void members_make_stale(dispatcher_t *self, group_t *group, const char *why);
/* It lacks nothing any more, or nothing that counts. */
void members_make_whole(group_t *group);
/* Has the spool keep what it does not know of groups yet. */
void members_save(dispatcher_t *self);
/* Puts a group that is in no list where it belongs in the order of preference. */
void members_place(dispatcher_t *self, group_t *group);
/* Tells a worker to finish and leave, unless it has been told. */
void members_drain(dispatcher_t *self, session_t *session);
/* The group's state did not get to the disk: it is saved again. */
void members_on_unsaved(dispatcher_t *self, const char *name);
/* NULL: none of that name is known. */
group_t *members_group(const dispatcher_t *self, pbus_str_t name);
/* The group whose answers decide: the first LIVE one; NULL if none is. */
group_t *members_preferred(const dispatcher_t *self);
/* The first group, in order of preference, that gets everything, LIVE or not; NULL: none is known. */
group_t *members_complete(const dispatcher_t *self);
void members_destroy(dispatcher_t *self);

/* ---- flow.c ---- */

/* Takes an ADD, DELETE or PURGE; false: no group can be given it now, or no number. */
bool flow_accept(dispatcher_t *self, request_t *request);
void flow_on_ack(dispatcher_t *self, session_t *session, pbus_message_t *ack);

/*
 * Sends a batch of writes. The payload is taken over, also on failure; the call is the session's if it was
 * sent, and otherwise stays the caller's.
 */
bool flow_send_write(dispatcher_t *self, session_t *session, call_t *call, zmq_msg_t *payload);
/* Takes back what a session that has ended was asked. */
void flow_take_back(dispatcher_t *self, session_t *session);
/* Sends what can be sent. */
void flow_pump(dispatcher_t *self);
void flow_on_timer(dispatcher_t *self, int64_t now);
/* Fails everything that is open. */
void flow_fail_all(dispatcher_t *self);

/* A delivery that the spool has been asked to keep is over. */
void flow_on_spooled(dispatcher_t *self, delivery_t *delivery, delivery_state_t state, pbus_status_t status);
/* An add that was sent at this time to a worker may be executed by it until its lease is over, although it
 * went another way since. */
void flow_note_lease(group_t *group, int64_t sent);
/* The group is forgotten: what waits in memory for it is over, or waits for the first group that comes. */
void flow_abandon(dispatcher_t *self, group_t *group);
/* The worker says that its store is away. */
void flow_store_away(session_t *session, const pbus_message_t *message);

/* ---- redo.c ---- */

bool redo_load(dispatcher_t *self);
/*
 * A delete has been done. True: a lost worker may undo it, so it is done once more later, and its delivery
 * (NULL for what comes from the spool), with its status set, is over when that is on disk.
 */
bool redo_remember(dispatcher_t *self, group_t *group, const pbus_uuid_t *id, uint64_t accept,
                   delivery_t *delivery);
/* True: the add is taken, and accepted as soon as no delete can take its event away. */
bool redo_holds(dispatcher_t *self, request_t *request);
/* The group has this event now. */
void redo_added(dispatcher_t *self, group_t *group, const pbus_uuid_t *id, uint64_t accept);
/* A delete of core-data's own is over; the caller destroys it. */
void redo_ended(dispatcher_t *self, write_t *write);
void redo_on_job(dispatcher_t *self, const spool_job_t *job);
void redo_on_timer(dispatcher_t *self, group_t *group, int64_t now);

/* ---- forward.c: store and forward ---- */

bool forward_load(dispatcher_t *self);
void forward_destroy(dispatcher_t *self);
/* The group can't take this pending delivery now: it goes to the spool, and the group is LAGGING. */
void forward_put(dispatcher_t *self, delivery_t *delivery);
/* A store has this write now, so what waits for other groups is no sole copy. */
void forward_cover(dispatcher_t *self, uint64_t accept);
/* What waits for the first group that comes is this one's; a narrowed group leaves it to others. */
void forward_adopt(dispatcher_t *self, group_t *group);
/* If such a group is known already, it is its. */
void forward_adopt_left(dispatcher_t *self);
/* Whether anything waits for the first group that comes. */
bool forward_has_orphans(const dispatcher_t *self);
void forward_on_job(dispatcher_t *self, spool_job_t **job_p);
/* The answer to rows from the spool; false if it is malformed. */
bool forward_on_ack(dispatcher_t *self, session_t *session, call_t *call, pbus_message_t *ack);
/* The session that had these rows has ended. */
void forward_take_back(group_t *group, const call_t *call);
void forward_pump(dispatcher_t *self);
void forward_on_timer(dispatcher_t *self, int64_t now);

/* ---- copying.c ---- */

/* Takes a SETTLE or a REPAIR. */
void copying_accept(dispatcher_t *self, request_t *request);
/* ADMIN_NEXT_COPY and ADMIN_COPIED. */
void copying_next(dispatcher_t *self, request_t *request);
void copying_done(dispatcher_t *self, request_t *request);
/* The answer to a repair; false if it is malformed. */
bool copying_on_ack(dispatcher_t *self, session_t *session, call_t *call, pbus_message_t *ack);
/* The session that had this repair has ended. */
void copying_take_back(dispatcher_t *self, group_t *group, call_t *call);
void copying_pump(dispatcher_t *self);
void copying_on_timer(dispatcher_t *self, int64_t now);

/* ---- reads.c ---- */

void reads_accept(dispatcher_t *self, request_t *request);

void reads_on_reply(dispatcher_t *self, session_t *session, const pbus_message_t *reply,
                    zframe_t **payload_p);
/* Whether any group may answer this. */
bool reads_is_shared(const call_t *call);
/* The query of a session that has ended is asked elsewhere. */
void reads_take_back(dispatcher_t *self, call_t *call);
void reads_pump(dispatcher_t *self);
void reads_on_timer(dispatcher_t *self, int64_t now);

/* ---- cuts.c ---- */

bool cuts_load(dispatcher_t *self);
bool cuts_accept(dispatcher_t *self, request_t *request);
void cuts_on_saved(dispatcher_t *self, spool_job_t *job);
void cuts_on_answer(dispatcher_t *self, session_t *session, cut_t *cut, const pbus_message_t *reply,
                    const zframe_t *payload);
/* How many cuts have still to run in this group. */
size_t cuts_waiting(const dispatcher_t *self, const group_t *group);
/* Whether a cut with an accept number up to this one has still to run in this group. */
bool cuts_await(const dispatcher_t *self, const group_t *group, uint64_t accept);
/* Whether a query has to wait until a cut has run in this group. */
bool cuts_hold(const dispatcher_t *self, const group_t *group, const request_t *query);
/* The group gets what waited for it, and so the cuts that concern that; the spool does the same. */
void cuts_adopt(dispatcher_t *self, group_t *group);
/* No cut has to run in this group any more. */
void cuts_forget(dispatcher_t *self, group_t *group);
void cuts_pump(dispatcher_t *self);
void cuts_destroy(dispatcher_t *self);

/* ---- admin.c ---- */

void admin_accept(dispatcher_t *self, request_t *request);
/* The answer of the spool that was asked to forget a group. */
void admin_on_forgotten(dispatcher_t *self, const spool_job_t *job);
void admin_on_timer(dispatcher_t *self, int64_t now);

/* ---- status.c ---- */

/* The groups as a JSON array. */
void status_render(const dispatcher_t *self, pbus_buf_t *out);

#endif
