/*
 * Slots: every writing connection has a number of its own, kept by a session's advisory lock, and counts in
 * rows that carry this number. So no worker ever waits for another's row, and a count is the sum over the
 * slots. A connection that ends, however it ends, leaves its slot to the next.
 *
 * Shapes are not deleted while a writing connection may remember them. Every one of those holds a lock
 * together with the others; one that gets it alone, since it is the first, removes the shapes whose events
 * are all gone.
 *
 * Numbers of shapes start at a random place, so that a connection that still remembers those of a store that
 * was dropped and made anew does not take the new ones for them.
 */
#include "pg_schema.h"

#include <string.h>

#define NAME_MAX_BYTES 63 /* PostgreSQL silently cuts longer ones */
#define SLOTS 10000
#define TIDY_MAX 10000 /* shapes removed at one start, so that it does not take long */

/* Version n is made of version n - 1 by the n-th of these. */
static const char *const s_versions[] = {
    "CREATE TABLE store (data_set uuid NOT NULL);"
    "INSERT INTO store VALUES (gen_random_uuid());"
    "COMMENT ON TABLE store IS 'the identity of this data set, made with it';"

    "CREATE TABLE shape ("
    " id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " key bytea NOT NULL UNIQUE,"
    " device text NOT NULL, profile text NOT NULL, source text NOT NULL,"
    " own boolean NOT NULL, readings integer NOT NULL);"
    "COMMENT ON TABLE shape IS 'what events have in common; readings tells how many, own whether they have"
    " origins of their own, key is a digest of all of it';"
    "DO $$ BEGIN EXECUTE format('ALTER TABLE shape ALTER COLUMN id RESTART WITH %s',"
    " 1 + floor(random() * 1000000000)::integer); END $$;"
    "CREATE INDEX shape_device ON shape USING hash (device);" /* names may be too long for a btree */
    "CREATE INDEX shape_source ON shape USING hash (source);"

    "CREATE TABLE shape_reading ("
    " shape integer NOT NULL, k integer NOT NULL,"
    " device text NOT NULL, profile text NOT NULL, resource text NOT NULL,"
    " type text NOT NULL, units text NOT NULL, media_type text NOT NULL,"
    " PRIMARY KEY (shape, k));"
    "COMMENT ON TABLE shape_reading IS 'the k-th reading of the events of a shape';"
    "CREATE INDEX shape_reading_device ON shape_reading USING hash (device);"
    "CREATE INDEX shape_reading_resource ON shape_reading USING hash (resource);"

    "CREATE TABLE stored_event ("
    " id uuid PRIMARY KEY,"
    " origin bigint NOT NULL, accept bigint NOT NULL, shape integer NOT NULL,"
    " texts text[] NOT NULL, tags jsonb, objects jsonb[], binaries bytea[], reading_tags jsonb[],"
    " exact text[], origins bigint[]);"
    "COMMENT ON TABLE stored_event IS 'one row an event; the k-th item of an array is about its k-th "
    "reading';"
    "COMMENT ON COLUMN stored_event.exact IS 'JSON text where jsonb would change it: 1 of the event''s tags,"
    " 2k of the tags and 2k+1 of the object of the k-th reading';"
    "COMMENT ON COLUMN stored_event.origins IS 'of the readings, if any differs from the event''s';"
    "CREATE INDEX stored_event_origin ON stored_event (origin, id);"
    "CREATE INDEX stored_event_shape ON stored_event (shape, origin, id);"
    "CREATE TYPE new_event AS (id uuid, origin bigint, accept bigint, shape integer,"
    " texts text[], tags jsonb, objects jsonb[], binaries bytea[], reading_tags jsonb[],"
    " exact text[], origins bigint[]);"

    "CREATE TABLE own_origin ("
    " shape integer NOT NULL, k integer NOT NULL, origin bigint NOT NULL, id uuid NOT NULL,"
    " PRIMARY KEY (shape, k, origin, id));"
    "COMMENT ON TABLE own_origin IS 'every reading of those events whose readings have origins of their own';"
    "CREATE INDEX own_origin_origin ON own_origin (origin, id, k);"

    "CREATE TABLE counter ("
    " slot integer NOT NULL, shape integer NOT NULL, events bigint NOT NULL,"
    " PRIMARY KEY (slot, shape)) WITH (fillfactor = 50);"
    "CREATE INDEX counter_shape ON counter (shape);"
    "COMMENT ON TABLE counter IS 'events of a shape, as counted by the worker of a slot; add up the slots';"
    "CREATE TABLE total ("
    " slot integer PRIMARY KEY, events bigint NOT NULL, readings bigint NOT NULL, mark numeric(20) NOT NULL)"
    " WITH (fillfactor = 10);"
    "COMMENT ON TABLE total IS 'the same over all shapes, and the highest accept number applied';"

    "CREATE VIEW events AS SELECT e.id, s.device, s.profile, s.source, e.origin,"
    " 'epoch'::timestamptz + e.origin / 1000 * interval '1 microsecond' AS time,"
    " e.tags, s.readings, e.accept FROM stored_event e JOIN shape s ON s.id = e.shape;"
    "COMMENT ON VIEW events IS 'origin is in nanoseconds since 1970';"

    "CREATE VIEW readings AS SELECT e.id AS event, r.k, r.device, r.profile, r.resource, r.type,"
    " e.origin, 'epoch'::timestamptz + e.origin / 1000 * interval '1 microsecond' AS time,"
    " e.texts[r.k] AS value,"
    " CASE WHEN r.type ~ '^(Int|Uint|Float)[0-9]*$' AND e.texts[r.k] ~ '^[-+.0-9]+(e[-+]?[0-9]{1,3})?$'"
    " THEN e.texts[r.k]::double precision END AS number,"
    " e.objects[r.k] AS object, e.binaries[r.k] AS bytes, nullif(r.media_type, '') AS media_type,"
    " nullif(r.units, '') AS units, e.reading_tags[r.k] AS tags"
    " FROM shape_reading r JOIN shape s ON s.id = r.shape AND NOT s.own JOIN stored_event e ON e.shape = "
    "r.shape"
    " UNION ALL SELECT e.id, r.k, r.device, r.profile, r.resource, r.type,"
    " o.origin, 'epoch'::timestamptz + o.origin / 1000 * interval '1 microsecond',"
    " e.texts[r.k],"
    " CASE WHEN r.type ~ '^(Int|Uint|Float)[0-9]*$' AND e.texts[r.k] ~ '^[-+.0-9]+(e[-+]?[0-9]{1,3})?$'"
    " THEN e.texts[r.k]::double precision END,"
    " e.objects[r.k], e.binaries[r.k], nullif(r.media_type, ''), nullif(r.units, ''), e.reading_tags[r.k]"
    " FROM own_origin o JOIN shape_reading r ON r.shape = o.shape AND r.k = o.k"
    " JOIN stored_event e ON e.id = o.id;"
    "COMMENT ON VIEW readings IS 'value is the text of simple types and arrays, number the same as a number,"
    " object and bytes the values of the other types; origin is in nanoseconds since 1970';",
};

