#include "source.h"

void source_open_cursor(source_t *self, mongoc_cursor_t *cursor, uint32_t size, uint32_t most)
{
    *self = (source_t){.cursor = cursor, .end = size, .most = most};
}

/* Who reads on to the end of a reply has to look through more than is asked for. */
static void s_grow(source_t *self)
{
    if (!self->end || ++self->next < self->end)
        return;
    self->next = 0;
    self->end = 2 * self->end < self->most ? 2 * self->end : self->most;
    mongoc_cursor_set_batch_size(self->cursor, (uint32_t) self->end);
}

void source_open_copy(source_t *self, const copy_t *copy, copy_pass_fn *pass, const void *what,
                      copy_order_fn *order, uint64_t skip, uint64_t limit)
{
    size_t count;
    self->events = copy_select(copy, pass, what, order, &count);
    self->next = skip < count ? (size_t) skip : count;
    self->end = limit && limit < count - self->next ? self->next + (size_t) limit : count;
}

bool source_next(source_t *self, const bson_t **document)
{
    if (self->cursor) {
        bool found = mongoc_cursor_next(self->cursor, document);
        if (found)
            s_grow(self);
        return found;
    }
    if (self->next == self->end)
        return false;
    *document = self->events[self->next++]->bson;
    return true;
}

bool source_failed(const source_t *self)
{
    return self->cursor && mongoc_cursor_error(self->cursor, NULL);
}

pbus_status_t source_close(source_t *self, store_t *store, const char *doing, pbus_status_t before,
                           pbus_error_t *error)
{
    pbus_error_t other;
    pbus_status_t status = PBUS_OK;
    if (self->cursor)
        status = store_done(store, &self->cursor, doing, before == PBUS_OK ? error : &other);
    bson_free(self->events);
    *self = (source_t){0};
    return before == PBUS_OK ? status : before;
}
