/*
 * A store that goes away and comes back: the worker says so, loses nothing that it has acknowledged, and
 * recovers by itself.
 */
#include "act.h"
#include "cases.h"
#include "check.h"
#include "load.h"

#include <string.h>
#define AWAY_SECONDS 15 /* until READY false is due under load, or READY true after the store's start */

/* A query while the store is away is answered, and not with ok. */
static void s_ask_away(suite_t *suite)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    peer_t *peer = host_peer(suite->host, 0);
    if (!suite_fine(suite) || !peer)
        return;
    call_t *call = peer_ask(peer, &ask, 3000);
    if (act_wait(suite, call, "an answer while the store is away") && call->status != PBUS_UNAVAILABLE &&
        call->status != PBUS_TIMEOUT && call->status != PBUS_FULL)
        suite_fail(suite, "a query while the store is away: status %s, expected unavailable",
                   pbus_status_name(call->status));
    call_destroy(&call);
}

/* Under load: away, READY false, back, READY true, and all that was acknowledged is there. */
static void s_away_under_load(suite_t *suite, void (*take_away)(suite_t *suite))
{
    load_t *load = load_new(suite, &case_plain, 10);
    pbus_uuid_t set = {{0}};
    if (suite_peer(suite))
        set = peer_info(suite_peer(suite))->data_set;
    for (unsigned round = 0; round < 2 && suite_fine(suite); round++) {
        int64_t end = suite_deadline(suite, AWAY_SECONDS);
        size_t target = load_acknowledged(load) + 10 + generator_below(suite->random, 10);
        suite_step(suite, "before the store is stopped, round %u", round + 1);
        while (load_acknowledged(load) < target && load_step(load, end, "ACKs")) {
        }
        suite_step(suite, "the store is stopped under load, round %u", round + 1);
        take_away(suite);
        end = suite_deadline(suite, AWAY_SECONDS);
        while (host_ready_peer(suite->host, 0) && load_step(load, end, "READY false")) {
        }
        s_ask_away(suite);
        suite_step(suite, "the store is started again, round %u", round + 1);
        suite_start_store(suite);
        end = suite_deadline(suite, AWAY_SECONDS);
        while (!host_ready_peer(suite->host, 0) && load_step(load, end, "READY true")) {
        }
    }
    load_finish(load);
    peer_t *peer = suite_peer(suite);
    if (peer && memcmp(&peer_info(peer)->data_set, &set, sizeof set) != 0)
        suite_fail(suite, "the data set's id is another one than before");
    check_all(suite);
    check_counts(suite);
    load_destroy(&load);
}

static void s_stop(suite_t *suite)
{
    s_away_under_load(suite, suite_stop_store);
}

static void s_kill(suite_t *suite)
{
    s_away_under_load(suite, suite_kill_store);
}

/* A worker that starts while its store is away says so, and works when the store is there. */
static void s_away_at_start(suite_t *suite)
{
    act_fill(suite, &case_plain, 40, 20);
    suite_step(suite, "a worker that starts while its store is away");
    suite_kill_worker(suite, 0);
    suite_stop_store(suite);
    suite_start_worker(suite, 0);
    int64_t end = suite_deadline(suite, AWAY_SECONDS);
    peer_t *peer;
    while ((!(peer = host_peer(suite->host, 0)) || peer_info(peer)->unreadies == 0) &&
           suite_pump(suite, end, "READY false")) {
    }
    s_ask_away(suite);
    suite_start_store(suite);
    suite_wait_ready(suite, 1);
    check_all(suite);
    act_fill(suite, &case_plain, 40, 20);
    check_all(suite);
}

const suite_case_t case_store[] = {
    {"store-stopped", "the store is stopped and started under load", SUITE_NEEDS_STORE_STOP, s_stop},
    {"store-killed", "the store is killed and started under load", SUITE_NEEDS_STORE_KILL, s_kill},
    {"store-away-at-start", "the worker starts before its store", SUITE_NEEDS_STORE_STOP | SUITE_NEEDS_WORKER,
     s_away_at_start},
    {NULL, NULL, 0, NULL},
};
