/*
 * Event rows: an event as a row of the table stored_event, and back.
 *
 * A row's arrays run parallel to the readings of its shape. Which one holds a reading's value follows from
 * its type: `objects` (jsonb) for Object and ObjectArray, `binaries` for Binary, `texts` for all others; NULL
 * there is a null reading. An array all of whose items would be NULL is NULL itself, but for `texts`.
 */
#ifndef PG_EVENT_H
#define PG_EVENT_H

#include "pg_params.h"
#include "pg_rows.h"
#include "pg_shapes.h"

typedef struct pg_events pg_events_t;

/* Scratch memory of the conversions. NULL when memory is out. */
pg_events_t *pg_events_new(void);
void pg_events_destroy(pg_events_t **self_p);

/* Appends the event as an item of type new_event. */
void pg_events_put(pg_events_t *self, pbus_buf_t *out, const pbus_event_t *event, uint64_t accept,
                   int32_t shape);

/* The columns that the next function needs, for a SELECT from stored_event e, and how many they are. */
#define PG_EVENT_COLUMNS                                                                                     \
    "e.id, e.origin, e.accept, e.shape, e.texts, e.tags, e.objects, e.binaries, e.reading_tags, e.exact, "   \
    "e.origins"
enum { PG_EVENT_ID, PG_EVENT_ORIGIN, PG_EVENT_ACCEPT, PG_EVENT_SHAPE };

/* The event of a row of those columns, valid until the next call. NULL: the row is damaged, or memory is out.
 */
const pbus_event_t *pg_events_get(pg_events_t *self, const pg_row_t *row, const pg_shape_t *shape);

/* The columns for one reading, k being SQL for its number. */
#define PG_READING_COLUMNS(k)                                                                                \
    "e.texts[" k "], e.objects[" k "], e.binaries[" k "], e.reading_tags[" k "], e.exact[2*" k               \
    "], e.exact[2*" k "+1]"

/*
 * The reading of a row whose columns begin with its origin, the event's id, k and the shape, followed by
 * those above; valid until the next call. False: the row is damaged, or memory is out.
 */
enum { PG_READING_ORIGIN, PG_READING_ID, PG_READING_K, PG_READING_SHAPE };
bool pg_events_get_reading(pg_events_t *self, const pg_row_t *row, const pg_shape_t *shape,
                           pbus_reading_t *reading);

#endif
