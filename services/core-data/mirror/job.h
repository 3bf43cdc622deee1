/*
 * Job: one copy, verification or repair with a thread of its own, and what can be told of it. While a group
 * is away it waits and tries again, with back-off, until it is cancelled.
 */
#ifndef CORE_DATA_JOB_H
#define CORE_DATA_JOB_H

#include "copy.h"
#include "message.h"

typedef enum { JOB_RUNNING, JOB_WAITING, JOB_DONE, JOB_FAILED, JOB_CANCELLED } job_state_t;

/* What is wanted. */
typedef struct {
    copy_kind_t kind;
    char from[PBUS_NAME_MAX + 1];
    char to[PBUS_NAME_MAX + 1];
    bool by_itself; /* AutoCopy wants it */
} job_order_t;

/* What can be told, at one moment. Times are ns since the epoch. */
typedef struct {
    char id[PBUS_UUID_TEXT];
    job_order_t order;
    job_state_t state;
    char message[240];
    uint64_t seen, total, copied, deleted, windows_equal, windows_different, missing, extra, different;
    uint64_t rate;          /* events compared in a second, of late; on the average when it is over */
    int64_t started, ended; /* 0: not yet */
} job_view_t;

typedef struct job job_t;

/* Starts. service must outlive it. NULL with *error filled. */
job_t *job_new(service_t *service, const job_order_t *order, pbus_error_t *error);
/* Waits for its end, so it has to be over or stopped. */
void job_destroy(job_t **self_p);

/* From any thread: it ends soon, cancelled if it was not over. */
void job_stop(job_t *self);
void job_view(job_t *self, job_view_t *view);
bool job_is_over(job_t *self);

const char *job_kind_name(copy_kind_t kind);
const char *job_state_name(job_state_t state);

#endif
