/*
 * Heap: items in the order of events, (origin, id) and then a position of the caller's, the first one on top.
 * By value: zeroed, with `up` as wanted; freed with pbus_heap_clear. Keys lie in the heap itself, so that
 * sifting touches nothing else.
 */
#ifndef PERSISTBUS_SERIES_HEAP_H
#define PERSISTBUS_SERIES_HEAP_H

#include <persistbus/query.h>

typedef struct {
    pbus_cursor_t key;
    size_t position; /* among equal keys; always ascending */
    void *item;      /* the caller's */
} pbus_heap_item_t;

typedef struct {
    pbus_heap_item_t *items; /* the first is the top */
    size_t count;
    size_t capacity;
    bool up; /* the least key first; else the greatest */
} pbus_heap_t;

/* False when memory is out. */
PBUS_EXPORT bool pbus_heap_add(pbus_heap_t *self, pbus_heap_item_t item);
/* Of a heap that has a top. */
PBUS_EXPORT void pbus_heap_replace_top(pbus_heap_t *self, pbus_heap_item_t item);
PBUS_EXPORT void pbus_heap_pop(pbus_heap_t *self);
/* Brings all items into their order, so that those at the end may be cut off. */
PBUS_EXPORT void pbus_heap_sort(pbus_heap_t *self);
PBUS_EXPORT void pbus_heap_clear(pbus_heap_t *self);

#endif
