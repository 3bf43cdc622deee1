#include <persistbus/series/heap.h>

#include <stdlib.h>

/* Negative if a comes before b. */
static int s_down(const void *left, const void *right)
{
    const pbus_heap_item_t *a = left, *b = right;
    int order = pbus_cursor_cmp(&b->key, &a->key);
    return order ? order : (a->position > b->position) - (a->position < b->position);
}

static int s_up(const void *left, const void *right)
{
    const pbus_heap_item_t *a = left, *b = right;
    int order = pbus_cursor_cmp(&a->key, &b->key);
    return order ? order : (a->position > b->position) - (a->position < b->position);
}

static int s_compare(const pbus_heap_t *self, const pbus_heap_item_t *a, const pbus_heap_item_t *b)
{
    return self->up ? s_up(a, b) : s_down(a, b);
}

static void s_sift_down(pbus_heap_t *self)
{
    pbus_heap_item_t item = self->items[0];
    size_t at = 0;
    for (size_t child = 1; child < self->count; child = at * 2 + 1) {
        if (child + 1 < self->count && s_compare(self, &self->items[child + 1], &self->items[child]) < 0)
            child++;
        if (s_compare(self, &item, &self->items[child]) <= 0)
            break;
        self->items[at] = self->items[child];
        at = child;
    }
    self->items[at] = item;
}

static void s_sift_up(pbus_heap_t *self, size_t at)
{
    pbus_heap_item_t item = self->items[at];
    for (; at > 0 && s_compare(self, &item, &self->items[(at - 1) / 2]) < 0; at = (at - 1) / 2)
        self->items[at] = self->items[(at - 1) / 2];
    self->items[at] = item;
}

bool pbus_heap_add(pbus_heap_t *self, pbus_heap_item_t item)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        pbus_heap_item_t *items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return false;
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = item;
    s_sift_up(self, self->count - 1);
    return true;
}

void pbus_heap_replace_top(pbus_heap_t *self, pbus_heap_item_t item)
{
    self->items[0] = item;
    s_sift_down(self);
}

void pbus_heap_pop(pbus_heap_t *self)
{
    self->items[0] = self->items[--self->count];
    if (self->count > 0)
        s_sift_down(self);
}

void pbus_heap_sort(pbus_heap_t *self)
{
    if (self->count > 1)
        qsort(self->items, self->count, sizeof *self->items, self->up ? s_up : s_down);
}

void pbus_heap_clear(pbus_heap_t *self)
{
    free(self->items);
    *self = (pbus_heap_t){.up = self->up};
}
