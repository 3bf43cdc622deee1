#include "counts.h"

#include "cursor.h"
#include "walk.h"

#include <stdlib.h>

void counts_clear(counts_t *self)
{
    pbus_plan_clear(&self->plan);
    pbus_plan_clear(&self->edges);
}

/* ---- planning --------------------------------------------------------------------------------------------
 */

static bool s_is_bounded(const pbus_filter_t *filter)
{
    return filter->origin_min != INT64_MIN || filter->origin_max != INT64_MAX;
}

static pbus_status_t s_add_edge(counts_t *self, pbus_source_t source, pbus_span_t span, pbus_error_t *error)
{
    source.span = span;
    return span.min <= span.max ? pbus_plan_add(&self->edges, source, error) : PBUS_OK;
}

/* The candidates on either side of the events all of whose readings are in the range, and those. */
static pbus_status_t s_split(counts_t *self, pbus_source_t source, pbus_error_t *error)
{
    pbus_span_t all = source.span;
    pbus_span_t certain =
        pbus_spread_certain(source.spread, (pbus_span_t){self->filter->origin_min, self->filter->origin_max});
    if (certain.min > certain.max)
        return s_add_edge(self, source, all, error);
    pbus_status_t status = PBUS_OK;
    if (certain.min > all.min)
        status = s_add_edge(self, source, (pbus_span_t){all.min, certain.min - 1}, error);
    if (status == PBUS_OK && certain.max < all.max)
        status = s_add_edge(self, source, (pbus_span_t){certain.max + 1, all.max}, error);
    source.span = certain;
    return status == PBUS_OK ? pbus_plan_add(&self->plan, source, error) : status;
}

/* All readings of a mixed series pass if only its device is asked for, and it has no other. */
static bool s_passes_whole(const pbus_filter_t *filter, const pbus_series_t *series)
{
    return !s_is_bounded(filter) && filter->resource_count == 0 &&
           (filter->device.size == 0 || series->kind == PBUS_SERIES_MIXED);
}

static pbus_status_t s_sort(counts_t *self, const pbus_source_t *source, pbus_error_t *error)
{
    if (source->matches == 0 && !s_passes_whole(self->filter, source->series))
        return s_add_edge(self, *source, source->span, error);
    if (source->matches > 0 && s_is_bounded(self->filter))
        return s_split(self, *source, error);
    return pbus_plan_add(&self->plan, *source, error);
}

static pbus_status_t s_begin_readings(counts_t *self, const pbus_catalogue_t *catalogue, pbus_error_t *error)
{
    const pbus_filter_t *filter = self->filter;
    self->all = !s_is_bounded(filter) && filter->device.size == 0 && filter->resource_count == 0;
    if (self->all)
        return PBUS_OK;
    pbus_plan_t candidates = {0};
    pbus_status_t status = pbus_plan_reading_series(&candidates, catalogue, filter, error);
    for (size_t i = 0; i < candidates.count && status == PBUS_OK; i++)
        status = s_sort(self, &candidates.sources[i], error);
    pbus_plan_clear(&candidates);
    return status;
}

pbus_status_t counts_begin(counts_t *self, store_t *store, pbus_what_t what, const pbus_filter_t *filter,
                           pbus_error_t *error)
{
    *self = (counts_t){.store = store, .what = what, .filter = filter};
    return what == PBUS_EVENTS ? pbus_plan_events(&self->plan, store_catalogue(store), filter, error)
                               : s_begin_readings(self, store_catalogue(store), error);
}

/* ---- as a whole ------------------------------------------------------------------------------------------
 */

static void s_field(const counts_t *self, const char *hash, const char *field)
{
    command_t *command = store_command(self->store);
    command_begin(command, "HGET");
    command_add_key(command, keys_name(store_keys(self->store), hash));
    command_add_text(command, field);
}

static void s_source_command(const counts_t *self, const pbus_source_t *source)
{
    char number[24];
    command_t *command = store_command(self->store);
    if (source->matches == 0) {
        snprintf(number, sizeof number, "%lld", (long long) source->series->number);
        s_field(self, "mixed", number);
        return;
    }
    command_begin(command, s_is_bounded(self->filter) ? "ZLEXCOUNT" : "ZCARD");
    command_add_key(command, cursor_key(source, self->store));
    if (s_is_bounded(self->filter)) {
        command_add_bound(command, range_min(source->span));
        command_add_bound(command, range_max(source->span));
    }
}

static pbus_status_t s_send(const counts_t *self, pbus_error_t *error)
{
    return connection_send(store_connection(self->store), store_command(self->store), error);
}

pbus_status_t counts_ask(counts_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (self->all) {
        s_field(self, "store", "readings");
        status = s_send(self, error);
    }
    for (size_t i = 0; i < self->plan.count && status == PBUS_OK; i++) {
        s_source_command(self, &self->plan.sources[i]);
        status = s_send(self, error);
    }
    return status;
}

/* A number, as an integer or as the text of a counter that may not be there yet. */
static pbus_status_t s_receive(const counts_t *self, uint64_t *number, pbus_error_t *error)
{
    redisReply *reply;
    pbus_status_t status = connection_receive(store_connection(self->store), 0, &reply, error);
    if (status != PBUS_OK)
        return status;
    long long value = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : reply->integer;
    *number = value > 0 ? (uint64_t) value : 0;
    freeReplyObject(reply);
    return PBUS_OK;
}

pbus_status_t counts_take(counts_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    uint64_t number;
    if (self->all)
        status = s_receive(self, &self->count, error);
    for (size_t i = 0; i < self->plan.count && status == PBUS_OK; i++) {
        size_t matches = self->plan.sources[i].matches;
        status = s_receive(self, &number, error);
        if (status == PBUS_OK)
            self->count += number * (matches > 0 ? matches : 1);
    }
    return status;
}

/* ---- one by one ------------------------------------------------------------------------------------------
 */

static pbus_status_t s_count_event(void *arg, const pbus_event_t *event, pbus_error_t *error)
{
    counts_t *self = arg;
    (void) error;
    for (size_t i = 0; i < event->reading_count; i++)
        self->count += pbus_filter_reading(self->filter, &event->readings[i]);
    return PBUS_OK;
}

pbus_status_t counts_finish(counts_t *self, uint64_t *count, pbus_error_t *error)
{
    pbus_status_t status = walk(self->store, &self->edges, s_count_event, self, error);
    *count = self->count;
    return status;
}
