#include "way.h"

#include "counts.h"

#define MERGE_ALWAYS 256 /* series that are merged without thinking about it */
#define MERGE_COST 3.0   /* us, to open one more series in a merge */
#define WALK_COST 0.7    /* us, to pass over one event of a class */

/* Whether walking the classes would find `want` items sooner than merging the plan's series. */
static pbus_status_t s_is_walk_cheaper(const pbus_plan_t *self, store_t *store, uint64_t want, bool *cheaper,
                                       pbus_error_t *error)
{
    *cheaper = false;
    if (want == 0 || self->count <= MERGE_ALWAYS)
        return PBUS_OK;
    counts_t all, passing = {0};
    pbus_status_t status = counts_all(store, &all, error);
    for (size_t i = 0; i < self->count && status == PBUS_OK; i++) {
        counts_t counts;
        if (!self->sources[i].series)
            return PBUS_OK; /* a walk already */
        status = counts_of(store, self->sources[i].series, &counts, error);
        passing.events += counts.events;
    }
    if (status != PBUS_OK || passing.events == 0)
        return status;
    double walk = (double) want * (double) all.events / (double) passing.events * WALK_COST;
    *cheaper = walk < (double) self->count * MERGE_COST;
    return PBUS_OK;
}

pbus_status_t way_events(pbus_plan_t *plan, store_t *store, const pbus_filter_t *filter, uint64_t want,
                         pbus_error_t *error)
{
    bool walk = false;
    const pbus_catalogue_t *catalogue = store_catalogue(store);
    pbus_status_t status = pbus_plan_events(plan, catalogue, filter, error);
    if (status == PBUS_OK)
        status = s_is_walk_cheaper(plan, store, want, &walk, error);
    if (status != PBUS_OK || !walk)
        return status;
    pbus_plan_clear(plan);
    return pbus_plan_event_walk(plan, catalogue, filter, error);
}

pbus_status_t way_readings(pbus_plan_t *plan, store_t *store, const pbus_filter_t *filter, uint64_t want,
                           pbus_error_t *error)
{
    bool walk = false;
    const pbus_catalogue_t *catalogue = store_catalogue(store);
    pbus_status_t status = pbus_plan_readings(plan, catalogue, filter, error);
    if (status == PBUS_OK)
        status = s_is_walk_cheaper(plan, store, want, &walk, error);
    if (status != PBUS_OK || !walk)
        return status;
    pbus_plan_clear(plan);
    return pbus_plan_reading_walk(plan, catalogue, filter, error);
}
