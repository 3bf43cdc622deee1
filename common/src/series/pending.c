#include <persistbus/series/heap.h>
#include <persistbus/series/pending.h>

#include <stdlib.h>

#define SLACK 4096 /* items kept beyond what can be asked for, so that trimming is rare */

/* A decoded event, kept while readings of it wait. */
typedef struct held {
    void *row;
    size_t waiting;
    struct held *next; /* in the list of free ones */
} held_t;

struct pbus_pending {
    const pbus_pending_rows_t *rows;
    pbus_heap_t heap; /* its items are held_t */
    uint64_t most;
    held_t *current; /* being decoded into */
    held_t *free;
};

pbus_pending_t *pbus_pending_new(const pbus_pending_rows_t *rows, uint64_t most)
{
    pbus_pending_t *self = calloc(1, sizeof *self);
    if (self) {
        self->rows = rows;
        self->most = most;
    }
    return self;
}

static void s_held_destroy(const pbus_pending_t *self, held_t *held)
{
    if (held) {
        self->rows->destroy(held->row);
        free(held);
    }
}

static void s_release(pbus_pending_t *self, held_t *held)
{
    if (--held->waiting > 0)
        return;
    held->next = self->free;
    self->free = held;
}

void pbus_pending_destroy(pbus_pending_t **self_p)
{
    pbus_pending_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->heap.count; i++)
        s_release(self, self->heap.items[i].item);
    s_held_destroy(self, self->current);
    while (self->free) {
        held_t *next = self->free->next;
        s_held_destroy(self, self->free);
        self->free = next;
    }
    pbus_heap_clear(&self->heap);
    free(self);
    *self_p = NULL;
}

void *pbus_pending_row(pbus_pending_t *self)
{
    if (!self->current && self->free) {
        self->current = self->free;
        self->free = self->free->next;
    } else if (!self->current) {
        held_t *held = calloc(1, sizeof *held);
        if (held && !(held->row = self->rows->make())) {
            free(held);
            held = NULL;
        }
        self->current = held;
    }
    return self->current ? self->current->row : NULL;
}

/* Drops what cannot be asked for any more. A sorted array is a heap. */
static void s_trim(pbus_pending_t *self)
{
    pbus_heap_t *heap = &self->heap;
    if (heap->count < SLACK || (heap->count - SLACK) / 2 < self->most)
        return;
    pbus_heap_sort(heap);
    for (; heap->count > self->most; heap->count--)
        s_release(self, heap->items[heap->count - 1].item);
}

static bool s_push(pbus_pending_t *self, const pbus_event_t *event, size_t position, held_t *held)
{
    pbus_cursor_t place = {event->readings[position].origin, event->id};
    if (!pbus_heap_add(&self->heap, (pbus_heap_item_t){place, position, held}))
        return false;
    held->waiting++;
    return true;
}

bool pbus_pending_add(pbus_pending_t *self, const pbus_filter_t *filter)
{
    held_t *held = self->current;
    const pbus_event_t *event = self->rows->event(held->row);
    bool ok = true;
    for (size_t i = 0; i < event->reading_count && ok; i++)
        if (pbus_filter_reading(filter, &event->readings[i]))
            ok = s_push(self, event, i, held);
    /* Without any that waits, the row serves for the next event. */
    if (held->waiting > 0)
        self->current = NULL;
    if (ok)
        s_trim(self);
    return ok;
}

const pbus_reading_t *pbus_pending_top(const pbus_pending_t *self, pbus_cursor_t *place)
{
    if (self->heap.count == 0)
        return NULL;
    const pbus_heap_item_t *top = &self->heap.items[0];
    *place = top->key;
    return &self->rows->event(((const held_t *) top->item)->row)->readings[top->position];
}

void pbus_pending_pop(pbus_pending_t *self)
{
    s_release(self, self->heap.items[0].item);
    pbus_heap_pop(&self->heap);
    if (self->most > 0)
        self->most--;
}
