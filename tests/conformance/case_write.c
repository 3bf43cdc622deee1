/*
 * Writes: what becomes of adds and deletes, by the table of docs/PROTOCOL.md, section 4.
 */
#include "act.h"
#include "cases.h"
#include "check.h"
#include "need.h"

#include <stdlib.h>
#include <string.h>

static void s_one_event(suite_t *suite)
{
    act_add(suite, generator_event(suite->random, &case_mixed));
    check_all(suite);
    act_add(suite, generator_event(suite->random, &case_mixed));
    check_all(suite);
}

static void s_batch_5000(suite_t *suite)
{
    act_fill(suite, &case_plain, 5000, 5000);
    check_all(suite);
}

/* ---- resends and conflicts -------------------------------------------------------------------------------
 */

static batch_t *s_random_batch(suite_t *suite, size_t count)
{
    batch_t *batch = batch_new();
    while (batch_count(batch) < count)
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_mixed));
    return batch;
}

/* The batch again, as after a lost ACK: whole, in part, and mixed with new events. */
static void s_resend(suite_t *suite)
{
    batch_t *batch = s_random_batch(suite, 50);
    batch_t *mixed = s_random_batch(suite, 10);
    act_write(suite, batch);
    suite_step(suite, "the same batch again");
    act_write(suite, batch);
    check_all(suite);
    for (size_t i = 0; i < 50; i += 3)
        batch_copy(mixed, batch_at(batch, i));
    suite_step(suite, "events of it again, with new ones");
    act_write(suite, mixed);
    check_all(suite);
    batch_destroy(&batch);
    batch_destroy(&mixed);
}

/* The number decides, not the bytes. */
static void s_resend_other_bytes(suite_t *suite)
{
    case_event_t made;
    case_make(suite, &made, PBUS_STR("d"), generator_origin_first());
    batch_t *batch = batch_new();
    uint64_t accept = suite_accept(suite);
    batch_add(batch, accept, &made.event);
    made.reading.value = PBUS_STR("43");
    made.event.origin++;
    batch_add(batch, accept, &made.event);
    suite_step(suite, "same id and number with other bytes, in one batch");
    act_write(suite, batch);
    check_all(suite);
    suite_step(suite, "and in another");
    act_write(suite, batch);
    check_all(suite);
    batch_destroy(&batch);
}

/* Known ids with numbers below and above; what is stored stays. */
static void s_conflict(suite_t *suite)
{
    batch_t *batch = s_random_batch(suite, 20), *other = batch_new();
    act_write(suite, batch);
    for (size_t i = 0; i < 20; i++) {
        const pbus_event_t *event = generator_event(suite->random, &case_mixed);
        pbus_event_t same = *event;
        same.id = batch_at(batch, i)->id;
        if (i % 2)
            batch_add(other, batch_at(batch, i)->accept - 1, &same);
        else if (i % 4)
            batch_add(other, suite_accept(suite), &same);
        else
            batch_copy(other, batch_at(batch, i));
        batch_add(other, suite_accept(suite), generator_event(suite->random, &case_mixed));
    }
    suite_step(suite, "known ids with other numbers");
    act_write(suite, other);
    check_all(suite);
    batch_destroy(&batch);
    batch_destroy(&other);
}

static void s_same_id_in_batch(suite_t *suite)
{
    case_event_t made;
    batch_t *batch = batch_new();
    case_make(suite, &made, PBUS_STR("twice"), generator_origin_first());
    batch_add(batch, suite_accept(suite), &made.event);
    batch_copy(batch, batch_at(batch, 0));
    batch_add(batch, suite_accept(suite), &made.event);
    case_make(suite, &made, PBUS_STR("come and gone"), generator_origin_first() + 1);
    batch_add(batch, suite_accept(suite), &made.event);
    batch_delete(batch, suite_accept(suite), &made.event.id);
    case_make(suite, &made, PBUS_STR("come, gone, and back"), generator_origin_first() + 2);
    batch_delete(batch, suite_accept(suite), &made.event.id);
    batch_add(batch, suite_accept(suite), &made.event);
    batch_delete(batch, suite_accept(suite), &made.event.id);
    batch_delete(batch, suite_accept(suite), &made.event.id);
    made.event.origin += 5;
    batch_add(batch, suite_accept(suite), &made.event);
    suite_step(suite, "adds and deletes of one id in a batch");
    act_write(suite, batch);
    check_all(suite);
    check_counts(suite);
    batch_destroy(&batch);
}

