/*
 * Jsonfile: see jsonfile.h. The document is parsed inside a copy of the text, where a key's characters begin
 * at the offset that they have in the source; that gives the line.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "jsonfile.h"
#include "loadfile.h"

struct jsonfile {
    char *name;
    char *source;
    char *parsed; /* the same with strings unescaped in place */
    size_t size;
    yyjson_doc *doc;
    bool without_lines;
};

void jsonfile_destroy(jsonfile_t **self_p)
{
    jsonfile_t *self = *self_p;
    if (!self)
        return;
    yyjson_doc_free(self->doc);
    free(self->parsed);
    free(self->source);
    free(self->name);
    free(self);
    *self_p = NULL;
}

const char *jsonfile_name(const jsonfile_t *self)
{
    return self->name;
}

yyjson_val *jsonfile_root(const jsonfile_t *self)
{
    return yyjson_doc_get_root(self->doc);
}

void jsonfile_hide_lines(jsonfile_t *self)
{
    self->without_lines = true;
}

/* ---- telling where ---------------------------------------------------------------------------------- */

static void s_write_token(pbus_buf_t *out, const char *token)
{
    for (; *token; token++) {
        if (*token == '~')
            pbus_buf_puts(out, "~0");
        else if (*token == '/')
            pbus_buf_puts(out, "~1");
        else if ((unsigned char) *token < ' ') /* keeps a line one line */
            pbus_buf_printf(out, "\\x%02x", (unsigned char) *token);
        else
            pbus_buf_append(out, token, 1);
    }
}

void place_write(const place_t *place, pbus_buf_t *out)
{
    if (!place)
        return;
    place_write(place->up, out);
    pbus_buf_puts(out, "/");
    if (place->key)
        s_write_token(out, yyjson_get_str(place->key));
    else
        pbus_buf_printf(out, "%zu", place->index);
}

static void s_write_position(const jsonfile_t *self, const place_t *place, pbus_buf_t *out)
{
    size_t line, column, character;
    while (place && !place->key)
        place = place->up;
    if (!place || self->without_lines)
        return;
    size_t offset = (size_t) (yyjson_get_str(place->key) - self->parsed) - 1; /* of the quote */
    if (yyjson_locate_pos(self->source, self->size, offset, &line, &column, &character))
        pbus_buf_printf(out, ":%zu:%zu", line, column);
}

/* Writes FILE:LINE:COLUMN: PATH, terminated; buf is the caller's to clear. */
static const char *s_where(const jsonfile_t *self, const place_t *place, pbus_buf_t *buf)
{
    pbus_buf_puts(buf, self->name);
    s_write_position(self, place, buf);
    if (place)
        pbus_buf_puts(buf, ": ");
    place_write(place, buf);
    pbus_buf_append(buf, "", 1);
    return buf->failed ? self->name : (const char *) buf->data;
}

typedef void(s_tell_t)(problems_t *problems, const char *where, const char *format, ...);

static void s_tell(s_tell_t *tell, const jsonfile_t *self, const place_t *place, problems_t *problems,
                   const char *format, va_list arguments)
{
    pbus_buf_t where = {0};
    char *text = NULL;
    if (!problems)
        return;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    tell(problems, s_where(self, place, &where), "%s", text ? text : "memory is out");
    free(text);
    pbus_buf_clear(&where);
}

void jsonfile_error(const jsonfile_t *self, const place_t *place, problems_t *problems, const char *format,
                    ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_tell(problems_error, self, place, problems, format, arguments);
    va_end(arguments);
}

void jsonfile_warn(const jsonfile_t *self, const place_t *place, problems_t *problems, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_tell(problems_warn, self, place, problems, format, arguments);
    va_end(arguments);
}

/* ---- what no document may have ---------------------------------------------------------------------- */

static bool s_check(const jsonfile_t *self, yyjson_val *value, const place_t *place, size_t depth,
                    problems_t *problems);

static bool s_has_nul(yyjson_val *text)
{
    return memchr(yyjson_get_str(text), 0, yyjson_get_len(text)) != NULL;
}

static int s_compare_keys(const void *a, const void *b)
{
    yyjson_val *const *left = a, *const *right = b;
    const char *l = yyjson_get_str(*left), *r = yyjson_get_str(*right);
    int order = strcmp(l, r);
    return order ? order : (l > r) - (l < r); /* of the same the one that comes first */
}

