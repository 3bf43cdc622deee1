/*
 * Event JSON: see event_json.h.
 *
 * An object's members are sorted into an array of fields in one pass, in which the last duplicate wins by
 * itself; then each field is checked in the order of the API's table. Error texts name the field as EdgeX
 * does: AddEventRequest.Event.Readings[0].ValueType.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yyjson.h>
#include "base64.h"
#include "event_json.h"
#include "json_text.h"
#include "text.h"
#include "value.h"

_Static_assert(EVENT_JSON_PADDING == YYJSON_PADDING_SIZE, "padding that the parser needs");

typedef struct {
    arena_t *arena;
    pbus_buf_t scratch; /* canonical JSON before its size is known */
    pbus_error_t *error;
    size_t index;              /* of the reading that is being read */
    const pbus_event_t *event; /* what its readings need not say; NULL: they have to */
    bool alone;                /* there is one reading */
} reader_t;

/* ---- fields ----------------------------------------------------------------------------------------- */

typedef struct {
    const char *key;
    size_t size;
    const char *path; /* its name in error texts */
} field_t;

#define FIELD(key, path)                                                                                     \
    {                                                                                                        \
        key, sizeof(key) - 1, path                                                                           \
    }

enum { REQUEST_VERSION, REQUEST_ID, REQUEST_EVENT, REQUEST_FIELDS };

static const field_t request_fields[REQUEST_FIELDS] = {
    [REQUEST_VERSION] = FIELD("apiVersion", "BaseRequest.Versionable.ApiVersion"),
    [REQUEST_ID] = FIELD("requestId", "BaseRequest.RequestId"),
    [REQUEST_EVENT] = FIELD("event", "Event"),
};

enum {
    EVENT_VERSION,
    EVENT_ID,
    EVENT_DEVICE,
    EVENT_PROFILE,
    EVENT_SOURCE,
    EVENT_ORIGIN,
    EVENT_READINGS,
    EVENT_TAGS,
    EVENT_FIELDS
};

static const field_t event_fields[EVENT_FIELDS] = {
    [EVENT_VERSION] = FIELD("apiVersion", "Event.Versionable.ApiVersion"),
    [EVENT_ID] = FIELD("id", "Event.Id"),
    [EVENT_DEVICE] = FIELD("deviceName", "Event.DeviceName"),
    [EVENT_PROFILE] = FIELD("profileName", "Event.ProfileName"),
    [EVENT_SOURCE] = FIELD("sourceName", "Event.SourceName"),
    [EVENT_ORIGIN] = FIELD("origin", "Event.Origin"),
    [EVENT_READINGS] = FIELD("readings", "Event.Readings"),
    [EVENT_TAGS] = FIELD("tags", "Event.Tags"),
};

enum {
    READING_ID,
    READING_ORIGIN,
    READING_DEVICE,
    READING_PROFILE,
    READING_RESOURCE,
    READING_TYPE,
    READING_UNITS,
    READING_TAGS,
    READING_VALUE,
    READING_BINARY,
    READING_MEDIA_TYPE,
    READING_OBJECT,
    READING_FIELDS
};

static const field_t reading_fields[READING_FIELDS] = {
    [READING_ID] = FIELD("id", "Id"),
    [READING_ORIGIN] = FIELD("origin", "Origin"),
    [READING_DEVICE] = FIELD("deviceName", "DeviceName"),
    [READING_PROFILE] = FIELD("profileName", "ProfileName"),
    [READING_RESOURCE] = FIELD("resourceName", "ResourceName"),
    [READING_TYPE] = FIELD("valueType", "ValueType"),
    [READING_UNITS] = FIELD("units", "Units"),
    [READING_TAGS] = FIELD("tags", "Tags"),
    [READING_VALUE] = FIELD("value", "SimpleReading.Value"),
    [READING_BINARY] = FIELD("binaryValue", "BinaryReading.BinaryValue"),
    [READING_MEDIA_TYPE] = FIELD("mediaType", "BinaryReading.MediaType"),
    [READING_OBJECT] = FIELD("objectValue", "ObjectReading.ObjectValue"),
};

