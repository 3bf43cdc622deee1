/*
 * Both ways go through one writer, which notes on its way what jsonb would not give back as it was.
 */
#include "pg_json.h"

#include <yyjson.h>

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 200         /* nested arrays and objects; keeps our stack and the server's small */
#define DIGITS_MAX 300        /* of a number kept as it is */
#define EXPONENT_DIGITS_MAX 3 /* jsonb writes an exponent out in zeros */

typedef struct {
    pbus_buf_t *out;
    bool differs;
    bool foreign;
} s_writer_t;

typedef struct {
    pbus_str_t key;
    yyjson_val *value;
} s_member_t;

static void s_value(s_writer_t *self, yyjson_val *value, int depth);

static pbus_str_t s_text(yyjson_val *value)
{
    return (pbus_str_t){yyjson_get_str(value), yyjson_get_len(value)};
}

/* As the server escapes: what JSON demands, and in the same way. */
static void s_escape(s_writer_t *self, char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    if (c == '\0')
        self->foreign = true;
    if (found)
        pbus_buf_append(self->out, (const char[]){'\\', to[found - from]}, 2);
    else
        pbus_buf_printf(self->out, "\\u%04x", (unsigned char) c);
}

static void s_string(s_writer_t *self, pbus_str_t text)
{
    size_t start = 0;
    pbus_buf_append(self->out, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char) text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        pbus_buf_append(self->out, text.data + start, i - start);
        s_escape(self, text.data[i]);
        start = i + 1;
    }
    pbus_buf_append(self->out, text.data + start, text.size - start);
    pbus_buf_append(self->out, "\"", 1);
}

/* The parser has seen to the grammar; here it is about what type numeric makes of it. */
static void s_number(s_writer_t *self, pbus_str_t text)
{
    size_t mantissa = 0;
    bool zero = true;
    for (; mantissa < text.size && (text.data[mantissa] | 0x20) != 'e'; mantissa++)
        if (text.data[mantissa] >= '1' && text.data[mantissa] <= '9')
            zero = false;
    size_t exponent = text.size - mantissa;
    if (exponent || (zero && text.size && text.data[0] == '-'))
        self->differs = true;
    if (mantissa > DIGITS_MAX || exponent > EXPONENT_DIGITS_MAX + 2) /* the letter and a sign */
        self->foreign = true;
    pbus_buf_append(self->out, text.data, text.size);
}

static void s_array(s_writer_t *self, yyjson_val *value, int depth)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(value);
    yyjson_val *item;
    size_t count = 0;
    pbus_buf_append(self->out, "[", 1);
    while ((item = yyjson_arr_iter_next(&iter))) {
        pbus_buf_append(self->out, ",", count++ ? 1 : 0);
        s_value(self, item, depth);
    }
    pbus_buf_append(self->out, "]", 1);
}

static int s_compare(const void *a, const void *b)
{
    return pbus_str_cmp(((const s_member_t *) a)->key, ((const s_member_t *) b)->key);
}

static void s_members(s_writer_t *self, const s_member_t *members, size_t count, int depth)
{
    pbus_buf_append(self->out, "{", 1);
    for (size_t i = 0; i < count; i++) {
        if (i && pbus_str_eq(members[i - 1].key, members[i].key))
            self->differs = true; /* jsonb keeps one of them */
        pbus_buf_append(self->out, ",", i ? 1 : 0);
        s_string(self, members[i].key);
        pbus_buf_append(self->out, ":", 1);
        s_value(self, members[i].value, depth);
    }
    pbus_buf_append(self->out, "}", 1);
}

static void s_object(s_writer_t *self, yyjson_val *value, int depth)
{
    size_t count = 0, size = yyjson_obj_size(value);
    s_member_t *members = malloc((size ? size : 1) * sizeof *members);
    if (!members) {
        self->out->failed = true;
        return;
    }
    yyjson_obj_iter iter = yyjson_obj_iter_with(value);
    yyjson_val *key;
    while ((key = yyjson_obj_iter_next(&iter)))
        members[count++] = (s_member_t){s_text(key), yyjson_obj_iter_get_val(key)};
    qsort(members, count, sizeof *members, s_compare);
    s_members(self, members, count, depth);
    free(members);
}

static void s_value(s_writer_t *self, yyjson_val *value, int depth)
{
    if (depth == DEPTH_MAX)
        self->foreign = true;
    if (self->foreign)
        return;
    if (yyjson_is_obj(value))
        s_object(self, value, depth + 1);
    else if (yyjson_is_arr(value))
        s_array(self, value, depth + 1);
    else if (yyjson_is_str(value))
        s_string(self, s_text(value));
    else if (yyjson_is_raw(value))
        s_number(self, (pbus_str_t){yyjson_get_raw(value), yyjson_get_len(value)});
    else if (yyjson_is_bool(value))
        pbus_buf_puts(self->out, yyjson_get_bool(value) ? "true" : "false");
    else
        pbus_buf_puts(self->out, "null");
}

static void s_write(s_writer_t *self, pbus_str_t text)
{
    yyjson_doc *doc = yyjson_read(text.data, text.size, YYJSON_READ_NUMBER_AS_RAW);
    if (doc)
        s_value(self, yyjson_doc_get_root(doc), 0);
    else
        self->foreign = true;
    yyjson_doc_free(doc);
}

pg_json_kind_t pg_json_examine(pbus_str_t text, pbus_buf_t *out)
{
    s_writer_t writer = {.out = out};
    size_t start = out->size;
    s_write(&writer, text);
    if (writer.foreign) {
        out->size = start;
        return PG_JSON_FOREIGN;
    }
    bool same = !writer.differs && out->size - start == text.size &&
                (text.size == 0 || memcmp(out->data + start, text.data, text.size) == 0);
    return same ? PG_JSON_SAME : PG_JSON_DIFFERS;
}

bool pg_json_restore(pbus_str_t text, pbus_buf_t *out)
{
    s_writer_t writer = {.out = out};
    s_write(&writer, text);
    return !writer.foreign;
}
