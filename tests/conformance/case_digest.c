/*
 * Digests: the hash of windows of events, which has to be what the events' accept numbers, ids and bytes
 * give, and to cover as much as the answer says.
 */
#include "act.h"
#include "cases.h"
#include "describe.h"
#include "digest.h"
#include "need.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static pbus_cursor_t s_place(const model_event_t *event)
{
    return (pbus_cursor_t){event->event.origin, event->event.id};
}

/* What is in the window up to `last`, oldest first; returns how many events were hashed. */
static uint64_t s_hash(const model_event_t *const *list, size_t count, const pbus_ask_t *ask,
                       const pbus_cursor_t *last, uint8_t hash[PBUS_HASH_SIZE])
{
    XXH128_canonical_t canonical;
    XXH3_state_t *state = XXH3_createState();
    uint64_t hashed = 0;
    need_made(state);
    XXH3_128bits_reset(state);
    for (size_t i = count; i-- > 0;) {
        pbus_cursor_t place = s_place(list[i]);
        uint64_t accept = htobe64(list[i]->accept);
        if ((ask->has_after && pbus_cursor_cmp(&place, &ask->after) <= 0) ||
            pbus_cursor_cmp(&place, last) > 0 || list[i]->accept > ask->query.filter.accept_max)
            continue;
        XXH3_128bits_update(state, &accept, sizeof accept);
        XXH3_128bits_update(state, list[i]->event.id.bytes, sizeof list[i]->event.id);
        XXH3_128bits_update(state, list[i]->data.data, list[i]->data.size);
        hashed++;
    }
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    memcpy(hash, canonical.digest, PBUS_HASH_SIZE);
    XXH3_freeState(state);
    return hashed;
}

/* The newest event of the window; NULL: there is none. */
static const model_event_t *s_newest(const model_event_t *const *list, size_t count, const pbus_ask_t *ask)
{
    for (size_t i = 0; i < count; i++) {
        pbus_cursor_t place = s_place(list[i]);
        if (ask->has_until && pbus_cursor_cmp(&place, &ask->until) > 0)
            continue;
        return ask->has_after && pbus_cursor_cmp(&place, &ask->after) <= 0 ? NULL : list[i];
    }
    return NULL;
}

static void s_check_sum(suite_t *suite, const model_event_t *const *list, size_t count, const pbus_ask_t *ask,
                        const pbus_digest_sum_t *sum)
{
    const model_event_t *newest = s_newest(list, count, ask);
    describe_t what = describe_ask(ask);
    uint8_t hash[PBUS_HASH_SIZE];
    if (!sum->any || !newest) {
        if (newest || sum->any || sum->more || sum->count > 0)
            suite_fail(suite, "%s: the answer speaks of %s, there is %s in the window", what.text,
                       sum->any ? "an event" : "none", newest ? "one" : "none");
        return;
    }
    pbus_cursor_t end = s_place(newest);
    uint64_t expected = s_hash(list, count, ask, &sum->last, hash);
    if (pbus_cursor_cmp(&sum->last, &end) > 0 || (!sum->more && pbus_cursor_cmp(&sum->last, &end) < 0))
        suite_fail(suite, "%s: the last event looked at is %s, the last of the window %s", what.text,
                   describe_id(&sum->last.id).text, describe_id(&end.id).text);
    else if (sum->count != expected || sum->count > ask->query.limit)
        suite_fail(suite, "%s: %llu events were hashed, expected %llu and at most %u", what.text,
                   (unsigned long long) sum->count, (unsigned long long) expected,
                   (unsigned) ask->query.limit);
    else if (memcmp(sum->hash, hash, sizeof hash) != 0)
        suite_fail(suite,
                   "%s: the hash of %llu events up to %s is not that of their accept numbers, ids and bytes",
                   what.text, (unsigned long long) expected, describe_id(&sum->last.id).text);
}

/* Asks for the window, again behind what an answer covers until that says that nothing is left. */
static void s_window(suite_t *suite, pbus_ask_t ask)
{
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    const model_event_t **list = model_events(suite->model, &any, &count);
    pbus_digest_sum_t sum = {.more = true};
    for (size_t turn = 0; sum.more && suite_fine(suite) && !suite->lacking; turn++) {
        call_t *call = act_ask_status(suite, &ask, PBUS_UNSUPPORTED);
        if (call && call->status == PBUS_UNSUPPORTED)
            suite->lacking = "digest";
        else if (call && !pbus_digest_read(&sum, call->payload.data, call->payload.size))
            suite_fail(suite, "%s: the answer is malformed", describe_ask(&ask).text);
        else if (call)
            s_check_sum(suite, list, count, &ask, &sum);
        if (turn > count)
            suite_fail(suite, "%s: there is more after %zu answers", describe_ask(&ask).text, turn + 1);
        ask.has_after = ask.has_after || sum.any;
        ask.after = sum.any ? sum.last : ask.after;
        call_destroy(&call);
    }
    free(list);
}

static pbus_ask_t s_ask(uint32_t limit)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_DIGEST);
    ask.query.limit = limit;
    return ask;
}

static void s_windows(suite_t *suite)
{
    suite_step(suite, "an empty store");
    s_window(suite, s_ask(100));
    act_fill(suite, &case_ties, 100, 30);
    act_fill(suite, &case_mixed, 100, 30);
    suite_step(suite, "200 events with many ties");
    for (uint32_t limit = 1; limit < 1000; limit *= 6)
        s_window(suite, s_ask(limit));
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    const model_event_t **list = model_events(suite->model, &any, &count);
    for (size_t i = 0; i + 40 < count; i += 37) {
        pbus_ask_t ask = s_ask(25);
        ask.has_after = ask.has_until = true;
        ask.after = s_place(list[i + 40]);
        ask.until = s_place(list[i]);
        s_window(suite, ask);
        ask.has_after = i % 2;
        ask.query.limit = 1000;
        ask.query.filter.accept_max = list[i]->accept;
        s_window(suite, ask);
    }
    free(list);
}

const suite_case_t case_digest[] = {
    {"digest", "hashes of windows, whole and in steps, as of a number", PBUS_CAP_SCAN | SUITE_NEEDS_MINOR_1,
     s_windows},
    {NULL, NULL, 0, NULL},
};
