/*
 * Arena: memory for what lives as long as one request. Pieces are never freed one by one; a reset gives all
 * of them back at once and keeps the first block for the next request.
 */
#ifndef CORE_DATA_ARENA_H
#define CORE_DATA_ARENA_H

#include <persistbus/types.h>

typedef struct arena arena_t;

/* NULL when memory is out. */
arena_t *arena_new(void);
void arena_destroy(arena_t **self_p);
/* Takes back everything given out. */
void arena_reset(arena_t *self);
/* size bytes, aligned for any type, not zeroed; NULL when memory is out. */
void *arena_alloc(arena_t *self, size_t size);
/* Like realloc for a piece of old_size bytes; cheap for the newest piece. */
void *arena_resize(arena_t *self, void *piece, size_t old_size, size_t size);
/* A copy of the bytes with a terminating NUL behind them; NULL when memory is out. */
char *arena_copy(arena_t *self, const void *data, size_t size);

#endif
