#include "describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#define SHOWN_MAX 80 /* bytes of a text that are shown */

static void s_add(describe_t *self, const char *format, ...) PBUS_PRINTF(2, 3);
static void s_add(describe_t *self, const char *format, ...)
{
    size_t size = strlen(self->text);
    va_list args;
    va_start(args, format);
    vsnprintf(self->text + size, sizeof self->text - size, format, args);
    va_end(args);
}

describe_t describe_text(pbus_str_t text)
{
    describe_t self = {"'"};
    bool is_text = pbus_str_is_text(text);
    size_t shown = text.size < SHOWN_MAX ? text.size : SHOWN_MAX;
    while (is_text && shown < text.size && ((uint8_t) text.data[shown] & 0xC0) == 0x80)
        shown++;
    for (size_t i = 0; i < shown; i++) {
        uint8_t byte = (uint8_t) text.data[i];
        if (byte < 0x20 || byte == 0x7F || byte == '\\' || byte == '\'' || (byte >= 0x80 && !is_text))
            s_add(&self, "\\x%02x", byte);
        else
            s_add(&self, "%c", byte);
    }
    s_add(&self, "'");
    if (shown < text.size)
        s_add(&self, "... (%zu bytes)", text.size);
    return self;
}

describe_t describe_id(const pbus_uuid_t *id)
{
    describe_t self = {""};
    char text[PBUS_UUID_TEXT];
    pbus_uuid_format(id, text);
    s_add(&self, "%s", text);
    return self;
}

/* ---- asks ------------------------------------------------------------------------------------------------
 */

static void s_add_filter(describe_t *self, const pbus_filter_t *filter)
{
    if (filter->device.size)
        s_add(self, ", device %s", describe_text(filter->device).text);
    if (filter->source.size)
        s_add(self, ", source %s", describe_text(filter->source).text);
    for (size_t i = 0; i < filter->resource_count; i++)
        s_add(self, "%s %s", i ? " or" : ", resource", describe_text(filter->resources[i]).text);
    if (filter->id_count)
        s_add(self, ", one of %zu ids", filter->id_count);
    if (filter->origin_min != INT64_MIN)
        s_add(self, ", origin >= %lld", (long long) filter->origin_min);
    if (filter->origin_max != INT64_MAX)
        s_add(self, ", origin <= %lld", (long long) filter->origin_max);
    if (filter->accept_max != UINT64_MAX)
        s_add(self, ", accept <= %llu", (unsigned long long) filter->accept_max);
}

static void s_add_page(describe_t *self, const pbus_query_t *query)
{
    s_add_filter(self, &query->filter);
    s_add(self, ", offset %llu, limit %u%s", (unsigned long long) query->offset, (unsigned) query->limit,
          query->want_total ? ", with total" : "");
}

describe_t describe_ask(const pbus_ask_t *ask)
{
    static const char *const functions[] = {"?", "MIN", "MAX", "COUNT", "SUM", "AVG"};
    describe_t self = {""};
    switch (ask->kind) {
    case PBUS_ASK_EVENTS:
        s_add(&self, "list of events");
        s_add_page(&self, &ask->query);
        break;
    case PBUS_ASK_READINGS:
        s_add(&self, "list of readings");
        s_add_page(&self, &ask->query);
        break;
    case PBUS_ASK_COUNT:
        s_add(&self, "count of %s", ask->what == PBUS_EVENTS ? "events" : "readings");
        s_add_filter(&self, &ask->query.filter);
        break;
    case PBUS_ASK_AGGREGATE:
        s_add(&self, "aggregate %s", functions[ask->function <= PBUS_AVG ? ask->function : 0]);
        s_add_filter(&self, &ask->query.filter);
        break;
    case PBUS_ASK_SOURCES:
        s_add(&self, "list of sources");
        break;
    case PBUS_ASK_SCAN:
        s_add(&self, "scan");
        s_add_filter(&self, &ask->query.filter);
        if (ask->has_after)
            s_add(&self, ", after (%lld, %s)", (long long) ask->after.origin,
                  describe_id(&ask->after.id).text);
        s_add(&self, ", limit %u", (unsigned) ask->query.limit);
        break;
    case PBUS_ASK_PURGE:
        s_add(&self, "purge");
        s_add_filter(&self, &ask->query.filter);
        s_add(&self, ", limit %u", (unsigned) ask->query.limit);
        break;
    case PBUS_ASK_DIGEST:
        s_add(&self, "digest, limit %u", (unsigned) ask->query.limit);
        break;
    }
    return self;
}

