#include "writer.h"

#include "row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A call of the script holds up Redis for about 6 us an event. */
#define CALL_EVENTS 200
#define CALL_BYTES (256 * 1024)
#define KEEP_MAX (1024 * 1024) /* bytes of a buffer that are kept for the next batch */
#define MARK_DIGITS 20
/* Tries to agree with other workers on the numbers of series; each that fails means that one of them got on.
 */
#define TRIES 1000

/* Some of the batch's writes, next to each other. */
typedef struct {
    command_t command;
    size_t first, count;
} call_t;

struct writer {
    store_t *store;
    pbus_decoder_t *decoder;
    row_bytes_t bytes;
    call_t *calls; /* those beyond call_count are kept for their memory */
    size_t call_count, call_capacity;
};

writer_t *writer_new(store_t *store)
{
    writer_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->decoder = pbus_decoder_new();
    if (!self->decoder)
        writer_destroy(&self);
    return self;
}

void writer_destroy(writer_t **self_p)
{
    writer_t *self = *self_p;
    if (!self)
        return;
    pbus_decoder_destroy(&self->decoder);
    row_bytes_clear(&self->bytes);
    for (size_t i = 0; i < self->call_capacity; i++)
        command_clear(&self->calls[i].command);
    free(self->calls);
    free(self);
    *self_p = NULL;
}

/* Gives back the memory of unusually large events. */
static void s_shrink(writer_t *self)
{
    for (size_t i = 0; i < self->call_capacity; i++)
        if (self->calls[i].command.text.capacity > KEEP_MAX)
            command_clear(&self->calls[i].command);
    if (self->bytes.blob.capacity > KEEP_MAX || self->bytes.body.capacity > KEEP_MAX)
        row_bytes_clear(&self->bytes);
}

static pbus_status_t s_fail_memory(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "out of memory while writing a batch");
}

/* ---- building the calls ----------------------------------------------------------------------------------
 */

static uint64_t s_mark(const pbus_write_t *writes, size_t count)
{
    uint64_t mark = 0;
    for (size_t i = 0; i < count; i++)
        mark = writes[i].accept > mark ? writes[i].accept : mark;
    return mark;
}

static call_t *s_new_call(writer_t *self)
{
    if (self->call_count == self->call_capacity) {
        size_t capacity = self->call_capacity + 8;
        call_t *calls = realloc(self->calls, capacity * sizeof *calls);
        if (!calls)
            return NULL;
        for (size_t i = self->call_capacity; i < capacity; i++)
            calls[i] = (call_t){0};
        self->calls = calls;
        self->call_capacity = capacity;
    }
    return &self->calls[self->call_count++];
}

static void s_add_delete(writer_t *self, command_t *command, const pbus_write_t *write)
{
    command_add_key(command, keys_event(store_keys(self->store), &write->id));
    command_add(command, NULL, 0);
}

static void s_add_row(writer_t *self, command_t *command, const pbus_event_t *event,
                      const pbus_series_t *series)
{
    const keys_t *keys = store_keys(self->store);
    const row_bytes_t *bytes = &self->bytes;
    uint8_t member[MEMBER_SIZE];
    member_write(&(entry_t){event->origin, event->id, series->number}, member);
    command_add_key(command, keys_event(keys, &event->id));
    command_add(command, bytes->blob.data, bytes->blob.size);
    command_add(command, member, sizeof member);
    command_add_key(command, keys_series(keys, series->number));
    if (bytes->body.size > 0)
        command_add(command, bytes->body.data, bytes->body.size);
}

static pbus_status_t s_add_event(writer_t *self, command_t *command, const pbus_write_t *write,
                                 pbus_error_t *error)
{
    const pbus_series_t *series;
    const pbus_event_t *event = pbus_decoder_event(self->decoder, write->data, write->size);
    if (!event)
        return pbus_fail(error, PBUS_INVALID, "an event of %zu bytes is malformed", write->size);
    pbus_status_t status = store_assign(self->store, event, &series, error);
    pbus_str_t data = {write->data, write->size};
    if (status == PBUS_OK)
        status = row_encode(&self->bytes, event, data, write->accept, series, error);
    if (status == PBUS_OK)
        s_add_row(self, command, event, series);
    return status;
}

