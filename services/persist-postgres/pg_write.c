/*
 * Write: a batch in one transaction.
 *
 * All events of a batch go to the server in one statement, as one array of rows, which also counts them and
 * raises the applied mark; so an ordinary batch of adds is one message, one transaction, one flush of the
 * log. Measured with 1-reading events on PostgreSQL 15, batches of 1, 30, 100, 1000, in the same minutes:
 * this way 4,200, 56,000, 76,000, 74,000 events/s; one prepared INSERT an event in pipeline mode, without
 * counters, 7,500, 61,000, 72,000, 64,000; a lookup, COPY and counters 3,000, 32,000, 81,000, 135,000. COPY
 * stops at the first id that is known, so this way would be needed besides, and live batches are small.
 *
 * Writes of different ids do not depend on each other. So a batch is done in rounds: the first writes to each
 * id, then the second ones to those that have more, and so on; there is nearly always one. Within a round ids
 * are sorted, so that workers that write the same ids do not wait for each other in a circle; where they do
 * in spite of it (across rounds), the server ends one of the transactions, which is then run again.
 */
#include "pg_store.h"

#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 5

/* A write and its place among all to the same id. */
typedef struct {
    pbus_write_t *write;
    size_t place; /* in the batch; orders writes to one id */
    size_t round;
    bool found; /* adds: stored, or compared with what is stored */
} s_item_t;

typedef struct {
    pg_store_t *store;
    s_item_t *items; /* by (round, op, id) */
    size_t count;
    uint64_t mark;
    bool own; /* some event has readings with origins of their own */
} s_batch_t;

/* ---- order -------------------------------------------------------------------------------------------- */

static int s_compare_ids(const s_item_t *a, const s_item_t *b)
{
    return memcmp(&a->write->id, &b->write->id, sizeof a->write->id);
}

static int s_compare_places(const void *a, const void *b)
{
    const s_item_t *one = a, *other = b;
    int order = s_compare_ids(one, other);
    return order ? order : (one->place > other->place) - (one->place < other->place);
}

static int s_compare_rounds(const void *a, const void *b)
{
    const s_item_t *one = a, *other = b;
    if (one->round != other->round)
        return one->round < other->round ? -1 : 1;
    if (one->write->op != other->write->op)
        return one->write->op < other->write->op ? -1 : 1;
    return s_compare_ids(one, other);
}

static void s_sort(s_batch_t *batch)
{
    bool one_round = true;
    qsort(batch->items, batch->count, sizeof *batch->items, s_compare_places);
    for (size_t i = 1; i < batch->count; i++)
        if (s_compare_ids(&batch->items[i - 1], &batch->items[i]) == 0) {
            batch->items[i].round = batch->items[i - 1].round + 1;
            one_round = false;
        }
    for (size_t i = 1; one_round && i < batch->count; i++)
        one_round = batch->items[i].write->op == batch->items[0].write->op;
    if (!one_round)
        qsort(batch->items, batch->count, sizeof *batch->items, s_compare_rounds);
}

/* ---- adding ------------------------------------------------------------------------------------------- */

static const pbus_event_t *s_decode(const s_batch_t *batch, const s_item_t *item)
{
    return pbus_decoder_event(batch->store->decoder, item->write->data, item->write->size);
}

/* Sees to it that the shape of every event has its number. */
static pbus_status_t s_enrol(s_batch_t *batch, pbus_error_t *error)
{
    pg_shapes_t *shapes = batch->store->shapes;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].write->op != PBUS_ADD)
            continue;
        const pbus_event_t *event = s_decode(batch, &batch->items[i]);
        if (!event)
            return pbus_fail(error, PBUS_INVALID, "write %zu of the batch holds no event",
                             batch->items[i].place);
        batch->own = batch->own || pg_shape_is_own(event);
        if (!pg_shapes_find(shapes, event))
            pg_shapes_want(shapes, event);
    }
    return pg_shapes_enrol(shapes, batch->store->link, error);
}

/* The parameter that holds the events: an array of rows. */
static int s_put_events(s_batch_t *batch, const s_item_t *items, size_t count)
{
    pg_store_t *store = batch->store;
    pbus_buf_t *data = &store->params.data;
    pg_put_array(data, store->schema.new_event, count);
    for (size_t i = 0; i < count; i++) {
        const pbus_event_t *event = s_decode(batch, &items[i]);
        if (event)
            pg_events_put(store->events, data, event, items[i].write->accept,
                          pg_shapes_find(store->shapes, event));
        else
            data->failed = true; /* has been decoded before, so memory must be out */
    }
    return pg_params_done(&store->params);
}

