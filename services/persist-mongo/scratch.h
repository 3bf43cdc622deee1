/*
 * Scratch: memory for many small things that are all given back at once.
 */
#ifndef PERSIST_MONGO_SCRATCH_H
#define PERSIST_MONGO_SCRATCH_H

#include <stddef.h>

typedef struct scratch_block scratch_block_t;

/* By value; starts from zero. */
typedef struct {
    scratch_block_t *head;
} scratch_t;

/* Aligned for anything; NULL when memory is out. Valid until the next reset or clear. */
void *scratch_alloc(scratch_t *self, size_t size);
/* Takes everything back, keeping some memory for the next use. */
void scratch_reset(scratch_t *self);
void scratch_clear(scratch_t *self);

#endif
