#include "aggregate.h"

#include <persistbus/series/groups.h>
#include "walk.h"

typedef struct {
    const pbus_filter_t *filter;
    pbus_groups_t *groups;
} aggregate_t;

static pbus_status_t s_take_event(void *arg, const pbus_event_t *event, pbus_error_t *error)
{
    const aggregate_t *self = arg;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < event->reading_count && status == PBUS_OK; i++)
        if (pbus_filter_reading(self->filter, &event->readings[i]))
            status = pbus_groups_take(self->groups, &event->readings[i], error);
    return status;
}

static pbus_status_t s_run(aggregate_t *self, store_t *store, pbus_result_t *result, pbus_error_t *error)
{
    pbus_plan_t plan = {0};
    pbus_status_t status = store_sync(store, error);
    if (status == PBUS_OK)
        status = pbus_plan_readings(&plan, store_catalogue(store), self->filter, error);
    if (status == PBUS_OK)
        status = walk(store, &plan, s_take_event, self, error);
    pbus_plan_clear(&plan);
    return status == PBUS_OK ? pbus_groups_put(self->groups, result, error) : status;
}

pbus_status_t aggregate(store_t *store, const pbus_filter_t *filter, pbus_function_t function,
                        pbus_result_t *result, pbus_error_t *error)
{
    aggregate_t self = {filter, pbus_groups_new(function)};
    if (!self.groups)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while aggregating");
    pbus_status_t status = store_begin(store, 0, error);
    if (status == PBUS_OK)
        status = store_end(store, s_run(&self, store, result, error));
    pbus_groups_destroy(&self.groups);
    return status;
}
