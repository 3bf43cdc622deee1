/*
 * For tests: a port that stands in for the dispatcher, with two groups in memory that answer by the worker
 * runtime's own code. Everything is done at once, on the thread that submits.
 */
#ifndef CORE_DATA_MIRROR_TESTING_H
#define CORE_DATA_MIRROR_TESTING_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>
#include "../http/test_call.h"
#include "digest.h"
#include "execute.h"
#include "mirror.h"

#define STORED 30000

typedef struct {
    pbus_cursor_t place;
    uint64_t accept;
    uint8_t value; /* of its reading */
} stored_t;

typedef struct {
    const char *name;
    stored_t *events; /* in order */
    size_t count;
    pbus_executor_t *executor;
    pbus_backend_t backend;
    bool away;        /* answers UNAVAILABLE */
    bool old;         /* does not know digests */
    int spoil;        /* of scans: 1 cut off, 2 in reverse, 3 of another kind, 4 digests beyond the window */
    uint8_t *refused; /* an id's last two bytes that adds are INVALID of */
    int scans, digests, repairs;
} group_fake_t;

typedef struct fixture fixture_t;
struct fixture {
    settings_t settings;
    service_t *service;
    pthread_mutex_t lock;
    group_fake_t a, b;
    uint64_t clock; /* accept numbers given */
    uint64_t generation;
    bool stale;   /* a is */
    bool lacking; /* b is STALE */
    int settles, copied;
    uint64_t copied_as; /* generation that COPIED named */
    void (*on_settle)(fixture_t *self);
    void (*on_repair)(fixture_t *self);
};

/* ---- stores ---- */

static inline pbus_cursor_t fake_place(int64_t origin, unsigned number)
{
    pbus_cursor_t place = {.origin = origin};
    place.id.bytes[14] = (uint8_t) (number >> 8);
    place.id.bytes[15] = (uint8_t) number;
    return place;
}

static inline stored_t *fake_find_id(group_fake_t *self, const pbus_uuid_t *id)
{
    for (size_t i = 0; i < self->count; i++)
        if (memcmp(&self->events[i].place.id, id, sizeof *id) == 0)
            return &self->events[i];
    return NULL;
}

static inline void fake_put(group_fake_t *self, stored_t event)
{
    size_t at = self->count;
    assert_true(self->count < STORED);
    while (at > 0 && pbus_cursor_cmp(&self->events[at - 1].place, &event.place) > 0)
        at--;
    memmove(&self->events[at + 1], &self->events[at], (self->count - at) * sizeof *self->events);
    self->events[at] = event;
    self->count++;
}

static inline bool fake_drop_id(group_fake_t *self, const pbus_uuid_t *id)
{
    stored_t *found = fake_find_id(self, id);
    if (!found)
        return false;
    self->count--;
    size_t at = (size_t) (found - self->events);
    memmove(found, found + 1, (self->count - at) * sizeof *self->events);
    return true;
}

static inline stored_t *fake_find(group_fake_t *self, unsigned number)
{
    pbus_cursor_t place = fake_place(0, number);
    return fake_find_id(self, &place.id);
}

static inline bool fake_drop(group_fake_t *self, unsigned number)
{
    pbus_cursor_t place = fake_place(0, number);
    return fake_drop_id(self, &place.id);
}

static inline void fake_encode(const stored_t *stored, pbus_buf_t *out)
{
    char text[4];
    snprintf(text, sizeof text, "%u", stored->value);
    pbus_reading_t reading = test_reading(stored->place.origin);
    reading.value = pbus_str(text);
    pbus_event_t event = {.id = stored->place.id,
                          .origin = stored->place.origin,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = &reading,
                          .reading_count = 1};
    pbus_event_encode(&event, out);
}

static inline pbus_status_t fake_scan(void *handle, int64_t origin_min, int64_t origin_max,
                                      const pbus_cursor_t *after, uint32_t limit, pbus_result_t *result,
                                      pbus_error_t *error)
{
    group_fake_t *self = handle;
    pbus_buf_t encoded = {0};
    (void) error;
    size_t at = 0, end = self->count;
    while (after && at < end) { /* the first behind it */
        size_t middle = at + (end - at) / 2;
        if (pbus_cursor_cmp(&self->events[middle].place, after) <= 0)
            at = middle + 1;
        else
            end = middle;
    }
    for (bool fits = true; fits && at < self->count && limit; at++) {
        const stored_t *event = &self->events[self->spoil == 2 ? self->count - 1 - at : at];
        if (event->place.origin < origin_min || event->place.origin > origin_max)
            continue;
        pbus_buf_reset(&encoded);
        fake_encode(event, &encoded);
        fits =
            pbus_result_add_encoded(result, event->accept, encoded.data, encoded.size - (self->spoil == 1));
        limit--;
    }
    pbus_buf_clear(&encoded);
    return PBUS_OK;
}

