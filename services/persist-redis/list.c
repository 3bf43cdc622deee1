#include "list.h"

#include "page.h"
#include <persistbus/series/pending.h>

#include <stdlib.h>

static pbus_status_t s_fail_memory(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "out of memory while making a list");
}

/* A page with what it takes to give out its items. */
typedef struct {
    page_t page;
    pbus_result_t *result;
    row_t *row;
    pbus_pending_t *pending; /* readings only */
} list_t;

static void s_clear(list_t *self)
{
    page_clear(&self->page);
    row_destroy(&self->row);
    pbus_pending_destroy(&self->pending);
}

/* After an add: whether it was taken. If not, the result is full and the page complete. */
static void s_count_item(list_t *self, bool added)
{
    self->page.left = added ? self->page.left - 1 : 0;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_add_event(list_t *self, const item_t *item, pbus_error_t *error)
{
    const pbus_event_t *event;
    pbus_status_t status = block_decode(item, self->page.store, self->row, &event, error);
    if (status == PBUS_OK && event)
        s_count_item(self, pbus_result_add_event(self->result, row_accept(self->row), event));
    return status;
}

static pbus_status_t s_add_events(list_t *self, pbus_error_t *error)
{
    block_t *block = &self->page.block;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < block->count && self->page.left > 0 && status == PBUS_OK; i++)
        status = s_add_event(self, &block->items[i], error);
    return status;
}

static pbus_status_t s_fill_events(list_t *self, pbus_error_t *error)
{
    page_t *page = &self->page;
    pbus_status_t status = page_open(page, error);
    for (bool more = true; status == PBUS_OK && page->left > 0 && more; block_reset(&page->block)) {
        status = page_next(page, error);
        more = page->block.count > 0;
        if (status == PBUS_OK)
            status = s_add_events(self, error);
    }
    return status;
}

/* ---- events by id ----------------------------------------------------------------------------------------
 */

static int s_newest_first(const void *a, const void *b)
{
    return -pbus_cursor_cmp(&((const item_t *) a)->place, &((const item_t *) b)->place);
}

static pbus_status_t s_load_ids(page_t *page, pbus_error_t *error)
{
    bool changed;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < page->filter->id_count && status == PBUS_OK; i++)
        status = block_add(&page->block, (item_t){.entry.id = page->filter->ids[i]}, error);
    if (status == PBUS_OK)
        status = store_ask(page->store, error);
    if (status == PBUS_OK)
        status = block_ask(&page->block, page->store, error);
    if (status == PBUS_OK)
        status = store_take(page->store, &changed, error);
    return status == PBUS_OK ? block_take(&page->block, page->store, error) : status;
}

/* Takes from the event itself what an index entry would say of it. */
static pbus_status_t s_identify(page_t *page, item_t *item, bool *passes, pbus_error_t *error)
{
    row_head_t head;
    *passes = row_read_head(item->blob.data, item->blob.size, &head) &&
              head.origin >= page->filter->origin_min && head.origin <= page->filter->origin_max;
    if (!*passes)
        return PBUS_OK;
    item->entry.origin = head.origin;
    item->entry.series = head.series;
    item->place = (pbus_cursor_t){head.origin, item->entry.id};
    pbus_status_t status = store_series(page->store, head.series, &item->series, error);
    *passes = status == PBUS_OK && pbus_plan_event_passes(page->filter, item->series);
    return status;
}

/* Leaves those in the block that pass the filter, newest first. */
static pbus_status_t s_select_ids(page_t *page, pbus_error_t *error)
{
    block_t *block = &page->block;
    size_t kept = 0;
    for (size_t i = 0; i < block->count; i++) {
        bool passes;
        pbus_status_t status = s_identify(page, &block->items[i], &passes, error);
        if (status != PBUS_OK)
            return status;
        if (passes)
            block->items[kept++] = block->items[i];
    }
    block->count = kept;
    if (kept > 1)
        qsort(block->items, kept, sizeof *block->items, s_newest_first);
    page->total = kept;
    return PBUS_OK;
}

static pbus_status_t s_find_ids(page_t *page, pbus_error_t *error)
{
    pbus_status_t status = s_load_ids(page, error);
    return status == PBUS_OK ? s_select_ids(page, error) : status;
}

