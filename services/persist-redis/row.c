#include "row.h"

#include "keys.h"

#include <stdlib.h>
#include <string.h>

#define ACCEPT_AT 8
#define SERIES_AT 16
#define FLAGS_AT 20
#define COUNT_AT 21

enum { CLASS_MASK = 7, TAGS = 8, ORIGINS = 16, READING_TAGS = 32, MIXED = 64, LARGE = 128 };

struct row {
    pbus_event_t event;
    uint64_t accept;
    pbus_reading_t *readings;
    size_t capacity;         /* of readings */
    pbus_buf_t bytes;        /* copy of the body, into which views point */
    pbus_decoder_t *decoder; /* of mixed ones; made when needed */
};

/* ---- head ------------------------------------------------------------------------------------------------
 */

static uint8_t s_flags(const void *blob)
{
    return ((const uint8_t *) blob)[FLAGS_AT];
}

bool row_read_head(const void *blob, size_t size, row_head_t *head)
{
    const uint8_t *bytes = blob;
    if (size < ROW_HEAD)
        return false;
    head->origin = member_read_origin(bytes);
    head->accept = member_read_number(bytes + ACCEPT_AT, 8);
    head->series = (int64_t) member_read_number(bytes + SERIES_AT, 4);
    head->class = bytes[FLAGS_AT] & CLASS_MASK;
    head->large = bytes[FLAGS_AT] & LARGE;
    head->readings = (size_t) member_read_number(bytes + COUNT_AT, 3);
    return head->class < PBUS_SPREAD_CLASSES;
}

static void s_put_head(pbus_buf_t *out, const pbus_event_t *event, uint64_t accept,
                       const pbus_series_t *series, int flags)
{
    uint8_t head[ROW_HEAD];
    member_write_origin(event->origin, head);
    member_write_number(accept, head + ACCEPT_AT, 8);
    member_write_number((uint64_t) series->number, head + SERIES_AT, 4);
    head[FLAGS_AT] = (uint8_t) (flags | series->class);
    member_write_number(event->reading_count, head + COUNT_AT, 3);
    pbus_buf_append(out, head, sizeof head);
}

/* ---- encoding --------------------------------------------------------------------------------------------
 */

void row_bytes_clear(row_bytes_t *self)
{
    pbus_buf_clear(&self->blob);
    pbus_buf_clear(&self->body);
}

static void s_put_varint(pbus_buf_t *out, uint64_t number)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[size++] = (uint8_t) (number | 0x80);
    bytes[size++] = (uint8_t) number;
    pbus_buf_append(out, bytes, size);
}

static void s_put_text(pbus_buf_t *out, pbus_str_t text, size_t size_code)
{
    s_put_varint(out, size_code);
    if (text.size > 0)
        pbus_buf_append(out, text.data, text.size);
}

static uint64_t s_zigzag(int64_t number)
{
    return (uint64_t) number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

static int s_find_flags(const pbus_event_t *event)
{
    int flags = event->tags.size > 0 ? TAGS : 0;
    for (size_t i = 0; i < event->reading_count; i++) {
        flags |= event->readings[i].origin != event->origin ? ORIGINS : 0;
        flags |= event->readings[i].tags.size > 0 ? READING_TAGS : 0;
    }
    return flags;
}

static void s_put_plain(pbus_buf_t *out, const pbus_event_t *event, int flags)
{
    if (flags & TAGS)
        s_put_text(out, event->tags, event->tags.size);
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        s_put_text(out, reading->value, reading->is_null ? 0 : reading->value.size + 1);
    }
    for (size_t i = 0; i < event->reading_count && (flags & ORIGINS); i++)
        s_put_varint(out,
                     s_zigzag((int64_t) ((uint64_t) event->readings[i].origin - (uint64_t) event->origin)));
    for (size_t i = 0; i < event->reading_count && (flags & READING_TAGS); i++)
        s_put_text(out, event->readings[i].tags, event->readings[i].tags.size);
}

/* Moves what is behind the head into the body, if that makes the blob too long. */
static void s_split(row_bytes_t *self)
{
    if (self->blob.size <= ROW_INLINE_MAX || self->blob.failed)
        return;
    pbus_buf_append(&self->body, self->blob.data + ROW_HEAD, self->blob.size - ROW_HEAD);
    self->blob.size = ROW_HEAD;
    self->blob.data[FLAGS_AT] |= LARGE;
}

