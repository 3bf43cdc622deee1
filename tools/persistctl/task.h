/*
 * Task: what the commands on one group have in common: options, one argument, one request.
 */
#ifndef PERSISTCTL_TASK_H
#define PERSISTCTL_TASK_H

#include "api.h"

typedef struct {
    const char *method;
    const char *action;  /* the last segment of its path; NULL: the group itself */
    const char *letters; /* options that it takes: "f" --force, "n" --no-wait */
} order_t;

typedef struct {
    const globals_t *globals;
    interrupt_t *interrupt;
    api_t *api;
    const char *group; /* of the command line */
    bool force, wait;
    answer_t answer;
} task_t;

/*
 * Reads the command line, asks, and says what goes wrong; with EXIT_DONE the answer is there. task_close in
 * any case.
 */
int task_run(task_t *self, const globals_t *globals, int argc, char **argv, const order_t *order);
void task_close(task_t *self);

/* Asks anything else by the same connection, in place of the answer there is. `path` is freed here; NULL:
 * memory is out. */
int task_ask(task_t *self, const char *method, char *path);

/* Opens the connection alone. EXIT_DONE, or it has been said what is wrong. */
int task_open(task_t *self, const globals_t *globals);

/* With --json: prints the answer, and true. */
bool task_json(const task_t *self);

#endif
