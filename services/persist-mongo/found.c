#include "found.h"

#include <stdio.h>
#include <string.h>

void found_add(found_t *self, const found_event_t *event)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->events = bson_realloc(self->events, self->capacity * sizeof *self->events);
    }
    self->events[self->count++] = *event;
}

static bool s_take(found_t *self, const bson_t *bson)
{
    found_event_t event = {.bson = bson_copy(bson)};
    if (!document_read(event.bson, &event.document)) {
        bson_destroy(event.bson);
        return false;
    }
    found_add(self, &event);
    return true;
}

static bson_t *s_opts(uint32_t limit)
{
    return BCON_NEW("limit", BCON_INT64(limit), "projection", "{", "device", BCON_INT32(1), "source",
                    BCON_INT32(1), "origin", BCON_INT32(1), "accept", BCON_INT32(1), "batch", BCON_INT32(1),
                    "last", BCON_INT32(1), "readings.resource", BCON_INT32(1), "readings.device",
                    BCON_INT32(1), "}");
}

pbus_status_t found_load(found_t *self, store_t *store, const bson_t *filter, uint32_t limit,
                         pbus_error_t *error)
{
    const bson_t *bson;
    bson_t *opts = s_opts(limit);
    mongoc_cursor_t *cursor = store_find(store, STORE_EVENTS, filter, opts);
    pbus_status_t damaged = PBUS_OK;
    while (damaged == PBUS_OK && mongoc_cursor_next(cursor, &bson))
        if (!s_take(self, bson))
            damaged = document_damaged(bson, error);
    bson_destroy(opts);
    pbus_error_t other;
    pbus_status_t status = store_done(store, &cursor, "look up events", damaged == PBUS_OK ? error : &other);
    return damaged == PBUS_OK ? status : damaged;
}

pbus_status_t found_load_ids(found_t *self, store_t *store, const pbus_uuid_t *ids, size_t count,
                             pbus_error_t *error)
{
    size_t step = count <= store_singly(store) ? 1 : count;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; status == PBUS_OK && i < count; i += step) {
        bson_t filter = BSON_INITIALIZER;
        found_append_ids(&filter, "_id", ids + i, step);
        status = found_load(self, store, &filter, 0, error);
        bson_destroy(&filter);
    }
    return status;
}

found_event_t *found_get(const found_t *self, const pbus_uuid_t *id)
{
    for (size_t i = 0; i < self->count; i++)
        if (memcmp(&self->events[i].document.id, id, sizeof *id) == 0)
            return &self->events[i];
    return NULL;
}

void found_cut(found_t *self, size_t count)
{
    while (self->count > count)
        bson_destroy(self->events[--self->count].bson);
}

void found_clear(found_t *self)
{
    found_cut(self, 0);
    bson_free(self->events);
    *self = (found_t){0};
}

/* ---- conditions --------------------------------------------------------------------------------- */

void found_append_ids(bson_t *to, const char *field, const pbus_uuid_t *ids, size_t count)
{
    bson_t in, list;
    if (count == 1) {
        document_append_id(to, field, ids);
        return;
    }
    BSON_APPEND_DOCUMENT_BEGIN(to, field, &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    for (size_t i = 0; i < count; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        document_append_id(&list, key, &ids[i]);
    }
    bson_append_array_end(&in, &list);
    bson_append_document_end(to, &in);
}
