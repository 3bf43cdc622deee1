/*
 * Agent: all modules of a manifest, kept as it says. It decides; runners start and stop, and whoever makes
 * the agent asks core-data for it (outside_t). One thread; the clock is the caller's (CLOCK_BOOTTIME, ns), so
 * that all of it is tested without waiting.
 *
 * agent_step looks at everything and does what is due. Call it whenever something may have happened (a runner
 * has worked, an answer has come) and at the time that agent_next tells.
 */
#ifndef EDGE_AGENT_AGENT_H
#define EDGE_AGENT_AGENT_H

#include <persistbus/log.h>
#include "module.h"

typedef struct agent agent_t;

/*
 * Questions to the outside; each is answered by a call of agent_pinged, agent_groups, agent_retired, not
 * before the question's function has returned. False: it could not be asked, and there will be no answer.
 */
typedef struct {
    void *self;
    bool (*ping)(void *self, const char *module, const char *url);
    bool (*ask_groups)(void *self, const char *core_url);
    bool (*retire)(void *self, const char *core_url, const char *group);
} outside_t;

/* runners: by manifest_type_t. NULL when memory is out. */
agent_t *agent_new(const module_rules_t *rules, const runner_t runners[2], outside_t outside,
                   pbus_log_t *log);
/* What runs goes on. */
void agent_destroy(agent_t **self_p);

/* At the start: a module that the state file has. Takes it. */
void agent_restore(agent_t *self, module_t *module);
/*
 * A new manifest: takes its modules. What is as before goes on. PBUS_NOMEM: only some of it has been taken;
 * it can be taken again. core_url is where core-data is asked, NULL if there is none.
 */
pbus_status_t agent_take(agent_t *self, manifest_t *manifest, const char *core_url);
/* The same for when there is no manifest yet, from the state file. False: memory is out. */
bool agent_set_core_url(agent_t *self, const char *core_url);
const char *agent_core_url(const agent_t *self);

void agent_step(agent_t *self, int64_t now);
/* When to step next at the latest. */
int64_t agent_next(const agent_t *self, int64_t now);

void agent_pinged(agent_t *self, const char *module, bool ready, int64_t now);
/* json NULL: core-data did not answer. */
void agent_groups(agent_t *self, const char *json, size_t size, int64_t now);
/* status: HTTP's, 0 if there was no answer; text: for people. */
void agent_retired(agent_t *self, const char *group, int status, const char *text, int64_t now);

/* From now on everything is stopped, those that were started last first. */
void agent_stop(agent_t *self);
/* Whether nothing runs any more, but for what the engine would have to tell of and does not. */
bool agent_is_stopped(const agent_t *self);

/* In startup order. The list is the agent's. */
const modules_t *agent_modules(const agent_t *self);

#endif
