/*
 * Process: the runner of modules that are programs of this machine (runner.h).
 *
 * A program is started in a process group of its own, standard output and error appended to its log file,
 * with an environment of three parts: the variables of the agent's own that are passed on, the module's, and
 * PERSISTBUS_MODULE=OWNER/NAME/DIGEST, by which it is found again if it was started and the agent died before
 * that was written down. PERSISTBUS_WORKER is the module's name unless it says otherwise, so that core-data
 * shows the module by it. What a program has started itself, and left behind in its group, ends with it.
 *
 * Ends are learnt from pidfds, so those that run since before the agent's start are watched like children;
 * how they ended can't be learnt, though: INSTANCE_UNKNOWN.
 */
#ifndef EDGE_AGENT_PROCESS_H
#define EDGE_AGENT_PROCESS_H

#include <persistbus/log.h>
#include "logfile.h"
#include "runner.h"

#define PROCESS_MARK "PERSISTBUS_MODULE"

typedef struct process process_t;

typedef struct {
    logfile_rules_t log;
    int64_t grace;             /* ns between SIGTERM and SIGKILL */
    const char *const *passed; /* names of variables; must outlive the runner */
    size_t passed_count;
    char owner[32]; /* of this agent alone, the same at each of its starts */
} process_rules_t;

process_t *process_new(const process_rules_t *rules, pbus_log_t *log, pbus_error_t *error);
void process_destroy(process_t **self_p);
runner_t process_runner(process_t *self);

/* Readable when process_work has something to do. */
int process_fd(const process_t *self);
/* Takes notice of ends, kills who does not stop in time, rotates logs. now: CLOCK_BOOTTIME. */
void process_work(process_t *self, int64_t now);
/* When process_work has to be called at the latest. */
int64_t process_next(const process_t *self);

#endif
