/*
 * A step reads entries of one sorted set, then the heads of their events, and then deletes those that pass by
 * the script, which looks again whether each is still the event whose head was read. Entries whose event is
 * gone (somebody else deleted it in between, or deleted its key by hand) are taken out on the way.
 */
#include "purger.h"

#include "cursor.h"
#include "row.h"

#include <stdlib.h>
#include <string.h>

#define CALL_EVENTS 200 /* in one call of the script; some 1 ms of Redis' time */
#define READ_MAX 1000   /* entries read at a time */
#define LOOK_MAX 10000  /* events that stay, looked at in one step */
#define ACCEPT_AT 8     /* in a blob */
#define ACCEPT_SIZE 8

struct purger {
    store_t *store;
    pbus_plan_t plan;
    command_t calls;
    /* How far the last step came, if it did not come to the end: */
    bool started;
    pbus_buf_t filter; /* what it was for */
    int64_t key;       /* of the source */
    entry_t place;
};

purger_t *purger_new(store_t *store)
{
    purger_t *self = calloc(1, sizeof *self);
    if (self)
        self->store = store;
    return self;
}

void purger_destroy(purger_t **self_p)
{
    purger_t *self = *self_p;
    if (!self)
        return;
    pbus_buf_clear(&self->filter);
    pbus_plan_clear(&self->plan);
    command_clear(&self->calls);
    free(self);
    *self_p = NULL;
}

/* ---- where it was ----------------------------------------------------------------------------------------
 */

/* Everything that a purge's filter can say, as bytes to compare. */
static void s_describe(const pbus_filter_t *filter, pbus_buf_t *out)
{
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
    self->started &= s_same(&wanted, &self->filter);
    pbus_buf_clear(&self->filter);
    self->filter = wanted;
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
    const pbus_source_t *source;
    uint64_t deleted;
    uint32_t limit;
    uint32_t looks;
    bool full; /* the step has done enough */
} step_t;

/* Entries of the source, read together, and the heads of their events. */
typedef struct {
    cursor_t cursor;
    const entry_t *entries; /* the cursor's */
    redisReply **heads;
    size_t count;
} batch_t;

static void s_batch_clear(batch_t *self)
{
    for (size_t i = 0; self->heads && i < self->count; i++)
        if (self->heads[i])
            freeReplyObject(self->heads[i]);
    free(self->heads);
    cursor_clear(&self->cursor);
}

static pbus_status_t s_read_entries(purger_t *self, const step_t *step, batch_t *batch, pbus_error_t *error)
{
    uint64_t left = step->limit - step->deleted;
    batch->cursor = cursor(step->source, CURSOR_UP, (uint32_t) (left < READ_MAX ? left : READ_MAX));
    if (self->started && self->key == s_key(step->source))
        cursor_begin_at(&batch->cursor, range_beside(&self->place));
    pbus_status_t status = cursor_ask(&batch->cursor, self->store, error);
    if (status == PBUS_OK)
        status = cursor_take(&batch->cursor, self->store, error);
    batch->entries = cursor_peek(&batch->cursor);
    batch->count = status == PBUS_OK ? batch->cursor.count : 0;
    return status;
}

static pbus_status_t s_read_heads(purger_t *self, batch_t *batch, pbus_error_t *error)
{
    command_t *command = store_command(self->store);
    pbus_status_t status = PBUS_OK;
    batch->heads = calloc(batch->count + 1, sizeof *batch->heads);
    if (!batch->heads)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while purging");
    for (size_t i = 0; i < batch->count && status == PBUS_OK; i++) {
        command_begin(command, "GETRANGE");
        command_add_key(command, keys_event(store_keys(self->store), &batch->entries[i].id));
        command_add_number(command, 0);
        command_add_number(command, ROW_HEAD - 1);
        status = connection_send(store_connection(self->store), command, error);
    }
    for (size_t i = 0; i < batch->count && status == PBUS_OK; i++)
        status =
            connection_receive(store_connection(self->store), REDIS_REPLY_STRING, &batch->heads[i], error);
    return status;
}

/* Whether the entry is to go: its event passes the filter, or is gone. */
static bool s_goes(const step_t *step, const entry_t *entry, const redisReply *reply)
{
    row_head_t head;
    if (!row_read_head(reply->str, reply->len, &head))
        return true;
    bool same = head.origin == entry->origin && head.series == entry->series;
    return same && head.accept <= step->filter->accept_max;
}

