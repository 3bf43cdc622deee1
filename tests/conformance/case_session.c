/*
 * Sessions: the exchange of docs/PROTOCOL.md, section 3, and what must not be executed.
 */
#include "act.h"
#include "cases.h"
#include "check.h"
#include "need.h"

#include <string.h>
#define SECOND INT64_C(1000000000)
#define SHOW_NS (SECOND / 5) /* how long what must not come is waited for */

static void s_wait(suite_t *suite, int64_t span)
{
    int64_t end = pbus_clock_boottime() + (int64_t) ((double) span * suite->options->patience);
    while (pbus_clock_boottime() < end && suite_pump(suite, end + SECOND, "time")) {
    }
}

static batch_t *s_batch(suite_t *suite, size_t count)
{
    batch_t *batch = batch_new();
    while (batch_count(batch) < count)
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_plain));
    return batch;
}

/* What HELLO and READY say is right, in every session, and the data set's id stays. */
static void s_hello(suite_t *suite)
{
    host_terms_t terms = host_default_terms();
    pbus_uuid_t set = {{0}};
    for (int i = 0; i < 3 && suite_fine(suite); i++) {
        suite_step(suite, "session %d", i + 1);
        suite_new_session(suite, &terms);
        peer_t *peer = suite_peer(suite);
        if (!peer)
            return;
        const peer_info_t *info = peer_info(peer);
        if (i > 0 && memcmp(&set, &info->data_set, sizeof set) != 0)
            suite_fail(suite, "the data set's id is another one than before");
        set = info->data_set;
        if (info->mark > suite->accept)
            suite_fail(suite, "READY says mark %llu, above %llu, the highest accept number there is",
                       (unsigned long long) info->mark, (unsigned long long) suite->accept);
        act_add(suite, generator_event(suite->random, &case_plain));
    }
    check_all(suite);
}

/* The mark goes up with what is written, and not down with what is deleted. */
static void s_mark(suite_t *suite)
{
    host_terms_t terms = host_default_terms();
    batch_t *batch = s_batch(suite, 10);
    pbus_filter_t any = pbus_filter_any();
    act_write(suite, batch);
    act_delete(suite, &batch_at(batch, 9)->id);
    suite_step(suite, "after a delete");
    check_counts(suite);
    suite_step(suite, "after a delete and a purge");
    act_purge(suite, &any, 100);
    suite_new_session(suite, &terms);
    peer_t *peer = suite_peer(suite);
    if (peer && peer_info(peer)->mark != suite->accept)
        suite_fail(suite,
                   "READY says mark %llu after all was deleted, expected %llu, the highest accept number",
                   (unsigned long long) peer_info(peer)->mark, (unsigned long long) suite->accept);
    /* A write with a smaller number than the mark does not lower it. */
    act_write(suite, batch);
    suite_new_session(suite, &terms);
    peer = suite_peer(suite);
    if (peer && peer_info(peer)->mark != suite->accept)
        suite_fail(suite, "READY says mark %llu after a write with a smaller number, expected %llu",
                   (unsigned long long) peer_info(peer)->mark, (unsigned long long) suite->accept);
    batch_destroy(&batch);
}

/* ---- sessions that end -----------------------------------------------------------------------------------
 */

/* WHO amid writes: what was queued may be forgotten; sent again, all of it is stored once. */
static void s_session_again(suite_t *suite)
{
    for (int round = 0; round < 5 && suite_fine(suite); round++) {
        host_terms_t terms = host_default_terms();
        batch_t *batches[2] = {s_batch(suite, 100), s_batch(suite, 100)};
        call_t *calls[2] = {NULL, NULL};
        peer_t *peer = suite_peer(suite);
        for (int i = 0; peer && i < 2; i++)
            if (peer_has_credit(peer, PBUS_WRITE, 100000))
                calls[i] = peer_write(peer, batches[i]);
        suite_step(suite, "a new session amid writes, round %d", round + 1);
        suite_new_session(suite, &terms);
        for (int i = 0; i < 2; i++) {
            batch_set_again(batches[i]);
            act_write(suite, batches[i]);
            call_destroy(&calls[i]);
            batch_destroy(&batches[i]);
        }
        check_all(suite);
    }
}

/* A message that must be dropped: no answer, and no effect. */
static void s_must_drop(suite_t *suite, const pbus_message_t *write, batch_t *batch)
{
    pbus_buf_t payload = {0};
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return;
    batch_encode(batch, &payload);
    call_t *call = peer_call(peer, write, &payload, batch_count(batch));
    pbus_buf_clear(&payload);
    act_add(suite, generator_event(suite->random, &case_plain));
    s_wait(suite, SHOW_NS);
    if (call->answered)
        suite_fail(suite, "it is answered: %s", pbus_status_name(call->status));
    check_all(suite);
    call_destroy(&call);
}

