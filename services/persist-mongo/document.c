#include "document.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)

static const int64_t s_bounds[DOCUMENT_SPREADS] = {MS, SECOND, HOUR, 24 * HOUR, INT64_MAX};

int64_t document_bound(int spread)
{
    return s_bounds[spread];
}

/* ---- to BSON ------------------------------------------------------------------------------------ */

bool document_append_id(bson_t *to, const char *key, const pbus_uuid_t *id)
{
    char text[PBUS_UUID_TEXT];
    pbus_uuid_format(id, text);
    return bson_append_utf8(to, key, -1, text, PBUS_UUID_TEXT - 1);
}

bool document_append_accept(bson_t *to, const char *key, uint64_t accept)
{
    return bson_append_int64(to, key, -1, (int64_t) accept);
}

bool document_append_name(bson_t *to, const char *key, pbus_str_t name)
{
    return name.size < INT32_MAX &&
           bson_append_utf8(to, key, -1, name.data ? name.data : "", (int) name.size);
}

static bool s_append_unless(bson_t *to, const char *key, pbus_str_t text, pbus_str_t same)
{
    return pbus_str_eq(text, same) || document_append_name(to, key, text);
}

static bool s_append_reading(bson_t *readings, uint32_t place, const pbus_event_t *event,
                             const pbus_reading_t *reading)
{
    char room[16];
    const char *key;
    bson_t to;
    size_t size = bson_uint32_to_string(place, &key, room, sizeof room);
    const char *type = pbus_type_name(reading->type);
    bool done = type && bson_append_document_begin(readings, key, (int) size, &to);
    if (!done)
        return false;
    done = document_append_name(&to, "resource", reading->resource) && BSON_APPEND_UTF8(&to, "type", type) &&
           value_append(&to, reading) && s_append_unless(&to, "units", reading->units, PBUS_STR("")) &&
           value_append_tags(&to, reading->tags) &&
           s_append_unless(&to, "mediaType", reading->media_type, PBUS_STR("")) &&
           (reading->origin == event->origin || BSON_APPEND_INT64(&to, "origin", reading->origin)) &&
           s_append_unless(&to, "device", reading->device, event->device) &&
           s_append_unless(&to, "profile", reading->profile, event->profile);
    return bson_append_document_end(readings, &to) && done;
}

static bool s_append_readings(bson_t *to, const pbus_event_t *event)
{
    bson_t readings;
    bool done = BSON_APPEND_ARRAY_BEGIN(to, "readings", &readings);
    for (size_t i = 0; done && i < event->reading_count; i++)
        done = s_append_reading(&readings, (uint32_t) i, event, &event->readings[i]);
    return bson_append_array_end(to, &readings) && done;
}

static int s_spread(int64_t first, int64_t last)
{
    uint64_t spread = (uint64_t) last - (uint64_t) first;
    int class = 0;
    while (class < DOCUMENT_SPREADS - 1 && spread > (uint64_t) s_bounds[class])
        class ++;
    return class;
}

static bool s_append_extent(bson_t *to, const pbus_event_t *event)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < event->reading_count; i++) {
        int64_t origin = event->readings[i].origin;
        first = origin < first ? origin : first;
        last = origin > last ? origin : last;
    }
    return BSON_APPEND_INT64(to, "last", last) && BSON_APPEND_INT32(to, "spread", s_spread(first, last));
}

static bool s_is_known(const pbus_event_t *event, size_t reading)
{
    pbus_str_t device = event->readings[reading].device;
    if (pbus_str_eq(device, event->device))
        return true;
    for (size_t i = reading > 64 ? reading - 64 : 0; i < reading; i++) /* a duplicate does no harm */
        if (pbus_str_eq(device, event->readings[i].device))
            return true;
    return false;
}

static bool s_append_others(bson_t *to, const pbus_event_t *event)
{
    bson_t others = BSON_INITIALIZER;
    bool done = true;
    uint32_t count = 0;
    for (size_t i = 0; done && i < event->reading_count; i++) {
        if (s_is_known(event, i))
            continue;
        char room[16];
        const char *key;
        bson_uint32_to_string(count++, &key, room, sizeof room);
        done = document_append_name(&others, key, event->readings[i].device);
    }
    if (done && count)
        done = BSON_APPEND_ARRAY(to, "otherDevices", &others);
    bson_destroy(&others);
    return done;
}

static int64_t s_milliseconds(int64_t origin)
{
    return origin / MS - (origin % MS < 0);
}

static bool s_append_event(bson_t *to, const pbus_event_t *event, uint64_t accept, int64_t batch)
{
    return document_append_id(to, "_id", &event->id) && document_append_name(to, "device", event->device) &&
           document_append_name(to, "profile", event->profile) &&
           document_append_name(to, "source", event->source) &&
           BSON_APPEND_INT64(to, "origin", event->origin) &&
           BSON_APPEND_DATE_TIME(to, "time", s_milliseconds(event->origin)) &&
           value_append_tags(to, event->tags) && s_append_extent(to, event) && s_append_others(to, event) &&
           document_append_accept(to, "accept", accept) && BSON_APPEND_INT64(to, "batch", batch) &&
           s_append_readings(to, event);
}

