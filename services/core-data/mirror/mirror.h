/*
 * Mirror: the jobs that make groups like each other or compare them, those that operators ask for and those
 * that it starts by itself: once a second, with PersistBus.AutoCopy, it asks the dispatcher which STALE group
 * can be filled from which LIVE one. A group that is being copied into gets no second job. A copy that was
 * cancelled is not started again by itself before its group lacks something more; one that failed is, later
 * and later.
 *
 * Jobs are not kept on disk: after a restart a group that is STALE still is filled by a new one, which passes
 * quickly over what is equal.
 */
#ifndef CORE_DATA_MIRROR_H
#define CORE_DATA_MIRROR_H

#include "job.h"

#define MIRROR_RUNNING 8 /* jobs at once */
#define MIRROR_KEPT 16   /* that are over */
#define MIRROR_JOBS (MIRROR_RUNNING + MIRROR_KEPT)

/* PersistBus.AutoCopy */
extern const pbus_option_t mirror_options[];

typedef struct mirror mirror_t;

/* service and its port's target must outlive its mirror_stop. NULL with *error filled. */
mirror_t *mirror_new(service_t *service, bool by_itself, pbus_error_t *error);
/* Cancels all jobs and waits for their ends; no new one starts. To be called before the port's target ends.
 */
void mirror_stop(mirror_t *self);
void mirror_destroy(mirror_t **self_p);

/* The rest from any thread. */

/*
 * Starts a job; *view is how it stands. PBUS_CONFLICT: one into the same group runs; PBUS_INVALID: both
 * groups are one; PBUS_FULL: too many run.
 */
pbus_status_t mirror_start(mirror_t *self, const job_order_t *order, job_view_t *view, pbus_error_t *error);
/* PBUS_NOT_FOUND: no job, or none any more, has this id. */
pbus_status_t mirror_find(mirror_t *self, const char *id, job_view_t *view, pbus_error_t *error);
/* As it stands after that; one that is over stays as it is. */
pbus_status_t mirror_cancel(mirror_t *self, const char *id, job_view_t *view, pbus_error_t *error);
/* All, the newest first; returns how many. */
size_t mirror_list(mirror_t *self, job_view_t views[MIRROR_JOBS]);

#endif
