/*
 * Remote: one group, as copying sees it: what it has is counted, hashed and scanned, and repaired. Each call
 * asks the dispatcher and waits; then it pauses as live traffic demands. Pages and batches are fitted so that
 * one thing takes a worker some 20 ms, whatever its store is, and reads and writes of clients wait no longer.
 *
 * Answers are not trusted. PBUS_UNAVAILABLE, PBUS_TIMEOUT and PBUS_FULL mean that the same call may succeed
 * later; PBUS_UNSUPPORTED that this backend can't be copied or compared.
 */
#ifndef CORE_DATA_REMOTE_H
#define CORE_DATA_REMOTE_H

#include "asker.h"
#include "digest.h"
#include "pace.h"

/* A part of the order of events: behind `after` up to and including `until`. */
typedef struct {
    bool has_after, has_until;
    pbus_cursor_t after, until;
} window_t;

typedef struct remote remote_t;

/* asker and pace must outlive it; the name is copied. NULL when memory is out. */
remote_t *remote_new(asker_t *asker, pace_t *pace, const char *group);
void remote_destroy(remote_t **self_p);
const char *remote_name(const remote_t *self);

/* How many events there are. */
pbus_status_t remote_count(remote_t *self, uint64_t *count, pbus_error_t *error);
/* Of at most limit events with numbers up to accept_max. A worker that can't is scanned for it. */
pbus_status_t remote_digest(remote_t *self, const window_t *window, uint64_t accept_max, uint32_t limit,
                            pbus_digest_sum_t *sum, pbus_error_t *error);
/* The window's first events: *page_p has the answer, and is destroyed by the caller. */
pbus_status_t remote_scan(remote_t *self, const window_t *window, request_t **page_p, pbus_error_t *error);
/* Applies a batch, which is emptied. *refused: how many writes of it were not taken. */
pbus_status_t remote_repair(remote_t *self, pbus_buf_t *batch, uint32_t *refused, pbus_error_t *error);
/* Of how many writes the next batch should be at most. */
size_t remote_writes(const remote_t *self);

/* An answer that can't be right: PBUS_INTERNAL. */
pbus_status_t remote_malformed(const remote_t *self, pbus_error_t *error);

#endif