/* Sorted, equal keys are neighbours. */
static bool s_check_unique(const jsonfile_t *self, yyjson_val *object, const place_t *place,
                           problems_t *problems)
{
    size_t index, count, n = 0;
    yyjson_val *key, *value;
    yyjson_val **keys = malloc((yyjson_obj_size(object) + 1) * sizeof *keys);
    if (!keys) {
        jsonfile_error(self, place, problems, "memory is out");
        return false;
    }
    yyjson_obj_foreach(object, index, count, key, value) keys[n++] = key;
    qsort(keys, n, sizeof *keys, s_compare_keys);
    bool unique = true;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(yyjson_get_str(keys[i - 1]), yyjson_get_str(keys[i])) != 0)
            continue;
        place_t here = {place, keys[i], 0};
        jsonfile_error(self, &here, problems, "is there twice: rename or remove one of them");
        unique = false;
    }
    free(keys);
    return unique;
}

static bool s_check_object(const jsonfile_t *self, yyjson_val *object, const place_t *place, size_t depth,
                           problems_t *problems)
{
    size_t index, count;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, index, count, key, value)
    {
        place_t here = {place, key, 0};
        if (s_has_nul(key)) {
            jsonfile_error(self, &here, problems, "the name holds a NUL character: remove \\u0000");
            return false;
        }
        if (!s_check(self, value, &here, depth + 1, problems))
            return false;
    }
    return s_check_unique(self, object, place, problems);
}

static bool s_check_array(const jsonfile_t *self, yyjson_val *array, const place_t *place, size_t depth,
                          problems_t *problems)
{
    size_t index, count;
    yyjson_val *value;
    yyjson_arr_foreach(array, index, count, value)
    {
        place_t here = {place, NULL, index};
        if (!s_check(self, value, &here, depth + 1, problems))
            return false;
    }
    return true;
}

static bool s_check(const jsonfile_t *self, yyjson_val *value, const place_t *place, size_t depth,
                    problems_t *problems)
{
    if (depth > JSONFILE_DEPTH) {
        jsonfile_error(self, NULL, problems, "is nested deeper than %d levels", JSONFILE_DEPTH);
        return false;
    }
    if (yyjson_is_obj(value))
        return s_check_object(self, value, place, depth, problems);
    if (yyjson_is_arr(value))
        return s_check_array(self, value, place, depth, problems);
    if (yyjson_is_str(value) && s_has_nul(value)) {
        jsonfile_error(self, place, problems, "holds a NUL character: remove \\u0000");
        return false;
    }
    return true;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static void s_tell_broken(const jsonfile_t *self, const yyjson_read_err *fault, problems_t *problems)
{
    size_t line = 1, column = 1, character;
    char *where = NULL;
    yyjson_locate_pos(self->source, self->size, fault->pos, &line, &column, &character);
    if (asprintf(&where, "%s:%zu:%zu", self->name, line, column) < 0)
        where = NULL;
    problems_error(problems, where ? where : self->name, "this is no JSON: %s", fault->msg);
    free(where);
}

static jsonfile_t *s_new(const char *name, const void *data, size_t size)
{
    jsonfile_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->size = size;
    self->name = strdup(name);
    self->source = malloc(size + 1);
    self->parsed = calloc(1, size + YYJSON_PADDING_SIZE);
    if (!self->name || !self->source || !self->parsed) {
        jsonfile_destroy(&self);
        return NULL;
    }
    if (size) {
        memcpy(self->source, data, size);
        memcpy(self->parsed, data, size);
    }
    return self;
}

jsonfile_t *jsonfile_parse(const char *name, const void *data, size_t size, problems_t *problems)
{
    yyjson_read_err fault = {0};
    jsonfile_t *self = s_new(name, data, size);
    if (!self) {
        problems_error(problems, name, "memory is out");
        return NULL;
    }
    if (size == 0)
        problems_error(problems, name, "the file is empty; it has to hold a JSON object");
    else {
        self->doc = yyjson_read_opts(self->parsed, size, YYJSON_READ_INSITU, NULL, &fault);
        if (!self->doc)
            s_tell_broken(self, &fault, problems);
        else if (s_check(self, jsonfile_root(self), NULL, 0, problems))
            return self;
    }
    jsonfile_destroy(&self);
    return NULL;
}

jsonfile_t *jsonfile_read(const char *path, problems_t *problems)
{
    pbus_buf_t text = {0};
    jsonfile_t *self = NULL;
    if (loadfile(path, JSONFILE_SIZE, &text, problems))
        self = jsonfile_parse(path, text.data, text.size, problems);
    pbus_buf_clear(&text);
    return self;
}
