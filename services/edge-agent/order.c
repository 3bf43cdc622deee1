/*
 * Order: who is started after whom, and stopped before whom.
 *
 * A module that is started for the first time (or anew, being changed) waits until all of lower startupOrder
 * are ready, but no longer than rules.ready: one that never gets ready must not keep the others down. A
 * restart waits for nobody. What may not run at the same time as a module that the manifest has no longer, as
 * it would fight for its port or its file, waits until that has ended: the same program, or for persistence
 * workers the same group.
 */
#include <stdio.h>
#include <string.h>
#include "agent_private.h"

static bool s_same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

static bool s_conflicts(const module_t *module, const module_t *old)
{
    if (old == module || !old->removed || !module_runs(old) || !module_is_leaving(old))
        return false;
    if (module->spec->group || old->spec->group)
        return s_same(module->spec->group, old->spec->group);
    return s_same(module->spec->program, old->spec->program);
}

static bool s_precedes(const module_t *earlier, const module_t *module)
{
    return !earlier->removed && earlier->spec->order < module->spec->order &&
           (earlier->adopting || (!module_is_ready(earlier) && !module_is_settled(earlier)));
}

/* Who has to be waited for; *bounded tells whether not for ever. */
static const module_t *s_blocker(const agent_t *self, const module_t *module, bool *bounded)
{
    const module_t *other, *earlier = NULL;
    TAILQ_FOREACH(other, &self->modules, link)
    {
        *bounded = false;
        if (s_conflicts(module, other))
            return other;
        if (!earlier && s_precedes(other, module))
            earlier = other;
    }
    *bounded = true;
    return earlier;
}

static bool s_may_start(agent_t *self, module_t *module, int64_t now)
{
    bool bounded;
    const module_t *blocker = module_is_fresh(module) ? s_blocker(self, module, &bounded) : NULL;
    if (!blocker)
        return true;
    if (module->waits_since == 0)
        module->waits_since = now;
    snprintf(module->waits_for, sizeof module->waits_for, "%s", blocker->spec->name);
    if (!bounded || now - module->waits_since < self->rules.ready)
        return false;
    pbus_log_warn(self->log, "module %s is started although %s is not ready yet: it has waited for %lld s",
                  module->spec->name, blocker->spec->name, (long long) (self->rules.ready / 1000000000));
    return true;
}

static void s_start(agent_t *self, module_t *module)
{
    if (module->instance.type != module->spec->type) {
        agent_runner(self, module)->ops->release(agent_runner(self, module)->self, &module->instance);
        module->instance.type = module->spec->type;
    }
    runner_t *runner = agent_runner(self, module);
    module->health = (health_t){0}; /* what was seen of the run before says nothing of this one */
    module->waits_since = 0;
    module->waits_for[0] = '\0';
    module->instance.refused = false;
    module->instance.reason[0] = '\0';
    module->instance.status = INSTANCE_UNKNOWN;
    module->instance.signal = 0;
    module->instance.health = INSTANCE_HEALTH_NONE;
    /* The digest before anything runs: a crash in between must not leave one that looks like another. */
    snprintf(module->instance.digest, sizeof module->instance.digest, "%s", module->spec->digest);
    module->seen = INSTANCE_STARTING;
    runner->ops->start(runner->self, &module->instance, module->spec);
}

void order_start(agent_t *self, int64_t now)
{
    module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (!module->adopting && module_wanted(module) && !module_runs(module) &&
            restart_is_due(&module->restart, now) && s_may_start(self, module, now))
            s_start(self, module);
    }
}

bool order_may_stop(const agent_t *self, const module_t *module)
{
    const module_t *other;
    TAILQ_FOREACH(other, &self->modules, link)
    {
        if (other->spec->order > module->spec->order && module_runs(other) &&
            (self->stopping || other->removed))
            return false;
    }
    return true;
}
