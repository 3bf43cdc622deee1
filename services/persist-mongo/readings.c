/*
 * Lists of readings, newest first by their own origin.
 *
 * Readings lie in their events. Events come by `last`, the latest origin of their readings, descending; so a
 * reading later than the `last` of the next event comes before all that is still to come and can be given
 * out. The others wait in a heap, each with its event. As readings of an event are milliseconds apart, few
 * wait; but an event may hold a day's worth, so events beyond HELD_MAX bytes are let go and read again when
 * their turn comes.
 *
 * Order of ties: by the event's id, descending, then as in the event.
 */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#define HELD_MAX (32u * 1024 * 1024)
#define CHECK_EVERY 256

/* An event some of whose readings wait. */
typedef struct {
    pbus_uuid_t id;
    bson_t *bson; /* NULL: let go */
    size_t waiting;
} s_held_t;

typedef struct {
    int64_t origin;
    s_held_t *held;
    uint32_t place; /* in the event */
} s_waiting_t;

typedef struct {
    reader_t *reader;
    const pbus_query_t *query;
    s_waiting_t *heap; /* the first goes before all others */
    size_t count;
    size_t capacity;
    size_t held_bytes;
    uint64_t skipped;
    uint32_t given;
    bool full;
    scratch_t scratch;
} s_walk_t;

/* ---- the heap ----------------------------------------------------------------------------------- */

static bool s_goes_before(const s_waiting_t *a, const s_waiting_t *b)
{
    if (a->origin != b->origin)
        return a->origin > b->origin;
    int order = memcmp(&a->held->id, &b->held->id, sizeof a->held->id);
    return order ? order > 0 : a->place < b->place;
}

static void s_swap(s_waiting_t *a, s_waiting_t *b)
{
    s_waiting_t one = *a;
    *a = *b;
    *b = one;
}

static void s_push(s_walk_t *self, const s_waiting_t *waiting)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->heap = bson_realloc(self->heap, self->capacity * sizeof *self->heap);
    }
    size_t at = self->count++;
    self->heap[at] = *waiting;
    for (; at > 0 && s_goes_before(&self->heap[at], &self->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s_swap(&self->heap[at], &self->heap[(at - 1) / 2]);
}

static s_waiting_t s_pop(s_walk_t *self)
{
    s_waiting_t first = self->heap[0];
    self->heap[0] = self->heap[--self->count];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < self->count && s_goes_before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (child >= self->count || !s_goes_before(&self->heap[child], &self->heap[at]))
            return first;
        s_swap(&self->heap[child], &self->heap[at]);
        at = child;
    }
}

static void s_let_go(s_walk_t *self, s_held_t *held)
{
    if (held->bson)
        self->held_bytes -= held->bson->len;
    bson_destroy(held->bson);
    held->bson = NULL;
}

static void s_release(s_walk_t *self, s_held_t *held)
{
    if (--held->waiting > 0)
        return;
    s_let_go(self, held);
    bson_free(held);
}

/* ---- taking events ------------------------------------------------------------------------------ */

static s_held_t *s_hold(s_walk_t *self, const bson_t *bson, const pbus_uuid_t *id)
{
    s_held_t *held = bson_malloc0(sizeof *held);
    held->id = *id;
    if (self->held_bytes + bson->len <= HELD_MAX || self->count == 0) {
        held->bson = bson_copy(bson);
        self->held_bytes += bson->len;
    }
    return held;
}

/* Lets the readings that pass wait; false if the document is damaged. */
static bool s_take(s_walk_t *self, const bson_t *bson, const document_t *document)
{
    bson_iter_t item;
    s_held_t *held = s_hold(self, bson, &document->id);
    held->waiting = 1;
    bool whole = bson_iter_recurse(&document->readings, &item);
    for (uint32_t place = 0; whole && bson_iter_next(&item); place++) {
        pbus_reading_t reading;
        whole = document_reading_names(document, &item, &reading);
        if (!whole || !pbus_filter_reading(&self->query->filter, &reading))
            continue;
        s_waiting_t waiting = {reading.origin, held, place};
        held->waiting++;
        s_push(self, &waiting);
    }
    s_release(self, held);
    return whole;
}

/* ---- giving out --------------------------------------------------------------------------------- */

static pbus_status_t s_fetch(s_walk_t *self, s_held_t *held, pbus_error_t *error)
{
    bson_t filter = BSON_INITIALIZER;
    if (held->bson)
        return PBUS_OK;
    document_append_id(&filter, "_id", &held->id);
    pbus_status_t status =
        store_find_one(self->reader->store, STORE_EVENTS, &filter, &held->bson, "read an event", error);
    if (status == PBUS_OK && held->bson)
        self->held_bytes += held->bson->len;
    bson_destroy(&filter);
    return status;
}

static bool s_seek(const document_t *document, uint32_t place, bson_iter_t *item)
{
    if (!bson_iter_recurse(&document->readings, item))
        return false;
    for (uint32_t i = 0; i <= place; i++)
        if (!bson_iter_next(item))
            return false;
    return true;
}

