/*
 * Event CBOR: see event_cbor.h.
 *
 * libcbor's stream decoder calls back once for each item's head; a stack of open arrays, maps and chunked
 * strings, of bounded depth, says what the next one is. Nothing is allocated by what a head claims: only
 * bytes that are there are copied.
 */
#include <cbor.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base64.h"
#include "event_cbor.h"
#include "json_text.h"
#include "number.h"
#include "render.h"

/* The request, the event, the readings and a reading are around tags and object values. */
#define DEPTH (JSON_DEPTH + 8)

#define SELF_DESCRIBED 55799 /* a tag that says only that this is CBOR */

typedef enum { FRAME_ARRAY, FRAME_MAP, FRAME_TEXT, FRAME_BYTES } frame_kind_t;

typedef struct {
    frame_kind_t kind;
    bool endless;        /* ends with a break */
    uint64_t left;       /* items still to come; of a map, keys and values */
    bool begun;          /* something was written inside it */
    bool at_value;       /* of a map: the next item is a value */
    bool opens;          /* the value: byte strings may be anywhere in it */
    bool takes_bytes;    /* the value: it may be a byte string */
    bool takes_specials; /* the value: it may be NaN or an infinity */
    bool open;           /* inside a value that opens */
} frame_t;

typedef struct {
    pbus_buf_t *out;
    pbus_buf_t chunks; /* of the string that comes in chunks */
    size_t left;       /* bytes of the body from the present item on */
    const char *fault;
    bool done; /* the outermost item is complete */
    size_t depth;
    frame_t frames[DEPTH];
} reader_t;

/* ---- places ----------------------------------------------------------------------------------------- */

static frame_t *s_top(reader_t *self)
{
    return self->depth ? &self->frames[self->depth - 1] : NULL;
}

static void s_fault(reader_t *self, const char *fault)
{
    if (!self->fault)
        self->fault = fault;
}

/* Whether the next item may be a value of any kind but text, which map keys must be; writes the comma before
 * it. */
static bool s_before(reader_t *self, bool is_text)
{
    frame_t *top = s_top(self);
    if (!top)
        return true;
    if (top->kind == FRAME_TEXT || top->kind == FRAME_BYTES)
        s_fault(self, "a string in chunks holds something else");
    else if (top->kind == FRAME_MAP && !top->at_value && !is_text)
        s_fault(self, "a map has a key that is no text");
    else if (top->begun && !(top->kind == FRAME_MAP && top->at_value))
        pbus_buf_append(self->out, ",", 1);
    top->begun = true;
    return !self->fault;
}

/* An item is complete, and with it perhaps those around it. */
static void s_after(reader_t *self)
{
    frame_t *top;
    while ((top = s_top(self))) {
        if (top->kind == FRAME_MAP) {
            top->at_value = !top->at_value;
            if (top->at_value)
                pbus_buf_append(self->out, ":", 1);
        }
        if (top->endless || --top->left > 0)
            return;
        pbus_buf_append(self->out, top->kind == FRAME_MAP ? "}" : "]", 1);
        self->depth--;
    }
    self->done = true;
}

static void s_push(reader_t *self, frame_kind_t kind, bool endless, uint64_t left)
{
    const frame_t *top = s_top(self);
    if (self->depth == DEPTH) {
        s_fault(self, "it is nested too deep");
        return;
    }
    frame_t frame = {.kind = kind, .endless = endless, .left = left};
    frame.open = top && (top->open || top->opens);
    self->frames[self->depth++] = frame;
}

/* What the value of this key may be beside the ordinary. */
static void s_take_key(frame_t *map, pbus_str_t key)
{
    map->opens = pbus_str_eq(key, PBUS_STR("tags")) || pbus_str_eq(key, PBUS_STR("objectValue"));
    map->takes_bytes = map->opens || pbus_str_eq(key, PBUS_STR("binaryValue"));
    map->takes_specials = pbus_str_eq(key, PBUS_STR("value"));
}

/* ---- items ------------------------------------------------------------------------------------------ */

