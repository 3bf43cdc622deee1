/*
 * Docker_api: see docker_api.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>
#include "docker_api.h"
#include "environment.h"

/* ---- creating ---------------------------------------------------------------------------------------- */

static bool s_own_env(const manifest_module_t *module, yyjson_mut_val *options, environment_t *env)
{
    size_t index, most;
    yyjson_mut_val *item;
    environment_set(env, "PERSISTBUS_WORKER", module->name);
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(options, "Env"), index, most, item)
    {
        char *text = yyjson_mut_is_str(item) ? strdup(yyjson_mut_get_str(item)) : NULL;
        char *equals = text ? strchr(text, '=') : NULL;
        if (equals) {
            *equals = '\0';
            environment_set(env, text, equals + 1);
        }
        free(text);
    }
    for (size_t i = 0; i < module->env_count; i++)
        environment_set(env, module->env[i].name, module->env[i].value);
    return !environment_failed(env);
}

static bool s_put_env(const manifest_module_t *module, yyjson_mut_doc *doc, yyjson_mut_val *options)
{
    environment_t env = {0};
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    bool done = list && s_own_env(module, options, &env);
    for (char **one = environment_all(&env); done && *one; one++)
        done = yyjson_mut_arr_add_strcpy(doc, list, *one);
    environment_clear(&env);
    return done && yyjson_mut_obj_put(options, yyjson_mut_str(doc, "Env"), list);
}

static bool s_put_label(yyjson_mut_doc *doc, yyjson_mut_val *labels, const char *name, const char *value)
{
    return yyjson_mut_obj_put(labels, yyjson_mut_str(doc, name), yyjson_mut_strcpy(doc, value));
}

static bool s_put_labels(const manifest_module_t *module, const char *owner, yyjson_mut_doc *doc,
                         yyjson_mut_val *options)
{
    yyjson_mut_val *labels = yyjson_mut_obj_get(options, "Labels");
    if (!yyjson_mut_is_obj(labels)) {
        labels = yyjson_mut_obj(doc);
        if (!labels || !yyjson_mut_obj_put(options, yyjson_mut_str(doc, "Labels"), labels))
            return false;
    }
    return s_put_label(doc, labels, DOCKER_LABEL_OWNER, owner) &&
           s_put_label(doc, labels, DOCKER_LABEL_MODULE, module->name) &&
           s_put_label(doc, labels, DOCKER_LABEL_DIGEST, module->digest);
}

char *docker_api_create(const manifest_module_t *module, const char *owner)
{
    yyjson_doc *given = yyjson_read(module->create_options, strlen(module->create_options), 0);
    yyjson_mut_doc *doc = given ? yyjson_doc_mut_copy(given, NULL) : NULL;
    yyjson_mut_val *options = yyjson_mut_doc_get_root(doc);
    char *text = NULL;
    yyjson_doc_free(given);
    if (options &&
        yyjson_mut_obj_put(options, yyjson_mut_str(doc, "Image"), yyjson_mut_str(doc, module->image)) &&
        s_put_env(module, doc, options) && s_put_labels(module, owner, doc, options))
        text = yyjson_mut_write(doc, 0, NULL);
    yyjson_mut_doc_free(doc);
    return text;
}

/* ---- registries -------------------------------------------------------------------------------------- */

void docker_api_registry(const char *image, char *registry, size_t size)
{
    size_t length = strcspn(image, "/");
    bool named = image[length] == '/' && (memchr(image, '.', length) || memchr(image, ':', length) ||
                                          !strncmp(image, "localhost/", sizeof "localhost"));
    snprintf(registry, size, "%.*s", named ? (int) length : 9, named ? image : "docker.io");
}

bool docker_api_is_untagged(const char *image)
{
    const char *slash = strrchr(image, '/');
    return !strpbrk(slash ? slash : image, ":@");
}

/* RFC 4648's base64 for URLs, as the header wants it, with padding. */
static char *s_base64url(const char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = malloc((size + 2) / 3 * 4 + 1), *to = text;
    for (size_t i = 0; text && i < size; i += 3) {
        size_t left = size - i;
        unsigned word = (unsigned) (unsigned char) data[i] << 16;
        word |= left > 1 ? (unsigned) (unsigned char) data[i + 1] << 8 : 0;
        word |= left > 2 ? (unsigned) (unsigned char) data[i + 2] : 0;
        *to++ = digits[word >> 18];
        *to++ = digits[word >> 12 & 63];
        *to++ = left > 1 ? digits[word >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[word & 63] : '=';
    }
    if (text)
        *to = '\0';
    return text;
}

char *docker_api_auth(const manifest_registry_t *registry)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    char *header = NULL;
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "username", registry->username);
    yyjson_mut_obj_add_str(doc, root, "password", registry->password);
    yyjson_mut_obj_add_str(doc, root, "serveraddress", registry->address);
    char *json = root ? yyjson_mut_write(doc, 0, NULL) : NULL;
    char *coded = json ? s_base64url(json, strlen(json)) : NULL;
    if (!coded || asprintf(&header, "X-Registry-Auth: %s", coded) < 0)
        header = NULL;
    free(coded);
    free(json);
    yyjson_mut_doc_free(doc);
    return header;
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static void s_copy(char *to, size_t size, yyjson_val *value)
{
    const char *text = yyjson_get_str(value);
    snprintf(to, size, "%s", text ? text : "");
}

