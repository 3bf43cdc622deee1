#include "check.h"
#include "describe.h"

#include <stdlib.h>
#define PAGE 2500    /* items of a list that goes on */
#define NAMES_MAX 12 /* devices, sources or resources that are counted one by one */

/* ---- counts ----------------------------------------------------------------------------------------------
 */

void check_count_is(suite_t *suite, pbus_what_t what, const pbus_filter_t *filter, uint64_t expected)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    ask.what = what;
    ask.query.filter = *filter;
    call_t *call = act_ask(suite, &ask);
    pbus_answer_t answer = act_answer(suite, call);
    if (answer.total != expected)
        suite_fail(suite, "%s is %llu, expected %llu", describe_ask(&ask).text,
                   (unsigned long long) answer.total, (unsigned long long) expected);
    call_destroy(&call);
}

void check_count(suite_t *suite, pbus_what_t what, const pbus_filter_t *filter)
{
    if (suite_fine(suite))
        check_count_is(suite, what, filter, model_count(suite->model, what, filter));
}

static void s_count_sources(suite_t *suite)
{
    size_t count;
    model_source_t *sources = model_sources(suite->model, &count);
    for (size_t i = 0; i < count && i < NAMES_MAX && suite_fine(suite); i++) {
        pbus_filter_t filter = pbus_filter_any();
        filter.device = sources[i].device;
        check_count(suite, PBUS_EVENTS, &filter);
        check_count(suite, PBUS_READINGS, &filter);
        filter.source = sources[i].source;
        check_count(suite, PBUS_EVENTS, &filter);
        filter.device = PBUS_STR("");
        check_count(suite, PBUS_EVENTS, &filter);
    }
    free(sources);
}

static void s_count_groups(suite_t *suite)
{
    size_t count;
    pbus_filter_t any = pbus_filter_any();
    model_group_t *groups = model_groups(suite->model, &any, &count);
    for (size_t i = 0; i < count && i < NAMES_MAX && suite_fine(suite); i++) {
        pbus_filter_t filter = pbus_filter_any();
        filter.resources = &groups[i].like.resource;
        filter.resource_count = 1;
        check_count(suite, PBUS_READINGS, &filter);
        filter.device = groups[i].like.device;
        check_count(suite, PBUS_READINGS, &filter);
    }
    free(groups);
}

void check_counts(suite_t *suite)
{
    pbus_filter_t any = pbus_filter_any();
    check_count(suite, PBUS_EVENTS, &any);
    check_count(suite, PBUS_READINGS, &any);
    if (!suite_fine(suite))
        return;
    s_count_sources(suite);
    s_count_groups(suite);
}

/* ---- sources ---------------------------------------------------------------------------------------------
 */

static void s_check_source(suite_t *suite, model_source_t *sources, size_t count, const model_source_t *got)
{
    for (size_t i = 0; i < count; i++) {
        if (!pbus_str_eq(sources[i].device, got->device) || !pbus_str_eq(sources[i].source, got->source))
            continue;
        if (sources[i].events != got->events)
            suite_fail(suite, "list of sources: device %s, source %s has %llu events, expected %llu",
                       describe_text(got->device).text, describe_text(got->source).text,
                       (unsigned long long) got->events, (unsigned long long) sources[i].events);
        sources[i].events = UINT64_MAX; /* seen: a second time it differs */
        return;
    }
    suite_fail(suite, "list of sources: device %s, source %s with %llu events, expected none",
               describe_text(got->device).text, describe_text(got->source).text,
               (unsigned long long) got->events);
}

void check_sources(suite_t *suite)
{
    size_t count;
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SOURCES);
    call_t *call = act_ask(suite, &ask);
    pbus_answer_t answer = act_answer(suite, call);
    model_source_t *sources = model_sources(suite->model, &count), got;
    while (pbus_answer_source(&answer, &got.device, &got.source, &got.events))
        s_check_source(suite, sources, count, &got);
    if (answer.bad || answer.more)
        suite_fail(suite, "list of sources: item %zu is %s", answer.next,
                   answer.bad ? "malformed" : "the last, though more are said to follow");
    for (size_t i = 0; i < count && suite_fine(suite); i++)
        if (sources[i].events != UINT64_MAX)
            suite_fail(suite, "list of sources lacks device %s, source %s, which has %llu events",
                       describe_text(sources[i].device).text, describe_text(sources[i].source).text,
                       (unsigned long long) sources[i].events);
    free(sources);
    call_destroy(&call);
}

/* ---- all -------------------------------------------------------------------------------------------------
 */

/* Everything, page by page; the total at the end, as a list tells more. */
static void s_check_everything(suite_t *suite, pbus_ask_kind_t kind)
{
    pbus_ask_t ask = pbus_ask_any(kind);
    ask.query.limit = PAGE;
    for (bool more = true; more && suite_fine(suite);) {
        page_t *page = check_page(suite, &ask);
        more = page_count(page) == PAGE;
        ask.query.offset += PAGE;
        page_destroy(&page);
    }
    ask.query.offset = 0;
    ask.query.limit = 1;
    ask.query.want_total = true;
    check_list(suite, &ask);
}

void check_all(suite_t *suite)
{
    pbus_filter_t any = pbus_filter_any();
    s_check_everything(suite, PBUS_ASK_EVENTS);
    s_check_everything(suite, PBUS_ASK_READINGS);
    check_count(suite, PBUS_EVENTS, &any);
    check_count(suite, PBUS_READINGS, &any);
    check_sources(suite);
}
