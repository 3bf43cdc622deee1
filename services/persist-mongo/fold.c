#include "fold.h"
#include "changes.h"
#include "counts.h"
#include "peers.h"
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES (8u * 1024) /* of each slot, and every list reads them all */

typedef struct {
    int64_t number;
    bson_t *batch;
} s_entry_t;

/* A batch that is folded, and still in the log. */
typedef struct {
    int64_t number;
    size_t bytes;
} s_kept_t;

struct fold {
    store_t *store;
    int slot;
    s_entry_t *entries; /* in order of number */
    size_t count;
    size_t bytes;
    s_kept_t *kept; /* in order of number */
    size_t kept_count;
    size_t kept_bytes;
    /* of all before the log; as in the slot's document */
    int64_t events;
    int64_t readings;
    bson_t *voids; /* an array */
    uint32_t void_count;
};

fold_t *fold_new(store_t *store)
{
    fold_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    fold_reset(self);
    return self;
}

static void s_drop_entries(fold_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        bson_destroy(self->entries[i].batch);
    self->count = self->bytes = 0;
}

void fold_reset(fold_t *self)
{
    s_drop_entries(self);
    bson_destroy(self->voids);
    self->voids = bson_new();
    self->void_count = 0;
    self->kept_count = self->kept_bytes = 0;
    self->events = self->readings = 0;
    self->slot = 0;
}

void fold_destroy(fold_t **self_p)
{
    fold_t *self = *self_p;
    if (!self)
        return;
    s_drop_entries(self);
    bson_destroy(self->voids);
    free(self->entries);
    bson_free(self->kept);
    free(self);
    *self_p = NULL;
}

void fold_begin(fold_t *self, int slot)
{
    fold_reset(self);
    self->slot = slot;
}

size_t fold_batches(const fold_t *self)
{
    return self->count;
}

size_t fold_bytes(const fold_t *self)
{
    return self->bytes;
}

static int64_t s_int(const bson_t *bson, const char *key)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, bson, key) ? bson_iter_as_int64(&iter) : 0;
}

static bool s_is_void(const bson_t *batch)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, batch, "void") && bson_iter_as_bool(&iter);
}

/* ---- taking ------------------------------------------------------------------------------------- */

void fold_take(fold_t *self, int64_t number, bson_t **batch_p)
{
    self->entries = bson_realloc(self->entries, (self->count + 1) * sizeof *self->entries);
    self->bytes += (*batch_p)->len;
    self->entries[self->count++] = (s_entry_t){number, *batch_p};
    *batch_p = NULL;
}

static int s_by_number(const void *a, const void *b)
{
    const s_entry_t *one = a, *other = b;
    return (one->number > other->number) - (one->number < other->number);
}

static void s_raise(uint64_t *mark, const bson_t *from)
{
    uint64_t found = (uint64_t) s_int(from, "mark");
    *mark = found > *mark ? found : *mark;
}

static pbus_status_t s_load_log(fold_t *self, int64_t upto, uint64_t *mark, pbus_error_t *error)
{
    const bson_t *found;
    bson_t *filter = BCON_NEW("slot", BCON_INT32(self->slot));
    mongoc_cursor_t *cursor = store_find(self->store, STORE_LOG, filter, NULL);
    while (mongoc_cursor_next(cursor, &found)) {
        bson_t *copy = s_int(found, "number") > upto ? bson_copy(found) : NULL;
        s_raise(mark, found);
        if (copy)
            fold_take(self, s_int(found, "number"), &copy);
    }
    bson_destroy(filter);
    if (self->count)
        qsort(self->entries, self->count, sizeof *self->entries, s_by_number);
    return store_done(self->store, &cursor, "read the ledger", error);
}

static void s_take_slot(fold_t *self, const bson_t *slot)
{
    bson_iter_t iter, item;
    self->events = s_int(slot, "events");
    self->readings = s_int(slot, "readings");
    if (!bson_iter_init_find(&iter, slot, "voids") || !bson_iter_recurse(&iter, &item))
        return;
    while (bson_iter_next(&item)) {
        char key[16];
        snprintf(key, sizeof key, "%u", self->void_count++);
        bson_append_iter(self->voids, key, -1, &item);
    }
}

