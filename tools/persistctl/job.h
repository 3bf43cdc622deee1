/*
 * Job: a copy, a verification or a repair that core-data runs; it goes on without persistctl.
 */
#ifndef PERSISTCTL_JOB_H
#define PERSISTCTL_JOB_H

#include "api.h"
#include "progress.h"

/* "copy redis -> mongo"; cut at the buffer's end. */
typedef struct {
    char text[160];
} job_title_t;
job_title_t job_title(yyjson_val *job);

/* What people call it by: the beginning of its id. */
typedef struct {
    char text[9];
} job_id_t;
job_id_t job_id(yyjson_val *job);

/* The share that is done, from 0 to 1; and whether it is over. */
double job_share(yyjson_val *job);
bool job_is_over(yyjson_val *job);

/* What there is to say of it beyond its state; "" if that is nothing. */
const char *job_note(yyjson_val *job);

/* Its progress. `progress` may be NULL. */
void job_show(progress_t *progress, yyjson_val *job);

/*
 * The whole id (freed by the caller) of the one job whose id begins with this text; NULL, having said why,
 * when it is none or several, and then an exit_status_t in *result.
 */
char *job_find(const globals_t *globals, const char *text, int *result);

/*
 * Starts one, or joins one that is just that and runs already; and, unless it is not to be waited for,
 * follows it to its end. kind: "copy", "verify", "repair". Returns an exit_status_t as `verify` and `copy`
 * document it.
 */
int job_run(const globals_t *globals, const char *kind, const char *from, const char *to, bool wait);

/* Follows a job that runs, or tells how it ended. The beginning of its id will do. */
int job_follow(const globals_t *globals, const char *text);

#endif