/*
 * Inserts those whose ids are new, and gives back their ids. The type of the rows belongs to one store, as do
 * the numbers of shapes in them: should the schema have been made anew meanwhile, the server refuses them.
 */
static pbus_status_t s_insert(s_batch_t *batch, const s_item_t *items, size_t count, pbus_error_t *error)
{
    pg_store_t *store = batch->store;
    pg_params_t *params = &store->params;
    pg_store_sql(store, "WITH changed AS (INSERT INTO stored_event");
    pg_params_sql(params,
                  " SELECT * FROM unnest($%d::new_event[])"
                  " ON CONFLICT (id) DO NOTHING RETURNING id, shape, origins)",
                  s_put_events(batch, items, count));
    if (batch->own)
        pg_params_sql(
            params,
            ", owned AS (INSERT INTO own_origin (shape, k, origin, id)"
            " SELECT c.shape, k, c.origins[k], c.id FROM changed c, generate_subscripts(c.origins, 1) AS k)");
    pg_sql_counters(params, store->schema.slot, true, batch->mark);
    pg_params_sql(params, " SELECT id FROM changed");
    return pg_store_run(store, 0, error);
}

static s_item_t *s_find(s_item_t *items, size_t count, pbus_str_t id)
{
    pbus_write_t write = {.op = PBUS_ADD};
    s_item_t key = {.write = &write};
    if (!pg_field_uuid(id, &write.id))
        return NULL;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = s_compare_ids(&items[middle], &key);
        if (order == 0)
            return &items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static size_t s_note_added(s_batch_t *batch, s_item_t *items, size_t count)
{
    size_t added = 0;
    pg_row_t row = pg_row_first();
    while (pg_rows_next(&batch->store->rows, &row)) {
        s_item_t *item = s_find(items, count, row.fields[0]);
        if (!item)
            continue;
        item->found = true;
        item->write->status = PBUS_OK;
        added++;
    }
    return added;
}

/* For those that were not new: is what is stored the same write? */
static pbus_status_t s_compare(s_batch_t *batch, s_item_t *items, size_t count, size_t *compared,
                               pbus_error_t *error)
{
    pg_store_t *store = batch->store;
    size_t unknown = 0;
    pg_store_sql(store, "SELECT id, accept FROM stored_event WHERE id = ANY");
    for (size_t i = 0; i < count; i++)
        unknown += !items[i].found;
    pg_put_array(&store->params.data, PG_OID_UUID, unknown);
    for (size_t i = 0; i < count; i++)
        if (!items[i].found)
            pg_put_item(&store->params.data, &items[i].write->id, sizeof items[i].write->id);
    pg_params_sql(&store->params, " ($%d::uuid[])", pg_params_done(&store->params));
    pbus_status_t status = pg_store_run(store, 0, error);
    pg_row_t row = pg_row_first();
    *compared = 0;
    while (status == PBUS_OK && pg_rows_next(&store->rows, &row)) {
        s_item_t *item = s_find(items, count, row.fields[0]);
        if (!item)
            continue;
        item->found = true;
        item->write->status =
            (uint64_t) pg_field_int8(row.fields[1]) == item->write->accept ? PBUS_OK : PBUS_CONFLICT;
        ++*compared;
    }
    return status;
}

/* Moves what is not done yet to the front, keeping its order; returns how many. */
static size_t s_left(s_item_t *items, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!items[i].found) {
            s_item_t item = items[i];
            items[i] = items[left];
            items[left++] = item;
        }
    return left;
}

/* An event that was there when it was to be inserted may be gone when it is looked for: then once more. */
static pbus_status_t s_add(s_batch_t *batch, s_item_t *items, size_t count, pbus_error_t *error)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        size_t compared;
        pbus_status_t status = s_insert(batch, items, count, error);
        if (status != PBUS_OK)
            return status;
        if (s_note_added(batch, items, count) == count)
            return PBUS_OK;
        status = s_compare(batch, items, count, &compared, error);
        if (status != PBUS_OK)
            return status;
        count = s_left(items, count);
        if (count == 0)
            return PBUS_OK;
    }
    return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s: events come and go under this batch",
                     pg_link_where(batch->store->link));
}

