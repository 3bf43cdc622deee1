/*
 * What agent.c, order.c and replace.c share, and nobody else sees.
 */
#ifndef EDGE_AGENT_AGENT_PRIVATE_H
#define EDGE_AGENT_AGENT_PRIVATE_H

#include "agent.h"
#include "groups.h"

struct agent {
    module_rules_t rules;
    runner_t runners[2];
    outside_t outside;
    pbus_log_t *log;
    modules_t modules; /* sorted by order, then name */
    char *core_url;
    groups_t *groups; /* the last answer since the last manifest, or NULL */
    bool asking;      /* for groups */
    int64_t asked;    /* when, last; 0: never */
    bool stopping;
};

runner_t *agent_runner(agent_t *self, const module_t *module);

/* ---- order.c: who goes first ---- */

/* Starts what is due, unless it has to wait for others. */
void order_start(agent_t *self, int64_t now);
/* Whether nobody that was started later has to be stopped before. */
bool order_may_stop(const agent_t *self, const module_t *module);

/* ---- replace.c: a group takes the place of another ---- */

/* A module of a group has been removed: whether its group is to be retired, and what is awaited before.
 * had: names of the groups before, ends with NULL. False: memory is out. */
bool replace_begin(agent_t *self, module_t *module, char *const *had);
void replace_step(agent_t *self, int64_t now);
/* Whether any replacement is under way. */
bool replace_runs(const agent_t *self);

#endif
