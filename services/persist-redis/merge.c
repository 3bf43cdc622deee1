/*
 * A heap of cursors by the keys of their next entries.
 */
#include "merge.h"

#include <persistbus/series/heap.h>

#include <stdlib.h>

struct merge {
    store_t *store;
    merge_order_t order;
    cursor_t *cursors; /* one a source */
    size_t cursor_count;
    pbus_heap_t heap; /* its items are cursors */
};

/* ---- life ------------------------------------------------------------------------------------------------
 */

/* A little more than each source's share, if they all have the same; the one source's is the whole. */
static uint32_t s_step(uint64_t want, size_t sources)
{
    want = want < UINT32_MAX / 2 ? want : UINT32_MAX / 2;
    return (uint32_t) (sources == 1 ? want : want / sources * 3 / 2 + 2);
}

merge_t *merge_new(const pbus_plan_t *plan, store_t *store, merge_order_t order, uint64_t want)
{
    merge_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->order = order;
    self->cursors = calloc(plan->count + 1, sizeof *self->cursors);
    self->heap.up = order == MERGE_EVENTS_UP;
    if (!self->cursors) {
        merge_destroy(&self);
        return NULL;
    }
    cursor_direction_t direction = order == MERGE_EVENTS_UP ? CURSOR_UP : CURSOR_DOWN;
    for (size_t i = 0; i < plan->count; i++)
        self->cursors[i] = cursor(&plan->sources[i], direction, s_step(want, plan->count));
    self->cursor_count = plan->count;
    return self;
}

void merge_destroy(merge_t **self_p)
{
    merge_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->cursor_count; i++)
        cursor_clear(&self->cursors[i]);
    free(self->cursors);
    pbus_heap_clear(&self->heap);
    free(self);
    *self_p = NULL;
}

void merge_begin_at(merge_t *self, bound_t bound)
{
    for (size_t i = 0; i < self->cursor_count; i++)
        cursor_begin_at(&self->cursors[i], bound);
}

static pbus_heap_item_t s_item(const merge_t *self, cursor_t *from, const entry_t *entry)
{
    return (pbus_heap_item_t){
        .key = pbus_source_key(from->source, entry->origin, &entry->id, self->order == MERGE_READINGS),
        .item = from};
}

/* ---- reading ---------------------------------------------------------------------------------------------
 */

pbus_status_t merge_ask(merge_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < self->cursor_count && status == PBUS_OK; i++)
        status = cursor_ask(&self->cursors[i], self->store, error);
    return status;
}

pbus_status_t merge_take(merge_t *self, pbus_error_t *error)
{
    self->heap.count = 0;
    for (size_t i = 0; i < self->cursor_count; i++) {
        cursor_t *from = &self->cursors[i];
        pbus_status_t status = cursor_take(from, self->store, error);
        if (status != PBUS_OK)
            return status;
        const entry_t *entry = cursor_peek(from);
        if (entry && !pbus_heap_add(&self->heap, s_item(self, from, entry)))
            return pbus_fail(error, PBUS_NOMEM, "out of memory while merging series");
    }
    return PBUS_OK;
}

/* The top's cursor has run out: reads on, and fetches for those that will soon follow in the same go. */
static pbus_status_t s_refill(merge_t *self, pbus_error_t *error)
{
    pbus_status_t status = store_check_deadline(self->store, error);
    for (size_t i = 0; i < self->heap.count && status == PBUS_OK; i++)
        if (cursor_is_low(self->heap.items[i].item))
            status = cursor_ask(self->heap.items[i].item, self->store, error);
    for (size_t i = 0; i < self->heap.count && status == PBUS_OK; i++)
        status = cursor_take(self->heap.items[i].item, self->store, error);
    return status;
}

const entry_t *merge_top(const merge_t *self, const pbus_source_t **source, pbus_cursor_t *place)
{
    if (self->heap.count == 0)
        return NULL;
    const cursor_t *from = self->heap.items[0].item;
    *source = from->source;
    *place = self->heap.items[0].key;
    return cursor_peek(from);
}

bool merge_bound(const merge_t *self, pbus_cursor_t *bound)
{
    if (self->heap.count > 0)
        *bound = self->heap.items[0].key;
    return self->heap.count > 0;
}

pbus_status_t merge_next(merge_t *self, pbus_error_t *error)
{
    cursor_t *from = self->heap.items[0].item;
    cursor_next(from);
    pbus_status_t status = cursor_is_empty(from) ? s_refill(self, error) : PBUS_OK;
    if (status != PBUS_OK)
        return status;
    const entry_t *entry = cursor_peek(from);
    if (entry)
        pbus_heap_replace_top(&self->heap, s_item(self, from, entry));
    else
        pbus_heap_pop(&self->heap);
    return PBUS_OK;
}
