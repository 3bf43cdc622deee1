/*
 * Two workers on one store at once: each sees what the other has written, and nothing is written twice.
 */
#include "act.h"
#include "cases.h"
#include "check.h"
#include "describe.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define LOAD_SECONDS 30

static void s_start_second(suite_t *suite)
{
    suite_step(suite, "a second worker on the same store");
    suite_start_worker(suite, 1);
    suite_wait_ready(suite, 2);
}

static batch_t *s_batch(suite_t *suite, const generator_shape_t *shape, size_t count)
{
    batch_t *batch = batch_new();
    while (batch_count(batch) < count)
        batch_add(batch, suite_accept(suite), generator_event(suite->random, shape));
    return batch;
}

static void s_check_both(suite_t *suite)
{
    for (suite->asked = 0; suite->asked < 2 && suite_fine(suite); suite->asked++) {
        check_all(suite);
        check_counts(suite);
    }
    suite->asked = 0;
}

static void s_two_workers(suite_t *suite)
{
    act_fill(suite, &case_mixed, 30, 30);
    s_start_second(suite);
    peer_t *first = host_ready_peer(suite->host, 0), *second = host_ready_peer(suite->host, 1);
    if (first && second &&
        memcmp(&peer_info(first)->data_set, &peer_info(second)->data_set, sizeof(pbus_uuid_t)))
        suite_fail(suite, "they give different ids of the data set: %s and %s",
                   describe_id(&peer_info(first)->data_set).text,
                   describe_id(&peer_info(second)->data_set).text);
    for (int i = 0; i < 6 && suite_fine(suite); i++) {
        suite->asked = (size_t) i % 2;
        suite_step(suite, "what worker %d has written, seen by the other", i % 2 + 1);
        act_fill(suite, &case_mixed, 15, 15);
        suite->asked = (size_t) (i + 1) % 2;
        check_all(suite);
    }
    if (!suite_fine(suite))
        return;
    size_t count;
    pbus_filter_t filter = pbus_filter_any();
    const model_event_t **list = model_events(suite->model, &filter, &count);
    pbus_uuid_t id = list[count / 2]->event.id;
    free(list);
    suite_step(suite, "after a delete and a purge by one of them");
    act_delete(suite, &id);
    filter.device = sample_names[0];
    act_purge(suite, &filter, 10);
    s_check_both(suite);
}

/* ---- at the same time ------------------------------------------------------------------------------------
 */

/* Sends a batch to each before either has answered; NULL calls if the case has failed. */
static void s_send_both(suite_t *suite, batch_t *const batches[2], call_t *calls[2])
{
    peer_t *peers[2] = {host_ready_peer(suite->host, 0), host_ready_peer(suite->host, 1)};
    calls[0] = calls[1] = NULL;
    if (!suite_fine(suite) || !peers[0] || !peers[1]) {
        suite_fail(suite, "one of the workers is not ready any more");
        return;
    }
    for (int i = 0; i < 2; i++)
        calls[i] = peer_write(peers[i], batches[i]);
    for (int i = 0; i < 2; i++)
        act_wait(suite, calls[i], "the ACK of one of two batches at once");
}

static void s_end_both(batch_t *batches[2], call_t *calls[2])
{
    for (int i = 0; i < 2; i++) {
        call_destroy(&calls[i]);
        batch_destroy(&batches[i]);
    }
}

/* The first of its names: both make their entry at once. */
static void s_new_names(suite_t *suite)
{
    s_start_second(suite);
    for (int round = 0; round < 20 && suite_fine(suite); round++) {
        char name[2][32];
        batch_t *batches[2] = {batch_new(), batch_new()};
        call_t *calls[2];
        snprintf(name[0], sizeof name[0], "new-%d", round);
        snprintf(name[1], sizeof name[1], "other-%d", round);
        for (int k = 0; k < 12; k++) {
            case_event_t made;
            /* In opposite orders, so that who locks in order of coming may lock for ever. */
            case_make(suite, &made, pbus_str(name[(k / 2 + k) % 2]), generator_origin_first() + k);
            batch_add(batches[k % 2], suite_accept(suite), &made.event);
        }
        suite_step(suite, "two workers with events of the same new device, round %d", round + 1);
        s_send_both(suite, batches, calls);
        for (int i = 0; i < 2 && suite_fine(suite); i++)
            act_settle(suite, calls[i], batches[i]);
        s_end_both(batches, calls);
    }
    s_check_both(suite);
}

/* One batch sent to both, as when a slow worker was given up: stored once. */
static void s_same_batch(suite_t *suite)
{
    s_start_second(suite);
    for (int round = 0; round < 10 && suite_fine(suite); round++) {
        batch_t *batches[2] = {s_batch(suite, &case_mixed, 40), batch_new()};
        call_t *calls[2];
        for (size_t i = 0; i < 40; i++)
            batch_copy(batches[1], batch_at(batches[0], round % 2 ? 39 - i : i));
        suite_step(suite, "one batch given to both workers at once, round %d", round + 1);
        s_send_both(suite, batches, calls);
        for (int i = 0; i < 2 && suite_fine(suite); i++)
            act_settle(suite, calls[i], batches[i]);
        s_end_both(batches, calls);
    }
    s_check_both(suite);
}

