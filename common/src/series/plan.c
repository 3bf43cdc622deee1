#include <persistbus/series/plan.h>

#include <stdlib.h>
#include <string.h>

/* Classes from this on are not taken as a whole while they have fewer series than FAR_SERIES: a series' own
   spread says much more about where its readings are than that of all of them together. */
#define FAR_CLASS PBUS_SPREAD_WITHIN_H
#define FAR_SERIES 1000

void pbus_plan_clear(pbus_plan_t *self)
{
    free(self->sources);
    *self = (pbus_plan_t){0};
}

pbus_status_t pbus_plan_add(pbus_plan_t *self, pbus_source_t source, pbus_error_t *error)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        pbus_source_t *sources = realloc(self->sources, capacity * sizeof *sources);
        if (!sources)
            return pbus_fail(error, PBUS_NOMEM, "out of memory while planning a query");
        self->sources = sources;
        self->capacity = capacity;
    }
    self->sources[self->count++] = source;
    return PBUS_OK;
}

bool pbus_plan_event_passes(const pbus_filter_t *filter, const pbus_series_t *series)
{
    return (filter->device.size == 0 || pbus_str_eq(filter->device, series->device)) &&
           (filter->source.size == 0 || pbus_str_eq(filter->source, series->source));
}

static bool s_reading_passes(const pbus_filter_t *filter, const pbus_reading_t *reading)
{
    if (filter->device.size > 0 && !pbus_str_eq(filter->device, reading->device))
        return false;
    for (size_t i = 0; i < filter->resource_count; i++)
        if (pbus_str_eq(filter->resources[i], reading->resource))
            return true;
    return filter->resource_count == 0;
}

size_t pbus_plan_matches(const pbus_filter_t *filter, const pbus_series_t *series)
{
    size_t matches = 0;
    for (size_t i = 0; i < series->reading_count; i++)
        matches += s_reading_passes(filter, &series->readings[i]);
    return matches;
}

static pbus_span_t s_span(const pbus_filter_t *filter)
{
    return (pbus_span_t){filter->origin_min, filter->origin_max};
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_add_event_series(pbus_plan_t *self, const pbus_filter_t *filter,
                                        pbus_series_list_t list, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < list.count && status == PBUS_OK; i++) {
        const pbus_series_t *series = list.items[i];
        pbus_source_t source = {.series = series,
                                .class = series->class,
                                .spread = series->spread,
                                .span = s_span(filter),
                                .matches = 1};
        if (pbus_plan_event_passes(filter, series))
            status = pbus_plan_add(self, source, error);
    }
    return status;
}

pbus_status_t pbus_plan_event_walk(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                   const pbus_filter_t *filter, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    self->filtered = filter->device.size > 0 || filter->source.size > 0;
    for (int class = 0; class < PBUS_SPREAD_CLASSES && status == PBUS_OK; class += 1) {
        pbus_source_t source = {.class = class,
                                .spread = pbus_catalogue_class_spread(catalogue, class),
                                .span = s_span(filter),
                                .matches = 1};
        if (pbus_catalogue_of_class(catalogue, class).count > 0)
            status = pbus_plan_add(self, source, error);
    }
    return status;
}

pbus_status_t pbus_plan_events(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                               const pbus_filter_t *filter, pbus_error_t *error)
{
    pbus_series_list_t list;
    if (filter->device.size == 0 && filter->source.size == 0)
        return pbus_plan_event_walk(self, catalogue, filter, error);
    if (filter->device.size == 0)
        list = pbus_catalogue_all(catalogue);
    else if (filter->source.size == 0)
        list = pbus_catalogue_of_device(catalogue, filter->device);
    else
        list = pbus_catalogue_of_source(catalogue, filter->device, filter->source);
    return s_add_event_series(self, filter, list, error);
}

/* ---- readings --------------------------------------------------------------------------------------------
 */

/* A mixed series can hold any resource, but often only one device. */
static bool s_mixed_may_pass(const pbus_filter_t *filter, const pbus_series_t *series)
{
    return series->kind == PBUS_SERIES_MIXED_FOREIGN || filter->device.size == 0 ||
           pbus_str_eq(filter->device, series->device);
}

