#include "act.h"
#include "check.h"
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#define QUERY_MS 30000
#define EMPTY_STEP 1000
#define IDLE_SECONDS 20 /* how long the steps of a purge may go on without deleting anything */

/* ---- asking ----------------------------------------------------------------------------------------------
 */

bool act_wait(suite_t *suite, const call_t *call, const char *what)
{
    int64_t end = suite_deadline(suite, ACT_SECONDS);
    while (call && !call->answered && !call->lost && suite_pump(suite, end, what)) {
    }
    if (call && call->lost)
        suite_fail(suite, "%s: the worker's session ended before it came", what);
    return suite_fine(suite);
}

call_t *act_ask(suite_t *suite, const pbus_ask_t *ask)
{
    return act_ask_status(suite, ask, PBUS_OK);
}

call_t *act_ask_status(suite_t *suite, const pbus_ask_t *ask, pbus_status_t other)
{
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return NULL;
    call_t *call = peer_ask(peer, ask, QUERY_MS);
    char what[700];
    snprintf(what, sizeof what, "the answer to %s", describe_ask(ask).text);
    if (act_wait(suite, call, what) && call->status != PBUS_OK && call->status != other)
        suite_fail(suite, "%s: status %s (%s), expected ok", describe_ask(ask).text,
                   pbus_status_name(call->status), call->text);
    if (!suite_fine(suite))
        call_destroy(&call);
    return call;
}

pbus_answer_t act_answer(suite_t *suite, const call_t *call)
{
    pbus_answer_t answer = {0};
    if (call && !pbus_answer_open(&answer, call->payload.data, call->payload.size))
        suite_fail(suite, "an answer of %zu bytes is malformed", call->payload.size);
    return answer;
}

/* ---- writing ---------------------------------------------------------------------------------------------
 */

static uint64_t s_highest(batch_t *batch)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < batch_count(batch); i++)
        if (!batch_at(batch, i)->malformed && batch_at(batch, i)->accept > highest)
            highest = batch_at(batch, i)->accept;
    return highest;
}

static void s_settle_write(suite_t *suite, batch_t *batch, size_t place)
{
    batch_write_t *write = batch_at(batch, place);
    model_place_t from = {suite->batches, place, batch_count(batch)};
    const model_event_t *known = model_find(suite->model, &write->id);
    uint64_t known_accept = known ? known->accept : 0;
    pbus_status_t expected = model_apply(suite->model, write, from);
    /* What was deleted by a batch whose ACK was lost is not found the next time. */
    bool excused = write->again && write->op == PBUS_DELETE && write->told == PBUS_NOT_FOUND;
    if (write->told == expected || excused)
        return;
    char stored[80] = "";
    if (known_accept)
        snprintf(stored, sizeof stored, ", the id is stored with accept %llu",
                 (unsigned long long) known_accept);
    suite_fail(suite, "write %zu of %zu, %s %s with accept %llu%s%s: status %s, expected %s", place + 1,
               batch_count(batch), write->op == PBUS_ADD ? "add" : "delete", describe_id(&write->id).text,
               (unsigned long long) write->accept, write->malformed ? " (malformed)" : "", stored,
               pbus_status_name(write->told), pbus_status_name(expected));
}

void act_settle(suite_t *suite, const call_t *call, batch_t *batch)
{
    if (!suite_fine(suite))
        return;
    if (call->status != PBUS_OK) {
        suite_fail(suite, "ACK of a batch of %zu: status %s (%s), expected ok", batch_count(batch),
                   pbus_status_name(call->status), call->text);
        return;
    }
    suite->batches++;
    for (size_t i = 0; i < batch_count(batch); i++) {
        batch_at(batch, i)->told = call->failed[i];
        s_settle_write(suite, batch, i);
    }
    if (call->mark < s_highest(batch))
        suite_fail(suite, "ACK says mark %llu, below the accept number %llu of its own batch",
                   (unsigned long long) call->mark, (unsigned long long) s_highest(batch));
    if (call->mark > suite->accept)
        suite_fail(suite, "ACK says mark %llu, above %llu, the highest accept number there is",
                   (unsigned long long) call->mark, (unsigned long long) suite->accept);
}

