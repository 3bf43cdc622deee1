/*
 * Health: what a module's probe has told so far, as a state. Pure; times are the caller's (ns).
 *
 *     NONE       there is nothing that tells: counts as ready while it runs
 *     STARTING   not ready yet
 *     READY      the last answer said ready
 *     WAITING    it was ready, answers, but says it is not (its store is away): restarting would not help
 *     UNHEALTHY  `failures` looks in a row found it dead; not counted in the first `grace` after its start,
 *                unless it has been ready already
 */
#ifndef EDGE_AGENT_HEALTH_H
#define EDGE_AGENT_HEALTH_H

#include <persistbus/types.h>

typedef enum { HEALTH_NONE, HEALTH_STARTING, HEALTH_READY, HEALTH_WAITING, HEALTH_UNHEALTHY } health_state_t;

typedef enum {
    HEALTH_SEEN_READY,
    HEALTH_SEEN_ALIVE,  /* it answers, but is not ready */
    HEALTH_SEEN_DEAD,   /* no answer from it */
    HEALTH_SEEN_BAD,    /* somebody who has looked long enough says unhealthy */
    HEALTH_SEEN_NOTHING /* who should tell could not be asked */
} health_seen_t;

typedef struct {
    unsigned failures;
    int64_t grace; /* ns */
} health_rules_t;

/* By value. */
typedef struct {
    health_state_t state;
    bool was_ready; /* since its start */
    unsigned dead;  /* looks in a row */
    int64_t started;
} health_t;

const char *health_name(health_state_t state);
/* The module has been started. */
void health_start(health_t *self, bool has_probe, int64_t now);
void health_see(health_t *self, const health_rules_t *rules, health_seen_t seen, int64_t now);
bool health_is_ready(const health_t *self);

#endif