/*
 * Each write was sent to both, with other numbers: which one is done is open, but it has to be one. The model
 * is told of the winners first.
 */
static void s_settle_race(suite_t *suite, const call_t *const calls[2], batch_t *const batches[2])
{
    for (size_t i = 0; i < batch_count(batches[0]) && suite_fine(suite); i++) {
        if (!calls[0]->failed || !calls[1]->failed) {
            suite_fail(suite, "an ACK has status %s (%s)",
                       pbus_status_name(calls[calls[0]->failed != NULL]->status),
                       calls[calls[0]->failed != NULL]->text);
            return;
        }
        pbus_status_t told[2] = {calls[0]->failed[i], calls[1]->failed[i]};
        batch_write_t *write = batch_at(batches[told[0] != PBUS_OK], i);
        pbus_status_t loser = write->op == PBUS_ADD ? PBUS_CONFLICT : PBUS_NOT_FOUND;
        if (!((told[0] == PBUS_OK && told[1] == loser) || (told[1] == PBUS_OK && told[0] == loser)))
            suite_fail(suite, "two %s of %s at once: status %s and %s, expected ok and %s",
                       write->op == PBUS_ADD ? "adds" : "deletes", describe_id(&write->id).text,
                       pbus_status_name(told[0]), pbus_status_name(told[1]), pbus_status_name(loser));
        model_apply(suite->model, write, (model_place_t){0});
    }
}

static void s_race(suite_t *suite)
{
    s_start_second(suite);
    for (int round = 0; round < 10 && suite_fine(suite); round++) {
        batch_t *batches[2] = {s_batch(suite, &case_mixed, 40), batch_new()};
        batch_t *deletes[2] = {batch_new(), batch_new()};
        call_t *calls[2];
        for (size_t i = 0; i < 40; i++) {
            batch_write_t *write = batch_at(batches[0], i);
            batch_copy(batches[1], write);
            batch_at(batches[1], i)->accept = suite_accept(suite);
            batch_delete(deletes[0], suite_accept(suite), &write->id);
            batch_delete(deletes[1], suite_accept(suite), &write->id);
        }
        suite_step(suite, "the same ids with other numbers at once, round %d", round + 1);
        s_send_both(suite, batches, calls);
        s_settle_race(suite, (const call_t *const *) calls, batches);
        s_end_both(batches, calls);
        check_all(suite);
        suite_step(suite, "the same deletes at once, round %d", round + 1);
        if (round % 2 == 0) {
            s_send_both(suite, deletes, calls);
            s_settle_race(suite, (const call_t *const *) calls, deletes);
            s_end_both(deletes, calls);
        }
        batch_destroy(&deletes[0]);
        batch_destroy(&deletes[1]);
        check_all(suite);
    }
    s_check_both(suite);
}

/* ---- under load ------------------------------------------------------------------------------------------
 */

static void s_two_under_load(suite_t *suite)
{
    s_start_second(suite);
    load_t *load = load_new(suite, &case_mixed, 10);
    int64_t end = suite_deadline(suite, LOAD_SECONDS);
    while (load_acknowledged(load) < 60 && load_step(load, end, "ACKs of two workers")) {
    }
    load_finish(load);
    suite_step(suite, "after batches to both workers");
    s_check_both(suite);
    load_destroy(&load);
}

/* One is killed amid writes: what it left unanswered goes to the other at once. */
static void s_one_killed(suite_t *suite)
{
    load_t *load = load_new(suite, &case_plain, 10);
    for (unsigned round = 0; round < 3 && suite_fine(suite); round++) {
        s_start_second(suite);
        int64_t end = suite_deadline(suite, LOAD_SECONDS);
        size_t target = load_acknowledged(load) + 10 + generator_below(suite->random, 10);
        while (load_acknowledged(load) < target && load_step(load, end, "ACKs of two workers")) {
        }
        suite_step(suite, "one of two workers is killed under load, round %u", round + 1);
        suite_kill_worker(suite, 1);
        target = load_acknowledged(load) + 5;
        while (load_acknowledged(load) < target && load_step(load, end, "ACKs of the other worker")) {
        }
    }
    load_finish(load);
    check_all(suite);
    check_counts(suite);
    load_destroy(&load);
}

const suite_case_t case_workers[] = {
    {"two-workers", "each sees what the other has done", PBUS_CAP_WORKERS, s_two_workers},
    {"two-new-names", "both meet new names at once", PBUS_CAP_WORKERS, s_new_names},
    {"two-same-batch", "one batch given to both", PBUS_CAP_WORKERS, s_same_batch},
    {"two-race", "known ids and deletes, to both", PBUS_CAP_WORKERS, s_race},
    {"two-under-load", "batches to both", PBUS_CAP_WORKERS, s_two_under_load},
    {"two-one-killed", "one of them is killed under load", PBUS_CAP_WORKERS, s_one_killed},
    {NULL, NULL, 0, NULL},
};