/* Places the object's members by field; null counts as absent, unknown keys are passed over. */
static void s_pick(yyjson_val *object, const field_t *fields, size_t count, yyjson_val **picked)
{
    memset(picked, 0, count * sizeof *picked);
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;
    size_t likely = 0; /* clients write fields in much the same order each time */
    while ((key = yyjson_obj_iter_next(&iter))) {
        const char *name = yyjson_get_str(key);
        size_t size = yyjson_get_len(key);
        for (size_t tries = 0; tries < count; tries++, likely++) {
            likely = likely < count ? likely : 0;
            if (fields[likely].size == size && memcmp(fields[likely].key, name, size) == 0) {
                yyjson_val *value = yyjson_obj_iter_get_val(key);
                picked[likely++] = yyjson_is_null(value) ? NULL : value;
                break;
            }
        }
    }
}

/* The keys of the outermost object match without regard to case. */
static void s_pick_request(yyjson_val *object, yyjson_val **picked)
{
    memset(picked, 0, REQUEST_FIELDS * sizeof *picked);
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;
    while ((key = yyjson_obj_iter_next(&iter))) {
        for (size_t i = 0; i < REQUEST_FIELDS; i++) {
            if (request_fields[i].size != yyjson_get_len(key) ||
                strncasecmp(request_fields[i].key, yyjson_get_str(key), request_fields[i].size) != 0)
                continue;
            yyjson_val *value = yyjson_obj_iter_get_val(key);
            picked[i] = yyjson_is_null(value) ? NULL : value;
        }
    }
}

/* ---- refusals --------------------------------------------------------------------------------------- */

static bool s_refuse(reader_t *self, const field_t *field, const char *format, ...) PBUS_PRINTF(3, 4);

static bool s_refuse(reader_t *self, const field_t *field, const char *format, ...)
{
    char rule[160], place[40] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(rule, sizeof rule, format, args);
    va_end(args);
    if (field >= reading_fields && field < reading_fields + READING_FIELDS)
        snprintf(place, sizeof place, "Event.Readings[%zu].", self->index);
    pbus_fail(self->error, PBUS_INVALID, "AddEventRequest.%s%s field %s", place, field->path, rule);
    return false;
}

static bool s_no_memory(reader_t *self)
{
    pbus_fail(self->error, PBUS_NOMEM, "memory is out");
    return false;
}

/* ---- kinds of fields -------------------------------------------------------------------------------- */

/* An optional string; empty if absent. */
static bool s_string(reader_t *self, const field_t *field, yyjson_val *value, pbus_str_t *text)
{
    *text = PBUS_STR("");
    if (!value)
        return true;
    if (!yyjson_is_str(value))
        return s_refuse(self, field, "should be a string");
    *text = (pbus_str_t){yyjson_get_str(value), yyjson_get_len(value)};
    if (memchr(text->data, '\0', text->size))
        return s_refuse(self, field, "should not have a NUL character");
    return true;
}

static bool s_required(reader_t *self, const field_t *field, yyjson_val *value, pbus_str_t *text)
{
    if (!s_string(self, field, value, text))
        return false;
    if (text->size == 0)
        return s_refuse(self, field, value ? "should not be empty string" : "is required");
    return true;
}

static bool s_name(reader_t *self, const field_t *field, yyjson_val *value, pbus_str_t *text)
{
    if (!s_required(self, field, value, text))
        return false;
    if (text_is_blank(*text))
        return s_refuse(self, field, "should not be empty string");
    return true;
}

static bool s_origin(reader_t *self, const field_t *field, yyjson_val *value, int64_t *origin)
{
    if (!value)
        return s_refuse(self, field, "is required");
    pbus_str_t text = {yyjson_get_raw(value), yyjson_get_len(value)};
    if (!text.data || !number_int(text, origin))
        return s_refuse(self, field, "should be an integer of 64 bits");
    if (*origin == 0)
        return s_refuse(self, field, "should not be 0");
    return true;
}

