#include "jump.h"

/* Fewer entries than these are sooner walked over: fixed ones, and for each source. Bisecting takes some
   fifty round trips, in each of which Redis counts once for every source. */
#define WALK_MAX 10000
#define WALK_SOURCE_MAX 300

bool jump_pays(const pbus_plan_t *plan, uint64_t items)
{
    uint64_t entries = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const pbus_source_t *source = &plan->sources[i];
        if (source->matches == 0)
            return false;
        entries = entries > source->matches ? entries : source->matches;
    }
    return !plan->filtered && plan->count > 0 &&
           items / entries > WALK_MAX + (uint64_t) plan->count * WALK_SOURCE_MAX;
}

/* How many items have an origin above this. */
static pbus_status_t s_count_above(const pbus_plan_t *plan, store_t *store, int64_t origin, uint64_t *items,
                                   pbus_error_t *error)
{
    command_t *command = store_command(store);
    pbus_status_t status = store_check_deadline(store, error);
    *items = 0;
    for (size_t i = 0; i < plan->count && status == PBUS_OK; i++) {
        pbus_span_t span = plan->sources[i].span;
        span.min = origin + 1 > span.min ? origin + 1 : span.min;
        command_begin(command, "ZLEXCOUNT");
        command_add_key(command, cursor_key(&plan->sources[i], store));
        command_add_bound(command, range_min(span));
        command_add_bound(command, range_max(span));
        status = connection_send(store_connection(store), command, error);
    }
    for (size_t i = 0; i < plan->count && status == PBUS_OK; i++) {
        redisReply *reply;
        status = connection_receive(store_connection(store), REDIS_REPLY_INTEGER, &reply, error);
        if (status == PBUS_OK) {
            *items += (uint64_t) reply->integer * plan->sources[i].matches;
            freeReplyObject(reply);
        }
    }
    return status;
}

/* The first entry in this direction of all sources; *found is false if there is none. */
static pbus_status_t s_first(const pbus_plan_t *plan, store_t *store, cursor_direction_t direction,
                             int64_t *origin, bool *found, pbus_error_t *error)
{
    *found = false;
    for (size_t i = 0; i < plan->count; i++) {
        cursor_t at = cursor(&plan->sources[i], direction, 1);
        pbus_status_t status = cursor_ask(&at, store, error);
        if (status == PBUS_OK)
            status = cursor_take(&at, store, error);
        const entry_t *entry = cursor_peek(&at);
        if (entry && (!*found || (direction == CURSOR_DOWN) == (entry->origin > *origin)))
            *origin = entry->origin;
        *found |= entry != NULL;
        cursor_clear(&at);
        if (status != PBUS_OK)
            return status;
    }
    return PBUS_OK;
}

/* The lowest origin between low and high that at most `items` items are above. */
static pbus_status_t s_bisect(const pbus_plan_t *plan, store_t *store, uint64_t items, int64_t low,
                              int64_t *high, uint64_t *passed, pbus_error_t *error)
{
    *passed = 0; /* above high */
    while (low < *high) {
        uint64_t above;
        int64_t middle = low + (int64_t) (((uint64_t) *high - (uint64_t) low) / 2);
        pbus_status_t status = s_count_above(plan, store, middle, &above, error);
        if (status != PBUS_OK)
            return status;
        if (above > items)
            low = middle + 1;
        else {
            *high = middle;
            *passed = above;
        }
    }
    return PBUS_OK;
}

pbus_status_t jump_find(const pbus_plan_t *plan, store_t *store, uint64_t items, bound_t *begin,
                        uint64_t *passed, pbus_error_t *error)
{
    int64_t low = INT64_MIN, high = INT64_MAX;
    bool found;
    *begin = range_max((pbus_span_t){INT64_MIN, INT64_MAX});
    *passed = 0;
    pbus_status_t status = s_first(plan, store, CURSOR_DOWN, &high, &found, error);
    if (status != PBUS_OK || !found)
        return status;
    status = s_first(plan, store, CURSOR_UP, &low, &found, error);
    if (status == PBUS_OK && found)
        status = s_bisect(plan, store, items, low, &high, passed, error);
    if (status == PBUS_OK && found)
        *begin = range_max((pbus_span_t){INT64_MIN, high});
    return status;
}
