#include "cursor.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MIN 2
#define STEP_MAX 256

cursor_t cursor(const pbus_source_t *source, cursor_direction_t direction, uint32_t step)
{
    cursor_t self = {.source = source, .direction = direction, .step = step};
    self.step = step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step;
    /* Downwards from behind the greatest id that could be, upwards from before the least: the empty one. */
    self.origin = direction == CURSOR_DOWN ? source->span.max : source->span.min;
    self.id_size = direction == CURSOR_DOWN ? sizeof self.id : 0;
    memset(self.id, 0xff, sizeof self.id);
    self.ended = source->span.min > source->span.max;
    return self;
}

void cursor_clear(cursor_t *self)
{
    free(self->entries);
    self->entries = NULL;
}

void cursor_begin_behind(cursor_t *self, int64_t origin, const pbus_uuid_t *id)
{
    self->origin = origin;
    memcpy(self->id, id, sizeof *id);
    self->id_size = sizeof *id;
}

static void s_bind(const cursor_t *self, sqlite3_stmt *statement, int64_t number)
{
    const pbus_source_t *source = self->source;
    sqlite3_bind_int64(statement, 1, source->series ? source->series->number : source->class);
    sqlite3_bind_int64(statement, 2, self->origin);
    sqlite3_bind_blob(statement, 3, self->id, self->id_size, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, self->direction == CURSOR_DOWN ? source->span.min : source->span.max);
    sqlite3_bind_int64(statement, 5, number);
}

static pbus_status_t s_fail_id(sqlite3_stmt *statement, pbus_error_t *error)
{
    database_done(statement);
    return pbus_fail(error, PBUS_INTERNAL,
                     "an event's id is not 16 bytes: run PRAGMA integrity_check with the sqlite3 shell");
}

static sqlite3_stmt *s_step_statement(const cursor_t *self, database_t *db, pbus_error_t *error)
{
    bool down = self->direction == CURSOR_DOWN;
    if (self->source->series)
        return database_statement(db, down ? SQL_SERIES_DOWN : SQL_SERIES_UP, error);
    return database_statement(db, down ? SQL_CLASS_DOWN : SQL_CLASS_UP, error);
}

/* Reads up to `step` entries behind the place reached. */
static pbus_status_t s_read(cursor_t *self, database_t *db, pbus_error_t *error)
{
    sqlite3_stmt *statement = s_step_statement(self, db, error);
    if (!statement)
        return error->status;
    s_bind(self, statement, self->step);
    for (self->at = self->count = 0;; self->count++) {
        bool found;
        pbus_status_t status = database_step(db, statement, &found, error);
        if (status != PBUS_OK || !found)
            return status;
        entry_t *entry = &self->entries[self->count];
        entry->origin = sqlite3_column_int64(statement, 0);
        entry->row = sqlite3_column_int64(statement, 2);
        entry->series = sqlite3_column_int64(statement, 3);
        if (!database_id(statement, 1, &entry->id))
            return s_fail_id(statement, error);
    }
}

static pbus_status_t s_refill(cursor_t *self, database_t *db, pbus_error_t *error)
{
    pbus_status_t status = database_check_deadline(db, error);
    if (status != PBUS_OK)
        return status;
    entry_t *entries = realloc(self->entries, self->step * sizeof *entries);
    if (!entries)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while reading an index");
    self->entries = entries;
    status = s_read(self, db, error);
    if (status != PBUS_OK)
        return status;
    self->ended = self->count < self->step;
    if (self->count > 0)
        cursor_begin_behind(self, entries[self->count - 1].origin, &entries[self->count - 1].id);
    self->step = self->step * 2 < STEP_MAX ? self->step * 2 : STEP_MAX;
    return PBUS_OK;
}

pbus_status_t cursor_peek(cursor_t *self, database_t *db, const entry_t **entry, pbus_error_t *error)
{
    if (self->at == self->count && !self->ended) {
        pbus_status_t status = s_refill(self, db, error);
        if (status != PBUS_OK)
            return status;
    }
    *entry = self->at < self->count ? &self->entries[self->at] : NULL;
    return PBUS_OK;
}

void cursor_next(cursor_t *self)
{
    self->at++;
}

pbus_status_t cursor_jump(cursor_t *self, database_t *db, uint64_t entries, pbus_error_t *error)
{
    bool found;
    pbus_uuid_t id;
    if (entries == 0 || self->ended)
        return PBUS_OK;
    sqlite3_stmt *statement =
        database_statement(db, self->source->series ? SQL_SERIES_JUMP : SQL_CLASS_JUMP, error);
    if (!statement)
        return error->status;
    s_bind(self, statement, (int64_t) (entries - 1 > INT64_MAX ? INT64_MAX : entries - 1));
    pbus_status_t status = database_step(db, statement, &found, error);
    if (status != PBUS_OK)
        return status;
    self->ended = !found;
    if (!found)
        return PBUS_OK;
    if (!database_id(statement, 1, &id))
        return s_fail_id(statement, error);
    cursor_begin_behind(self, sqlite3_column_int64(statement, 0), &id);
    database_done(statement);
    return PBUS_OK;
}
