/*
 * page_size: random ids make each event change a page of its own in the index of ids, so small pages are less
 * to write; measured, 2048 bytes is the best trade with the depth of the trees.
 *
 * by_origin and by_series hold the id, so that the order of events, (origin, id), is the order of the index
 * even among any number of events of one origin; by_origin holds the series as well, so that it answers what
 * concerns whole series without a look at the rows.
 */
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UUID(id)                                                                                             \
    "lower(substr(hex(" id "), 1, 8) || '-' || substr(hex(" id "), 9, 4) || '-' || substr(hex(" id           \
    "), 13, 4)"                                                                                              \
    " || '-' || substr(hex(" id "), 17, 4) || '-' || substr(hex(" id "), 21))"
/* ISO 8601 with ns; seconds are rounded down, also before 1970. */
#define SECONDS(origin) "((" origin " - ((" origin " % 1000000000) + 1000000000) % 1000000000) / 1000000000)"
#define TIME(origin)                                                                                         \
    "strftime('%Y-%m-%dT%H:%M:%S', " SECONDS(origin) ", 'unixepoch')"                                        \
                                                     " || printf('.%09dZ', ((" origin                        \
                                                     " % 1000000000) + 1000000000) % 1000000000)"

/* Of a reading: its own origin, and its own tags. */
#define ORIGIN "e.origin + coalesce(json_extract(e.origins, '$[' || j.key || ']'), 0)"
#define READING_TAGS "json_extract(e.reading_tags, '$[' || j.key || ']')"
/* Of a reading in a mixed series: one of its names, from the event's row. */
#define NAME(place) "json_extract(e.shape, '$[' || (j.key + 1) || '][" place "]')"

/* Comments and line breaks are part of the text, so that the shell's .schema explains the tables. */
static const char s_version_1[] =
    "CREATE TABLE store (\n"
    "  one INTEGER PRIMARY KEY CHECK (one = 1),\n"
    "  data_set BLOB NOT NULL, -- random, made with the store\n"
    "  applied_mark INTEGER NOT NULL, -- highest accept number ever applied (64 bits without sign)\n"
    "  catalogue INTEGER NOT NULL, -- last version given to a row of series\n"
    "  events INTEGER NOT NULL, -- stored now\n"
    "  readings INTEGER NOT NULL,\n"
    "  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),\n"
    "  probe BLOB -- written after a full disk, to see whether there is room again\n"
    ");"
    "CREATE TABLE series (\n"
    "  series INTEGER PRIMARY KEY, -- greater than every one before, never used again\n"
    "  version INTEGER NOT NULL, -- changes with the row\n"
    "  kind INTEGER NOT NULL, -- 0 plain; mixed: 1 readings of the event's device only, 2 of any\n"
    "  class INTEGER NOT NULL, -- readings' distance from the event: 0 none, 1 <= 1 ms, 2 <= 1 s, 3 <= 1 h, "
    "4 more\n"
    "  low INTEGER NOT NULL, -- least and greatest distance, ns, or rounder numbers\n"
    "  high INTEGER NOT NULL,\n"
    "  device TEXT NOT NULL,\n"
    "  profile TEXT NOT NULL, -- empty if mixed\n"
    "  source TEXT NOT NULL,\n"
    "  readings INTEGER -- in each event; NULL if mixed\n"
    ");"
    "CREATE INDEX series_by_version ON series (version);"
    "CREATE INDEX series_by_device ON series (device, source);"
    "CREATE TABLE series_readings (\n"
    "  series INTEGER NOT NULL,\n"
    "  position INTEGER NOT NULL, -- from 0, as in events.data\n"
    "  device TEXT NOT NULL,\n"
    "  profile TEXT NOT NULL,\n"
    "  resource TEXT NOT NULL,\n"
    "  type TEXT NOT NULL,\n"
    "  units TEXT,\n"
    "  media_type TEXT,\n"
    "  PRIMARY KEY (series, position)\n"
    ") WITHOUT ROWID;"
    "CREATE INDEX series_readings_by_device ON series_readings (device, resource);"
    "CREATE INDEX series_readings_by_resource ON series_readings (resource);"
    "CREATE TABLE counts (\n"
    "  series INTEGER PRIMARY KEY,\n"
    "  events INTEGER NOT NULL, -- stored now\n"
    "  readings INTEGER NOT NULL\n"
    ");"
    "CREATE TABLE events (\n"
    "  row INTEGER PRIMARY KEY,\n"
    "  id BLOB NOT NULL,\n"
    "  origin INTEGER NOT NULL, -- ns since 1970\n"
    "  accept INTEGER NOT NULL, -- number that core-data gave this write\n"
    "  class INTEGER NOT NULL, -- the series'\n"
    "  series INTEGER NOT NULL,\n"
    "  data TEXT NOT NULL, -- JSON array: the readings' values\n"
    "  tags TEXT, -- JSON object\n"
    "  origins TEXT, -- JSON array: the readings' distances from origin, ns; NULL if all are 0\n"
    "  reading_tags TEXT, -- JSON array of objects or null; NULL if all are\n"
    "  shape TEXT -- if mixed: JSON [profile, [device, resource, profile, type, units, media type], ...]\n"
    ");"
    "CREATE UNIQUE INDEX by_id ON events (id);"
    "CREATE INDEX by_origin ON events (class, origin, id, series);"
    "CREATE INDEX by_series ON events (series, origin, id);"
    "CREATE VIEW event_list AS SELECT " UUID("e.id") " AS id, " TIME(
        "e.origin") " AS time, e.origin,"
                    " s.device, coalesce(json_extract(e.shape, '$[0]'), s.profile) AS profile, s.source, "
                    "e.tags, e.data,"
                    " e.accept, e.series, e.row FROM events e JOIN series s USING (series);"
                    "CREATE VIEW readings AS SELECT " UUID("e.id") " AS event_id, " TIME(
                        "(" ORIGIN
                        ")") " AS time,"
                             " " ORIGIN " AS origin, r.device, r.profile, r.resource, r.type, j.value, "
                             "r.units, r.media_type,"
                             " " READING_TAGS " AS tags, e.row AS event_row, j.key AS position"
                             " FROM events e JOIN series_readings r ON r.series = e.series JOIN "
                             "json_each(e.data) j"
                             " ON j.key = r.position"
                             " UNION ALL SELECT " UUID("e.id") ", " TIME(
                                 "(" ORIGIN
                                 ")") ", " ORIGIN
                                      ", " NAME("0") ", " NAME(
                                          "2") ","
                                               " " NAME("1") ", " NAME("3") ", j.value, nullif(" NAME(
                                                   "4") ", ''), nullif(" NAME("5") ", ''),"
                                                                                   " " READING_TAGS
                                                                                   ", e.row, j.key"
                                                                                   " FROM series s CROSS "
                                                                                   "JOIN events e ON "
                                                                                   "e.series = s.series JOIN "
                                                                                   "json_each(e.data) j "
                                                                                   "WHERE s.kind > 0;"
                                                                                   "INSERT INTO store (one, "
                                                                                   "data_set, applied_mark, "
                                                                                   "catalogue, events, "
                                                                                   "readings)"
                                                                                   " VALUES (1, "
                                                                                   "randomblob(16), 0, 0, 0, "
                                                                                   "0);";