static pbus_status_t s_fill_ids(list_t *self, pbus_error_t *error)
{
    page_t *page = &self->page;
    pbus_status_t status = s_find_ids(page, error);
    for (size_t i = page->skip; status == PBUS_OK && i < page->block.count && page->left > 0; i++)
        status = s_add_event(self, &page->block.items[i], error);
    return status;
}

/* ---- readings --------------------------------------------------------------------------------------------
 */

static void s_take_reading(list_t *self, const pbus_reading_t *reading)
{
    if (self->page.skip > 0)
        self->page.skip--;
    else
        s_count_item(self, pbus_result_add_reading(self->result, reading));
}

/* Adds the pending readings that are before this place; all if there is none. */
static void s_drain(list_t *self, const pbus_cursor_t *bound)
{
    pbus_cursor_t place;
    const pbus_reading_t *reading;
    while (self->page.left > 0 && (reading = pbus_pending_top(self->pending, &place)) &&
           (!bound || pbus_cursor_cmp(&place, bound) > 0)) {
        s_take_reading(self, reading);
        pbus_pending_pop(self->pending);
    }
}

/* An event all of whose readings have its origin: they come next, one after another. */
static pbus_status_t s_take_even(list_t *self, const item_t *item, pbus_error_t *error)
{
    const pbus_event_t *event;
    pbus_status_t status = block_decode(item, self->page.store, self->row, &event, error);
    if (status != PBUS_OK || !event)
        return status;
    for (size_t i = 0; i < event->reading_count && self->page.left > 0; i++)
        if (pbus_filter_reading(self->page.filter, &event->readings[i]))
            s_take_reading(self, &event->readings[i]);
    return PBUS_OK;
}

static pbus_status_t s_take_uneven(list_t *self, const item_t *item, pbus_error_t *error)
{
    const pbus_event_t *event;
    row_t *row = pbus_pending_row(self->pending);
    if (!row)
        return s_fail_memory(error);
    pbus_status_t status = block_decode(item, self->page.store, row, &event, error);
    if (status == PBUS_OK && event && !pbus_pending_add(self->pending, self->page.filter))
        status = s_fail_memory(error);
    return status;
}

static pbus_status_t s_take_item(list_t *self, const item_t *item, pbus_error_t *error)
{
    s_drain(self, &item->place);
    if (self->page.left == 0)
        return PBUS_OK;
    return item->source->class == PBUS_SPREAD_NONE ? s_take_even(self, item, error)
                                                   : s_take_uneven(self, item, error);
}

/* Goes through the block, then gives out what nothing behind it can precede. */
static pbus_status_t s_add_readings(list_t *self, pbus_error_t *error)
{
    pbus_cursor_t bound;
    const block_t *block = &self->page.block;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < block->count && self->page.left > 0 && status == PBUS_OK; i++)
        status = s_take_item(self, &block->items[i], error);
    if (status == PBUS_OK)
        s_drain(self, merge_bound(self->page.merge, &bound) ? &bound : NULL);
    return status;
}

static pbus_status_t s_fill_readings(list_t *self, pbus_error_t *error)
{
    page_t *page = &self->page;
    uint64_t most = page->skip + page->left < page->skip ? UINT64_MAX : page->skip + page->left;
    pbus_status_t status = page_open(page, error);
    self->pending = pbus_pending_new(&row_pending, most);
    if (status == PBUS_OK && !self->pending)
        status = s_fail_memory(error);
    for (bool more = true; status == PBUS_OK && page->left > 0 && more; block_reset(&page->block)) {
        status = page_next(page, error);
        more = page->block.count > 0;
        if (status == PBUS_OK)
            status = s_add_readings(self, error);
    }
    return status;
}

