/*
 * Catalogue: the series of a store, in memory, found by what they are made of and by what they hold. It knows
 * nothing of where series are kept: ledger.h brings them in.
 *
 * Series are never taken out; one without events costs some memory.
 *
 * Limits: a (device, source) has up to 64 plain series, and up to 256 KiB of them; a list of readings beyond
 * that goes to the source's mixed series.
 */
#ifndef PERSISTBUS_SERIES_CATALOGUE_H
#define PERSISTBUS_SERIES_CATALOGUE_H

#include <persistbus/series/series.h>

typedef struct pbus_catalogue pbus_catalogue_t;

/* A list of series, the catalogue's own. */
typedef struct {
    const pbus_series_t *const *items;
    size_t count;
} pbus_series_list_t;

/* An empty one; NULL when memory is out. */
PBUS_EXPORT pbus_catalogue_t *pbus_catalogue_new(void);
PBUS_EXPORT void pbus_catalogue_destroy(pbus_catalogue_t **self_p);

/* What has to be added to the catalogue before an event can be. */
typedef enum {
    PBUS_CATALOGUE_NOTHING, /* series is the event's */
    PBUS_CATALOGUE_SERIES,  /* draft, to which the caller gives a number; it views the event */
    PBUS_CATALOGUE_SPREAD   /* series has to be widened to draft.spread */
} pbus_catalogue_need_t;

typedef struct {
    pbus_catalogue_need_t need;
    const pbus_series_t *series;
    pbus_series_t draft;
} pbus_assignment_t;

/* Which series the event belongs to. */
PBUS_EXPORT pbus_assignment_t pbus_catalogue_assign(const pbus_catalogue_t *self, const pbus_event_t *event);

/* Takes in a copy of a series that is not there yet; NULL when memory is out: then the catalogue is spoilt.
 */
PBUS_EXPORT const pbus_series_t *pbus_catalogue_add(pbus_catalogue_t *self, const pbus_series_t *draft);
/* False if there is no such series. */
PBUS_EXPORT bool pbus_catalogue_widen(pbus_catalogue_t *self, int64_t number, pbus_spread_t spread);

/* NULL if there is none. */
PBUS_EXPORT const pbus_series_t *pbus_catalogue_series(const pbus_catalogue_t *self, int64_t number);
PBUS_EXPORT pbus_series_list_t pbus_catalogue_all(const pbus_catalogue_t *self);
/* By the events' own device and source. */
PBUS_EXPORT pbus_series_list_t pbus_catalogue_of_device(const pbus_catalogue_t *self, pbus_str_t device);
PBUS_EXPORT pbus_series_list_t pbus_catalogue_of_source(const pbus_catalogue_t *self, pbus_str_t device,
                                                        pbus_str_t source);
/* Plain series with readings of this device; or resource. */
PBUS_EXPORT pbus_series_list_t pbus_catalogue_with_device(const pbus_catalogue_t *self, pbus_str_t device);
PBUS_EXPORT pbus_series_list_t pbus_catalogue_with_resource(const pbus_catalogue_t *self,
                                                            pbus_str_t resource);
PBUS_EXPORT pbus_series_list_t pbus_catalogue_mixed(const pbus_catalogue_t *self);
PBUS_EXPORT pbus_series_list_t pbus_catalogue_of_class(const pbus_catalogue_t *self, int class);
/* Of all series of the class together. */
PBUS_EXPORT pbus_spread_t pbus_catalogue_class_spread(const pbus_catalogue_t *self, int class);

#endif