void act_write(suite_t *suite, batch_t *batch)
{
    peer_t *peer = suite_peer(suite);
    if (!peer)
        return;
    call_t *call = peer_write(peer, batch);
    char what[64];
    snprintf(what, sizeof what, "the ACK of a batch of %zu", batch_count(batch));
    if (act_wait(suite, call, what))
        act_settle(suite, call, batch);
    call_destroy(&call);
}

pbus_status_t act_add(suite_t *suite, const pbus_event_t *event)
{
    batch_t *batch = batch_new();
    batch_add(batch, suite_accept(suite), event);
    act_write(suite, batch);
    pbus_status_t status = batch_at(batch, 0)->told;
    batch_destroy(&batch);
    return status;
}

pbus_status_t act_delete(suite_t *suite, const pbus_uuid_t *id)
{
    batch_t *batch = batch_new();
    batch_delete(batch, suite_accept(suite), id);
    act_write(suite, batch);
    pbus_status_t status = batch_at(batch, 0)->told;
    batch_destroy(&batch);
    return status;
}

void act_fill(suite_t *suite, const generator_shape_t *shape, size_t count, size_t batch_size)
{
    while (count > 0 && suite_fine(suite)) {
        batch_t *batch = batch_new();
        for (; count > 0 && batch_count(batch) < batch_size; count--)
            batch_add(batch, suite_accept(suite), generator_event(suite->random, shape));
        act_write(suite, batch);
        batch_destroy(&batch);
    }
}

/* ---- purging ---------------------------------------------------------------------------------------------
 */

/* One step; false when it was the last one. */
static bool s_purge_step(suite_t *suite, const pbus_ask_t *ask, uint64_t *deleted)
{
    call_t *call = act_ask(suite, ask);
    pbus_answer_t answer = act_answer(suite, call);
    bool more = answer.more && suite_fine(suite);
    *deleted = answer.total;
    if (answer.total > ask->query.limit)
        suite_fail(suite, "%s: %llu were deleted", describe_ask(ask).text, (unsigned long long) answer.total);
    call_destroy(&call);
    return more;
}

/* Returns how many were deleted. Counts are looked at if `total`, what there was before, is known. */
static uint64_t s_purge(suite_t *suite, const pbus_ask_t *ask, const uint64_t *total)
{
    pbus_filter_t any = pbus_filter_any();
    uint64_t all = 0, deleted;
    int64_t end = suite_deadline(suite, IDLE_SECONDS);
    for (bool more = true; more && suite_fine(suite);) {
        more = s_purge_step(suite, ask, &deleted);
        all += deleted;
        if (deleted > 0)
            end = suite_deadline(suite, IDLE_SECONDS);
        else if (more && pbus_clock_boottime() > end)
            suite_fail(suite, "%s: says for %d s that more is left, and deletes nothing",
                       describe_ask(ask).text, IDLE_SECONDS);
        if (total)
            check_count_is(suite, PBUS_EVENTS, &any, *total - all);
    }
    return all;
}

void act_purge(suite_t *suite, const pbus_filter_t *filter, uint32_t limit)
{
    pbus_filter_t any = pbus_filter_any();
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_PURGE);
    if (!suite_fine(suite))
        return;
    ask.query.filter = *filter;
    ask.query.limit = limit;
    uint64_t total = model_count(suite->model, PBUS_EVENTS, &any);
    uint64_t deleted = s_purge(suite, &ask, &total);
    uint64_t expected = model_purge(suite->model, filter);
    if (deleted != expected)
        suite_fail(suite, "%s: %llu were deleted in all, expected %llu", describe_ask(&ask).text,
                   (unsigned long long) deleted, (unsigned long long) expected);
}

void act_empty(suite_t *suite)
{
    pbus_filter_t any = pbus_filter_any();
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_PURGE);
    ask.query.limit = EMPTY_STEP;
    s_purge(suite, &ask, NULL);
    suite_step(suite, "emptying the store: a purge of everything is done");
    check_count_is(suite, PBUS_EVENTS, &any, 0);
    check_count_is(suite, PBUS_READINGS, &any, 0);
}
