/*
 * Runner: what starts and stops modules of one type. There are two, for processes and for containers, and the
 * tests have their own.
 *
 * A runner never blocks and calls nobody: `start` and `stop` begin something, what comes of it is seen in the
 * instance, which the runner changes while it works (and only then). Instances are the caller's and stay at
 * their place until `release`.
 */
#ifndef EDGE_AGENT_RUNNER_H
#define EDGE_AGENT_RUNNER_H

#include <sys/types.h>
#include "manifest.h"

typedef enum {
    INSTANCE_ABSENT,   /* nothing runs, nothing has run */
    INSTANCE_STARTING, /* an image is fetched, a container made... */
    INSTANCE_RUNNING,
    INSTANCE_STOPPING,
    INSTANCE_ENDED /* by itself or told to; or it could not be started: `refused` */
} instance_state_t;

typedef enum {
    INSTANCE_HEALTH_NONE, /* the runner can't tell */
    INSTANCE_HEALTH_STARTING,
    INSTANCE_HEALTH_GOOD,
    INSTANCE_HEALTH_BAD
} instance_health_t;

#define INSTANCE_UNKNOWN (-1) /* exit status that nobody saw */

/* One run of a module. */
typedef struct {
    char name[MANIFEST_NAME_MAX + 1];
    manifest_type_t type;
    instance_state_t state;
    char digest[MANIFEST_DIGEST]; /* of what runs, or ran */
    pid_t pid;                    /* process; 0: none */
    uint64_t ticks;     /* process: its start, in clock ticks since the machine's: tells a reused pid */
    char container[72]; /* docker: id */
    int64_t started;    /* ns since the epoch; 0: never */
    int64_t ended;
    int status;       /* ENDED: exit status, or INSTANCE_UNKNOWN */
    int signal;       /* ENDED: the signal that ended it; 0: none */
    bool refused;     /* ENDED: it could not be started, see reason */
    char reason[240]; /* for people: why it failed, what it is waiting for; empty: nothing to say */
    instance_health_t health;
    void *own; /* the runner's */
} instance_t;

typedef struct {
    /* From ABSENT or ENDED to STARTING, RUNNING or, if it can't be, ENDED. The module is not kept. */
    void (*start)(void *self, instance_t *instance, const manifest_module_t *module);
    /*
     * From STARTING or RUNNING to STOPPING and, in the end and whatever happens, ENDED. With `discard` what
     * is left of it (a container) is removed as well, also when it is ABSENT or ENDED already.
     */
    void (*stop)(void *self, instance_t *instance, bool discard);
    /*
     * After the agent's own start: looks whether the instance, as the state file has it (ABSENT: none is
     * known), still runs; it is RUNNING, ENDED or ABSENT then. False: can't be told yet, ask again; `reason`
     * says why.
     */
    bool (*adopt)(void *self, instance_t *instance);
    /*
     * After the adoptions: one of this agent's that runs and that nobody has adopted, if there is one, with
     * name and digest. Each is told once; it can be adopted then.
     */
    bool (*orphan)(void *self, instance_t *instance);
    /* Forgets the instance; what runs goes on. */
    void (*release)(void *self, instance_t *instance);
} runner_ops_t;

typedef struct {
    const runner_ops_t *ops;
    void *self;
} runner_t;

#endif
