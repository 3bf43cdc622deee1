/*
 * Procfs: which process is which. A process is known by its id and its start, in clock ticks since the
 * machine's: ids are used again, the pair is not until the machine starts anew.
 */
#ifndef EDGE_AGENT_PROCFS_H
#define EDGE_AGENT_PROCFS_H

#include <sys/types.h>
#include <persistbus/types.h>

/* False if there is no such process, or it is a zombie. */
bool procfs_start(pid_t pid, uint64_t *ticks);
/* Whether this very process runs. */
bool procfs_is(pid_t pid, uint64_t ticks);
/* The machine's current life, as text; empty if that can't be told. */
void procfs_boot_id(char text[64]);

/*
 * Calls `found` with each process of this user that leads its process group and was started with NAME=value
 * in its environment, in no order. value is what follows the '='.
 */
typedef void(procfs_found_t)(void *context, pid_t pid, uint64_t ticks, const char *value);
void procfs_find(const char *name, procfs_found_t *found, void *context);

#endif
