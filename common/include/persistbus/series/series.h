/*
 * Series: events that share device, profile, source and the exact list of readings (device, profile,
 * resource, value type, units, media type), and the class of their spread. What Redis keeps of such an event
 * is only what is its own: id, origin, values. See catalogue.h for where series come from.
 *
 * A mixed series takes the events of a source whose list of readings changes too often to be catalogued; its
 * events are kept whole, and the filters look into each.
 */
#ifndef PERSISTBUS_SERIES_SERIES_H
#define PERSISTBUS_SERIES_SERIES_H

#include <persistbus/event.h>

#include <persistbus/series/spread.h>

typedef enum {
    PBUS_SERIES_PLAIN = 0,
    PBUS_SERIES_MIXED = 1,         /* all readings are of the event's device */
    PBUS_SERIES_MIXED_FOREIGN = 2, /* of any device */
    PBUS_SERIES_KINDS
} pbus_series_kind_t;

#define PBUS_SERIES_NUMBER_MAX UINT32_MAX

/* All memory is the catalogue's. */
typedef struct {
    int64_t number; /* greater than that of every series before it */
    pbus_series_kind_t kind;
    int class; /* of the spread, for good */
    pbus_spread_t spread;
    pbus_str_t device;
    pbus_str_t profile; /* plain only */
    pbus_str_t source;
    pbus_reading_t *readings; /* plain only; without origin, value and tags */
    size_t reading_count;
    size_t weight; /* bytes of memory, for the catalogue's limits */
    uint64_t hash; /* of what makes it this series */
} pbus_series_t;

#endif
