/*
 * Mending: see mending.h.
 */
#include <persistbus/backend.h>
#include "message.h"
#include "mending.h"

static void s_put(mending_t *self, pbus_op_t op, uint64_t accept, const pbus_uuid_t *id, pbus_str_t event)
{
    size_t begin = self->batch.size ? 0 : PBUS_BATCH_BEGIN;
    uint8_t *out = pbus_buf_reserve(&self->batch, begin + pbus_batch_size(event.data, event.size));
    if (!out)
        return;
    self->batch.size += begin + pbus_batch_put(out + begin, op, accept, id, event.data, event.size);
    self->count++;
}

void mending_add(mending_t *self, uint64_t accept, const pbus_uuid_t *id, pbus_str_t event)
{
    s_put(self, PBUS_ADD, accept, id, event);
}

void mending_delete(mending_t *self, uint64_t accept, const pbus_uuid_t *id)
{
    s_put(self, PBUS_DELETE, accept, id, (pbus_str_t){0});
}

bool mending_is_full(const mending_t *self, size_t size, size_t most)
{
    return self->count > 0 && (self->count >= most || self->batch.size + size > MENDING_BYTES);
}

pbus_buf_t mending_take(mending_t *self)
{
    pbus_buf_t batch = self->batch;
    if (batch.size)
        pbus_batch_begin(batch.data, self->count);
    *self = (mending_t){0};
    return batch;
}

void mending_clear(mending_t *self)
{
    pbus_buf_clear(&self->batch);
    self->count = 0;
}
