#include "filter.h"
#include "document.h"
#include "found.h"

#include <stdio.h>

bool filter_is_bounded(const pbus_filter_t *filter)
{
    return filter->origin_min != INT64_MIN || filter->origin_max != INT64_MAX;
}

static void s_append_range(bson_t *to, const char *field, int64_t min, int64_t max)
{
    bson_t range;
    if (min == INT64_MIN && max == INT64_MAX)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(to, field, &range);
    if (min != INT64_MIN)
        BSON_APPEND_INT64(&range, "$gte", min);
    if (max != INT64_MAX)
        BSON_APPEND_INT64(&range, "$lte", max);
    bson_append_document_end(to, &range);
}

/* Accept numbers are unsigned, kept as signed numbers of the same bits: those from 2^63 on are negative. */
static void s_append_accept_max(bson_t *to, uint64_t max)
{
    bson_t either, one, other;
    if (max == UINT64_MAX)
        return;
    if (max <= INT64_MAX) {
        s_append_range(to, "accept", 0, (int64_t) max);
        return;
    }
    BSON_APPEND_ARRAY_BEGIN(to, "$or", &either);
    BSON_APPEND_DOCUMENT_BEGIN(&either, "0", &one);
    s_append_range(&one, "accept", 0, INT64_MAX);
    bson_append_document_end(&either, &one);
    BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &other);
    s_append_range(&other, "accept", INT64_MIN, (int64_t) max);
    bson_append_document_end(&either, &other);
    bson_append_array_end(to, &either);
}

void filter_events(const pbus_filter_t *filter, bson_t *to)
{
    if (filter->id_count)
        found_append_ids(to, "_id", filter->ids, filter->id_count);
    if (filter->device.size)
        document_append_name(to, "device", filter->device);
    if (filter->source.size)
        document_append_name(to, "source", filter->source);
    s_append_range(to, "origin", filter->origin_min, filter->origin_max);
    s_append_accept_max(to, filter->accept_max);
}

static void s_append_list(bson_t *to, const char *key, const pbus_str_t *names, size_t count)
{
    bson_t list;
    BSON_APPEND_ARRAY_BEGIN(to, key, &list);
    for (size_t i = 0; i < count; i++) {
        char place[24];
        snprintf(place, sizeof place, "%zu", i);
        document_append_name(&list, place, names[i]);
    }
    bson_append_array_end(to, &list);
}

static void s_append_resources(bson_t *to, const pbus_filter_t *filter)
{
    bson_t in;
    if (filter->resource_count == 1)
        document_append_name(to, "readings.resource", filter->resources[0]);
    if (filter->resource_count <= 1)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(to, "readings.resource", &in);
    s_append_list(&in, "$in", filter->resources, filter->resource_count);
    bson_append_document_end(to, &in);
}

/*
 * Appends {$expr: {$ne: [{$setIntersection: [<set>, <names>]}, []]}}: one of the names is in the set that an
 * expression gives. No index serves this.
 */
static void s_append_unindexed(bson_t *to, const bson_t *set, const pbus_str_t *names, size_t count)
{
    bson_t expr, ne, sets, both, literal, empty;
    bson_iter_t iter;
    BSON_APPEND_DOCUMENT_BEGIN(to, "$expr", &expr);
    BSON_APPEND_ARRAY_BEGIN(&expr, "$ne", &ne);
    BSON_APPEND_DOCUMENT_BEGIN(&ne, "0", &sets);
    BSON_APPEND_ARRAY_BEGIN(&sets, "$setIntersection", &both);
    if (bson_iter_init_find(&iter, set, "set"))
        bson_append_iter(&both, "0", 1, &iter);
    BSON_APPEND_DOCUMENT_BEGIN(&both, "1", &literal);
    s_append_list(&literal, "$literal", names, count);
    bson_append_document_end(&both, &literal);
    bson_append_array_end(&sets, &both);
    bson_append_document_end(&ne, &sets);
    BSON_APPEND_ARRAY_BEGIN(&ne, "1", &empty);
    bson_append_array_end(&ne, &empty);
    bson_append_array_end(&expr, &ne);
    bson_append_document_end(to, &expr);
}

static void s_append_unindexed_resources(bson_t *to, const pbus_filter_t *filter)
{
    bson_t *set = BCON_NEW("set", BCON_UTF8("$readings.resource"));
    s_append_unindexed(to, set, filter->resources, filter->resource_count);
    bson_destroy(set);
}

/* The event's own device is one of its devices, as are the others. */
static void s_append_unindexed_device(bson_t *to, const pbus_filter_t *filter)
{
    bson_t *set = BCON_NEW("set", "{", "$setUnion", "[", "[", BCON_UTF8("$device"), "]", "{", "$ifNull", "[",
                           BCON_UTF8("$otherDevices"), "[", "]", "]", "}", "]", "}");
    s_append_unindexed(to, set, &filter->device, 1);
    bson_destroy(set);
}

/* The event's latest reading may lie behind the range by as much as its readings are apart. */
static int64_t s_latest(int64_t max, int spread)
{
    int64_t latest;
    bool unbound = spread == DOCUMENT_SPREADS - 1;
    return unbound || __builtin_add_overflow(max, document_bound(spread), &latest) ? INT64_MAX : latest;
}

/* A branch with the event's own device (`device`), with another ("otherDevices"), or with either (NULL). */
static void s_append_branch(bson_t *list, uint32_t place, const pbus_filter_t *filter, filter_way_t way,
                            const char *device, int spread)
{
    char key[16];
    bson_t branch;
    snprintf(key, sizeof key, "%u", place);
    BSON_APPEND_DOCUMENT_BEGIN(list, key, &branch);
    if (device)
        document_append_name(&branch, device, filter->device);
    if (way != FILTER_BY_DEVICE)
        s_append_resources(&branch, filter);
    BSON_APPEND_INT32(&branch, "spread", spread);
    s_append_range(&branch, "last", filter->origin_min, s_latest(filter->origin_max, spread));
    if (way == FILTER_BY_DEVICE)
        s_append_unindexed_resources(&branch, filter);
    else if (way == FILTER_BY_RESOURCE)
        s_append_unindexed_device(&branch, filter);
    bson_append_document_end(list, &branch);
}

void filter_readings(const pbus_filter_t *filter, filter_way_t way, bson_t *to)
{
    bson_t either;
    uint32_t count = 0;
    bool by_device = filter->device.size && way != FILTER_BY_RESOURCE;
    BSON_APPEND_ARRAY_BEGIN(to, "$or", &either);
    for (int spread = 0; spread < DOCUMENT_SPREADS; spread++) {
        s_append_branch(&either, count++, filter, way, by_device ? "device" : NULL, spread);
        if (by_device)
            s_append_branch(&either, count++, filter, way, "otherDevices", spread);
    }
    bson_append_array_end(to, &either);
}
