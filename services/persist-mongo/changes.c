#include "changes.h"

#include <endian.h>
#include <string.h>

#define REMOVED_SIZE 24

void changes_reset(changes_t *self)
{
    pbus_buf_reset(&self->added);
    pbus_buf_reset(&self->removed);
    self->partial = false;
}

void changes_clear(changes_t *self)
{
    pbus_buf_clear(&self->added);
    pbus_buf_clear(&self->removed);
}

void changes_miss(changes_t *self)
{
    self->partial = true;
}

static void s_append(changes_t *self, pbus_buf_t *to, const void *data, size_t size)
{
    if (self->added.size + self->removed.size + size > CHANGES_MAX)
        self->partial = true;
    if (!self->partial)
        pbus_buf_append(to, data, size);
}

void changes_add(changes_t *self, const bson_t *document)
{
    s_append(self, &self->added, bson_get_data(document), document->len);
}

void changes_remove(changes_t *self, const pbus_uuid_t *id, int64_t batch)
{
    uint8_t item[REMOVED_SIZE];
    int64_t stamp = (int64_t) htole64((uint64_t) batch);
    memcpy(item, id->bytes, sizeof id->bytes);
    memcpy(item + sizeof id->bytes, &stamp, sizeof stamp);
    s_append(self, &self->removed, item, sizeof item);
}

void changes_append(const changes_t *self, bson_t *batch)
{
    if (self->partial || self->added.failed || self->removed.failed)
        return;
    BSON_APPEND_BINARY(batch, "added", BSON_SUBTYPE_BINARY, self->added.data, (uint32_t) self->added.size);
    BSON_APPEND_BINARY(batch, "removed", BSON_SUBTYPE_BINARY, self->removed.data,
                       (uint32_t) self->removed.size);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static bool s_binary(const bson_t *batch, const char *key, const uint8_t **data, uint32_t *size)
{
    bson_iter_t iter;
    bson_subtype_t subtype;
    if (!bson_iter_init_find(&iter, batch, key) || !BSON_ITER_HOLDS_BINARY(&iter))
        return false;
    bson_iter_binary(&iter, &subtype, size, data);
    return true;
}

bool changes_read(const bson_t *batch, changes_view_t *view)
{
    return s_binary(batch, "added", &view->added, &view->added_size) &&
           s_binary(batch, "removed", &view->removed, &view->removed_size);
}

bool changes_next_added(changes_view_t *view, bson_t *document)
{
    uint32_t size;
    if (view->added_size < sizeof size)
        return false;
    memcpy(&size, view->added, sizeof size);
    size = le32toh(size);
    if (size > view->added_size || !bson_init_static(document, view->added, size))
        return false;
    view->added += size;
    view->added_size -= size;
    return true;
}

bool changes_next_removed(changes_view_t *view, pbus_uuid_t *id, int64_t *batch)
{
    uint64_t stamp;
    if (view->removed_size < REMOVED_SIZE)
        return false;
    memcpy(id->bytes, view->removed, sizeof id->bytes);
    memcpy(&stamp, view->removed + sizeof id->bytes, sizeof stamp);
    *batch = (int64_t) le64toh(stamp);
    view->removed += REMOVED_SIZE;
    view->removed_size -= REMOVED_SIZE;
    return true;
}
