/*
 * Module: one module of the manifest, what runs of it, and what is to be done about it. A plain record that
 * agent.c, order.c and replace.c work on; here is what concerns one module alone. Times are CLOCK_BOOTTIME ns
 * of the caller.
 */
#ifndef EDGE_AGENT_MODULE_H
#define EDGE_AGENT_MODULE_H

#include <sys/queue.h>
#include "health.h"
#include "restart.h"
#include "runner.h"

/* Why it has been told to stop. */
typedef enum { STOP_NONE, STOP_UNWANTED, STOP_CHANGED, STOP_UNHEALTHY } stop_reason_t;

/* How far the replacement of the last worker of a group has come; see replace.c. */
typedef enum {
    RETIRE_NONE,
    RETIRE_NEW,    /* just removed: not decided yet */
    RETIRE_AWAITS, /* the new groups are not LIVE yet */
    RETIRE_ASKED,  /* core-data has been asked, and has not answered */
    RETIRE_AGAIN,  /* core-data refused: asked again later */
    RETIRE_BEGUN,  /* core-data drains the group */
    RETIRE_DONE    /* it has forgotten the group */
} retire_state_t;

typedef struct module {
    TAILQ_ENTRY(module) link;
    manifest_module_t *spec; /* owned; as the last manifest with it had it */
    bool removed;            /* the manifest has it no longer */
    bool discarded;          /* ... and what is left of it has been told to go */
    bool adopting;           /* it is not known yet whether it runs since before the agent's start */
    instance_t instance;
    instance_state_t seen; /* the instance's state at the last look */
    stop_reason_t stop;
    restart_t restart;
    health_t health;
    int64_t next_probe;
    bool probing;        /* a ping is on its way */
    int64_t waits_since; /* since when it could start but for earlier ones; 0: it does not wait */
    char waits_for[MANIFEST_NAME_MAX + 1];
    retire_state_t retire;
    char **awaits; /* groups, ends with NULL; may be NULL. Owned */
    int64_t next_retire;
    char retire_reason[240];
} module_t;

typedef TAILQ_HEAD(modules, module) modules_t;

typedef struct {
    restart_rules_t restart;
    health_rules_t health;
    int64_t well;        /* ns; without a probe, a module that was up for so long ran well */
    int64_t probe;       /* ns between looks at a module that is ready */
    int64_t probe_first; /* and at one that is not */
    int64_t ready;       /* ns; how long later modules wait for an earlier one at most */
} module_rules_t;

/* Takes the spec. NULL when memory is out; the spec is freed then. */
module_t *module_new(manifest_module_t *spec);
void module_destroy(module_t **self_p);

/* A new manifest's view of it: takes the spec. What runs is not touched. */
void module_change(module_t *self, manifest_module_t *spec);

/* Whether something is there that would have to be stopped. */
bool module_runs(const module_t *self);
/* Whether it should run, as things stand. */
bool module_wanted(const module_t *self);
/* Whether the manifest has it no longer, and nothing is waited for: what runs of it is to go. */
bool module_is_leaving(const module_t *self);
/* Whether it runs and is ready. */
bool module_is_ready(const module_t *self);
/* Whether it has ended for good by itself, or can't be started: nobody needs to wait for it. */
bool module_is_settled(const module_t *self);
/* Whether it has not been started since it was wanted anew: order matters then. */
bool module_is_fresh(const module_t *self);
/* Whether what runs is another than what is wanted. */
bool module_is_changed(const module_t *self);

/* Takes notice of what has become of the instance since the last look. */
void module_look(module_t *self, const module_rules_t *rules, int64_t now);
/* The probe's answer. */
void module_see(module_t *self, const module_rules_t *rules, health_seen_t seen, int64_t now);

/* One word for people: running, starting, unhealthy, backoff, failed, stopped... */
const char *module_status(const module_t *self);
/* Why it is as it is, or an empty text. */
const char *module_reason(const module_t *self);

#endif
