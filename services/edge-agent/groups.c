/*
 * Groups: see groups.h. The document is kept and looked through each time: there are a handful of groups.
 */
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>
#include "groups.h"

struct groups {
    yyjson_doc *doc;
    yyjson_val *list;
};

groups_t *groups_parse(const char *json, size_t size)
{
    groups_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->doc = yyjson_read(json, size, 0);
    self->list = yyjson_obj_get(yyjson_doc_get_root(self->doc), "groups");
    if (!yyjson_is_arr(self->list))
        groups_destroy(&self);
    return self;
}

void groups_destroy(groups_t **self_p)
{
    if (!*self_p)
        return;
    yyjson_doc_free((*self_p)->doc);
    free(*self_p);
    *self_p = NULL;
}

static yyjson_val *s_find(yyjson_val *list, const char *name)
{
    size_t index, most;
    yyjson_val *item;
    yyjson_arr_foreach(list, index, most, item)
    {
        if (yyjson_equals_str(yyjson_obj_get(item, "name"), name))
            return item;
    }
    return NULL;
}

const char *groups_state(const groups_t *self, const char *group)
{
    yyjson_val *found = s_find(self->list, group);
    const char *state = yyjson_get_str(yyjson_obj_get(found, "state"));
    return found && !state ? "" : state;
}

bool groups_is_live(const groups_t *self, const char *group)
{
    const char *state = groups_state(self, group);
    return state && !strcmp(state, "LIVE");
}

static bool s_has(yyjson_val *group, const char *worker, bool *ready)
{
    yyjson_val *found = s_find(yyjson_obj_get(group, "workers"), worker);
    *ready = found && yyjson_get_bool(yyjson_obj_get(found, "ready"));
    return found;
}

bool groups_has_worker(const groups_t *self, const char *group, const char *worker, bool *ready)
{
    size_t index, most;
    yyjson_val *item;
    *ready = false;
    if (group)
        return s_has(s_find(self->list, group), worker, ready);
    yyjson_arr_foreach(self->list, index, most, item)
    {
        if (s_has(item, worker, ready))
            return true;
    }
    return false;
}
