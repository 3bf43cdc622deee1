/*
 * Jobs: bodies of the routes that start, show and cancel copies and comparisons of persistence groups
 * (mirror/mirror.h).
 */
#ifndef CORE_DATA_JOBS_H
#define CORE_DATA_JOBS_H

#include "arena.h"
#include "mirror/job.h"

/* Reads what a POST wants; PBUS_INVALID: the body is not as it should be. */
pbus_status_t jobs_read(job_order_t *order, pbus_str_t body, arena_t *arena, pbus_error_t *error);

/* groups: the dispatcher's JSON array. PBUS_NOT_FOUND: it does not have both. */
pbus_status_t jobs_check(const job_order_t *order, pbus_str_t groups, arena_t *arena, pbus_error_t *error);

/* Whole bodies; jobs_put_started's has the id beside the job, too. */
void jobs_put(pbus_buf_t *out, unsigned status, const job_view_t *view);
void jobs_put_started(pbus_buf_t *out, unsigned status, const job_view_t *view);
void jobs_put_list(pbus_buf_t *out, const job_view_t *views, size_t count);

#endif