static void s_text(reader_t *self, pbus_str_t text)
{
    frame_t *top = s_top(self);
    if (!s_before(self, true))
        return;
    if (!pbus_str_is_text(text)) {
        s_fault(self, "a string is no UTF-8 text or has a NUL character");
        return;
    }
    if (top && top->kind == FRAME_MAP && !top->at_value)
        s_take_key(top, text);
    json_string(self->out, text);
    s_after(self);
}

static void s_bytes(reader_t *self, pbus_str_t bytes)
{
    const frame_t *top = s_top(self);
    if (!s_before(self, false))
        return;
    if (!top || !(top->open || top->takes_bytes)) {
        s_fault(self, "there is a byte string outside of binaryValue, tags and objectValue");
        return;
    }
    pbus_buf_append(self->out, "\"", 1);
    base64_encode(bytes, self->out);
    pbus_buf_append(self->out, "\"", 1);
    s_after(self);
}

static void s_word(reader_t *self, const char *word)
{
    if (!s_before(self, false))
        return;
    pbus_buf_puts(self->out, word);
    s_after(self);
}

static void s_on_uint(void *context, uint64_t value)
{
    reader_t *self = context;
    if (!s_before(self, false))
        return;
    render_uint(self->out, value);
    s_after(self);
}

/* CBOR's negative integers are -1 - value, so they reach further down than 64 bits. */
static void s_on_negint(void *context, uint64_t value)
{
    reader_t *self = context;
    if (value > INT64_MAX)
        s_fault(self, "an integer is below what 64 bits hold");
    else if (s_before(self, false)) {
        render_int(self->out, -1 - (int64_t) value);
        s_after(self);
    }
}

/* Outside of a reading's value a whole number keeps a fraction, so that it is not taken for an integer. */
static void s_finite(reader_t *self, double value, bool is_value)
{
    char text[NUMBER_TEXT];
    decimal_t number;
    int size = snprintf(text, sizeof text, "%.17g", value);
    decimal_parse(&number, (pbus_str_t){text, (size_t) size});
    decimal_to_float64(&number);
    text[decimal_write_json(&number, text)] = '\0';
    if (!is_value && !strpbrk(text, ".e"))
        strcat(text, ".0");
    s_word(self, text);
}

