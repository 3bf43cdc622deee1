#include "value.h"
#include "jsonbson.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

/* ---- to BSON ------------------------------------------------------------------------------------ */

static bool s_append_text(bson_t *reading, pbus_str_t text)
{
    return text.size < INT32_MAX &&
           bson_append_utf8(reading, "value", 5, text.data ? text.data : "", (int) text.size);
}

static bool s_append_bool(bson_t *reading, pbus_str_t text)
{
    if (pbus_str_eq(text, PBUS_STR("true")) || pbus_str_eq(text, PBUS_STR("false")))
        return bson_append_bool(reading, "value", 5, text.size == 4);
    return s_append_text(reading, text);
}

/* 32 bits where they do: a quarter of the bytes of a small value's field. */
static bool s_append_int(bson_t *reading, pbus_str_t text)
{
    int64_t number;
    if (!number_parse_int(text, &number))
        return s_append_text(reading, text);
    if (number >= INT32_MIN && number <= INT32_MAX)
        return bson_append_int32(reading, "value", 5, (int32_t) number);
    return bson_append_int64(reading, "value", 5, number);
}

static bool s_append_float(bson_t *reading, pbus_str_t text)
{
    double number;
    if (!number_parse(text, number_scientific, &number))
        return s_append_text(reading, text);
    return bson_append_double(reading, "value", 5, number);
}

static bool s_append_binary(bson_t *reading, pbus_str_t bytes)
{
    const uint8_t *data = (const uint8_t *) (bytes.data ? bytes.data : "");
    return bytes.size < INT32_MAX &&
           bson_append_binary(reading, "value", 5, BSON_SUBTYPE_BINARY, data, (uint32_t) bytes.size);
}

bool value_append(bson_t *reading, const pbus_reading_t *from)
{
    if (from->is_null)
        return bson_append_null(reading, "value", 5);
    switch (from->type) {
    case PBUS_BOOL:
        return s_append_bool(reading, from->value);
    case PBUS_UINT8:
    case PBUS_UINT16:
    case PBUS_UINT32:
    case PBUS_UINT64:
    case PBUS_INT8:
    case PBUS_INT16:
    case PBUS_INT32:
    case PBUS_INT64:
        return s_append_int(reading, from->value);
    case PBUS_FLOAT32:
    case PBUS_FLOAT64:
        return s_append_float(reading, from->value);
    case PBUS_BINARY:
        return s_append_binary(reading, from->value);
    case PBUS_OBJECT:
    case PBUS_OBJECT_ARRAY:
        return jsonbson_append(reading, "value", from->value) || s_append_text(reading, from->value);
    default:
        return s_append_text(reading, from->value);
    }
}

bool value_append_tags(bson_t *parent, pbus_str_t tags)
{
    if (tags.size == 0 || jsonbson_append(parent, "tags", tags))
        return true;
    return tags.size < INT32_MAX && bson_append_utf8(parent, "tags", 4, tags.data, (int) tags.size);
}

/* ---- from BSON ---------------------------------------------------------------------------------- */

static bool s_keep(scratch_t *scratch, const void *data, size_t size, pbus_str_t *kept)
{
    char *copy = scratch_alloc(scratch, size + 1);
    if (!copy)
        return false;
    if (size)
        memcpy(copy, data, size);
    *kept = (pbus_str_t){copy, size};
    return true;
}

bool value_read_json(const bson_iter_t *iter, pbus_str_t *json, scratch_t *scratch)
{
    if (BSON_ITER_HOLDS_UTF8(iter)) {
        uint32_t size;
        json->data = bson_iter_utf8(iter, &size);
        json->size = size;
        return true;
    }
    pbus_buf_t text = {0};
    bool done = (BSON_ITER_HOLDS_DOCUMENT(iter) || BSON_ITER_HOLDS_ARRAY(iter)) &&
                jsonbson_write(&text, iter) && s_keep(scratch, text.data, text.size, json);
    pbus_buf_clear(&text);
    return done;
}

static bool s_read_number(const bson_iter_t *iter, pbus_str_t *text, scratch_t *scratch)
{
    char room[NUMBER_TEXT];
    size_t size;
    if (BSON_ITER_HOLDS_DOUBLE(iter))
        size = number_scientific(bson_iter_double(iter), room);
    else
        size = (size_t) snprintf(room, sizeof room, "%lld", (long long) bson_iter_as_int64(iter));
    return size > 0 && s_keep(scratch, room, size, text);
}

static bool s_read_binary(const bson_iter_t *iter, pbus_reading_t *to)
{
    const uint8_t *data;
    uint32_t size;
    bson_iter_binary(iter, NULL, &size, &data);
    to->value = (pbus_str_t){(const char *) data, size};
    return to->type == PBUS_BINARY;
}

bool value_read(const bson_iter_t *iter, pbus_reading_t *to, scratch_t *scratch)
{
    switch (bson_iter_type(iter)) {
    case BSON_TYPE_NULL:
        to->is_null = true;
        return true;
    case BSON_TYPE_BOOL:
        to->value = bson_iter_bool(iter) ? PBUS_STR("true") : PBUS_STR("false");
        return true;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_DOUBLE:
        return s_read_number(iter, &to->value, scratch);
    case BSON_TYPE_BINARY:
        return s_read_binary(iter, to);
    case BSON_TYPE_UTF8:
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        return to->type != PBUS_BINARY && value_read_json(iter, &to->value, scratch);
    default:
        return false;
    }
}
