#include "row.h"

#include "jsontext.h"

#include <stdlib.h>
#include <string.h>

struct row {
    pbus_event_t event;
    uint64_t accept;
    pbus_reading_t *readings;
    size_t capacity; /* of readings */
    pbus_buf_t text; /* copy of the columns; decoded in place, so that views point into it */
};

/* ---- encoding --------------------------------------------------------------------------------------------
 */

void row_text_clear(row_text_t *self)
{
    pbus_buf_clear(&self->data);
    pbus_buf_clear(&self->origins);
    pbus_buf_clear(&self->reading_tags);
    pbus_buf_clear(&self->shape);
}

static bool s_is_object(pbus_type_t type)
{
    return type == PBUS_OBJECT || type == PBUS_OBJECT_ARRAY;
}

static bool s_is_number(pbus_type_t type)
{
    return type >= PBUS_UINT8 && type <= PBUS_FLOAT64;
}

static void s_put(pbus_buf_t *out, pbus_str_t text)
{
    pbus_buf_append(out, text.data, text.size);
}

static void s_put_value(pbus_buf_t *out, const pbus_reading_t *reading)
{
    if (reading->is_null)
        pbus_buf_puts(out, "null");
    else if (reading->type == PBUS_BINARY)
        jsontext_put_base64(out, reading->value);
    else if (s_is_object(reading->type) || (s_is_number(reading->type) && jsontext_is_number(reading->value)))
        s_put(out, reading->value);
    else
        jsontext_put_string(out, reading->value);
}

/* Whatever goes into a row as it is has to be found again as the one element that it was. */
static bool s_is_storable(const pbus_reading_t *reading)
{
    bool is_raw = s_is_object(reading->type) && !reading->is_null;
    if (is_raw && (!jsontext_is_token(reading->value) || pbus_str_eq(reading->value, PBUS_STR("null"))))
        return false;
    return reading->tags.size == 0 || (reading->tags.data[0] == '{' && jsontext_is_token(reading->tags));
}

static char s_separator(size_t i)
{
    return i == 0 ? '[' : ',';
}

static void s_put_data(pbus_buf_t *out, const pbus_event_t *event)
{
    for (size_t i = 0; i < event->reading_count; i++) {
        pbus_buf_append(out, (const char[]){s_separator(i)}, 1);
        s_put_value(out, &event->readings[i]);
    }
    pbus_buf_append(out, "]", 1);
}

static void s_put_origins(pbus_buf_t *out, const pbus_event_t *event)
{
    for (size_t i = 0; i < event->reading_count; i++) {
        uint64_t distance = (uint64_t) event->readings[i].origin - (uint64_t) event->origin;
        pbus_buf_printf(out, "%c%lld", s_separator(i), (long long) distance);
    }
    pbus_buf_append(out, "]", 1);
}

static void s_put_reading_tags(pbus_buf_t *out, const pbus_event_t *event)
{
    for (size_t i = 0; i < event->reading_count; i++) {
        pbus_str_t tags = event->readings[i].tags;
        pbus_buf_append(out, (const char[]){s_separator(i)}, 1);
        s_put(out, tags.size > 0 ? tags : PBUS_STR("null"));
    }
    pbus_buf_append(out, "]", 1);
}

static void s_put_shape(pbus_buf_t *out, const pbus_event_t *event)
{
    pbus_buf_append(out, "[", 1);
    jsontext_put_string(out, event->profile);
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        const pbus_str_t names[] = {reading->device,  reading->resource,
                                    reading->profile, pbus_str(pbus_type_name(reading->type)),
                                    reading->units,   reading->media_type};
        pbus_buf_append(out, ",", 1);
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            pbus_buf_append(out, (const char[]){s_separator(k)}, 1);
            jsontext_put_string(out, names[k]);
        }
        pbus_buf_append(out, "]", 1);
    }
    pbus_buf_append(out, "]", 1);
}