/* ---- deletes ---------------------------------------------------------------------------------------------
 */

static void s_delete(suite_t *suite)
{
    batch_t *batch = s_random_batch(suite, 41);
    act_write(suite, batch);
    for (size_t i = 0; i < batch_count(batch) && suite_fine(suite); i += 4) {
        suite_step(suite, "after delete %zu of 11", i / 4 + 1);
        act_delete(suite, &batch_at(batch, i)->id);
        check_counts(suite);
    }
    check_all(suite);
    suite_step(suite, "deleting what is deleted, and what never was");
    act_delete(suite, &batch_at(batch, 0)->id);
    pbus_uuid_t id = generator_id(suite->random);
    act_delete(suite, &id);
    check_all(suite);
    suite_step(suite, "a deleted event comes again, with its old number");
    act_write(suite, batch);
    check_all(suite);
    check_counts(suite);
    batch_destroy(&batch);
}

/* Until nothing is left, in one batch with what is not there. */
static void s_delete_all(suite_t *suite)
{
    batch_t *batch = s_random_batch(suite, 30), *gone = batch_new();
    act_write(suite, batch);
    for (size_t i = 0; i < 30; i++) {
        pbus_uuid_t id = generator_id(suite->random);
        batch_delete(gone, suite_accept(suite), &batch_at(batch, i)->id);
        batch_delete(gone, suite_accept(suite), &id);
    }
    suite_step(suite, "after all were deleted");
    act_write(suite, gone);
    check_all(suite);
    batch_destroy(&batch);
    batch_destroy(&gone);
}

/* ---- what can't be stored --------------------------------------------------------------------------------
 */

/* Malformed in one of several ways; id is the one that the write names. */
static void s_add_malformed(suite_t *suite, batch_t *batch, size_t way)
{
    pbus_buf_t bytes = {0};
    const pbus_event_t *event = generator_event(suite->random, &case_mixed);
    pbus_uuid_t id = event->id;
    pbus_event_encode(event, &bytes);
    need_buf(&bytes);
    if (way == 0)
        bytes.size--; /* cut off */
    else if (way == 1)
        bytes.data[1] = 9; /* another version */
    else if (way == 2)
        id.bytes[0] ^= 1; /* another event's id */
    else if (way == 3)
        bytes.size = 0;
    else
        pbus_buf_append(&bytes, "x", 1); /* more than an event */
    batch_add_bytes(batch, suite_accept(suite), &id, (pbus_str_t){(const char *) bytes.data, bytes.size},
                    true);
    pbus_buf_clear(&bytes);
}

static void s_refused_alone(suite_t *suite)
{
    for (size_t way = 0; way < 5 && suite_fine(suite); way++) {
        batch_t *batch = s_random_batch(suite, 4);
        s_add_malformed(suite, batch, way);
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_mixed));
        suite_step(suite, "an event malformed in way %zu amid good ones", way);
        act_write(suite, batch);
        check_all(suite);
        batch_destroy(&batch);
    }
    batch_t *alone = batch_new();
    s_add_malformed(suite, alone, 0);
    suite_step(suite, "a malformed event alone");
    act_write(suite, alone);
    check_all(suite);
    batch_destroy(&alone);
}

/* ---- large ones ------------------------------------------------------------------------------------------
 */

static char *s_many(suite_t *suite, const char *alphabet, size_t size)
{
    char *text = need_alloc(size, 1);
    size_t letters = strlen(alphabet);
    for (size_t i = 0; i < size; i++)
        text[i] = alphabet[generator_below(suite->random, letters)];
    return text;
}

static void s_add_large(suite_t *suite, pbus_type_t type, const char *data, size_t size, int64_t origin)
{
    case_event_t made;
    case_make(suite, &made, PBUS_STR("large"), origin);
    made.reading.type = type;
    made.reading.value = (pbus_str_t){data, size};
    if (type == PBUS_BINARY)
        made.reading.media_type = PBUS_STR("application/octet-stream");
    act_add(suite, &made.event);
}