pbus_status_t fold_load(fold_t *self, int slot, uint64_t *mark, pbus_error_t *error)
{
    char id[16];
    bson_t *found;
    *mark = 0;
    fold_begin(self, slot);
    snprintf(id, sizeof id, "%d", slot);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    pbus_status_t status = store_find_one(self->store, STORE_SLOTS, filter, &found, "read a slot", error);
    bson_destroy(filter);
    if (status != PBUS_OK)
        return status;
    if (!found)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s: slot %d is gone from the ledger",
                         store_name(self->store), slot);
    s_take_slot(self, found);
    s_raise(mark, found);
    status = s_load_log(self, s_int(found, "upto"), mark, error);
    bson_destroy(found);
    return status;
}

/* ---- folding ------------------------------------------------------------------------------------ */

/* Adds those rows of a list that are in persistbus_counts. */
static pbus_status_t s_load_list(fold_t *self, const tally_row_t *list, tally_t *rows, pbus_error_t *error)
{
    bson_t ids = BSON_INITIALIZER;
    uint32_t count = 0;
    for (const tally_row_t *row = list; row; row = row->next)
        counts_append_id(&ids, count++, self->slot, row);
    pbus_status_t status = count > 0 ? counts_load_rows(self->store, &ids, count, rows, error) : PBUS_OK;
    bson_destroy(&ids);
    return status;
}

/* The parts of wide devices that the log touches. */
static pbus_status_t s_load_parts(fold_t *self, const tally_t *touched, tally_t *rows, pbus_error_t *error)
{
    static const pbus_str_t none = {"", 0};
    pbus_status_t status = PBUS_OK;
    for (const tally_row_t *row = tally_rows(touched); status == PBUS_OK && row; row = row->next) {
        const tally_row_t *kept = tally_find(rows, row->kind, self->slot, row->name, none);
        if (kept && kept->wide)
            status = s_load_list(self, row->parts, rows, error);
    }
    return status;
}

static pbus_status_t s_take_log(fold_t *self, tally_t *rows, pbus_error_t *error)
{
    for (size_t i = 0; i < self->count; i++)
        if (!tally_take_batch(rows, self->slot, self->entries[i].number, self->entries[i].batch))
            return counts_damaged(self->store, STORE_LOG, error);
    return PBUS_OK;
}

/* The rows that the log touches, as they are in persistbus_counts. */
static pbus_status_t s_load_rows(fold_t *self, tally_t *rows, pbus_error_t *error)
{
    tally_t *touched = tally_new();
    pbus_status_t status = s_take_log(self, touched, error);
    if (status == PBUS_OK)
        status = s_load_list(self, tally_rows(touched), rows, error);
    if (status == PBUS_OK)
        status = s_load_parts(self, touched, rows, error);
    tally_destroy(&touched);
    return status;
}

static bson_t *s_row(const fold_t *self, const tally_row_t *row, int64_t upto)
{
    bson_t *to = bson_new();
    counts_append_row_id(to, self->slot, row);
    BSON_APPEND_INT32(to, "slot", self->slot);
    BSON_APPEND_INT64(to, "upto", upto);
    tally_append_row(row, to);
    return to;
}

/*
 * Replaces a row by one that is further. The condition guards against a writer that was paused in the midst
 * of a fold until another took its slot. FerretDB 1.x would not be atomic there, so it goes without.
 */
static void s_replace(fold_t *self, mongoc_bulk_operation_t *bulk, const tally_row_t *row, int64_t upto)
{
    bson_t filter = BSON_INITIALIZER, below;
    bson_t *replacement = s_row(self, row, upto);
    counts_append_row_id(&filter, self->slot, row);
    if (store_atomic(self->store)) {
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "upto", &below);
        BSON_APPEND_INT64(&below, "$lt", upto);
        bson_append_document_end(&filter, &below);
    }
    mongoc_bulk_operation_replace_one_with_opts(bulk, &filter, replacement, NULL, NULL);
    bson_destroy(replacement);
    bson_destroy(&filter);
}

static pbus_status_t s_overtaken(const fold_t *self, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_UNAVAILABLE, "%s: another worker has folded slot %d: taking another",
                     store_name(self->store), self->slot);
}