pbus_status_t row_encode(row_bytes_t *self, const pbus_event_t *event, pbus_str_t data, uint64_t accept,
                         const pbus_series_t *series, pbus_error_t *error)
{
    if (event->reading_count > ROW_READINGS_MAX)
        return pbus_fail(error, PBUS_INVALID, "an event has %zu readings; %d are the most",
                         event->reading_count, ROW_READINGS_MAX);
    bool mixed = series->kind != PBUS_SERIES_PLAIN;
    int flags = mixed ? MIXED : s_find_flags(event);
    pbus_buf_reset(&self->blob);
    pbus_buf_reset(&self->body);
    s_put_head(&self->blob, event, accept, series, flags);
    if (mixed)
        pbus_buf_append(&self->blob, data.data, data.size);
    else
        s_put_plain(&self->blob, event, flags);
    s_split(self);
    if (self->blob.failed || self->body.failed)
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
    pbus_buf_clear(&(*self_p)->bytes);
    pbus_decoder_destroy(&(*self_p)->decoder);
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

/* Reads from the copy; `bad` stays set once something was not as it has to be. */
typedef struct {
    const uint8_t *at, *end;
    bool bad;
} input_t;

static uint64_t s_get_varint(input_t *in)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        number |= (uint64_t) (byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
    in->bad = true;
    return 0;
}

static pbus_str_t s_get_bytes(input_t *in, uint64_t size)
{
    if (in->bad || size > (uint64_t) (in->end - in->at)) {
        in->bad = true;
        return PBUS_STR("");
    }
    pbus_str_t bytes = {(const char *) in->at, (size_t) size};
    in->at += size;
    return bytes;
}

static pbus_str_t s_get_text(input_t *in)
{
    pbus_str_t text = s_get_bytes(in, s_get_varint(in));
    in->bad |= !pbus_str_is_text(text);
    return text;
}

static void s_get_value(input_t *in, pbus_reading_t *reading)
{
    uint64_t size = s_get_varint(in);
    reading->is_null = size == 0;
    reading->value = reading->is_null ? PBUS_STR("") : s_get_bytes(in, size - 1);
    in->bad |= reading->type != PBUS_BINARY && !pbus_str_is_text(reading->value);
}

static int64_t s_get_origin(input_t *in, int64_t event_origin)
{
    uint64_t code = s_get_varint(in);
    uint64_t distance = code >> 1 ^ (code & 1 ? UINT64_MAX : 0);
    return (int64_t) ((uint64_t) event_origin + distance);
}

static bool s_make_room(row_t *self, size_t count)
{
    if (count <= self->capacity)
        return true;
    pbus_reading_t *readings = realloc(self->readings, count * sizeof *readings);
    if (!readings)
        return false;
    self->readings = readings;
    self->capacity = count;
    return true;
}

static bool s_decode_plain(row_t *self, int flags, const pbus_series_t *series)
{
    input_t in = {self->bytes.data, self->bytes.data + self->bytes.size, false};
    pbus_event_t *event = &self->event;
    if (!s_make_room(self, series->reading_count))
        return false;
    memcpy(self->readings, series->readings, series->reading_count * sizeof *self->readings);
    event->readings = self->readings;
    event->reading_count = series->reading_count;
    event->device = series->device;
    event->profile = series->profile;
    event->source = series->source;
    event->tags = flags & TAGS ? s_get_text(&in) : PBUS_STR("");
    for (size_t i = 0; i < event->reading_count; i++)
        s_get_value(&in, &self->readings[i]);
    for (size_t i = 0; i < event->reading_count; i++)
        self->readings[i].origin = flags & ORIGINS ? s_get_origin(&in, event->origin) : event->origin;
    for (size_t i = 0; i < event->reading_count; i++)
        self->readings[i].tags = flags & READING_TAGS ? s_get_text(&in) : PBUS_STR("");
    return !in.bad && in.at == in.end;
}

static bool s_decode_mixed(row_t *self)
{
    if (!self->decoder)
        self->decoder = pbus_decoder_new();
    if (!self->decoder)
        return false;
    const pbus_event_t *event = pbus_decoder_event(self->decoder, self->bytes.data, self->bytes.size);
    if (!event || memcmp(&event->id, &self->event.id, sizeof event->id) != 0 ||
        event->origin != self->event.origin)
        return false;
    self->event = *event;
    return true;
}

static bool s_decode(row_t *self, const pbus_uuid_t *id, pbus_str_t blob, pbus_str_t body,
                     const pbus_series_t *series)
{
    row_head_t head;
    if (!row_read_head(blob.data, blob.size, &head) || head.series != series->number)
        return false;
    int flags = s_flags(blob.data);
    bool mixed = series->kind != PBUS_SERIES_PLAIN;
    if (!(flags & LARGE))
        body = (pbus_str_t){blob.data + ROW_HEAD, blob.size - ROW_HEAD};
    pbus_buf_reset(&self->bytes);
    pbus_buf_append(&self->bytes, body.data, body.size);
    if (self->bytes.failed || mixed != !!(flags & MIXED))
        return false;
    self->accept = head.accept;
    self->event = (pbus_event_t){.id = *id, .origin = head.origin};
    return (mixed ? s_decode_mixed(self) : s_decode_plain(self, flags, series)) &&
           self->event.reading_count == head.readings;
}

const pbus_event_t *row_decode(row_t *self, const pbus_uuid_t *id, pbus_str_t blob, pbus_str_t body,
                               const pbus_series_t *series, pbus_error_t *error)
{
    if (s_decode(self, id, blob, body, series))
        return &self->event;
    char text[PBUS_UUID_TEXT];
    pbus_uuid_format(id, text);
    pbus_fail(error, PBUS_INTERNAL,
              "the stored event %s cannot be read (it was changed, or memory is out): delete it by its id",
              text);
    return NULL;
}
