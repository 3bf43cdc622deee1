#include "jsonbson.h"
#include "number.h"

#include <yyjson.h>

#include <string.h>

#define DEPTH_MAX 32 /* MongoDB takes 100 levels, FerretDB 179 */

/* ---- BSON to JSON ------------------------------------------------------------------------------- */

static void s_escape(pbus_buf_t *out, char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        pbus_buf_append(out, (const char[]){'\\', to[found - from]}, 2);
    else
        pbus_buf_printf(out, "\\u%04x", (unsigned char) c);
}

static void s_write_string(pbus_buf_t *out, const char *text, size_t size)
{
    pbus_buf_append(out, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char) text[i] < 0x20 || text[i] == '"' || text[i] == '\\') {
            pbus_buf_append(out, text + start, i - start);
            s_escape(out, text[i]);
            start = i + 1;
        }
    pbus_buf_append(out, text + start, size - start);
    pbus_buf_append(out, "\"", 1);
}

static bool s_write_double(pbus_buf_t *out, double number)
{
    char text[NUMBER_TEXT];
    size_t size = number_json(number, text);
    pbus_buf_append(out, text, size);
    return size > 0;
}

static bool s_write_value(pbus_buf_t *out, const bson_iter_t *iter, int depth);

static bool s_write_members(pbus_buf_t *out, const bson_iter_t *iter, bool is_array, int depth)
{
    bson_iter_t item;
    if (depth == 0 || !bson_iter_recurse(iter, &item))
        return false;
    const char *before = is_array ? "[" : "{";
    bool any = false;
    while (bson_iter_next(&item)) {
        pbus_buf_append(out, any ? "," : before, 1);
        any = true;
        if (!is_array) {
            s_write_string(out, bson_iter_key(&item), bson_iter_key_len(&item));
            pbus_buf_append(out, ":", 1);
        }
        if (!s_write_value(out, &item, depth - 1))
            return false;
    }
    if (!any)
        pbus_buf_append(out, before, 1);
    pbus_buf_append(out, is_array ? "]" : "}", 1);
    return true;
}

static bool s_write_value(pbus_buf_t *out, const bson_iter_t *iter, int depth)
{
    uint32_t size;
    switch (bson_iter_type(iter)) {
    case BSON_TYPE_DOCUMENT:
        return s_write_members(out, iter, false, depth);
    case BSON_TYPE_ARRAY:
        return s_write_members(out, iter, true, depth);
    case BSON_TYPE_UTF8: {
        const char *text = bson_iter_utf8(iter, &size);
        s_write_string(out, text, size);
        return true;
    }
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        pbus_buf_printf(out, "%lld", (long long) bson_iter_as_int64(iter));
        return true;
    case BSON_TYPE_DOUBLE:
        return s_write_double(out, bson_iter_double(iter));
    case BSON_TYPE_BOOL:
        pbus_buf_puts(out, bson_iter_bool(iter) ? "true" : "false");
        return true;
    case BSON_TYPE_NULL:
        pbus_buf_puts(out, "null");
        return true;
    default:
        return false;
    }
}

bool jsonbson_write(pbus_buf_t *out, const bson_iter_t *iter)
{
    return s_write_value(out, iter, DEPTH_MAX + 1) && !out->failed;
}

/* ---- JSON to BSON ------------------------------------------------------------------------------- */

static bool s_append(bson_t *parent, const char *key, int key_size, yyjson_val *value, int depth);

/* '$' and '.' mean something in queries; "_id" is moved to the front by some servers. */
static bool s_is_plain_key(const char *key, size_t size)
{
    return size > 0 && key[0] != '$' && !memchr(key, '.', size) && !memchr(key, '\0', size) &&
           !(size == 3 && memcmp(key, "_id", 3) == 0);
}

static bool s_is_after(yyjson_val *key, yyjson_val *before)
{
    return !before || pbus_str_cmp((pbus_str_t){yyjson_get_str(before), yyjson_get_len(before)},
                                   (pbus_str_t){yyjson_get_str(key), yyjson_get_len(key)}) < 0;
}

