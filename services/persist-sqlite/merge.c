/*
 * A heap of cursors by the keys of their next entries, which are peeked once.
 */
#include "merge.h"

#include <persistbus/series/heap.h>
#include <stdlib.h>

typedef struct {
    cursor_t cursor;
    const entry_t *entry; /* its next */
} stream_t;

struct merge {
    database_t *db;
    merge_order_t order;
    stream_t *streams; /* one a source */
    size_t stream_count;
    pbus_heap_t heap; /* its items are streams */
};

/* Looks at the stream's next entry, and says what it is worth in the heap; there is none at the end. */
static pbus_status_t s_peek(merge_t *self, stream_t *from, pbus_heap_item_t *item, pbus_error_t *error)
{
    pbus_status_t status = cursor_peek(&from->cursor, self->db, &from->entry, error);
    if (status == PBUS_OK && from->entry)
        *item = (pbus_heap_item_t){.key = pbus_source_key(from->cursor.source, from->entry->origin,
                                                          &from->entry->id, self->order == MERGE_READINGS),
                                   .item = from};
    return status;
}

static pbus_status_t s_fill(merge_t *self, pbus_error_t *error)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        pbus_heap_item_t item;
        pbus_status_t status = s_peek(self, &self->streams[i], &item, error);
        if (status != PBUS_OK)
            return status;
        if (self->streams[i].entry && !pbus_heap_add(&self->heap, item))
            return pbus_fail(error, PBUS_NOMEM, "out of memory while merging series");
    }
    return PBUS_OK;
}

/* A little more than each source's share, if they all have the same. */
static uint32_t s_step(uint64_t want, size_t sources)
{
    uint64_t share = want / sources + 1;
    return share < 256 ? (uint32_t) share : 256;
}

static pbus_status_t s_start(merge_t *self, const pbus_plan_t *plan, uint64_t want, uint64_t jump,
                             const pbus_cursor_t *after, pbus_error_t *error)
{
    cursor_direction_t direction = self->order == MERGE_EVENTS_UP ? CURSOR_UP : CURSOR_DOWN;
    for (size_t i = 0; i < plan->count; i++) {
        cursor_t *from = &self->streams[i].cursor;
        *from = cursor(&plan->sources[i], direction, s_step(want, plan->count));
        if (after)
            cursor_begin_behind(from, after->origin, &after->id);
    }
    self->stream_count = plan->count;
    pbus_status_t status = jump > 0 ? cursor_jump(&self->streams[0].cursor, self->db, jump, error) : PBUS_OK;
    return status == PBUS_OK ? s_fill(self, error) : status;
}

pbus_status_t merge_new(merge_t **self_p, const pbus_plan_t *plan, database_t *db, merge_order_t order,
                        uint64_t want, uint64_t jump, const pbus_cursor_t *after, pbus_error_t *error)
{
    *self_p = NULL;
    merge_t *self = calloc(1, sizeof *self);
    if (!self)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while merging series");
    self->db = db;
    self->order = order;
    self->heap.up = order == MERGE_EVENTS_UP;
    self->streams = calloc(plan->count + 1, sizeof *self->streams);
    pbus_status_t status = self->streams ? s_start(self, plan, want, jump, after, error)
                                         : pbus_fail(error, PBUS_NOMEM, "out of memory while merging series");
    if (status == PBUS_OK)
        *self_p = self;
    else
        merge_destroy(&self);
    return status;
}

void merge_destroy(merge_t **self_p)
{
    merge_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->stream_count; i++)
        cursor_clear(&self->streams[i].cursor);
    free(self->streams);
    pbus_heap_clear(&self->heap);
    free(self);
    *self_p = NULL;
}

const entry_t *merge_top(const merge_t *self, const pbus_source_t **source)
{
    if (self->heap.count == 0)
        return NULL;
    const stream_t *top = self->heap.items[0].item;
    *source = top->cursor.source;
    return top->entry;
}

bool merge_bound(const merge_t *self, pbus_cursor_t *bound)
{
    if (self->heap.count > 0)
        *bound = self->heap.items[0].key;
    return self->heap.count > 0;
}

pbus_status_t merge_next(merge_t *self, pbus_error_t *error)
{
    stream_t *top = self->heap.items[0].item;
    pbus_heap_item_t item;
    cursor_next(&top->cursor);
    pbus_status_t status = s_peek(self, top, &item, error);
    if (status != PBUS_OK)
        return status;
    if (top->entry)
        pbus_heap_replace_top(&self->heap, item);
    else
        pbus_heap_pop(&self->heap);
    return PBUS_OK;
}
