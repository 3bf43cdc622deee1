/*
 * Row: an event to and from the columns of its row. The README says what a person finds in them.
 *
 *     data          JSON array, one element a reading, in the series' order: number or string; base64 text of
 *                   a Binary; the JSON itself of an Object or ObjectArray; null for a reading without a value
 *     tags          the event's tags, JSON object
 *     origins       JSON array of each reading's distance in ns from the event's origin (modulo 2^64)
 *     reading_tags  JSON array of objects or null
 *     shape         mixed series only: ["profile", ["device", "resource", "profile", "type", "units",
 *                   "media type"], ...]
 *
 * A column that would say nothing is NULL. What was encoded is decoded to an equal event; rows are not
 * trusted all the same, as other programs can write to the file.
 */
#ifndef ROW_H
#define ROW_H

#include <persistbus/series/pending.h>
#include <persistbus/series/series.h>

/* The texts of a row; an empty one stands for NULL. Reusable; the caller clears it. */
typedef struct {
    pbus_buf_t data;
    pbus_buf_t origins;
    pbus_buf_t reading_tags;
    pbus_buf_t shape;
} row_text_t;

void row_text_clear(row_text_t *self);
/*
 * PBUS_INVALID for an event that is not in normal form (tags or an object value that are not JSON), so that
 * it could not be read back; PBUS_NOMEM.
 */
pbus_status_t row_encode(row_text_t *self, const pbus_event_t *event, pbus_series_kind_t kind,
                         pbus_error_t *error);

/* What a row holds, as views into SQLite's memory; an empty text stands for NULL. */
typedef struct {
    pbus_uuid_t id;
    int64_t origin;
    uint64_t accept;
    pbus_str_t data;
    pbus_str_t tags;
    pbus_str_t origins;
    pbus_str_t reading_tags;
    pbus_str_t shape;
} row_columns_t;

/* A decoded row, with a copy of all that the series does not hold. */
typedef struct row row_t;

row_t *row_new(void);
void row_destroy(row_t **self_p);
/* The event and its views are valid until the next call, or until the series goes. NULL with *error. */
const pbus_event_t *row_decode(row_t *self, const row_columns_t *columns, const pbus_series_t *series,
                               pbus_error_t *error);
const pbus_event_t *row_event(const row_t *self);
/* Rows as readings wait in them. */
extern const pbus_pending_rows_t row_pending;
uint64_t row_accept(const row_t *self);

#endif
