/*
 * Cursor: the entries of one source in the order of events, up or down, read a few at a time, within one
 * transaction.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <persistbus/series/plan.h>

#include "database.h"

typedef enum { CURSOR_DOWN, CURSOR_UP } cursor_direction_t;

/* An event as the indexes know it. */
typedef struct {
    int64_t origin;
    pbus_uuid_t id;
    int64_t row;
    int64_t series;
} entry_t;

/* By value; cleared by the owner. */
typedef struct {
    const pbus_source_t *source;
    cursor_direction_t direction;
    int64_t origin; /* where the next step begins: behind this origin and id */
    uint8_t id[17]; /* one byte longer than any id if nothing of that origin was seen */
    uint8_t id_size;
    uint32_t step;      /* entries that the next step asks for */
    uint32_t at, count; /* in entries */
    entry_t *entries;
    bool ended; /* no more behind those */
} cursor_t;

/* From the beginning of the source, in the direction; step: how many entries are likely to be needed. */
cursor_t cursor(const pbus_source_t *source, cursor_direction_t direction, uint32_t step);
void cursor_clear(cursor_t *self);
/* Begins behind this place instead. Before the first entry is taken. */
void cursor_begin_behind(cursor_t *self, int64_t origin, const pbus_uuid_t *id);
/* Passes over so many entries in one go; before the first is taken, downwards only. */
pbus_status_t cursor_jump(cursor_t *self, database_t *db, uint64_t entries, pbus_error_t *error);

/* The entry that is next, or NULL at the end; valid until the call after cursor_next. */
pbus_status_t cursor_peek(cursor_t *self, database_t *db, const entry_t **entry, pbus_error_t *error);
void cursor_next(cursor_t *self);

#endif
