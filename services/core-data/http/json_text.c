/*
 * JSON text: see json_text.h.
 */
#include <stdlib.h>
#include <string.h>
#include "json_text.h"
#include "number.h"

/* ---- strings ---------------------------------------------------------------------------------------- */

/* What must not be copied as it is: what JSON itself forbids in a string, and what EdgeX escapes besides. */
#define NEEDED 1
#define STYLE 2
#define CHECKED 4 /* not ASCII: look closer */

static uint8_t s_class(uint8_t byte)
{
    if (byte >= 0x80)
        return CHECKED;
    if (byte < 0x20 || byte == '"' || byte == '\\')
        return NEEDED;
    return byte == '<' || byte == '>' || byte == '&' ? STYLE : 0;
}

static void s_escape_code(pbus_buf_t *out, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', hex[code >> 12], hex[code >> 8 & 15], hex[code >> 4 & 15], hex[code & 15]};
    pbus_buf_append(out, text, sizeof text);
}

static void s_escape_ascii(pbus_buf_t *out, uint8_t byte)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char to[] = "\"\\nrtbf";
    const char *at = byte ? strchr(from, byte) : NULL;
    if (!at) {
        s_escape_code(out, byte);
        return;
    }
    char text[2] = {'\\', to[at - from]};
    pbus_buf_append(out, text, sizeof text);
}

/* Bytes of the UTF-8 sequence at p, 0 if it is none. */
static size_t s_sequence(const uint8_t *p, size_t left)
{
    size_t size = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;
    if (size > left || !pbus_str_is_text((pbus_str_t){(const char *) p, size}))
        return 0;
    return size;
}

static bool s_is_separator(const uint8_t *p, size_t size)
{
    return size == 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9);
}

/* Copies text, escaping the classes of `escaped`. */
static void s_write(pbus_buf_t *out, pbus_str_t text, uint8_t escaped)
{
    if (text.size == 0) /* of which data may be NULL */
        return;
    const uint8_t *p = (const uint8_t *) text.data;
    const uint8_t *end = p + text.size;
    const uint8_t *run = p; /* from here on nothing is written yet */
    while (p < end) {
        uint8_t class = s_class(*p);
        if (!(class & (escaped | CHECKED))) {
            p++;
            continue;
        }
        size_t size = class == CHECKED ? s_sequence(p, (size_t) (end - p)) : 1;
        if (class == CHECKED && size && !((escaped & STYLE) && s_is_separator(p, size))) {
            p += size;
            continue;
        }
        pbus_buf_append(out, run, (size_t) (p - run));
        if (size == 0)
            s_escape_code(out, 0xFFFD);
        else if (size == 3)
            s_escape_code(out, 0x2000u | (p[2] & 0x3Fu));
        else if (class == STYLE)
            s_escape_code(out, *p);
        else
            s_escape_ascii(out, *p);
        p += size ? size : 1;
        run = p;
    }
    pbus_buf_append(out, run, (size_t) (p - run));
}

void json_string(pbus_buf_t *out, pbus_str_t text)
{
    pbus_buf_append(out, "\"", 1);
    s_write(out, text, NEEDED | STYLE);
    pbus_buf_append(out, "\"", 1);
}

