/*
 * Written events are looked up by signature: the shape's texts in a row, each ended by a NUL, which no text
 * has in it. The table holds the SHA-256 of it as the key, since names have no limit but keys of an index do.
 *
 * Several workers may come with the same new shape at once. Each inserts what it misses, in the order of
 * signatures so that none waits for another in a circle, and then looks who was first.
 */
#include "pg_shapes.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (32u << 20)

/* A signature and its number, 0 while that is wanted. The signature's bytes are in the same piece of memory.
 */
typedef struct {
    pbus_str_t signature;
    int32_t id;
} s_known_t;

struct pg_shapes {
    void *by_signature; /* tree of s_known_t */
    void *by_id;        /* tree of pg_shape_t */
    pbus_buf_t wanted;  /* s_known_t pointers: to be enrolled */
    size_t bytes;       /* remembered, about */
    pbus_buf_t signature;
    pg_params_t params;
    pg_rows_t rows;
};

pg_shapes_t *pg_shapes_new(void)
{
    return calloc(1, sizeof(pg_shapes_t));
}

void pg_shapes_forget(pg_shapes_t *self)
{
    tdestroy(self->by_signature, free);
    tdestroy(self->by_id, free);
    self->by_signature = self->by_id = NULL;
    self->bytes = 0;
    pbus_buf_reset(&self->wanted);
}

void pg_shapes_trim(pg_shapes_t *self)
{
    if (self->bytes > BYTES_MAX)
        pg_shapes_forget(self);
}

void pg_shapes_destroy(pg_shapes_t **self_p)
{
    pg_shapes_t *self = *self_p;
    if (!self)
        return;
    pg_shapes_forget(self);
    pbus_buf_clear(&self->wanted);
    pbus_buf_clear(&self->signature);
    pg_params_clear(&self->params);
    pg_rows_clear(&self->rows);
    free(self);
    *self_p = NULL;
}

bool pg_shape_is_own(const pbus_event_t *event)
{
    for (size_t i = 0; i < event->reading_count; i++)
        if (event->readings[i].origin != event->origin)
            return true;
    return false;
}

/* ---- by signature ------------------------------------------------------------------------------------- */

static void s_sign(pbus_buf_t *out, pbus_str_t text)
{
    pbus_buf_append(out, text.data, text.size);
    pbus_buf_append(out, "", 1);
}

static pbus_str_t s_signature(pg_shapes_t *self, const pbus_event_t *event)
{
    pbus_buf_t *out = &self->signature;
    pbus_buf_reset(out);
    s_sign(out, event->device);
    s_sign(out, event->profile);
    s_sign(out, event->source);
    s_sign(out, pbus_str(pg_shape_is_own(event) ? "t" : "f"));
    for (size_t i = 0; i < event->reading_count; i++) {
        const pbus_reading_t *reading = &event->readings[i];
        s_sign(out, reading->device);
        s_sign(out, reading->profile);
        s_sign(out, reading->resource);
        s_sign(out, pbus_str(pbus_type_name(reading->type)));
        s_sign(out, reading->units);
        s_sign(out, reading->media_type);
    }
    return (pbus_str_t){(const char *) out->data, out->size};
}

static int s_compare_signatures(const void *a, const void *b)
{
    return pbus_str_cmp(((const s_known_t *) a)->signature, ((const s_known_t *) b)->signature);
}

int32_t pg_shapes_find(pg_shapes_t *self, const pbus_event_t *event)
{
    s_known_t key = {.signature = s_signature(self, event)};
    s_known_t **found =
        self->signature.failed ? NULL : tfind(&key, &self->by_signature, s_compare_signatures);
    return found ? (*found)->id : 0;
}

static s_known_t *s_remember(pg_shapes_t *self, pbus_str_t signature)
{
    s_known_t *known = malloc(sizeof *known + signature.size);
    if (!known)
        return NULL;
    char *copy = (char *) (known + 1);
    memcpy(copy, signature.data, signature.size);
    *known = (s_known_t){.signature = {copy, signature.size}};
    if (!tsearch(known, &self->by_signature, s_compare_signatures)) {
        free(known);
        return NULL;
    }
    self->bytes += sizeof *known + signature.size + 64;
    return known;
}

