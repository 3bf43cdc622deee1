/*
 * A row of `series` has a version that rises with each change, so what changed since is one look into an
 * index.
 */
#include "ledger.h"

#include "sql.h"

#include <stdlib.h>

struct ledger {
    pbus_catalogue_t *catalogue;
    int64_t version;
};

ledger_t *ledger_new(void)
{
    ledger_t *self = calloc(1, sizeof *self);
    if (self && !(self->catalogue = pbus_catalogue_new()))
        ledger_destroy(&self);
    return self;
}

void ledger_destroy(ledger_t **self_p)
{
    if (!*self_p)
        return;
    pbus_catalogue_destroy(&(*self_p)->catalogue);
    free(*self_p);
    *self_p = NULL;
}

const pbus_catalogue_t *ledger_catalogue(const ledger_t *self)
{
    return self->catalogue;
}

int64_t ledger_version(const ledger_t *self)
{
    return self->version;
}

void ledger_start_at(ledger_t *self, int64_t version)
{
    self->version = version > self->version ? version : self->version;
}

/* ---- from the store ---- */

/* Names as they come from the store's rows; views are made when all text is there. */
typedef struct {
    pbus_buf_t text;
    pbus_buf_t sizes; /* size_t[5] a reading */
    pbus_buf_t readings;
    size_t count;
} names_t;

#define NAMES 5 /* of a reading: device, profile, resource, units, media type */

static void s_names_clear(names_t *self)
{
    pbus_buf_clear(&self->text);
    pbus_buf_clear(&self->sizes);
    pbus_buf_clear(&self->readings);
}

static bool s_names_add(names_t *self, sqlite3_stmt *row)
{
    static const int columns[NAMES] = {0, 1, 2, 4, 5};
    pbus_reading_t reading = {0};
    if (!pbus_type_parse(database_text(row, 3), &reading.type))
        return false;
    for (int i = 0; i < NAMES; i++) {
        pbus_str_t name = database_text(row, columns[i]);
        pbus_buf_append(&self->text, name.data, name.size);
        pbus_buf_append(&self->sizes, &name.size, sizeof name.size);
    }
    pbus_buf_append(&self->readings, &reading, sizeof reading);
    self->count++;
    return !self->text.failed && !self->sizes.failed && !self->readings.failed;
}

static void s_names_finish(names_t *self)
{
    const char *at = (const char *) self->text.data;
    const size_t *sizes = (const size_t *) self->sizes.data;
    pbus_reading_t *readings = (pbus_reading_t *) self->readings.data;
    for (size_t i = 0; i < self->count; i++) {
        pbus_str_t *names[NAMES] = {&readings[i].device, &readings[i].profile, &readings[i].resource,
                                    &readings[i].units, &readings[i].media_type};
        for (int k = 0; k < NAMES; k++) {
            *names[k] = (pbus_str_t){at ? at : "", *sizes};
            at += *sizes++;
        }
    }
}

static pbus_status_t s_load_names(database_t *db, int64_t number, names_t *names, pbus_error_t *error)
{
    sqlite3_stmt *row = database_statement(db, SQL_SERIES_NAMES, error);
    if (!row)
        return error->status;
    sqlite3_bind_int64(row, 1, number);
    for (;;) {
        bool found;
        pbus_status_t status = database_step(db, row, &found, error);
        if (status != PBUS_OK || !found)
            return status;
        if (!s_names_add(names, row)) {
            database_done(row);
            return pbus_fail(
                error, PBUS_INTERNAL,
                "series %lld of the store cannot be read: a value type is unknown, or memory is out",
                (long long) number);
        }
    }
}

static bool s_is_sound(const pbus_series_t *draft)
{
    return draft->kind >= PBUS_SERIES_PLAIN && draft->kind < PBUS_SERIES_KINDS && draft->class >= 0 &&
           draft->class < PBUS_SPREAD_CLASSES &&
           (draft->kind != PBUS_SERIES_PLAIN) == (draft->reading_count == 0);
}

/* row: SQL_SERIES_SINCE */
static pbus_status_t s_load_new(ledger_t *self, database_t *db, sqlite3_stmt *row, pbus_error_t *error)
{
    pbus_series_t draft = {.number = sqlite3_column_int64(row, 0),
                           .kind = (pbus_series_kind_t) sqlite3_column_int(row, 2),
                           .class = sqlite3_column_int(row, 3),
                           .spread = {sqlite3_column_int64(row, 4), sqlite3_column_int64(row, 5)},
                           .device = database_text(row, 6),
                           .profile = database_text(row, 7),
                           .source = database_text(row, 8)};
    names_t names = {0};
    pbus_status_t status = s_load_names(db, draft.number, &names, error);
    s_names_finish(&names);
    draft.readings = (pbus_reading_t *) names.readings.data;
    draft.reading_count = names.count;
    if (status == PBUS_OK && !s_is_sound(&draft))
        status = pbus_fail(error, PBUS_INTERNAL,
                           "series %lld of the store is not one that this program wrote: restore a backup",
                           (long long) draft.number);
    if (status == PBUS_OK && !pbus_catalogue_add(self->catalogue, &draft))
        status = pbus_fail(error, PBUS_NOMEM, "out of memory for the catalogue of series");
    s_names_clear(&names);
    return status;
}