/* 1 MB each: bytes, text, and an object; then as many as an answer can't hold. */
static void s_large_events(suite_t *suite)
{
    enum { SIZE = 1 << 20 };
    int64_t origin = generator_origin_first();
    char *data = s_many(suite, "abcdefghijklmnopqrstuvwxyz0123456789 ", SIZE);
    s_add_large(suite, PBUS_STRING, data, SIZE, origin);
    memcpy(data, "{\"text\":\"", 9);
    memcpy(data + SIZE - 2, "\"}", 2);
    s_add_large(suite, PBUS_OBJECT, data, SIZE, origin + 1);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char) generator_below(suite->random, 256);
    for (int i = 2; i < 7 && suite_fine(suite); i++)
        s_add_large(suite, PBUS_BINARY, data + i, SIZE - (size_t) i, origin + i);
    free(data);
    act_fill(suite, &case_plain, 20, 20);
    suite_step(suite, "seven events of 1 MB among small ones");
    check_all(suite);
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("large");
    act_purge(suite, &filter, 3);
    check_all(suite);
}

static void s_many_readings(suite_t *suite)
{
    enum { READINGS = 5000 };
    pbus_reading_t *readings = need_alloc(READINGS, sizeof *readings);
    case_event_t made;
    case_make(suite, &made, PBUS_STR("many"), generator_origin_first());
    for (size_t i = 0; i < READINGS; i++) {
        const sample_t *sample = &samples[i % sample_count];
        readings[i] = made.reading;
        readings[i].resource = sample_names[i % sample_name_count];
        readings[i].type = sample->type;
        readings[i].value = sample->value;
        readings[i].media_type = sample->media_type;
        readings[i].origin += (int64_t) (i % 7);
    }
    made.event.readings = readings;
    made.event.reading_count = READINGS;
    suite_step(suite, "an event of 5,000 readings");
    act_add(suite, &made.event);
    act_add(suite, generator_event(suite->random, &case_mixed));
    check_all(suite);
    check_counts(suite);
    act_delete(suite, &made.event.id);
    check_all(suite);
    free(readings);
}

/* A store may have a limit for names; then such an event is refused, alone. */
static void s_long_names(suite_t *suite)
{
    static const size_t sizes[] = {200, 1000, 3000, 9000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && suite_fine(suite); i++) {
        case_event_t made;
        char *name = s_many(suite, "abcdefghijklmnopqrstuvwxyz0123456789", sizes[i]);
        batch_t *batch = s_random_batch(suite, 2);
        case_make(suite, &made, (pbus_str_t){name, sizes[i]}, generator_origin_first() + (int64_t) i);
        suite_step(suite, "an event whose names have %zu bytes", sizes[i]);
        peer_t *peer = suite_peer(suite);
        batch_add(batch, suite_accept(suite), &made.event);
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_mixed));
        call_t *call = peer ? peer_write(peer, batch) : NULL;
        if (act_wait(suite, call, "the ACK")) {
            batch_at(batch, 2)->malformed =
                sizes[i] > 1000 && call->failed && call->failed[2] == PBUS_INVALID;
            act_settle(suite, call, batch);
        }
        check_all(suite);
        call_destroy(&call);
        batch_destroy(&batch);
        free(name);
    }
}

/* ---- several at once -------------------------------------------------------------------------------------
 */

/* As many batches as the worker's credit allows, before it has answered any. */
static void s_credit(suite_t *suite)
{
    enum { MOST = 16, ROUNDS = 5 };
    for (int round = 0; round < ROUNDS && suite_fine(suite); round++) {
        batch_t *batches[MOST];
        call_t *calls[MOST];
        size_t count = 0;
        for (peer_t *peer = suite_peer(suite);
             peer && count < MOST && peer_has_credit(peer, PBUS_WRITE, 65536); count++) {
            batches[count] = s_random_batch(suite, 20);
            calls[count] = peer_write(peer, batches[count]);
        }
        for (size_t i = 0; i < count; i++) {
            if (act_wait(suite, calls[i], "the ACK of one of several batches at once"))
                act_settle(suite, calls[i], batches[i]);
            call_destroy(&calls[i]);
            batch_destroy(&batches[i]);
        }
    }
    check_all(suite);
}

/* ---- a random course of everything -----------------------------------------------------------------------
 */

#define RANDOM_STEPS 60
#define RANDOM_EVENTS 150 /* from so many on, more is deleted than added */

