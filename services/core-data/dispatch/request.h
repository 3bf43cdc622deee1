/*
 * Request: what an HTTP handler wants from the dispatcher, and how it came out. A plain record: the maker
 * fills the upper part, hands it over with dispatcher_submit and must not touch it until `done` is called;
 * then the outcome is there and the record is the maker's again (it may be submitted once more, or
 * destroyed).
 */
#ifndef CORE_DATA_REQUEST_H
#define CORE_DATA_REQUEST_H

#include <persistbus/types.h>
#include "ask.h"

#include <czmq.h>
#include <sys/queue.h>

typedef enum {
    REQUEST_ADD,     /* store `event` under `id`; then publish */
    REQUEST_PUBLISH, /* only publish (Writable.PersistData false) */
    REQUEST_DELETE,  /* delete the event `id` */
    REQUEST_PURGE, /* delete what passes `filter`, as of now; done when that is on record, not when it has run
                    */
    REQUEST_QUERY, /* `ask`, already encoded */
    REQUEST_STATUS, /* the JSON array of groups */
    REQUEST_ADMIN,  /* `command` on the group `target` (ADMIN_NEXT_COPY names its own) */
    REQUEST_SETTLE, /* done when `source_group` and `target` have applied every write and range delete
                       accepted before the request: its accept number is then in `accept` */
    REQUEST_REPAIR  /* `batch`, an encoded payload of WRITE (PROTOCOL.md, section 4), to a worker of `target`,
                       behind nothing and decided by nobody: for copying, not for clients */
} request_kind_t;

typedef enum {
    ADMIN_PREFER,  /* this group decides and answers from now on, whenever it is LIVE; kept on disk */
    ADMIN_PROMOTE, /* a STALE group is LIVE as it is; refused (CONFLICT) while a LIVE group runs, unless
                      forced */
    ADMIN_RETIRE,  /* takes no more writes, gets what waits for it, its workers are told to leave; then
                      forgotten */
    ADMIN_FORGET,  /* forgotten with its spool; CONFLICT while it has workers, or sole copies unless forced */
    ADMIN_DRAIN,   /* the worker `worker` is told to finish and leave */
    ADMIN_NEXT_COPY, /* which STALE group (`target`) can be filled from which LIVE one (`source_group`), as of
                        `generation`; NOT_FOUND when there is nothing to do */
    ADMIN_COPIED /* `target` has been made equal to a LIVE group: LIVE, if `generation` is still its own */
} admin_command_t;

typedef struct request request_t;

struct request {
    request_kind_t kind;
    int64_t deadline; /* CLOCK_BOOTTIME ns */
    /* Called once, on the dispatcher's thread: must not block, may free the request. */
    void (*done)(request_t *self);
    void *context; /* the maker's */

    pbus_uuid_t id;   /* ADD, DELETE */
    pbus_buf_t event; /* ADD: the encoded event */
    pbus_buf_t ask;   /* QUERY: the encoded ask */
    pbus_what_t what; /* QUERY: events or readings, for the filter below */
    char *device;     /* PURGE and QUERY: only this device; NULL: any. malloc'd, freed by request_destroy */
    char *source; /* PURGE: only this source of the device; NULL: any. malloc'd, freed by request_destroy */
    bool lazy;    /* PURGE: reads need not wait for it (retention) */
    int64_t origin_min;      /* QUERY: bounds of origin, so that reads and pending deletes can be matched */
    int64_t origin_max;      /* PURGE and QUERY */
    admin_command_t command; /* ADMIN */
    bool force;              /* ADMIN */
    char *target; /* ADMIN, SETTLE, REPAIR: the group. QUERY: only this group, whatever its state; NULL: who
                     can answer. malloc'd, freed by request_destroy */
    char
        *source_group; /* SETTLE, and out of NEXT_COPY: the other group. malloc'd, freed by request_destroy */
    char *worker;      /* ADMIN_DRAIN. malloc'd, freed by request_destroy */
    uint64_t generation; /* grows whenever the group begins to lack something; out of NEXT_COPY and SETTLE,
                            into COPIED */
    pbus_buf_t batch;    /* REPAIR */
    pbus_buf_t stream_topic; /* ADD, PUBLISH: for the public stream; empty: nothing is published */
    pbus_buf_t stream_message;

    /* Outcome */
    pbus_status_t status;
    pbus_error_t error; /* if status is not PBUS_OK */
    bool spooled;       /* ADD, DELETE: accepted but not yet with a group: 202 */
    bool stale;         /* QUERY: answered by a group whose history has a gap. SETTLE: the source has one */
    uint64_t accept;    /* SETTLE */
    uint32_t refused;   /* REPAIR: how many writes of the batch were INVALID or CONFLICT */
    const char *group;  /* QUERY: who answered; lives as long as the dispatcher; may be NULL */
    const void *answer; /* QUERY: the reply's payload (answer.h); STATUS: JSON text */
    size_t answer_size;

    /* Private to the dispatcher */
    zframe_t *answer_frame; /* holds the answer */
    size_t bytes;           /* counted against PersistBus.MaxInFlight */
    TAILQ_ENTRY(request) link;
};

typedef TAILQ_HEAD(request_list, request) request_list_t;

/* Zeroed, with no bounds of origin. NULL when memory is out. */
request_t *request_new(request_kind_t kind);
/* Frees the request with its buffers and its answer. */
void request_destroy(request_t **self_p);

/* Takes over the frame (or NULL) as the answer, in place of a former one. */
void request_set_answer(request_t *self, zframe_t **frame_p);
/* Frees the answer, before the request is submitted once more. */
void request_clear_answer(request_t *self);
/* The memory that the request holds, in bytes. */
size_t request_bytes(const request_t *self);

#endif
