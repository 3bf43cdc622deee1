/*
 * What a provider implements: one constant table of functions.
 *
 * Threads: a handle is used by one thread at a time. With PBUS_READ_LANE the SDK opens a second handle,
 * lane PBUS_LANE_READ, and calls the reading functions on it from another thread, at the same time as
 * write and purge on the first; a reading function must then see everything that a write has returned for.
 * Without the flag all functions are called on the one handle of lane PBUS_LANE_WRITE.
 *
 * Errors: a function that does not return PBUS_OK fills *error. PBUS_UNAVAILABLE and PBUS_FULL mean that
 * the store is away for now: the SDK tells core-data (READY no, with the text), calls `health` with
 * back-off until that returns PBUS_OK, and tells core-data again. Any other error fails that one request.
 *
 * Memory: arguments belong to the caller and are valid during the call only.
 */
#ifndef PERSISTBUS_BACKEND_H
#define PERSISTBUS_BACKEND_H

#include <persistbus/config.h>
#include <persistbus/log.h>
#include <persistbus/query.h>

/*
 * The version of pbus_backend_t. A library takes tables of its own version only, and says so in one line;
 * abi, name and version are the first members in every version.
 */
#define PBUS_BACKEND_ABI 1

typedef enum { PBUS_LANE_WRITE = 0, PBUS_LANE_READ = 1 } pbus_lane_t;

/* Flags */
#define PBUS_READ_LANE 0x1u /* reads may run beside writes, on a handle of their own */

/* Capabilities; a backend is taken to have all that it does not name as missing. */
#define PBUS_CAP_AGGREGATE 0x1u /* core-data then computes aggregates from lists */
#define PBUS_CAP_WORKERS 0x2u   /* several workers on one store at once */
#define PBUS_CAP_SCAN 0x4u      /* no copy from, verify or digest of this store */

/* What a store says of itself. */
typedef struct {
    bool durable;          /* an acknowledged write survives a crash and a power cut of its machine */
    pbus_uuid_t data_set;  /* random, made with the store and kept in it */
    uint64_t applied_mark; /* highest accept number ever applied, kept in the store, never lowered */
} pbus_health_t;

typedef enum { PBUS_ADD = 1, PBUS_DELETE = 2 } pbus_op_t;

/*
 * One write. A batch holds any mix; within a batch the order of the array counts. Rules:
 *   ADD, id not stored: store it with its accept number                  -> PBUS_OK
 *   ADD, id stored with the same accept number (a resend): change nothing -> PBUS_OK
 *   ADD, id stored with another accept number: change nothing            -> PBUS_CONFLICT
 *   ADD that this store can never take (too large for it...)             -> PBUS_INVALID
 *   DELETE, id stored: remove the event with all its readings            -> PBUS_OK
 *   DELETE, id not stored                                                -> PBUS_NOT_FOUND
 */
typedef struct {
    pbus_op_t op;
    uint64_t accept; /* this write's number */
    pbus_uuid_t id;
    const void *data; /* ADD: the encoded event, already checked to be well-formed and to have this id */
    size_t size;
    pbus_status_t status; /* out: each write's own outcome */
} pbus_write_t;

typedef struct {
    uint32_t abi;        /* PBUS_BACKEND_ABI */
    const char *name;    /* "sqlite": [a-z0-9-], also the default name of the group */
    const char *version; /* of the implementation */
    uint32_t missing;    /* PBUS_CAP_... */
    uint32_t flags;
    uint32_t batch_events; /* largest batch that suits the store, in writes; 0: 1000 */
    uint32_t batch_bytes;  /* and in bytes of encoded events; 0: 1 MiB. One larger event is a batch alone */
    const pbus_option_t *options; /* the backend's own configuration; ends with a NULL key; may be NULL */

    /*
     * Opens the store, creating or upgrading it if need be (lane WRITE; READ is opened after it). When the
     * store is away, returns PBUS_UNAVAILABLE and the SDK tries again with back-off; any other error (bad
     * configuration, foreign data, a schema that is too new) ends the process with the error's text.
     * log and config outlive the handle. On failure *self_p is NULL and nothing is left open.
     */
    pbus_status_t (*open)(void **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                          pbus_error_t *error);
    /* Closes and frees; called from the thread that used the handle. */
    void (*close)(void **self_p);

    /*
     * Is the store there, and which one is it? Called after open, every few seconds when idle, and with
     * back-off while the store is away, so it must reconnect by itself. Must not report a recovery before
     * a write could succeed (after PBUS_FULL it tries a small one).
     */
    pbus_status_t (*health)(void *self, pbus_health_t *health, pbus_error_t *error);

    /*
     * Applies the batch and, when it returns PBUS_OK, has made it as durable as `health` claims, raised the
     * applied mark to the batch's highest accept number, and set each status. When it returns anything else,
     * nothing was applied (or what was applied is recognised as a resend next time) and statuses are unused;
     * after PBUS_INVALID and PBUS_INTERNAL the SDK halves the batch to find the write that is at fault.
     */
    pbus_status_t (*write)(void *self, pbus_write_t *writes, size_t count, pbus_error_t *error);

    /*
     * Deletes at most limit events that pass the filter (device, source, origin, accept_max; never ids) with
     * all their readings; tells how many, and whether more may be left. Called again until none is.
     */
    pbus_status_t (*purge)(void *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                           bool *more, pbus_error_t *error);

    /* Events by (origin, id) descending. */
    pbus_status_t (*list_events)(void *self, const pbus_query_t *query, pbus_result_t *result,
                                 pbus_error_t *error);

    /* Readings by their own origin descending; ties in any order that does not change between pages. */
    pbus_status_t (*list_readings)(void *self, const pbus_query_t *query, pbus_result_t *result,
                                   pbus_error_t *error);

    /* How many events or readings pass the filter. Without bounds of origin this must not scan. */
    pbus_status_t (*count)(void *self, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                           pbus_error_t *error);

    /* Groups of readings in any order (pbus_result_add_group). NULL if PBUS_CAP_AGGREGATE is missing. */
    pbus_status_t (*aggregate)(void *self, const pbus_filter_t *filter, pbus_function_t function,
                               pbus_result_t *result, pbus_error_t *error);

    /* Every (device, source) that has events (pbus_result_add_source); any order; for retention. */
    pbus_status_t (*list_sources)(void *self, pbus_result_t *result, pbus_error_t *error);

    /*
     * At most limit events with origin_min <= origin <= origin_max by (origin, id) ascending, beginning after
     * the cursor (NULL: at the first). For copy, verify and digest. NULL if PBUS_CAP_SCAN is missing.
     */
    pbus_status_t (*scan)(void *self, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                          uint32_t limit, pbus_result_t *result, pbus_error_t *error);
} pbus_backend_t;

#endif
