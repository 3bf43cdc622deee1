/*
 * Mending: writes that make a group like another, gathered into batches as they travel on the bus
 * (PROTOCOL.md, section 4). They have the accept numbers that the events have, so a write that comes twice
 * changes nothing, and a group's mark does not rise. By value: starts from zero, ends with mending_clear.
 */
#ifndef CORE_DATA_MENDING_H
#define CORE_DATA_MENDING_H

#include <persistbus/types.h>

#define MENDING_BYTES ((size_t) 1024 * 1024) /* of a batch, but for one large event alone */

typedef struct {
    pbus_buf_t batch; /* failed: memory was out */
    size_t count;
} mending_t;

void mending_add(mending_t *self, uint64_t accept, const pbus_uuid_t *id, pbus_str_t event);
void mending_delete(mending_t *self, uint64_t accept, const pbus_uuid_t *id);
/* Whether another `size` bytes of event should wait for the next batch, of which writes may be `most`. */
bool mending_is_full(const mending_t *self, size_t size, size_t most);
/* The payload, which is the caller's; it is empty again. */
pbus_buf_t mending_take(mending_t *self);
void mending_clear(mending_t *self);

#endif