/* ---- events and readings ---------------------------------------------------------------------------------
 */

describe_t describe_event(const model_event_t *event)
{
    describe_t self = {""};
    const model_place_t *place = &event->place;
    s_add(&self, "event %s (origin %lld, device %s)", describe_id(&event->event.id).text,
          (long long) event->event.origin, describe_text(event->event.device).text);
    if (place->size == 1)
        s_add(&self, ", acknowledged in a batch of its own");
    else if (place->size > 1)
        s_add(&self, ", write %zu of %zu of an acknowledged batch%s", place->index + 1, place->size,
              place->index + 1 == place->size ? ", the last one"
              : place->index == 0             ? ", the first one"
                                              : "");
    return self;
}

describe_t describe_reading(const pbus_reading_t *reading)
{
    describe_t self = {""};
    const char *type = pbus_type_name(reading->type);
    s_add(&self, "reading of device %s, resource %s, origin %lld, %s ", describe_text(reading->device).text,
          describe_text(reading->resource).text, (long long) reading->origin, type ? type : "no type");
    s_add(&self, "%s", reading->is_null ? "null" : describe_text(reading->value).text);
    return self;
}

static void s_differ_text(describe_t *self, const char *field, pbus_str_t given, pbus_str_t got)
{
    size_t at = 0;
    if (self->text[0] || pbus_str_eq(given, got))
        return;
    while (at < given.size && at < got.size && given.data[at] == got.data[at])
        at++;
    s_add(self, "%s %s came back as %s", field, describe_text(given).text, describe_text(got).text);
    if (at > SHOWN_MAX / 2)
        s_add(self, ", other from byte %zu on", at);
}

static void s_differ_number(describe_t *self, const char *field, int64_t given, int64_t got)
{
    if (!self->text[0] && given != got)
        s_add(self, "%s %lld came back as %lld", field, (long long) given, (long long) got);
}

describe_t describe_reading_difference(const pbus_reading_t *given, const pbus_reading_t *got)
{
    describe_t self = {""};
    s_differ_number(&self, "origin", given->origin, got->origin);
    s_differ_text(&self, "device", given->device, got->device);
    s_differ_text(&self, "profile", given->profile, got->profile);
    s_differ_text(&self, "resource", given->resource, got->resource);
    s_differ_number(&self, "type", given->type, got->type);
    s_differ_text(&self, "units", given->units, got->units);
    s_differ_text(&self, "tags", given->tags, got->tags);
    if (given->is_null != got->is_null && !self.text[0])
        s_add(&self, "%s value came back as %s value", given->is_null ? "a null" : "a",
              got->is_null ? "a null" : "a");
    s_differ_text(&self, "value", given->value, got->value);
    s_differ_text(&self, "media type", given->media_type, got->media_type);
    return self;
}

static void s_differ_readings(describe_t *self, const pbus_event_t *given, const pbus_event_t *got)
{
    for (size_t i = 0; i < given->reading_count && !self->text[0]; i++) {
        describe_t difference = describe_reading_difference(&given->readings[i], &got->readings[i]);
        if (difference.text[0])
            s_add(self, "reading %zu of %zu (%s): %s", i + 1, given->reading_count,
                  pbus_type_name(given->readings[i].type), difference.text);
    }
}

describe_t describe_event_difference(const pbus_event_t *given, const pbus_event_t *got)
{
    describe_t self = {""};
    s_differ_text(&self, "id", (pbus_str_t){(const char *) given->id.bytes, sizeof given->id.bytes},
                  (pbus_str_t){(const char *) got->id.bytes, sizeof got->id.bytes});
    s_differ_number(&self, "origin", given->origin, got->origin);
    s_differ_text(&self, "device", given->device, got->device);
    s_differ_text(&self, "profile", given->profile, got->profile);
    s_differ_text(&self, "source", given->source, got->source);
    s_differ_text(&self, "tags", given->tags, got->tags);
    s_differ_number(&self, "number of readings", (int64_t) given->reading_count,
                    (int64_t) got->reading_count);
    if (!self.text[0])
        s_differ_readings(&self, given, got);
    return self;
}
