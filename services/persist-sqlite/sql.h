/*
 * All statements that run on a store, by name. The tables are in schema.c.
 *
 * Lists read an index in steps of a few entries, each step a new run of one statement from behind the last
 * entry. So any number of series can be merged with one prepared statement and little memory.
 */
#ifndef SQL_H
#define SQL_H

typedef enum {
    SQL_BEGIN_READ,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_STORE,         /* -> data_set, applied_mark, catalogue, events, readings */
    SQL_STORE_UPDATE,  /* applied_mark, catalogue, more events, more readings */
    SQL_PROBE,         /* filler */
    SQL_COUNTS,        /* series -> events, readings */
    SQL_COUNTS_ADD,    /* series, more events, more readings */
    SQL_COUNTS_UNUSED, /* deletes the series that hold no events */
    SQL_READINGS_UNUSED,
    SQL_SERIES_SINCE,  /* version -> series, version, kind, class, low, high, device, profile, source */
    SQL_SERIES_NAMES,  /* series -> device, profile, resource, type, units, media_type */
    SQL_SERIES_ADD,    /* as SERIES_SINCE, then readings */
    SQL_SERIES_NAME,   /* series, position, and the rest as SERIES_NAMES */
    SQL_SERIES_SPREAD, /* series, version, low, high */
    SQL_EVENT_ADD,     /* id, origin, accept, class, series, data, tags, origins, reading_tags, shape */
    SQL_EVENT_BY_ID,   /* id -> row, accept, series, origin */
    SQL_EVENT_ACCEPT,  /* row -> accept */
    SQL_EVENT_DELETE,  /* row */
    SQL_EVENT,         /* row -> id, origin, accept, series, data, tags, origins, reading_tags, shape */
    /* Steps of an index -> origin, id, row, series. Parameters: class or series; origin and id to begin
       behind; the last origin; how many at most. */
    SQL_CLASS_DOWN,
    SQL_CLASS_UP,
    SQL_SERIES_DOWN,
    SQL_SERIES_UP,
    /* The entry that is so many behind the beginning -> origin, id. Parameters: as above. */
    SQL_CLASS_JUMP,
    SQL_SERIES_JUMP,
    /* Class or series, first origin, last origin -> how many. */
    SQL_CLASS_RANGE,
    SQL_SERIES_RANGE,
    SQL_SOURCES, /* -> device, source, events */
    SQL_END
} sql_t;

const char *sql_text(sql_t which);

#endif
