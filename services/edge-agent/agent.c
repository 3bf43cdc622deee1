/*
 * Agent: see agent.h.
 */
#include <stdlib.h>
#include <string.h>
#include "agent_private.h"

#define STEP 5000000000 /* ns between looks when nothing happens */
#define SOON 100000000  /* ns, while something is under way that nobody tells about */

agent_t *agent_new(const module_rules_t *rules, const runner_t runners[2], outside_t outside, pbus_log_t *log)
{
    agent_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rules = *rules;
    self->runners[0] = runners[0];
    self->runners[1] = runners[1];
    self->outside = outside;
    self->log = log;
    TAILQ_INIT(&self->modules);
    return self;
}

runner_t *agent_runner(agent_t *self, const module_t *module)
{
    return &self->runners[module->instance.type];
}

static void s_drop(agent_t *self, module_t *module)
{
    runner_t *runner = agent_runner(self, module);
    runner->ops->release(runner->self, &module->instance);
    TAILQ_REMOVE(&self->modules, module, link);
    module_destroy(&module);
}

void agent_destroy(agent_t **self_p)
{
    agent_t *self = *self_p;
    module_t *module;
    if (!self)
        return;
    while ((module = TAILQ_FIRST(&self->modules)))
        s_drop(self, module);
    groups_destroy(&self->groups);
    free(self->core_url);
    free(self);
    *self_p = NULL;
}

const modules_t *agent_modules(const agent_t *self)
{
    return &self->modules;
}

const char *agent_core_url(const agent_t *self)
{
    return self->core_url;
}

bool agent_set_core_url(agent_t *self, const char *core_url)
{
    char *url = core_url ? strdup(core_url) : NULL;
    if (core_url && !url)
        return false;
    free(self->core_url);
    self->core_url = url;
    return true;
}

/* ---- the manifest ------------------------------------------------------------------------------------ */

static bool s_before(const module_t *a, const module_t *b)
{
    if (a->spec->order != b->spec->order)
        return a->spec->order < b->spec->order;
    return strcmp(a->spec->name, b->spec->name) < 0;
}

static void s_insert(agent_t *self, module_t *module)
{
    module_t *other;
    TAILQ_FOREACH(other, &self->modules, link)
    {
        if (s_before(module, other)) {
            TAILQ_INSERT_BEFORE(other, module, link);
            return;
        }
    }
    TAILQ_INSERT_TAIL(&self->modules, module, link);
}

/* One that the manifest has, rather than one left over with the same name. */
static module_t *s_find(agent_t *self, const char *name)
{
    module_t *module, *left = NULL;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (strcmp(module->spec->name, name))
            continue;
        if (!module->removed)
            return module;
        left = module;
    }
    return left;
}

void agent_restore(agent_t *self, module_t *module)
{
    module->adopting = true;
    s_insert(self, module);
}

/* The groups that modules serve now; names are the specs'. Ends with NULL. */
static char **s_groups(const agent_t *self)
{
    size_t count = 0;
    const module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        count++;
    }
    char **made = calloc(count + 1, sizeof *made);
    count = 0;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (made && !module->removed && module->spec->group)
            made[count++] = strdup(module->spec->group);
    }
    return made;
}

static void s_free_groups(char **groups)
{
    for (char **group = groups; group && *group; group++)
        free(*group);
    free(groups);
}

static void s_mark_removed(agent_t *self, const manifest_t *manifest)
{
    module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (module->removed || manifest_find(manifest, module->spec->name))
            continue;
        module->removed = true;
        module->retire = RETIRE_NEW;
    }
}

static bool s_take_module(agent_t *self, manifest_module_t *spec)
{
    module_t *module = s_find(self, spec->name);
    if (module) {
        TAILQ_REMOVE(&self->modules, module, link);
        module_change(module, spec);
    } else {
        module = module_new(spec);
        if (!module)
            return false;
        module->adopting = true; /* it may have been started just before the state could be kept */
    }
    s_insert(self, module);
    return true;
}

static bool s_take_modules(agent_t *self, manifest_t *manifest, char *const *had)
{
    module_t *module;
    s_mark_removed(self, manifest);
    for (size_t i = 0; i < manifest->count; i++)
        if (!s_take_module(self, manifest_take(manifest, i)))
            return false;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (module->retire == RETIRE_NEW && !replace_begin(self, module, had))
            return false;
    }
    return true;
}

pbus_status_t agent_take(agent_t *self, manifest_t *manifest, const char *core_url)
{
    char **had = s_groups(self);
    groups_destroy(&self->groups);
    bool done = had && agent_set_core_url(self, core_url) && s_take_modules(self, manifest, had);
    s_free_groups(had);
    return done ? PBUS_OK : PBUS_NOMEM;
}

/* ---- what runs since before --------------------------------------------------------------------------- */

