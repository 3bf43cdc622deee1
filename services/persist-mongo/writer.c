#include "writer.h"
#include "filter.h"
#include "schema.h"

#include <stdlib.h>
#include <string.h>

#define TRIES 20 /* of a write that meets what other workers do at the same time */
#define PUSHED 3 /* tries of a batch that others declare void */
#define PURGE_MAX 1000
#define ERASE_BYTES (4u * 1024 * 1024) /* of names in events, so that a deletion fits a document */

struct writer {
    store_t *store;
    ledger_t *ledger;
    batch_t *batch;
    settle_t *settle;
    pbus_decoder_t *decoder;
    pbus_uuid_t data_set;
    bool known; /* data_set is */
};

writer_t *writer_new(store_t *store)
{
    writer_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->ledger = ledger_new(store);
    self->batch = batch_new(store, self->ledger);
    self->settle = settle_new(store, self->ledger, self->batch);
    self->decoder = pbus_decoder_new();
    if (!self->ledger || !self->batch || !self->settle || !self->decoder)
        writer_destroy(&self);
    return self;
}

void writer_destroy(writer_t **self_p)
{
    writer_t *self = *self_p;
    if (!self)
        return;
    settle_destroy(&self->settle);
    batch_destroy(&self->batch);
    ledger_destroy(&self->ledger);
    pbus_decoder_destroy(&self->decoder);
    free(self);
    *self_p = NULL;
}

const pbus_uuid_t *writer_data_set(const writer_t *self)
{
    return &self->data_set;
}

/* ---- being fit to write ------------------------------------------------------------------------- */

/* If somebody has dropped the database, or it is another one, this begins anew. */
static pbus_status_t s_identify(writer_t *self, pbus_error_t *error)
{
    pbus_uuid_t data_set;
    pbus_status_t status = schema_identify(self->store, true, &data_set, error);
    if (status != PBUS_OK)
        return status;
    bool same = self->known && memcmp(&data_set, &self->data_set, sizeof data_set) == 0;
    if (self->known && !same) {
        pbus_log_warn(store_log(self->store), "%s: the database holds another data set than before",
                      store_name(self->store));
        ledger_forget(self->ledger);
    }
    if (!same)
        status = schema_indexes(self->store, error);
    if (status == PBUS_OK) {
        self->data_set = data_set;
        self->known = true;
    }
    return status;
}

static pbus_status_t s_recover(writer_t *self, pbus_error_t *error)
{
    pbus_status_t status = store_connect(self->store, false, error);
    if (status == PBUS_OK && ledger_is_unsure(self->ledger)) {
        status = s_identify(self, error);
        if (status == PBUS_OK)
            status = ledger_recover(self->ledger, error);
        settle_alarm(self->settle);
    }
    return status;
}

/* After this a batch may begin. */
static pbus_status_t s_prepare(writer_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_recover(self, error);
    if (status == PBUS_OK)
        status = ledger_touch(self->ledger, error);
    if (status == PBUS_OK)
        status = ledger_fold(self->ledger, false, error);
    if (status == PBUS_OK)
        status = settle_tend(self->settle, error);
    if (status == PBUS_OK)
        batch_begin(self->batch);
    else
        ledger_spoil(self->ledger);
    return status;
}

pbus_status_t writer_tend(writer_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_prepare(self, error);
    if (status == PBUS_OK)
        status = s_identify(self, error);
    if (status == PBUS_OK && ledger_is_unsure(self->ledger))
        status = s_prepare(self, error);
    if (status == PBUS_OK)
        status = ledger_fold(self->ledger, true, error);
    if (status != PBUS_OK)
        ledger_spoil(self->ledger);
    return status;
}

/* ---- adding ------------------------------------------------------------------------------------- */

/* Adds of one run: indexes into writes of those that are not done yet, with their documents. */
typedef struct {
    pbus_write_t **writes;
    bson_t **documents;
    size_t count;
} s_adds_t;