static const pbus_uuid_t *s_some_id(suite_t *suite, pbus_uuid_t *room)
{
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    const model_event_t **list = model_events(suite->model, &any, &count);
    *room = count > 0 && generator_chance(suite->random, 80)
                ? list[generator_below(suite->random, count)]->event.id
                : generator_id(suite->random);
    free(list);
    return room;
}

static void s_random_write(suite_t *suite)
{
    batch_t *batch = batch_new();
    pbus_uuid_t id;
    for (uint64_t left = 1 + generator_below(suite->random, 40); left > 0; left--) {
        pbus_event_t event = *generator_event(suite->random, &case_mixed);
        uint64_t accept = suite_accept(suite);
        if (generator_chance(suite->random, 15)) {
            batch_delete(batch, accept, s_some_id(suite, &id));
            continue;
        }
        if (generator_chance(suite->random, 10))
            event.id = *s_some_id(suite, &id);
        const model_event_t *known = model_find(suite->model, &event.id);
        batch_add(batch, known && generator_chance(suite->random, 50) ? known->accept : accept, &event);
    }
    act_write(suite, batch);
    batch_destroy(&batch);
}

static void s_random_list(suite_t *suite, pbus_ask_kind_t kind)
{
    pbus_what_t what = kind == PBUS_ASK_READINGS ? PBUS_READINGS : PBUS_EVENTS;
    pbus_ask_t ask = pbus_ask_any(kind);
    ask.query.filter = what == PBUS_READINGS ? generator_reading_filter(suite->random, &case_mixed)
                                             : generator_event_filter(suite->random, &case_mixed);
    uint64_t total = model_count(suite->model, what, &ask.query.filter);
    ask.query.offset = generator_chance(suite->random, 40) ? 0 : generator_below(suite->random, total + 3);
    ask.query.limit = (uint32_t) generator_below(suite->random, total + 10);
    ask.query.want_total = generator_chance(suite->random, 50);
    check_list(suite, &ask);
    check_count(suite, what, &ask.query.filter);
}

static void s_random_step(suite_t *suite, int number)
{
    pbus_filter_t any = pbus_filter_any();
    bool full = model_count(suite->model, PBUS_EVENTS, &any) > RANDOM_EVENTS;
    suite_step(suite, "step %d", number);
    if (generator_chance(suite->random, full ? 60 : 10)) {
        pbus_filter_t filter = generator_event_filter(suite->random, &case_mixed);
        if (generator_chance(suite->random, 50))
            filter.accept_max = suite->accept - generator_below(suite->random, 20000);
        act_purge(suite, &filter, 1 + (uint32_t) generator_below(suite->random, 30));
    } else
        s_random_write(suite);
    s_random_list(suite, PBUS_ASK_EVENTS);
    s_random_list(suite, PBUS_ASK_READINGS);
    if (number % 10 == 9) {
        check_all(suite);
        check_counts(suite);
    }
}

static void s_random(suite_t *suite)
{
    for (int i = 0; i < RANDOM_STEPS && suite_fine(suite); i++)
        s_random_step(suite, i);
    check_all(suite);
}

const suite_case_t case_write[] = {
    {"one-event", "a batch of one", 0, s_one_event},
    {"batch-5000", "5,000 events in one batch", 0, s_batch_5000},
    {"resend", "a batch twice, as after a lost ACK", 0, s_resend},
    {"resend-other-bytes", "the accept number decides, not the bytes", 0, s_resend_other_bytes},
    {"conflict", "a known id with another number", 0, s_conflict},
    {"same-id-in-batch", "the order of a batch counts", 0, s_same_id_in_batch},
    {"delete", "counts and lists after every delete", 0, s_delete},
    {"delete-all", "and what is not there, in one batch", 0, s_delete_all},
    {"refused-alone", "a malformed event does not take its batch along", 0, s_refused_alone},
    {"large-events", "1 MB each", 0, s_large_events},
    {"many-readings", "5,000 in one event", 0, s_many_readings},
    {"long-names", "up to 9,000 bytes", 0, s_long_names},
    {"credit", "several batches at once", 0, s_credit},
    {"random", "a random course of writes, deletes, purges and questions", 0, s_random},
    {NULL, NULL, 0, NULL},
};
