/*
 * Render: see render.h.
 */
#include <stdlib.h>
#include "base64.h"
#include "json_text.h"
#include "number.h"
#include "render.h"
#include "value.h"

#define PUT(out, literal) pbus_buf_append((out), (literal), sizeof(literal) - 1)

void render_uint(pbus_buf_t *out, uint64_t value)
{
    char text[NUMBER_TEXT];
    pbus_buf_append(out, text, number_write_uint(value, text));
}

void render_int(pbus_buf_t *out, int64_t value)
{
    char text[NUMBER_TEXT];
    pbus_buf_append(out, text, number_write_int(value, text));
}

/* ---- readings --------------------------------------------------------------------------------------- */

static bool s_json(pbus_buf_t *out, pbus_str_t json)
{
    if (!json_is_valid(json))
        return false;
    json_splice(out, json);
    return true;
}

static bool s_tags(pbus_buf_t *out, pbus_str_t tags)
{
    if (tags.size == 0)
        return true;
    PUT(out, ",\"tags\":");
    return s_json(out, tags);
}

unsigned render_spared(const pbus_event_t *event, const pbus_reading_t *reading)
{
    unsigned spared = RENDER_SPARES_ID;
    if (reading->origin == event->origin)
        spared |= RENDER_SPARES_ORIGIN;
    if (pbus_str_eq(reading->device, event->device))
        spared |= RENDER_SPARES_DEVICE;
    if (pbus_str_eq(reading->profile, event->profile))
        spared |= RENDER_SPARES_PROFILE;
    if (event->reading_count == 1 && pbus_str_eq(reading->resource, event->source))
        spared |= RENDER_SPARES_RESOURCE;
    return spared;
}

static void s_name(pbus_buf_t *out, const char *key, pbus_str_t name, bool spared)
{
    if (spared)
        return;
    pbus_buf_puts(out, key);
    json_string(out, name);
    PUT(out, ",");
}

/* What comes before the value. */
static bool s_reading_head(pbus_buf_t *out, const pbus_reading_t *reading, unsigned spared)
{
    if (!(spared & RENDER_SPARES_ORIGIN)) {
        PUT(out, "\"origin\":");
        render_int(out, reading->origin);
        PUT(out, ",");
    }
    s_name(out, "\"deviceName\":", reading->device, spared & RENDER_SPARES_DEVICE);
    s_name(out, "\"resourceName\":", reading->resource, spared & RENDER_SPARES_RESOURCE);
    s_name(out, "\"profileName\":", reading->profile, spared & RENDER_SPARES_PROFILE);
    PUT(out, "\"valueType\":\"");
    pbus_buf_puts(out, pbus_type_name(reading->type));
    PUT(out, "\"");
    if (reading->units.size) {
        PUT(out, ",\"units\":");
        json_string(out, reading->units);
    }
    return s_tags(out, reading->tags);
}

static void s_media_type(pbus_buf_t *out, const pbus_reading_t *reading)
{
    PUT(out, ",\"mediaType\":");
    json_string(out, reading->media_type);
}

static void s_binary(pbus_buf_t *out, const pbus_reading_t *reading)
{
    if (reading->value.size) {
        PUT(out, ",\"binaryValue\":\"");
        base64_encode(reading->value, out);
        PUT(out, "\"");
    }
    s_media_type(out, reading);
}

static bool s_object(pbus_buf_t *out, const pbus_reading_t *reading)
{
    PUT(out, ",\"objectValue\":");
    return s_json(out, reading->value);
}

static void s_simple(pbus_buf_t *out, const pbus_reading_t *reading, render_form_t form)
{
    bool numeric = (form != RENDER_TEXT && value_is_number(reading->type)) ||
                   (form == RENDER_NUMERIC && value_is_number_array(reading->type));
    PUT(out, ",\"value\":");
    if (numeric)
        value_numeric(reading->type, reading->value, out);
    else
        json_string(out, reading->value);
}