static void s_wrong_session(suite_t *suite)
{
    static const struct {
        int64_t epoch, session;
        const char *what;
    } wrong[] = {{0, 1, "a WRITE of a later session"},
                 {0, -1, "a WRITE of the session before"},
                 {1, 0, "a WRITE of another epoch"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong && suite_fine(suite); i++) {
        batch_t *batch = s_batch(suite, 3);
        peer_t *peer = suite_peer(suite);
        suite_step(suite, "%s", wrong[i].what);
        if (peer) {
            pbus_message_t write = peer_message(peer, PBUS_WRITE);
            write.epoch += (uint64_t) wrong[i].epoch;
            write.session += (uint64_t) wrong[i].session;
            s_must_drop(suite, &write, batch);
        }
        batch_destroy(&batch);
    }
}

/* A batch that is older than its lease may have been given to another worker. */
static void s_lease(suite_t *suite)
{
    static const uint64_t leases[] = {10000, 1500};
    for (size_t i = 0; i < sizeof leases / sizeof *leases && suite_fine(suite); i++) {
        host_terms_t terms = host_default_terms();
        terms.lease_ms = leases[i];
        suite_new_session(suite, &terms);
        batch_t *batch = s_batch(suite, 3), *fresh = s_batch(suite, 3);
        peer_t *peer = suite_peer(suite);
        if (peer) {
            pbus_message_t write = peer_message(peer, PBUS_WRITE);
            write.sent -= (int64_t) (leases[i] + 1000) * 1000000;
            suite_step(suite, "a WRITE that is 1 s older than its lease of %llu ms",
                       (unsigned long long) leases[i]);
            s_must_drop(suite, &write, batch);
        }
        peer = suite_peer(suite);
        if (peer) {
            pbus_buf_t payload = {0};
            batch_encode(fresh, &payload);
            pbus_message_t write = peer_message(peer, PBUS_WRITE);
            write.sent -= (int64_t) (leases[i] - 1000) * 1000000;
            suite_step(suite, "a WRITE that is 1 s within its lease of %llu ms",
                       (unsigned long long) leases[i]);
            call_t *call = peer_call(peer, &write, &payload, batch_count(fresh));
            pbus_buf_clear(&payload);
            if (act_wait(suite, call, "its ACK"))
                act_settle(suite, call, fresh);
            call_destroy(&call);
        }
        check_all(suite);
        batch_destroy(&batch);
        batch_destroy(&fresh);
    }
}

/* core-data ends and starts again, twice: the worker finds it, and all is there. */
static void s_core_restart(suite_t *suite)
{
    act_fill(suite, &case_plain, 50, 50);
    for (int i = 0; i < 2 && suite_fine(suite); i++) {
        pbus_error_t error;
        suite_step(suite, "core-data ends and starts again");
        if (host_restart(suite->host, &error) != PBUS_OK)
            suite_fail(suite, "%s", error.text);
        suite_wait_ready(suite, 1);
        check_all(suite);
        act_fill(suite, &case_plain, 10, 5);
    }
    check_all(suite);
}

/* ---- PING ------------------------------------------------------------------------------------------------
 */

/* PINGs beside a large batch and long lists: each PONG comes soon, whatever the store is doing. */
static void s_ping(suite_t *suite)
{
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return;
    batch_t *batch = s_batch(suite, 5000);
    call_t *call = peer_write(peer, batch);
    int64_t end = suite_deadline(suite, ACT_SECONDS), next = 0;
    unsigned before = peer_info(peer)->pongs;
    suite_step(suite, "PINGs beside a batch of 5,000");
    while (!call->answered && !call->lost && suite_pump(suite, end, "the ACK")) {
        peer = suite_peer(suite);
        int64_t now = pbus_clock_boottime();
        if (peer && now >= next) {
            peer_ping(peer);
            next = now + SECOND / 50;
        }
        if (peer && peer_info(peer)->busy > (uint64_t) (now - call->sent) + SECOND)
            suite_fail(suite, "PONG says busy for %llu ns, though the batch was sent %lld ns ago",
                       (unsigned long long) peer_info(peer)->busy, (long long) (now - call->sent));
    }
    if (act_wait(suite, call, "the ACK"))
        act_settle(suite, call, batch);
    s_wait(suite, SHOW_NS);
    peer = suite_peer(suite);
    if (peer && peer_info(peer)->pongs == before)
        suite_fail(suite, "not one PONG came");
    call_destroy(&call);
    batch_destroy(&batch);
}

/* An idle store is not busy. */
static void s_idle(suite_t *suite)
{
    int64_t end = suite_deadline(suite, 10);
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return;
    unsigned pongs = peer_info(peer)->pongs;
    suite_step(suite, "an idle worker");
    /* Now and then a worker looks after its store. */
    do {
        s_wait(suite, SHOW_NS);
        peer = suite_peer(suite);
        if (peer)
            peer_ping(peer);
        s_wait(suite, SHOW_NS);
        peer = suite_peer(suite);
    } while (peer && (peer_info(peer)->pongs == pongs || peer_info(peer)->busy > 0) &&
             suite_pump(suite, end, "a PONG that says busy 0"));
}

/* ---- messages that are out of the ordinary ---------------------------------------------------------------
 */

/* A later minor version adds elements behind those known; they are passed over. */
static void s_later_minor(suite_t *suite)
{
    host_terms_t terms = host_default_terms();
    terms.later_minor = true;
    suite_step(suite, "messages with an element more than is known");
    suite_new_session(suite, &terms);
    act_fill(suite, &case_plain, 20, 10);
    check_all(suite);
}

static void s_send_bytes(peer_t *peer, const char *header, size_t header_size, const char *payload,
                         size_t payload_size)
{
    pbus_buf_t first = {0}, second = {0};
    pbus_buf_append(&first, header, header_size);
    if (payload)
        pbus_buf_append(&second, payload, payload_size);
    need_buf(&first);
    need_buf(&second);
    peer_send_frames(peer, &first, payload ? &second : NULL);
    pbus_buf_clear(&first);
    pbus_buf_clear(&second);
}

/* Frames that are no messages at all. */
static void s_send_garbage(suite_t *suite, peer_t *peer)
{
    char noise[300];
    for (int i = 0; i < 50; i++) {
        size_t size = generator_below(suite->random, sizeof noise);
        for (size_t k = 0; k < size; k++)
            noise[k] = (char) generator_below(suite->random, 256);
        s_send_bytes(peer, noise, size, i % 2 ? noise : NULL, size);
    }
    s_send_bytes(peer, "\xdd\xff\xff\xff\xff", 5, NULL, 0);
    s_send_bytes(peer, "\x95\x01\x04", 3, "\x90", 1);
    peer_send_frames(peer, NULL, NULL);
}

/* Well-formed headers with payloads that are not; an answer has to say so, if there is one. */
static void s_send_bad_payloads(suite_t *suite)
{
    static const pbus_str_t bad[] = {{"", 0},
                                     {"\xc1", 1},
                                     {"\xdd\xff\xff\xff\xff", 5},
                                     {"\x91\x94\x01\x05\xc4\x02\x00\x00\xc0", 9},
                                     {"\x92\x01\x02", 3},
                                     {"\x91\x09", 2}};
    for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad && suite_fine(suite); i++) {
        pbus_buf_t payload = {0};
        peer_t *peer = suite_peer(suite);
        if (!peer)
            return;
        pbus_buf_append(&payload, bad[i / 2].data, bad[i / 2].size);
        pbus_message_t message = peer_message(peer, i % 2 ? PBUS_QUERY : PBUS_WRITE);
        message.timeout_ms = 1000;
        call_t *call = peer_call(peer, &message, &payload, 1);
        act_add(suite, generator_event(suite->random, &case_plain));
        if (call->answered && call->status == PBUS_OK)
            suite_fail(suite, "a malformed %s is answered with ok", i % 2 ? "query" : "batch");
        call_destroy(&call);
        pbus_buf_clear(&payload);
    }
}