static pbus_status_t s_add(s_walk_t *self, const s_waiting_t *waiting, pbus_error_t *error)
{
    document_t document;
    bson_iter_t item;
    pbus_reading_t reading;
    pbus_status_t status = s_fetch(self, waiting->held, error);
    const bson_t *bson = waiting->held->bson;
    if (status != PBUS_OK || !bson) /* deleted since: then it is not there */
        return status;
    scratch_reset(&self->scratch);
    if (!document_read(bson, &document) || !s_seek(&document, waiting->place, &item) ||
        !document_reading(&document, &item, &reading, &self->scratch))
        return document_damaged(bson, error);
    self->reader->added = true;
    self->full = !pbus_result_add_reading(self->reader->result, &reading);
    return PBUS_OK;
}

/* Gives out what is later than `last`. */
static pbus_status_t s_give(s_walk_t *self, int64_t last, bool all, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && !self->full && self->count > 0 && (all || self->heap[0].origin > last)) {
        s_waiting_t waiting = s_pop(self);
        if (self->skipped < self->query->offset)
            self->skipped++;
        else {
            status = s_add(self, &waiting, error);
            self->full = self->full || ++self->given == self->query->limit;
        }
        s_release(self, waiting.held);
    }
    return status;
}

/* ---- the walk ----------------------------------------------------------------------------------- */

static pbus_status_t s_step(s_walk_t *self, const bson_t *bson, pbus_error_t *error)
{
    document_t document;
    if (!document_read(bson, &document))
        return document_damaged(bson, error);
    pbus_status_t status = s_give(self, document.last, false, error);
    if (status == PBUS_OK && !self->full && !s_take(self, bson, &document))
        status = document_damaged(bson, error);
    return status;
}

static pbus_status_t s_run(s_walk_t *self, source_t *source, pbus_error_t *error)
{
    const bson_t *bson;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 1; status == PBUS_OK && !self->full && source_next(source, &bson); i++) {
        status = s_step(self, bson, error);
        if (status == PBUS_OK && i % CHECK_EVERY == 0)
            status = reader_check_time(self->reader, self->query->deadline, error);
    }
    if (status == PBUS_OK && !source_failed(source))
        status = s_give(self, 0, true, error);
    return status;
}

static bool s_may_pass(const document_t *event, const void *what)
{
    const pbus_filter_t *filter = what;
    return event->last >= filter->origin_min;
}

static int s_latest_first(const document_t *a, const document_t *b)
{
    if (a->last != b->last)
        return a->last > b->last ? -1 : 1;
    return memcmp(&b->id, &a->id, sizeof a->id);
}

void reader_open_copied_readings(reader_t *self, const pbus_filter_t *filter, source_t *source)
{
    source_open_copy(source, self->copy, s_may_pass, filter, s_latest_first, 0, 0);
}

static pbus_status_t s_open(s_walk_t *self, source_t *source, pbus_error_t *error)
{
    bson_t condition = BSON_INITIALIZER, opts = BSON_INITIALIZER, sort;
    pbus_status_t status = reader_append_readings(self->reader, &self->query->filter, &condition, error);
    if (status != PBUS_OK)
        return status;
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &sort);
    BSON_APPEND_INT32(&sort, "last", -1);
    bson_append_document_end(&opts, &sort);
    uint32_t size = reader_append_opts(self->reader, &opts, self->query->deadline,
                                       self->query->offset + self->query->limit);
    mongoc_cursor_t *cursor = store_find(self->reader->store, STORE_EVENTS, &condition, &opts);
    source_open_cursor(source, cursor, size, store_reply_documents(self->reader->store));
    bson_destroy(&opts);
    bson_destroy(&condition);
    return PBUS_OK;
}

static pbus_status_t s_walk(s_walk_t *self, pbus_error_t *error)
{
    source_t source = {0};
    bool has_copy;
    pbus_status_t status = reader_has_copy(self->reader, self->query->deadline, &has_copy, error);
    if (status != PBUS_OK)
        return status;
    if (has_copy)
        reader_open_copied_readings(self->reader, &self->query->filter, &source);
    else
        status = s_open(self, &source, error);
    if (status == PBUS_OK)
        status = s_run(self, &source, error);
    return source_close(&source, self->reader->store, "list readings", status, error);
}

static void s_clear(s_walk_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        s_release(self, self->heap[i].held);
    bson_free(self->heap);
    scratch_clear(&self->scratch);
}

pbus_status_t reader_list_readings(reader_t *self, const pbus_query_t *query, pbus_error_t *error)
{
    uint64_t total = 0;
    pbus_status_t status = PBUS_OK;
    s_walk_t walk = {.reader = self, .query = query};
    if (query->limit > 0)
        status = s_walk(&walk, error);
    s_clear(&walk);
    if (status == PBUS_OK && query->want_total) {
        status = reader_count(self, PBUS_READINGS, &query->filter, &total, error);
        pbus_result_total(self->result, total);
    }
    return status;
}