static bool s_value(pbus_buf_t *out, const pbus_reading_t *reading, render_form_t form)
{
    if (reading->is_null)
        PUT(out, ",\"value\":null,\"binaryValue\":null,\"objectValue\":null");
    else if (reading->type == PBUS_BINARY)
        s_binary(out, reading);
    else if (reading->type == PBUS_OBJECT || reading->type == PBUS_OBJECT_ARRAY)
        return s_object(out, reading);
    else
        s_simple(out, reading, form);
    return true;
}

static bool s_reading(pbus_buf_t *out, const pbus_reading_t *reading, render_form_t form, unsigned spared)
{
    PUT(out, "{");
    if (!s_reading_head(out, reading, spared) || !s_value(out, reading, form))
        return false;
    PUT(out, "}");
    return true;
}

bool render_reading(pbus_buf_t *out, const pbus_reading_t *reading, render_form_t form)
{
    return s_reading(out, reading, form, 0);
}

void render_sent_reading(pbus_buf_t *out, const pbus_reading_t *reading, const sent_reading_t *sent,
                         unsigned spared)
{
    PUT(out, "{");
    if (sent->id.size && !(spared & RENDER_SPARES_ID)) {
        PUT(out, "\"id\":");
        json_string(out, sent->id);
        PUT(out, ",");
    }
    s_reading_head(out, reading, spared);
    if (reading->is_null || reading->type == PBUS_OBJECT || reading->type == PBUS_OBJECT_ARRAY)
        s_value(out, reading, RENDER_TEXT);
    else if (reading->type == PBUS_BINARY) {
        PUT(out, ",\"binaryValue\":");
        json_string(out, sent->value);
        s_media_type(out, reading);
    } else {
        PUT(out, ",\"value\":");
        json_string(out, sent->value);
    }
    PUT(out, "}");
}

/* ---- events ----------------------------------------------------------------------------------------- */

static int s_later_first(const void *a, const void *b)
{
    const pbus_reading_t *one = *(const pbus_reading_t *const *) a;
    const pbus_reading_t *other = *(const pbus_reading_t *const *) b;
    if (one->origin != other->origin)
        return one->origin > other->origin ? -1 : 1;
    return one < other ? -1 : 1;
}

static bool s_event_reading(pbus_buf_t *out, const pbus_event_t *event, const pbus_reading_t *reading,
                            render_form_t form, bool optimized)
{
    return s_reading(out, reading, form, optimized ? render_spared(event, reading) : 0);
}

static bool s_sorted_readings(pbus_buf_t *out, const pbus_event_t *event, render_form_t form, bool optimized)
{
    const pbus_reading_t **order = malloc(event->reading_count * sizeof(const pbus_reading_t *));
    if (!order) {
        out->failed = true;
        return true;
    }
    for (size_t i = 0; i < event->reading_count; i++)
        order[i] = &event->readings[i];
    qsort(order, event->reading_count, sizeof(const pbus_reading_t *), s_later_first);
    bool valid = true;
    for (size_t i = 0; valid && i < event->reading_count; i++) {
        pbus_buf_append(out, ",", i > 0);
        valid = s_event_reading(out, event, order[i], form, optimized);
    }
    free(order);
    return valid;
}

/* Nearly every event's readings are in order already, as they have the event's origin. */
static bool s_readings(pbus_buf_t *out, const pbus_event_t *event, render_form_t form, bool optimized)
{
    for (size_t i = 1; i < event->reading_count; i++)
        if (event->readings[i].origin > event->readings[i - 1].origin)
            return s_sorted_readings(out, event, form, optimized);
    for (size_t i = 0; i < event->reading_count; i++) {
        pbus_buf_append(out, ",", i > 0);
        if (!s_event_reading(out, event, &event->readings[i], form, optimized))
            return false;
    }
    return true;
}