/* Rows on their way: new ones all at once, others as replacements. */
typedef struct {
    fold_t *fold;
    int64_t upto;
    bson_t **added;
    size_t count;
    mongoc_bulk_operation_t *bulk; /* NULL: none */
    size_t replaced;
} s_sender_t;

static pbus_status_t s_insert(s_sender_t *self, pbus_error_t *error)
{
    bool *marks = bson_malloc0(2 * self->count + 1);
    store_outcome_t outcome = {.exists = marks, .refused = marks + self->count};
    pbus_status_t status = store_insert(self->fold->store, STORE_COUNTS, (const bson_t *const *) self->added,
                                        self->count, &outcome, "store the counts", error);
    for (size_t i = 0; status == PBUS_OK && i < self->count; i++) {
        if (marks[i])
            status = s_overtaken(self->fold, error);
        else if (marks[self->count + i])
            status = pbus_fail(error, PBUS_INTERNAL, "%s: cannot store the counts: %s",
                               store_name(self->fold->store), outcome.reason);
    }
    bson_free(marks);
    return status;
}

static pbus_status_t s_execute(s_sender_t *self, pbus_error_t *error)
{
    bson_error_t cause = {0};
    bson_t reply;
    bson_iter_t iter;
    if (!self->bulk)
        return PBUS_OK;
    bool done = mongoc_bulk_operation_execute(self->bulk, &reply, &cause) != 0;
    bool all = bson_iter_init_find(&iter, &reply, "nMatched") &&
               bson_iter_as_int64(&iter) == (int64_t) self->replaced;
    mongoc_bulk_operation_destroy(self->bulk);
    bson_destroy(&reply);
    self->bulk = NULL;
    self->replaced = 0;
    if (!done)
        return store_fail(self->fold->store, "store the counts", &cause, error);
    return all ? PBUS_OK : s_overtaken(self->fold, error);
}

/*
 * FerretDB 1.x holds a connection of its own to the database for each update of a command until the command's
 * end, and waits for ever when it has no more: there each goes alone.
 */
static pbus_status_t s_send(s_sender_t *self, const tally_row_t *row, pbus_error_t *error)
{
    if (!row->kept) {
        self->added = bson_realloc(self->added, (self->count + 1) * sizeof *self->added);
        self->added[self->count++] = s_row(self->fold, row, self->upto);
        return PBUS_OK;
    }
    if (row->upto >= self->upto) /* an earlier fold got so far */
        return PBUS_OK;
    if (!self->bulk)
        self->bulk = store_bulk(self->fold->store, STORE_COUNTS);
    s_replace(self->fold, self->bulk, row, self->upto);
    self->replaced++;
    return store_atomic(self->fold->store) ? PBUS_OK : s_execute(self, error);
}

static pbus_status_t s_send_parts(s_sender_t *self, const tally_row_t *owner, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (const tally_row_t *part = owner->parts; status == PBUS_OK && part; part = part->next)
        if (part->own)
            status = s_send(self, part, error);
    return status;
}

static pbus_status_t s_store_rows(fold_t *self, const tally_t *rows, int64_t upto, pbus_error_t *error)
{
    s_sender_t sender = {.fold = self, .upto = upto};
    pbus_status_t status = PBUS_OK;
    for (const tally_row_t *row = tally_rows(rows); status == PBUS_OK && row; row = row->next) {
        status = s_send(&sender, row, error);
        if (status == PBUS_OK)
            status = s_send_parts(&sender, row, error);
    }
    if (status == PBUS_OK)
        status = s_execute(&sender, error);
    if (status == PBUS_OK && sender.count > 0)
        status = s_insert(&sender, error);
    if (sender.bulk)
        mongoc_bulk_operation_destroy(sender.bulk);
    for (size_t i = 0; i < sender.count; i++)
        bson_destroy(sender.added[i]);
    bson_free(sender.added);
    return status;
}

static void s_add_void(fold_t *self, const s_entry_t *entry)
{
    char key[16];
    bson_t item;
    bson_iter_t since;
    snprintf(key, sizeof key, "%u", self->void_count++);
    BSON_APPEND_DOCUMENT_BEGIN(self->voids, key, &item);
    BSON_APPEND_INT64(&item, "number", entry->number);
    if (bson_iter_init_find(&since, entry->batch, "since"))
        bson_append_iter(&item, "since", 5, &since);
    bson_append_document_end(self->voids, &item);
}