void json_splice(pbus_buf_t *out, pbus_str_t json)
{
    s_write(out, json, STYLE);
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static void *s_malloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void *s_realloc(void *arena, void *piece, size_t old_size, size_t size)
{
    return arena_resize(arena, piece, old_size, size);
}

/* The arena takes everything back at once. */
static void s_free(void *arena, void *piece)
{
    (void) arena;
    (void) piece;
}

yyjson_alc json_memory(arena_t *arena)
{
    return (yyjson_alc){s_malloc, s_realloc, s_free, arena};
}

bool json_is_valid(pbus_str_t text)
{
    yyjson_doc *doc = yyjson_read(text.data, text.size, YYJSON_READ_NUMBER_AS_RAW);
    bool valid = doc != NULL;
    yyjson_doc_free(doc);
    return valid;
}

/* ---- canonical values ------------------------------------------------------------------------------- */

typedef struct {
    yyjson_val *key;
    yyjson_val *value;
    size_t place;
} member_t;

typedef struct {
    pbus_buf_t *out;
    arena_t *arena;
    const char *fault;
} writer_t;

static bool s_value(writer_t *self, yyjson_val *value, int depth);

static bool s_fault(writer_t *self, const char *fault)
{
    self->fault = fault;
    return false;
}

static pbus_str_t s_text(yyjson_val *value)
{
    return (pbus_str_t){yyjson_get_str(value), yyjson_get_len(value)};
}

static bool s_string(writer_t *self, yyjson_val *value)
{
    pbus_str_t text = s_text(value);
    if (memchr(text.data, '\0', text.size))
        return s_fault(self, "has a NUL character");
    pbus_buf_append(self->out, "\"", 1);
    s_write(self->out, text, NEEDED);
    pbus_buf_append(self->out, "\"", 1);
    return true;
}

static bool s_number(writer_t *self, yyjson_val *value)
{
    pbus_str_t text = {yyjson_get_raw(value), yyjson_get_len(value)};
    char room[NUMBER_TEXT];
    size_t size;
    int64_t whole;
    uint64_t large;
    decimal_t decimal;
    if (number_int(text, &whole))
        size = number_write_int(whole, room);
    else if (number_uint(text, &large))
        size = number_write_uint(large, room);
    else if (decimal_parse(&decimal, text) && decimal_to_float64(&decimal))
        size = decimal_write_json(&decimal, room);
    else
        return s_fault(self, "has a number beyond 64-bit floating point");
    pbus_buf_append(self->out, room, size);
    return true;
}

static bool s_array(writer_t *self, yyjson_val *value, int depth)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(value);
    yyjson_val *item;
    const char *before = "[";
    while ((item = yyjson_arr_iter_next(&iter))) {
        pbus_buf_append(self->out, before, 1);
        before = ",";
        if (!s_value(self, item, depth))
            return false;
    }
    pbus_buf_puts(self->out, *before == '[' ? "[]" : "]");
    return true;
}

static int s_compare(const void *a, const void *b)
{
    const member_t *one = a, *other = b;
    int order = pbus_str_cmp(s_text(one->key), s_text(other->key));
    if (order == 0)
        order = one->place < other->place ? -1 : 1;
    return order;
}

static bool s_member(writer_t *self, const member_t *member, const char *before, int depth)
{
    pbus_buf_append(self->out, before, 1);
    if (!s_string(self, member->key))
        return false;
    pbus_buf_append(self->out, ":", 1);
    return s_value(self, member->value, depth);
}

static bool s_object(writer_t *self, yyjson_val *value, int depth)
{
    size_t count = yyjson_obj_size(value);
    if (count == 0) {
        pbus_buf_puts(self->out, "{}");
        return true;
    }
    member_t *members = arena_alloc(self->arena, count * sizeof *members);
    if (!members)
        return s_fault(self, "does not fit into memory");
    yyjson_obj_iter iter = yyjson_obj_iter_with(value);
    for (size_t i = 0; i < count; i++) {
        yyjson_val *key = yyjson_obj_iter_next(&iter);
        members[i] = (member_t){key, yyjson_obj_iter_get_val(key), i};
    }
    qsort(members, count, sizeof *members, s_compare);
    const char *before = "{";
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && pbus_str_eq(s_text(members[i].key), s_text(members[i + 1].key)))
            continue;
        if (!s_member(self, &members[i], before, depth))
            return false;
        before = ",";
    }
    pbus_buf_append(self->out, "}", 1);
    return true;
}

static bool s_value(writer_t *self, yyjson_val *value, int depth)
{
    if (yyjson_is_str(value))
        return s_string(self, value);
    if (yyjson_is_raw(value))
        return s_number(self, value);
    if (yyjson_is_null(value) || yyjson_is_bool(value)) {
        pbus_buf_puts(self->out, yyjson_is_null(value) ? "null" : yyjson_is_true(value) ? "true" : "false");
        return true;
    }
    if (depth == JSON_DEPTH)
        return s_fault(self, "is nested too deep");
    return yyjson_is_arr(value) ? s_array(self, value, depth + 1) : s_object(self, value, depth + 1);
}

bool json_canonical(pbus_buf_t *out, yyjson_val *value, arena_t *arena, const char **fault)
{
    writer_t writer = {out, arena, NULL};
    bool done = s_value(&writer, value, 0);
    if (done && out->failed)
        done = s_fault(&writer, "does not fit into memory");
    *fault = writer.fault;
    return done;
}