static void s_end_call(call_t *call, const pbus_write_t *writes)
{
    char mark[MARK_DIGITS + 1];
    snprintf(mark, sizeof mark, "%0*" PRIu64, MARK_DIGITS, s_mark(writes + call->first, call->count));
    command_add_text(&call->command, mark);
}

/* Puts as many of the writes into a call as are good for one. */
static pbus_status_t s_build_call(writer_t *self, const pbus_write_t *writes, size_t first, size_t count,
                                  pbus_error_t *error)
{
    call_t *call = s_new_call(self);
    if (!call)
        return s_fail_memory(error);
    count = count - first < CALL_EVENTS ? count - first : CALL_EVENTS;
    store_begin_script(self->store, &call->command, SCRIPT_WRITE);
    call->first = first;
    pbus_status_t status = PBUS_OK;
    for (call->count = 0; status == PBUS_OK && call->count < count; call->count++) {
        const pbus_write_t *write = &writes[first + call->count];
        if (call->count > 0 && call->command.text.size + write->size > CALL_BYTES)
            break;
        if (write->op == PBUS_DELETE)
            s_add_delete(self, &call->command, write);
        else
            status = s_add_event(self, &call->command, write, error);
    }
    s_end_call(call, writes);
    return status;
}

static pbus_status_t s_build(writer_t *self, const pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    self->call_count = 0;
    for (size_t first = 0; first < count && status == PBUS_OK;) {
        status = s_build_call(self, writes, first, count, error);
        if (status == PBUS_OK)
            first += self->calls[self->call_count - 1].count;
    }
    return status;
}

/* Builds the calls, and sees to it that the catalogue in Redis has the series that they name. */
static pbus_status_t s_prepare(writer_t *self, const pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    for (int i = 0; i < TRIES; i++) {
        bool published = false;
        pbus_status_t status = s_build(self, writes, count, error);
        if (status == PBUS_OK)
            status = store_publish(self->store, &published, error);
        if (status != PBUS_OK || published)
            return status;
    }
    return pbus_fail(error, PBUS_UNAVAILABLE, "%s: other workers add series all the time",
                     connection_where(store_connection(self->store)));
}

/* ---- sending them ----------------------------------------------------------------------------------------
 */

static pbus_status_t s_take_refused(const call_t *call, const redisReply *reply, pbus_write_t *writes,
                                    pbus_error_t *error)
{
    static const pbus_status_t known[] = {PBUS_OK, PBUS_CONFLICT, PBUS_NOT_FOUND};
    for (size_t i = 0; i < call->count; i++)
        writes[call->first + i].status = PBUS_OK;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        long long place = reply->element[i]->integer, code = reply->element[i + 1]->integer;
        if (place < 0 || place >= (long long) call->count || code < 0 || code > 2)
            return pbus_fail(error, PBUS_INTERNAL,
                             "the script for writes gave an answer that it cannot give");
        writes[call->first + (size_t) place].status = known[code];
    }
    return PBUS_OK;
}

static pbus_status_t s_take(writer_t *self, const call_t *call, pbus_write_t *writes, pbus_error_t *error)
{
    redisReply *reply;
    pbus_status_t status = connection_receive(store_connection(self->store), 0, &reply, error);
    if (status != PBUS_OK)
        return status;
    status = reply->type == REDIS_REPLY_ARRAY ? s_take_refused(call, reply, writes, error)
                                              : store_fail_other(self->store, error);
    freeReplyObject(reply);
    return status;
}

/* After a failure the other calls are on their way all the same: the batch will be sent again. */
static pbus_status_t s_send(writer_t *self, pbus_write_t *writes, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (size_t i = 0; i < self->call_count && status == PBUS_OK; i++)
        status = connection_send(store_connection(self->store), &self->calls[i].command, error);
    for (size_t i = 0; i < self->call_count && status == PBUS_OK; i++)
        status = s_take(self, &self->calls[i], writes, error);
    return status;
}

static pbus_status_t s_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pbus_status_t status = s_prepare(self, writes, count, error);
    if (status == PBUS_OK)
        status = s_send(self, writes, error);
    if (status == PBUS_OK)
        store_raise_mark(self->store, s_mark(writes, count));
    return status;
}

pbus_status_t writer_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    pbus_status_t status = store_begin(self->store, 0, error);
    if (status == PBUS_OK)
        status = store_end(self->store, s_write(self, writes, count, error));
    s_shrink(self);
    return status;
}
