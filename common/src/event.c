/*
 * Events and readings to and from msgpack (persistbus/event.h; the grammar is in docs/PROTOCOL.md):
 *
 *     event   = array(8) [1, id: bin(16), origin: int, device: str, profile: str, source: str,
 *                         tags: str | nil, readings: array(>=1) of reading]
 *     reading = array(8) [origin: int | nil, device: str | nil, profile: str | nil, resource: str | nil,
 *                         type: uint, units: str | nil, tags: str | nil, value: str | bin | nil]
 *             | array(9) [the same, media type: str] when type is Binary and value is not nil
 *
 * In an event's reading nil stands for the event's origin, device, profile and source, as nearly every
 * reading agrees with its event there. The encoder writes nil wherever it may, so equal events are equal
 * bytes; the decoder takes either form.
 */
#include <persistbus/event.h>

#include "event_head.h"
#include "msgread.h"
#include "msgwrite.h"

#include <stdlib.h>
#include <strings.h>

#define EVENT_VERSION 1
#define EVENT_FIELDS 8
#define READING_FIELDS 8   /* one more with a media type */
#define READING_MIN_SIZE 9 /* bytes: the array's own and one a field */

struct pbus_decoder {
    pbus_event_t event;
    pbus_reading_t *readings;
    size_t capacity;
};

/* ---- types ---- */

static const char *const s_type_names[] = {
    [PBUS_BOOL] = "Bool",
    [PBUS_STRING] = "String",
    [PBUS_UINT8] = "Uint8",
    [PBUS_UINT16] = "Uint16",
    [PBUS_UINT32] = "Uint32",
    [PBUS_UINT64] = "Uint64",
    [PBUS_INT8] = "Int8",
    [PBUS_INT16] = "Int16",
    [PBUS_INT32] = "Int32",
    [PBUS_INT64] = "Int64",
    [PBUS_FLOAT32] = "Float32",
    [PBUS_FLOAT64] = "Float64",
    [PBUS_BINARY] = "Binary",
    [PBUS_OBJECT] = "Object",
    [PBUS_OBJECT_ARRAY] = "ObjectArray",
    [PBUS_BOOL_ARRAY] = "BoolArray",
    [PBUS_STRING_ARRAY] = "StringArray",
    [PBUS_UINT8_ARRAY] = "Uint8Array",
    [PBUS_UINT16_ARRAY] = "Uint16Array",
    [PBUS_UINT32_ARRAY] = "Uint32Array",
    [PBUS_UINT64_ARRAY] = "Uint64Array",
    [PBUS_INT8_ARRAY] = "Int8Array",
    [PBUS_INT16_ARRAY] = "Int16Array",
    [PBUS_INT32_ARRAY] = "Int32Array",
    [PBUS_INT64_ARRAY] = "Int64Array",
    [PBUS_FLOAT32_ARRAY] = "Float32Array",
    [PBUS_FLOAT64_ARRAY] = "Float64Array",
};

#define TYPE_END (sizeof s_type_names / sizeof s_type_names[0])

const char *pbus_type_name(pbus_type_t type)
{
    return (size_t) type < TYPE_END ? s_type_names[type] : NULL;
}

bool pbus_type_parse(pbus_str_t name, pbus_type_t *type)
{
    for (size_t i = PBUS_BOOL; i < TYPE_END; i++) {
        pbus_str_t known = pbus_str(s_type_names[i]);
        if (known.size == name.size && strncasecmp(known.data, name.data, name.size) == 0) {
            *type = (pbus_type_t) i;
            return true;
        }
    }
    return false;
}

/* ---- encoding ---- */

/* nil for what an event's reading has in common with it. */
static void s_write_unless(msgpack_packer *out, pbus_str_t text, const pbus_str_t *common)
{
    if (common && pbus_str_eq(text, *common))
        msgpack_pack_nil(out);
    else
        pbus_msgwrite_str(out, text);
}

/* event is NULL for a lone reading. */
static void s_write_reading(msgpack_packer *out, const pbus_reading_t *self, const pbus_event_t *event)
{
    bool has_media_type = self->type == PBUS_BINARY && !self->is_null;
    msgpack_pack_array(out, has_media_type ? READING_FIELDS + 1 : READING_FIELDS);
    if (event && event->origin == self->origin)
        msgpack_pack_nil(out);
    else
        msgpack_pack_int64(out, self->origin);
    s_write_unless(out, self->device, event ? &event->device : NULL);
    s_write_unless(out, self->profile, event ? &event->profile : NULL);
    s_write_unless(out, self->resource, event ? &event->source : NULL);
    msgpack_pack_uint8(out, (uint8_t) self->type);
    pbus_msgwrite_str_or_nil(out, self->units);
    pbus_msgwrite_str_or_nil(out, self->tags);
    if (self->is_null)
        msgpack_pack_nil(out);
    else if (self->type == PBUS_BINARY)
        pbus_msgwrite_bin(out, self->value);
    else
        pbus_msgwrite_str(out, self->value);
    if (has_media_type)
        pbus_msgwrite_str(out, self->media_type);
}

void pbus_event_encode(const pbus_event_t *event, pbus_buf_t *buf)
{
    msgpack_packer out;
    pbus_msgwrite_init(&out, buf);
    msgpack_pack_array(&out, EVENT_FIELDS);
    msgpack_pack_uint8(&out, EVENT_VERSION);
    pbus_msgwrite_uuid(&out, &event->id);
    msgpack_pack_int64(&out, event->origin);
    pbus_msgwrite_str(&out, event->device);
    pbus_msgwrite_str(&out, event->profile);
    pbus_msgwrite_str(&out, event->source);
    pbus_msgwrite_str_or_nil(&out, event->tags);
    msgpack_pack_array(&out, event->reading_count);
    for (size_t i = 0; i < event->reading_count; i++)
        s_write_reading(&out, &event->readings[i], event);
}

