/*
 * Restarts: a worker that is killed, told to stop, drained or refused loses nothing that it has acknowledged.
 */
#include "act.h"
#include "cases.h"
#include "check.h"
#include "describe.h"
#include "load.h"

#include <signal.h>
#include <string.h>
#define LOAD_SECONDS 20

static pbus_uuid_t s_set(suite_t *suite)
{
    peer_t *peer = suite_peer(suite);
    return peer ? peer_info(peer)->data_set : (pbus_uuid_t){{0}};
}

/* The same data, and a mark that covers it. */
static void s_check_same(suite_t *suite, const pbus_uuid_t *set)
{
    pbus_uuid_t now = s_set(suite);
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return;
    if (memcmp(&now, set, sizeof now) != 0)
        suite_fail(suite, "the data set's id is another one than before: %s", describe_id(&now).text);
    if (peer_info(peer)->mark > suite->accept)
        suite_fail(suite, "READY says mark %llu, above %llu, the highest accept number there is",
                   (unsigned long long) peer_info(peer)->mark, (unsigned long long) suite->accept);
    check_all(suite);
}

static void s_kill_and_start(suite_t *suite)
{
    suite_kill_worker(suite, 0);
    suite_start_worker(suite, 0);
    suite_wait_ready(suite, 1);
}

static void s_kill_idle(suite_t *suite)
{
    pbus_uuid_t set = s_set(suite);
    act_fill(suite, &case_mixed, 200, 40);
    act_delete(suite, &(pbus_uuid_t){{0}});
    suite_step(suite, "after kill -9 and a start");
    s_kill_and_start(suite);
    peer_t *peer = suite_peer(suite);
    if (peer && peer_info(peer)->mark != suite->accept)
        suite_fail(suite, "READY says mark %llu, expected %llu, the highest accept number",
                   (unsigned long long) peer_info(peer)->mark, (unsigned long long) suite->accept);
    s_check_same(suite, &set);
    check_counts(suite);
}

/* kill -9 right behind an ACK: what it said has to be there before anything is sent again. */
static void s_kill_after_ack(suite_t *suite)
{
    pbus_uuid_t set = s_set(suite);
    for (unsigned round = 0; round < 4 && suite_fine(suite); round++) {
        for (unsigned i = 0; i < 3; i++)
            act_fill(suite, &case_plain, 15, 15);
        suite_step(suite, "after kill -9 right behind an ACK, round %u", round + 1);
        s_kill_and_start(suite);
        s_check_same(suite, &set);
    }
}

/* kill -9 amid writes: what is unanswered is sent again, as core-data does. */
static void s_kill_under_load(suite_t *suite)
{
    pbus_uuid_t set = s_set(suite);
    load_t *load = load_new(suite, &case_plain, 10);
    for (size_t round = 0; round < 4 && suite_fine(suite); round++) {
        int64_t end = suite_deadline(suite, LOAD_SECONDS);
        size_t target = load_acknowledged(load) + 3 + generator_below(suite->random, 12);
        while (load_acknowledged(load) < target && load_step(load, end, "ACKs")) {
        }
        suite_step(suite, "kill -9 under load, round %zu", round + 1);
        s_kill_and_start(suite);
        end = suite_deadline(suite, LOAD_SECONDS);
        target = load_acknowledged(load) + 3;
        while (load_acknowledged(load) < target && load_step(load, end, "ACKs after the start")) {
        }
    }
    load_finish(load);
    s_check_same(suite, &set);
    check_counts(suite);
    load_destroy(&load);
}

/* kill -9 amid a purge: asked again, it goes on. */
static void s_kill_purging(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    act_fill(suite, &case_plain, 300, 100);
    filter.origin_max = generator_origin_first() + 6000 * case_plain.unit;
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_PURGE);
    ask.query.filter = filter;
    ask.query.limit = 50;
    call_t *first = act_ask(suite, &ask);
    peer_t *peer = suite_peer(suite);
    call_t *second = peer ? peer_ask(peer, &ask, 10000) : NULL;
    suite_step(suite, "kill -9 amid a purge");
    s_kill_and_start(suite);
    /* How much was deleted is not known, so the counts of single steps are not, either. */
    for (bool more = true; more && suite_fine(suite);) {
        call_t *call = act_ask(suite, &ask);
        more = act_answer(suite, call).more && suite_fine(suite);
        call_destroy(&call);
    }
    model_purge(suite->model, &filter);
    check_all(suite);
    check_counts(suite);
    call_destroy(&first);
    call_destroy(&second);
}

