#include "delivery.h"
#include "group.h"

#include <stdlib.h>

write_t *write_new(size_t count, pbus_op_t op, const pbus_uuid_t *id, uint64_t accept, request_t *request)
{
    write_t *self = calloc(1, sizeof *self + count * sizeof self->deliveries[0]);
    if (!self)
        return NULL;
    self->op = op;
    self->id = *id;
    self->accept = accept;
    self->request = request;
    self->since = pbus_clock_boottime();
    return self;
}

void write_withdraw(write_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->deliveries[i].group->deliveries--;
    self->count = self->pending = 0;
}

void write_destroy(write_t **self_p)
{
    if (*self_p)
        write_withdraw(*self_p);
    free(*self_p);
    *self_p = NULL;
}

delivery_t *write_add(write_t *self, group_t *group)
{
    delivery_t *delivery = &self->deliveries[self->count++];
    delivery->write = self;
    delivery->group = group;
    group->deliveries++;
    delivery->state = DELIVERY_QUEUED;
    self->pending++;
    return delivery;
}

void delivery_move(delivery_t *self, group_t *group)
{
    self->group->deliveries--;
    self->group = group;
    group->deliveries++;
}

void delivery_finish(delivery_t *self, delivery_state_t state, pbus_status_t status)
{
    if (self->state == DELIVERY_SENT && self->slot)
        *self->slot = NULL;
    self->slot = NULL;
    self->state = state;
    self->status = status;
    self->write->pending--;
}

bool delivery_is_refusal(pbus_status_t status)
{
    return status != PBUS_OK && status != PBUS_CONFLICT && status != PBUS_NOT_FOUND;
}

const pbus_buf_t *write_event(const write_t *self)
{
    return self->op == PBUS_ADD && self->request ? &self->request->event : NULL;
}

size_t write_bytes(const write_t *self)
{
    const pbus_buf_t *event = write_event(self);
    return pbus_batch_size(event ? event->data : NULL, event ? event->size : 0);
}

/* Narrowed groups are no rivals in this: what one of them has not, another may have had. */
static bool s_comes_before(const delivery_t *self, const delivery_t *other)
{
    bool narrowed = self->group->narrowed;
    if (!other || narrowed != other->group->narrowed)
        return !other || !narrowed;
    return narrowed && other->status == PBUS_NOT_FOUND && self->status != PBUS_NOT_FOUND;
}

const delivery_t *write_decider(const write_t *self)
{
    const delivery_t *first = NULL;
    for (size_t i = 0; i < self->count; i++) {
        const delivery_t *delivery = &self->deliveries[i];
        if (delivery->state != DELIVERY_DONE || !delivery->group->counts)
            continue;
        if (group_state(delivery->group) == GROUP_LIVE)
            return delivery;
        if (s_comes_before(delivery, first))
            first = delivery;
    }
    return first;
}

bool write_is_covered(const write_t *self)
{
    const delivery_t *decider = write_decider(self);
    return decider && decider->status == PBUS_OK && !decider->group->narrowed;
}

bool write_has(const write_t *self, delivery_state_t state)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->deliveries[i].state == state)
            return true;
    return false;
}