static void s_clear_adds(s_adds_t *adds)
{
    for (size_t i = 0; i < adds->count; i++)
        bson_destroy(adds->documents[i]);
    bson_free(adds->writes);
    bson_free(adds->documents);
}

static bson_t *s_document(writer_t *self, const pbus_write_t *write, pbus_error_t *error)
{
    const pbus_event_t *event = pbus_decoder_event(self->decoder, write->data, write->size);
    if (event)
        return document_new(event, write->accept, ledger_batch(self->ledger), error);
    pbus_fail(error, PBUS_INVALID, "an event of %zu bytes is malformed", write->size);
    return NULL;
}

static void s_refuse(writer_t *self, pbus_write_t *write, const char *why)
{
    write->status = PBUS_INVALID;
    pbus_log_warn(store_log(self->store), "%s: event refused: %s", store_name(self->store), why);
}

static void s_make_adds(writer_t *self, pbus_write_t *writes, size_t count, s_adds_t *adds)
{
    adds->writes = bson_malloc0(count * sizeof *adds->writes);
    adds->documents = bson_malloc0(count * sizeof *adds->documents);
    adds->count = 0;
    for (size_t i = 0; i < count; i++) {
        pbus_error_t why;
        bson_t *document = s_document(self, &writes[i], &why);
        if (!document) {
            s_refuse(self, &writes[i], why.text);
            continue;
        }
        adds->writes[adds->count] = &writes[i];
        adds->documents[adds->count++] = document;
    }
}

/* Inserts what is left; what stays in adds are those whose ids are known already. */
static pbus_status_t s_insert(writer_t *self, s_adds_t *adds, pbus_error_t *error)
{
    size_t kept = 0;
    bool *exists = bson_malloc0(adds->count * sizeof *exists);
    bool *refused = bson_malloc0(adds->count * sizeof *refused);
    store_outcome_t outcome = {.exists = exists, .refused = refused};
    pbus_status_t status = store_insert(self->store, STORE_EVENTS, (const bson_t *const *) adds->documents,
                                        adds->count, &outcome, "insert events", error);
    for (size_t i = 0; status == PBUS_OK && i < adds->count; i++) {
        pbus_write_t *write = adds->writes[i];
        bson_t *document = adds->documents[i];
        if (exists[i]) {
            adds->writes[kept] = write;
            adds->documents[kept++] = document;
            continue;
        }
        if (refused[i])
            s_refuse(self, write, outcome.reason);
        else {
            batch_added(self->batch, document);
            write->status = PBUS_OK;
        }
        bson_destroy(document);
    }
    if (status == PBUS_OK)
        adds->count = kept;
    bson_free(refused);
    bson_free(exists);
    return status;
}

static pbus_uuid_t *s_ids(pbus_write_t *const *writes, size_t count)
{
    pbus_uuid_t *ids = bson_malloc(count * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = writes[i]->id;
    return ids;
}

/* The accept number decides whether a known id is a resend; what is gone in the meantime stays in adds. */
static void s_judge_known(s_adds_t *adds, const found_t *found)
{
    size_t kept = 0;
    for (size_t i = 0; i < adds->count; i++) {
        pbus_write_t *write = adds->writes[i];
        const found_event_t *event = found_get(found, &write->id);
        if (!event) {
            adds->writes[kept] = write;
            adds->documents[kept++] = adds->documents[i];
            continue;
        }
        write->status = event->document.accept == write->accept ? PBUS_OK : PBUS_CONFLICT;
        bson_destroy(adds->documents[i]);
    }
    adds->count = kept;
}

static pbus_status_t s_look_up_known(writer_t *self, s_adds_t *adds, pbus_error_t *error)
{
    found_t found = {0};
    pbus_uuid_t *ids = s_ids(adds->writes, adds->count);
    pbus_status_t status = found_load_ids(&found, self->store, ids, adds->count, error);
    if (status == PBUS_OK) {
        s_judge_known(adds, &found);
        status = batch_adopt(self->batch, &found, error);
    }
    found_clear(&found);
    bson_free(ids);
    return status;
}

static pbus_status_t s_busy(writer_t *self, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_UNAVAILABLE, "%s: other workers are at the same events: trying again",
                     store_name(self->store));
}