/* ---- leaving ---------------------------------------------------------------------------------------------
 */

/* SIGTERM: BYE, and everything that came before DRAIN is answered. */
static void s_stop(suite_t *suite)
{
    pbus_uuid_t set = s_set(suite);
    load_t *load = load_new(suite, &case_plain, 50);
    int64_t end = suite_deadline(suite, LOAD_SECONDS);
    while (load_acknowledged(load) < 5 && load_step(load, end, "ACKs")) {
    }
    suite_step(suite, "SIGTERM under load");
    suite->may_end[0] = true;
    if (suite_fine(suite))
        process_signal(suite->workers[0], SIGTERM);
    while (host_ready_peer(suite->host, 0) && load_step(load, end, "BYE after SIGTERM")) {
    }
    load_stop(load);
    while (load_outstanding(load) > 0 && load_lost(load) == 0 && load_step(load, end, "answers after BYE")) {
    }
    if (load_lost(load) > 0)
        suite_fail(suite, "the worker left without an answer to %zu batches that came before DRAIN",
                   load_lost(load));
    suite_wait_end(suite, 0);
    suite_start_worker(suite, 0);
    suite_wait_ready(suite, 1);
    load_finish(load);
    if (!suite->about.forgets)
        s_check_same(suite, &set);
    load_destroy(&load);
}

static bool s_said_bye(suite_t *suite)
{
    peer_t *peer = host_peer(suite->host, 0);
    return !peer || peer_info(peer)->leaving;
}

/* DRAIN from core-data: all is answered, then BYE, then the worker ends. */
static void s_drain(suite_t *suite)
{
    peer_t *peer = suite_peer(suite);
    int64_t end = suite_deadline(suite, LOAD_SECONDS);
    if (!peer)
        return;
    batch_t *batch = batch_new();
    for (int i = 0; i < 500; i++)
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_plain));
    call_t *call = peer_write(peer, batch);
    suite_step(suite, "DRAIN behind a batch");
    suite->may_end[0] = true;
    peer_drain(peer);
    if (act_wait(suite, call, "the ACK of a batch that came before DRAIN"))
        act_settle(suite, call, batch);
    while (!s_said_bye(suite) && suite_pump(suite, end, "BYE")) {
    }
    if (suite_fine(suite))
        suite_wait_end(suite, 0);
    suite_worker_was_ended(suite);
    suite_start_worker(suite, 0);
    suite_wait_ready(suite, 1);
    check_all(suite);
    call_destroy(&call);
    batch_destroy(&batch);
}

/* REFUSE: the worker waits for another WHO, or ends; when it is let in, all is as before. */
static void s_refused(suite_t *suite)
{
    act_fill(suite, &case_plain, 20, 20);
    int64_t end = suite_deadline(suite, LOAD_SECONDS);
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return;
    unsigned hellos = peer_info(peer)->hellos;
    suite_step(suite, "REFUSE");
    host_set_refusal(suite->host, "this is a test: try again");
    suite->may_end[0] = true;
    peer_begin(peer);
    while ((peer = host_peer(suite->host, 0)) && peer_info(peer)->hellos < hellos + 3 &&
           suite_pump(suite, end, "a HELLO for each WHO")) {
    }
    host_set_refusal(suite->host, NULL);
    if (!process_is_running(suite->workers[0])) {
        suite_kill_worker(suite, 0);
        suite_worker_was_ended(suite);
        suite_start_worker(suite, 0);
    }
    suite->may_end[0] = false;
    suite_wait_ready(suite, 1);
    check_all(suite);
}

const suite_case_t case_restart[] = {
    {"kill-idle", "kill -9, and start again", SUITE_NEEDS_WORKER | SUITE_NEEDS_KEEPING, s_kill_idle},
    {"kill-after-ack", "kill -9 right behind an ACK", SUITE_NEEDS_WORKER | SUITE_NEEDS_KEEPING,
     s_kill_after_ack},
    {"kill-under-load", "kill -9 amid writes", SUITE_NEEDS_WORKER | SUITE_NEEDS_KEEPING, s_kill_under_load},
    {"kill-purging", "kill -9 amid a purge", SUITE_NEEDS_WORKER | SUITE_NEEDS_KEEPING, s_kill_purging},
    {"stop", "SIGTERM amid writes", SUITE_NEEDS_WORKER, s_stop},
    {"drain", "DRAIN amid writes", SUITE_NEEDS_WORKER, s_drain},
    {"refused", "REFUSE, and let in later", SUITE_NEEDS_WORKER, s_refused},
    {NULL, NULL, 0, NULL},
};