pbus_status_t row_encode(row_text_t *self, const pbus_event_t *event, pbus_series_kind_t kind,
                         pbus_error_t *error)
{
    bool has_origins = false, has_tags = false;
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        if (!s_is_storable(reading))
            return pbus_fail(error, PBUS_INVALID,
                             "reading %zu of the event has tags or a value that are not JSON", i);
        has_origins |= reading->origin != event->origin;
        has_tags |= reading->tags.size > 0;
    }
    pbus_buf_reset(&self->data);
    pbus_buf_reset(&self->origins);
    pbus_buf_reset(&self->reading_tags);
    pbus_buf_reset(&self->shape);
    s_put_data(&self->data, event);
    if (has_origins)
        s_put_origins(&self->origins, event);
    if (has_tags)
        s_put_reading_tags(&self->reading_tags, event);
    if (kind != PBUS_SERIES_PLAIN)
        s_put_shape(&self->shape, event);
    if (self->data.failed || self->origins.failed || self->reading_tags.failed || self->shape.failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while encoding an event");
    return PBUS_OK;
}

/* ---- decoding --------------------------------------------------------------------------------------------
 */

row_t *row_new(void)
{
    return calloc(1, sizeof(row_t));
}

void row_destroy(row_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->readings);
    pbus_buf_clear(&(*self_p)->text);
    free(*self_p);
    *self_p = NULL;
}

const pbus_event_t *row_event(const row_t *self)
{
    return &self->event;
}

static void *s_make(void)
{
    return row_new();
}

static void s_destroy(void *row)
{
    row_t *self = row;
    row_destroy(&self);
}

static const pbus_event_t *s_event(const void *row)
{
    return row_event(row);
}

const pbus_pending_rows_t row_pending = {s_make, s_destroy, s_event};

uint64_t row_accept(const row_t *self)
{
    return self->accept;
}

/* Places of the columns in the copy. */
typedef struct {
    char *tags, *data, *origins, *reading_tags, *shape;
} places_t;

static bool s_copy(row_t *self, const row_columns_t *columns, places_t *places)
{
    const pbus_str_t texts[] = {columns->tags, columns->data, columns->origins, columns->reading_tags,
                                columns->shape};
    char **to[] = {&places->tags, &places->data, &places->origins, &places->reading_tags, &places->shape};
    pbus_buf_reset(&self->text);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        pbus_buf_append(&self->text, texts[i].data, texts[i].size);
    if (self->text.failed)
        return false;
    char *at = (char *) self->text.data;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *to[i] = at;
        at += texts[i].size;
    }
    return true;
}

static bool s_make_room(row_t *self, size_t count)
{
    if (count <= self->capacity)
        return true;
    size_t capacity = self->capacity * 2 > count ? self->capacity * 2 : count;
    pbus_reading_t *readings = realloc(self->readings, capacity * sizeof *readings);
    if (!readings)
        return false;
    self->readings = readings;
    self->capacity = capacity;
    return true;
}

static bool s_get_names(pbus_str_t token, pbus_reading_t *reading)
{
    pbus_str_t type = PBUS_STR("");
    pbus_str_t *names[] = {&reading->device, &reading->resource,  &reading->profile, &type,
                           &reading->units,  &reading->media_type};
    jsontext_array_t array = jsontext_array((char *) token.data, token.size);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!jsontext_next(&array, names[i]) || !jsontext_get_string(names[i]))
            return false;
    return array.done && !array.bad && pbus_type_parse(type, &reading->type);
}

/* Names from the row itself, where a plain row has them from its series. */
static bool s_get_shape(row_t *self, char *text, size_t size)
{
    jsontext_array_t array = jsontext_array(text, size);
    pbus_str_t token;
    if (!jsontext_next(&array, &self->event.profile) || !jsontext_get_string(&self->event.profile))
        return false;
    size_t count = 0;
    while (jsontext_next(&array, &token)) {
        if (!s_make_room(self, count + 1))
            return false;
        self->readings[count] = (pbus_reading_t){.tags = PBUS_STR("")};
        if (!s_get_names(token, &self->readings[count]))
            return false;
        count++;
    }
    self->event.reading_count = count;
    return !array.bad && count > 0;
}

