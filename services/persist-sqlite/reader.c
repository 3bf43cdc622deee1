#include "reader.h"

#include "jsontext.h"

static pbus_status_t s_fail_missing(int64_t number, pbus_error_t *error)
{
    return pbus_fail(
        error, PBUS_INTERNAL,
        "row %lld of the events is missing or names no known series: run PRAGMA integrity_check with "
        "the sqlite3 shell",
        (long long) number);
}

/* The row's statement at its row; to be put back with database_done. */
static pbus_status_t s_fetch(store_t *store, int64_t number, sqlite3_stmt **fetched, pbus_error_t *error)
{
    bool found;
    sqlite3_stmt *statement = database_statement(store_database(store), SQL_EVENT, error);
    if (!statement)
        return error->status;
    sqlite3_bind_int64(statement, 1, number);
    pbus_status_t status = database_step(store_database(store), statement, &found, error);
    if (status == PBUS_OK && !found)
        status = s_fail_missing(number, error);
    *fetched = statement;
    return status;
}

static pbus_status_t s_decode(store_t *store, sqlite3_stmt *fetched, int64_t number, row_t *row,
                              pbus_error_t *error)
{
    row_columns_t columns = {.origin = sqlite3_column_int64(fetched, 1),
                             .accept = (uint64_t) sqlite3_column_int64(fetched, 2),
                             .data = database_text(fetched, 4),
                             .tags = database_text(fetched, 5),
                             .origins = database_text(fetched, 6),
                             .reading_tags = database_text(fetched, 7),
                             .shape = database_text(fetched, 8)};
    const pbus_series_t *series =
        pbus_catalogue_series(store_catalogue(store), sqlite3_column_int64(fetched, 3));
    if (!series || !database_id(fetched, 0, &columns.id))
        return s_fail_missing(number, error);
    return row_decode(row, &columns, series, error) ? PBUS_OK : error->status;
}

pbus_status_t reader_event(store_t *store, int64_t number, row_t *row, pbus_error_t *error)
{
    sqlite3_stmt *fetched;
    pbus_status_t status = s_fetch(store, number, &fetched, error);
    if (status == PBUS_OK) {
        status = s_decode(store, fetched, number, row, error);
        database_done(fetched);
    }
    return status;
}

pbus_status_t reader_count_readings(store_t *store, int64_t number, int64_t *count, pbus_error_t *error)
{
    sqlite3_stmt *fetched;
    pbus_status_t status = s_fetch(store, number, &fetched, error);
    if (status != PBUS_OK)
        return status;
    pbus_str_t token, data = database_text(fetched, 4);
    /* Counting writes nothing; an array is taken as char * because other callers decode in place. */
    jsontext_array_t array = jsontext_array((char *) data.data, data.size);
    *count = 0;
    while (jsontext_next(&array, &token))
        ++*count;
    database_done(fetched);
    return PBUS_OK;
}

pbus_status_t reader_find(store_t *store, const pbus_uuid_t *id, bool *found, reader_place_t *place,
                          pbus_error_t *error)
{
    sqlite3_stmt *statement = database_statement(store_database(store), SQL_EVENT_BY_ID, error);
    if (!statement)
        return error->status;
    database_bind_id(statement, 1, id);
    pbus_status_t status = database_step(store_database(store), statement, found, error);
    if (status != PBUS_OK || !*found)
        return status;
    *place = (reader_place_t){
        .row = sqlite3_column_int64(statement, 0),
        .accept = (uint64_t) sqlite3_column_int64(statement, 1),
        .series = pbus_catalogue_series(store_catalogue(store), sqlite3_column_int64(statement, 2)),
        .origin = sqlite3_column_int64(statement, 3),
    };
    database_done(statement);
    return place->series ? PBUS_OK : s_fail_missing(place->row, error);
}