/* Once noted, a signature is in the tree, with number 0. Missing memory is told by enrol. */
void pg_shapes_want(pg_shapes_t *self, const pbus_event_t *event)
{
    s_known_t key = {.signature = s_signature(self, event)};
    if (self->signature.failed || tfind(&key, &self->by_signature, s_compare_signatures))
        return;
    const s_known_t *known = s_remember(self, key.signature);
    if (known)
        pbus_buf_append(&self->wanted, &known, sizeof known);
    else
        self->wanted.failed = true;
}

/* ---- enrolling ---------------------------------------------------------------------------------------- */

static s_known_t **s_wanted(const pg_shapes_t *self, size_t *count)
{
    *count = self->wanted.size / sizeof(s_known_t *);
    return (s_known_t **) (void *) self->wanted.data;
}

static int s_compare_wanted(const void *a, const void *b)
{
    return s_compare_signatures(*(s_known_t *const *) a, *(s_known_t *const *) b);
}

static int s_put_signatures(pg_shapes_t *self)
{
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    pg_put_array(&self->params.data, PG_OID_BYTEA, count);
    for (size_t i = 0; i < count; i++)
        pg_put_item(&self->params.data, wanted[i]->signature.data, wanted[i]->signature.size);
    return pg_params_done(&self->params);
}

static pbus_status_t s_look_up(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error)
{
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    pg_params_reset(&self->params);
    pg_params_sql(&self->params,
                  "SELECT w.n, s.id FROM unnest($%d::bytea[]) WITH ORDINALITY AS w (signature, n)"
                  " JOIN shape s ON s.key = sha256(w.signature)",
                  s_put_signatures(self));
    pg_rows_reset(&self->rows, 0);
    pbus_status_t status = pg_link_run(link, &self->params, 0, &self->rows, error);
    pg_row_t row = pg_row_first();
    while (status == PBUS_OK && pg_rows_next(&self->rows, &row)) {
        int64_t n = pg_field_int8(row.fields[0]);
        if (n >= 1 && (size_t) n <= count)
            wanted[n - 1]->id = pg_field_int4(row.fields[1]);
    }
    return status;
}

/* Takes those off the list that have their number; returns how many are left. */
static size_t s_strike(pg_shapes_t *self)
{
    size_t count, left = 0;
    s_known_t **wanted = s_wanted(self, &count);
    for (size_t i = 0; i < count; i++)
        if (wanted[i]->id == 0)
            wanted[left++] = wanted[i];
    self->wanted.size = left * sizeof *wanted;
    return left;
}

/* The texts of a signature, one a call. */
static pbus_str_t s_next(pbus_str_t *rest)
{
    pbus_str_t text = {rest->data, strnlen(rest->data, rest->size)};
    size_t used = text.size < rest->size ? text.size + 1 : rest->size;
    rest->data += used;
    rest->size -= used;
    return text;
}

enum { EVENT_TEXTS = 4, READING_TEXTS = 6 };

/* One array parameter: the text at `place` of each shape. */
static int s_put_event_texts(pg_shapes_t *self, int place)
{
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    pg_put_array(&self->params.data, PG_OID_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        pbus_str_t rest = wanted[i]->signature, text = s_next(&rest);
        for (int skip = 0; skip < place; skip++)
            text = s_next(&rest);
        pg_put_item(&self->params.data, text.data, text.size);
    }
    return pg_params_done(&self->params);
}

static size_t s_reading_count(pbus_str_t signature)
{
    size_t texts = 0;
    while (signature.size) {
        s_next(&signature);
        texts++;
    }
    return (texts - EVENT_TEXTS) / READING_TEXTS;
}

static size_t s_all_readings(const pg_shapes_t *self)
{
    size_t count, readings = 0;
    s_known_t **wanted = s_wanted(self, &count);
    for (size_t i = 0; i < count; i++)
        readings += s_reading_count(wanted[i]->signature);
    return readings;
}

/* One array parameter: the text at `place` of each reading of each shape. */
static int s_put_reading_texts(pg_shapes_t *self, int place)
{
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    pg_put_array(&self->params.data, PG_OID_TEXT, s_all_readings(self));
    for (size_t i = 0; i < count; i++) {
        pbus_str_t rest = wanted[i]->signature;
        for (int at = -EVENT_TEXTS; rest.size; at++) {
            pbus_str_t text = s_next(&rest);
            if (at >= 0 && at % READING_TEXTS == place)
                pg_put_item(&self->params.data, text.data, text.size);
        }
    }
    return pg_params_done(&self->params);
}

