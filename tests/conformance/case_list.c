/*
 * Lists and counts: every combination of a filter's parts, order, ties, and pages at every edge.
 */
#include "act.h"
#include "cases.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* ---- filters ---------------------------------------------------------------------------------------------
 */

/* Bounds of all kinds around the events that there are, the way-th. */
#define WAYS 8
static void s_bounds(suite_t *suite, unsigned way, pbus_filter_t *filter)
{
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    const model_event_t **list = model_events(suite->model, &any, &count);
    int64_t late = list[count / 4]->event.origin, early = list[3 * count / 4]->event.origin;
    free(list);
    if (way == 1 || way == 3 || way == 4)
        filter->origin_min = early;
    if (way == 2 || way == 3)
        filter->origin_max = late;
    if (way == 4)
        filter->origin_max = early;
    if (way == 5) {
        filter->origin_min = early + 1;
        filter->origin_max = late - 1;
    }
    if (way == 6) {
        filter->origin_min = late;
        filter->origin_max = early;
    }
    if (way == 7)
        filter->origin_min = INT64_MAX;
}

/* A page somewhere, also beyond the end, and the count. */
static void s_check_somewhere(suite_t *suite, pbus_ask_t *ask)
{
    pbus_what_t what = ask->kind == PBUS_ASK_READINGS ? PBUS_READINGS : PBUS_EVENTS;
    uint64_t total = model_count(suite->model, what, &ask->query.filter);
    ask->query.want_total = generator_chance(suite->random, 50);
    ask->query.offset = generator_chance(suite->random, 60) ? 0 : generator_below(suite->random, total + 2);
    ask->query.limit =
        generator_chance(suite->random, 60) ? 1000 : (uint32_t) generator_below(suite->random, total + 2);
    check_list(suite, ask);
    check_count(suite, what, &ask->query.filter);
}

static void s_event_filters(suite_t *suite)
{
    const pbus_str_t devices[] = {PBUS_STR(""), sample_names[0], sample_names[1], PBUS_STR("nobody")};
    const pbus_str_t sources[] = {PBUS_STR(""), sample_names[2], PBUS_STR("nothing")};
    act_fill(suite, &case_mixed, 100, 50);
    for (unsigned i = 0; i < 4 * 3 * WAYS && suite_fine(suite); i++) {
        pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
        ask.query.filter.device = devices[i % 4];
        ask.query.filter.source = sources[i / 4 % 3];
        s_bounds(suite, i / 12, &ask.query.filter);
        s_check_somewhere(suite, &ask);
    }
}

static void s_reading_filters(suite_t *suite)
{
    const pbus_str_t devices[] = {PBUS_STR(""), sample_names[0], PBUS_STR("nobody")};
    const pbus_str_t names[] = {sample_names[1], sample_names[3], PBUS_STR("nothing"), sample_names[2],
                                sample_names[4]};
    static const size_t from[] = {0, 0, 0, 1, 2}, count[] = {0, 1, 2, 2, 3};
    act_fill(suite, &case_mixed, 100, 50);
    for (unsigned i = 0; i < 3 * 5 * WAYS && suite_fine(suite); i++) {
        pbus_ask_t ask = pbus_ask_any(PBUS_ASK_READINGS);
        ask.query.filter.device = devices[i % 3];
        ask.query.filter.resources = names + from[i / 3 % 5];
        ask.query.filter.resource_count = count[i / 3 % 5];
        s_bounds(suite, i / 15, &ask.query.filter);
        s_check_somewhere(suite, &ask);
    }
}

static void s_add_id(suite_t *suite, pbus_uuid_t *ids, size_t *count, bool known)
{
    size_t all;
    pbus_filter_t any = pbus_filter_any();
    const model_event_t **list = model_events(suite->model, &any, &all);
    pbus_uuid_t id =
        known ? list[generator_below(suite->random, all)]->event.id : generator_id(suite->random);
    free(list);
    for (size_t i = 0; i < *count; i++)
        if (memcmp(&ids[i], &id, sizeof id) == 0)
            return;
    ids[(*count)++] = id;
}

