#include "pg_event.h"
#include "pg_json.h"

#include <stdlib.h>
#include <string.h>

#define JSONB_VERSION 1 /* a byte before the text of each jsonb value in binary format */

struct pg_events {
    pbus_event_t event;
    pbus_buf_t readings; /* pbus_reading_t */
    pbus_buf_t text;     /* JSON in its normal form: of what is read, or to be written */
    pbus_buf_t exact;    /* bool: which of the JSON texts of an event have to be kept besides */
};

pg_events_t *pg_events_new(void)
{
    return calloc(1, sizeof(pg_events_t));
}

void pg_events_destroy(pg_events_t **self_p)
{
    if (!*self_p)
        return;
    pbus_buf_clear(&(*self_p)->readings);
    pbus_buf_clear(&(*self_p)->text);
    pbus_buf_clear(&(*self_p)->exact);
    free(*self_p);
    *self_p = NULL;
}

static bool s_is_object(pbus_type_t type)
{
    return type == PBUS_OBJECT || type == PBUS_OBJECT_ARRAY;
}

static bool s_is_text(pbus_type_t type)
{
    return type != PBUS_BINARY && !s_is_object(type);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* Text as jsonb, or NULL; notes whether it has to be kept as it is besides. */
static void s_put_json(pg_events_t *self, pbus_buf_t *out, pbus_str_t text)
{
    pbus_buf_reset(&self->text);
    pg_json_kind_t kind = pg_json_examine(text, &self->text);
    bool exact = kind != PG_JSON_SAME;
    pbus_buf_append(&self->exact, &exact, sizeof exact);
    if (self->text.failed)
        out->failed = true;
    if (kind == PG_JSON_FOREIGN) {
        pg_put_null(out);
        return;
    }
    const uint8_t version = JSONB_VERSION;
    pg_put_int4(out, (int32_t) (self->text.size + 1));
    pbus_buf_append(out, &version, 1);
    pbus_buf_append(out, self->text.data, self->text.size);
}

static void s_put_no_json(pg_events_t *self, pbus_buf_t *out)
{
    const bool exact = false;
    pbus_buf_append(&self->exact, &exact, sizeof exact);
    if (out)
        pg_put_null(out);
}

static void s_put_texts(pbus_buf_t *out, const pbus_event_t *event)
{
    pg_put_int4(out, PG_OID_TEXT_ARRAY);
    size_t opened = pg_open_item(out);
    pg_put_array(out, PG_OID_TEXT, event->reading_count);
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        if (!reading->is_null && s_is_text(reading->type))
            pg_put_item(out, reading->value.data, reading->value.size);
        else
            pg_put_null(out);
    }
    pg_close_item(out, opened);
}

static void s_put_tags(pg_events_t *self, pbus_buf_t *out, const pbus_event_t *event)
{
    pg_put_int4(out, PG_OID_JSONB);
    if (event->tags.size)
        s_put_json(self, out, event->tags);
    else
        s_put_no_json(self, out);
}

static bool s_has_json(const pbus_reading_t *reading, bool tags)
{
    return tags ? reading->tags.size > 0 : s_is_object(reading->type) && !reading->is_null;
}

/* The tags of the readings, or their objects. */
static void s_put_jsons(pg_events_t *self, pbus_buf_t *out, const pbus_event_t *event, bool tags)
{
    size_t with = 0;
    for (size_t i = 0; i < event->reading_count; i++)
        with += s_has_json(&event->readings[i], tags);
    pg_put_int4(out, PG_OID_JSONB_ARRAY);
    if (with == 0)
        pg_put_null(out);
    size_t opened = with ? pg_open_item(out) : 0;
    if (with)
        pg_put_array(out, PG_OID_JSONB, event->reading_count);
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        if (s_has_json(reading, tags))
            s_put_json(self, out, tags ? reading->tags : reading->value);
        else
            s_put_no_json(self, with ? out : NULL);
    }
    if (with)
        pg_close_item(out, opened);
}

static void s_put_binaries(pbus_buf_t *out, const pbus_event_t *event)
{
    size_t with = 0;
    for (size_t i = 0; i < event->reading_count; i++)
        with += event->readings[i].type == PBUS_BINARY && !event->readings[i].is_null;
    pg_put_int4(out, PG_OID_BYTEA_ARRAY);
    if (with == 0) {
        pg_put_null(out);
        return;
    }
    size_t opened = pg_open_item(out);
    pg_put_array(out, PG_OID_BYTEA, event->reading_count);
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        if (reading->type == PBUS_BINARY && !reading->is_null)
            pg_put_item(out, reading->value.data, reading->value.size);
        else
            pg_put_null(out);
    }
    pg_close_item(out, opened);
}

static void s_put_exact_item(pbus_buf_t *out, bool exact, pbus_str_t text)
{
    if (exact)
        pg_put_item(out, text.data, text.size);
    else
        pg_put_null(out);
}

