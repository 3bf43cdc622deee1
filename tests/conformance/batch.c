#include "batch.h"
#include "need.h"

#include "message.h"

#include <stdlib.h>

struct batch {
    batch_write_t *writes;
    size_t count;
    size_t capacity;
};

batch_t *batch_new(void)
{
    return need_alloc(1, sizeof(batch_t));
}

void batch_destroy(batch_t **self_p)
{
    batch_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        pbus_buf_clear(&self->writes[i].event);
    free(self->writes);
    free(self);
    *self_p = NULL;
}

static batch_write_t *s_append(batch_t *self, pbus_op_t op, uint64_t accept, const pbus_uuid_t *id)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->writes = need_more(self->writes, self->capacity, sizeof *self->writes);
    }
    batch_write_t *write = &self->writes[self->count++];
    *write = (batch_write_t){.op = op, .accept = accept, .id = *id};
    return write;
}

void batch_add(batch_t *self, uint64_t accept, const pbus_event_t *event)
{
    batch_write_t *write = s_append(self, PBUS_ADD, accept, &event->id);
    pbus_event_encode(event, &write->event);
    need_buf(&write->event);
}

void batch_add_bytes(batch_t *self, uint64_t accept, const pbus_uuid_t *id, pbus_str_t event, bool malformed)
{
    batch_write_t *write = s_append(self, PBUS_ADD, accept, id);
    write->malformed = malformed;
    pbus_buf_append(&write->event, event.data, event.size);
    need_buf(&write->event);
}

void batch_delete(batch_t *self, uint64_t accept, const pbus_uuid_t *id)
{
    s_append(self, PBUS_DELETE, accept, id);
}

void batch_copy(batch_t *self, const batch_write_t *write)
{
    batch_write_t *copy = s_append(self, write->op, write->accept, &write->id);
    copy->malformed = write->malformed;
    copy->again = write->again;
    pbus_buf_append(&copy->event, write->event.data, write->event.size);
    need_buf(&copy->event);
}

size_t batch_count(const batch_t *self)
{
    return self->count;
}

batch_write_t *batch_at(batch_t *self, size_t place)
{
    return &self->writes[place];
}

void batch_set_again(batch_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->writes[i].again = true;
}

/* NULL for a delete; an add has an event, even if of no bytes. */
static const void *s_event(const batch_write_t *write)
{
    if (write->op == PBUS_DELETE)
        return NULL;
    return write->event.size ? (const void *) write->event.data : "";
}

void batch_encode(const batch_t *self, pbus_buf_t *out)
{
    size_t size = PBUS_BATCH_BEGIN;
    for (size_t i = 0; i < self->count; i++)
        size += pbus_batch_size(s_event(&self->writes[i]), self->writes[i].event.size);
    uint8_t *at = pbus_buf_reserve(out, size);
    need_buf(out);
    out->size += size;
    at += pbus_batch_begin(at, self->count);
    for (size_t i = 0; i < self->count; i++) {
        const batch_write_t *write = &self->writes[i];
        at += pbus_batch_put(at, write->op, write->accept, &write->id, s_event(write), write->event.size);
    }
}
