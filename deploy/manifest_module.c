/*
 * One module of a manifest: see manifest_module.h.
 *
 * The digest is taken over a text in which every field ends with a NUL, so that two different modules never
 * make the same text.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "manifest_module.h"

#define CORE_PORT "59880"
#define WORKER_PREFIX "persist-"
#define CHUNKS 100 /* createOptions, createOptions01 ... createOptions99 */

static const char *const s_types[] = {"docker", "process", NULL};
static const char *const s_statuses[] = {"running", "stopped", NULL};
static const char *const s_policies[] = {"always", "on-failure", "on-unhealthy", "never", NULL};
static const char *const s_pulls[] = {"on-create", "never", NULL};

const char *manifest_type_name(manifest_type_t type)
{
    return s_types[type];
}

const char *manifest_status_name(manifest_status_t status)
{
    return s_statuses[status];
}

const char *manifest_policy_name(manifest_policy_t policy)
{
    return s_policies[policy];
}

const char *manifest_pull_name(manifest_pull_t pull)
{
    return s_pulls[pull];
}

void manifest_module_destroy(manifest_module_t **self_p)
{
    manifest_module_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->env_count; i++) {
        free(self->env[i].name);
        free(self->env[i].value);
    }
    for (char **word = self->command; word && *word; word++)
        free(*word);
    free(self->env);
    free(self->command);
    free(self->name);
    free(self->version);
    free(self->image);
    free(self->create_options);
    free(self->working_dir);
    free(self->program);
    free(self->health_target);
    free(self->group);
    free(self);
    *self_p = NULL;
}

static char *s_copy(const node_t *node, const char *text)
{
    char *made = text ? strdup(text) : NULL;
    if (text && !made)
        node_error(node, "memory is out");
    return made;
}

/* ---- environment ------------------------------------------------------------------------------------ */

const char *manifest_env(const manifest_module_t *self, const char *name)
{
    for (size_t i = 0; i < self->env_count; i++)
        if (!strcmp(self->env[i].name, name))
            return self->env[i].value;
    return NULL;
}

static bool s_set(manifest_module_t *self, const char *name, const char *value)
{
    manifest_pair_t *grown = realloc(self->env, (self->env_count + 1) * sizeof *grown);
    if (!grown)
        return false;
    self->env = grown;
    manifest_pair_t pair = {strdup(name), strdup(value)};
    if (!pair.name || !pair.value) {
        free(pair.name);
        free(pair.value);
        return false;
    }
    self->env[self->env_count++] = pair;
    return true;
}

bool manifest_module_default(manifest_module_t *self, const char *name, const char *value)
{
    return manifest_env(self, name) || s_set(self, name, value);
}

static bool s_is_variable(const char *name)
{
    return *name && !strchr(name, '=');
}

/* The text of a value: of a number or a boolean as JSON writes it. */
static char *s_value_text(yyjson_val *value)
{
    if (yyjson_is_str(value))
        return strdup(yyjson_get_str(value));
    return yyjson_is_num(value) || yyjson_is_bool(value) ? yyjson_val_write(value, 0, NULL) : NULL;
}

static void s_read_variable(manifest_module_t *self, const node_t *node)
{
    const char *name = yyjson_get_str(node->place.key);
    node_t value = node_child(node, "value");
    char *text = value.value ? s_value_text(value.value) : NULL;
    if (!s_is_variable(name))
        node_error(node, "the name of a variable is not empty and has no '='");
    else if (!text)
        node_error(node, "a variable is an object with a text, a number or a boolean as its 'value'");
    else if (!s_set(self, name, text))
        node_error(node, "memory is out");
    free(text);
}

static void s_read_env(manifest_module_t *self, const node_t *node)
{
    node_t env = node_object(node, "env", false);
    yyjson_obj_iter all;
    yyjson_val *key;
    if (!yyjson_obj_iter_init(env.value, &all))
        return;
    while ((key = yyjson_obj_iter_next(&all))) {
        node_t variable = node_member(&env, key);
        s_read_variable(self, &variable);
    }
}

/* ---- settings of a container ------------------------------------------------------------------------- */