static void s_sum(fold_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const s_entry_t *entry = &self->entries[i];
        self->events += s_int(entry->batch, "events");
        self->readings += s_int(entry->batch, "readings");
        if (s_is_void(entry->batch))
            s_add_void(self, entry);
    }
}

/* The slot's document, with the log summed up into it. */
static pbus_status_t s_store_slot(fold_t *self, const char *owner, uint64_t mark, int64_t upto,
                                  pbus_error_t *error)
{
    char id[16];
    uint64_t matched = 0;
    bson_t update = BSON_INITIALIZER, set;
    snprintf(id, sizeof id, "%d", self->slot);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id), "owner", BCON_UTF8(owner));
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    BSON_APPEND_INT64(&set, "upto", upto);
    BSON_APPEND_INT64(&set, "events", self->events);
    BSON_APPEND_INT64(&set, "readings", self->readings);
    BSON_APPEND_INT64(&set, "mark", (int64_t) mark);
    BSON_APPEND_ARRAY(&set, "voids", self->voids);
    BSON_APPEND_DATE_TIME(&set, "time", pbus_clock_realtime() / 1000000);
    bson_append_document_end(&update, &set);
    pbus_status_t status =
        store_update(self->store, STORE_SLOTS, filter, &update, &matched, "store the counts", error);
    bson_destroy(&update);
    bson_destroy(filter);
    if (status == PBUS_OK && matched == 0)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s: another worker has slot %d: taking another",
                         store_name(self->store), self->slot);
    return status;
}

/* A batch that does not say what it has changed helps nobody, nor do those before it. */
static void s_keep(fold_t *self)
{
    self->kept = bson_realloc(self->kept, (self->kept_count + self->count) * sizeof *self->kept);
    for (size_t i = 0; i < self->count; i++) {
        changes_view_t view;
        const s_entry_t *entry = &self->entries[i];
        self->kept[self->kept_count++] = (s_kept_t){entry->number, entry->batch->len};
        self->kept_bytes += entry->batch->len;
        if (!s_is_void(entry->batch) && !changes_read(entry->batch, &view))
            self->kept_count = self->kept_bytes = 0;
    }
}

/*
 * Cuts the log, up to the batches whose changes others have to see who keep a copy of the events (copy.h).
 * That they are in the log still does no harm.
 */
static pbus_status_t s_cut(fold_t *self, int64_t upto, pbus_error_t *error)
{
    size_t cut = 0;
    size_t most = store_atomic(self->store) ? 0 : KEPT_BYTES;
    s_keep(self);
    for (; cut < self->kept_count && self->kept_bytes > most; cut++)
        self->kept_bytes -= self->kept[cut].bytes;
    self->kept_count -= cut;
    memmove(self->kept, self->kept + cut, self->kept_count * sizeof *self->kept);
    if (self->kept_count > 0)
        upto = self->kept[0].number - 1;
    bson_t *filter = BCON_NEW("slot", BCON_INT32(self->slot), "number", "{", "$lte", BCON_INT64(upto), "}");
    pbus_status_t status = store_delete(self->store, STORE_LOG, filter, NULL, "cut the log", error);
    bson_destroy(filter);
    return status;
}

static pbus_status_t s_fold_rows(fold_t *self, int64_t upto, pbus_error_t *error)
{
    tally_t *rows = tally_new();
    pbus_status_t status = s_load_rows(self, rows, error);
    if (status == PBUS_OK)
        status = s_take_log(self, rows, error);
    if (status == PBUS_OK)
        status = s_store_rows(self, rows, upto, error);
    tally_destroy(&rows);
    return status;
}

pbus_status_t fold_run(fold_t *self, const char *owner, uint64_t mark, pbus_error_t *error)
{
    if (self->count == 0)
        return PBUS_OK;
    int64_t upto = self->entries[self->count - 1].number;
    pbus_status_t status = s_fold_rows(self, upto, error);
    if (status != PBUS_OK)
        return status;
    s_sum(self);
    status = s_store_slot(self, owner, mark, upto, error);
    if (status == PBUS_OK)
        status = s_cut(self, upto, error);
    if (status == PBUS_OK)
        s_drop_entries(self);
    return status;
}
