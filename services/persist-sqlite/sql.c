#include "sql.h"

#define EVENT_COLUMNS "id, origin, accept, series, data, tags, origins, reading_tags, shape"
#define STEP "SELECT origin, id, row, series FROM events INDEXED BY "
#define JUMP "SELECT origin, id FROM events INDEXED BY "
#define RANGE "SELECT count(*) FROM events INDEXED BY "
#define DOWN " = ?1 AND (origin, id) < (?2, ?3) AND origin >= ?4 ORDER BY origin DESC, id DESC LIMIT "
#define UP " = ?1 AND (origin, id) > (?2, ?3) AND origin <= ?4 ORDER BY origin, id LIMIT "

static const char *const s_text[SQL_END] = {
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_STORE] = "SELECT data_set, applied_mark, catalogue, events, readings FROM store",
    [SQL_STORE_UPDATE] = "UPDATE store SET applied_mark = ?1, catalogue = ?2, events = events + ?3, "
                         "readings = readings + ?4",
    [SQL_PROBE] = "UPDATE store SET probe = ?1",
    [SQL_COUNTS] = "SELECT events, readings FROM counts WHERE series = ?1",
    [SQL_COUNTS_ADD] =
        "INSERT INTO counts (series, events, readings) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
        "SET events = events + excluded.events, readings = readings + excluded.readings",
    [SQL_COUNTS_UNUSED] =
        "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM counts WHERE counts.series = series.series "
        "AND events > 0)",
    [SQL_READINGS_UNUSED] = "DELETE FROM series_readings WHERE series NOT IN (SELECT series FROM series)",
    [SQL_SERIES_SINCE] =
        "SELECT series, version, kind, class, low, high, device, profile, source FROM series "
        "WHERE version > ?1 ORDER BY version",
    [SQL_SERIES_NAMES] = "SELECT device, profile, resource, type, units, media_type FROM series_readings "
                         "WHERE series = ?1 ORDER BY position",
    [SQL_SERIES_ADD] =
        "INSERT INTO series (series, version, kind, class, low, high, device, profile, source, "
        "readings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_SERIES_NAME] =
        "INSERT INTO series_readings (series, position, device, profile, resource, type, units, "
        "media_type) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_SERIES_SPREAD] = "UPDATE series SET version = ?2, low = ?3, high = ?4 WHERE series = ?1",
    [SQL_EVENT_ADD] =
        "INSERT INTO events (id, origin, accept, class, series, data, tags, origins, reading_tags, "
        "shape) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
    [SQL_EVENT_BY_ID] = "SELECT row, accept, series, origin FROM events WHERE id = ?1",
    [SQL_EVENT_ACCEPT] = "SELECT accept FROM events WHERE row = ?1",
    [SQL_EVENT_DELETE] = "DELETE FROM events WHERE row = ?1",
    [SQL_EVENT] = "SELECT " EVENT_COLUMNS " FROM events WHERE row = ?1",
    [SQL_CLASS_DOWN] = STEP "by_origin WHERE class" DOWN "?5",
    [SQL_CLASS_UP] = STEP "by_origin WHERE class" UP "?5",
    [SQL_SERIES_DOWN] = STEP "by_series WHERE series" DOWN "?5",
    [SQL_SERIES_UP] = STEP "by_series WHERE series" UP "?5",
    [SQL_CLASS_JUMP] = JUMP "by_origin WHERE class" DOWN "1 OFFSET ?5",
    [SQL_SERIES_JUMP] = JUMP "by_series WHERE series" DOWN "1 OFFSET ?5",
    [SQL_CLASS_RANGE] = RANGE "by_origin WHERE class = ?1 AND origin BETWEEN ?2 AND ?3",
    [SQL_SERIES_RANGE] = RANGE "by_series WHERE series = ?1 AND origin BETWEEN ?2 AND ?3",
    [SQL_SOURCES] = "SELECT device, source, sum(events) FROM series JOIN counts USING (series) "
                    "WHERE events > 0 GROUP BY device, source",
};

const char *sql_text(sql_t which)
{
    return s_text[which];
}