static void s_adopt(agent_t *self)
{
    module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        runner_t *runner = agent_runner(self, module);
        if (!module->adopting || !runner->ops->adopt(runner->self, &module->instance))
            continue;
        module->adopting = false;
        if (module->instance.state == INSTANCE_RUNNING)
            pbus_log_info(self->log, "module %s runs already, and is adopted", module->spec->name);
    }
}

/* A module for what nobody knows any more, so that it is stopped in its turn. */
static module_t *s_new_orphan(const instance_t *found)
{
    manifest_module_t *spec = calloc(1, sizeof *spec);
    if (!spec || !(spec->name = strdup(found->name))) {
        free(spec);
        return NULL;
    }
    spec->type = found->type;
    spec->policy = MANIFEST_NEVER;
    spec->order = MANIFEST_ORDER_LAST;
    module_t *module = module_new(spec);
    if (!module)
        return NULL;
    module->instance = *found;
    module->removed = module->adopting = true;
    return module;
}

static void s_take_orphans(agent_t *self)
{
    for (size_t i = 0; i < 2; i++) {
        instance_t found = {.type = (manifest_type_t) i};
        while (self->runners[i].ops->orphan(self->runners[i].self, &found)) {
            pbus_log_warn(self->log, "module %s of an earlier manifest still runs: it is stopped",
                          found.name);
            module_t *module = s_new_orphan(&found);
            if (!module)
                return;
            s_insert(self, module);
            found = (instance_t){.type = (manifest_type_t) i};
        }
    }
}

/* ---- stopping ---------------------------------------------------------------------------------------- */

static void s_stop(agent_t *self, module_t *module, stop_reason_t why)
{
    static const char *const reasons[] = {"", "it is not wanted any more", "it has changed",
                                          "it is unhealthy"};
    runner_t *runner = agent_runner(self, module);
    module->stop = why;
    module->discarded = module_is_leaving(module);
    pbus_log_info(self->log, "module %s is told to stop: %s", module->spec->name,
                  self->stopping ? "the agent stops" : reasons[why]);
    runner->ops->stop(runner->self, &module->instance,
                      module->discarded || module->instance.type != module->spec->type);
}

static bool s_is_sick(const module_t *module)
{
    return module->health.state == HEALTH_UNHEALTHY &&
           restart_wanted(module->spec->policy, RESTART_UNHEALTHY);
}

static void s_stop_if_due(agent_t *self, module_t *module)
{
    if (module->adopting || !module_runs(module) || module->instance.state == INSTANCE_STOPPING)
        return;
    if (self->stopping || !module_wanted(module)) {
        if (order_may_stop(self, module))
            s_stop(self, module, STOP_UNWANTED);
    } else if (module_is_changed(module)) {
        s_stop(self, module, STOP_CHANGED);
    } else if (s_is_sick(module)) {
        s_stop(self, module, STOP_UNHEALTHY);
    }
}

static void s_forget_if_gone(agent_t *self, module_t *module)
{
    runner_t *runner = agent_runner(self, module);
    if (module->adopting || module_runs(module) || !module_is_leaving(module))
        return;
    if (!module->discarded) {
        module->discarded = true;
        runner->ops->stop(runner->self, &module->instance, true);
        return;
    }
    pbus_log_info(self->log, "module %s is gone", module->spec->name);
    s_drop(self, module);
}

void agent_stop(agent_t *self)
{
    self->stopping = true;
}

bool agent_is_stopped(const agent_t *self)
{
    const module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (module_runs(module) && !module->adopting) /* of what can't be told nothing can be stopped */
            return false;
    }
    return true;
}

/* ---- probing ----------------------------------------------------------------------------------------- */

static void s_probe(agent_t *self, module_t *module, int64_t now)
{
    static const health_seen_t seen[] = {HEALTH_SEEN_NOTHING, HEALTH_SEEN_ALIVE, HEALTH_SEEN_READY,
                                         HEALTH_SEEN_BAD};
    if (module->instance.state != INSTANCE_RUNNING || module->probing || now < module->next_probe)
        return;
    switch (module->spec->health) {
    case MANIFEST_HEALTH_HTTP:
        module->probing =
            self->outside.ping(self->outside.self, module->spec->name, module->spec->health_target);
        module->next_probe = now + self->rules.probe_first;
        break;
    case MANIFEST_HEALTH_NONE:
        module_see(module, &self->rules, seen[module->instance.health], now);
        break;
    case MANIFEST_HEALTH_WORKER: /* told by agent_groups */
        break;
    }
}

static bool s_asks_groups(const module_t *module)
{
    return module->instance.state == INSTANCE_RUNNING && module->spec->health == MANIFEST_HEALTH_WORKER;
}