static inline pbus_status_t fake_count(void *handle, pbus_what_t what, const pbus_filter_t *filter,
                                       uint64_t *count, pbus_error_t *error)
{
    (void) what, (void) filter, (void) error;
    *count = ((group_fake_t *) handle)->count;
    return PBUS_OK;
}

static inline pbus_status_t fake_add(group_fake_t *self, const pbus_write_t *write)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    const pbus_event_t *event = pbus_decoder_event(decoder, write->data, write->size);
    stored_t made = {{event->origin, event->id}, write->accept, 0};
    for (size_t i = 0; i < event->readings[0].value.size; i++)
        made.value = (uint8_t) (made.value * 10 + event->readings[0].value.data[i] - '0');
    pbus_decoder_destroy(&decoder);
    const stored_t *known = fake_find_id(self, &made.place.id);
    if (self->refused && memcmp(self->refused, made.place.id.bytes + 14, 2) == 0)
        return PBUS_INVALID;
    if (known)
        return known->accept == write->accept ? PBUS_OK : PBUS_CONFLICT;
    fake_put(self, made);
    return PBUS_OK;
}

static inline pbus_status_t fake_write(void *handle, pbus_write_t *writes, size_t count, pbus_error_t *error)
{
    group_fake_t *self = handle;
    (void) error;
    for (size_t i = 0; i < count; i++)
        if (writes[i].op == PBUS_ADD)
            writes[i].status = fake_add(self, &writes[i]);
        else
            writes[i].status = fake_drop_id(self, &writes[i].id) ? PBUS_OK : PBUS_NOT_FOUND;
    return PBUS_OK;
}

/* ---- the dispatcher ---- */

static inline group_fake_t *fake_group(fixture_t *self, const char *name)
{
    return name && strcmp(name, "a") == 0 ? &self->a : name && strcmp(name, "b") == 0 ? &self->b : NULL;
}

static inline void fake_fail(request_t *request, pbus_status_t status, const char *text)
{
    request->status = pbus_fail(&request->error, status, "%s", text);
}

static inline void fake_spoil(const group_fake_t *self, unsigned kind, pbus_buf_t *answer)
{
    pbus_error_t error;
    pbus_result_t *result = test_result(3);
    if (self->spoil == 3)
        pbus_result_add_source(result, PBUS_STR("d"), PBUS_STR("s"), 1);
    pbus_digest_sum_t sum = {.any = true, .more = true, .last = fake_place(INT64_MIN, 0), .count = 3};
    if (self->spoil == 4)
        pbus_digest_put(&sum, result);
    if (self->spoil == 3 || (self->spoil == 4 && kind == PBUS_ASK_DIGEST)) {
        const pbus_buf_t *other = pbus_result_answer(result, &error);
        pbus_buf_reset(answer);
        pbus_buf_append(answer, other->data, other->size);
    }
    pbus_result_destroy(&result);
}

static inline void fake_query(group_fake_t *self, request_t *request)
{
    pbus_message_t reply = {.kind = PBUS_REPLY};
    unsigned kind = pbus_ask_peek(request->ask.data, request->ask.size);
    self->scans += kind == PBUS_ASK_SCAN;
    self->digests += kind == PBUS_ASK_DIGEST;
    if (self->old && kind == PBUS_ASK_DIGEST) {
        fake_fail(request, PBUS_INVALID, "malformed query");
        return;
    }
    const pbus_buf_t *answer = pbus_executor_query(self->executor, self, request->ask.data, request->ask.size,
                                                   INT64_MAX, 4 << 20, 4 << 20, &reply);
    if (!answer) {
        request->status =
            pbus_fail(&request->error, reply.status, "%.*s", (int) reply.text.size, reply.text.data);
        return;
    }
    pbus_buf_t copy = {0};
    pbus_buf_append(&copy, answer->data, answer->size);
    fake_spoil(self, kind, &copy);
    zframe_t *frame = zframe_new(copy.data, copy.size);
    request_set_answer(request, &frame);
    pbus_buf_clear(&copy);
}