/* Keys have to be sorted, as those from core-data are: so there are no duplicates, which servers refuse. */
static bool s_append_object(bson_t *parent, const char *key, int key_size, yyjson_val *object, int depth)
{
    bson_t child;
    if (!bson_append_document_begin(parent, key, key_size, &child))
        return false;
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *name, *before = NULL;
    bool done = true;
    while (done && (name = yyjson_obj_iter_next(&iter))) {
        const char *text = yyjson_get_str(name);
        size_t size = yyjson_get_len(name);
        done = s_is_plain_key(text, size) && s_is_after(name, before) &&
               s_append(&child, text, (int) size, yyjson_obj_iter_get_val(name), depth);
        before = name;
    }
    return bson_append_document_end(parent, &child) && done;
}

static bool s_append_array(bson_t *parent, const char *key, int key_size, yyjson_val *array, int depth)
{
    bson_t child;
    if (!bson_append_array_begin(parent, key, key_size, &child))
        return false;
    yyjson_arr_iter iter = yyjson_arr_iter_with(array);
    yyjson_val *item;
    bool done = true;
    for (uint32_t i = 0; done && (item = yyjson_arr_iter_next(&iter)); i++) {
        char room[16];
        const char *place;
        size_t size = bson_uint32_to_string(i, &place, room, sizeof room);
        done = !yyjson_is_arr(item) && s_append(&child, place, (int) size, item, depth);
    }
    return bson_append_array_end(parent, &child) && done;
}

static bool s_append_number(bson_t *parent, const char *key, int key_size, yyjson_val *number)
{
    pbus_str_t text = {yyjson_get_raw(number), yyjson_get_len(number)};
    int64_t whole;
    double real;
    if (number_parse_int(text, &whole))
        return bson_append_int64(parent, key, key_size, whole);
    return number_parse(text, number_json, &real) && bson_append_double(parent, key, key_size, real);
}

static bool s_append(bson_t *parent, const char *key, int key_size, yyjson_val *value, int depth)
{
    if (yyjson_is_ctn(value) && depth == 0)
        return false;
    if (yyjson_is_obj(value))
        return s_append_object(parent, key, key_size, value, depth - 1);
    if (yyjson_is_arr(value))
        return s_append_array(parent, key, key_size, value, depth - 1);
    if (yyjson_is_raw(value))
        return s_append_number(parent, key, key_size, value);
    if (yyjson_is_bool(value))
        return bson_append_bool(parent, key, key_size, yyjson_get_bool(value));
    if (yyjson_is_null(value))
        return bson_append_null(parent, key, key_size);
    const char *text = yyjson_get_str(value);
    size_t size = yyjson_get_len(value);
    return text && !memchr(text, '\0', size) && bson_append_utf8(parent, key, key_size, text, (int) size);
}

/* Whether the only element of `made` gives back the very same text. */
static bool s_is_exact(const bson_t *made, pbus_str_t json)
{
    bson_iter_t iter;
    pbus_buf_t again = {0};
    bool same = bson_iter_init(&iter, made) && bson_iter_next(&iter) && jsonbson_write(&again, &iter) &&
                again.size == json.size && memcmp(again.data, json.data, json.size) == 0;
    pbus_buf_clear(&again);
    return same;
}

static bool s_concat(bson_t *parent, const bson_t *made)
{
    return parent->len + made->len < BSON_MAX_SIZE && bson_concat(parent, made);
}

bool jsonbson_append(bson_t *parent, const char *key, pbus_str_t json)
{
    yyjson_doc *doc = yyjson_read(json.data, json.size, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bson_t made = BSON_INITIALIZER;
    bool done = root && yyjson_is_ctn(root) && s_append(&made, key, -1, root, DEPTH_MAX) &&
                s_is_exact(&made, json) && s_concat(parent, &made);
    bson_destroy(&made);
    yyjson_doc_free(doc);
    return done;
}
