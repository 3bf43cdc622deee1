#include "cursor.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MIN 1
#define STEP_MAX 1024 /* some 0.2 ms of Redis' time */

cursor_t cursor(const pbus_source_t *source, cursor_direction_t direction, uint32_t step)
{
    cursor_t self = {.source = source, .direction = direction, .ended = source->span.min > source->span.max};
    self.step = step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step;
    bound_t min = range_min(source->span), max = range_max(source->span);
    self.near = direction == CURSOR_DOWN ? max : min;
    self.far = direction == CURSOR_DOWN ? min : max;
    return self;
}

void cursor_clear(cursor_t *self)
{
    free(self->entries);
    self->entries = NULL;
}

void cursor_begin_at(cursor_t *self, bound_t bound)
{
    self->near = bound;
}

keyname_t cursor_key(const pbus_source_t *source, const store_t *store)
{
    return source->series ? keys_series(store_keys(store), source->series->number)
                          : keys_class(store_keys(store), source->class);
}

/* ---- reading ---------------------------------------------------------------------------------------------
 */

pbus_status_t cursor_ask(cursor_t *self, store_t *store, pbus_error_t *error)
{
    if (self->ended || self->asked)
        return PBUS_OK;
    command_t *command = store_command(store);
    command_begin(command, self->direction == CURSOR_DOWN ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX");
    command_add_key(command, cursor_key(self->source, store));
    command_add_bound(command, self->near);
    command_add_bound(command, self->far);
    command_add_text(command, "LIMIT");
    command_add_number(command, 0);
    command_add_number(command, self->step);
    self->asked = true;
    return connection_send(store_connection(store), command, error);
}

/* Moves what is left to the front and makes room for more. */
static bool s_make_room(cursor_t *self, size_t more)
{
    self->count -= self->at;
    if (self->at > 0 && self->count > 0)
        memmove(self->entries, self->entries + self->at, self->count * sizeof *self->entries);
    self->at = 0;
    if (self->count + more <= self->capacity)
        return true;
    entry_t *entries = realloc(self->entries, (self->count + more) * sizeof *entries);
    if (!entries)
        return false;
    self->entries = entries;
    self->capacity = self->count + more;
    return true;
}

static pbus_status_t s_take_members(cursor_t *self, const redisReply *members, const store_t *store,
                                    pbus_error_t *error)
{
    if (!s_make_room(self, members->elements))
        return pbus_fail(error, PBUS_NOMEM, "out of memory while reading an index");
    for (size_t i = 0; i < members->elements; i++) {
        const redisReply *member = members->element[i];
        if (!member_read(member->str, member->len, &self->entries[self->count++]))
            return pbus_fail(error, PBUS_INTERNAL,
                             "key '%s' has a member that persist-redis did not write: ZREM it",
                             cursor_key(self->source, store).data);
    }
    self->ended = members->elements < self->step;
    if (members->elements > 0)
        self->near = range_beside(&self->entries[self->count - 1]);
    self->step = self->step * 2 < STEP_MAX ? self->step * 2 : STEP_MAX;
    return PBUS_OK;
}

pbus_status_t cursor_take(cursor_t *self, store_t *store, pbus_error_t *error)
{
    redisReply *members;
    if (!self->asked)
        return PBUS_OK;
    self->asked = false;
    pbus_status_t status = connection_receive(store_connection(store), REDIS_REPLY_ARRAY, &members, error);
    if (status != PBUS_OK)
        return status;
    status = s_take_members(self, members, store, error);
    freeReplyObject(members);
    return status;
}

bool cursor_is_empty(const cursor_t *self)
{
    return self->at == self->count && !self->ended;
}

bool cursor_is_low(const cursor_t *self)
{
    return (self->count - self->at) * 8 <= self->step && !self->ended;
}

const entry_t *cursor_peek(const cursor_t *self)
{
    return self->at < self->count ? &self->entries[self->at] : NULL;
}

void cursor_next(cursor_t *self)
{
    self->at++;
}