static inline void fake_repair(fixture_t *fixture, group_fake_t *self, request_t *request)
{
    pbus_message_t ack = {.kind = PBUS_ACK};
    self->repairs++;
    pbus_executor_write(self->executor, self, request->batch.data, request->batch.size, 0, &ack);
    assert_int_equal(ack.status, PBUS_OK);
    for (size_t i = 0; i < ack.failed_count; i++)
        request->refused += ack.failed[i].status != PBUS_NOT_FOUND;
    if (fixture->on_repair)
        fixture->on_repair(fixture);
}

static inline void fake_settle(fixture_t *self, request_t *request)
{
    self->settles++;
    request->accept = ++self->clock;
    request->stale = self->stale;
    request->generation = self->generation;
    if (self->on_settle)
        self->on_settle(self);
}

static inline void fake_administer(fixture_t *self, request_t *request)
{
    if (request->command == ADMIN_NEXT_COPY && self->lacking) {
        request->source_group = strdup("a");
        request->target = strdup("b");
        request->generation = self->generation;
    } else if (request->command == ADMIN_NEXT_COPY)
        fake_fail(request, PBUS_NOT_FOUND, "nothing to copy");
    else if (request->generation != self->generation)
        fake_fail(request, PBUS_CONFLICT, "b has begun to lack something more");
    else {
        self->copied++;
        self->copied_as = request->generation;
        self->lacking = false;
    }
}

static inline pbus_status_t fake_submit(void *context, request_t *request)
{
    fixture_t *self = context;
    pthread_mutex_lock(&self->lock);
    group_fake_t *group = fake_group(self, request->target);
    bool settles = request->kind == REQUEST_SETTLE;
    request->status = PBUS_OK;
    if (request->kind == REQUEST_ADMIN)
        fake_administer(self, request);
    else if (!group || (settles && !fake_group(self, request->source_group)))
        fake_fail(request, PBUS_NOT_FOUND, "there is no such group");
    else if (group->away || (settles && (self->a.away || self->b.away)))
        fake_fail(request, PBUS_UNAVAILABLE, "no worker");
    else if (settles)
        fake_settle(self, request);
    else if (request->kind == REQUEST_QUERY)
        fake_query(group, request);
    else if (request->kind == REQUEST_REPAIR)
        fake_repair(self, group, request);
    else
        fake_fail(request, PBUS_INTERNAL, "not asked by copying");
    pthread_mutex_unlock(&self->lock);
    request->done(request);
    return PBUS_OK;
}

static inline bool fake_stream_wanted(void *self)
{
    (void) self;
    return false;
}

/* ---- fixture ---- */

static inline bool fake_group_init(group_fake_t *self, const char *name)
{
    *self = (group_fake_t){.name = name,
                           .events = calloc(STORED, sizeof(stored_t)),
                           .backend = {.abi = PBUS_BACKEND_ABI,
                                       .name = "memory",
                                       .version = "0",
                                       .scan = fake_scan,
                                       .count = fake_count,
                                       .write = fake_write}};
    self->executor = pbus_executor_new(&self->backend);
    return self->events && self->executor;
}

static inline int fake_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->settings = test_settings();
    self->clock = 1000000;
    self->generation = 7;
    pthread_mutex_init(&self->lock, NULL);
    bool good = fake_group_init(&self->a, "a") && fake_group_init(&self->b, "b");
    self->service = service_new(&self->settings, (port_t){self, fake_submit, fake_stream_wanted, NULL}, NULL);
    *state = self;
    return good && self->service ? 0 : -1;
}

static inline int fake_teardown(void **state)
{
    fixture_t *self = *state;
    service_destroy(&self->service);
    pbus_executor_destroy(&self->a.executor);
    pbus_executor_destroy(&self->b.executor);
    free(self->a.events);
    free(self->b.events);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return 0;
}

/* Events 0 to count - 1, three of each origin. */
static inline void fake_fill(group_fake_t *self, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fake_put(self, (stored_t){fake_place(i / 3, i), 100 + i, (uint8_t) i});
}

static inline void fake_expect_equal(const fixture_t *self)
{
    assert_int_equal(self->a.count, self->b.count);
    for (size_t i = 0; i < self->a.count; i++)
        if (pbus_cursor_cmp(&self->a.events[i].place, &self->b.events[i].place) != 0 ||
            self->a.events[i].accept != self->b.events[i].accept ||
            self->a.events[i].value != self->b.events[i].value)
            fail_msg("event %zu differs", i);
}

#endif
