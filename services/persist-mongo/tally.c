#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 256
#define PART_BYTES 42 /* of BSON, and its name */

typedef struct {
    uint64_t hash;
    tally_row_t *row; /* NULL: free */
} s_bucket_t;

struct tally {
    scratch_t scratch; /* rows and their texts */
    s_bucket_t *buckets;
    size_t capacity; /* a power of two */
    size_t count;
    tally_row_t *rows;
    int64_t events;
    int64_t readings;
};

/* ---- the table ---------------------------------------------------------------------------------- */

static void *s_memory(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

tally_t *tally_new(void)
{
    tally_t *self = s_memory(calloc(1, sizeof *self));
    self->capacity = BUCKETS_MIN;
    self->buckets = s_memory(calloc(self->capacity, sizeof *self->buckets));
    return self;
}

void tally_destroy(tally_t **self_p)
{
    tally_t *self = *self_p;
    if (!self)
        return;
    scratch_clear(&self->scratch);
    free(self->buckets);
    free(self);
    *self_p = NULL;
}

void tally_reset(tally_t *self)
{
    scratch_reset(&self->scratch);
    memset(self->buckets, 0, self->capacity * sizeof *self->buckets);
    self->count = 0;
    self->rows = NULL;
    self->events = self->readings = 0;
}

/* FNV-1a: names are short, and not chosen to collide by those who may write to the store anyway. */
static uint64_t s_mix(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t s_hash(tally_kind_t kind, int slot, pbus_str_t name, pbus_str_t part)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = s_mix(hash, &kind, sizeof kind);
    hash = s_mix(hash, &slot, sizeof slot);
    hash = s_mix(hash, name.data, name.size);
    hash = s_mix(hash, &name.size, sizeof name.size);
    hash = s_mix(hash, part.data, part.size);
    return hash ^ hash >> 29;
}

static bool s_is(const tally_row_t *row, tally_kind_t kind, int slot, pbus_str_t name, pbus_str_t part)
{
    return row->kind == kind && row->slot == slot && pbus_str_eq(row->name, name) &&
           pbus_str_eq(row->part, part);
}

/* The bucket that has the row, or where it belongs. */
static s_bucket_t *s_bucket(const tally_t *self, uint64_t hash, tally_kind_t kind, int slot, pbus_str_t name,
                            pbus_str_t part)
{
    size_t at = hash & (self->capacity - 1);
    while (self->buckets[at].row &&
           !(self->buckets[at].hash == hash && s_is(self->buckets[at].row, kind, slot, name, part)))
        at = (at + 1) & (self->capacity - 1);
    return &self->buckets[at];
}

static void s_grow(tally_t *self)
{
    s_bucket_t *old = self->buckets;
    size_t count = self->capacity;
    self->capacity *= 2;
    self->buckets = s_memory(calloc(self->capacity, sizeof *self->buckets));
    for (size_t i = 0; i < count; i++) {
        size_t at = old[i].hash & (self->capacity - 1);
        while (old[i].row && self->buckets[at].row)
            at = (at + 1) & (self->capacity - 1);
        if (old[i].row)
            self->buckets[at] = old[i];
    }
    free(old);
}

static pbus_str_t s_copy(tally_t *self, pbus_str_t text)
{
    char *copy = s_memory(scratch_alloc(&self->scratch, text.size + 1));
    if (text.size)
        memcpy(copy, text.data, text.size);
    return (pbus_str_t){copy, text.size};
}

/* The row, made with nothing in it if need be. owner: the device's row, for its parts. */
static tally_row_t *s_row(tally_t *self, tally_kind_t kind, int slot, pbus_str_t name, pbus_str_t part,
                          tally_row_t *owner)
{
    if (self->count * 2 >= self->capacity)
        s_grow(self);
    uint64_t hash = s_hash(kind, slot, name, part);
    s_bucket_t *bucket = s_bucket(self, hash, kind, slot, name, part);
    if (bucket->row)
        return bucket->row;
    tally_row_t *row = s_memory(scratch_alloc(&self->scratch, sizeof *row));
    tally_row_t **list = owner ? &owner->parts : &self->rows;
    *row = (tally_row_t){.kind = kind,
                         .slot = slot,
                         .name = owner ? owner->name : s_copy(self, name),
                         .part = s_copy(self, part),
                         .own = owner && owner->wide,
                         .next = *list};
    *list = row;
    if (owner)
        owner->part_bytes += part.size + PART_BYTES;
    *bucket = (s_bucket_t){hash, row};
    self->count++;
    return row;
}

static const pbus_str_t s_none = {"", 0};

static tally_row_t *s_device(tally_t *self, int slot, pbus_str_t name)
{
    return s_row(self, TALLY_DEVICE, slot, name, s_none, NULL);
}

tally_row_t *tally_rows(const tally_t *self)
{
    return self->rows;
}

const tally_row_t *tally_find(const tally_t *self, tally_kind_t kind, int slot, pbus_str_t name,
                              pbus_str_t part)
{
    return s_bucket(self, s_hash(kind, slot, name, part), kind, slot, name, part)->row;
}

int64_t tally_events(const tally_t *self)
{
    return self->events;
}

int64_t tally_readings(const tally_t *self)
{
    return self->readings;
}

/* ---- counting ----------------------------------------------------------------------------------- */

static void s_count_event(tally_t *self, pbus_str_t device, pbus_str_t source, int64_t events)
{
    tally_row_t *row = s_device(self, 0, device);
    row->events += events;
    s_row(self, TALLY_DEVICE_SOURCE, 0, device, source, row)->events += events;
    self->events += events;
}

static void s_count_reading(tally_t *self, pbus_str_t device, pbus_str_t resource, int64_t readings)
{
    tally_row_t *row = s_device(self, 0, device);
    row->readings += readings;
    s_row(self, TALLY_DEVICE_RESOURCE, 0, device, resource, row)->readings += readings;
    s_row(self, TALLY_RESOURCE, 0, resource, s_none, NULL)->readings += readings;
    self->readings += readings;
}

void tally_event(tally_t *self, const pbus_event_t *event, int sign)
{
    s_count_event(self, event->device, event->source, sign);
    for (size_t i = 0; i < event->reading_count; i++)
        s_count_reading(self, event->readings[i].device, event->readings[i].resource, sign);
}

bool tally_document(tally_t *self, const document_t *document, int sign)
{
    bson_iter_t item;
    pbus_reading_t reading;
    if (!bson_iter_recurse(&document->readings, &item))
        return false;
    while (bson_iter_next(&item))
        if (!document_reading_names(document, &item, &reading))
            return false;
    s_count_event(self, document->device, document->source, sign);
    bson_iter_recurse(&document->readings, &item);
    while (bson_iter_next(&item) && document_reading_names(document, &item, &reading))
        s_count_reading(self, reading.device, reading.resource, sign);
    return true;
}

/* ---- to BSON ------------------------------------------------------------------------------------ */

static const char *s_key(uint32_t place, char room[16], int *size)
{
    const char *key;
    *size = (int) bson_uint32_to_string(place, &key, room, 16);
    return key;
}

static void s_append_parts(const tally_row_t *row, tally_kind_t kind, const char *key, bson_t *to)
{
    bson_t parts, part;
    uint32_t count = 0;
    BSON_APPEND_ARRAY_BEGIN(to, key, &parts);
    for (const tally_row_t *at = row->parts; at; at = at->next) {
        if (at->kind != kind || at->own || (at->events == 0 && at->readings == 0))
            continue;
        char room[16];
        int size;
        const char *place = s_key(count++, room, &size);
        bson_append_document_begin(&parts, place, size, &part);
        document_append_name(&part, "name", at->part);
        if (kind == TALLY_DEVICE_SOURCE)
            BSON_APPEND_INT64(&part, "events", at->events);
        else
            BSON_APPEND_INT64(&part, "readings", at->readings);
        bson_append_document_end(&parts, &part);
    }
    bson_append_array_end(to, &parts);
}

static const char *const s_kinds[] = {[TALLY_DEVICE] = "device",
                                      [TALLY_RESOURCE] = "resource",
                                      [TALLY_DEVICE_SOURCE] = "deviceSource",
                                      [TALLY_DEVICE_RESOURCE] = "deviceResource"};

void tally_append_row(const tally_row_t *row, bson_t *to)
{
    BSON_APPEND_UTF8(to, "kind", s_kinds[row->kind]);
    document_append_name(to, "name", row->name);
    if (row->kind == TALLY_DEVICE_SOURCE || row->kind == TALLY_DEVICE_RESOURCE)
        document_append_name(to, "part", row->part);
    if (row->kind == TALLY_DEVICE || row->kind == TALLY_DEVICE_SOURCE)
        BSON_APPEND_INT64(to, "events", row->events);
    if (row->kind != TALLY_DEVICE_SOURCE)
        BSON_APPEND_INT64(to, "readings", row->readings);
    if (row->kind == TALLY_DEVICE) {
        s_append_parts(row, TALLY_DEVICE_SOURCE, "sources", to);
        s_append_parts(row, TALLY_DEVICE_RESOURCE, "resources", to);
        if (row->wide || row->part_bytes > TALLY_PARTS_MAX)
            BSON_APPEND_BOOL(to, "wide", true);
    }
}

static bool s_is_nothing(const tally_row_t *row)
{
    for (const tally_row_t *part = row->parts; part; part = part->next)
        if (part->events || part->readings)
            return false;
    return row->events == 0 && row->readings == 0;
}

void tally_append(const tally_t *self, bson_t *to)
{
    bson_t rows, row;
    uint32_t count = 0;
    BSON_APPEND_INT64(to, "events", self->events);
    BSON_APPEND_INT64(to, "readings", self->readings);
    BSON_APPEND_ARRAY_BEGIN(to, "rows", &rows);
    for (const tally_row_t *at = self->rows; at; at = at->next) {
        if (s_is_nothing(at))
            continue;
        char room[16];
        int size;
        const char *key = s_key(count++, room, &size);
        bson_append_document_begin(&rows, key, size, &row);
        tally_append_row(at, &row);
        bson_append_document_end(&rows, &row);
    }
    bson_append_array_end(to, &rows);
}

/* ---- from BSON ---------------------------------------------------------------------------------- */

/* What was read of a row, or of a part of one. */
typedef struct {
    tally_kind_t kind;
    pbus_str_t name, part;
    int64_t slot, upto, events, readings;
    bool wide;
    bson_iter_t sources, resources;
} s_read_t;

static void s_read_text(const bson_iter_t *field, pbus_str_t *text)
{
    uint32_t size;
    if (!BSON_ITER_HOLDS_UTF8(field))
        return;
    text->data = bson_iter_utf8(field, &size);
    text->size = size;
}

static void s_read_kind(const bson_iter_t *field, tally_kind_t *kind)
{
    for (size_t i = 0; i < sizeof s_kinds / sizeof *s_kinds; i++)
        if (BSON_ITER_HOLDS_UTF8(field) && strcmp(bson_iter_utf8(field, NULL), s_kinds[i]) == 0)
            *kind = (tally_kind_t) i;
}

static void s_read_field(const bson_iter_t *field, s_read_t *to)
{
    const char *key = bson_iter_key(field);
    if (strcmp(key, "name") == 0)
        s_read_text(field, &to->name);
    else if (strcmp(key, "part") == 0)
        s_read_text(field, &to->part);
    else if (strcmp(key, "kind") == 0)
        s_read_kind(field, &to->kind);
    else if (strcmp(key, "slot") == 0)
        to->slot = bson_iter_as_int64(field);
    else if (strcmp(key, "upto") == 0)
        to->upto = bson_iter_as_int64(field);
    else if (strcmp(key, "events") == 0)
        to->events = bson_iter_as_int64(field);
    else if (strcmp(key, "readings") == 0)
        to->readings = bson_iter_as_int64(field);
    else if (strcmp(key, "wide") == 0)
        to->wide = bson_iter_as_bool(field);
    else if (strcmp(key, "sources") == 0)
        to->sources = *field;
    else if (strcmp(key, "resources") == 0)
        to->resources = *field;
}

static bool s_read(bson_iter_t *fields, s_read_t *to)
{
    *to = (s_read_t){0};
    while (bson_iter_next(fields))
        s_read_field(fields, to);
    return to->name.data != NULL;
}

/* Takes parts; of a batch only what they do not include yet. */
static bool s_take_parts(tally_t *self, tally_row_t *owner, tally_kind_t kind, const bson_iter_t *parts,
                         int64_t upto)
{
    bson_iter_t item, fields;
    s_read_t part;
    if (!parts->raw)
        return true;
    if (!bson_iter_recurse(parts, &item))
        return false;
    while (bson_iter_next(&item)) {
        if (!bson_iter_recurse(&item, &fields) || !s_read(&fields, &part))
            return false;
        tally_row_t *row = s_row(self, kind, owner->slot, owner->name, part.name, owner);
        if (upto <= (row->own ? row->upto : owner->upto))
            continue;
        row->events += part.events;
        row->readings += part.readings;
    }
    return true;
}

static bool s_take_row(tally_t *self, tally_row_t *row, const s_read_t *read, int64_t upto)
{
    if (upto > row->upto) {
        row->events += read->events;
        row->readings += read->readings;
    }
    return s_take_parts(self, row, TALLY_DEVICE_SOURCE, &read->sources, upto) &&
           s_take_parts(self, row, TALLY_DEVICE_RESOURCE, &read->resources, upto);
}

static void s_take_own(tally_t *self, const s_read_t *read)
{
    tally_row_t *owner = s_device(self, (int) read->slot, read->name);
    tally_row_t *row = s_row(self, read->kind, (int) read->slot, read->name, read->part, owner);
    row->own = row->kept = true;
    row->upto = read->upto;
    row->events += read->events;
    row->readings += read->readings;
}

bool tally_take_counts(tally_t *self, const bson_t *bson)
{
    bson_iter_t fields;
    s_read_t read;
    if (!bson_iter_init(&fields, bson) || !s_read(&fields, &read))
        return false;
    if (read.kind == TALLY_DEVICE_SOURCE || read.kind == TALLY_DEVICE_RESOURCE) {
        s_take_own(self, &read);
        return true;
    }
    tally_row_t *row = s_row(self, read.kind, (int) read.slot, read.name, s_none, NULL);
    bool taken = s_take_row(self, row, &read, INT64_MAX);
    row->upto = read.upto;
    row->wide = read.wide;
    row->kept = true;
    return taken;
}

bool tally_take_batch(tally_t *self, int slot, int64_t upto, const bson_t *batch)
{
    bson_iter_t iter, item, fields;
    s_read_t read;
    if (!bson_iter_init_find(&iter, batch, "rows"))
        return true;
    if (!bson_iter_recurse(&iter, &item))
        return false;
    while (bson_iter_next(&item)) {
        if (!bson_iter_recurse(&item, &fields) || !s_read(&fields, &read))
            return false;
        tally_row_t *row = s_row(self, read.kind, slot, read.name, s_none, NULL);
        if (!s_take_row(self, row, &read, upto))
            return false;
    }
    return true;
}

bool tally_take_change(tally_t *self, const bson_t *change)
{
    bson_iter_t iter;
    if (bson_iter_init_find(&iter, change, "events"))
        self->events += bson_iter_as_int64(&iter);
    if (bson_iter_init_find(&iter, change, "readings"))
        self->readings += bson_iter_as_int64(&iter);
    return tally_take_batch(self, 0, 1, change);
}
