#include "ledger.h"

#include "keys.h"

#include <string.h>

#define SERIES_HEAD 19 /* bytes before the event */
#define SPREAD_SIZE 21

/* What stands for the names that a mixed series does not have; an encoded event has to have some. */
#define NO_NAME PBUS_STR("-")

static void s_put_number(pbus_buf_t *out, uint64_t number, size_t size)
{
    uint8_t bytes[8];
    member_write_number(number, bytes, size);
    pbus_buf_append(out, bytes, size);
}

static void s_put_spread(pbus_buf_t *out, pbus_spread_t spread)
{
    s_put_number(out, (uint64_t) spread.low, 8);
    s_put_number(out, (uint64_t) spread.high, 8);
}

static pbus_spread_t s_get_spread(const uint8_t *bytes)
{
    return (pbus_spread_t){(int64_t) member_read_number(bytes, 8),
                           (int64_t) member_read_number(bytes + 8, 8)};
}

/* A reading of a series, without a value; a Binary needs one to keep its media type. */
static pbus_reading_t s_bare(const pbus_reading_t *reading, int64_t origin)
{
    pbus_reading_t bare = *reading;
    bare.origin = origin;
    bare.value = bare.tags = PBUS_STR("");
    bare.is_null = bare.type != PBUS_BINARY || bare.media_type.size == 0;
    return bare;
}

static void s_put_names(const pbus_series_t *series, pbus_reading_t *readings, pbus_buf_t *out)
{
    pbus_event_t event = {.origin = 1,
                          .device = series->device,
                          .profile = series->profile,
                          .source = series->source,
                          .tags = PBUS_STR(""),
                          .readings = readings,
                          .reading_count = series->reading_count};
    for (size_t i = 0; i < series->reading_count; i++)
        readings[i] = s_bare(&series->readings[i], event.origin);
    if (series->kind != PBUS_SERIES_PLAIN) {
        readings[0] = (pbus_reading_t){event.origin, event.device, NO_NAME,      NO_NAME,      PBUS_STRING,
                                       true,         PBUS_STR(""), PBUS_STR(""), PBUS_STR(""), PBUS_STR("")};
        event.profile = NO_NAME;
        event.reading_count = 1;
    }
    pbus_event_encode(&event, out);
}

void ledger_write_series(const pbus_series_t *series, pbus_buf_t *out)
{
    uint8_t head[3] = {'S', (uint8_t) series->kind, (uint8_t) series->class};
    pbus_buf_t readings = {0};
    size_t count = series->kind == PBUS_SERIES_PLAIN ? series->reading_count : 1;
    uint8_t *room = pbus_buf_reserve(&readings, count * sizeof(pbus_reading_t));
    if (!room) {
        out->failed = true;
        return;
    }
    pbus_buf_append(out, head, sizeof head);
    s_put_spread(out, series->spread);
    s_put_names(series, (pbus_reading_t *) room, out);
    pbus_buf_clear(&readings);
}

void ledger_write_spread(int64_t number, pbus_spread_t spread, pbus_buf_t *out)
{
    pbus_buf_append(out, "W", 1);
    s_put_number(out, (uint64_t) number, 4);
    s_put_spread(out, spread);
}

static pbus_status_t s_read_series(pbus_catalogue_t *catalogue, pbus_decoder_t *decoder, int64_t place,
                                   const uint8_t *bytes, size_t size, pbus_error_t *error)
{
    const pbus_event_t *event = pbus_decoder_event(decoder, bytes + SERIES_HEAD, size - SERIES_HEAD);
    bool good = event && bytes[1] < PBUS_SERIES_KINDS && bytes[2] < PBUS_SPREAD_CLASSES &&
                place <= PBUS_SERIES_NUMBER_MAX;
    if (!good)
        return pbus_fail(error, PBUS_INTERNAL, "entry %lld of the list of series is none: restore a backup",
                         (long long) place);
    bool plain = bytes[1] == PBUS_SERIES_PLAIN;
    pbus_series_t draft = {.number = place,
                           .kind = (pbus_series_kind_t) bytes[1],
                           .class = bytes[2],
                           .spread = s_get_spread(bytes + 3),
                           .device = event->device,
                           .profile = plain ? event->profile : PBUS_STR(""),
                           .source = event->source,
                           .readings = (pbus_reading_t *) event->readings, /* only read */
                           .reading_count = plain ? event->reading_count : 0};
    if (!pbus_catalogue_add(catalogue, &draft))
        return pbus_fail(error, PBUS_NOMEM, "out of memory for the catalogue of series");
    return PBUS_OK;
}

pbus_status_t ledger_read(pbus_catalogue_t *catalogue, pbus_decoder_t *decoder, int64_t place,
                          const void *data, size_t size, pbus_error_t *error)
{
    const uint8_t *bytes = data;
    if (size > SERIES_HEAD && bytes[0] == 'S')
        return s_read_series(catalogue, decoder, place, bytes, size, error);
    if (size == SPREAD_SIZE && bytes[0] == 'W' &&
        pbus_catalogue_widen(catalogue, (int64_t) member_read_number(bytes + 1, 4), s_get_spread(bytes + 5)))
        return PBUS_OK;
    return pbus_fail(error, PBUS_INTERNAL, "entry %lld of the list of series is none: restore a backup",
                     (long long) place);
}