/* One array parameter: for each reading the number of its shape, or its own number in the shape. */
static int s_put_reading_numbers(pg_shapes_t *self, bool of_shape)
{
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    pg_put_array(&self->params.data, PG_OID_INT4, s_all_readings(self));
    for (size_t i = 0; i < count; i++) {
        size_t readings = s_reading_count(wanted[i]->signature);
        for (size_t k = 1; k <= readings; k++)
            pg_put_item_int4(&self->params.data, of_shape ? wanted[i]->id : (int32_t) k);
    }
    return pg_params_done(&self->params);
}

static int s_put_counts(pg_shapes_t *self)
{
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    pg_put_array(&self->params.data, PG_OID_INT4, count);
    for (size_t i = 0; i < count; i++)
        pg_put_item_int4(&self->params.data, (int32_t) s_reading_count(wanted[i]->signature));
    return pg_params_done(&self->params);
}

static pbus_status_t s_insert_shapes(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error)
{
    pg_params_reset(&self->params);
    s_put_signatures(self);
    for (int i = 0; i < EVENT_TEXTS; i++)
        s_put_event_texts(self, i);
    s_put_counts(self);
    pg_params_sql(&self->params, "%s",
                  "INSERT INTO shape (key, device, profile, source, own, readings)"
                  " SELECT sha256(signature), device, profile, source, own = 't', readings"
                  " FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[])"
                  " AS w (signature, device, profile, source, own, readings)"
                  " ON CONFLICT (key) DO NOTHING");
    return pg_link_run(link, &self->params, 0, NULL, error);
}

static pbus_status_t s_insert_readings(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error)
{
    pg_params_reset(&self->params);
    s_put_reading_numbers(self, true);
    s_put_reading_numbers(self, false);
    for (int i = 0; i < READING_TEXTS; i++)
        s_put_reading_texts(self, i);
    pg_params_sql(
        &self->params, "%s",
        "INSERT INTO shape_reading (shape, k, device, profile, resource, type, units, media_type)"
        " SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[],"
        " $7::text[], $8::text[]) ON CONFLICT (shape, k) DO NOTHING");
    return pg_link_run(link, &self->params, 0, NULL, error);
}

static pbus_status_t s_insert(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error)
{
    pbus_status_t status = s_insert_shapes(self, link, error);
    if (status == PBUS_OK)
        status = s_look_up(self, link, error);
    if (status == PBUS_OK)
        status = s_insert_readings(self, link, error);
    return status;
}

static pbus_status_t s_enrol(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error)
{
    pbus_status_t status = s_look_up(self, link, error);
    if (status != PBUS_OK || s_strike(self) == 0)
        return status;
    size_t count;
    s_known_t **wanted = s_wanted(self, &count);
    qsort(wanted, count, sizeof(s_known_t *), s_compare_wanted);
    status = pg_link_begin(link, error);
    if (status == PBUS_OK)
        status = pg_link_end(link, s_insert(self, link, error), error);
    if (status == PBUS_OK && s_strike(self) != 0)
        status = pbus_fail(error, PBUS_UNAVAILABLE,
                           "postgres at %s: a shape that was just stored is not there", pg_link_where(link));
    return status;
}

pbus_status_t pg_shapes_enrol(pg_shapes_t *self, pg_link_t *link, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (self->wanted.failed || self->signature.failed)
        status = pbus_fail(error, PBUS_NOMEM, "out of memory for the shapes of events");
    else if (self->wanted.size)
        status = s_enrol(self, link, error);
    if (status != PBUS_OK)
        pg_shapes_forget(self); /* else signatures without a number would stay */
    return status;
}

/* ---- by number ---------------------------------------------------------------------------------------- */

static int s_compare_ids(const void *a, const void *b)
{
    int32_t one = ((const pg_shape_t *) a)->id, other = ((const pg_shape_t *) b)->id;
    return (one > other) - (one < other);
}

const pg_shape_t *pg_shapes_get(const pg_shapes_t *self, int32_t id)
{
    pg_shape_t key = {.id = id};
    pg_shape_t **found = tfind(&key, &self->by_id, s_compare_ids);
    return found ? *found : NULL;
}

/* Columns of what load reads. */
enum {
    ID,
    OWN,
    DEVICE,
    PROFILE,
    SOURCE,
    R_DEVICE,
    R_PROFILE,
    R_RESOURCE,
    R_TYPE,
    R_UNITS,
    R_MEDIA_TYPE,
    COLUMNS
};

