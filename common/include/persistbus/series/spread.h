/*
 * Spread: how far the origins of an event's readings may lie from the event's own. Ns.
 *
 * Lists of readings go by the readings' origins, but only events are indexed by time. The spread of a series
 * says which of its events can hold a reading of a given time, and when no later event can still bring a
 * newer one. Series hold events of one class only, so that a device whose clock jumps does not make the lists
 * of well-behaved ones read far ahead.
 */
#ifndef PERSISTBUS_SERIES_SPREAD_H
#define PERSISTBUS_SERIES_SPREAD_H

#include <persistbus/event.h>

typedef struct {
    int64_t low;  /* no reading is earlier than its event's origin + low; INT64_MIN: no such bound */
    int64_t high; /* none is later than the event's origin + high; INT64_MAX: no such bound */
} pbus_spread_t;

/* Classes: every reading has the event's origin; at most 1 ms, 1 s, 1 h from it; farther. */
enum {
    PBUS_SPREAD_NONE,
    PBUS_SPREAD_WITHIN_MS,
    PBUS_SPREAD_WITHIN_S,
    PBUS_SPREAD_WITHIN_H,
    PBUS_SPREAD_FAR,
    PBUS_SPREAD_CLASSES
};

/* The exact spread of one event. */
PBUS_EXPORT pbus_spread_t pbus_spread_of(const pbus_event_t *event);
PBUS_EXPORT int pbus_spread_class(pbus_spread_t self);
/*
 * Widened to a rounder one of the same class, so that the spread of a series changes rarely: to a power of
 * two, which bounds how often by the number of powers.
 */
PBUS_EXPORT pbus_spread_t pbus_spread_rounded(pbus_spread_t self);
/* Widens self to hold the other; false if it already did. */
PBUS_EXPORT bool pbus_spread_widen(pbus_spread_t *self, pbus_spread_t other);

/* The latest origin that a reading of an event of this origin may have. */
PBUS_EXPORT int64_t pbus_spread_latest(pbus_spread_t self, int64_t event_origin);

/* An inclusive range of origins; empty if min > max. */
typedef struct {
    int64_t min, max;
} pbus_span_t;

/* The origins of the events that may hold readings of the range... */
PBUS_EXPORT pbus_span_t pbus_spread_candidates(pbus_spread_t self, pbus_span_t readings);
/* ...and of those, the events that can hold no other readings. */
PBUS_EXPORT pbus_span_t pbus_spread_certain(pbus_spread_t self, pbus_span_t readings);

#endif