static void s_add_victim(purger_t *self, const step_t *step, const entry_t *entry, const redisReply *head)
{
    uint8_t member[MEMBER_SIZE];
    const keys_t *keys = store_keys(self->store);
    bool is_there = head->len >= ROW_HEAD;
    member_write(entry, member);
    command_add_key(&self->calls, keys_event(keys, &entry->id));
    command_add(&self->calls, head->str + (is_there ? ACCEPT_AT : 0), is_there ? ACCEPT_SIZE : 0);
    command_add(&self->calls, member, sizeof member);
    command_add_key(&self->calls, keys_series(keys, entry->series));
    command_add_key(&self->calls, keys_class(keys, step->source->class));
}

static pbus_status_t s_send_call(purger_t *self, size_t *calls, pbus_error_t *error)
{
    ++*calls;
    return connection_send(store_connection(self->store), &self->calls, error);
}

/* Sends the calls that delete what goes; *calls: how many. */
static pbus_status_t s_send(purger_t *self, step_t *step, const batch_t *batch, size_t *calls,
                            pbus_error_t *error)
{
    size_t victims = 0;
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < batch->count && status == PBUS_OK; i++) {
        if (!s_goes(step, &batch->entries[i], batch->heads[i])) {
            step->looks++;
            continue;
        }
        if (victims % CALL_EVENTS == 0)
            store_begin_script(self->store, &self->calls, SCRIPT_PURGE);
        s_add_victim(self, step, &batch->entries[i], batch->heads[i]);
        if (++victims % CALL_EVENTS == 0)
            status = s_send_call(self, calls, error);
    }
    if (status == PBUS_OK && victims % CALL_EVENTS != 0)
        status = s_send_call(self, calls, error);
    return status;
}

static pbus_status_t s_take(purger_t *self, step_t *step, size_t calls, pbus_error_t *error)
{
    for (size_t i = 0; i < calls; i++) {
        redisReply *reply;
        pbus_status_t status =
            connection_receive(store_connection(self->store), REDIS_REPLY_INTEGER, &reply, error);
        if (status != PBUS_OK)
            return status;
        long long deleted = reply->integer;
        freeReplyObject(reply);
        if (deleted == SCRIPT_OTHER_STORE)
            return store_fail_other(self->store, error);
        step->deleted += (uint64_t) deleted;
    }
    return PBUS_OK;
}

static pbus_status_t s_purge_batch(purger_t *self, step_t *step, batch_t *batch, pbus_error_t *error)
{
    size_t calls = 0;
    pbus_status_t status = s_read_entries(self, step, batch, error);
    if (status != PBUS_OK || batch->count == 0)
        return status;
    status = s_read_heads(self, batch, error);
    if (status == PBUS_OK)
        status = s_send(self, step, batch, &calls, error);
    if (status == PBUS_OK)
        status = s_take(self, step, calls, error);
    self->key = s_key(step->source);
    self->place = batch->entries[batch->count - 1];
    self->started = true;
    return status;
}

static pbus_status_t s_purge_source(purger_t *self, step_t *step, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (bool more = true; more && status == PBUS_OK && !step->full;) {
        batch_t batch = {0};
        status = s_purge_batch(self, step, &batch, error);
        more = !batch.cursor.ended;
        step->full = step->deleted >= step->limit || step->looks >= LOOK_MAX;
        s_batch_clear(&batch);
    }
    return status;
}

static pbus_status_t s_purge(purger_t *self, step_t *step, pbus_error_t *error)
{
    pbus_status_t status = store_sync(self->store, error);
    pbus_plan_clear(&self->plan);
    if (status == PBUS_OK)
        status = pbus_plan_events(&self->plan, store_catalogue(self->store), step->filter, error);
    if (self->plan.count > 1)
        qsort(self->plan.sources, self->plan.count, sizeof *self->plan.sources, s_by_key);
    for (size_t i = 0; i < self->plan.count && status == PBUS_OK && !step->full; i++) {
        step->source = &self->plan.sources[i];
        if (!self->started || s_key(step->source) >= self->key)
            status = s_purge_source(self, step, error);
    }
    return status;
}

pbus_status_t purger_step(purger_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                          bool *more, pbus_error_t *error)
{
    step_t step = {.filter = filter, .limit = limit};
    pbus_status_t status = store_begin(self->store, 0, error);
    if (status != PBUS_OK)
        return status;
    s_resume(self, filter);
    status = store_end(self->store, s_purge(self, &step, error));
    *deleted = step.deleted;
    *more = step.full;
    self->started = status == PBUS_OK && step.full;
    return status;
}