/* How many rows from `row` on are of this shape, and how much text they hold. */
static size_t s_extent(const pg_rows_t *rows, pg_row_t row, int32_t id, size_t *bytes)
{
    size_t count = 0;
    *bytes = 0;
    do {
        if (pg_field_int4(row.fields[ID]) != id)
            break;
        count++;
        for (int i = DEVICE; i < COLUMNS; i++)
            *bytes += row.fields[i].size;
    } while (pg_rows_next(rows, &row));
    return count;
}

static pbus_str_t s_copy(char **to, pbus_str_t text)
{
    pbus_str_t copy = {*to, text.size};
    memcpy(*to, text.data, text.size);
    *to += text.size;
    return copy;
}

static bool s_fill_reading(pbus_reading_t *reading, const pg_row_t *row, char **text)
{
    *reading = (pbus_reading_t){.value = PBUS_STR("")};
    reading->device = s_copy(text, row->fields[R_DEVICE]);
    reading->profile = s_copy(text, row->fields[R_PROFILE]);
    reading->resource = s_copy(text, row->fields[R_RESOURCE]);
    reading->units = s_copy(text, row->fields[R_UNITS]);
    reading->media_type = s_copy(text, row->fields[R_MEDIA_TYPE]);
    return pbus_type_parse(row->fields[R_TYPE], &reading->type);
}

/* Makes one shape of the rows from `row` on, and moves on to the row behind them. NULL when memory is out. */
static pg_shape_t *s_make(const pg_rows_t *rows, pg_row_t *row, bool *more, size_t *bytes)
{
    int32_t id = pg_field_int4(row->fields[ID]);
    size_t text_size, count = s_extent(rows, *row, id, &text_size);
    *bytes = sizeof(pg_shape_t) + count * sizeof(pbus_reading_t) + text_size;
    pg_shape_t *shape = malloc(*bytes);
    if (!shape)
        return NULL;
    pbus_reading_t *readings = (pbus_reading_t *) (shape + 1);
    char *text = (char *) (readings + count);
    *shape = (pg_shape_t){.id = id, .own = pg_field_bool(row->fields[OWN]), .readings = readings};
    shape->device = s_copy(&text, row->fields[DEVICE]);
    shape->profile = s_copy(&text, row->fields[PROFILE]);
    shape->source = s_copy(&text, row->fields[SOURCE]);
    shape->reading_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!s_fill_reading(&readings[i], row, &text))
            shape->reading_count =
                0; /* a type that this version does not know: rows of it count as damaged */
        *more = pg_rows_next(rows, row);
    }
    return shape;
}

static bool s_keep_rows(pg_shapes_t *self)
{
    pg_row_t row = pg_row_first();
    bool more = pg_rows_next(&self->rows, &row);
    while (more) {
        size_t bytes;
        pg_shape_t *shape = s_make(&self->rows, &row, &more, &bytes);
        pg_shape_t **kept = shape ? tsearch(shape, &self->by_id, s_compare_ids) : NULL;
        if (!kept || *kept != shape)
            free(shape);
        if (!kept)
            return false;
        self->bytes += bytes + 64;
    }
    return true;
}

pbus_status_t pg_shapes_load(pg_shapes_t *self, pg_link_t *link, const int32_t *ids, size_t count,
                             int64_t deadline, pbus_error_t *error)
{
    size_t unknown = 0;
    for (size_t i = 0; i < count; i++)
        unknown += pg_shapes_get(self, ids[i]) == NULL;
    if (unknown == 0)
        return PBUS_OK;
    pg_params_reset(&self->params);
    pg_put_array(&self->params.data, PG_OID_INT4, unknown);
    for (size_t i = 0; i < count; i++)
        if (!pg_shapes_get(self, ids[i]))
            pg_put_item_int4(&self->params.data, ids[i]);
    pg_params_sql(
        &self->params,
        "SELECT s.id, s.own, s.device, s.profile, s.source, r.device, r.profile, r.resource, r.type,"
        " r.units, r.media_type FROM shape s JOIN shape_reading r ON r.shape = s.id"
        " WHERE s.id = ANY ($%d::int[]) ORDER BY s.id, r.k",
        pg_params_done(&self->params));
    pg_rows_reset(&self->rows, 0);
    pbus_status_t status = pg_link_run(link, &self->params, deadline, &self->rows, error);
    if (status == PBUS_OK && !s_keep_rows(self))
        status = pbus_fail(error, PBUS_NOMEM, "out of memory for the shapes of events");
    return status;
}
