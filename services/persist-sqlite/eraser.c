#include "eraser.h"

#include "reader.h"

/* How many readings a row of a mixed series has, which no catalogue tells. */
static pbus_status_t s_count_readings(store_t *store, victim_t victim, int64_t *count, pbus_error_t *error)
{
    if (victim.series->kind == PBUS_SERIES_PLAIN) {
        *count = (int64_t) victim.series->reading_count;
        return PBUS_OK;
    }
    return reader_count_readings(store, victim.row, count, error);
}

pbus_status_t eraser_delete(store_t *store, tally_t *tally, victim_t victim, pbus_error_t *error)
{
    database_t *db = store_database(store);
    int64_t readings = 0;
    pbus_status_t status = s_count_readings(store, victim, &readings, error);
    if (status != PBUS_OK)
        return status;
    sqlite3_stmt *erase = database_statement(db, SQL_EVENT_DELETE, error);
    if (!erase)
        return error->status;
    sqlite3_bind_int64(erase, 1, victim.row);
    status = database_run(db, SQL_EVENT_DELETE, error);
    if (status == PBUS_OK && !tally_add(tally, victim.series->number, -1, -readings))
        status = pbus_fail(error, PBUS_NOMEM, "out of memory while deleting events");
    return status;
}
