#include "schema.h"
#include "document.h"

#include <sys/random.h>

/* ---- the data set ------------------------------------------------------------------------------- */

static pbus_status_t s_random_id(pbus_uuid_t *id, pbus_error_t *error)
{
    if (getrandom(id->bytes, sizeof id->bytes, 0) != (ssize_t) sizeof id->bytes)
        return pbus_fail(error, PBUS_INTERNAL, "the system gives no random bytes for the data set's id");
    id->bytes[6] = (uint8_t) ((id->bytes[6] & 0x0f) | 0x40); /* version 4 */
    id->bytes[8] = (uint8_t) ((id->bytes[8] & 0x3f) | 0x80);
    return PBUS_OK;
}

static pbus_status_t s_take(store_t *store, const bson_t *meta, pbus_uuid_t *data_set, pbus_error_t *error)
{
    bson_iter_t iter;
    int64_t version = bson_iter_init_find(&iter, meta, "schema") ? bson_iter_as_int64(&iter) : 0;
    if (version > SCHEMA_VERSION)
        return pbus_fail(error, PBUS_UNSUPPORTED,
                         "%s: the schema is of version %lld, this persist-mongo knows %d: use a newer one",
                         store_name(store), (long long) version, SCHEMA_VERSION);
    if (version == 1)
        return pbus_fail(
            error, PBUS_UNSUPPORTED,
            "%s: the schema is of version 1, which no release has: empty the database or name another in "
            "MongoDB.URI",
            store_name(store));
    if (version < 1 || !bson_iter_init_find(&iter, meta, "dataSet") || !document_read_id(&iter, data_set))
        return pbus_fail(error, PBUS_INVALID,
                         "%s: the document 'store' in persistbus_store is damaged: restore it from a backup",
                         store_name(store));
    return PBUS_OK;
}

static pbus_status_t s_check_foreign(store_t *store, pbus_error_t *error)
{
    bson_t *found, any = BSON_INITIALIZER;
    pbus_status_t status = store_find_one(store, STORE_EVENTS, &any, &found, "look for foreign data", error);
    if (status == PBUS_OK && found)
        status =
            pbus_fail(error, PBUS_INVALID,
                      "%s: there is a collection 'events' that is not persistbus's: name another database in "
                      "MongoDB.URI",
                      store_name(store));
    bson_destroy(found);
    return status;
}

/* Of two workers at the first start one makes it; both then read the same. */
static pbus_status_t s_create(store_t *store, pbus_error_t *error)
{
    pbus_uuid_t id;
    bool exists;
    pbus_status_t status = s_check_foreign(store, error);
    if (status == PBUS_OK)
        status = s_random_id(&id, error);
    if (status != PBUS_OK)
        return status;
    bson_t meta = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&meta, "_id", "store");
    BSON_APPEND_INT32(&meta, "schema", SCHEMA_VERSION);
    document_append_id(&meta, "dataSet", &id);
    BSON_APPEND_DATE_TIME(&meta, "made", pbus_clock_realtime() / 1000000);
    status = store_insert_one(store, STORE_META, &meta, &exists, "make the data set's id", error);
    bson_destroy(&meta);
    return status;
}

pbus_status_t schema_identify(store_t *store, bool create, pbus_uuid_t *data_set, pbus_error_t *error)
{
    bson_t *meta, *filter = BCON_NEW("_id", BCON_UTF8("store"));
    pbus_status_t status = store_find_one(store, STORE_META, filter, &meta, "read the data set's id", error);
    if (status == PBUS_OK && !meta && create) {
        status = s_create(store, error);
        if (status == PBUS_OK)
            status = store_find_one(store, STORE_META, filter, &meta, "read the data set's id", error);
    }
    if (status == PBUS_OK && meta)
        status = s_take(store, meta, data_set, error);
    else if (status == PBUS_OK)
        status = pbus_fail(error, PBUS_NOT_FOUND, "%s: no data set is there", store_name(store));
    bson_destroy(meta);
    bson_destroy(filter);
    return status;
}

/* ---- indexes ------------------------------------------------------------------------------------ */

#define KEYS_MAX 4

typedef struct {
    store_part_t part;
    const char *name;
    const char *keys[KEYS_MAX];
    const char *only_with; /* a field without which a document is left out */
} s_index_t;

static const s_index_t s_indexes[] = {
    {STORE_EVENTS, "events", {"origin", "_id"}, NULL}, /* lists of events, scans */
    {STORE_EVENTS, "device_events", {"device", "origin", "_id"}, NULL},
    {STORE_EVENTS, "readings", {"spread", "last"}, NULL}, /* lists of readings */
    {STORE_EVENTS, "device_readings", {"device", "spread", "last"}, NULL},
    {STORE_EVENTS, "other_device_readings", {"otherDevices", "spread", "last"}, "otherDevices"},
    {STORE_EVENTS, "resource_readings", {"readings.resource", "spread", "last"}, NULL},
    {STORE_EVENTS, "batch", {"batch"}, NULL}, /* what a batch that was cut short has left */
};

static void s_append_index(bson_t *indexes, const s_index_t *index)
{
    bson_t one, keys, filter, exists;
    BSON_APPEND_DOCUMENT_BEGIN(indexes, "0", &one);
    BSON_APPEND_UTF8(&one, "name", index->name);
    BSON_APPEND_DOCUMENT_BEGIN(&one, "key", &keys);
    for (int i = 0; i < KEYS_MAX && index->keys[i]; i++)
        BSON_APPEND_INT32(&keys, index->keys[i], 1);
    bson_append_document_end(&one, &keys);
    if (index->only_with) {
        BSON_APPEND_DOCUMENT_BEGIN(&one, "partialFilterExpression", &filter);
        BSON_APPEND_DOCUMENT_BEGIN(&filter, index->only_with, &exists);
        BSON_APPEND_BOOL(&exists, "$exists", true);
        bson_append_document_end(&filter, &exists);
        bson_append_document_end(&one, &filter);
    }
    bson_append_document_end(indexes, &one);
}

static pbus_status_t s_declare(store_t *store, const s_index_t *index, pbus_error_t *error)
{
    bson_t command = BSON_INITIALIZER, indexes, reply;
    BSON_APPEND_UTF8(&command, "createIndexes", store_part_name(index->part));
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &indexes);
    s_append_index(&indexes, index);
    bson_append_array_end(&command, &indexes);
    pbus_status_t status = store_command(store, &command, &reply, "declare the indexes", error);
    bson_destroy(&reply);
    bson_destroy(&command);
    return status;
}

/*
 * FerretDB 1.x makes no use of them, and if it dies while it makes one it can't make that one ever after. One
 * by one, so that a server that fails names the one.
 */
pbus_status_t schema_indexes(store_t *store, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; status == PBUS_OK && store_atomic(store) && i < sizeof s_indexes / sizeof *s_indexes;
         i++)
        status = s_declare(store, &s_indexes[i], error);
    return status;
}
