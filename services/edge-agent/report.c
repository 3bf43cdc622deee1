/*
 * Report: see report.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <persistbus/version.h>
#include <yyjson.h>
#include "files.h"
#include "report.h"

struct report {
    char *path;
    char *written; /* the file's text */
    char manifest[512];
    int code;
    char description[1024];
};

report_t *report_new(const char *path)
{
    report_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->path = strdup(path);
    if (!self->path)
        report_destroy(&self);
    return self;
}

void report_destroy(report_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->path);
    free((*self_p)->written);
    free(*self_p);
    *self_p = NULL;
}

void report_manifest(report_t *self, const char *path, int code, const char *description)
{
    snprintf(self->manifest, sizeof self->manifest, "%s", path);
    self->code = code;
    snprintf(self->description, sizeof self->description, "%s", description);
}

static void s_time(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, int64_t wall)
{
    char text[40];
    if (wall == 0)
        return;
    timeline_text(wall, text);
    yyjson_mut_obj_add_strcpy(doc, to, key, text);
}

static void s_text(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, const char *text)
{
    if (text && *text)
        yyjson_mut_obj_add_str(doc, to, key, text);
}

static void s_wanted(yyjson_mut_doc *doc, yyjson_mut_val *to, const module_t *module)
{
    const manifest_module_t *spec = module->spec;
    s_text(doc, to, "version", spec->version);
    yyjson_mut_obj_add_str(doc, to, "type", manifest_type_name(spec->type));
    yyjson_mut_obj_add_str(doc, to, "status",
                           module->removed ? "removed" : manifest_status_name(spec->status));
    yyjson_mut_obj_add_str(doc, to, "restartPolicy", manifest_policy_name(spec->policy));
    yyjson_mut_obj_add_uint(doc, to, "startupOrder", spec->order);
    s_text(doc, to, "image", spec->image);
    s_text(doc, to, "program", spec->command ? spec->command[0] : NULL);
    s_text(doc, to, "group", spec->group);
}

static void s_runs(yyjson_mut_doc *doc, yyjson_mut_val *to, const module_t *module)
{
    const instance_t *instance = &module->instance;
    yyjson_mut_obj_add_str(doc, to, "runtimeStatus", module_status(module));
    s_text(doc, to, "statusDescription", module_reason(module));
    s_text(doc, to, "waitsFor", module->waits_for);
    if (instance->state == INSTANCE_RUNNING) {
        yyjson_mut_obj_add_str(doc, to, "health", health_name(module->health.state));
        yyjson_mut_obj_add_bool(doc, to, "ready", module_is_ready(module));
        if (instance->pid)
            yyjson_mut_obj_add_int(doc, to, "pid", instance->pid);
    }
    s_text(doc, to, "container", instance->container);
    s_time(doc, to, "lastStartTimeUtc", instance->started);
}

static void s_ended(yyjson_mut_doc *doc, yyjson_mut_val *to, const module_t *module,
                    const timeline_t *timeline)
{
    const instance_t *instance = &module->instance;
    s_time(doc, to, "lastExitTimeUtc", instance->ended);
    if (instance->ended && instance->status != INSTANCE_UNKNOWN)
        yyjson_mut_obj_add_int(doc, to, "exitCode", instance->status);
    if (instance->signal)
        yyjson_mut_obj_add_int(doc, to, "signal", instance->signal);
    yyjson_mut_obj_add_uint(doc, to, "restartCount", module->restart.total);
    if (!module_runs(module) && module_wanted(module) && module->restart.next != RESTART_NEVER &&
        module->restart.next != 0)
        s_time(doc, to, "nextRestartTimeUtc", timeline_to_wall(timeline, module->restart.next));
}

static char *s_render(const report_t *self, const agent_t *agent, const timeline_t *timeline, bool running)
{
    const module_t *module;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "schemaVersion", "1.1");
    yyjson_mut_val *own = yyjson_mut_obj_add_obj(doc, root, "edgeAgent");
    yyjson_mut_obj_add_str(doc, own, "version", PBUS_VERSION);
    yyjson_mut_obj_add_bool(doc, own, "running", running);
    yyjson_mut_obj_add_int(doc, own, "pid", getpid());
    s_text(doc, own, "manifest", self->manifest);
    yyjson_mut_val *last = yyjson_mut_obj_add_obj(doc, root, "lastDesiredStatus");
    yyjson_mut_obj_add_int(doc, last, "code", self->code);
    yyjson_mut_obj_add_str(doc, last, "description", self->description);
    yyjson_mut_val *modules = yyjson_mut_obj_add_obj(doc, root, "modules");
    TAILQ_FOREACH(module, agent_modules(agent), link)
    {
        yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, modules, module->spec->name);
        s_wanted(doc, object, module);
        s_runs(doc, object, module);
        s_ended(doc, object, module, timeline);
    }
    char *text = modules ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY, NULL) : NULL;
    yyjson_mut_doc_free(doc);
    return text;
}

pbus_status_t report_save(report_t *self, const agent_t *agent, const timeline_t *timeline, bool running,
                          pbus_error_t *error)
{
    char *text = s_render(self, agent, timeline, running);
    if (!text)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    return files_save(self->path, &self->written, text, error);
}