/* What the readings' names take in the batch's document in persistbus_log: twice each, and some 100 bytes. */
static size_t s_name_bytes(const pbus_event_t *event)
{
    size_t bytes = 0;
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        bool other = !pbus_str_eq(reading->device, event->device);
        bytes += 2 * reading->resource.size + 110 + (other ? reading->device.size + 110 : 0);
    }
    return bytes;
}

/* libbson fails for want of memory by ending the process, so a failed append means: too large. */
bson_t *document_new(const pbus_event_t *event, uint64_t accept, int64_t batch, pbus_error_t *error)
{
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&event->id, id);
    if (event->reading_count > DOCUMENT_READINGS_MAX) {
        pbus_fail(error, PBUS_INVALID,
                  "event %s has %zu readings, persist-mongo keeps at most %d in an event: split it", id,
                  event->reading_count, DOCUMENT_READINGS_MAX);
        return NULL;
    }
    if (s_name_bytes(event) > DOCUMENT_NAMES_MAX) {
        pbus_fail(error, PBUS_INVALID,
                  "event %s: the names in its %zu readings take %zu bytes, persist-mongo takes at most %u: "
                  "split it",
                  id, event->reading_count, s_name_bytes(event), DOCUMENT_NAMES_MAX);
        return NULL;
    }
    bson_t *to = bson_new();
    if (s_append_event(to, event, accept, batch) && to->len <= DOCUMENT_BYTES_MAX)
        return to;
    pbus_fail(error, PBUS_INVALID,
              "event %s makes a document of more than %u bytes, the most that MongoDB takes: split it", id,
              DOCUMENT_BYTES_MAX);
    bson_destroy(to);
    return NULL;
}

/* ---- from BSON ---------------------------------------------------------------------------------- */

/* In the one form in which it is found by its text: lower case. */
bool document_read_id(const bson_iter_t *iter, pbus_uuid_t *id)
{
    char again[PBUS_UUID_TEXT];
    uint32_t size;
    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    const char *text = bson_iter_utf8(iter, &size);
    if (!pbus_uuid_parse((pbus_str_t){text, size}, id))
        return false;
    pbus_uuid_format(id, again);
    return memcmp(again, text, size) == 0;
}

static bool s_name(const bson_iter_t *iter, pbus_str_t *name)
{
    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    uint32_t size;
    name->data = bson_iter_utf8(iter, &size);
    name->size = size;
    return pbus_str_is_text(*name);
}

static bool s_number(const bson_iter_t *iter, int64_t *number)
{
    if (!BSON_ITER_HOLDS_INT(iter))
        return false;
    *number = bson_iter_as_int64(iter);
    return true;
}

enum {
    HAS_ID = 1,
    HAS_DEVICE = 2,
    HAS_SOURCE = 4,
    HAS_ORIGIN = 8,
    HAS_ACCEPT = 16,
    HAS_BATCH = 32,
    HAS_LAST = 64,
    HAS_READINGS = 128,
    HAS_ALL = 255
};

static bool s_take_field(const bson_iter_t *iter, document_t *to, unsigned *has)
{
    const char *key = bson_iter_key(iter);
    int64_t accept;
    if (strcmp(key, "_id") == 0)
        return *has |= HAS_ID, document_read_id(iter, &to->id);
    if (strcmp(key, "device") == 0)
        return *has |= HAS_DEVICE, s_name(iter, &to->device);
    if (strcmp(key, "profile") == 0)
        return s_name(iter, &to->profile);
    if (strcmp(key, "source") == 0)
        return *has |= HAS_SOURCE, s_name(iter, &to->source);
    if (strcmp(key, "origin") == 0)
        return *has |= HAS_ORIGIN, s_number(iter, &to->origin);
    if (strcmp(key, "last") == 0)
        return *has |= HAS_LAST, s_number(iter, &to->last);
    if (strcmp(key, "batch") == 0)
        return *has |= HAS_BATCH, s_number(iter, &to->batch);
    if (strcmp(key, "accept") == 0) {
        *has |= HAS_ACCEPT;
        bool done = s_number(iter, &accept);
        to->accept = done ? (uint64_t) accept : 0;
        return done;
    }
    if (strcmp(key, "tags") == 0) {
        to->tags = *iter;
        to->has_tags = true;
    } else if (strcmp(key, "readings") == 0) {
        *has |= HAS_READINGS;
        to->readings = *iter;
        return BSON_ITER_HOLDS_ARRAY(iter);
    }
    return true;
}

bool document_read(const bson_t *bson, document_t *document)
{
    bson_iter_t iter;
    unsigned has = 0;
    *document = (document_t){0};
    if (!bson_iter_init(&iter, bson))
        return false;
    while (bson_iter_next(&iter))
        if (!s_take_field(&iter, document, &has))
            return false;
    return has == HAS_ALL;
}