/* The flags were noted in the order: event's tags, objects of all readings, tags of all readings. */
static void s_put_exact(const pg_events_t *self, pbus_buf_t *out, const pbus_event_t *event)
{
    const bool *exact = (const bool *) self->exact.data;
    size_t n = event->reading_count, with = 0;
    for (size_t i = 0; i < self->exact.size; i++)
        with += exact[i];
    pg_put_int4(out, PG_OID_TEXT_ARRAY);
    if (with == 0) {
        pg_put_null(out);
        return;
    }
    size_t opened = pg_open_item(out);
    pg_put_array(out, PG_OID_TEXT, 2 * n + 1);
    s_put_exact_item(out, exact[0], event->tags);
    for (size_t i = 0; i < n; i++) {
        s_put_exact_item(out, exact[1 + n + i], event->readings[i].tags);
        s_put_exact_item(out, exact[1 + i], event->readings[i].value);
    }
    pg_close_item(out, opened);
}

static void s_put_origins(pbus_buf_t *out, const pbus_event_t *event)
{
    pg_put_int4(out, PG_OID_INT8_ARRAY);
    if (!pg_shape_is_own(event)) {
        pg_put_null(out);
        return;
    }
    size_t opened = pg_open_item(out);
    pg_put_array(out, PG_OID_INT8, event->reading_count);
    for (size_t i = 0; i < event->reading_count; i++)
        pg_put_item_int8(out, event->readings[i].origin);
    pg_close_item(out, opened);
}

void pg_events_put(pg_events_t *self, pbus_buf_t *out, const pbus_event_t *event, uint64_t accept,
                   int32_t shape)
{
    pbus_buf_reset(&self->exact);
    size_t opened = pg_open_item(out);
    pg_put_int4(out, 11); /* fields: each its type, its length, its bytes */
    pg_put_int4(out, PG_OID_UUID);
    pg_put_item(out, &event->id, sizeof event->id);
    pg_put_int4(out, PG_OID_INT8);
    pg_put_item_int8(out, event->origin);
    pg_put_int4(out, PG_OID_INT8);
    pg_put_item_int8(out, (int64_t) accept);
    pg_put_int4(out, PG_OID_INT4);
    pg_put_item_int4(out, shape);
    s_put_texts(out, event);
    s_put_tags(self, out, event);
    s_put_jsons(self, out, event, false);
    s_put_binaries(out, event);
    s_put_jsons(self, out, event, true);
    if (self->exact.failed)
        out->failed = true;
    else
        s_put_exact(self, out, event);
    s_put_origins(out, event);
    pg_close_item(out, opened);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* JSON in normal form: the exact text if it was kept, else the server's rewritten. Room has been reserved. */
static bool s_get_json(pg_events_t *self, pbus_str_t jsonb, bool jsonb_null, pbus_str_t exact,
                       bool exact_null, pbus_str_t *text)
{
    if (!exact_null || jsonb_null) {
        *text = exact;
        return !exact_null;
    }
    if (jsonb.size < 1 || jsonb.data[0] != JSONB_VERSION)
        return false;
    size_t start = self->text.size;
    const uint8_t *data = self->text.data;
    if (!pg_json_restore((pbus_str_t){jsonb.data + 1, jsonb.size - 1}, &self->text) || self->text.failed)
        return false;
    *text = (pbus_str_t){(const char *) self->text.data + start, self->text.size - start};
    return self->text.data == data; /* or views of earlier texts would be stale */
}

/* The arrays of a row, walked in step. */
typedef struct {
    pg_array_t texts, objects, binaries, tags, exact, origins;
} s_arrays_t;

enum { TEXTS = 4, TAGS, OBJECTS, BINARIES, READING_TAGS, EXACT, ORIGINS };

static pg_array_t s_array(const pg_row_t *row, int column)
{
    return row->null[column] ? (pg_array_t){.left = 0} : pg_array(row->fields[column]);
}

/* The next item; NULL where there is no array. */
static pbus_str_t s_next(pg_array_t *array, bool *null)
{
    pbus_str_t item = PBUS_STR("");
    *null = true;
    pg_array_next(array, &item, null);
    return item;
}

/* Tags that are neither in jsonb nor exact are no tags. */
static bool s_get_tags(pg_events_t *self, pg_array_t *tags, pbus_str_t exact, bool exact_null,
                       pbus_str_t *text)
{
    bool null;
    pbus_str_t jsonb = s_next(tags, &null);
    *text = PBUS_STR("");
    return (null && exact_null) || s_get_json(self, jsonb, null, exact, exact_null, text);
}

/* Chooses a reading's value by its type. */
static bool s_get_value(pg_events_t *self, pbus_reading_t *reading, const pbus_str_t items[3],
                        const bool nulls[3], pbus_str_t exact, bool exact_null)
{
    int which = s_is_text(reading->type) ? 0 : s_is_object(reading->type) ? 1 : 2;
    reading->value = items[which];
    reading->is_null = nulls[which] && (which != 1 || exact_null);
    if (reading->is_null)
        reading->value = reading->media_type = PBUS_STR("");
    return reading->is_null || which != 1 ||
           s_get_json(self, items[1], nulls[1], exact, exact_null, &reading->value);
}

static bool s_get_item(pg_events_t *self, s_arrays_t *arrays, pbus_reading_t *reading)
{
    pbus_str_t items[3];
    bool nulls[3], exact_null;
    items[0] = s_next(&arrays->texts, &nulls[0]);
    items[1] = s_next(&arrays->objects, &nulls[1]);
    items[2] = s_next(&arrays->binaries, &nulls[2]);
    pbus_str_t exact = s_next(&arrays->exact, &exact_null);
    if (!s_get_tags(self, &arrays->tags, exact, exact_null, &reading->tags))
        return false;
    exact = s_next(&arrays->exact, &exact_null);
    return s_get_value(self, reading, items, nulls, exact, exact_null);
}

static bool s_is_whole(const s_arrays_t *arrays)
{
    const pg_array_t *all[] = {&arrays->texts, &arrays->objects, &arrays->binaries,
                               &arrays->tags,  &arrays->exact,   &arrays->origins};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->bad || all[i]->left)
            return false;
    return true;
}

