/*
 * State: see state.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "files.h"
#include "manifest_module.h"
#include "procfs.h"
#include "state.h"

#define VERSION 1

struct state {
    char *path;
    pbus_log_t *log;
    char boot[64];
    char *written; /* the file's text */
};

static const char *const s_states[] = {"absent", "starting", "running", "stopping", "ended", NULL};
static const char *const s_retires[] = {"none", "new", "awaits", "asked", "again", "begun", "done", NULL};

state_t *state_new(const char *path, pbus_log_t *log)
{
    state_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->path = strdup(path);
    self->log = log;
    procfs_boot_id(self->boot);
    if (!self->path)
        state_destroy(&self);
    return self;
}

void state_destroy(state_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->path);
    free((*self_p)->written);
    free(*self_p);
    *self_p = NULL;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static void s_write_instance(yyjson_mut_doc *doc, yyjson_mut_val *to, const instance_t *instance)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, to, "instance");
    yyjson_mut_obj_add_str(doc, object, "type", manifest_type_name(instance->type));
    yyjson_mut_obj_add_str(doc, object, "state", s_states[instance->state]);
    yyjson_mut_obj_add_str(doc, object, "digest", instance->digest);
    yyjson_mut_obj_add_int(doc, object, "pid", instance->pid);
    yyjson_mut_obj_add_uint(doc, object, "ticks", instance->ticks);
    yyjson_mut_obj_add_str(doc, object, "container", instance->container);
    yyjson_mut_obj_add_int(doc, object, "started", instance->started);
    yyjson_mut_obj_add_int(doc, object, "ended", instance->ended);
    yyjson_mut_obj_add_int(doc, object, "status", instance->status);
    yyjson_mut_obj_add_int(doc, object, "signal", instance->signal);
    yyjson_mut_obj_add_bool(doc, object, "refused", instance->refused);
    yyjson_mut_obj_add_str(doc, object, "reason", instance->reason);
}

/* `next` without a value: not by itself; 0: at once. */
static void s_write_restart(yyjson_mut_doc *doc, yyjson_mut_val *to, const restart_t *restart,
                            const timeline_t *timeline)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, to, "restart");
    yyjson_mut_obj_add_uint(doc, object, "count", restart->count);
    yyjson_mut_obj_add_bool(doc, object, "spent", restart->spent);
    yyjson_mut_obj_add_uint(doc, object, "total", restart->total);
    if (restart->next != RESTART_NEVER)
        yyjson_mut_obj_add_int(doc, object, "next",
                               restart->next ? timeline_to_wall(timeline, restart->next) : 0);
}

static void s_write_module(yyjson_mut_doc *doc, yyjson_mut_val *list, const module_t *module,
                           const timeline_t *timeline)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, object, "name", module->spec->name);
    yyjson_mut_obj_add_bool(doc, object, "removed", module->removed);
    yyjson_mut_obj_add_str(doc, object, "retire", s_retires[module->retire]);
    yyjson_mut_val *awaits = yyjson_mut_obj_add_arr(doc, object, "awaits");
    for (char **group = module->awaits; group && *group; group++)
        yyjson_mut_arr_add_str(doc, awaits, *group);
    yyjson_mut_obj_add_bool(doc, object, "wasReady", module->health.was_ready);
    s_write_instance(doc, object, &module->instance);
    s_write_restart(doc, object, &module->restart, timeline);
    yyjson_mut_obj_add_val(doc, object, "module", manifest_module_write(module->spec, doc));
}

/* A module that was only found running, with nothing known of it, is found again. */
static char *s_text(const state_t *self, const agent_t *agent, const timeline_t *timeline)
{
    const module_t *module;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_int(doc, root, "version", VERSION);
    yyjson_mut_obj_add_str(doc, root, "bootId", self->boot);
    if (agent_core_url(agent))
        yyjson_mut_obj_add_str(doc, root, "coreUrl", agent_core_url(agent));
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "modules");
    TAILQ_FOREACH(module, agent_modules(agent), link)
    {
        if (module->spec->program)
            s_write_module(doc, list, module, timeline);
    }
    char *text = list ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY, NULL) : NULL;
    yyjson_mut_doc_free(doc);
    return text;
}

pbus_status_t state_save(state_t *self, const agent_t *agent, const timeline_t *timeline, pbus_error_t *error)
{
    char *text = s_text(self, agent, timeline);
    if (!text)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    return files_save(self->path, &self->written, text, error);
}

/* ---- reading ----------------------------------------------------------------------------------------- */

static void s_copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

static void s_read_instance(const node_t *node, instance_t *instance)
{
    static const char *const types[] = {"docker", "process", NULL};
    instance->type = (manifest_type_t) node_word(node, "type", types, MANIFEST_PROCESS);
    instance->state = (instance_state_t) node_word(node, "state", s_states, INSTANCE_ABSENT);
    instance->pid = (pid_t) node_int(node, "pid", 0, INT32_MAX, 0);
    instance->ticks = (uint64_t) node_int(node, "ticks", 0, INT64_MAX, 0);
    instance->started = node_int(node, "started", 0, INT64_MAX, 0);
    instance->ended = node_int(node, "ended", 0, INT64_MAX, 0);
    instance->status = (int) node_int(node, "status", INT32_MIN, INT32_MAX, INSTANCE_UNKNOWN);
    instance->signal = (int) node_int(node, "signal", 0, 1000, 0);
    instance->refused = yyjson_get_bool(node_child(node, "refused").value);
    s_copy(instance->digest, sizeof instance->digest, node_text(node, "digest", "", false));
    s_copy(instance->container, sizeof instance->container, node_text(node, "container", "", false));
    s_copy(instance->reason, sizeof instance->reason, node_text(node, "reason", "", false));
}