/* The value's canonical JSON, in the arena. */
static bool s_json(reader_t *self, const field_t *field, yyjson_val *value, pbus_str_t *json)
{
    const char *fault;
    pbus_buf_reset(&self->scratch);
    if (!json_canonical(&self->scratch, value, self->arena, &fault))
        return s_refuse(self, field, "%s", fault);
    json->size = self->scratch.size;
    json->data = arena_copy(self->arena, self->scratch.data, self->scratch.size);
    return json->data || s_no_memory(self);
}

static bool s_tags(reader_t *self, const field_t *field, yyjson_val *value, pbus_str_t *json)
{
    *json = PBUS_STR("");
    if (!value)
        return true;
    if (!yyjson_is_obj(value))
        return s_refuse(self, field, "should be an object");
    return yyjson_obj_size(value) == 0 || s_json(self, field, value, json);
}

/* ---- values ----------------------------------------------------------------------------------------- */

static bool s_mismatch(reader_t *self, pbus_str_t type, pbus_str_t value)
{
    pbus_fail(self->error, PBUS_INVALID,
              "The value does not match the %.*s valueType: '%.*s' in AddEventRequest.Event.Readings[%zu]",
              SHOWN(type), SHOWN(value), self->index);
    return false;
}

/* A `value` that is no string counts as its JSON text. */
static bool s_value_text(reader_t *self, yyjson_val *value, pbus_str_t *text)
{
    const field_t *field = &reading_fields[READING_VALUE];
    return yyjson_is_str(value) ? s_string(self, field, value, text) : s_json(self, field, value, text);
}

static bool s_simple(reader_t *self, yyjson_val *value, pbus_str_t type, pbus_reading_t *reading,
                     sent_reading_t *sent)
{
    char room[NUMBER_TEXT];
    pbus_str_t canonical;
    if (!s_value_text(self, value, &sent->value))
        return false;
    if (!value_check(reading->type, sent->value, room, &canonical))
        return s_mismatch(self, type, sent->value);
    reading->value = canonical;
    if (canonical.data == room) {
        reading->value.data = arena_copy(self->arena, room, canonical.size);
        return reading->value.data || s_no_memory(self);
    }
    return true;
}

static bool s_binary(reader_t *self, yyjson_val *value, pbus_reading_t *reading, sent_reading_t *sent)
{
    const field_t *field = &reading_fields[READING_BINARY];
    if (!s_string(self, field, value, &sent->value))
        return false;
    if (reading->media_type.size == 0)
        return s_refuse(self, &reading_fields[READING_MEDIA_TYPE], "is required with BinaryValue");
    uint8_t *bytes = arena_alloc(self->arena, base64_room(sent->value.size));
    if (!bytes)
        return s_no_memory(self);
    reading->value.data = (const char *) bytes;
    if (!base64_decode(sent->value, bytes, &reading->value.size))
        return s_refuse(self, field, "should be base64 text");
    return true;
}

static bool s_object(reader_t *self, yyjson_val *value, pbus_reading_t *reading, sent_reading_t *sent)
{
    if (!s_json(self, &reading_fields[READING_OBJECT], value, &reading->value))
        return false;
    sent->value = reading->value;
    return true;
}

/* The field that carries a type's value; the others do not count. A reading without it is a null reading. */
static bool s_carried(reader_t *self, yyjson_val **fields, pbus_str_t type, pbus_reading_t *reading,
                      sent_reading_t *sent)
{
    bool binary = reading->type == PBUS_BINARY;
    bool object = reading->type == PBUS_OBJECT || reading->type == PBUS_OBJECT_ARRAY;
    yyjson_val *value = fields[binary ? READING_BINARY : object ? READING_OBJECT : READING_VALUE];
    reading->is_null = !value || (binary && !yyjson_is_str(value));
    if (reading->is_null || !binary)
        reading->media_type = PBUS_STR("");
    if (reading->is_null)
        return true;
    if (binary)
        return s_binary(self, value, reading, sent);
    if (object)
        return s_object(self, value, reading, sent);
    return s_simple(self, value, type, reading, sent);
}

/* ---- readings and events ---------------------------------------------------------------------------- */