/* ---- deleting ----------------------------------------------------------------------------------------- */

static pbus_status_t s_delete(s_batch_t *batch, s_item_t *items, size_t count, pbus_error_t *error)
{
    pg_store_t *store = batch->store;
    pg_params_t *params = &store->params;
    pg_store_sql(store, "WITH changed AS (DELETE FROM stored_event WHERE id = ANY");
    pg_put_array(&params->data, PG_OID_UUID, count);
    for (size_t i = 0; i < count; i++)
        pg_put_item(&params->data, &items[i].write->id, sizeof items[i].write->id);
    pg_params_sql(params, " ($%d::uuid[]) RETURNING id, shape, origins)", pg_params_done(params));
    pg_params_sql(params, "%s", pg_sql_forget_origins);
    pg_sql_counters(params, store->schema.slot, false, batch->mark);
    pg_params_sql(params, " SELECT id FROM changed");
    pbus_status_t status = pg_store_run(store, 0, error);
    for (size_t i = 0; i < count; i++)
        items[i].write->status = PBUS_NOT_FOUND;
    if (status == PBUS_OK)
        s_note_added(batch, items, count);
    return status;
}

/* ---- the batch ---------------------------------------------------------------------------------------- */

/* How many items from `start` on are of one round and one operation. */
static size_t s_run_length(const s_batch_t *batch, size_t start)
{
    const s_item_t *first = &batch->items[start];
    size_t end = start;
    while (end < batch->count && batch->items[end].round == first->round &&
           batch->items[end].write->op == first->write->op)
        end++;
    return end - start;
}

static pbus_status_t s_apply_run(s_batch_t *batch, size_t start, size_t count, pbus_error_t *error)
{
    s_item_t *items = batch->items + start;
    return items->write->op == PBUS_ADD ? s_add(batch, items, count, error)
                                        : s_delete(batch, items, count, error);
}

/* One statement is a transaction by itself, several need one around them. */
static pbus_status_t s_apply(s_batch_t *batch, pbus_error_t *error)
{
    pg_link_t *link = batch->store->link;
    size_t length = s_run_length(batch, 0);
    if (length == batch->count)
        return s_apply_run(batch, 0, length, error);
    pbus_status_t status = pg_link_begin(link, error);
    if (status != PBUS_OK)
        return status;
    for (size_t i = 0; status == PBUS_OK && i < batch->count; i += length) {
        length = s_run_length(batch, i);
        status = s_apply_run(batch, i, length, error);
    }
    return pg_link_end(link, status, error);
}

static pbus_status_t s_make_items(s_batch_t *batch, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pbus_buf_t *scratch = &batch->store->scratch;
    pbus_buf_reset(scratch);
    batch->items = (void *) pbus_buf_reserve(scratch, count * sizeof *batch->items);
    if (!batch->items)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for a batch of %zu writes", count);
    batch->count = count;
    for (size_t i = 0; i < count; i++) {
        batch->items[i] = (s_item_t){.write = &writes[i], .place = i};
        if (writes[i].accept > batch->mark)
            batch->mark = writes[i].accept;
    }
    s_sort(batch);
    return PBUS_OK;
}

static pbus_status_t s_try(pg_store_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    s_batch_t batch = {.store = self};
    pbus_status_t status = pg_store_ready(self, error);
    if (status == PBUS_OK)
        status = s_make_items(&batch, writes, count, error);
    if (status == PBUS_OK)
        status = s_enrol(&batch, error);
    return status == PBUS_OK ? s_apply(&batch, error) : status;
}

/*
 * Tables that are gone show as gone, but types that are gone as an inner fault of the server. It is no fault
 * of the events then.
 */
static pbus_status_t s_explain(pg_store_t *self, pbus_error_t *error)
{
    pbus_health_t health;
    pbus_error_t reason;
    if (pg_store_health(self, &health, &reason) == PBUS_OK)
        return error->status;
    *error = reason;
    return reason.status;
}

pbus_status_t pg_store_write(void *handle, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pg_store_t *self = handle;
    if (count == 0)
        return PBUS_OK;
    pbus_status_t status = s_try(self, writes, count, error);
    for (int i = 1; i < ATTEMPTS && status != PBUS_OK && pg_link_was_crossed(self->link); i++)
        status = s_try(self, writes, count, error);
    return status == PBUS_INTERNAL ? s_explain(self, error) : status;
}
