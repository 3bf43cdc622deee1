/*
 * Module: see module.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "module.h"

module_t *module_new(manifest_module_t *spec)
{
    module_t *self = calloc(1, sizeof *self);
    if (!self) {
        manifest_module_destroy(&spec);
        return NULL;
    }
    self->spec = spec;
    self->instance.type = spec->type;
    self->instance.status = INSTANCE_UNKNOWN;
    snprintf(self->instance.name, sizeof self->instance.name, "%s", spec->name);
    return self;
}

static void s_free_awaits(module_t *self)
{
    for (char **group = self->awaits; group && *group; group++)
        free(*group);
    free(self->awaits);
    self->awaits = NULL;
}

void module_destroy(module_t **self_p)
{
    if (!*self_p)
        return;
    s_free_awaits(*self_p);
    manifest_module_destroy(&(*self_p)->spec);
    free(*self_p);
    *self_p = NULL;
}

void module_change(module_t *self, manifest_module_t *spec)
{
    bool anew =
        self->spec->status != spec->status || strcmp(self->spec->digest, spec->digest) || self->removed;
    manifest_module_destroy(&self->spec);
    self->spec = spec;
    self->removed = self->discarded = false;
    self->retire = RETIRE_NONE;
    self->retire_reason[0] = '\0';
    s_free_awaits(self);
    if (anew && !module_runs(self))
        restart_reset(&self->restart);
}

/* ---- what is so -------------------------------------------------------------------------------------- */

bool module_runs(const module_t *self)
{
    return self->instance.state != INSTANCE_ABSENT && self->instance.state != INSTANCE_ENDED;
}

bool module_is_leaving(const module_t *self)
{
    return self->removed && (self->retire == RETIRE_NONE || self->retire == RETIRE_DONE);
}

bool module_wanted(const module_t *self)
{
    return !module_is_leaving(self) && self->spec->status == MANIFEST_RUNNING;
}

bool module_is_ready(const module_t *self)
{
    return self->instance.state == INSTANCE_RUNNING && self->seen == INSTANCE_RUNNING &&
           health_is_ready(&self->health);
}

bool module_is_fresh(const module_t *self)
{
    return self->restart.next == 0;
}

bool module_is_settled(const module_t *self)
{
    if (!module_wanted(self))
        return true;
    return self->instance.state == INSTANCE_ENDED && !module_is_fresh(self) &&
           (self->instance.refused || self->restart.next == RESTART_NEVER);
}

bool module_is_changed(const module_t *self)
{
    return module_runs(self) && !self->removed && strcmp(self->instance.digest, self->spec->digest) != 0;
}

/* ---- what has happened ------------------------------------------------------------------------------- */

static bool s_failed(const instance_t *instance)
{
    return instance->refused || instance->status != 0 || instance->signal != 0;
}

static bool s_ran_well(const module_t *self, const module_rules_t *rules, int64_t now)
{
    if (self->instance.refused || self->restart.up_since == 0)
        return false;
    return self->health.was_ready ||
           (self->health.state == HEALTH_NONE && now - self->restart.up_since >= rules->well);
}

/* A group that is being retired tells its workers to leave: one that does is not called back. */
static manifest_policy_t s_policy(const module_t *self)
{
    return self->removed && self->retire == RETIRE_BEGUN ? MANIFEST_ON_FAILURE : self->spec->policy;
}

static void s_ended(module_t *self, const module_rules_t *rules, int64_t now)
{
    restart_cause_t cause = s_failed(&self->instance) ? RESTART_FAILED : RESTART_ENDED;
    if (self->stop == STOP_UNWANTED || self->stop == STOP_CHANGED) {
        restart_reset(&self->restart);
        self->instance.reason[0] = '\0'; /* it did as it was told, however it ended */
    } else {
        restart_down(&self->restart, &rules->restart, s_policy(self),
                     self->stop == STOP_UNHEALTHY ? RESTART_UNHEALTHY : cause, s_ran_well(self, rules, now),
                     now);
    }
    self->stop = STOP_NONE;
}

void module_look(module_t *self, const module_rules_t *rules, int64_t now)
{
    instance_state_t state = self->instance.state;
    if (state == INSTANCE_RUNNING && self->seen != INSTANCE_RUNNING && self->seen != INSTANCE_STOPPING) {
        restart_up(&self->restart, now);
        health_start(&self->health, self->spec->health != MANIFEST_HEALTH_NONE, now);
        self->next_probe = now;
        self->waits_since = 0;
    } else if (state == INSTANCE_ENDED && self->seen != INSTANCE_ENDED) {
        s_ended(self, rules, now);
    } else if (state == INSTANCE_RUNNING) {
        restart_tick(&self->restart, &rules->restart, now);
    }
    self->seen = state;
}

/* Often at first, as others may be waiting for it; failures later on are counted at the slower pace. */
void module_see(module_t *self, const module_rules_t *rules, health_seen_t seen, int64_t now)
{
    if (self->instance.state == INSTANCE_RUNNING)
        health_see(&self->health, &rules->health, seen, now);
    bool hurry = self->health.state == HEALTH_STARTING && now - self->health.started < rules->health.grace;
    self->next_probe = now + (hurry ? rules->probe_first : rules->probe);
}

/* ---- for people -------------------------------------------------------------------------------------- */

static const char *s_ended_status(const module_t *self)
{
    if (module_is_fresh(self))
        return self->waits_since                                                ? "waiting"
               : self->instance.state == INSTANCE_ABSENT && module_wanted(self) ? "starting"
                                                                                : "stopped";
    if (self->instance.refused)
        return "failed";
    if (self->restart.next != RESTART_NEVER && module_wanted(self))
        return "backoff";
    return s_failed(&self->instance) ? "failed" : "stopped";
}

const char *module_status(const module_t *self)
{
    if (self->adopting)
        return "unknown";
    switch (self->instance.state) {
    case INSTANCE_STARTING:
        return "starting";
    case INSTANCE_STOPPING:
        return "stopping";
    case INSTANCE_RUNNING:
        return self->health.state == HEALTH_UNHEALTHY ? "unhealthy" : "running";
    case INSTANCE_ABSENT:
    case INSTANCE_ENDED:
        break;
    }
    return s_ended_status(self);
}

const char *module_reason(const module_t *self)
{
    return self->retire_reason[0] ? self->retire_reason : self->instance.reason;
}