static bool s_reading_id(reader_t *self, yyjson_val *value, pbus_str_t *id)
{
    pbus_uuid_t uuid;
    if (!s_string(self, &reading_fields[READING_ID], value, id))
        return false;
    if (id->size && !text_uuid(*id, true, &uuid))
        return s_refuse(self, &reading_fields[READING_ID], "needs a uuid, not '%.*s'", SHOWN(*id));
    return true;
}

static bool s_type(reader_t *self, yyjson_val *value, pbus_str_t *name, pbus_type_t *type)
{
    const field_t *field = &reading_fields[READING_TYPE];
    if (!s_name(self, field, value, name))
        return false;
    if (!pbus_type_parse(*name, type))
        return s_refuse(self, field, "should be one of the EdgeX value types, not '%.*s'", SHOWN(*name));
    return true;
}

static bool s_reading_origin(reader_t *self, yyjson_val *value, int64_t *origin)
{
    if (value || !self->event)
        return s_origin(self, &reading_fields[READING_ORIGIN], value, origin);
    *origin = self->event->origin;
    return true;
}

static bool s_reading_names(reader_t *self, yyjson_val **picked, pbus_reading_t *reading)
{
    static const pbus_event_t none;
    const pbus_event_t *event = self->event ? self->event : &none;
    const struct {
        int field;
        pbus_str_t *name;
        pbus_str_t inherited;
    } names[] = {{READING_DEVICE, &reading->device, event->device},
                 {READING_PROFILE, &reading->profile, event->profile},
                 {READING_RESOURCE, &reading->resource, self->alone ? event->source : none.source}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        yyjson_val *value = picked[names[i].field];
        if (!value && names[i].inherited.size)
            *names[i].name = names[i].inherited;
        else if (!s_name(self, &reading_fields[names[i].field], value, names[i].name))
            return false;
    }
    return true;
}

static bool s_reading(reader_t *self, yyjson_val *value, pbus_reading_t *reading, sent_reading_t *sent)
{
    const field_t *fields = reading_fields;
    yyjson_val *picked[READING_FIELDS];
    pbus_str_t type;
    if (!yyjson_is_obj(value)) {
        pbus_fail(self->error, PBUS_INVALID, "AddEventRequest.Event.Readings[%zu] should be an object",
                  self->index);
        return false;
    }
    s_pick(value, fields, READING_FIELDS, picked);
    memset(reading, 0, sizeof *reading);
    memset(sent, 0, sizeof *sent);
    return s_reading_id(self, picked[READING_ID], &sent->id) &&
           s_reading_origin(self, picked[READING_ORIGIN], &reading->origin) &&
           s_reading_names(self, picked, reading) &&
           s_type(self, picked[READING_TYPE], &type, &reading->type) &&
           s_string(self, &fields[READING_UNITS], picked[READING_UNITS], &reading->units) &&
           s_tags(self, &fields[READING_TAGS], picked[READING_TAGS], &reading->tags) &&
           s_string(self, &fields[READING_MEDIA_TYPE], picked[READING_MEDIA_TYPE], &reading->media_type) &&
           s_carried(self, picked, type, reading, sent);
}

static bool s_readings(reader_t *self, yyjson_val *value, posted_t *posted)
{
    const field_t *field = &event_fields[EVENT_READINGS];
    if (value && !yyjson_is_arr(value))
        return s_refuse(self, field, "should be an array");
    size_t count = yyjson_arr_size(value);
    if (count == 0)
        return s_refuse(self, field, value ? "should greater than 0" : "is required");
    pbus_reading_t *readings = arena_alloc(self->arena, count * sizeof *readings);
    sent_reading_t *sent = arena_alloc(self->arena, count * sizeof *sent);
    if (!readings || !sent)
        return s_no_memory(self);
    yyjson_arr_iter iter = yyjson_arr_iter_with(value);
    self->event = posted->optimized ? &posted->event : NULL;
    self->alone = count == 1;
    for (self->index = 0; self->index < count; self->index++)
        if (!s_reading(self, yyjson_arr_iter_next(&iter), &readings[self->index], &sent[self->index]))
            return false;
    posted->event.readings = readings;
    posted->event.reading_count = count;
    posted->sent = sent;
    return true;
}