#define VERSION ((int) (sizeof s_versions / sizeof s_versions[0]))

/*
 * Everything is found through an index, one by one, or is small. The planner is told so: it makes a plan
 * once, not knowing the limit of a page, perhaps for a table that is empty then, and must not come up with a
 * scan, a sort or a hash of millions of rows.
 */
static const char s_settings[] =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;"
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET random_page_cost = 1.1; SET jit = off;"
    "SET max_parallel_workers_per_gather = 0; SET default_transaction_isolation = 'read committed';"
    "SET idle_in_transaction_session_timeout = '60s'";

pbus_status_t pg_schema_check_name(const char *name, pbus_error_t *error)
{
    size_t size = strlen(name);
    if (size == 0 || size > NAME_MAX_BYTES || strncmp(name, "pg_", 3) == 0 ||
        !pbus_str_is_text((pbus_str_t){name, size}))
        return pbus_fail(
            error, PBUS_INVALID,
            "Database.Schema: '%.80s' can't be a schema's name: use 1 to %d bytes, not beginning with pg_",
            name, NAME_MAX_BYTES);
    return PBUS_OK;
}

/* ---- what is there ------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;
    pg_link_t *link;
    pg_params_t params;
    pg_rows_t rows;
    bool exists;
    bool is_empty;
    bool is_ours;
    int version;
} s_state_t;

/* Runs a statement of one row; false in *there when it gave none. */
static pbus_status_t s_ask(s_state_t *self, pg_row_t *row, bool *there, pbus_error_t *error)
{
    pg_rows_reset(&self->rows, 0);
    pbus_status_t status = pg_link_run(self->link, &self->params, 0, &self->rows, error);
    *row = pg_row_first();
    *there = status == PBUS_OK && pg_rows_next(&self->rows, row);
    return status;
}

static pbus_status_t s_look_at_schema(s_state_t *self, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    pg_params_reset(&self->params);
    pg_params_sql(
        &self->params,
        "SELECT (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind <> 'i'),"
        " EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " AND a.attname = 'application' WHERE c.relnamespace = n.oid AND c.relname = 'schema_version')"
        " FROM pg_namespace n WHERE n.nspname = $%d::text",
        pg_params_text(&self->params, pbus_str(self->name)));
    pbus_status_t status = s_ask(self, &row, &there, error);
    self->exists = there;
    self->is_empty = there && pg_field_int8(row.fields[0]) == 0;
    self->is_ours = there && pg_field_bool(row.fields[1]);
    return status;
}