/* Empties the scratch memory, with room for all JSON of a row, so that views of it stay valid. */
static bool s_make_room(pg_events_t *self, const pg_row_t *row, int columns)
{
    size_t size = 1;
    for (int i = 0; i < columns; i++)
        size += row->fields[i].size;
    pbus_buf_reset(&self->text);
    return pbus_buf_reserve(&self->text, size) != NULL;
}

static bool s_get_readings(pg_events_t *self, s_arrays_t *arrays, const pg_shape_t *shape, int64_t origin)
{
    size_t size = shape->reading_count * sizeof(pbus_reading_t);
    pbus_buf_reset(&self->readings);
    pbus_reading_t *readings = (void *) pbus_buf_reserve(&self->readings, size);
    if (!readings)
        return false;
    memcpy(readings, shape->readings, size);
    for (size_t i = 0; i < shape->reading_count; i++) {
        bool null;
        pbus_str_t own = s_next(&arrays->origins, &null);
        readings[i].origin = null ? origin : pg_field_int8(own);
        if (!s_get_item(self, arrays, &readings[i]))
            return false;
    }
    self->event.readings = readings;
    return true;
}

const pbus_event_t *pg_events_get(pg_events_t *self, const pg_row_t *row, const pg_shape_t *shape)
{
    pbus_event_t *event = &self->event;
    s_arrays_t arrays = {s_array(row, TEXTS),        s_array(row, OBJECTS), s_array(row, BINARIES),
                         s_array(row, READING_TAGS), s_array(row, EXACT),   s_array(row, ORIGINS)};
    if (!s_make_room(self, row, ORIGINS + 1) || !pg_field_uuid(row->fields[PG_EVENT_ID], &event->id))
        return NULL;
    bool exact_null;
    pbus_str_t exact = s_next(&arrays.exact, &exact_null);
    event->tags = PBUS_STR("");
    if ((!row->null[TAGS] || !exact_null) &&
        !s_get_json(self, row->fields[TAGS], row->null[TAGS], exact, exact_null, &event->tags))
        return NULL;
    event->origin = pg_field_int8(row->fields[PG_EVENT_ORIGIN]);
    event->device = shape->device;
    event->profile = shape->profile;
    event->source = shape->source;
    event->reading_count = shape->reading_count;
    if (shape->reading_count == 0 || !s_get_readings(self, &arrays, shape, event->origin))
        return NULL;
    return s_is_whole(&arrays) ? event : NULL;
}

bool pg_events_get_reading(pg_events_t *self, const pg_row_t *row, const pg_shape_t *shape,
                           pbus_reading_t *reading)
{
    enum { TEXT = PG_READING_SHAPE + 1, OBJECT, BINARY, READING_TAG, EXACT_TAGS, EXACT_VALUE, COLUMNS };
    int32_t k = pg_field_int4(row->fields[PG_READING_K]);
    if (k < 1 || (size_t) k > shape->reading_count || !s_make_room(self, row, COLUMNS))
        return false;
    *reading = shape->readings[k - 1];
    reading->origin = pg_field_int8(row->fields[PG_READING_ORIGIN]);
    const pbus_str_t items[3] = {row->fields[TEXT], row->fields[OBJECT], row->fields[BINARY]};
    const bool nulls[3] = {row->null[TEXT], row->null[OBJECT], row->null[BINARY]};
    if ((!row->null[READING_TAG] || !row->null[EXACT_TAGS]) &&
        !s_get_json(self, row->fields[READING_TAG], row->null[READING_TAG], row->fields[EXACT_TAGS],
                    row->null[EXACT_TAGS], &reading->tags))
        return false;
    return s_get_value(self, reading, items, nulls, row->fields[EXACT_VALUE], row->null[EXACT_VALUE]);
}