/* What turns a store of version i into one of version i + 1. Steps are never changed, only added. */
static const char *const s_steps[SCHEMA_VERSION] = {s_version_1};

/* Settings of the file that can only be chosen before it has content. */
static pbus_status_t s_make_file(database_t *db, pbus_error_t *error)
{
    pbus_status_t status = database_execute(db, "PRAGMA page_size = 2048", error);
    return status == PBUS_OK ? database_execute(db, "PRAGMA encoding = 'UTF-8'", error) : status;
}

static pbus_status_t s_step(database_t *db, int64_t version, pbus_error_t *error)
{
    char pragmas[100];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
             SCHEMA_APPLICATION_ID, version + 1);
    pbus_status_t status = database_run(db, SQL_BEGIN_WRITE, error);
    if (status == PBUS_OK)
        status = database_execute(db, s_steps[version], error);
    if (status == PBUS_OK)
        status = database_execute(db, pragmas, error);
    if (status == PBUS_OK)
        status = database_run(db, SQL_COMMIT, error);
    if (status != PBUS_OK)
        database_rollback(db);
    return status;
}

typedef struct {
    int64_t objects, application, version;
} identity_t;

static pbus_status_t s_identify(database_t *db, identity_t *identity, pbus_error_t *error)
{
    pbus_status_t status =
        database_number(db, "SELECT count(*) FROM sqlite_schema", &identity->objects, error);
    if (status == PBUS_OK)
        status = database_number(db, "PRAGMA application_id", &identity->application, error);
    if (status == PBUS_OK)
        status = database_number(db, "PRAGMA user_version", &identity->version, error);
    return status;
}

static pbus_status_t s_refuse(const identity_t *identity, const char *path, pbus_error_t *error)
{
    bool is_new = identity->objects == 0 && identity->application == 0;
    if (!is_new && identity->application != SCHEMA_APPLICATION_ID)
        return pbus_fail(error, PBUS_INVALID,
                         "%s is another program's database (application id %" PRId64
                         "): set another SQLite.Path (SQLITE_PATH)",
                         path, identity->application);
    if (identity->version > SCHEMA_VERSION)
        return pbus_fail(error, PBUS_INVALID,
                         "%s has schema version %" PRId64 ", this program knows up to %d: run a newer "
                         "persist-sqlite",
                         path, identity->version, SCHEMA_VERSION);
    return PBUS_OK;
}

pbus_status_t schema_prepare(database_t *db, const char *path, pbus_error_t *error)
{
    identity_t identity;
    pbus_status_t status = s_identify(db, &identity, error);
    if (status == PBUS_OK)
        status = s_refuse(&identity, path, error);
    if (status == PBUS_OK && identity.objects == 0)
        status = s_make_file(db, error);
    if (status == PBUS_OK)
        status = database_execute(db, "PRAGMA journal_mode = WAL", error);
    for (int64_t version = identity.version; status == PBUS_OK && version < SCHEMA_VERSION; version++)
        status = s_step(db, version, error);
    return status;
}
