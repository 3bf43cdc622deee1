#include "aggregate.h"

#include <persistbus/series/groups.h>

#include "cursor.h"
#include "reader.h"

#include <stdlib.h>

#define RENEW_EVENTS 5000 /* events read in one transaction; some 10 ms */

typedef struct {
    store_t *store;
    const pbus_filter_t *filter;
    pbus_groups_t *groups;
    row_t *row;
    uint64_t events; /* looked at in this transaction */
    bool reading;    /* a transaction is open */
} aggregate_t;

/* ---- reading ---------------------------------------------------------------------------------------------
 */

static pbus_status_t s_take_event(aggregate_t *self, int64_t row, pbus_error_t *error)
{
    pbus_status_t status = reader_event(self->store, row, self->row, error);
    if (status != PBUS_OK)
        return status;
    const pbus_event_t *event = row_event(self->row);
    for (size_t i = 0; i < event->reading_count && status == PBUS_OK; i++)
        if (pbus_filter_reading(self->filter, &event->readings[i]))
            status = pbus_groups_take(self->groups, &event->readings[i], error);
    return status;
}

/*
 * A long transaction would keep the log of a busy writer from starting over. The cursor's place stays one
 * between events that were there before and after, so the aggregate is of all that was there throughout; but
 * entries that it has read ahead do not outlive the transaction.
 */
static pbus_status_t s_renew(aggregate_t *self, const cursor_t *at, pbus_error_t *error)
{
    if (++self->events < RENEW_EVENTS || at->at < at->count)
        return PBUS_OK;
    self->events = 0;
    store_end_read(self->store);
    pbus_status_t status = store_begin_read(self->store, 0, error);
    self->reading = status == PBUS_OK;
    return status;
}

static pbus_status_t s_take_source(aggregate_t *self, const pbus_source_t *source, pbus_error_t *error)
{
    const entry_t *entry = NULL;
    cursor_t at = cursor(source, CURSOR_UP, 256);
    pbus_status_t status;
    do {
        status = cursor_peek(&at, store_database(self->store), &entry, error);
        if (status != PBUS_OK || !entry)
            break;
        status = s_take_event(self, entry->row, error);
        cursor_next(&at);
        if (status == PBUS_OK)
            status = s_renew(self, &at, error);
    } while (status == PBUS_OK);
    cursor_clear(&at);
    return status;
}

static pbus_status_t s_take_all(aggregate_t *self, pbus_error_t *error)
{
    pbus_plan_t plan = {0};
    pbus_status_t status = pbus_plan_readings(&plan, store_catalogue(self->store), self->filter, error);
    for (size_t i = 0; i < plan.count && status == PBUS_OK; i++)
        status = s_take_source(self, &plan.sources[i], error);
    pbus_plan_clear(&plan);
    return status;
}

static pbus_status_t s_run(aggregate_t *self, pbus_result_t *result, pbus_error_t *error)
{
    if (!self->row || !self->groups)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while aggregating");
    pbus_status_t status = store_begin_read(self->store, 0, error);
    if (status != PBUS_OK)
        return status;
    self->reading = true;
    status = s_take_all(self, error);
    if (self->reading)
        store_end_read(self->store);
    return status == PBUS_OK ? pbus_groups_put(self->groups, result, error) : status;
}

pbus_status_t aggregate(store_t *store, const pbus_filter_t *filter, pbus_function_t function,
                        pbus_result_t *result, pbus_error_t *error)
{
    aggregate_t self = {
        .store = store, .filter = filter, .groups = pbus_groups_new(function), .row = row_new()};
    pbus_status_t status = s_run(&self, result, error);
    pbus_groups_destroy(&self.groups);
    row_destroy(&self.row);
    return status;
}