static void s_ids(suite_t *suite)
{
    enum { MOST = 60 };
    act_fill(suite, &case_mixed, 100, 50);
    for (unsigned i = 0; i < 40 && suite_fine(suite); i++) {
        pbus_uuid_t ids[MOST];
        pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
        if (i > 10)
            ask.query.filter = generator_event_filter(suite->random, &case_mixed);
        size_t wanted = i % 4 ? i % 4 : 1 + generator_below(suite->random, MOST - 1);
        for (size_t k = 0; k < wanted; k++)
            s_add_id(suite, ids, &ask.query.filter.id_count,
                     i % 5 > 0 && generator_chance(suite->random, 85));
        ask.query.filter.ids = ids;
        s_check_somewhere(suite, &ask);
    }
}

/* ---- order and pages -------------------------------------------------------------------------------------
 */

static void s_ties(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    act_fill(suite, &case_ties, 200, 23);
    suite_step(suite, "200 events of five origins, 1 ns apart");
    check_all(suite);
    for (uint32_t size = 2; size < 60; size = size * 4 + 1) {
        check_pages(suite, PBUS_ASK_EVENTS, &filter, size * 4);
        check_pages(suite, PBUS_ASK_READINGS, &filter, size * 5);
    }
    filter.device = sample_names[0];
    check_pages(suite, PBUS_ASK_EVENTS, &filter, 7);
    check_pages(suite, PBUS_ASK_READINGS, &filter, 7);
    for (int i = 0; i < 5 && suite_fine(suite); i++) {
        filter.origin_min = filter.origin_max = generator_origin_first() + i;
        check_pages(suite, PBUS_ASK_EVENTS, &filter, 11);
        check_pages(suite, PBUS_ASK_READINGS, &filter, 11);
    }
}

/* Offsets and limits at every edge, with and without a total. */
static void s_edges(suite_t *suite, pbus_ask_kind_t kind, const pbus_filter_t *filter)
{
    pbus_what_t what = kind == PBUS_ASK_READINGS ? PBUS_READINGS : PBUS_EVENTS;
    uint64_t n = model_count(suite->model, what, filter);
    const uint64_t offsets[] = {0, 1, n ? n - 1 : 0, n, n + 1, 2147483647, UINT64_MAX};
    const uint64_t limits[] = {0, 1, n ? n - 1 : 0, n, n + 1, UINT32_MAX};
    for (size_t i = 0; i < 7 * 6 * 2 && suite_fine(suite); i++) {
        pbus_ask_t ask = pbus_ask_any(kind);
        ask.query.filter = *filter;
        ask.query.offset = offsets[i % 7];
        ask.query.limit = (uint32_t) limits[i / 7 % 6];
        ask.query.want_total = i / 42;
        check_list(suite, &ask);
    }
}

static void s_event_pages(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    suite_step(suite, "an empty store");
    s_edges(suite, PBUS_ASK_EVENTS, &filter);
    act_fill(suite, &case_mixed, 60, 60);
    suite_step(suite, "60 events");
    s_edges(suite, PBUS_ASK_EVENTS, &filter);
    filter.device = sample_names[0];
    s_edges(suite, PBUS_ASK_EVENTS, &filter);
    check_pages(suite, PBUS_ASK_EVENTS, &filter, 5);
}

static void s_reading_pages(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    suite_step(suite, "an empty store");
    s_edges(suite, PBUS_ASK_READINGS, &filter);
    act_fill(suite, &case_mixed, 60, 60);
    suite_step(suite, "60 events");
    s_edges(suite, PBUS_ASK_READINGS, &filter);
    filter.device = sample_names[0];
    filter.resources = &sample_names[1];
    filter.resource_count = 2;
    s_edges(suite, PBUS_ASK_READINGS, &filter);
    check_pages(suite, PBUS_ASK_READINGS, &filter, 3);
}

/* ---- size and time ---------------------------------------------------------------------------------------
 */

static void s_check_cut(suite_t *suite, pbus_ask_kind_t kind)
{
    pbus_ask_t ask = pbus_ask_any(kind);
    ask.query.limit = 1000;
    ask.query.want_total = true;
    check_list(suite, &ask);
    if (suite_fine(suite) && suite->replies < 2)
        suite_fail(suite, "everything came in one answer, though reply_bytes is small");
    ask.query.offset = 17;
    ask.query.limit = 31;
    check_list(suite, &ask);
}