/* Those of the list that can have readings that pass. */
static pbus_status_t s_add_reading_series(pbus_plan_t *self, const pbus_filter_t *filter,
                                          pbus_series_list_t list, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < list.count && status == PBUS_OK; i++) {
        const pbus_series_t *series = list.items[i];
        bool plain = series->kind == PBUS_SERIES_PLAIN;
        pbus_source_t source = {.series = series,
                                .class = series->class,
                                .spread = series->spread,
                                .span = pbus_spread_candidates(series->spread, s_span(filter)),
                                .matches = plain ? pbus_plan_matches(filter, series) : 0};
        if (plain ? source.matches > 0 : s_mixed_may_pass(filter, series))
            status = pbus_plan_add(self, source, error);
    }
    return status;
}

static int s_by_number(const void *a, const void *b)
{
    int64_t left = ((const pbus_source_t *) a)->series->number,
            right = ((const pbus_source_t *) b)->series->number;
    return (left > right) - (left < right);
}

/* A series with two of the resources asked for is in both their lists. */
static void s_remove_duplicates(pbus_plan_t *self)
{
    if (self->count < 2)
        return;
    qsort(self->sources, self->count, sizeof *self->sources, s_by_number);
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++)
        if (kept == 0 || self->sources[kept - 1].series != self->sources[i].series)
            self->sources[kept++] = self->sources[i];
    self->count = kept;
}

static bool s_has_names(const pbus_filter_t *filter)
{
    return filter->device.size > 0 || filter->resource_count > 0;
}

pbus_status_t pbus_plan_reading_series(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                       const pbus_filter_t *filter, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (!s_has_names(filter))
        return s_add_reading_series(self, filter, pbus_catalogue_all(catalogue), error);
    if (filter->device.size > 0)
        status =
            s_add_reading_series(self, filter, pbus_catalogue_with_device(catalogue, filter->device), error);
    else
        for (size_t i = 0; i < filter->resource_count && status == PBUS_OK; i++)
            status = s_add_reading_series(
                self, filter, pbus_catalogue_with_resource(catalogue, filter->resources[i]), error);
    s_remove_duplicates(self);
    return status == PBUS_OK ? s_add_reading_series(self, filter, pbus_catalogue_mixed(catalogue), error)
                             : status;
}

static pbus_status_t s_add_reading_class(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                         const pbus_filter_t *filter, int class, pbus_error_t *error)
{
    pbus_series_list_t list = pbus_catalogue_of_class(catalogue, class);
    pbus_spread_t spread = pbus_catalogue_class_spread(catalogue, class);
    pbus_source_t source = {
        .class = class, .spread = spread, .span = pbus_spread_candidates(spread, s_span(filter))};
    if (list.count == 0)
        return PBUS_OK;
    if (class >= FAR_CLASS && list.count <= FAR_SERIES)
        return s_add_reading_series(self, filter, list, error);
    return pbus_plan_add(self, source, error);
}

pbus_status_t pbus_plan_reading_walk(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                     const pbus_filter_t *filter, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    self->filtered = s_has_names(filter);
    for (int class = 0; class < PBUS_SPREAD_CLASSES && status == PBUS_OK; class += 1)
        status = s_add_reading_class(self, catalogue, filter, class, error);
    return status;
}

pbus_status_t pbus_plan_readings(pbus_plan_t *self, const pbus_catalogue_t *catalogue,
                                 const pbus_filter_t *filter, pbus_error_t *error)
{
    return s_has_names(filter) ? pbus_plan_reading_series(self, catalogue, filter, error)
                               : pbus_plan_reading_walk(self, catalogue, filter, error);
}

pbus_cursor_t pbus_source_key(const pbus_source_t *source, int64_t origin, const pbus_uuid_t *id,
                              bool readings)
{
    pbus_cursor_t key = {origin, *id};
    if (readings && source->class != PBUS_SPREAD_NONE) {
        key.origin = pbus_spread_latest(source->spread, origin);
        memset(&key.id, 0xff, sizeof key.id);
    }
    return key;
}