static void s_labels(yyjson_val *labels, docker_container_t *container)
{
    s_copy(container->owner, sizeof container->owner, yyjson_obj_get(labels, DOCKER_LABEL_OWNER));
    s_copy(container->module, sizeof container->module, yyjson_obj_get(labels, DOCKER_LABEL_MODULE));
    s_copy(container->digest, sizeof container->digest, yyjson_obj_get(labels, DOCKER_LABEL_DIGEST));
}

bool docker_api_inspected(const char *json, size_t size, docker_container_t *container)
{
    yyjson_doc *doc = yyjson_read(json, size, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *state = yyjson_obj_get(root, "State");
    yyjson_val *health = yyjson_obj_get(yyjson_obj_get(state, "Health"), "Status");
    *container = (docker_container_t){0};
    s_copy(container->id, sizeof container->id, yyjson_obj_get(root, "Id"));
    s_labels(yyjson_obj_get(yyjson_obj_get(root, "Config"), "Labels"), container);
    container->running = yyjson_get_bool(yyjson_obj_get(state, "Running"));
    container->exit_status = yyjson_get_int(yyjson_obj_get(state, "ExitCode"));
    container->healthy = yyjson_equals_str(health, "healthy");
    container->unhealthy = yyjson_equals_str(health, "unhealthy");
    container->has_health =
        container->healthy || container->unhealthy || yyjson_equals_str(health, "starting");
    yyjson_doc_free(doc);
    return state && container->id[0];
}

struct docker_list {
    yyjson_doc *doc;
    yyjson_arr_iter iter;
};

docker_list_t *docker_api_listed(const char *json, size_t size)
{
    docker_list_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->doc = yyjson_read(json, size, 0);
    if (!yyjson_arr_iter_init(yyjson_doc_get_root(self->doc), &self->iter))
        docker_list_destroy(&self);
    return self;
}

void docker_list_destroy(docker_list_t **self_p)
{
    if (!*self_p)
        return;
    yyjson_doc_free((*self_p)->doc);
    free(*self_p);
    *self_p = NULL;
}

bool docker_list_next(docker_list_t *self, docker_container_t *container)
{
    yyjson_val *item = yyjson_arr_iter_next(&self->iter);
    *container = (docker_container_t){0};
    if (!item)
        return false;
    s_copy(container->id, sizeof container->id, yyjson_obj_get(item, "Id"));
    s_labels(yyjson_obj_get(item, "Labels"), container);
    container->running = yyjson_equals_str(yyjson_obj_get(item, "State"), "running");
    return true;
}

static void s_take_message(const char *json, size_t size, char *text, size_t text_size)
{
    yyjson_doc *doc = yyjson_read(json, size, YYJSON_READ_STOP_WHEN_DONE);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *message = yyjson_get_str(yyjson_obj_get(root, "message"));
    const char *error = yyjson_get_str(yyjson_obj_get(root, "error"));
    const char *found = error ? error : message;
    if (found && *found)
        snprintf(text, text_size, "%s", found);
    yyjson_doc_free(doc);
}

void docker_api_message(const char *body, size_t size, const char *fallback, char *text, size_t text_size)
{
    const char *end = body + size;
    snprintf(text, text_size, "%s", fallback);
    while (body < end) {
        const char *newline = memchr(body, '\n', (size_t) (end - body));
        const char *stop = newline ? newline : end;
        s_take_message(body, (size_t) (stop - body), text, text_size);
        body = stop + 1;
    }
    text[strcspn(text, "\r\n")] = '\0';
}

bool docker_api_id(const char *json, size_t size, char *id, size_t id_size)
{
    yyjson_doc *doc = yyjson_read(json, size, 0);
    s_copy(id, id_size, yyjson_obj_get(yyjson_doc_get_root(doc), "Id"));
    yyjson_doc_free(doc);
    return id[0] != '\0';
}

bool docker_api_status(const char *json, size_t size, int *status)
{
    yyjson_doc *doc = yyjson_read(json, size, 0);
    yyjson_val *code = yyjson_obj_get(yyjson_doc_get_root(doc), "StatusCode");
    *status = (int) yyjson_get_sint(code);
    bool is = yyjson_is_int(code);
    yyjson_doc_free(doc);
    return is;
}
