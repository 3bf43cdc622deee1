#include "copy.h"
#include "changes.h"

#include <stdlib.h>
#include <string.h>

#define BARRED_NS INT64_C(60000000000) /* for how long there is none after it was too large */

/* How far the copy has what a slot's batches have done. */
typedef struct {
    int64_t slot;
    int64_t number;
} s_place_t;

struct copy {
    store_t *store;
    copy_event_t **events; /* by id */
    size_t count;
    size_t capacity;
    size_t bytes;
    s_place_t *places;
    size_t place_count;
    pbus_uuid_t data_set;
    bool loaded;
    int64_t barred; /* CLOCK_BOOTTIME ns until when */
};

copy_t *copy_new(store_t *store)
{
    copy_t *self = bson_malloc0(sizeof *self);
    self->store = store;
    return self;
}

static void s_free(copy_event_t *event)
{
    bson_destroy(event->bson);
    bson_free(event);
}

static void s_empty(copy_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        s_free(self->events[i]);
    self->count = self->bytes = self->place_count = 0;
    self->loaded = false;
}

void copy_destroy(copy_t **self_p)
{
    copy_t *self = *self_p;
    if (!self)
        return;
    s_empty(self);
    bson_free(self->events);
    bson_free(self->places);
    bson_free(self);
    *self_p = NULL;
}

/* ---- events ------------------------------------------------------------------------------------- */

/* Where the event is, or would be. */
static size_t s_seek(const copy_t *self, const pbus_uuid_t *id, bool *found)
{
    size_t low = 0, high = self->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(&self->events[middle]->document.id, id, sizeof *id);
        *found = *found || order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static copy_event_t *s_event(const bson_t *bson)
{
    copy_event_t *event = bson_malloc0(sizeof *event);
    event->bson = bson_copy(bson);
    if (document_read(event->bson, &event->document))
        return event;
    s_free(event);
    return NULL;
}

/* Without a place in order; s_sort has to follow. */
static void s_push(copy_t *self, copy_event_t *event)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 256;
        self->events = bson_realloc(self->events, self->capacity * sizeof *self->events);
    }
    self->events[self->count++] = event;
    self->bytes += event->bson->len;
}

static int s_by_id(const void *a, const void *b)
{
    const copy_event_t *const *one = a, *const *other = b;
    return memcmp(&(*one)->document.id, &(*other)->document.id, sizeof(pbus_uuid_t));
}

/* False if the document is damaged. */
static bool s_put(copy_t *self, const bson_t *bson)
{
    bool found;
    copy_event_t *event = s_event(bson);
    if (!event)
        return false;
    size_t at = s_seek(self, &event->document.id, &found);
    if (found) {
        self->bytes += event->bson->len - self->events[at]->bson->len;
        s_free(self->events[at]);
        self->events[at] = event;
        return true;
    }
    s_push(self, event);
    memmove(&self->events[at + 1], &self->events[at], (self->count - 1 - at) * sizeof *self->events);
    self->events[at] = event;
    return true;
}

/* By stamp as well: an event of the same id may have been added since. */
static void s_remove(copy_t *self, const pbus_uuid_t *id, int64_t batch)
{
    bool found;
    size_t at = s_seek(self, id, &found);
    if (!found || self->events[at]->document.batch != batch)
        return;
    self->bytes -= self->events[at]->bson->len;
    s_free(self->events[at]);
    memmove(&self->events[at], &self->events[at + 1], (--self->count - at) * sizeof *self->events);
}

/* ---- what the ledger says ----------------------------------------------------------------------- */

/* Documents of the ledger. */
typedef struct {
    bson_t **documents;
    size_t count;
} s_list_t;

static void s_clear(s_list_t *list)
{
    for (size_t i = 0; i < list->count; i++)
        bson_destroy(list->documents[i]);
    bson_free(list->documents);
}

static int64_t s_int(const bson_t *bson, const char *key)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, bson, key) ? bson_iter_as_int64(&iter) : 0;
}

static int s_by_number(const void *a, const void *b)
{
    int64_t one = s_int(*(bson_t *const *) a, "number"), other = s_int(*(bson_t *const *) b, "number");
    return (one > other) - (one < other);
}

