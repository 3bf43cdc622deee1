/*
 * Filters and cursors (persistbus/query.h). The result builder is in result.c.
 */
#include <persistbus/query.h>

#include <string.h>

pbus_filter_t pbus_filter_any(void)
{
    return (pbus_filter_t){.device = PBUS_STR(""),
                           .source = PBUS_STR(""),
                           .origin_min = INT64_MIN,
                           .origin_max = INT64_MAX,
                           .accept_max = UINT64_MAX};
}

/* Whether a name is the one asked for, or none is asked for. */
static bool s_passes(pbus_str_t wanted, pbus_str_t name)
{
    return wanted.size == 0 || pbus_str_eq(wanted, name);
}

static bool s_in_time(const pbus_filter_t *self, int64_t origin)
{
    return self->origin_min <= origin && origin <= self->origin_max;
}

static bool s_has_id(const pbus_filter_t *self, const pbus_uuid_t *id)
{
    for (size_t i = 0; i < self->id_count; i++)
        if (memcmp(&self->ids[i], id, sizeof *id) == 0)
            return true;
    return self->id_count == 0;
}

static bool s_has_resource(const pbus_filter_t *self, pbus_str_t resource)
{
    for (size_t i = 0; i < self->resource_count; i++)
        if (pbus_str_eq(self->resources[i], resource))
            return true;
    return self->resource_count == 0;
}

bool pbus_filter_event(const pbus_filter_t *self, const pbus_event_t *event, uint64_t accept)
{
    return accept <= self->accept_max && s_in_time(self, event->origin) &&
           s_passes(self->device, event->device) && s_passes(self->source, event->source) &&
           s_has_id(self, &event->id);
}

bool pbus_filter_reading(const pbus_filter_t *self, const pbus_reading_t *reading)
{
    return s_in_time(self, reading->origin) && s_passes(self->device, reading->device) &&
           s_has_resource(self, reading->resource);
}

int pbus_cursor_cmp(const pbus_cursor_t *a, const pbus_cursor_t *b)
{
    if (a->origin != b->origin)
        return a->origin < b->origin ? -1 : 1;
    int order = memcmp(&a->id, &b->id, sizeof a->id);
    return (order > 0) - (order < 0);
}