bool render_event(pbus_buf_t *out, const pbus_event_t *event, render_form_t form, bool optimized)
{
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&event->id, id);
    PUT(out, "{\"apiVersion\":\"v3\",\"id\":\"");
    pbus_buf_append(out, id, PBUS_UUID_TEXT - 1);
    PUT(out, "\",\"deviceName\":");
    json_string(out, event->device);
    PUT(out, ",\"profileName\":");
    json_string(out, event->profile);
    PUT(out, ",\"sourceName\":");
    json_string(out, event->source);
    PUT(out, ",\"origin\":");
    render_int(out, event->origin);
    PUT(out, ",\"readings\":[");
    if (!s_readings(out, event, form, optimized))
        return false;
    PUT(out, "]");
    if (!s_tags(out, event->tags))
        return false;
    PUT(out, "}");
    return true;
}

/* ---- bodies ----------------------------------------------------------------------------------------- */

static void s_version(pbus_buf_t *out, pbus_str_t request_id)
{
    PUT(out, "{\"apiVersion\":\"v3\"");
    if (request_id.size) {
        PUT(out, ",\"requestId\":");
        json_string(out, request_id);
    }
}

void render_head(pbus_buf_t *out, pbus_str_t request_id, unsigned status)
{
    s_version(out, request_id);
    PUT(out, ",\"statusCode\":");
    render_uint(out, status);
}

void render_base(pbus_buf_t *out, pbus_str_t request_id, unsigned status)
{
    render_head(out, request_id, status);
    PUT(out, "}\n");
}

void render_id(pbus_buf_t *out, pbus_str_t request_id, unsigned status, const pbus_uuid_t *id)
{
    char text[PBUS_UUID_TEXT];
    pbus_uuid_format(id, text);
    render_head(out, request_id, status);
    PUT(out, ",\"id\":\"");
    pbus_buf_append(out, text, PBUS_UUID_TEXT - 1);
    PUT(out, "\"}\n");
}

void render_count(pbus_buf_t *out, uint64_t count)
{
    render_head(out, PBUS_STR(""), 200);
    PUT(out, ",\"count\":");
    render_uint(out, count);
    PUT(out, "}\n");
}

void render_error(pbus_buf_t *out, pbus_str_t request_id, unsigned status, const char *message)
{
    s_version(out, request_id);
    PUT(out, ",\"message\":");
    json_string(out, pbus_str(message));
    PUT(out, ",\"statusCode\":");
    render_uint(out, status);
    PUT(out, "}\n");
}

bool render_single(pbus_buf_t *out, const pbus_event_t *event, bool optimized)
{
    render_head(out, PBUS_STR(""), 200);
    PUT(out, ",\"event\":");
    bool valid = render_event(out, event, RENDER_SCALARS, optimized);
    PUT(out, "}\n");
    return valid;
}

void render_list_open(render_list_t *self, uint64_t total)
{
    render_head(self->out, PBUS_STR(""), 200);
    PUT(self->out, ",\"totalCount\":");
    render_uint(self->out, total);
    pbus_buf_puts(self->out, self->what == PBUS_EVENTS ? ",\"events\":[" : ",\"readings\":[");
}

static bool s_add_event(render_list_t *self, pbus_str_t encoded)
{
    const pbus_event_t *event = pbus_decoder_event(self->decoder, encoded.data, encoded.size);
    return event && render_event(self->out, event, self->form, self->optimized);
}

bool render_list_add(render_list_t *self, pbus_answer_t *answer)
{
    uint64_t accept;
    pbus_str_t encoded;
    pbus_reading_t reading;
    while (self->what == PBUS_EVENTS ? pbus_answer_event(answer, &accept, &encoded)
                                     : pbus_answer_reading(answer, &reading)) {
        pbus_buf_append(self->out, ",", self->size > 0);
        self->size++;
        if (!(self->what == PBUS_EVENTS ? s_add_event(self, encoded)
                                        : render_reading(self->out, &reading, self->form)))
            return false;
    }
    return !answer->bad;
}

void render_list_close(render_list_t *self)
{
    PUT(self->out, "]}\n");
}
