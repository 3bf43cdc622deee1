/*
 * State: what the agent has to know of its modules when it is started again, in one file that is replaced as
 * a whole whenever something in it has changed: what each module is (also those that the manifest has no
 * longer), what runs of it, and how it stands with its restarts. It holds modules' environments, hence
 * secrets: only its owner can read it.
 *
 * The machine may have been started anew meanwhile, which the boot id in the file tells: process ids mean
 * nothing then, and modules are started in their order without a delay, as nothing was wrong with them.
 */
#ifndef EDGE_AGENT_STATE_H
#define EDGE_AGENT_STATE_H

#include "agent.h"
#include "timeline.h"

typedef struct state state_t;

/* path is copied. NULL when memory is out. */
state_t *state_new(const char *path, pbus_log_t *log);
void state_destroy(state_t **self_p);

/*
 * Gives the agent its modules. No file is no error; one that can't be read is put aside, and said in the log:
 * what runs is found again nevertheless.
 */
pbus_status_t state_load(state_t *self, agent_t *agent, const timeline_t *timeline, pbus_error_t *error);
/* Writes the file if anything in it has changed. */
pbus_status_t state_save(state_t *self, const agent_t *agent, const timeline_t *timeline,
                         pbus_error_t *error);

#endif
