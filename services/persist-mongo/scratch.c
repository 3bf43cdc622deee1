#include "scratch.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_BYTES 8192

struct scratch_block {
    scratch_block_t *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

static scratch_block_t *s_grow(scratch_t *self, size_t size)
{
    size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    if (room > SIZE_MAX / 2)
        return NULL;
    scratch_block_t *block = malloc(sizeof *block + room);
    if (!block)
        return NULL;
    *block = (scratch_block_t){.next = self->head, .size = room};
    self->head = block;
    return block;
}

void *scratch_alloc(scratch_t *self, size_t size)
{
    size_t step = alignof(max_align_t);
    size_t rounded = (size + step - 1) / step * step;
    scratch_block_t *block = self->head;
    if (rounded < size)
        return NULL;
    if (!block || block->size - block->used < rounded)
        block = s_grow(self, rounded);
    if (!block)
        return NULL;
    void *piece = block->data + block->used;
    block->used += rounded;
    return piece;
}

void scratch_reset(scratch_t *self)
{
    scratch_block_t *kept = NULL;
    while (self->head) {
        scratch_block_t *block = self->head;
        self->head = block->next;
        if (kept || block->size > BLOCK_BYTES)
            free(block);
        else
            kept = block;
    }
    if (kept)
        *kept = (scratch_block_t){.size = kept->size};
    self->head = kept;
}

void scratch_clear(scratch_t *self)
{
    while (self->head) {
        scratch_block_t *block = self->head;
        self->head = block->next;
        free(block);
    }
}