static void s_garbage(suite_t *suite)
{
    act_fill(suite, &case_plain, 20, 20);
    peer_t *peer = suite_peer(suite);
    suite_step(suite, "after frames that are no messages");
    if (peer)
        s_send_garbage(suite, peer);
    act_add(suite, generator_event(suite->random, &case_plain));
    check_all(suite);
    suite_step(suite, "malformed payloads");
    s_send_bad_payloads(suite);
    check_all(suite);
}

const suite_case_t case_session[] = {
    {"hello", "HELLO, WELCOME, READY", 0, s_hello},
    {"mark", "the highest accept number, which deletes don't lower", 0, s_mark},
    {"session-again", "a new session amid writes", 0, s_session_again},
    {"wrong-session", "messages of another session or epoch are dropped", 0, s_wrong_session},
    {"lease", "a batch past its lease is not executed", 0, s_lease},
    {"core-restart", "core-data ends and starts again", 0, s_core_restart},
    {"ping", "PONG comes soon, whatever the store is doing", 0, s_ping},
    {"idle", "an idle worker says that it is not busy", 0, s_idle},
    {"later-minor", "elements that are not known are passed over", 0, s_later_minor},
    {"garbage", "frames and payloads that are malformed", 0, s_garbage},
    {NULL, NULL, 0, NULL},
};