/* Makes the documents anew with the stamp of the batch under way, as the one before may be committed by now.
 */
static pbus_status_t s_stamp(writer_t *self, s_adds_t *adds, pbus_error_t *error)
{
    for (size_t i = 0; i < adds->count; i++) {
        bson_t *document = s_document(self, adds->writes[i], error);
        if (!document)
            return PBUS_INTERNAL; /* never: it could be made before */
        bson_destroy(adds->documents[i]);
        adds->documents[i] = document;
    }
    return PBUS_OK;
}

static pbus_status_t s_add(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    s_adds_t adds;
    pbus_status_t status = PBUS_OK;
    s_make_adds(self, writes, count, &adds);
    for (int i = 0; status == PBUS_OK && adds.count > 0; i++) {
        if (i > 0)
            status = i == TRIES ? s_busy(self, error) : s_stamp(self, &adds, error);
        if (status == PBUS_OK)
            status = s_insert(self, &adds, error);
        if (status == PBUS_OK && adds.count > 0)
            status = s_look_up_known(self, &adds, error);
    }
    s_clear_adds(&adds);
    return status;
}

/* ---- deleting ----------------------------------------------------------------------------------- */

static pbus_uuid_t *s_delete_ids(const pbus_write_t *writes, size_t count)
{
    pbus_uuid_t *ids = bson_malloc(count * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = writes[i].id;
    return ids;
}

/* How many of the events, from the first on, may be one deletion. */
static size_t s_fit(const found_t *found)
{
    size_t bytes = 0, count = 0;
    for (; count < found->count; count++) {
        bytes += found->events[count].bson->len;
        if (count > 0 && bytes > ERASE_BYTES)
            break;
    }
    return count;
}

static bool s_is_any_mine(const found_t *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->events[i].state == LEDGER_MINE)
            return true;
    return false;
}

/*
 * Deletes events that were read after deletion `last`. Only what a committed batch has put there can be taken
 * from the counts, so the rest is made to be so first.
 */
static pbus_status_t s_erase(writer_t *self, int64_t last, found_t *found, bool *begun, pbus_error_t *error)
{
    *begun = true;
    if (found->count == 0)
        return PBUS_OK;
    pbus_status_t status = batch_adopt(self->batch, found, error);
    if (status == PBUS_OK && s_is_any_mine(found))
        status = batch_commit(self->batch, error);
    return status == PBUS_OK ? batch_erase(self->batch, last, found, begun, error) : status;
}

/* What an earlier try has deleted is not there any more. */
static void s_judge_deletes(pbus_write_t *writes, size_t count, const found_t *found)
{
    for (size_t i = 0; i < count; i++)
        if (found_get(found, &writes[i].id))
            writes[i].status = PBUS_OK;
}

/* *fits is false if they are too much for one deletion: nothing is done then. */
static pbus_status_t s_try_delete(writer_t *self, pbus_write_t *writes, size_t count, bool *begun, bool *fits,
                                  pbus_error_t *error)
{
    int64_t last;
    found_t found = {0};
    pbus_uuid_t *ids = s_delete_ids(writes, count);
    pbus_status_t status = batch_settle(self->batch, true, &last, error);
    if (status == PBUS_OK)
        status = found_load_ids(&found, self->store, ids, count, error);
    *fits = s_fit(&found) == found.count;
    if (status == PBUS_OK && *fits)
        status = s_erase(self, last, &found, begun, error);
    if (status == PBUS_OK && *begun)
        s_judge_deletes(writes, count, &found);
    found_clear(&found);
    bson_free(ids);
    return status;
}

