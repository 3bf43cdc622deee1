/*
 * Node: see node.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "node.h"

node_t node_root(const jsonfile_t *file, problems_t *problems)
{
    return (node_t){.file = file, .problems = problems, .root = true, .value = jsonfile_root(file)};
}

static const place_t *s_place(const node_t *self)
{
    return self->root ? NULL : &self->place;
}

node_t node_member(const node_t *self, yyjson_val *key)
{
    return (node_t){.file = self->file,
                    .problems = self->problems,
                    .place = {.up = s_place(self), .key = key},
                    .value = yyjson_obj_iter_get_val(key)};
}

node_t node_element(const node_t *self, size_t index, yyjson_val *value)
{
    return (node_t){.file = self->file,
                    .problems = self->problems,
                    .place = {.up = s_place(self), .index = index},
                    .value = value};
}

node_t node_child(const node_t *self, const char *name)
{
    yyjson_obj_iter all;
    yyjson_val *key;
    if (yyjson_obj_iter_init(self->value, &all))
        while ((key = yyjson_obj_iter_next(&all)))
            if (yyjson_equals_str(key, name))
                return node_member(self, key);
    return (node_t){.file = self->file, .problems = self->problems, .place = {.up = s_place(self)}};
}

void node_error(const node_t *self, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jsonfile_error(self->file, s_place(self), self->problems, "%s", text);
}

void node_warn(const node_t *self, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jsonfile_warn(self->file, s_place(self), self->problems, "%s", text);
}

node_t node_object(const node_t *self, const char *key, bool needed)
{
    node_t child = node_child(self, key);
    if (!child.value) {
        if (needed)
            node_error(self, "'%s' is missing: give an object", key);
    } else if (!yyjson_is_obj(child.value)) {
        node_error(&child, "this is no object");
        child.value = NULL;
    }
    return child;
}

const char *node_text(const node_t *self, const char *key, const char *fallback, bool needed)
{
    node_t child = node_child(self, key);
    if (!child.value) {
        if (needed)
            node_error(self, "'%s' is missing: give a text", key);
        return fallback;
    }
    if (yyjson_is_str(child.value))
        return yyjson_get_str(child.value);
    node_error(&child, "this is no text");
    return fallback;
}

static void s_list(const char *const *words, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (; *words && used < size; words++)
        used += (size_t) snprintf(text + used, size - used, "%s%s", used ? ", " : "", *words);
}

int node_word(const node_t *self, const char *key, const char *const *words, int fallback)
{
    char list[200];
    node_t child = node_child(self, key);
    if (!child.value)
        return fallback;
    for (int i = 0; words[i]; i++)
        if (yyjson_equals_str(child.value, words[i]))
            return i;
    s_list(words, list, sizeof list);
    node_error(&child, "this is none of: %s", list);
    return fallback;
}

/* A number, or a text that is one: both are met in manifests. */
static bool s_number(yyjson_val *value, int64_t *number)
{
    const char *text = yyjson_get_str(value);
    char *end;
    if (yyjson_is_int(value)) {
        *number = yyjson_get_sint(value);
        return !yyjson_is_uint(value) || yyjson_get_uint(value) <= INT64_MAX;
    }
    if (!text || !*text || strlen(text) > 18)
        return false;
    *number = strtoll(text, &end, 10);
    return *end == '\0';
}

int64_t node_int(const node_t *self, const char *key, int64_t min, int64_t max, int64_t fallback)
{
    int64_t number;
    node_t child = node_child(self, key);
    if (!child.value)
        return fallback;
    if (s_number(child.value, &number) && number >= min && number <= max)
        return number;
    node_error(&child, "this is no whole number from %lld to %lld", (long long) min, (long long) max);
    return fallback;
}
