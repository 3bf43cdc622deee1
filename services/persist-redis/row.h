/*
 * Row: an event to and from the bytes that Redis keeps of it. Numbers are big-endian, varints as in LEB128.
 *
 *      0   8  origin, its sign bit turned around (keys.h)
 *      8   8  accept number
 *     16   4  number of the series
 *     20   1  flags: class of the spread (3 bits); 8 tags, 16 origins, 32 tags of readings, 64 mixed, 128
 * large 21   3  number of readings 24      body; if large, it has a key of its own
 *
 * The body of a mixed series is the event as it was received. That of a plain one has, in the order of the
 * series' readings, what the series does not tell:
 *
 *     tags     varint size, text                 if the flag says so
 *     values   for each reading: varint size + 1, bytes; 0 for a reading without a value
 *     origins  for each reading: varint (zigzag) distance from the event's, modulo 2^64; if the flag says so
 *     tags     for each reading: varint size, text; if the flag says so
 *
 * What was encoded is decoded to an equal event; the bytes are not trusted all the same.
 */
#ifndef ROW_H
#define ROW_H

#include <persistbus/series/pending.h>
#include <persistbus/series/series.h>

#define ROW_HEAD 24         /* bytes */
#define ROW_INLINE_MAX 4096 /* bytes of a blob that is not large */
#define ROW_READINGS_MAX 0xffffff

typedef struct {
    int64_t origin;
    uint64_t accept;
    int64_t series;
    int class;
    bool large;
    size_t readings;
} row_head_t;

/* False if these bytes cannot be an event's blob. */
bool row_read_head(const void *blob, size_t size, row_head_t *head);

/* What goes into Redis; body is empty unless the event is large. Reusable; the caller clears it. */
typedef struct {
    pbus_buf_t blob;
    pbus_buf_t body;
} row_bytes_t;

void row_bytes_clear(row_bytes_t *self);
/* data: the event as it was received. PBUS_INVALID for more than ROW_READINGS_MAX readings; PBUS_NOMEM. */
pbus_status_t row_encode(row_bytes_t *self, const pbus_event_t *event, pbus_str_t data, uint64_t accept,
                         const pbus_series_t *series, pbus_error_t *error);

/* A decoded event, with a copy of all that the series does not hold. */
typedef struct row row_t;

/* NULL when memory is out. */
row_t *row_new(void);
void row_destroy(row_t **self_p);
/*
 * blob: of the event with this id, of this series; body: of the key of its own if it is large, else empty.
 * The event and its views are valid until the next call, or until the series goes. NULL with *error.
 */
const pbus_event_t *row_decode(row_t *self, const pbus_uuid_t *id, pbus_str_t blob, pbus_str_t body,
                               const pbus_series_t *series, pbus_error_t *error);
const pbus_event_t *row_event(const row_t *self);
/* Rows as readings wait in them. */
extern const pbus_pending_rows_t row_pending;
uint64_t row_accept(const row_t *self);

#endif