static pbus_status_t s_look_at_version(s_state_t *self, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    pg_params_reset(&self->params);
    pg_params_sql(&self->params,
                  "SELECT max(version)::int, bool_and(application = 'persistbus') FROM schema_version");
    pbus_status_t status = s_ask(self, &row, &there, error);
    self->version = there ? pg_field_int4(row.fields[0]) : 0;
    self->is_ours = there && pg_field_bool(row.fields[1]);
    return status;
}

static pbus_status_t s_foreign(const s_state_t *self, pbus_error_t *error)
{
    return pbus_fail(
        error, PBUS_INVALID,
        "postgres at %s: schema %s holds tables that are not of persistbus; nothing was changed: "
        "choose another name by Database.Schema",
        pg_link_where(self->link), self->name);
}

/* Looks what is there, which also needs the search path. */
static pbus_status_t s_look(s_state_t *self, pbus_error_t *error)
{
    self->version = 0;
    pbus_status_t status = s_look_at_schema(self, error);
    if (status == PBUS_OK && self->is_ours)
        status = s_look_at_version(self, error);
    if (status != PBUS_OK)
        return status;
    if (self->exists && !self->is_empty && !self->is_ours)
        return s_foreign(self, error);
    if (self->version > VERSION)
        return pbus_fail(
            error, PBUS_UNSUPPORTED,
            "postgres at %s: schema %s has version %d, this program knows %d; nothing was changed: "
            "run a newer persist-postgres",
            pg_link_where(self->link), self->name, self->version, VERSION);
    return PBUS_OK;
}

/* ---- making it ---------------------------------------------------------------------------------------- */

/* The schema's name as SQL writes it; out has room for twice the longest name. */
static void s_quote(const char *name, char *out)
{
    *out++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *out++ = '"';
        *out++ = *name;
    }
    *out++ = '"';
    *out = '\0';
}

static pbus_status_t s_run_with_name(s_state_t *self, const char *before, pbus_error_t *error)
{
    char quoted[2 * NAME_MAX_BYTES + 3], sql[sizeof quoted + 64];
    s_quote(self->name, quoted);
    snprintf(sql, sizeof sql, "%s %s", before, quoted);
    return pg_link_script(self->link, sql, error);
}

/* A lock of this schema, by a function of pg_advisory_lock's kind: 0 is for building it, -1 for its shapes.
 */
static void s_ask_lock(s_state_t *self, const char *function, int number)
{
    pg_params_reset(&self->params);
    pg_params_sql(&self->params, "SELECT %s(hashtext('persistbus:' || $%d::text), %d)", function,
                  pg_params_text(&self->params, pbus_str(self->name)), number);
}

/* One version up, by the number of the one that is there. */
static pbus_status_t s_step(s_state_t *self, pbus_error_t *error)
{
    pbus_status_t status = pg_link_script(self->link, s_versions[self->version], error);
    if (status != PBUS_OK)
        return status;
    self->version++;
    pg_params_reset(&self->params);
    pg_params_sql(&self->params,
                  "INSERT INTO schema_version (application, version) VALUES ('persistbus', $%d::int)",
                  pg_params_int4(&self->params, self->version));
    return pg_link_run(self->link, &self->params, 0, NULL, error);
}

static pbus_status_t s_build(s_state_t *self, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    s_ask_lock(self, "pg_advisory_xact_lock", 0);
    pbus_status_t status = s_ask(self, &row, &there, error);
    if (status == PBUS_OK)
        status = s_look(self, error);
    if (status == PBUS_OK && !self->exists)
        status = s_run_with_name(self, "CREATE SCHEMA", error);
    if (status == PBUS_OK && !self->is_ours)
        status = pg_link_script(
            self->link,
            "CREATE TABLE schema_version (application text NOT NULL, version integer PRIMARY KEY,"
            " installed timestamptz NOT NULL DEFAULT now())",
            error);
    while (status == PBUS_OK && self->version < VERSION)
        status = s_step(self, error);
    return status;
}

static pbus_status_t s_make(s_state_t *self, pbus_error_t *error)
{
    pbus_status_t status = pg_link_begin(self->link, error);
    if (status == PBUS_OK)
        status = pg_link_end(self->link, s_build(self, error), error);
    if (strcmp(pg_link_sqlstate(self->link), "42501") == 0) /* insufficient privilege */
        return pbus_fail(error, PBUS_INVALID,
                         "postgres at %s: this role may not create schema %s: let it own the database, or "
                         "CREATE SCHEMA %s AUTHORIZATION it",
                         pg_link_where(self->link), self->name, self->name);
    return status;
}

