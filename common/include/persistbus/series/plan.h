/*
 * Plan: which parts of a store that keeps events by series a query has to look at.
 *
 * A source is either a series or everything of one class of spread; its entries come in the order of events.
 * A filter by name is answered by the series that can pass it, merged, so that nothing is read in vain. When
 * those are very many, walking the classes and passing over what does not match may find a short page sooner:
 * a plan for that is `filtered`.
 */
#ifndef PERSISTBUS_SERIES_PLAN_H
#define PERSISTBUS_SERIES_PLAN_H

#include <persistbus/query.h>

#include <persistbus/series/catalogue.h>

typedef struct {
    const pbus_series_t *series; /* NULL: the whole class */
    int class;
    pbus_spread_t spread;
    pbus_span_t span; /* of the events' origins that can matter */
    size_t
        matches; /* readings of each event that pass the filter by name; 0: each event has to be looked at */
} pbus_source_t;

typedef struct {
    pbus_source_t *sources;
    size_t count;
    size_t capacity;
    bool filtered; /* entries of series that the filter does not let pass are among them */
} pbus_plan_t;

PBUS_EXPORT void pbus_plan_clear(pbus_plan_t *self);
/* Adds a source as it is. PBUS_NOMEM. */
PBUS_EXPORT pbus_status_t pbus_plan_add(pbus_plan_t *self, pbus_source_t source, pbus_error_t *error);

/*
 * Fill an empty plan for events or readings that pass the filter: with series if the filter has names, else
 * with classes. PBUS_NOMEM.
 */
PBUS_EXPORT pbus_status_t pbus_plan_events(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                           const pbus_filter_t *filter, pbus_error_t *error);
PBUS_EXPORT pbus_status_t pbus_plan_readings(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                             const pbus_filter_t *filter, pbus_error_t *error);
/* The same with classes in any case. */
PBUS_EXPORT pbus_status_t pbus_plan_event_walk(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                               const pbus_filter_t *filter, pbus_error_t *error);
PBUS_EXPORT pbus_status_t pbus_plan_reading_walk(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                                 const pbus_filter_t *filter, pbus_error_t *error);
/* The same with series in any case. */
PBUS_EXPORT pbus_status_t pbus_plan_reading_series(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                                   const pbus_filter_t *filter, pbus_error_t *error);

/* Whether events of the series pass the filter's names. */
PBUS_EXPORT bool pbus_plan_event_passes(const pbus_filter_t *filter, const pbus_series_t *series);
/* How many readings of each event of a plain series pass the filter's names. */
PBUS_EXPORT size_t pbus_plan_matches(const pbus_filter_t *filter, const pbus_series_t *series);

/*
 * The place of an event of the source in the order of events; or in that of readings the place, (reading's
 * origin, event's id) descending, before which none of its readings can come.
 */
PBUS_EXPORT pbus_cursor_t pbus_source_key(const pbus_source_t *source, int64_t origin, const pbus_uuid_t *id,
                                          bool readings);

#endif