static pbus_status_t s_read(copy_t *self, store_part_t part, s_list_t *list, pbus_error_t *error)
{
    const bson_t *found;
    bson_t all = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("projection", "{", "rows", BCON_INT32(0), "}");
    mongoc_cursor_t *cursor = store_find(self->store, part, &all, opts);
    while (mongoc_cursor_next(cursor, &found)) {
        list->documents = bson_realloc(list->documents, (list->count + 1) * sizeof *list->documents);
        list->documents[list->count++] = bson_copy(found);
    }
    bson_destroy(opts);
    if (list->count)
        qsort(list->documents, list->count, sizeof *list->documents, s_by_number);
    return store_done(self->store, &cursor, "read the ledger", error);
}

static s_place_t *s_place(copy_t *self, int64_t slot)
{
    for (size_t i = 0; i < self->place_count; i++)
        if (self->places[i].slot == slot)
            return &self->places[i];
    self->places = bson_realloc(self->places, (self->place_count + 1) * sizeof *self->places);
    self->places[self->place_count] = (s_place_t){.slot = slot};
    return &self->places[self->place_count++];
}

/* The place of a batch whose changes are the next of its slot: s_place_t.number is moved on to it. */
static bool s_follows(copy_t *self, const bson_t *batch)
{
    s_place_t *place = s_place(self, s_int(batch, "slot"));
    int64_t number = s_int(batch, "number");
    if (number > place->number + 1)
        return false;
    if (number == place->number + 1)
        place->number = number;
    return true;
}

static bool s_is_void(const bson_t *batch)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, batch, "void") && bson_iter_as_bool(&iter);
}

static int64_t s_upto(const s_list_t *slots, int64_t slot)
{
    for (size_t i = 0; i < slots->count; i++)
        if (s_int(slots->documents[i], "slot") == slot)
            return s_int(slots->documents[i], "upto");
    return 0;
}

/*
 * Whether it is known what a batch has changed. One that looks void after it has been folded may be one that
 * somebody has tried to declare so too late.
 */
static bool s_is_known(const bson_t *batch, const s_list_t *slots)
{
    changes_view_t view;
    if (s_is_void(batch))
        return s_int(batch, "number") > s_upto(slots, s_int(batch, "slot"));
    return changes_read(batch, &view);
}

/* Leaves the batches that are new; false if some are missing, or what one has changed. */
static bool s_keep_new(copy_t *self, const s_list_t *slots, s_list_t *log)
{
    size_t kept = 0;
    bool all = true;
    for (size_t i = 0; i < log->count; i++) {
        bson_t *batch = log->documents[i];
        bool is_new = s_int(batch, "number") > s_place(self, s_int(batch, "slot"))->number;
        all = all && s_follows(self, batch) && (!is_new || s_is_known(batch, slots));
        if (is_new && !s_is_void(batch))
            log->documents[kept++] = batch;
        else
            bson_destroy(batch);
    }
    log->count = kept;
    return all;
}

/* Whether the copy is as far as the slots were before the log was read. */
static bool s_has_reached(copy_t *self, const s_list_t *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        if (s_place(self, s_int(slots->documents[i], "slot"))->number < s_int(slots->documents[i], "upto"))
            return false;
    return self->place_count <= slots->count;
}

/*
 * All that was added first, then what was removed: batches of different slots have no order here, but who
 * removes an event has seen the batch that added it.
 */
static bool s_apply(copy_t *self, const s_list_t *log)
{
    changes_view_t view;
    bson_t document;
    pbus_uuid_t id;
    int64_t batch;
    for (size_t i = 0; i < log->count; i++) {
        changes_read(log->documents[i], &view);
        while (changes_next_added(&view, &document))
            if (!s_put(self, &document))
                return false;
        if (view.added_size)
            return false;
    }
    for (size_t i = 0; i < log->count; i++) {
        changes_read(log->documents[i], &view);
        while (changes_next_removed(&view, &id, &batch))
            s_remove(self, &id, batch);
    }
    return true;
}

/* ---- loading ------------------------------------------------------------------------------------ */

static void s_take_places(copy_t *self, const s_list_t *slots, const s_list_t *log)
{
    for (size_t i = 0; i < slots->count; i++)
        s_place(self, s_int(slots->documents[i], "slot"))->number = s_int(slots->documents[i], "upto");
    for (size_t i = 0; i < log->count; i++) {
        s_place_t *place = s_place(self, s_int(log->documents[i], "slot"));
        int64_t number = s_int(log->documents[i], "number");
        place->number = number > place->number ? number : place->number;
    }
}

static void s_bar(copy_t *self)
{
    s_empty(self);
    self->barred = pbus_clock_boottime() + BARRED_NS;
}