/* ---- using it ----------------------------------------------------------------------------------------- */

static pbus_status_t s_identify(s_state_t *self, pg_schema_t *schema, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    pg_params_reset(&self->params);
    pg_params_sql(&self->params, "SELECT data_set, 'new_event'::regtype::oid::bigint FROM store");
    pbus_status_t status = s_ask(self, &row, &there, error);
    if (status != PBUS_OK)
        return status;
    if (!there || !pg_field_uuid(row.fields[0], &schema->data_set))
        return pbus_fail(error, PBUS_INVALID,
                         "postgres at %s: table store of schema %s is empty: restore it or drop the schema",
                         pg_link_where(self->link), self->name);
    schema->new_event = (int32_t) pg_field_int8(row.fields[1]);
    return PBUS_OK;
}

static pbus_status_t s_tidy(s_state_t *self, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    pg_params_reset(&self->params);
    pg_params_sql(&self->params,
                  "WITH gone AS (DELETE FROM shape WHERE id IN (SELECT shape FROM counter GROUP BY shape"
                  " HAVING sum(events) = 0 LIMIT %d)"
                  " AND NOT EXISTS (SELECT FROM stored_event e WHERE e.shape = shape.id) RETURNING id),"
                  " readings AS (DELETE FROM shape_reading r USING gone WHERE r.shape = gone.id),"
                  " counters AS (DELETE FROM counter c USING gone WHERE c.shape = gone.id)"
                  " SELECT count(*) FROM gone",
                  TIDY_MAX);
    return s_ask(self, &row, &there, error);
}

/* Joins those that rely on shapes, tidying up if there is nobody yet. */
static pbus_status_t s_rely_on_shapes(s_state_t *self, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    s_ask_lock(self, "pg_try_advisory_lock", -1);
    pbus_status_t status = s_ask(self, &row, &there, error);
    bool alone = there && pg_field_bool(row.fields[0]);
    if (alone)
        status = s_tidy(self, error);
    if (status == PBUS_OK) {
        s_ask_lock(self, "pg_advisory_lock_shared", -1);
        status = s_ask(self, &row, &there, error);
    }
    if (status == PBUS_OK && alone) {
        s_ask_lock(self, "pg_advisory_unlock", -1);
        status = s_ask(self, &row, &there, error);
    }
    return status;
}

static pbus_status_t s_take_slot(s_state_t *self, pg_schema_t *schema, pbus_error_t *error)
{
    pg_row_t row;
    bool there;
    pg_params_reset(&self->params);
    pg_params_sql(&self->params,
                  "SELECT slot FROM generate_series(1, %d) AS slot"
                  " WHERE pg_try_advisory_lock(hashtext('persistbus:' || $%d::text), slot) LIMIT 1",
                  SLOTS, pg_params_text(&self->params, pbus_str(self->name)));
    pbus_status_t status = s_ask(self, &row, &there, error);
    if (status != PBUS_OK)
        return status;
    if (!there)
        return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s: all %d slots for workers are taken",
                         pg_link_where(self->link), SLOTS);
    schema->slot = pg_field_int4(row.fields[0]);
    pg_params_reset(&self->params);
    pg_params_sql(&self->params, "INSERT INTO total VALUES ($%d::int, 0, 0, 0) ON CONFLICT (slot) DO NOTHING",
                  pg_params_int4(&self->params, schema->slot));
    return pg_link_run(self->link, &self->params, 0, NULL, error);
}

static pbus_status_t s_use(s_state_t *self, bool writer, pg_schema_t *schema, pbus_error_t *error)
{
    pbus_status_t status = pg_link_script(self->link, s_settings, error);
    if (status == PBUS_OK)
        status = s_run_with_name(self, "SET search_path TO", error);
    if (status == PBUS_OK)
        status = s_look(self, error);
    if (status == PBUS_OK && writer && self->version < VERSION)
        status = s_make(self, error);
    if (status == PBUS_OK && self->version < VERSION)
        status = pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s: schema %s is not ready yet",
                           pg_link_where(self->link), self->name);
    if (status == PBUS_OK)
        status = s_identify(self, schema, error);
    if (status == PBUS_OK && writer)
        status = s_rely_on_shapes(self, error);
    if (status == PBUS_OK && writer)
        status = s_take_slot(self, schema, error);
    return status;
}

pbus_status_t pg_schema_use(pg_link_t *link, const char *name, bool writer, pg_schema_t *schema,
                            pbus_error_t *error)
{
    s_state_t state = {.name = name, .link = link};
    *schema = (pg_schema_t){0};
    pbus_status_t status = s_use(&state, writer, schema, error);
    pg_params_clear(&state.params);
    pg_rows_clear(&state.rows);
    return status;
}
