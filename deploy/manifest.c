/*
 * Manifest: see manifest.h. The shape of the document is checked by its schema; here is what a schema can't
 * say, and the making of the structures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "manifest.h"
#include "manifest_module.h"
#include "node.h"
#include "route.h"
#include "schema.h"

#define PING "/api/v3/ping"

static void s_free_pair(manifest_pair_t *pair)
{
    free(pair->name);
    free(pair->value);
}

void manifest_destroy(manifest_t **self_p)
{
    manifest_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        manifest_module_destroy(&self->modules[i]);
    for (size_t i = 0; i < self->registry_count; i++) {
        free(self->registries[i].name);
        free(self->registries[i].address);
        free(self->registries[i].username);
        free(self->registries[i].password);
    }
    for (size_t i = 0; i < self->route_count; i++)
        s_free_pair(&self->routes[i]);
    free(self->modules);
    free(self->registries);
    free(self->routes);
    free(self->core_url);
    free(self);
    *self_p = NULL;
}

manifest_module_t *manifest_take(manifest_t *self, size_t at)
{
    manifest_module_t *taken = self->modules[at];
    self->modules[at] = NULL;
    return taken;
}

const manifest_module_t *manifest_find(const manifest_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->modules[i] && !strcmp(self->modules[i]->name, name))
            return self->modules[i];
    return NULL;
}

/* ---- modules ---------------------------------------------------------------------------------------- */

static void s_add_module(manifest_t *self, const node_t *node)
{
    const char *name = yyjson_get_str(node->place.key);
    if (manifest_find(self, name)) {
        node_error(node, "there are two modules of this name: rename one");
        return;
    }
    manifest_module_t *module = manifest_module_read(node, name);
    manifest_module_t **grown = realloc(self->modules, (self->count + 1) * sizeof *grown);
    if (grown)
        self->modules = grown;
    if (!grown || !module) {
        node_error(node, "memory is out");
        manifest_module_destroy(&module);
        return;
    }
    grown[self->count++] = module;
}

static void s_read_modules(manifest_t *self, const node_t *desired)
{
    node_t modules = node_object(desired, "modules", true);
    yyjson_obj_iter all;
    yyjson_val *key;
    if (!yyjson_obj_iter_init(modules.value, &all))
        return;
    while ((key = yyjson_obj_iter_next(&all))) {
        node_t module = node_member(&modules, key);
        if (yyjson_is_obj(module.value))
            s_add_module(self, &module);
        else
            node_error(&module, "a module is an object");
    }
}

/* edgeHub goes first unless it says otherwise, as with edgeAgent. */
static void s_read_system(manifest_t *self, const node_t *desired)
{
    node_t system = node_object(desired, "systemModules", false);
    node_t hub = node_object(&system, "edgeHub", false);
    size_t count = self->count;
    if (!hub.value)
        return;
    s_add_module(self, &hub);
    if (self->count > count && !node_child(&hub, "startupOrder").value)
        self->modules[count]->order = 0;
}

static int s_compare(const void *a, const void *b)
{
    return strcmp((*(manifest_module_t *const *) a)->name, (*(manifest_module_t *const *) b)->name);
}

/* ---- registries ------------------------------------------------------------------------------------- */

static bool s_keep(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return *to || !text;
}

static void s_add_registry(manifest_t *self, const node_t *node)
{
    manifest_registry_t *grown = realloc(self->registries, (self->registry_count + 1) * sizeof *grown);
    if (!grown) {
        node_error(node, "memory is out");
        return;
    }
    self->registries = grown;
    manifest_registry_t *made = &grown[self->registry_count++];
    *made = (manifest_registry_t){0};
    if (!s_keep(&made->name, yyjson_get_str(node->place.key)) ||
        !s_keep(&made->address, node_text(node, "address", NULL, true)) ||
        !s_keep(&made->username, node_text(node, "username", NULL, true)) ||
        !s_keep(&made->password, node_text(node, "password", NULL, true)))
        node_error(node, "memory is out");
}

static void s_read_runtime(manifest_t *self, const node_t *desired)
{
    node_t runtime = node_object(desired, "runtime", false);
    node_t settings = node_object(&runtime, "settings", false);
    node_t registries = node_object(&settings, "registryCredentials", false);
    yyjson_obj_iter all;
    yyjson_val *key;
    if (!yyjson_obj_iter_init(registries.value, &all))
        return;
    while ((key = yyjson_obj_iter_next(&all))) {
        node_t registry = node_member(&registries, key);
        if (yyjson_is_obj(registry.value))
            s_add_registry(self, &registry);
        else
            node_error(&registry, "registry credentials are an object with address, username and password");
    }
}

/* ---- $edgeHub --------------------------------------------------------------------------------------- */

/* Checked here, where its place is known, by what core-data reads it with. */
static void s_add_route(manifest_t *self, const node_t *node, const char *text)
{
    pbus_error_t error;
    if (!pbus_route_is_for_group(text)) {
        node_warn(node, "this route is not used, as it does not end with: INTO group(\"NAME\")");
        return;
    }
    pbus_route_t *route = pbus_route_new(text, &error);
    if (!route) {
        node_error(node, "%s", error.text);
        return;
    }
    pbus_route_destroy(&route);
    if (strchr(text, ',')) { /* it separates routes in core-data's environment */
        node_error(node, "a route can have no comma: write * in its place, or a route for each case");
        return;
    }
    manifest_pair_t *grown = realloc(self->routes, (self->route_count + 1) * sizeof *grown);
    manifest_pair_t pair = {strdup(yyjson_get_str(node->place.key)), strdup(text)};
    if (grown)
        self->routes = grown;
    if (!grown || !pair.name || !pair.value) {
        node_error(node, "memory is out");
        s_free_pair(&pair);
        return;
    }
    grown[self->route_count++] = pair;
}