static bool s_take_reading_name(const bson_iter_t *field, const char *key, pbus_reading_t *to)
{
    if (strcmp(key, "resource") == 0)
        return s_name(field, &to->resource);
    if (strcmp(key, "device") == 0)
        return s_name(field, &to->device);
    if (strcmp(key, "profile") == 0)
        return s_name(field, &to->profile);
    if (strcmp(key, "origin") == 0)
        return s_number(field, &to->origin);
    return true;
}

static bool s_begin_reading(const document_t *document, const bson_iter_t *item, pbus_reading_t *reading,
                            bson_iter_t *field)
{
    *reading = (pbus_reading_t){
        .origin = document->origin, .device = document->device, .profile = document->profile};
    return BSON_ITER_HOLDS_DOCUMENT(item) && bson_iter_recurse(item, field);
}

bool document_reading_names(const document_t *document, const bson_iter_t *item, pbus_reading_t *reading)
{
    bson_iter_t field;
    if (!s_begin_reading(document, item, reading, &field))
        return false;
    while (bson_iter_next(&field))
        if (!s_take_reading_name(&field, bson_iter_key(&field), reading))
            return false;
    return reading->resource.size > 0;
}

static bool s_take_type(const bson_iter_t *field, pbus_reading_t *reading)
{
    pbus_str_t name;
    return s_name(field, &name) && pbus_type_parse(name, &reading->type);
}

/* Everything but the value, whose reading depends on the type: its place is noted. */
static bool s_take_reading_field(const bson_iter_t *field, pbus_reading_t *to, bson_iter_t *value,
                                 scratch_t *scratch)
{
    const char *key = bson_iter_key(field);
    if (strcmp(key, "type") == 0)
        return s_take_type(field, to);
    if (strcmp(key, "units") == 0)
        return s_name(field, &to->units);
    if (strcmp(key, "mediaType") == 0)
        return s_name(field, &to->media_type);
    if (strcmp(key, "tags") == 0)
        return value_read_json(field, &to->tags, scratch);
    if (strcmp(key, "value") == 0) {
        *value = *field;
        return true;
    }
    return s_take_reading_name(field, key, to);
}

bool document_reading(const document_t *document, const bson_iter_t *item, pbus_reading_t *reading,
                      scratch_t *scratch)
{
    bson_iter_t field, value = {0};
    if (!s_begin_reading(document, item, reading, &field))
        return false;
    while (bson_iter_next(&field))
        if (!s_take_reading_field(&field, reading, &value, scratch))
            return false;
    return reading->resource.size > 0 && reading->type && value.raw && value_read(&value, reading, scratch);
}

pbus_status_t document_damaged(const bson_t *bson, pbus_error_t *error)
{
    bson_iter_t iter;
    pbus_uuid_t id;
    char text[PBUS_UUID_TEXT] = "without an id";
    if (bson_iter_init_find(&iter, bson, "_id") && document_read_id(&iter, &id))
        pbus_uuid_format(&id, text);
    return pbus_fail(
        error, PBUS_INTERNAL,
        "document %s in collection events is none that persist-mongo wrote, or was changed: repair or "
        "delete it",
        text);
}

/* ---- whole events ------------------------------------------------------------------------------- */

struct document_decoder {
    scratch_t scratch;
    pbus_reading_t *readings;
    size_t capacity;
};

document_decoder_t *document_decoder_new(void)
{
    return calloc(1, sizeof(document_decoder_t));
}

void document_decoder_destroy(document_decoder_t **self_p)
{
    document_decoder_t *self = *self_p;
    if (!self)
        return;
    scratch_clear(&self->scratch);
    free(self->readings);
    free(self);
    *self_p = NULL;
}

static bool s_room(document_decoder_t *self, size_t count)
{
    if (count < self->capacity)
        return true;
    size_t capacity = self->capacity ? self->capacity * 2 : 16;
    pbus_reading_t *grown = realloc(self->readings, capacity * sizeof *grown);
    if (!grown)
        return false;
    self->readings = grown;
    self->capacity = capacity;
    return true;
}

pbus_status_t document_event(document_decoder_t *self, const bson_t *bson, pbus_event_t *event,
                             uint64_t *accept, pbus_error_t *error)
{
    document_t document;
    bson_iter_t item;
    scratch_reset(&self->scratch);
    if (!document_read(bson, &document) || !bson_iter_recurse(&document.readings, &item))
        return document_damaged(bson, error);
    *event = (pbus_event_t){.id = document.id,
                            .origin = document.origin,
                            .device = document.device,
                            .profile = document.profile,
                            .source = document.source};
    if (document.has_tags && !value_read_json(&document.tags, &event->tags, &self->scratch))
        return document_damaged(bson, error);
    while (bson_iter_next(&item)) {
        if (!s_room(self, event->reading_count))
            return pbus_fail(error, PBUS_NOMEM, "out of memory for an event of %zu readings",
                             event->reading_count);
        if (!document_reading(&document, &item, &self->readings[event->reading_count++], &self->scratch))
            return document_damaged(bson, error);
    }
    if (event->reading_count == 0)
        return document_damaged(bson, error);
    event->readings = self->readings;
    *accept = document.accept;
    return PBUS_OK;
}
