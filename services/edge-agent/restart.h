/*
 * Restart: when a module that has ended is started again. A pure state machine: the clock is the caller's
 * (ns, CLOCK_BOOTTIME), nothing is done here but to decide.
 *
 *     policy        ended with 0   failed   unhealthy
 *     always        restart        restart  restart
 *     on-unhealthy  -              restart  restart
 *     on-failure    -              restart  -
 *     never         -              -        -
 *
 * The n-th restart in a row waits min(first x 2^n, most), n from 0; n goes back to 0 once the module has been
 * up for `cleared`. A module that ran well (it was ready, or has nothing that tells) is started again at
 * once, the first time. Nothing is ever given up: the delay stays at its most.
 */
#ifndef EDGE_AGENT_RESTART_H
#define EDGE_AGENT_RESTART_H

#include <persistbus/types.h>
#include "manifest.h"

#define RESTART_NEVER INT64_MAX

typedef struct {
    int64_t first;   /* ns, delay of the first restart */
    int64_t most;    /* ns, longest delay */
    int64_t cleared; /* ns of being up, after which the count is cleared */
} restart_rules_t;

typedef enum {
    RESTART_ENDED,    /* with exit status 0 */
    RESTART_FAILED,   /* with another status, by a signal, or in a way that nobody saw */
    RESTART_UNHEALTHY /* it runs, but does not do its work */
} restart_cause_t;

/* By value; zero is a module that has never run. */
typedef struct {
    unsigned count;   /* delayed restarts since the count was cleared */
    bool spent;       /* the immediate restart has been used since then */
    int64_t up_since; /* of the present run; 0: it does not run */
    int64_t next;     /* when to start; RESTART_NEVER: not by itself */
    uint64_t total;   /* restarts ever, for reports */
} restart_t;

/* Whether the policy asks for a restart after this. */
bool restart_wanted(manifest_policy_t policy, restart_cause_t cause);
/* The delay of restart number n (from 0) in a row. */
int64_t restart_delay(const restart_rules_t *rules, unsigned n);

/* Starts at the next look, with a clean slate: a module that is new, changed or was stopped on purpose. */
void restart_reset(restart_t *self);
/* It runs since now. */
void restart_up(restart_t *self, int64_t now);
/* To be called now and then while it runs: clears the count when it is time. */
void restart_tick(restart_t *self, const restart_rules_t *rules, int64_t now);
/* It has ended (or is ended for being unhealthy): sets `next`. */
void restart_down(restart_t *self, const restart_rules_t *rules, manifest_policy_t policy,
                  restart_cause_t cause, bool ran_well, int64_t now);
bool restart_is_due(const restart_t *self, int64_t now);

#endif