void pbus_reading_encode(const pbus_reading_t *reading, pbus_buf_t *buf)
{
    msgpack_packer out;
    pbus_msgwrite_init(&out, buf);
    s_write_reading(&out, reading, NULL);
}

/* ---- decoding ---- */

static pbus_str_t s_read_name(pbus_msgread_t *in)
{
    pbus_str_t name = pbus_msgread_text(in);
    if (name.size == 0)
        in->bad = true;
    return name;
}

static pbus_str_t s_read_optional(pbus_msgread_t *in)
{
    return pbus_msgread_nil(in) ? PBUS_STR("") : pbus_msgread_text(in);
}

/* A name that nil makes the event's; a lone reading has no event, so there nil is a mistake. */
static pbus_str_t s_read_shared(pbus_msgread_t *in, const pbus_str_t *common)
{
    return common && pbus_msgread_nil(in) ? *common : s_read_name(in);
}

static pbus_type_t s_read_type(pbus_msgread_t *in)
{
    uint64_t type = pbus_msgread_uint(in);
    if (type < PBUS_BOOL || type >= TYPE_END) {
        in->bad = true;
        return PBUS_BOOL;
    }
    return (pbus_type_t) type;
}

/* The value, and the media type that a Binary has with it and nothing else may have. */
static void s_read_value(pbus_msgread_t *in, pbus_reading_t *self, bool has_media_type)
{
    self->value = self->media_type = PBUS_STR("");
    self->is_null = pbus_msgread_nil(in);
    bool is_bytes = self->type == PBUS_BINARY && !self->is_null;
    if (is_bytes != has_media_type)
        in->bad = true;
    if (is_bytes) {
        self->value = pbus_msgread_bin(in);
        self->media_type = pbus_msgread_text(in);
    } else if (!self->is_null)
        self->value = pbus_msgread_text(in);
}

/* event is NULL for a lone reading. */
static void s_read_reading(pbus_msgread_t *in, pbus_reading_t *self, const pbus_event_t *event)
{
    size_t fields = pbus_msgread_array(in);
    if (fields != READING_FIELDS && fields != READING_FIELDS + 1)
        in->bad = true;
    self->origin = event && pbus_msgread_nil(in) ? event->origin : pbus_msgread_int(in);
    self->device = s_read_shared(in, event ? &event->device : NULL);
    self->profile = s_read_shared(in, event ? &event->profile : NULL);
    self->resource = s_read_shared(in, event ? &event->source : NULL);
    self->type = s_read_type(in);
    self->units = s_read_optional(in);
    self->tags = s_read_optional(in);
    s_read_value(in, self, fields > READING_FIELDS);
}

pbus_decoder_t *pbus_decoder_new(void)
{
    return calloc(1, sizeof(pbus_decoder_t));
}

void pbus_decoder_destroy(pbus_decoder_t **self_p)
{
    if (*self_p) {
        free((*self_p)->readings);
        free(*self_p);
        *self_p = NULL;
    }
}

/* Room for as many readings as are announced, if the bytes left could hold them. */
static bool s_make_room(pbus_decoder_t *self, size_t count, const pbus_msgread_t *in)
{
    if (count == 0 || count > (in->size - in->at) / READING_MIN_SIZE)
        return false;
    if (count <= self->capacity)
        return true;
    pbus_reading_t *readings = realloc(self->readings, count * sizeof *readings);
    if (!readings)
        return false;
    self->readings = readings;
    self->capacity = count;
    return true;
}

static void s_read_event_fields(pbus_msgread_t *in, pbus_event_t *event)
{
    if (!pbus_msgread_array_of(in, EVENT_FIELDS) || pbus_msgread_uint(in) != EVENT_VERSION)
        in->bad = true;
    event->id = pbus_msgread_uuid(in);
    event->origin = pbus_msgread_int(in);
    event->device = s_read_name(in);
    event->profile = s_read_name(in);
    event->source = s_read_name(in);
    event->tags = s_read_optional(in);
}

bool pbus_event_head(const void *data, size_t size, pbus_event_t *event)
{
    pbus_msgread_t in = pbus_msgread(data, size);
    *event = (pbus_event_t){0};
    s_read_event_fields(&in, event);
    return !in.bad;
}

const pbus_event_t *pbus_decoder_event(pbus_decoder_t *self, const void *data, size_t size)
{
    pbus_msgread_t in = pbus_msgread(data, size);
    pbus_event_t *event = &self->event;
    s_read_event_fields(&in, event);
    size_t count = pbus_msgread_array(&in);
    if (in.bad || !s_make_room(self, count, &in))
        return NULL;
    for (size_t i = 0; i < count && !in.bad; i++)
        s_read_reading(&in, &self->readings[i], event);
    event->readings = self->readings;
    event->reading_count = count;
    return pbus_msgread_at_end(&in) ? event : NULL;
}

bool pbus_reading_decode(const void *data, size_t size, pbus_reading_t *reading)
{
    pbus_msgread_t in = pbus_msgread(data, size);
    s_read_reading(&in, reading, NULL);
    return pbus_msgread_at_end(&in);
}