static bool s_is_object(const char *json)
{
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    bool is = yyjson_is_obj(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return is;
}

static void s_join_chunks(pbus_buf_t *out, const node_t *settings)
{
    for (int i = 0; i < CHUNKS; i++) {
        char key[24];
        snprintf(key, sizeof key, i ? "createOptions%02d" : "createOptions", i);
        const char *chunk = node_text(settings, key, NULL, false);
        if (!chunk)
            break;
        pbus_buf_puts(out, chunk);
    }
    pbus_buf_append(out, "", 1);
}

static void s_read_create_options(manifest_module_t *self, const node_t *settings)
{
    node_t whole = node_child(settings, "createOptions");
    pbus_buf_t joined = {0};
    if (yyjson_is_obj(whole.value)) {
        self->create_options = yyjson_val_write(whole.value, 0, NULL);
        return;
    }
    s_join_chunks(&joined, settings);
    if (joined.size == 1)
        self->create_options = s_copy(settings, "{}");
    else if (joined.failed)
        node_error(settings, "memory is out");
    else if (!s_is_object((const char *) joined.data))
        node_error(whole.value ? &whole : settings,
                   "the chunks createOptions, createOptions01... make no JSON object when joined");
    else
        self->create_options = s_copy(settings, (const char *) joined.data);
    pbus_buf_clear(&joined);
}

/* registry:5000/path/NAME:tag@digest */
static char *s_image_program(const char *image)
{
    const char *slash = strrchr(image, '/');
    const char *name = slash ? slash + 1 : image;
    return strndup(name, strcspn(name, ":@"));
}

static void s_read_docker(manifest_module_t *self, const node_t *settings)
{
    const char *image = node_text(settings, "image", NULL, true);
    if (!image)
        return;
    if (!*image)
        node_error(settings, "'image' is empty");
    self->image = s_copy(settings, image);
    self->program = s_image_program(image);
    s_read_create_options(self, settings);
}

/* ---- settings of a process --------------------------------------------------------------------------- */

static bool s_add_word(manifest_module_t *self, size_t *count, const char *data, size_t size)
{
    char **grown = realloc(self->command, (*count + 2) * sizeof *grown);
    if (!grown)
        return false;
    self->command = grown;
    grown[*count] = strndup(data, size);
    grown[*count + 1] = NULL;
    return grown[(*count)++] != NULL;
}

/* One word from *at: blanks end it, '...' and "..." keep them. False: a quote is not closed. */
static bool s_word(const char **at, pbus_buf_t *word)
{
    char quote = 0;
    for (; **at && (quote || !isspace((unsigned char) **at)); ++*at) {
        if (quote ? **at == quote : **at == '\'' || **at == '"')
            quote = quote ? 0 : **at;
        else
            pbus_buf_append(word, *at, 1);
    }
    return !quote;
}

static void s_split(manifest_module_t *self, const node_t *node, const char *text)
{
    size_t count = 0;
    pbus_buf_t word = {0};
    while (isspace((unsigned char) *text))
        text++;
    while (*text) {
        pbus_buf_reset(&word);
        if (!s_word(&text, &word)) {
            node_error(node, "a quote is not closed");
            break;
        }
        if (word.failed || !s_add_word(self, &count, word.data ? (char *) word.data : "", word.size))
            node_error(node, "memory is out");
        while (isspace((unsigned char) *text))
            text++;
    }
    pbus_buf_clear(&word);
}

static void s_read_words(manifest_module_t *self, const node_t *node)
{
    size_t index, most, count = 0;
    yyjson_val *value;
    yyjson_arr_foreach(node->value, index, most, value)
    {
        node_t word = node_element(node, index, value);
        if (!yyjson_is_str(value))
            node_error(&word, "a word of a command is a text");
        else if (!s_add_word(self, &count, yyjson_get_str(value), yyjson_get_len(value)))
            node_error(&word, "memory is out");
    }
}

static void s_read_process(manifest_module_t *self, const node_t *settings)
{
    node_t command = node_child(settings, "command");
    if (yyjson_is_str(command.value))
        s_split(self, &command, yyjson_get_str(command.value));
    else if (yyjson_is_arr(command.value))
        s_read_words(self, &command);
    if (!self->command || !self->command[0] || !*self->command[0]) {
        node_error(command.value ? &command : settings,
                   "'command' is to be a list of words, or one text of them, and not empty");
        return;
    }
    const char *slash = strrchr(self->command[0], '/');
    self->program = s_copy(&command, slash ? slash + 1 : self->command[0]);
    self->working_dir = s_copy(settings, node_text(settings, "workingDir", NULL, false));
}

/* ---- health ------------------------------------------------------------------------------------------ */

static bool s_is_worker(const manifest_module_t *self)
{
    return self->program && !strncmp(self->program, WORKER_PREFIX, sizeof WORKER_PREFIX - 1);
}

bool manifest_module_is_core(const manifest_module_t *self)
{
    return self->program && !strcmp(self->program, "core-data");
}

static void s_read_health(manifest_module_t *self, const node_t *settings)
{
    node_t health = node_object(settings, "health", false);
    self->health = s_is_worker(self)               ? MANIFEST_HEALTH_WORKER
                   : manifest_module_is_core(self) ? MANIFEST_HEALTH_HTTP
                                                   : MANIFEST_HEALTH_NONE;
    if (!health.value)
        return;
    const char *url = node_text(&health, "http", NULL, false);
    const char *worker = node_text(&health, "worker", NULL, false);
    if (url && strncmp(url, "http://", 7) && strncmp(url, "https://", 8))
        node_error(&health, "'http' is no URL that begins with http:// or https://");
    self->health = url ? MANIFEST_HEALTH_HTTP : worker ? MANIFEST_HEALTH_WORKER : MANIFEST_HEALTH_NONE;
    self->health_target = s_copy(&health, url ? url : worker);
}

static bool s_finish_health(manifest_module_t *self)
{
    const char *port = manifest_env(self, "SERVICE_PORT");
    const char *worker = manifest_env(self, "PERSISTBUS_WORKER");
    if (self->health_target || self->health == MANIFEST_HEALTH_NONE)
        return true;
    if (self->health == MANIFEST_HEALTH_WORKER)
        self->health_target = strdup(worker && *worker ? worker : self->name);
    else if (asprintf(&self->health_target, "http://127.0.0.1:%s/api/v3/ping", port ? port : CORE_PORT) < 0)
        self->health_target = NULL;
    return self->health_target != NULL;
}

static bool s_finish_group(manifest_module_t *self)
{
    const char *group = manifest_env(self, "PERSISTBUS_GROUP");
    if (!s_is_worker(self) && self->health != MANIFEST_HEALTH_WORKER)
        return true;
    if ((!group || !*group) && s_is_worker(self))
        group = self->program + sizeof WORKER_PREFIX - 1;
    if (group && *group)
        self->group = strdup(group);
    return !group || !*group || self->group;
}

/* ---- digest ------------------------------------------------------------------------------------------ */

static void s_field(pbus_buf_t *out, const char *text)
{
    pbus_buf_append(out, text ? text : "", text ? strlen(text) + 1 : 1);
}

static bool s_digest(manifest_module_t *self)
{
    pbus_buf_t text = {0};
    s_field(&text, manifest_type_name(self->type));
    s_field(&text, self->version);
    s_field(&text, self->image);
    s_field(&text, self->create_options);
    s_field(&text, self->working_dir);
    for (char **word = self->command; word && *word; word++)
        s_field(&text, *word);
    s_field(&text, "");
    for (size_t i = 0; i < self->env_count; i++) {
        s_field(&text, self->env[i].name);
        s_field(&text, self->env[i].value);
    }
    XXH128_hash_t hash = XXH3_128bits(text.data, text.size);
    snprintf(self->digest, sizeof self->digest, "%016llx%016llx", (unsigned long long) hash.high64,
             (unsigned long long) hash.low64);
    bool done = !text.failed;
    pbus_buf_clear(&text);
    return done;
}

static int s_compare(const void *a, const void *b)
{
    return strcmp(((const manifest_pair_t *) a)->name, ((const manifest_pair_t *) b)->name);
}

bool manifest_module_finish(manifest_module_t *self)
{
    if (self->env_count) /* so that another order of the same variables is no change */
        qsort(self->env, self->env_count, sizeof *self->env, s_compare);
    return s_finish_health(self) && s_finish_group(self) && s_digest(self);
}

/* ---- the whole --------------------------------------------------------------------------------------- */

static void s_read_settings(manifest_module_t *self, const node_t *node)
{
    node_t settings = node_object(node, "settings", true);
    if (!settings.value)
        return;
    if (self->type == MANIFEST_DOCKER)
        s_read_docker(self, &settings);
    else
        s_read_process(self, &settings);
    s_read_health(self, &settings);
}

manifest_module_t *manifest_module_read(const node_t *node, const char *name)
{
    manifest_module_t *self = calloc(1, sizeof *self);
    if (!self) {
        node_error(node, "memory is out");
        return NULL;
    }
    self->name = s_copy(node, name);
    self->version = s_copy(node, node_text(node, "version", "", false));
    self->type = (manifest_type_t) node_word(node, "type", s_types, MANIFEST_DOCKER);
    self->status = (manifest_status_t) node_word(node, "status", s_statuses, MANIFEST_RUNNING);
    self->policy = (manifest_policy_t) node_word(node, "restartPolicy", s_policies, MANIFEST_ALWAYS);
    self->pull = (manifest_pull_t) node_word(node, "imagePullPolicy", s_pulls, MANIFEST_PULL_ON_CREATE);
    self->order = (uint32_t) node_int(node, "startupOrder", 0, UINT32_MAX, MANIFEST_ORDER_LAST);
    s_read_env(self, node);
    s_read_settings(self, node);
    return self;
}

/* ---- back to a document ------------------------------------------------------------------------------ */

static void s_write_env(const manifest_module_t *self, yyjson_mut_doc *doc, yyjson_mut_val *module)
{
    yyjson_mut_val *env = yyjson_mut_obj_add_obj(doc, module, "env");
    for (size_t i = 0; env && i < self->env_count; i++) {
        yyjson_mut_val *variable = yyjson_mut_obj_add_obj(doc, env, self->env[i].name);
        yyjson_mut_obj_add_str(doc, variable, "value", self->env[i].value);
    }
}

static void s_write_health(const manifest_module_t *self, yyjson_mut_doc *doc, yyjson_mut_val *settings)
{
    yyjson_mut_val *health = yyjson_mut_obj_add_obj(doc, settings, "health");
    if (self->health == MANIFEST_HEALTH_NONE)
        yyjson_mut_obj_add_bool(doc, health, "none", true);
    else
        yyjson_mut_obj_add_str(doc, health, self->health == MANIFEST_HEALTH_HTTP ? "http" : "worker",
                               self->health_target);
}

static void s_write_settings(const manifest_module_t *self, yyjson_mut_doc *doc, yyjson_mut_val *module)
{
    yyjson_mut_val *settings = yyjson_mut_obj_add_obj(doc, module, "settings");
    if (self->type == MANIFEST_DOCKER) {
        yyjson_mut_obj_add_str(doc, settings, "image", self->image);
        yyjson_mut_obj_add_str(doc, settings, "createOptions", self->create_options);
    } else {
        yyjson_mut_val *command = yyjson_mut_obj_add_arr(doc, settings, "command");
        for (char **word = self->command; word && *word; word++)
            yyjson_mut_arr_add_str(doc, command, *word);
        if (self->working_dir)
            yyjson_mut_obj_add_str(doc, settings, "workingDir", self->working_dir);
    }
    s_write_health(self, doc, settings);
}

yyjson_mut_val *manifest_module_write(const manifest_module_t *self, yyjson_mut_doc *doc)
{
    yyjson_mut_val *module = yyjson_mut_obj(doc);
    if (!module)
        return NULL;
    yyjson_mut_obj_add_str(doc, module, "version", self->version);
    yyjson_mut_obj_add_str(doc, module, "type", manifest_type_name(self->type));
    yyjson_mut_obj_add_str(doc, module, "status", manifest_status_name(self->status));
    yyjson_mut_obj_add_str(doc, module, "restartPolicy", manifest_policy_name(self->policy));
    yyjson_mut_obj_add_uint(doc, module, "startupOrder", self->order);
    yyjson_mut_obj_add_str(doc, module, "imagePullPolicy", manifest_pull_name(self->pull));
    s_write_env(self, doc, module);
    s_write_settings(self, doc, module);
    return module;
}