/* When core-data is asked next: when the first worker is due to be looked at, but not all the time. */
static int64_t s_groups_at(const agent_t *self)
{
    const module_t *module;
    int64_t first = INT64_MAX;
    if (!self->core_url || self->asking)
        return INT64_MAX;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (s_asks_groups(module) && module->next_probe < first)
            first = module->next_probe;
    }
    int64_t soonest = self->asked ? self->asked + self->rules.probe_first : 0;
    return replace_runs(self) || first < soonest ? soonest : first;
}

static void s_ask_groups(agent_t *self, int64_t now)
{
    if (now < s_groups_at(self))
        return;
    self->asking = self->outside.ask_groups(self->outside.self, self->core_url);
    self->asked = now;
}

void agent_pinged(agent_t *self, const char *name, bool ready, int64_t now)
{
    module_t *module = s_find(self, name);
    if (!module || !module->probing)
        return;
    module->probing = false;
    if (module->spec->health == MANIFEST_HEALTH_HTTP)
        module_see(module, &self->rules, ready ? HEALTH_SEEN_READY : HEALTH_SEEN_DEAD, now);
}

static health_seen_t s_seen_worker(const agent_t *self, const module_t *module)
{
    bool ready;
    if (!self->groups)
        return HEALTH_SEEN_NOTHING;
    if (!groups_has_worker(self->groups, module->spec->group, module->spec->health_target, &ready))
        return HEALTH_SEEN_DEAD;
    return ready ? HEALTH_SEEN_READY : HEALTH_SEEN_ALIVE;
}

void agent_groups(agent_t *self, const char *json, size_t size, int64_t now)
{
    module_t *module;
    groups_destroy(&self->groups);
    self->asking = false;
    self->groups = json ? groups_parse(json, size) : NULL;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (s_asks_groups(module) && now >= module->next_probe)
            module_see(module, &self->rules, s_seen_worker(self, module), now);
    }
}

/* ---- stepping ---------------------------------------------------------------------------------------- */

static void s_say_ended(agent_t *self, const module_t *module, int64_t now)
{
    const char *reason = module->instance.reason[0] ? module->instance.reason : "ended with status 0";
    pbus_log_level_t level = module->instance.status == 0 ? PBUS_LOG_INFO : PBUS_LOG_WARN;
    if (!module_wanted(module) || self->stopping)
        pbus_log_info(self->log, "module %s is stopped", module->spec->name);
    else if (module->restart.next == RESTART_NEVER)
        pbus_log_at(self->log, level, "module %s: %s; its policy is not to start it again",
                    module->spec->name, reason);
    else if (module->restart.next <= now)
        pbus_log_at(self->log, level, "module %s: %s; started again at once", module->spec->name, reason);
    else
        pbus_log_at(self->log, level, "module %s: %s; started again in %.1f s", module->spec->name, reason,
                    (double) (module->restart.next - now) / 1e9);
}

static void s_look_at(agent_t *self, module_t *module, int64_t now)
{
    instance_state_t seen = module->seen;
    module_look(module, &self->rules, now);
    if (module->instance.state == seen)
        return;
    if (module->instance.state == INSTANCE_ENDED)
        s_say_ended(self, module, now);
    else if (module->instance.state == INSTANCE_RUNNING)
        pbus_log_info(self->log, "module %s runs", module->spec->name);
}

static void s_look(agent_t *self, int64_t now)
{
    module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (!module->adopting)
            s_look_at(self, module, now);
    }
}

static void s_each(agent_t *self, int64_t now)
{
    module_t *module, *next;
    for (module = TAILQ_FIRST(&self->modules); module; module = next) {
        next = TAILQ_NEXT(module, link);
        s_probe(self, module, now);
        s_stop_if_due(self, module);
        s_forget_if_gone(self, module);
    }
}

void agent_step(agent_t *self, int64_t now)
{
    s_adopt(self);
    s_take_orphans(self);
    s_look(self, now);
    replace_step(self, now);
    s_each(self, now);
    if (!self->stopping)
        order_start(self, now);
    s_look(self, now);
    s_ask_groups(self, now);
}

static int64_t s_module_next(const agent_t *self, const module_t *module, int64_t now)
{
    switch (module->instance.state) {
    case INSTANCE_RUNNING:
        return module->probing || s_asks_groups(module) ? INT64_MAX : module->next_probe;
    case INSTANCE_STARTING:
    case INSTANCE_STOPPING:
        return INT64_MAX; /* the runner wakes who waits */
    case INSTANCE_ABSENT:
    case INSTANCE_ENDED:
        break;
    }
    if (module->adopting || module_is_leaving(module) || module->waits_since)
        return now + SOON;
    return module_wanted(module) && !self->stopping ? module->restart.next : INT64_MAX;
}

int64_t agent_next(const agent_t *self, int64_t now)
{
    const module_t *module;
    int64_t next = now + STEP, groups = s_groups_at(self);
    next = groups < next ? groups : next;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        int64_t due = s_module_next(self, module, now);
        next = due < next ? due : next;
    }
    return next > now ? next : now;
}