static pbus_status_t s_delete(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    bool done = false, fits = true;
    pbus_status_t status = PBUS_OK;
    for (int i = 0; status == PBUS_OK && fits && !done; i++)
        status = i == TRIES ? s_busy(self, error) : s_try_delete(self, writes, count, &done, &fits, error);
    if (status == PBUS_OK && !fits)
        status = s_delete(self, writes, count / 2, error);
    if (status == PBUS_OK && !fits)
        status = s_delete(self, writes + count / 2, count - count / 2, error);
    return status;
}

/* ---- batches ------------------------------------------------------------------------------------ */

/* A set of ids; room for `count`, by open addressing. */
typedef struct {
    const pbus_uuid_t **ids;
    size_t capacity;
} s_set_t;

/* False if it is in there already. */
static bool s_put(s_set_t *set, const pbus_uuid_t *id)
{
    uint64_t hash;
    memcpy(&hash, id->bytes + 8, sizeof hash);
    for (size_t i = 0; i < 8; i++)
        hash = (hash ^ id->bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (hash >> 20) & (set->capacity - 1);
    for (; set->ids[at]; at = (at + 1) & (set->capacity - 1))
        if (memcmp(set->ids[at], id, sizeof *id) == 0)
            return false;
    set->ids[at] = id;
    return true;
}

/* How many writes from the first on are of the same kind, and of different events: their order does not
 * matter. */
static size_t s_run(const pbus_write_t *writes, size_t count)
{
    s_set_t set = {.capacity = 16};
    while (set.capacity < 2 * count)
        set.capacity *= 2;
    set.ids = bson_malloc0(set.capacity * sizeof *set.ids);
    size_t run = 0;
    while (run < count && writes[run].op == writes[0].op && s_put(&set, &writes[run].id))
        run++;
    bson_free(set.ids);
    return run;
}

static pbus_status_t s_apply(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0, run; status == PBUS_OK && i < count; i += run) {
        run = s_run(writes + i, count - i);
        status = writes[i].op == PBUS_ADD ? s_add(self, writes + i, run, error)
                                          : s_delete(self, writes + i, run, error);
    }
    for (size_t i = 0; i < count; i++)
        batch_raise(self->batch, writes[i].accept);
    return status == PBUS_OK ? batch_commit(self->batch, error) : status;
}

/* A batch that another writer has declared void, as this one was slow, is tried again. */
pbus_status_t writer_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    for (size_t i = 0; i < count; i++)
        writes[i].status = PBUS_NOT_FOUND;
    for (int i = 1;; i++) {
        pbus_status_t status = s_prepare(self, error);
        if (status != PBUS_OK)
            return status;
        status = s_apply(self, writes, count, error);
        if (status == PBUS_OK)
            return status;
        ledger_spoil(self->ledger);
        if (status != PBUS_UNAVAILABLE || store_broken(self->store) || i == PUSHED)
            return status;
    }
}

/* ---- purging ------------------------------------------------------------------------------------ */

static pbus_status_t s_purge(writer_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                             bool *more, pbus_error_t *error)
{
    int64_t last;
    bool begun = false;
    found_t found = {0};
    bson_t condition = BSON_INITIALIZER;
    filter_events(filter, &condition);
    pbus_status_t status = batch_settle(self->batch, true, &last, error);
    if (status == PBUS_OK)
        status = found_load(&found, self->store, &condition, limit, error);
    *more = found.count == limit || s_fit(&found) < found.count;
    found_cut(&found, s_fit(&found));
    if (status == PBUS_OK)
        status = s_erase(self, last, &found, &begun, error);
    *more = *more || !begun;
    *deleted = begun ? found.count : 0;
    bson_destroy(&condition);
    found_clear(&found);
    return status;
}

pbus_status_t writer_purge(writer_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                           bool *more, pbus_error_t *error)
{
    *deleted = 0;
    *more = true;
    if (limit == 0)
        return PBUS_OK;
    pbus_status_t status = s_prepare(self, error);
    if (status != PBUS_OK)
        return status;
    status = s_purge(self, filter, limit < PURGE_MAX ? limit : PURGE_MAX, deleted, more, error);
    if (status != PBUS_OK)
        ledger_spoil(self->ledger);
    return status;
}
