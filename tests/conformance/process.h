/*
 * Process: a worker under test, in a process group of its own; ends with this program.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <persistbus/types.h>

#include <sys/types.h>

typedef struct process process_t;

/*
 * Starts argv (ended by NULL; found on PATH) with "KEY=value" texts (ended by NULL) added to the environment;
 * what it writes is appended to log_path. NULL with *error filled when it can't be started.
 */
process_t *process_new(const char *const *argv, const char *const *environment, const char *log_path,
                       pbus_error_t *error);
/* Kills the whole group. */
void process_destroy(process_t **self_p);

bool process_is_running(process_t *self);
/* To the group. */
void process_signal(process_t *self, int number);
/* Kills the group and waits for its end. */
void process_kill(process_t *self);
/* How it ended: "ended with status 1", "was ended by signal 11". Valid until destroyed. */
const char *process_outcome(process_t *self);
/* Ended by itself with status 0. */
bool process_ended_well(process_t *self);

/* Runs a shell command to its end; false, with *error filled, if its status is not 0. */
bool process_run(const char *command, pbus_error_t *error);

#endif