static void s_on_double(void *context, double value)
{
    reader_t *self = context;
    const frame_t *top = s_top(self);
    bool is_value = top && top->kind == FRAME_MAP && top->takes_specials;
    if (isfinite(value))
        s_finite(self, value, is_value);
    else if (is_value)
        s_word(self, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        s_fault(self, "there is a NaN or an infinity outside of value");
}

static void s_on_float(void *context, float value)
{
    s_on_double(context, value);
}

static void s_on_uint8(void *context, uint8_t value)
{
    s_on_uint(context, value);
}

static void s_on_uint16(void *context, uint16_t value)
{
    s_on_uint(context, value);
}

static void s_on_uint32(void *context, uint32_t value)
{
    s_on_uint(context, value);
}

static void s_on_negint8(void *context, uint8_t value)
{
    s_on_negint(context, value);
}

static void s_on_negint16(void *context, uint16_t value)
{
    s_on_negint(context, value);
}

static void s_on_negint32(void *context, uint32_t value)
{
    s_on_negint(context, value);
}

static void s_on_bool(void *context, bool value)
{
    s_word(context, value ? "true" : "false");
}

static void s_on_null(void *context)
{
    s_word(context, "null");
}

static void s_on_tag(void *context, uint64_t tag)
{
    reader_t *self = context;
    if (tag != SELF_DESCRIBED || self->depth)
        s_fault(self, "there is a tag, which has no meaning here");
}

/* ---- strings ---------------------------------------------------------------------------------------- */

static void s_string(reader_t *self, cbor_data data, size_t size, frame_kind_t kind)
{
    const frame_t *top = s_top(self);
    pbus_str_t string = {(const char *) data, size};
    if (top && top->kind == kind)
        pbus_buf_append(&self->chunks, data, size);
    else if (kind == FRAME_TEXT)
        s_text(self, string);
    else
        s_bytes(self, string);
}

static void s_on_text(void *context, cbor_data data, size_t size)
{
    s_string(context, data, size, FRAME_TEXT);
}

static void s_on_bytes(void *context, cbor_data data, size_t size)
{
    s_string(context, data, size, FRAME_BYTES);
}

/* The string is written when it is complete; until then its frame only gathers. */
static void s_start_chunks(reader_t *self, frame_kind_t kind)
{
    const frame_t *top = s_top(self);
    if (top && (top->kind == FRAME_TEXT || top->kind == FRAME_BYTES))
        s_fault(self, "a string in chunks holds another");
    pbus_buf_reset(&self->chunks);
    s_push(self, kind, true, 0);
}

static void s_on_text_start(void *context)
{
    s_start_chunks(context, FRAME_TEXT);
}

static void s_on_bytes_start(void *context)
{
    s_start_chunks(context, FRAME_BYTES);
}

/* ---- arrays and maps -------------------------------------------------------------------------------- */

static void s_open(reader_t *self, frame_kind_t kind, bool endless, uint64_t items)
{
    if (!s_before(self, false))
        return;
    pbus_buf_append(self->out, kind == FRAME_MAP ? "{" : "[", 1);
    if (endless || items > 0) {
        s_push(self, kind, endless, items);
        return;
    }
    pbus_buf_append(self->out, kind == FRAME_MAP ? "}" : "]", 1);
    s_after(self);
}

static void s_on_array(void *context, size_t size)
{
    s_open(context, FRAME_ARRAY, false, size);
}

/* Each pair takes two bytes or more, so a larger number is a lie, and would overflow when doubled. */
static void s_on_map(void *context, size_t size)
{
    reader_t *self = context;
    if (size > self->left)
        s_fault(self, "a map is longer than the body");
    else
        s_open(self, FRAME_MAP, false, (uint64_t) size * 2);
}

static void s_on_endless_array(void *context)
{
    s_open(context, FRAME_ARRAY, true, 0);
}

static void s_on_endless_map(void *context)
{
    s_open(context, FRAME_MAP, true, 0);
}

static void s_on_break(void *context)
{
    reader_t *self = context;
    const frame_t *top = s_top(self);
    if (!top || !top->endless || (top->kind == FRAME_MAP && top->at_value)) {
        s_fault(self, "there is a break where nothing can end");
        return;
    }
    frame_kind_t kind = top->kind;
    pbus_str_t string = {(const char *) self->chunks.data, self->chunks.size};
    self->depth--;
    if (kind == FRAME_TEXT)
        s_text(self, string);
    else if (kind == FRAME_BYTES)
        s_bytes(self, string);
    else {
        pbus_buf_append(self->out, kind == FRAME_MAP ? "}" : "]", 1);
        s_after(self);
    }
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static const struct cbor_callbacks callbacks = {
    .uint8 = s_on_uint8,
    .uint16 = s_on_uint16,
    .uint32 = s_on_uint32,
    .uint64 = s_on_uint,
    .negint8 = s_on_negint8,
    .negint16 = s_on_negint16,
    .negint32 = s_on_negint32,
    .negint64 = s_on_negint,
    .byte_string_start = s_on_bytes_start,
    .byte_string = s_on_bytes,
    .string = s_on_text,
    .string_start = s_on_text_start,
    .indef_array_start = s_on_endless_array,
    .array_start = s_on_array,
    .indef_map_start = s_on_endless_map,
    .map_start = s_on_map,
    .tag = s_on_tag,
    .float2 = s_on_float,
    .float4 = s_on_float,
    .float8 = s_on_double,
    .undefined = s_on_null,
    .null = s_on_null,
    .boolean = s_on_bool,
    .indef_break = s_on_break,
};

static size_t s_read(reader_t *self, pbus_str_t body)
{
    size_t at = 0;
    while (!self->done && !self->fault) {
        self->left = body.size - at;
        struct cbor_decoder_result result =
            cbor_stream_decode((cbor_data) body.data + at, body.size - at, &callbacks, self);
        if (result.status == CBOR_DECODER_NEDATA)
            s_fault(self, "it ends too early");
        else if (result.status == CBOR_DECODER_ERROR)
            s_fault(self, "there is a byte that begins no item");
        else
            at += result.read;
    }
    if (!self->fault && at < body.size)
        s_fault(self, "something follows the request");
    return at;
}

pbus_status_t event_cbor_to_json(pbus_str_t body, pbus_buf_t *out, pbus_error_t *error)
{
    reader_t reader = {.out = out};
    size_t at = s_read(&reader, body);
    bool failed = out->failed || reader.chunks.failed;
    pbus_buf_clear(&reader.chunks);
    if (failed)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    if (reader.fault)
        return pbus_fail(error, PBUS_INVALID, "AddEventRequest cbor decoding failed: %s, at byte %zu",
                         reader.fault, at);
    return PBUS_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

#define HEAD_SIZE 9 /* bytes of an item's head, at most */

typedef size_t (*encode_size_t)(size_t, unsigned char *, size_t);

static void s_put_head(pbus_buf_t *out, encode_size_t encode, size_t size)
{
    uint8_t *p = pbus_buf_reserve(out, HEAD_SIZE);
    if (p)
        out->size += encode(size, p, HEAD_SIZE);
}

static void s_put_text(pbus_buf_t *out, pbus_str_t text)
{
    s_put_head(out, cbor_encode_string_start, text.size);
    pbus_buf_append(out, text.data, text.size);
}

static void s_put_member(pbus_buf_t *out, const char *key, pbus_str_t text)
{
    s_put_text(out, pbus_str(key));
    s_put_text(out, text);
}

static void s_put_int(pbus_buf_t *out, int64_t value)
{
    uint8_t *p = pbus_buf_reserve(out, HEAD_SIZE);
    if (p)
        out->size += value < 0 ? cbor_encode_negint((uint64_t) - (value + 1), p, HEAD_SIZE)
                               : cbor_encode_uint((uint64_t) value, p, HEAD_SIZE);
}

static void s_put_uint(pbus_buf_t *out, uint64_t value)
{
    uint8_t *p = pbus_buf_reserve(out, HEAD_SIZE);
    if (p)
        out->size += cbor_encode_uint(value, p, HEAD_SIZE);
}

static void s_put_double(pbus_buf_t *out, double value)
{
    uint8_t *p = pbus_buf_reserve(out, HEAD_SIZE);
    if (p)
        out->size += cbor_encode_double(value, p, HEAD_SIZE);
}

static void s_put_byte(pbus_buf_t *out, uint8_t byte)
{
    pbus_buf_append(out, &byte, 1);
}

/* A scalar of JSON. */
static void s_put_scalar(pbus_buf_t *out, yyjson_val *value)
{
    if (yyjson_is_str(value))
        s_put_text(out, (pbus_str_t){yyjson_get_str(value), yyjson_get_len(value)});
    else if (yyjson_is_uint(value))
        s_put_uint(out, yyjson_get_uint(value));
    else if (yyjson_is_sint(value))
        s_put_int(out, yyjson_get_sint(value));
    else if (yyjson_is_real(value))
        s_put_double(out, yyjson_get_real(value));
    else
        s_put_byte(out, yyjson_is_null(value) ? 0xF6 : yyjson_is_true(value) ? 0xF5 : 0xF4);
}

/* Its depth is bounded, as it was read by json_canonical. */
static void s_put_json(pbus_buf_t *out, yyjson_val *value)
{
    size_t index, count;
    yyjson_val *key, *item;
    if (yyjson_is_arr(value)) {
        s_put_head(out, cbor_encode_array_start, yyjson_arr_size(value));
        yyjson_arr_foreach(value, index, count, item) s_put_json(out, item);
    } else if (yyjson_is_obj(value)) {
        s_put_head(out, cbor_encode_map_start, yyjson_obj_size(value));
        yyjson_obj_foreach(value, index, count, key, item)
        {
            s_put_scalar(out, key);
            s_put_json(out, item);
        }
    } else
        s_put_scalar(out, value);
}

static void s_put_json_text(pbus_buf_t *out, const char *key, pbus_str_t json)
{
    yyjson_doc *doc = yyjson_read(json.data, json.size, 0);
    s_put_text(out, pbus_str(key));
    if (doc)
        s_put_json(out, yyjson_doc_get_root(doc));
    else
        out->failed = true; /* it is JSON, so this can only be memory */
    yyjson_doc_free(doc);
}

static void s_put_value(pbus_buf_t *out, const pbus_reading_t *reading, const sent_reading_t *sent)
{
    if (reading->is_null) {
        static const char *const keys[] = {"value", "binaryValue", "objectValue"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            s_put_text(out, pbus_str(keys[i]));
            s_put_byte(out, 0xF6);
        }
    } else if (reading->type == PBUS_BINARY) {
        s_put_text(out, PBUS_STR("binaryValue"));
        s_put_head(out, cbor_encode_bytestring_start, reading->value.size);
        pbus_buf_append(out, reading->value.data, reading->value.size);
        s_put_member(out, "mediaType", reading->media_type);
    } else if (reading->type == PBUS_OBJECT || reading->type == PBUS_OBJECT_ARRAY)
        s_put_json_text(out, "objectValue", reading->value);
    else
        s_put_member(out, "value", sent->value);
}

/* The id, if there is none, is as good as spared. */
static size_t s_members(const pbus_reading_t *reading, unsigned spared)
{
    size_t value = reading->is_null ? 3 : reading->type == PBUS_BINARY ? 2 : 1;
    return 6 - (size_t) __builtin_popcount(spared) + (reading->units.size > 0) + (reading->tags.size > 0) +
           value;
}

static void s_put_reading(pbus_buf_t *out, const pbus_reading_t *reading, const sent_reading_t *sent,
                          unsigned spared)
{
    if (sent->id.size == 0)
        spared |= RENDER_SPARES_ID;
    s_put_head(out, cbor_encode_map_start, s_members(reading, spared));
    if (!(spared & RENDER_SPARES_ID))
        s_put_member(out, "id", sent->id);
    if (!(spared & RENDER_SPARES_ORIGIN)) {
        s_put_text(out, PBUS_STR("origin"));
        s_put_int(out, reading->origin);
    }
    if (!(spared & RENDER_SPARES_DEVICE))
        s_put_member(out, "deviceName", reading->device);
    if (!(spared & RENDER_SPARES_RESOURCE))
        s_put_member(out, "resourceName", reading->resource);
    if (!(spared & RENDER_SPARES_PROFILE))
        s_put_member(out, "profileName", reading->profile);
    s_put_member(out, "valueType", pbus_str(pbus_type_name(reading->type)));
    if (reading->units.size)
        s_put_member(out, "units", reading->units);
    if (reading->tags.size)
        s_put_json_text(out, "tags", reading->tags);
    s_put_value(out, reading, sent);
}

static void s_put_event(pbus_buf_t *out, const posted_t *posted)
{
    const pbus_event_t *event = &posted->event;
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&event->id, id);
    s_put_head(out, cbor_encode_map_start, event->tags.size ? 8 : 7);
    s_put_member(out, "apiVersion", posted->event_api_version);
    s_put_member(out, "id", pbus_str(id));
    s_put_member(out, "deviceName", event->device);
    s_put_member(out, "profileName", event->profile);
    s_put_member(out, "sourceName", event->source);
    s_put_text(out, PBUS_STR("origin"));
    s_put_int(out, event->origin);
    s_put_text(out, PBUS_STR("readings"));
    s_put_head(out, cbor_encode_array_start, event->reading_count);
    for (size_t i = 0; i < event->reading_count; i++)
        s_put_reading(out, &event->readings[i], &posted->sent[i],
                      posted->optimized ? render_spared(event, &event->readings[i]) : 0);
    if (event->tags.size)
        s_put_json_text(out, "tags", event->tags);
}

void event_cbor_write(pbus_buf_t *out, const posted_t *posted)
{
    s_put_head(out, cbor_encode_map_start, posted->request_id.size ? 3 : 2);
    s_put_member(out, "apiVersion", posted->api_version);
    if (posted->request_id.size)
        s_put_member(out, "requestId", posted->request_id);
    s_put_text(out, PBUS_STR("event"));
    s_put_event(out, posted);
}
