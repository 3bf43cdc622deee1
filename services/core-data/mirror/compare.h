/*
 * Compare: the differences of two groups in a window, as of an accept number, in the order of events: two
 * walks, merged. And lists of differences, to tell which of them were there before.
 */
#ifndef CORE_DATA_COMPARE_H
#define CORE_DATA_COMPARE_H

#include "walk.h"

typedef enum {
    DIFFERENCE_MISSING,  /* the source has it, the target has not */
    DIFFERENCE_EXTRA,    /* the target has it, the source has not */
    DIFFERENCE_DIFFERENT /* other bytes, or another number, under one id and origin */
} difference_kind_t;

typedef struct {
    difference_kind_t kind;
    pbus_cursor_t place;
    uint64_t accept; /* the source's number, of an EXTRA the target's */
    const walk_item_t *source, *target;
} difference_t;

typedef struct compare compare_t;

/* The remotes must outlive it. NULL when memory is out. */
compare_t *compare_new(remote_t *source, remote_t *target, const window_t *window, uint64_t accept_max);
void compare_destroy(compare_t **self_p);
/* The next difference, valid until the next call; *found is false at the end. */
pbus_status_t compare_next(compare_t *self, difference_t *difference, bool *found, pbus_error_t *error);

/* ---- lists ---- */

/* By value: starts from zero, ends with differences_clear. */
typedef struct {
    pbus_buf_t items;
    size_t next; /* where the search goes on */
} differences_t;

/* In order. items.failed tells of missing memory. */
void differences_add(differences_t *self, const difference_t *difference);
size_t differences_count(const differences_t *self);
/* What the list has of this one; the search only goes forward. */
typedef enum {
    DIFFERENCE_NEW,     /* nothing */
    DIFFERENCE_CHANGED, /* another one at its place */
    DIFFERENCE_KNOWN    /* the very same */
} difference_news_t;
difference_news_t differences_find(differences_t *self, const difference_t *difference);
/* Empty, for the next use. */
void differences_reset(differences_t *self);
void differences_clear(differences_t *self);

#endif