/* ---- pages -----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_fill(list_t *self, pbus_error_t *error)
{
    if (!self->row)
        return s_fail_memory(error);
    if (self->page.what == PBUS_READINGS)
        return s_fill_readings(self, error);
    return self->page.filter->id_count > 0 ? s_fill_ids(self, error) : s_fill_events(self, error);
}

static pbus_status_t s_list(list_t *self, int64_t deadline, pbus_error_t *error)
{
    self->row = row_new();
    pbus_status_t status = store_begin(self->page.store, deadline, error);
    if (status == PBUS_OK)
        status = store_end(self->page.store, s_fill(self, error));
    if (status == PBUS_OK && self->page.want_total)
        pbus_result_total(self->result, self->page.total);
    s_clear(self);
    return status;
}

static list_t s_query(store_t *store, pbus_what_t what, const pbus_query_t *query, pbus_result_t *result)
{
    return (list_t){.result = result,
                    .page = {.store = store,
                             .what = what,
                             .order = what == PBUS_EVENTS ? MERGE_EVENTS_DOWN : MERGE_READINGS,
                             .filter = &query->filter,
                             .want_total = query->want_total,
                             .skip = query->offset,
                             .left = query->limit}};
}

pbus_status_t list_events(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                          pbus_error_t *error)
{
    list_t self = s_query(store, PBUS_EVENTS, query, result);
    return s_list(&self, query->deadline, error);
}

pbus_status_t list_readings(store_t *store, const pbus_query_t *query, pbus_result_t *result,
                            pbus_error_t *error)
{
    list_t self = s_query(store, PBUS_READINGS, query, result);
    return s_list(&self, query->deadline, error);
}

pbus_status_t list_scan(store_t *store, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                        uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    pbus_filter_t filter = pbus_filter_any();
    bound_t begin;
    filter.origin_min = origin_min;
    filter.origin_max = origin_max;
    list_t self = {
        .result = result,
        .page = {
            .store = store, .what = PBUS_EVENTS, .order = MERGE_EVENTS_UP, .filter = &filter, .left = limit}};
    /* A cursor below the range would widen it. */
    if (after && after->origin >= origin_min) {
        begin = range_above(after->origin, &after->id);
        self.page.begin = &begin;
    }
    return s_list(&self, 0, error);
}

/* ---- counts ----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_count(page_t *page, pbus_error_t *error)
{
    page->want_total = true;
    return page->filter->id_count > 0 && page->what == PBUS_EVENTS ? s_find_ids(page, error)
                                                                   : page_open(page, error);
}

pbus_status_t list_count(store_t *store, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                         pbus_error_t *error)
{
    page_t page = {.store = store, .what = what, .filter = filter};
    pbus_status_t status = store_begin(store, 0, error);
    if (status == PBUS_OK)
        status = store_end(store, s_count(&page, error));
    *count = page.total;
    page_clear(&page);
    return status;
}

/* ---- sources ---------------------------------------------------------------------------------------------
 */

/* The series of the same device and source, if this one is the first of them; else none. */
static pbus_series_list_t s_group(const store_t *store, const pbus_series_t *series)
{
    pbus_series_list_t group =
        pbus_catalogue_of_source(store_catalogue(store), series->device, series->source);
    return group.items[0] == series ? group : (pbus_series_list_t){NULL, 0};
}

static pbus_status_t s_ask_group(store_t *store, pbus_series_list_t group, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < group.count && status == PBUS_OK; i++) {
        command_begin(store_command(store), "ZCARD");
        command_add_key(store_command(store), keys_series(store_keys(store), group.items[i]->number));
        status = connection_send(store_connection(store), store_command(store), error);
    }
    return status;
}

static pbus_status_t s_take_group(store_t *store, pbus_series_list_t group, uint64_t *events,
                                  pbus_error_t *error)
{
    *events = 0;
    for (size_t i = 0; i < group.count; i++) {
        redisReply *reply;
        pbus_status_t status =
            connection_receive(store_connection(store), REDIS_REPLY_INTEGER, &reply, error);
        if (status != PBUS_OK)
            return status;
        *events += (uint64_t) reply->integer;
        freeReplyObject(reply);
    }
    return PBUS_OK;
}

static pbus_status_t s_add_sources(store_t *store, pbus_result_t *result, pbus_error_t *error)
{
    pbus_status_t status = store_sync(store, error);
    pbus_series_list_t all = pbus_catalogue_all(store_catalogue(store));
    for (size_t i = 0; i < all.count && status == PBUS_OK; i++)
        status = s_ask_group(store, s_group(store, all.items[i]), error);
    for (size_t i = 0; i < all.count && status == PBUS_OK; i++) {
        uint64_t events;
        pbus_series_list_t group = s_group(store, all.items[i]);
        status = s_take_group(store, group, &events, error);
        if (status == PBUS_OK && events > 0 &&
            !pbus_result_add_source(result, all.items[i]->device, all.items[i]->source, events))
            break;
    }
    return status;
}

pbus_status_t list_sources(store_t *store, pbus_result_t *result, pbus_error_t *error)
{
    pbus_status_t status = store_begin(store, 0, error);
    return status == PBUS_OK ? store_end(store, s_add_sources(store, result, error)) : status;
}
