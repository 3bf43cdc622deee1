/*
 * Walk: the events of a group in a window, one after another by (origin, id), page by page, but for those
 * with a number above accept_max. What is malformed or not in order is an error.
 */
#ifndef CORE_DATA_WALK_H
#define CORE_DATA_WALK_H

#include "remote.h"

typedef struct {
    pbus_cursor_t place;
    uint64_t accept;
    pbus_str_t event; /* encoded, as it came */
} walk_item_t;

typedef struct walk walk_t;

/* remote must outlive it. NULL when memory is out. */
walk_t *walk_new(remote_t *remote, const window_t *window, uint64_t accept_max);
void walk_destroy(walk_t **self_p);
/* The item is valid until the next call; NULL: the window is at its end. */
pbus_status_t walk_next(walk_t *self, const walk_item_t **item_p, pbus_error_t *error);

/* Whether these are one event, with one number; encodings may differ in form. */
bool walk_same(const walk_item_t *a, const walk_item_t *b);

#endif
