#include "orphans.h"

#include <stdio.h>

#define TRIES 20

/* What the functions here are about. */
typedef struct {
    store_t *store;
    ledger_t *ledger;
    found_t *found;
    tally_t *tally;
    bool *adopted;
} s_work_t;

/* ---- the batch's state -------------------------------------------------------------------------- */

static pbus_status_t s_judge_batches(const s_work_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; status == PBUS_OK && i < self->found->count; i++) {
        found_event_t *one = &self->found->events[i];
        status = ledger_await(self->ledger, one->document.batch, &one->state, error);
    }
    return status;
}

/* A void batch that has not been looked at yet; false if there is none. */
static bool s_next_batch(const found_t *found, const bool *done, int64_t *batch)
{
    for (size_t i = 0; i < found->count; i++)
        if (!done[i]) {
            *batch = found->events[i].document.batch;
            return true;
        }
    return false;
}

/* ---- who has adopted what ----------------------------------------------------------------------- */

/* The _id of the n-th document about a batch; n of 0 goes before all, a negative one behind all of them. */
static void s_id(int64_t batch, int64_t n, char id[80])
{
    char base[48];
    peers_log_id(batch, base);
    if (n < 0)
        snprintf(id, 80, "%s0", base); /* the character after '/' */
    else
        snprintf(id, 80, "%s/%010lld", base, (long long) n);
}

static void s_take_ids(found_t *found, const bson_iter_t *ids, int64_t batch, ledger_state_t state)
{
    bson_iter_t item;
    pbus_uuid_t id;
    if (!bson_iter_recurse(ids, &item))
        return;
    while (bson_iter_next(&item)) {
        found_event_t *one = document_read_id(&item, &id) ? found_get(found, &id) : NULL;
        if (one && one->document.batch == batch)
            one->state = state;
    }
}

static pbus_status_t s_take_record(const s_work_t *self, const bson_t *record, int64_t batch,
                                   pbus_error_t *error)
{
    bson_iter_t iter;
    ledger_state_t state;
    int64_t by = bson_iter_init_find(&iter, record, "by") ? bson_iter_as_int64(&iter) : 0;
    pbus_status_t status = ledger_await(self->ledger, by, &state, error);
    if (status == PBUS_OK && state != LEDGER_VOID && bson_iter_init_find(&iter, record, "ids"))
        s_take_ids(self->found, &iter, batch, state);
    return status;
}

/* Sets states by what is written down about the batch; *records: how many documents. */
static pbus_status_t s_judge_orphans(const s_work_t *self, int64_t batch, int64_t *records,
                                     pbus_error_t *error)
{
    const bson_t *record;
    char first[80], last[80];
    s_id(batch, 0, first);
    s_id(batch, -1, last);
    bson_t *filter = BCON_NEW("_id", "{", "$gt", BCON_UTF8(first), "$lt", BCON_UTF8(last), "}");
    mongoc_cursor_t *cursor = store_find(self->store, STORE_ADOPTED, filter, NULL);
    pbus_status_t failed = PBUS_OK;
    for (*records = 0; failed == PBUS_OK && mongoc_cursor_next(cursor, &record); ++*records)
        failed = s_take_record(self, record, batch, error);
    bson_destroy(filter);
    pbus_error_t other;
    pbus_status_t status =
        store_done(self->store, &cursor, "read what is adopted", failed == PBUS_OK ? error : &other);
    return failed == PBUS_OK ? status : failed;
}

/* ---- adopting ----------------------------------------------------------------------------------- */

static bool s_is_orphan(const found_event_t *one, int64_t batch)
{
    return one->document.batch == batch && one->state == LEDGER_VOID;
}

static bson_t *s_record(const s_work_t *self, int64_t batch, int64_t n, uint32_t *count)
{
    char id[80];
    bson_t ids;
    bson_t *record = bson_new();
    s_id(batch, n, id);
    BSON_APPEND_UTF8(record, "_id", id);
    BSON_APPEND_INT64(record, "batch", batch);
    BSON_APPEND_INT64(record, "by", ledger_batch(self->ledger));
    BSON_APPEND_ARRAY_BEGIN(record, "ids", &ids);
    *count = 0;
    for (size_t i = 0; i < self->found->count; i++) {
        char room[16];
        const char *key;
        if (!s_is_orphan(&self->found->events[i], batch))
            continue;
        bson_uint32_to_string((*count)++, &key, room, sizeof room);
        document_append_id(&ids, key, &self->found->events[i].document.id);
    }
    bson_append_array_end(record, &ids);
    return record;
}

static pbus_status_t s_count(const s_work_t *self, int64_t batch, pbus_error_t *error)
{
    *self->adopted = true;
    for (size_t i = 0; i < self->found->count; i++) {
        found_event_t *one = &self->found->events[i];
        if (!s_is_orphan(one, batch))
            continue;
        if (!tally_document(self->tally, &one->document, 1))
            return document_damaged(one->bson, error);
        one->state = LEDGER_MINE;
    }
    return PBUS_OK;
}

/* Writes the batch's orphans down; *again: another worker has just written something down about the batch. */
static pbus_status_t s_write_down(const s_work_t *self, int64_t batch, int64_t n, bool *again,
                                  pbus_error_t *error)
{
    uint32_t count;
    bson_t *record = s_record(self, batch, n, &count);
    pbus_status_t status = PBUS_OK;
    *again = false;
    if (count > 0) {
        status =
            store_insert_one(self->store, STORE_ADOPTED, record, again, "write down what is adopted", error);
        if (status == PBUS_OK && !*again)
            status = s_count(self, batch, error);
    }
    bson_destroy(record);
    return status;
}

static pbus_status_t s_adopt_batch(const s_work_t *self, int64_t batch, pbus_error_t *error)
{
    bool again = true;
    pbus_status_t status = PBUS_OK;
    for (int i = 0; status == PBUS_OK && again; i++) {
        int64_t records;
        if (i == TRIES)
            return pbus_fail(error, PBUS_UNAVAILABLE,
                             "%s: other workers are at the same events: trying again",
                             store_name(self->store));
        status = s_judge_orphans(self, batch, &records, error);
        if (status == PBUS_OK)
            status = s_write_down(self, batch, records + 1, &again, error);
    }
    return status;
}

pbus_status_t orphans_adopt(store_t *store, ledger_t *ledger, found_t *found, tally_t *tally, bool *adopted,
                            pbus_error_t *error)
{
    int64_t batch;
    s_work_t self = {store, ledger, found, tally, adopted};
    bool *done = bson_malloc0(found->count + 1);
    pbus_status_t status = s_judge_batches(&self, error);
    for (size_t i = 0; status == PBUS_OK && i < found->count; i++)
        done[i] = found->events[i].state != LEDGER_VOID;
    while (status == PBUS_OK && s_next_batch(found, done, &batch)) {
        status = s_adopt_batch(&self, batch, error);
        for (size_t i = 0; i < found->count; i++)
            done[i] = done[i] || found->events[i].document.batch == batch;
    }
    bson_free(done);
    return status;
}