/* Reads all events, after the ledger: what was committed meanwhile is then taken twice, which does no harm.
 */
static pbus_status_t s_load_events(copy_t *self, pbus_error_t *error)
{
    const bson_t *found;
    bson_t all = BSON_INITIALIZER;
    bool whole = true;
    bson_t *opts = BCON_NEW("batchSize", BCON_INT32((int32_t) store_reply_documents(self->store)));
    mongoc_cursor_t *cursor = store_find(self->store, STORE_EVENTS, &all, opts);
    while (whole && mongoc_cursor_next(cursor, &found)) {
        copy_event_t *event = s_event(found);
        if (event)
            s_push(self, event);
        whole = event && self->bytes <= COPY_MAX;
    }
    bson_destroy(opts);
    pbus_status_t status = store_done(self->store, &cursor, "read all events", error);
    if (self->count)
        qsort(self->events, self->count, sizeof *self->events, s_by_id);
    self->loaded = status == PBUS_OK && whole;
    if (!whole)
        s_bar(self); /* one is damaged, or there is too much: the server says which, or copes */
    return status;
}

static pbus_status_t s_load(copy_t *self, const s_list_t *slots, pbus_error_t *error)
{
    s_list_t log = {0};
    s_empty(self);
    pbus_status_t status = s_read(self, STORE_LOG, &log, error);
    if (status == PBUS_OK) {
        s_take_places(self, slots, &log);
        status = s_load_events(self, error);
    }
    s_clear(&log);
    return status;
}

/* ---- being up to date --------------------------------------------------------------------------- */

/* The database may have been dropped, and begun anew. */
static pbus_status_t s_check_data_set(copy_t *self, pbus_error_t *error)
{
    bson_iter_t iter;
    pbus_uuid_t id = {{0}};
    bson_t *meta, *filter = BCON_NEW("_id", BCON_UTF8("store"));
    pbus_status_t status =
        store_find_one(self->store, STORE_META, filter, &meta, "read the data set's id", error);
    if (status == PBUS_OK) {
        if (meta && bson_iter_init_find(&iter, meta, "dataSet") && !document_read_id(&iter, &id))
            id = (pbus_uuid_t){{0}};
        self->loaded = self->loaded && memcmp(&id, &self->data_set, sizeof id) == 0;
        self->data_set = id;
    }
    bson_destroy(meta);
    bson_destroy(filter);
    return status;
}

/* The slots go first: what they say to be done is then in the log, or has been cut from it. */
static pbus_status_t s_follow(copy_t *self, pbus_error_t *error)
{
    s_list_t slots = {0}, log = {0};
    pbus_status_t status = s_read(self, STORE_SLOTS, &slots, error);
    if (status == PBUS_OK && self->loaded) {
        status = s_read(self, STORE_LOG, &log, error);
        self->loaded = status == PBUS_OK && s_keep_new(self, &slots, &log) && s_has_reached(self, &slots) &&
                       s_apply(self, &log);
    }
    if (status == PBUS_OK && !self->loaded)
        status = s_load(self, &slots, error);
    else if (status == PBUS_OK && self->bytes > COPY_MAX)
        s_bar(self);
    s_clear(&log);
    s_clear(&slots);
    return status;
}

pbus_status_t copy_refresh(copy_t *self, bool *usable, pbus_error_t *error)
{
    *usable = false;
    if (store_atomic(self->store) || pbus_clock_boottime() < self->barred)
        return PBUS_OK;
    pbus_status_t status = s_check_data_set(self, error);
    if (status == PBUS_OK)
        status = s_follow(self, error);
    *usable = status == PBUS_OK && self->loaded;
    return status;
}

/* ---- asking ------------------------------------------------------------------------------------- */

/* qsort_r's. */
static int s_compare(const void *a, const void *b, void *order)
{
    const copy_event_t *const *one = a, *const *other = b;
    copy_order_fn *const *by = order;
    return (*by)(&(*one)->document, &(*other)->document);
}

copy_event_t **copy_select(const copy_t *self, copy_pass_fn *pass, const void *what, copy_order_fn *order,
                           size_t *count)
{
    copy_event_t **list = bson_malloc((self->count + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (pass(&self->events[i]->document, what))
            list[(*count)++] = self->events[i];
    if (*count)
        qsort_r(list, *count, sizeof *list, s_compare, &order);
    return list;
}
