/*
 * Arena: see arena.h. Blocks are a list, newest first; the oldest is kept over a reset. A piece that does not
 * fit the newest block gets a new one of at least twice the size of the last, so there are few of them.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"

#define FIRST_BLOCK ((size_t) 8 * 1024)

typedef struct block block_t;

struct block {
    block_t *older;
    size_t size;
    size_t used;
    _Alignas(max_align_t) uint8_t data[];
};

struct arena {
    block_t *newest;
};

static block_t *s_block_new(block_t *older, size_t size)
{
    block_t *self = malloc(sizeof *self + size);
    if (!self)
        return NULL;
    self->older = older;
    self->size = size;
    self->used = 0;
    return self;
}

arena_t *arena_new(void)
{
    arena_t *self = malloc(sizeof *self);
    if (!self)
        return NULL;
    self->newest = s_block_new(NULL, FIRST_BLOCK);
    if (!self->newest) {
        free(self);
        return NULL;
    }
    return self;
}

void arena_reset(arena_t *self)
{
    while (self->newest->older) {
        block_t *block = self->newest;
        self->newest = block->older;
        free(block);
    }
    self->newest->used = 0;
}

void arena_destroy(arena_t **self_p)
{
    arena_t *self = *self_p;
    if (!self)
        return;
    arena_reset(self);
    free(self->newest);
    free(self);
    *self_p = NULL;
}

static bool s_grow(arena_t *self, size_t size)
{
    size_t wanted = self->newest->size * 2;
    block_t *block = s_block_new(self->newest, size > wanted ? size : wanted);
    if (!block)
        return false;
    self->newest = block;
    return true;
}

static size_t s_align(size_t size)
{
    return (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

void *arena_alloc(arena_t *self, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size_t aligned = s_align(size);
    if (aligned > self->newest->size - self->newest->used && !s_grow(self, aligned))
        return NULL;
    void *piece = self->newest->data + self->newest->used;
    self->newest->used += aligned;
    return piece;
}

/* The newest piece grows in place, together with its block if it is alone there (not in the first block,
 * which stays as it is). */
static bool s_extend(arena_t *self, size_t old_aligned, size_t aligned)
{
    block_t *block = self->newest;
    size_t start = block->used - old_aligned;
    if (aligned > block->size - start) {
        if (start != 0 || !block->older)
            return false;
        block = realloc(block, sizeof *block + aligned);
        if (!block)
            return false;
        block->size = aligned;
        self->newest = block;
    }
    block->used = start + aligned;
    return true;
}

void *arena_resize(arena_t *self, void *piece, size_t old_size, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size_t old_aligned = s_align(old_size);
    size_t start = self->newest->used - old_aligned;
    bool newest = self->newest->used >= old_aligned && self->newest->data + start == piece;
    if (newest && s_extend(self, old_aligned, s_align(size)))
        return self->newest->data + start;
    void *moved = arena_alloc(self, size);
    if (moved)
        memcpy(moved, piece, old_size < size ? old_size : size);
    return moved;
}

char *arena_copy(arena_t *self, const void *data, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    char *copy = arena_alloc(self, size + 1);
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}