static pbus_status_t s_load(ledger_t *self, database_t *db, sqlite3_stmt *row, pbus_error_t *error)
{
    pbus_spread_t spread = {sqlite3_column_int64(row, 4), sqlite3_column_int64(row, 5)};
    if (pbus_catalogue_widen(self->catalogue, sqlite3_column_int64(row, 0), spread))
        return PBUS_OK;
    return s_load_new(self, db, row, error);
}

pbus_status_t ledger_sync(ledger_t *self, database_t *db, pbus_error_t *error)
{
    sqlite3_stmt *row = database_statement(db, SQL_SERIES_SINCE, error);
    if (!row)
        return error->status;
    sqlite3_bind_int64(row, 1, self->version);
    for (;;) {
        bool found;
        pbus_status_t status = database_step(db, row, &found, error);
        if (status != PBUS_OK || !found)
            return status;
        int64_t version = sqlite3_column_int64(row, 1);
        status = s_load(self, db, row, error);
        if (status != PBUS_OK) {
            database_done(row);
            return status;
        }
        self->version = version;
    }
}

/* ---- from events ---- */

static pbus_status_t s_store_name(database_t *db, int64_t number, size_t position,
                                  const pbus_reading_t *reading, pbus_error_t *error)
{
    sqlite3_stmt *add = database_statement(db, SQL_SERIES_NAME, error);
    if (!add)
        return error->status;
    sqlite3_bind_int64(add, 1, number);
    sqlite3_bind_int64(add, 2, (int64_t) position);
    database_bind_text(add, 3, reading->device);
    database_bind_text(add, 4, reading->profile);
    database_bind_text(add, 5, reading->resource);
    database_bind_text(add, 6, pbus_str(pbus_type_name(reading->type)));
    database_bind_optional(add, 7, reading->units);
    database_bind_optional(add, 8, reading->media_type);
    return database_run(db, SQL_SERIES_NAME, error);
}

static pbus_status_t s_store_series(database_t *db, const pbus_series_t *series, pbus_error_t *error)
{
    sqlite3_stmt *add = database_statement(db, SQL_SERIES_ADD, error);
    if (!add)
        return error->status;
    const int64_t numbers[] = {series->number, series->number,     series->kind,
                               series->class,  series->spread.low, series->spread.high};
    for (int i = 0; i < 6; i++)
        sqlite3_bind_int64(add, i + 1, numbers[i]);
    database_bind_text(add, 7, series->device);
    database_bind_text(add, 8, series->profile);
    database_bind_text(add, 9, series->source);
    if (series->kind == PBUS_SERIES_PLAIN)
        sqlite3_bind_int64(add, 10, (int64_t) series->reading_count);
    else
        sqlite3_bind_null(add, 10);
    pbus_status_t status = database_run(db, SQL_SERIES_ADD, error);
    for (size_t i = 0; i < series->reading_count && status == PBUS_OK; i++)
        status = s_store_name(db, series->number, i, &series->readings[i], error);
    return status;
}

/* Gives the draft a number and adds it to the store and to the catalogue. */
static pbus_status_t s_create(ledger_t *self, database_t *db, pbus_series_t *draft,
                              const pbus_series_t **series, pbus_error_t *error)
{
    draft->number = ++self->version;
    *series = pbus_catalogue_add(self->catalogue, draft);
    if (!*series)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for the catalogue of series");
    return s_store_series(db, *series, error);
}

static pbus_status_t s_widen(ledger_t *self, database_t *db, const pbus_series_t *series,
                             pbus_spread_t spread, pbus_error_t *error)
{
    pbus_catalogue_widen(self->catalogue, series->number, spread);
    sqlite3_stmt *update = database_statement(db, SQL_SERIES_SPREAD, error);
    if (!update)
        return error->status;
    sqlite3_bind_int64(update, 1, series->number);
    sqlite3_bind_int64(update, 2, ++self->version);
    sqlite3_bind_int64(update, 3, series->spread.low);
    sqlite3_bind_int64(update, 4, series->spread.high);
    return database_run(db, SQL_SERIES_SPREAD, error);
}

pbus_status_t ledger_assign(ledger_t *self, database_t *db, const pbus_event_t *event,
                            const pbus_series_t **series, pbus_error_t *error)
{
    pbus_assignment_t found = pbus_catalogue_assign(self->catalogue, event);
    *series = found.series;
    switch (found.need) {
    case PBUS_CATALOGUE_SERIES:
        return s_create(self, db, &found.draft, series, error);
    case PBUS_CATALOGUE_SPREAD:
        return s_widen(self, db, found.series, found.draft.spread, error);
    default:
        return PBUS_OK;
    }
}