static bool s_event_id(reader_t *self, yyjson_val *value, pbus_uuid_t *id)
{
    const field_t *field = &event_fields[EVENT_ID];
    pbus_str_t text;
    if (!s_required(self, field, value, &text))
        return false;
    if (!text_is_lower_uuid(text) || !pbus_uuid_parse(text, id))
        return s_refuse(self, field, "needs a uuid in lower case, not '%.*s'", SHOWN(text));
    return true;
}

static bool s_event(reader_t *self, yyjson_val *value, posted_t *posted)
{
    const field_t *fields = event_fields;
    pbus_event_t *event = &posted->event;
    yyjson_val *picked[EVENT_FIELDS];
    if (!value)
        return s_refuse(self, &request_fields[REQUEST_EVENT], "is required");
    if (!yyjson_is_obj(value))
        return s_refuse(self, &request_fields[REQUEST_EVENT], "should be an object");
    s_pick(value, fields, EVENT_FIELDS, picked);
    return s_required(self, &fields[EVENT_VERSION], picked[EVENT_VERSION], &posted->event_api_version) &&
           s_event_id(self, picked[EVENT_ID], &event->id) &&
           s_name(self, &fields[EVENT_DEVICE], picked[EVENT_DEVICE], &event->device) &&
           s_name(self, &fields[EVENT_PROFILE], picked[EVENT_PROFILE], &event->profile) &&
           s_name(self, &fields[EVENT_SOURCE], picked[EVENT_SOURCE], &event->source) &&
           s_origin(self, &fields[EVENT_ORIGIN], picked[EVENT_ORIGIN], &event->origin) &&
           s_tags(self, &fields[EVENT_TAGS], picked[EVENT_TAGS], &event->tags) &&
           s_readings(self, picked[EVENT_READINGS], posted);
}

static bool s_request(reader_t *self, yyjson_val *root, posted_t *posted)
{
    const field_t *fields = request_fields;
    yyjson_val *picked[REQUEST_FIELDS];
    if (!yyjson_is_obj(root)) {
        pbus_fail(self->error, PBUS_INVALID, "AddEventRequest should be a JSON object");
        return false;
    }
    s_pick_request(root, picked);
    if (!s_required(self, &fields[REQUEST_VERSION], picked[REQUEST_VERSION], &posted->api_version) ||
        !s_string(self, &fields[REQUEST_ID], picked[REQUEST_ID], &posted->request_id))
        return false;
    if (posted->request_id.size && !text_is_lower_uuid(posted->request_id))
        return s_refuse(self, &fields[REQUEST_ID], "needs a uuid in lower case, not '%.*s'",
                        SHOWN(posted->request_id));
    return s_event(self, picked[REQUEST_EVENT], posted);
}

/* ---- the parser's memory ---------------------------------------------------------------------------- */

pbus_status_t event_json_read(posted_t *self, char *body, size_t size, bool optimized, arena_t *arena,
                              pbus_error_t *error)
{
    pbus_error_t unread;
    reader_t reader = {.arena = arena, .error = error ? error : &unread};
    yyjson_alc memory = json_memory(arena);
    yyjson_read_flag flags = YYJSON_READ_INSITU | YYJSON_READ_STOP_WHEN_DONE | YYJSON_READ_NUMBER_AS_RAW;
    yyjson_read_err fault;
    memset(self, 0, sizeof *self);
    self->optimized = optimized;
    if (size == 0)
        return pbus_fail(error, PBUS_INVALID, "AddEventRequest is missing: the body is empty");
    memset(body + size, 0, EVENT_JSON_PADDING);
    yyjson_doc *doc = yyjson_read_opts(body, size, flags, &memory, &fault);
    if (!doc && fault.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    if (!doc)
        return pbus_fail(error, PBUS_INVALID, "AddEventRequest is no JSON: %s at byte %zu", fault.msg,
                         fault.pos);
    bool valid = s_request(&reader, yyjson_doc_get_root(doc), self);
    pbus_buf_clear(&reader.scratch);
    return valid ? PBUS_OK : reader.error->status;
}
