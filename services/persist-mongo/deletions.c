#include "deletions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_SIZE 24

void deletion_clear(deletion_t *self)
{
    bson_destroy(self->document);
    *self = (deletion_t){0};
}

static void s_id(int64_t number, char id[ID_SIZE])
{
    snprintf(id, ID_SIZE, "%019" PRId64, number);
}

static int64_t s_int(const bson_t *document, const char *key)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, key) ? bson_iter_as_int64(&iter) : 0;
}

/* There are one or two, so all are read. */
pbus_status_t deletion_last(deletion_t *self, store_t *store, pbus_error_t *error)
{
    const bson_t *found;
    bson_t all = BSON_INITIALIZER;
    deletion_clear(self);
    mongoc_cursor_t *cursor = store_find(store, STORE_DELETIONS, &all, NULL);
    while (mongoc_cursor_next(cursor, &found)) {
        int64_t number = s_int(found, "number");
        if (number <= self->number)
            continue;
        bson_destroy(self->document);
        *self = (deletion_t){number, s_int(found, "by"), bson_copy(found)};
    }
    return store_done(store, &cursor, "read the last deletion", error);
}

pbus_status_t deletion_damaged(const store_t *store, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_INTERNAL,
                     "%s: a document in persistbus_deletions is damaged: restore it from a backup",
                     store_name(store));
}

/* ---- making ------------------------------------------------------------------------------------- */

static void s_begin(deletion_t *self, int64_t number, int64_t by)
{
    char id[ID_SIZE];
    s_id(number, id);
    *self = (deletion_t){number, by, bson_new()};
    BSON_APPEND_UTF8(self->document, "_id", id);
    BSON_APPEND_INT64(self->document, "number", number);
    BSON_APPEND_INT64(self->document, "by", by);
}

static void s_append_events(bson_t *to, const found_t *events)
{
    bson_t ids, batches;
    char room[16];
    const char *key;
    BSON_APPEND_ARRAY_BEGIN(to, "ids", &ids);
    for (uint32_t i = 0; i < events->count; i++) {
        bson_uint32_to_string(i, &key, room, sizeof room);
        document_append_id(&ids, key, &events->events[i].document.id);
    }
    bson_append_array_end(to, &ids);
    BSON_APPEND_ARRAY_BEGIN(to, "batches", &batches);
    for (uint32_t i = 0; i < events->count; i++) {
        bson_uint32_to_string(i, &key, room, sizeof room);
        BSON_APPEND_INT64(&batches, key, events->events[i].document.batch);
    }
    bson_append_array_end(to, &batches);
}

pbus_status_t deletion_make(deletion_t *self, int64_t number, int64_t by, const found_t *events,
                            pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    tally_t *tally = tally_new();
    for (size_t i = 0; status == PBUS_OK && i < events->count; i++)
        if (!tally_document(tally, &events->events[i].document, -1))
            status = document_damaged(events->events[i].bson, error);
    if (status == PBUS_OK) {
        s_begin(self, number, by);
        s_append_events(self->document, events);
        tally_append(tally, self->document);
    }
    tally_destroy(&tally);
    return status;
}

void deletion_make_again(deletion_t *self, int64_t number, int64_t by, const deletion_t *other)
{
    s_begin(self, number, by);
    bson_copy_to_excluding_noinit(other->document, self->document, "_id", "number", "by", NULL);
}

/* ---- doing -------------------------------------------------------------------------------------- */

pbus_status_t deletion_begin(const deletion_t *self, store_t *store, bool *begun, pbus_error_t *error)
{
    bool exists;
    deletion_t last = {0};
    pbus_status_t status =
        store_insert_one(store, STORE_DELETIONS, self->document, &exists, "begin a deletion", error);
    *begun = status == PBUS_OK && !exists;
    if (!*begun)
        return status;
    status = deletion_last(&last, store, error);
    *begun = status == PBUS_OK && last.number == self->number;
    if (status == PBUS_OK && !*begun)
        status = deletion_forget(self->number, store, error);
    deletion_clear(&last);
    return status;
}

/* Appends {<field>: {$in: [each once]}}; list is sorted by who calls or has many equal in a row. */
static void s_append_in(bson_t *to, const char *field, const bson_iter_t *list)
{
    bson_t in, values;
    bson_iter_t item = *list;
    int64_t last = 0;
    uint32_t count = 0;
    BSON_APPEND_DOCUMENT_BEGIN(to, field, &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &values);
    while (bson_iter_next(&item)) {
        char room[16];
        const char *key;
        if (BSON_ITER_HOLDS_INT64(&item) && bson_iter_int64(&item) == last)
            continue;
        last = bson_iter_as_int64(&item);
        size_t size = bson_uint32_to_string(count++, &key, room, sizeof room);
        bson_append_iter(&values, key, (int) size, &item);
    }
    bson_append_array_end(&in, &values);
    bson_append_document_end(to, &in);
}

/* The stamps go first, as a server without an index looks at the ids only where these match. */
static pbus_status_t s_remove_all(store_t *store, const bson_iter_t *ids, const bson_iter_t *batches,
                                  pbus_error_t *error)
{
    bson_t filter = BSON_INITIALIZER;
    s_append_in(&filter, "batch", batches);
    s_append_in(&filter, "_id", ids);
    pbus_status_t status = store_delete(store, STORE_EVENTS, &filter, NULL, "delete events", error);
    bson_destroy(&filter);
    return status;
}

static pbus_status_t s_remove_singly(store_t *store, const bson_iter_t *ids, pbus_error_t *error)
{
    bson_iter_t item = *ids;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && bson_iter_next(&item)) {
        bson_t filter = BSON_INITIALIZER;
        bson_append_iter(&filter, "_id", 3, &item);
        status = store_delete(store, STORE_EVENTS, &filter, NULL, "delete an event", error);
        bson_destroy(&filter);
    }
    return status;
}

static bool s_list(const bson_t *document, const char *key, bson_iter_t *list)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, key) && BSON_ITER_HOLDS_ARRAY(&iter) &&
           bson_iter_recurse(&iter, list);
}

pbus_status_t deletion_carry_out(const deletion_t *self, store_t *store, bool again, pbus_error_t *error)
{
    bson_iter_t ids, batches;
    uint32_t count = 0;
    if (!s_list(self->document, "ids", &ids) || !s_list(self->document, "batches", &batches))
        return deletion_damaged(store, error);
    for (bson_iter_t item = ids; bson_iter_next(&item);)
        count++;
    if (!again && count <= store_singly(store))
        return s_remove_singly(store, &ids, error);
    return s_remove_all(store, &ids, &batches, error);
}

void deletion_append(const deletion_t *self, changes_t *changes)
{
    bson_iter_t ids, batches;
    pbus_uuid_t id;
    if (!s_list(self->document, "ids", &ids) || !s_list(self->document, "batches", &batches))
        return;
    while (bson_iter_next(&ids) && bson_iter_next(&batches))
        if (document_read_id(&ids, &id))
            changes_remove(changes, &id, bson_iter_as_int64(&batches));
}

pbus_status_t deletion_forget(int64_t number, store_t *store, pbus_error_t *error)
{
    char id[ID_SIZE];
    s_id(number, id);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    pbus_status_t status = store_delete(store, STORE_DELETIONS, filter, NULL, "forget a deletion", error);
    bson_destroy(filter);
    return status;
}
