#include "purger.h"

#include "cursor.h"
#include "eraser.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MAX 4096 /* events that stay, looked at in one step; some 5 ms */

struct purger {
    store_t *store;
    tally_t *tally;
    pbus_plan_t plan;
    /* How far the last step came, if it did not come to the end: */
    bool started;
    pbus_buf_t filter; /* what it was for */
    int64_t key;       /* of the source */
    pbus_cursor_t place;
};

purger_t *purger_new(store_t *store)
{
    purger_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->tally = tally_new();
    if (!self->tally)
        purger_destroy(&self);
    return self;
}

void purger_destroy(purger_t **self_p)
{
    purger_t *self = *self_p;
    if (!self)
        return;
    tally_destroy(&self->tally);
    pbus_buf_clear(&self->filter);
    pbus_plan_clear(&self->plan);
    free(self);
    *self_p = NULL;
}

/* ---- where it was ----------------------------------------------------------------------------------------
 */

/* Everything that a purge's filter can say, as bytes to compare. */
static void s_describe(const pbus_filter_t *filter, pbus_buf_t *out)
{
    pbus_buf_reset(out);
    pbus_buf_append(out, &filter->origin_min, sizeof filter->origin_min);
    pbus_buf_append(out, &filter->origin_max, sizeof filter->origin_max);
    pbus_buf_append(out, &filter->accept_max, sizeof filter->accept_max);
    pbus_buf_append(out, &filter->device.size, sizeof filter->device.size);
    pbus_buf_append(out, filter->device.data, filter->device.size);
    pbus_buf_append(out, filter->source.data, filter->source.size);
}

static bool s_same(const pbus_buf_t *a, const pbus_buf_t *b)
{
    return !a->failed && !b->failed && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Forgets the place if this is another purge than that of the last step. */
static void s_resume(purger_t *self, const pbus_filter_t *filter)
{
    pbus_buf_t wanted = {0};
    s_describe(filter, &wanted);
    if (self->started && s_same(&wanted, &self->filter)) {
        pbus_buf_clear(&wanted);
        return;
    }
    pbus_buf_clear(&self->filter);
    self->filter = wanted;
    self->started = false;
}

static int64_t s_key(const pbus_source_t *source)
{
    return source->series ? source->series->number : source->class;
}

static int s_by_key(const void *a, const void *b)
{
    int64_t left = s_key(a), right = s_key(b);
    return (left > right) - (left < right);
}

/* ---- a step ----------------------------------------------------------------------------------------------
 */

typedef struct {
    const pbus_filter_t *filter;
    uint64_t deleted;
    uint32_t limit;
    uint32_t looks;
    bool full; /* the step has done enough */
} step_t;

static pbus_status_t s_read_accept(store_t *store, int64_t row, uint64_t *accept, pbus_error_t *error)
{
    bool found;
    sqlite3_stmt *statement = database_statement(store_database(store), SQL_EVENT_ACCEPT, error);
    if (!statement)
        return error->status;
    sqlite3_bind_int64(statement, 1, row);
    pbus_status_t status = database_step(store_database(store), statement, &found, error);
    if (status == PBUS_OK)
        *accept = found ? (uint64_t) sqlite3_column_int64(statement, 0) : UINT64_MAX;
    database_done(statement);
    return status;
}

static pbus_status_t s_delete(purger_t *self, step_t *step, const entry_t *entry, pbus_error_t *error)
{
    victim_t victim = {entry->row, pbus_catalogue_series(store_catalogue(self->store), entry->series)};
    if (!victim.series)
        return pbus_fail(
            error, PBUS_INTERNAL,
            "row %lld of the events names an unknown series: run PRAGMA integrity_check with the "
            "sqlite3 shell",
            (long long) entry->row);
    step->deleted++;
    return eraser_delete(self->store, self->tally, victim, error);
}

static pbus_status_t s_look_at(purger_t *self, step_t *step, const entry_t *entry, pbus_error_t *error)
{
    uint64_t accept = 0;
    pbus_status_t status = PBUS_OK;
    if (step->filter->accept_max != UINT64_MAX)
        status = s_read_accept(self->store, entry->row, &accept, error);
    if (status == PBUS_OK && accept <= step->filter->accept_max)
        return s_delete(self, step, entry, error);
    step->looks++;
    return status;
}

static pbus_status_t s_purge_source(purger_t *self, step_t *step, const pbus_source_t *source,
                                    pbus_error_t *error)
{
    const entry_t *entry = NULL;
    cursor_t at = cursor(source, CURSOR_UP, step->limit);
    if (self->started && self->key == s_key(source))
        cursor_begin_behind(&at, self->place.origin, &self->place.id);
    pbus_status_t status;
    for (;;) {
        status = cursor_peek(&at, store_database(self->store), &entry, error);
        if (status != PBUS_OK || !entry)
            break;
        step->full = step->deleted >= step->limit || step->looks >= LOOK_MAX;
        if (step->full)
            break;
        status = s_look_at(self, step, entry, error);
        if (status != PBUS_OK)
            break;
        self->key = s_key(source);
        self->place = (pbus_cursor_t){entry->origin, entry->id};
        self->started = true;
        cursor_next(&at);
    }
    cursor_clear(&at);
    return status;
}

static pbus_status_t s_purge(purger_t *self, step_t *step, pbus_error_t *error)
{
    pbus_plan_clear(&self->plan);
    tally_reset(self->tally);
    pbus_status_t status = pbus_plan_events(&self->plan, store_catalogue(self->store), step->filter, error);
    if (self->plan.count > 1)
        qsort(self->plan.sources, self->plan.count, sizeof *self->plan.sources, s_by_key);
    for (size_t i = 0; i < self->plan.count && status == PBUS_OK && !step->full; i++)
        if (!self->started || s_key(&self->plan.sources[i]) >= self->key)
            status = s_purge_source(self, step, &self->plan.sources[i], error);
    return status == PBUS_OK ? tally_store(self->tally, store_database(self->store), error) : status;
}

pbus_status_t purger_step(purger_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                          bool *more, pbus_error_t *error)
{
    step_t step = {.filter = filter, .limit = limit};
    pbus_status_t status = store_begin_write(self->store, error);
    if (status != PBUS_OK)
        return status;
    s_resume(self, filter);
    status = s_purge(self, &step, error);
    if (status == PBUS_OK)
        status = store_commit(self->store, tally_events(self->tally), tally_readings(self->tally), 0, error);
    else
        store_cancel(self->store, status);
    *deleted = step.deleted;
    *more = step.full;
    self->started = status == PBUS_OK && step.full;
    return status;
}