static void s_read_restart(const node_t *node, restart_t *restart, const timeline_t *timeline)
{
    int64_t next = node_int(node, "next", 0, INT64_MAX, RESTART_NEVER);
    restart->count = (unsigned) node_int(node, "count", 0, UINT32_MAX, 0);
    restart->spent = yyjson_get_bool(node_child(node, "spent").value);
    restart->total = (uint64_t) node_int(node, "total", 0, INT64_MAX, 0);
    restart->next = next == 0 || next == RESTART_NEVER ? next : timeline_to_boot(timeline, next);
    if (restart->next < 0)
        restart->next = 1; /* long due */
}

static bool s_read_awaits(const node_t *node, module_t *module)
{
    size_t index, most, count = 0;
    yyjson_val *value, *list = node_child(node, "awaits").value;
    module->awaits = calloc(yyjson_arr_size(list) + 1, sizeof *module->awaits);
    if (!module->awaits)
        return false;
    yyjson_arr_foreach(list, index, most, value)
    {
        if (yyjson_is_str(value) && !(module->awaits[count++] = strdup(yyjson_get_str(value))))
            return false;
    }
    return true;
}

static bool s_ran(const instance_t *instance)
{
    return instance->state != INSTANCE_ABSENT && instance->state != INSTANCE_ENDED;
}

/* The machine has been started anew: nothing of it runs, and its end was nobody's failure. */
static void s_lose(module_t *module)
{
    instance_t *instance = &module->instance;
    instance->pid = 0;
    if (!s_ran(instance) && module->restart.next == RESTART_NEVER)
        return;
    bool once = s_ran(instance) && module->spec->policy == MANIFEST_NEVER;
    instance->state = once ? INSTANCE_ENDED : INSTANCE_ABSENT;
    if (once)
        s_copy(instance->reason, sizeof instance->reason, "ended with the machine");
    else
        restart_reset(&module->restart);
}

/* An answer to a question of the former life never comes: the question is asked again. */
static retire_state_t s_retire(int word)
{
    retire_state_t retire = (retire_state_t) word;
    return retire == RETIRE_ASKED || retire == RETIRE_NEW ? RETIRE_AWAITS : retire;
}

static module_t *s_read_spec(const node_t *node)
{
    const char *name = node_text(node, "name", "", true);
    node_t object = node_object(node, "module", true);
    manifest_module_t *spec = object.value ? manifest_module_read(&object, name) : NULL;
    if (spec && problems_errors(node->problems) == 0 && manifest_module_finish(spec))
        return module_new(spec);
    manifest_module_destroy(&spec);
    return NULL;
}

static module_t *s_read_module(const node_t *node, const timeline_t *timeline, bool same_boot)
{
    node_t instance = node_object(node, "instance", true), restart = node_object(node, "restart", true);
    module_t *module = s_read_spec(node);
    if (!module)
        return NULL;
    module->removed = yyjson_get_bool(node_child(node, "removed").value);
    module->retire = s_retire(node_word(node, "retire", s_retires, RETIRE_NONE));
    module->health.was_ready = yyjson_get_bool(node_child(node, "wasReady").value);
    s_read_instance(&instance, &module->instance);
    s_read_restart(&restart, &module->restart, timeline);
    if (!s_read_awaits(node, module)) {
        module_destroy(&module);
        return NULL;
    }
    if (!same_boot)
        s_lose(module);
    if (s_ran(&module->instance))
        module->restart.up_since = timeline->now; /* that it ran well is known from was_ready alone */
    module->seen = s_ran(&module->instance) ? INSTANCE_STARTING : module->instance.state;
    return module;
}

static void s_read(state_t *self, agent_t *agent, const jsonfile_t *file, const timeline_t *timeline,
                   problems_t *problems)
{
    size_t index, most;
    yyjson_val *value;
    node_t root = node_root(file, problems);
    bool same_boot = *self->boot && !strcmp(node_text(&root, "bootId", "", true), self->boot);
    node_int(&root, "version", VERSION, VERSION, VERSION);
    if (!agent_set_core_url(agent, node_text(&root, "coreUrl", NULL, false)))
        node_error(&root, "memory is out");
    node_t list = node_child(&root, "modules");
    yyjson_arr_foreach(list.value, index, most, value)
    {
        node_t node = node_element(&list, index, value);
        module_t *module = s_read_module(&node, timeline, same_boot);
        if (module)
            agent_restore(agent, module);
        else
            node_error(&node, "this module can't be read");
    }
}

static pbus_status_t s_put_aside(state_t *self, const problems_t *problems, pbus_error_t *error)
{
    char aside[1024];
    const char *line;
    bool is_error;
    for (size_t i = 0; (line = problems_line(problems, i, &is_error)) != NULL; i++)
        pbus_log_error(self->log, "%s", line);
    snprintf(aside, sizeof aside, "%s.bad", self->path);
    if (rename(self->path, aside) != 0)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s can't be renamed to %s: %s", self->path, aside,
                         strerror(errno));
    pbus_log_error(self->log, "the state can't be read, and is now %s: counts of restarts begin anew", aside);
    return PBUS_OK;
}

pbus_status_t state_load(state_t *self, agent_t *agent, const timeline_t *timeline, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (access(self->path, F_OK) != 0 && errno == ENOENT)
        return PBUS_OK;
    problems_t *problems = problems_new();
    if (!problems)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    jsonfile_t *file = jsonfile_read(self->path, problems);
    if (file)
        s_read(self, agent, file, timeline, problems);
    if (problems_errors(problems) > 0)
        status = s_put_aside(self, problems, error);
    jsonfile_destroy(&file);
    problems_destroy(&problems);
    return status;
}
