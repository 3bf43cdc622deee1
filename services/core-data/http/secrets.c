/*
 * Secrets: see secrets.h. The file is replaced as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yyjson.h>
#include "replace.h"
#include "secrets.h"
#include "text.h"

struct secrets {
    const char *path;
    pthread_mutex_t lock; /* of the file */
};

secrets_t *secrets_new(const char *path)
{
    secrets_t *self = malloc(sizeof *self);
    if (!self)
        return NULL;
    self->path = path;
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void secrets_destroy(secrets_t **self_p)
{
    if (!*self_p)
        return;
    pthread_mutex_destroy(&(*self_p)->lock);
    free(*self_p);
    *self_p = NULL;
}

/* ---- the request ------------------------------------------------------------------------------------ */

static bool s_text(yyjson_val *object, const char *key, pbus_str_t *text)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    *text = PBUS_STR("");
    if (!yyjson_is_str(value)) /* of which a length is no length of text */
        return false;
    *text = (pbus_str_t){yyjson_get_str(value), yyjson_get_len(value)};
    return text->size && pbus_str_is_text(*text);
}

/* Absent, null, or empty, or a UUID. */
static bool s_request_id(yyjson_val *root, pbus_str_t *id)
{
    yyjson_val *value = yyjson_obj_get(root, "requestId");
    *id = PBUS_STR("");
    if (!value || yyjson_is_null(value) || yyjson_equals_str(value, ""))
        return true;
    return s_text(root, "requestId", id) && text_is_lower_uuid(*id);
}

/* What is wrong with it, or NULL. */
static const char *s_check(yyjson_val *root, pbus_str_t *request_id)
{
    pbus_str_t text;
    size_t index, count;
    yyjson_val *pair, *pairs = yyjson_obj_get(root, "secretData");
    if (!yyjson_is_obj(root))
        return "the body is no JSON object";
    if (!s_text(root, "apiVersion", &text))
        return "apiVersion is required";
    if (!s_text(root, "secretName", &text) || text_is_blank(text))
        return "secretName is required";
    if (!s_request_id(root, request_id))
        return "requestId needs a uuid";
    if (!yyjson_is_arr(pairs) || yyjson_arr_size(pairs) == 0)
        return "secretData needs at least one pair of key and value";
    yyjson_arr_foreach(pairs, index, count, pair)
    {
        if (!s_text(pair, "key", &text) || !s_text(pair, "value", &text))
            return "secretData has a pair without key or value";
    }
    return NULL;
}

/* ---- the file --------------------------------------------------------------------------------------- */

/* The file's content to change; an empty object if there is no file. */
static yyjson_mut_doc *s_load(const secrets_t *self, pbus_error_t *error)
{
    yyjson_read_err fault = {0};
    if (access(self->path, F_OK) != 0 && errno == ENOENT) {
        yyjson_mut_doc *fresh = yyjson_mut_doc_new(NULL);
        yyjson_mut_doc_set_root(fresh, yyjson_mut_obj(fresh));
        return fresh;
    }
    yyjson_doc *doc = yyjson_read_file(self->path, 0, NULL, &fault);
    yyjson_mut_doc *copy = yyjson_is_obj(yyjson_doc_get_root(doc)) ? yyjson_doc_mut_copy(doc, NULL) : NULL;
    yyjson_doc_free(doc);
    if (!copy)
        pbus_fail(error, PBUS_INTERNAL, "secrets file %s (SecretStore.File) is not readable as JSON: %s",
                  self->path, fault.msg ? fault.msg : "no object");
    return copy;
}

/* ---- both ------------------------------------------------------------------------------------------- */

/* False when memory is out. */
static bool s_set(yyjson_mut_doc *doc, yyjson_val *root)
{
    size_t index, count;
    yyjson_val *pair;
    yyjson_mut_val *entry = yyjson_mut_obj(doc);
    yyjson_arr_foreach(yyjson_obj_get(root, "secretData"), index, count, pair)
    {
        yyjson_mut_val *key = yyjson_val_mut_copy(doc, yyjson_obj_get(pair, "key"));
        yyjson_mut_val *value = yyjson_val_mut_copy(doc, yyjson_obj_get(pair, "value"));
        if (!yyjson_mut_obj_put(entry, key, value))
            return false;
    }
    yyjson_mut_val *name = yyjson_val_mut_copy(doc, yyjson_obj_get(root, "secretName"));
    return yyjson_mut_obj_put(yyjson_mut_doc_get_root(doc), name, entry);
}

static pbus_status_t s_store(secrets_t *self, yyjson_val *root, pbus_error_t *error)
{
    size_t size;
    yyjson_mut_doc *doc = s_load(self, error);
    if (!doc)
        return error->status;
    char *text = s_set(doc, root) ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY, &size) : NULL;
    yyjson_mut_doc_free(doc);
    if (!text)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    pbus_status_t status = PBUS_OK;
    if (!pbus_replace_file(self->path, 0700, text, size))
        status = pbus_fail(error, PBUS_INTERNAL, "secrets file %s (SecretStore.File) can't be written: %s",
                           self->path, strerror(errno));
    explicit_bzero(text, size);
    free(text);
    return status;
}

pbus_status_t secrets_put(secrets_t *self, pbus_str_t body, pbus_buf_t *room, pbus_str_t *request_id,
                          pbus_error_t *error)
{
    yyjson_doc *doc = yyjson_read(body.data, body.size, 0);
    pbus_str_t id = PBUS_STR("");
    const char *fault = s_check(yyjson_doc_get_root(doc), &id);
    if (fault) /* what is not accepted as a whole has no id */
        id = PBUS_STR("");
    pbus_buf_append(room, id.data, id.size);
    *request_id = (pbus_str_t){(const char *) room->data, room->size};
    pbus_status_t status;
    if (fault)
        status = pbus_fail(error, PBUS_INVALID, "JSON decode failed: %s", fault);
    else {
        pthread_mutex_lock(&self->lock);
        status = s_store(self, yyjson_doc_get_root(doc), error);
        pthread_mutex_unlock(&self->lock);
    }
    yyjson_doc_free(doc);
    return status;
}
