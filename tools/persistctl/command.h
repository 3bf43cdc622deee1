/*
 * Command: one of persistctl's, found by its name. Each lives in a file of its own, cmd_NAME.c, and is listed
 * in commands.c.
 *
 * Exit statuses, the same for every command: 0 done (and, for a question, yes); 1 the answer is no, or the
 * operation failed; 2 the command line is wrong; 3 core-data can't be reached.
 */
#ifndef PERSISTCTL_COMMAND_H
#define PERSISTCTL_COMMAND_H

#include <stdbool.h>

typedef enum { EXIT_DONE = 0, EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_AWAY = 3 } exit_status_t;

/* What stands before the command. */
typedef struct {
    const char *url; /* of core-data: --url, else PERSISTBUS_URL, else http://127.0.0.1:59880 */
    bool json;       /* --json: one JSON document on standard output, and nothing else there */
} globals_t;

typedef struct {
    const char *name;
    const char *arguments; /* as in a usage line: "FROM TO" */
    const char *summary;   /* one line */
    const char *help;      /* options, what it does, examples; ends with a newline */
    /* argv[0] is the command's name. Returns an exit_status_t; has said on standard error what is wrong. */
    int (*run)(const globals_t *globals, int argc, char **argv);
} command_t;

/* All commands; ends with NULL. */
extern const command_t *const commands[];

#endif
