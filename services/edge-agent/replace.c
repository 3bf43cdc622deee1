/*
 * Replace: the last module of a group goes and another group's comes, in one new manifest (persist-redis by
 * persist-mongo). The old one is needed until the new group has all of the data, so:
 *
 *     AWAITS  until the groups that are new in the manifest are LIVE, or any is if none is new
 *     ASKED   core-data is told to retire the old group: it gives it what waits for it and lets its workers
 * go BEGUN   until core-data knows the group no more DONE    now what still runs of the module is stopped,
 * see agent.c
 *
 * Meanwhile the old module is kept running as before. A group that another module of the manifest serves is
 * not retired, nor is the last group there is: its data stays known, and what is posted waits for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent_private.h"

#define AGAIN 5000000000 /* ns between attempts that core-data refuses */

static bool s_serves(const module_t *module)
{
    return !module->removed && module->spec->group && module->spec->status == MANIFEST_RUNNING;
}

static bool s_is_among(char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

static bool s_add(char ***names, const char *name)
{
    size_t count = 0;
    if (s_is_among(*names, name))
        return true;
    while (*names && (*names)[count])
        count++;
    char **grown = realloc(*names, (count + 2) * sizeof *grown);
    if (!grown)
        return false;
    *names = grown;
    grown[count] = strdup(name);
    grown[count + 1] = NULL;
    return grown[count] != NULL;
}

bool replace_begin(agent_t *self, module_t *module, char *const *had)
{
    const module_t *other;
    bool others = false;
    module->retire = RETIRE_NONE;
    if (!module->spec->group || !self->core_url)
        return true;
    TAILQ_FOREACH(other, &self->modules, link)
    {
        if (!s_serves(other))
            continue;
        if (!strcmp(other->spec->group, module->spec->group))
            return true;
        others = true;
        if (!s_is_among(had, other->spec->group) && !s_add(&module->awaits, other->spec->group))
            return false;
    }
    if (others)
        module->retire = RETIRE_AWAITS;
    return true;
}

bool replace_runs(const agent_t *self)
{
    const module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (module->removed && !module_is_leaving(module))
            return true;
    }
    return false;
}

/* ---- awaiting --------------------------------------------------------------------------------------- */

static void s_say_awaits(module_t *module, const char *group, const char *state)
{
    snprintf(module->retire_reason, sizeof module->retire_reason,
             "kept running until group %s is LIVE: it is %s", group,
             state && *state ? state : "not known yet");
}

static bool s_new_are_live(agent_t *self, module_t *module)
{
    for (char **group = module->awaits; *group; group++) {
        if (groups_is_live(self->groups, *group))
            continue;
        s_say_awaits(module, *group, groups_state(self->groups, *group));
        return false;
    }
    return true;
}

static bool s_any_is_live(agent_t *self, module_t *module)
{
    const module_t *other;
    TAILQ_FOREACH(other, &self->modules, link)
    {
        if (!s_serves(other))
            continue;
        if (groups_is_live(self->groups, other->spec->group))
            return true;
        s_say_awaits(module, other->spec->group, groups_state(self->groups, other->spec->group));
    }
    return false;
}

static bool s_may_retire(agent_t *self, module_t *module)
{
    return module->awaits && *module->awaits ? s_new_are_live(self, module) : s_any_is_live(self, module);
}

/* ---- asking ----------------------------------------------------------------------------------------- */

/* Another module of the same group has asked already: the answer is for both. */
static bool s_is_asked(const agent_t *self, const char *group)
{
    const module_t *other;
    TAILQ_FOREACH(other, &self->modules, link)
    {
        if (other->removed && other->retire == RETIRE_ASKED && !strcmp(other->spec->group, group))
            return true;
    }
    return false;
}

static void s_ask(agent_t *self, module_t *module, int64_t now)
{
    const char *group = module->spec->group;
    if (s_is_asked(self, group) || self->outside.retire(self->outside.self, self->core_url, group)) {
        pbus_log_info(self->log, "module %s is replaced: its group %s is retired", module->spec->name, group);
        module->retire = RETIRE_ASKED;
    } else {
        module->retire = RETIRE_AGAIN;
        module->next_retire = now + AGAIN;
    }
}

static void s_done(agent_t *self, module_t *module)
{
    module->retire = RETIRE_DONE;
    module->retire_reason[0] = '\0';
    pbus_log_info(self->log, "group %s is retired: module %s is stopped for good", module->spec->group,
                  module->spec->name);
}

void replace_step(agent_t *self, int64_t now)
{
    module_t *module;
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (!module->removed)
            continue;
        if (module->retire == RETIRE_AWAITS && self->groups && s_may_retire(self, module))
            s_ask(self, module, now);
        else if (module->retire == RETIRE_AGAIN && now >= module->next_retire)
            s_ask(self, module, now);
        else if (module->retire == RETIRE_BEGUN && self->groups &&
                 !groups_state(self->groups, module->spec->group))
            s_done(self, module);
    }
}

static void s_answered(agent_t *self, module_t *module, int status, const char *text, int64_t now)
{
    if (status >= 200 && status < 300) {
        module->retire = RETIRE_BEGUN;
        snprintf(module->retire_reason, sizeof module->retire_reason, "its group %s is being retired",
                 module->spec->group);
    } else if (status == 404) {
        s_done(self, module);
    } else {
        module->retire = RETIRE_AGAIN;
        module->next_retire = now + AGAIN;
        snprintf(module->retire_reason, sizeof module->retire_reason,
                 "core-data does not retire group %s: %s", module->spec->group, text);
        pbus_log_warn(self->log, "module %s: %s", module->spec->name, module->retire_reason);
    }
}

void agent_retired(agent_t *self, const char *group, int status, const char *text, int64_t now)
{
    module_t *module;
    groups_destroy(&self->groups); /* what it tells was so before */
    TAILQ_FOREACH(module, &self->modules, link)
    {
        if (module->removed && module->retire == RETIRE_ASKED && !strcmp(module->spec->group, group))
            s_answered(self, module, status, text, now);
    }
}
