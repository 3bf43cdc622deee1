/*
 * An open hash table of the series touched, and the places that are in use, so that a reset costs as much as
 * the transaction did.
 */
#include "tally.h"

#include <stdlib.h>

typedef struct {
    int64_t series; /* 0: free; numbers of series are greater */
    int64_t events, readings;
} entry_t;

struct tally {
    entry_t *entries;
    size_t *used; /* places in entries */
    size_t count;
    size_t capacity; /* of entries, a power of two; used has room for half */
    int64_t events, readings;
};

#define FIRST_CAPACITY 256

static bool s_allocate(tally_t *self, size_t capacity)
{
    self->entries = calloc(capacity, sizeof *self->entries);
    self->used = malloc(capacity / 2 * sizeof *self->used);
    self->capacity = capacity;
    self->count = 0;
    return self->entries && self->used;
}

static void s_free(tally_t *self)
{
    free(self->entries);
    free(self->used);
}

tally_t *tally_new(void)
{
    tally_t *self = calloc(1, sizeof *self);
    if (self && !s_allocate(self, FIRST_CAPACITY))
        tally_destroy(&self);
    return self;
}

void tally_destroy(tally_t **self_p)
{
    if (*self_p) {
        s_free(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

void tally_reset(tally_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->entries[self->used[i]] = (entry_t){0};
    self->count = 0;
    self->events = self->readings = 0;
}

/* The entry of a series, or the free one where it would be. */
static size_t s_place(const tally_t *self, int64_t series)
{
    size_t i = ((uint64_t) series * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (self->capacity - 1);
    while (self->entries[i].series != 0 && self->entries[i].series != series)
        i = (i + 1) & (self->capacity - 1);
    return i;
}

static void s_put(tally_t *self, entry_t entry)
{
    size_t place = s_place(self, entry.series);
    entry_t *to = &self->entries[place];
    if (to->series == 0) {
        to->series = entry.series;
        self->used[self->count++] = place;
    }
    to->events += entry.events;
    to->readings += entry.readings;
}

static bool s_grow(tally_t *self)
{
    tally_t bigger;
    if (!s_allocate(&bigger, self->capacity * 2)) {
        s_free(&bigger);
        return false;
    }
    for (size_t i = 0; i < self->count; i++)
        s_put(&bigger, self->entries[self->used[i]]);
    bigger.events = self->events;
    bigger.readings = self->readings;
    s_free(self);
    *self = bigger;
    return true;
}

bool tally_add(tally_t *self, int64_t series, int64_t events, int64_t readings)
{
    if (self->count == self->capacity / 2 && !s_grow(self))
        return false;
    s_put(self, (entry_t){series, events, readings});
    self->events += events;
    self->readings += readings;
    return true;
}

int64_t tally_events(const tally_t *self)
{
    return self->events;
}

int64_t tally_readings(const tally_t *self)
{
    return self->readings;
}

pbus_status_t tally_store(tally_t *self, database_t *db, pbus_error_t *error)
{
    sqlite3_stmt *add = database_statement(db, SQL_COUNTS_ADD, error);
    if (!add)
        return error->status;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < self->count && status == PBUS_OK; i++) {
        const entry_t *entry = &self->entries[self->used[i]];
        sqlite3_bind_int64(add, 1, entry->series);
        sqlite3_bind_int64(add, 2, entry->events);
        sqlite3_bind_int64(add, 3, entry->readings);
        status = database_run(db, SQL_COUNTS_ADD, error);
    }
    return status;
}