/* Answers are cut at reply_bytes; one item always comes. */
static void s_cut_answers(suite_t *suite)
{
    static const uint64_t sizes[] = {4096, 1};
    act_fill(suite, &case_mixed, 60, 30);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && suite_fine(suite); i++) {
        host_terms_t terms = host_default_terms();
        terms.reply_bytes = sizes[i];
        suite_step(suite, "reply_bytes %llu", (unsigned long long) sizes[i]);
        suite_new_session(suite, &terms);
        s_check_cut(suite, PBUS_ASK_EVENTS);
        s_check_cut(suite, PBUS_ASK_READINGS);
        peer_t *peer = suite_peer(suite);
        if (peer && !(peer_info(peer)->missing & PBUS_CAP_SCAN))
            check_pages(
                suite, PBUS_ASK_SCAN,
                &(pbus_filter_t){.origin_min = INT64_MIN, .origin_max = INT64_MAX, .accept_max = UINT64_MAX},
                40);
    }
}

/* An event that no answer can hold is said to be none, and nothing else suffers. */
static void s_message_bytes(suite_t *suite)
{
    static char value[200000];
    host_terms_t terms = host_default_terms();
    case_event_t made;
    memset(value, 'v', sizeof value);
    case_make(suite, &made, PBUS_STR("too large"), generator_origin_first() + 1);
    made.reading.type = PBUS_STRING;
    made.reading.value = (pbus_str_t){value, sizeof value};
    act_add(suite, &made.event);
    case_make(suite, &made, PBUS_STR("small"), generator_origin_first());
    act_add(suite, &made.event);

    terms.reply_bytes = terms.message_bytes = 100000;
    suite_step(suite, "an event of 200 kB, message_bytes 100,000");
    suite_new_session(suite, &terms);
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
    ask.query.limit = 10;
    peer_t *peer = suite_peer(suite);
    call_t *call = peer ? peer_ask(peer, &ask, 10000) : NULL;
    if (act_wait(suite, call, "an answer") && call->status == PBUS_OK)
        suite_fail(suite, "status ok, though the first event does not fit");
    call_destroy(&call);
    ask.query.filter.device = PBUS_STR("small");
    check_list(suite, &ask);
}

/* A query whose time is short is answered, in whatever way, and the next ones are as ever. */
static void s_deadline(suite_t *suite)
{
    act_fill(suite, &case_mixed, 500, 500);
    for (uint64_t timeout = 0; timeout < 3 && suite_fine(suite); timeout++)
        for (int kind = PBUS_ASK_EVENTS; kind <= PBUS_ASK_COUNT && suite_fine(suite); kind++) {
            pbus_ask_t ask = pbus_ask_any((pbus_ask_kind_t) kind);
            ask.query.limit = 1000;
            suite_step(suite, "a query with %llu ms left", (unsigned long long) timeout);
            peer_t *peer = suite_peer(suite);
            call_t *call = peer ? peer_ask(peer, &ask, timeout) : NULL;
            if (act_wait(suite, call, "an answer") && call->status != PBUS_OK && call->status != PBUS_TIMEOUT)
                suite_fail(suite, "status %s, expected ok or timeout", pbus_status_name(call->status));
            call_destroy(&call);
        }
    suite_step(suite, "after queries whose time was short");
    check_all(suite);
}

const suite_case_t case_list[] = {
    {"event-filters", "every combination of device, source and bounds", 0, s_event_filters},
    {"reading-filters", "every combination of device, resources and bounds", 0, s_reading_filters},
    {"ids", "known and unknown, with and without other parts", 0, s_ids},
    {"ties", "events and readings of equal origin", 0, s_ties},
    {"event-pages", "offsets and limits at every edge", 0, s_event_pages},
    {"reading-pages", "offsets and limits at every edge", 0, s_reading_pages},
    {"cut-answers", "at reply_bytes, and completed", 0, s_cut_answers},
    {"message-bytes", "no answer is larger", 0, s_message_bytes},
    {"deadline", "queries with hardly any time", 0, s_deadline},
    {NULL, NULL, 0, NULL},
};
