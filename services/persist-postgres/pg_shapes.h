/*
 * Shapes: what events have in common. A shape is the device, profile and source of an event and the list of
 * its readings: device, profile, resource, type, units, media type of each, and whether the readings have
 * origins of their own. A source sends events of one shape, or few, over and over; so shapes are numbered
 * once, in the tables `shape` and `shape_reading`, and an event's row holds the number and the values.
 *
 * This class is what one connection remembers of those tables. Rows of `shape` are never changed or deleted,
 * so what it remembers stays true as long as the store is the same; call pg_shapes_forget on each new
 * connection.
 */
#ifndef PG_SHAPES_H
#define PG_SHAPES_H

#include "pg_link.h"

#include <persistbus/event.h>

typedef struct {
    int32_t id;
    bool own; /* readings have origins of their own */
    pbus_str_t device;
    pbus_str_t profile;
    pbus_str_t source;
    size_t reading_count;
    const pbus_reading_t *readings; /* what the shape says of them; origin and values are empty */
} pg_shape_t;

typedef struct pg_shapes pg_shapes_t;

/* NULL when memory is out. */
pg_shapes_t *pg_shapes_new(void);
void pg_shapes_destroy(pg_shapes_t **self_p);
void pg_shapes_forget(pg_shapes_t *self);
/* Forgets all if there has become too much of it; not in the middle of a batch or page. */
void pg_shapes_trim(pg_shapes_t *self);

/* Whether a reading's origin is not the event's. */
bool pg_shape_is_own(const pbus_event_t *event);

/*
 * Writing: the number of the event's shape, 0 if it is not remembered. pg_shapes_want then notes the shape,
 * and pg_shapes_enrol, called outside of a transaction, finds or makes the numbers of all noted ones.
 */
int32_t pg_shapes_find(pg_shapes_t *self, const pbus_event_t *event);
void pg_shapes_want(pg_shapes_t *self, const pbus_event_t *event);
pbus_status_t pg_shapes_enrol(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error);

/* Reading: reads those of the numbered shapes that are not remembered; then get finds them. */
pbus_status_t pg_shapes_load(pg_shapes_t *self, pg_link_t *link, const int32_t *ids, size_t count,
                             int64_t deadline, pbus_error_t *error);
const pg_shape_t *pg_shapes_get(const pg_shapes_t *self, int32_t id);

#endif
