/*
 * Filter: a filter of events or of readings as a MongoDB condition.
 */
#ifndef PERSIST_MONGO_FILTER_H
#define PERSIST_MONGO_FILTER_H

#include <persistbus/query.h>

#include <mongoc/mongoc.h>

/* Exactly the events that pass. */
void filter_events(const pbus_filter_t *filter, bson_t *to);
/*
 * Which index serves readings of a device and of resources. Left to itself, MongoDB tries both, and then
 * keeps to the one for all devices and resources: after a query for a resource that is rare it looks for
 * those of a small device through all events that have the resource.
 */
typedef enum {
    FILTER_FREE,        /* as the server likes: one of the two is not asked for, or there are no indexes */
    FILTER_BY_DEVICE,   /* the resources are looked for in what the device has */
    FILTER_BY_RESOURCE, /* the other way round */
} filter_way_t;
/*
 * Events that may have readings that pass; each reading is to be looked at. One branch for each class of
 * spread, and for the event's own and other devices, so that each is a range of an index that is in order of
 * `last`.
 */
void filter_readings(const pbus_filter_t *filter, filter_way_t way, bson_t *to);
/* Whether the filter has bounds of origin. */
bool filter_is_bounded(const pbus_filter_t *filter);

#endif