/* "name": "FROM ...", or "name": {"route": "FROM ..."} */
static void s_read_routes(manifest_t *self, const node_t *desired)
{
    node_t routes = node_object(desired, "routes", false);
    yyjson_obj_iter all;
    yyjson_val *key;
    if (!yyjson_obj_iter_init(routes.value, &all))
        return;
    while ((key = yyjson_obj_iter_next(&all))) {
        node_t route = node_member(&routes, key);
        const char *text = yyjson_get_str(route.value);
        if (yyjson_is_obj(route.value))
            text = node_text(&route, "route", NULL, true);
        else if (!text)
            node_error(&route, "a route is a text, or an object with one as its 'route'");
        if (node_child(&route, "priority").value || node_child(&route, "timeToLiveSecs").value)
            node_warn(&route, "a route's own priority and timeToLiveSecs are not used");
        if (text)
            s_add_route(self, &route, text);
    }
}

static void s_read_hub(manifest_t *self, const node_t *desired)
{
    node_t store = node_object(desired, "storeAndForwardConfiguration", false);
    self->has_ttl = node_child(&store, "timeToLiveSecs").value != NULL;
    self->ttl = node_int(&store, "timeToLiveSecs", -INT32_MAX, INT32_MAX, 0);
    s_read_routes(self, desired);
}

/* What the hub says reaches core-data as any other setting of it does. */
static bool s_set_core(const manifest_t *self, manifest_module_t *module)
{
    char ttl[32];
    pbus_buf_t routes = {0};
    bool done = true;
    if (self->has_ttl) {
        snprintf(ttl, sizeof ttl, "%llds", self->ttl < 0 ? -1LL : (long long) self->ttl);
        done = manifest_module_default(module, "SPOOL_TIMETOLIVE", ttl);
    }
    for (size_t i = 0; i < self->route_count; i++)
        pbus_buf_printf(&routes, "%s%s", i ? "," : "", self->routes[i].value);
    pbus_buf_append(&routes, "", 1);
    if (self->route_count && done)
        done = !routes.failed && manifest_module_default(module, "PERSISTBUS_ROUTES", (char *) routes.data);
    pbus_buf_clear(&routes);
    return done;
}

/* ---- the whole -------------------------------------------------------------------------------------- */

/* The URL without the path, when it is core-data's ping. */
static bool s_find_core(manifest_t *self, const manifest_module_t *module)
{
    if (self->core_url || module->health != MANIFEST_HEALTH_HTTP)
        return true;
    const char *end = strstr(module->health_target, PING);
    if (end && !end[sizeof PING - 1])
        self->core_url = strndup(module->health_target, (size_t) (end - module->health_target));
    return !end || end[sizeof PING - 1] || self->core_url;
}

static bool s_finish(manifest_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        manifest_module_t *module = self->modules[i];
        bool core = manifest_module_is_core(module);
        if ((core && !s_set_core(self, module)) || !manifest_module_finish(module) ||
            (core && !s_find_core(self, module)))
            return false;
    }
    return true;
}

static void s_read_agent(manifest_t *self, const node_t *desired)
{
    s_read_modules(self, desired);
    s_read_system(self, desired);
    s_read_runtime(self, desired);
    if (self->count)
        qsort(self->modules, self->count, sizeof *self->modules, s_compare);
}

/* The parts stay at their place, as the places in what is told go through them. */
typedef struct {
    node_t part;
    node_t desired;
} s_desired_t;

static void s_find_desired(s_desired_t *found, const node_t *content, const char *part, bool needed)
{
    found->part = node_object(content, part, needed);
    found->desired = node_object(&found->part, "properties.desired", found->part.value != NULL);
}

static void s_read(manifest_t *self, const jsonfile_t *file, problems_t *problems)
{
    s_desired_t agent, hub;
    node_t root = node_root(file, problems);
    node_t content = node_object(&root, "modulesContent", true);
    if (!content.value)
        return;
    s_find_desired(&agent, &content, "$edgeAgent", true);
    s_find_desired(&hub, &content, "$edgeHub", false);
    if (agent.desired.value)
        s_read_agent(self, &agent.desired);
    if (hub.desired.value)
        s_read_hub(self, &hub.desired);
}

static bool s_fits(const jsonfile_t *file, problems_t *problems)
{
    schema_t *schema = schema_new("manifest", problems);
    bool fits = schema && schema_check(schema, file, problems);
    schema_destroy(&schema);
    return fits;
}

manifest_t *manifest_new(const jsonfile_t *file, problems_t *problems)
{
    size_t before = problems_errors(problems);
    if (!s_fits(file, problems))
        return NULL;
    manifest_t *self = calloc(1, sizeof *self);
    if (!self) {
        problems_error(problems, jsonfile_name(file), "memory is out");
        return NULL;
    }
    s_read(self, file, problems);
    if (problems_errors(problems) == before && !s_finish(self))
        problems_error(problems, jsonfile_name(file), "memory is out");
    if (problems_errors(problems) > before)
        manifest_destroy(&self);
    return self;
}
