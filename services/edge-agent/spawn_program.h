/*
 * Spawn: starts a program that will not end with us: in a process group of its own, with no signal blocked or
 * ignored, no descriptor of ours, standard input empty, output and error appended to a file.
 */
#ifndef EDGE_AGENT_SPAWN_PROGRAM_H
#define EDGE_AGENT_SPAWN_PROGRAM_H

#include <sys/types.h>
#include <persistbus/types.h>

/*
 * command and environment end with NULL. The program is looked for in $PATH unless it has a '/', in which
 * case it is relative to folder (NULL: the folder that we are in). Returns its id, also its group's, or 0
 * with *error filled.
 */
pid_t spawn_program(char *const *command, char *const *environment, const char *folder, const char *log,
                    pbus_error_t *error);

#endif
