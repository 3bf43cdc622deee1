#include "block.h"

#include <stdlib.h>

#define CHUNK 128 /* keys in one command, so that none holds up Redis for long */

void block_reset(block_t *self)
{
    for (size_t i = 0; i < self->reply_count; i++)
        freeReplyObject(self->replies[i]);
    self->count = self->reply_count = 0;
}

void block_clear(block_t *self)
{
    block_reset(self);
    free(self->items);
    free(self->replies);
    *self = (block_t){0};
}

static bool s_grow(block_t *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : 64;
    item_t *items = realloc(self->items, capacity * sizeof *items);
    if (items)
        self->items = items;
    redisReply **replies = realloc(self->replies, capacity * sizeof *replies);
    if (replies)
        self->replies = replies;
    if (items && replies)
        self->capacity = capacity;
    return items && replies;
}

pbus_status_t block_add(block_t *self, item_t item, pbus_error_t *error)
{
    if (self->count == self->capacity && !s_grow(self))
        return pbus_fail(error, PBUS_NOMEM, "out of memory while making a list");
    self->items[self->count++] = item;
    return PBUS_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------
 */

pbus_status_t block_ask(block_t *self, store_t *store, pbus_error_t *error)
{
    command_t *command = store_command(store);
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < self->count && status == PBUS_OK;) {
        command_begin(command, "MGET");
        do
            command_add_key(command, keys_event(store_keys(store), &self->items[i].entry.id));
        while (++i < self->count && i % CHUNK != 0);
        status = connection_send(store_connection(store), command, error);
    }
    return status;
}

static pbus_status_t s_take_chunk(block_t *self, store_t *store, item_t *items, size_t count,
                                  pbus_error_t *error)
{
    redisReply *blobs;
    pbus_status_t status = connection_receive(store_connection(store), REDIS_REPLY_ARRAY, &blobs, error);
    if (status != PBUS_OK)
        return status;
    self->replies[self->reply_count++] = blobs;
    if (blobs->elements != count)
        return pbus_fail(error, PBUS_INTERNAL, "%s: MGET of %zu keys gave %zu values",
                         connection_where(store_connection(store)), count, blobs->elements);
    for (size_t i = 0; i < count; i++)
        if (blobs->element[i]->type == REDIS_REPLY_STRING)
            items[i].blob = (pbus_str_t){blobs->element[i]->str, blobs->element[i]->len};
    return PBUS_OK;
}

pbus_status_t block_take(block_t *self, store_t *store, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < self->count && status == PBUS_OK; i += CHUNK)
        status = s_take_chunk(self, store, self->items + i, self->count - i < CHUNK ? self->count - i : CHUNK,
                              error);
    return status;
}

pbus_status_t block_load(block_t *self, store_t *store, pbus_error_t *error)
{
    pbus_status_t status = block_ask(self, store, error);
    return status == PBUS_OK ? block_take(self, store, error) : status;
}

/* ---- decoding --------------------------------------------------------------------------------------------
 */

static pbus_status_t s_read_body(const item_t *item, store_t *store, redisReply **body, pbus_error_t *error)
{
    command_t *command = store_command(store);
    command_begin(command, "GET");
    command_add_key(command, keys_body(store_keys(store), &item->entry.id));
    return connection_call(store_connection(store), command, 0, body, error);
}

static pbus_status_t s_decode(const item_t *item, const redisReply *body, row_t *row,
                              const pbus_event_t **event, pbus_error_t *error)
{
    pbus_str_t rest = body ? (pbus_str_t){body->str, body->len} : PBUS_STR("");
    *event = row_decode(row, &item->entry.id, item->blob, rest, item->series, error);
    return *event ? PBUS_OK : error->status;
}

pbus_status_t block_decode(const item_t *item, store_t *store, row_t *row, const pbus_event_t **event,
                           pbus_error_t *error)
{
    row_head_t head;
    redisReply *body;
    *event = NULL;
    if (item->blob.size == 0)
        return PBUS_OK;
    bool good = row_read_head(item->blob.data, item->blob.size, &head);
    if (good && (head.origin != item->entry.origin || head.series != item->entry.series))
        return PBUS_OK;
    if (!good || !head.large)
        return s_decode(item, NULL, row, event, error);
    pbus_status_t status = s_read_body(item, store, &body, error);
    if (status != PBUS_OK)
        return status;
    if (body->type == REDIS_REPLY_STRING)
        status = s_decode(item, body, row, event, error);
    freeReplyObject(body);
    return status;
}