static bool s_get_series(row_t *self, const pbus_series_t *series)
{
    if (!s_make_room(self, series->reading_count))
        return false;
    memcpy(self->readings, series->readings, series->reading_count * sizeof *self->readings);
    self->event.profile = series->profile;
    self->event.reading_count = series->reading_count;
    return true;
}

static bool s_get_value(pbus_str_t token, pbus_reading_t *reading)
{
    reading->value = token;
    reading->is_null = pbus_str_eq(token, PBUS_STR("null"));
    if (reading->is_null)
        reading->value = PBUS_STR("");
    else if (reading->type == PBUS_BINARY)
        return jsontext_get_base64(&reading->value);
    else if (!s_is_object(reading->type) && token.data[0] == '"')
        return jsontext_get_string(&reading->value);
    return true;
}

static bool s_get_origin(pbus_str_t token, int64_t event_origin, pbus_reading_t *reading)
{
    int64_t distance;
    if (!jsontext_get_int(token, &distance))
        return false;
    reading->origin = (int64_t) ((uint64_t) event_origin + (uint64_t) distance);
    return true;
}

static bool s_get_tags(pbus_str_t token, pbus_reading_t *reading)
{
    reading->tags = pbus_str_eq(token, PBUS_STR("null")) ? PBUS_STR("") : token;
    return true;
}

typedef enum { VALUES, ORIGINS, TAGS } column_t;

/* One element a reading, neither more nor fewer. */
static bool s_get_column(row_t *self, column_t column, char *text, size_t size)
{
    jsontext_array_t array = jsontext_array(text, size);
    pbus_str_t token;
    size_t i = 0;
    while (jsontext_next(&array, &token)) {
        if (i == self->event.reading_count)
            return false;
        pbus_reading_t *reading = &self->readings[i++];
        bool good = column == VALUES    ? s_get_value(token, reading)
                    : column == ORIGINS ? s_get_origin(token, self->event.origin, reading)
                                        : s_get_tags(token, reading);
        if (!good)
            return false;
    }
    return !array.bad && i == self->event.reading_count;
}

static bool s_decode(row_t *self, const row_columns_t *columns, const pbus_series_t *series)
{
    places_t places;
    if (!s_copy(self, columns, &places))
        return false;
    bool named = series->kind == PBUS_SERIES_PLAIN ? s_get_series(self, series)
                                                   : s_get_shape(self, places.shape, columns->shape.size);
    if (!named)
        return false;
    for (size_t i = 0; i < self->event.reading_count; i++) {
        self->readings[i].origin = columns->origin;
        self->readings[i].tags = PBUS_STR("");
    }
    self->event.tags = (pbus_str_t){places.tags, columns->tags.size};
    self->event.readings = self->readings;
    return s_get_column(self, VALUES, places.data, columns->data.size) &&
           (columns->origins.size == 0 ||
            s_get_column(self, ORIGINS, places.origins, columns->origins.size)) &&
           (columns->reading_tags.size == 0 ||
            s_get_column(self, TAGS, places.reading_tags, columns->reading_tags.size));
}

const pbus_event_t *row_decode(row_t *self, const row_columns_t *columns, const pbus_series_t *series,
                               pbus_error_t *error)
{
    self->accept = columns->accept;
    self->event = (pbus_event_t){
        .id = columns->id, .origin = columns->origin, .device = series->device, .source = series->source};
    if (s_decode(self, columns, series))
        return &self->event;
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&columns->id, id);
    pbus_fail(
        error, PBUS_INTERNAL,
        "the stored event %s cannot be read (its row was changed, or memory is out): delete it by its id",
        id);
    return NULL;
}
