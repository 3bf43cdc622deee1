/*
 * Lists: fetched page by page as core-data does it, and compared item by item.
 *
 * The order of events is fixed. Readings of equal origin may come in any order, so they are compared as sets,
 * and a page that begins or ends within such a set may hold any part of it; check_pages sees to it that the
 * parts fit.
 */
#include "check.h"
#include "describe.h"
#include "need.h"

#include <stdlib.h>
#include <string.h>

/* ---- fetching --------------------------------------------------------------------------------------------
 */

static void s_check_reply(suite_t *suite, const pbus_ask_t *ask, const pbus_answer_t *answer, size_t bytes)
{
    uint64_t most = host_terms(suite->host).reply_bytes;
    if (answer->count > ask->query.limit)
        suite_fail(suite, "%s: %zu items came", describe_ask(ask).text, answer->count);
    if (answer->more && answer->count == 0)
        suite_fail(suite, "%s: the answer says more, and holds not one item", describe_ask(ask).text);
    if (answer->count > 1 && bytes > most)
        suite_fail(suite, "%s: an answer of %zu bytes, though reply_bytes is %llu", describe_ask(ask).text,
                   bytes, (unsigned long long) most);
}

static void s_check_total(suite_t *suite, const pbus_ask_t *ask, uint64_t total)
{
    pbus_what_t what = ask->kind == PBUS_ASK_READINGS ? PBUS_READINGS : PBUS_EVENTS;
    uint64_t expected = model_count(suite->model, what, &ask->query.filter);
    if (total != expected)
        suite_fail(suite, "%s: total %llu, expected %llu", describe_ask(ask).text, (unsigned long long) total,
                   (unsigned long long) expected);
}

/* What to ask for behind the last `count` items of the page. */
static void s_advance(pbus_ask_t *ask, const page_t *page, size_t count)
{
    ask->query.limit -= (uint32_t) count;
    ask->query.want_total = false;
    if (ask->kind == PBUS_ASK_SCAN && page_count(page) > 0) {
        const pbus_event_t *last = &page_at(page, page_count(page) - 1)->event;
        ask->after = (pbus_cursor_t){last->origin, last->id};
        ask->has_after = true;
    } else
        ask->query.offset += count;
}

/* One reply; false when it was the last. */
static bool s_fetch_reply(suite_t *suite, pbus_ask_t *ask, page_t *page, uint64_t *total)
{
    call_t *call = act_ask(suite, ask);
    if (!call)
        return false;
    pbus_answer_t answer = act_answer(suite, call);
    suite->replies++;
    s_check_reply(suite, ask, &answer, call->payload.size);
    if (!page_take(page, ask->kind, &answer, suite->decoder))
        suite_fail(suite, "%s: item %zu is malformed", describe_ask(ask).text, page_count(page));
    if (ask->query.want_total)
        *total = answer.total;
    bool more = answer.more && answer.count < ask->query.limit && suite_fine(suite);
    if (more)
        s_advance(ask, page, answer.count);
    call_destroy(&call);
    return more;
}

static page_t *s_fetch(suite_t *suite, const pbus_ask_t *ask, uint64_t *total)
{
    page_t *page = page_new();
    pbus_ask_t next = *ask;
    suite->replies = 0;
    while (s_fetch_reply(suite, &next, page, total)) {
    }
    return page;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

/* What has to come, in order; the caller frees the list. */
static const model_event_t **s_expect_events(suite_t *suite, const pbus_ask_t *ask, size_t *count)
{
    size_t all, kept = 0;
    const model_event_t **list = model_events(suite->model, &ask->query.filter, &all);
    bool scan = ask->kind == PBUS_ASK_SCAN;
    for (size_t i = 0; scan && i < all / 2; i++) {
        const model_event_t *other = list[i];
        list[i] = list[all - 1 - i];
        list[all - 1 - i] = other;
    }
    for (size_t i = 0; i < all && kept < ask->query.limit; i++) {
        pbus_cursor_t place = {list[i]->event.origin, list[i]->event.id};
        if (ask->has_after ? pbus_cursor_cmp(&place, &ask->after) > 0 : scan || i >= ask->query.offset)
            list[kept++] = list[i];
    }
    *count = kept;
    return list;
}

/* Why an event that came is none of those expected. */
static void s_fail_extra(suite_t *suite, const pbus_ask_t *ask, size_t place, const page_item_t *item)
{
    const model_event_t *held = model_find(suite->model, &item->event.id);
    describe_t ask_text = describe_ask(ask);
    if (!held && model_had(suite->model, &item->event.id))
        suite_fail(suite, "%s: item %zu is event %s, which was deleted", ask_text.text, place,
                   describe_id(&item->event.id).text);
    else if (!held)
        suite_fail(suite, "%s: item %zu is event %s, which was never stored", ask_text.text, place,
                   describe_id(&item->event.id).text);
    else if (!pbus_filter_event(&ask->query.filter, &held->event, held->accept))
        suite_fail(suite, "%s: item %zu does not pass the filter: %s", ask_text.text, place,
                   describe_event(held).text);
    else
        suite_fail(suite, "%s: item %zu does not belong on this page: %s", ask_text.text, place,
                   describe_event(held).text);
}

static void s_fail_order(suite_t *suite, const pbus_ask_t *ask, size_t place, const model_event_t *expected,
                         const pbus_event_t *got)
{
    const char *way = ask->kind == PBUS_ASK_SCAN ? "ascending" : "descending";
    if (expected->event.origin == got->origin)
        suite_fail(
            suite,
            "%s: wrong order of ties: events of equal origin have to come by id %s, but item %zu of origin "
            "%lld is %s, expected %s",
            describe_ask(ask).text, way, place, (long long) got->origin, describe_id(&got->id).text,
            describe_id(&expected->event.id).text);
    else
        suite_fail(
            suite,
            "%s: wrong order: events have to come by origin %s, but item %zu has origin %lld, expected "
            "%lld (%s)",
            describe_ask(ask).text, way, place, (long long) got->origin, (long long) expected->event.origin,
            describe_id(&expected->event.id).text);
}

static bool s_is_expected(const model_event_t *const *expected, size_t count, const pbus_uuid_t *id)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&expected[i]->event.id, id, sizeof *id) == 0)
            return true;
    return false;
}

/*
 * Whether another event of its origin took the place of the expected one, which may be on the next page or
 * the one before: at an edge of the page alone. Elsewhere the expected one is not there.
 */
static bool s_is_tie(const page_t *page, const page_item_t *item, const model_event_t *const *expected,
                     size_t place, size_t count)
{
    int64_t origin = expected[place]->event.origin;
    bool edge = origin == expected[0]->event.origin || origin == expected[count - 1]->event.origin;
    return page_count(page) == count && item && item->event.origin == origin && edge;
}

/* Item `place` is another event than expected, or there is no such item. */
static void s_fail_place(suite_t *suite, const pbus_ask_t *ask, const page_t *page, size_t place,
                         const model_event_t *const *expected, size_t count)
{
    const page_item_t *item = place < page_count(page) ? page_at(page, place) : NULL;
    if (place < count && page_find(page, &expected[place]->event.id) == page_count(page) &&
        !s_is_tie(page, item, expected, place, count))
        suite_fail(suite, "%s: item %zu is missing: %s", describe_ask(ask).text, place,
                   describe_event(expected[place]).text);
    else if (item && page_find(page, &item->event.id) < place)
        suite_fail(suite, "%s: items %zu and %zu are both event %s", describe_ask(ask).text,
                   page_find(page, &item->event.id), place, describe_id(&item->event.id).text);
    else if (item && !s_is_expected(expected, count, &item->event.id) &&
             !(place < count && s_is_tie(page, item, expected, place, count) &&
               model_find(suite->model, &item->event.id)))
        s_fail_extra(suite, ask, place, item);
    else if (item && place < count)
        s_fail_order(suite, ask, place, expected[place], &item->event);
}

static void s_compare_event(suite_t *suite, const pbus_ask_t *ask, size_t place,
                            const model_event_t *expected, const page_item_t *item)
{
    const pbus_buf_t *data = &item->data;
    if (item->accept != expected->accept)
        suite_fail(suite, "%s: item %zu, event %s, has accept %llu, expected %llu", describe_ask(ask).text,
                   place, describe_id(&item->event.id).text, (unsigned long long) item->accept,
                   (unsigned long long) expected->accept);
    if (data->size == expected->data.size && memcmp(data->data, expected->data.data, data->size) == 0)
        return;
    const pbus_event_t *got = pbus_decoder_event(suite->decoder, data->data, data->size);
    suite_fail(suite, "%s: item %zu, event %s: %s", describe_ask(ask).text, place,
               describe_id(&item->event.id).text, describe_event_difference(&expected->event, got).text);
}

static void s_compare_events(suite_t *suite, const pbus_ask_t *ask, const page_t *page)
{
    size_t count;
    const model_event_t **expected = s_expect_events(suite, ask, &count);
    size_t most = page_count(page) > count ? page_count(page) : count;
    for (size_t i = 0; i < most && suite_fine(suite); i++)
        if (i >= count || i >= page_count(page) ||
            memcmp(&expected[i]->event.id, &page_at(page, i)->event.id, sizeof(pbus_uuid_t)) != 0)
            s_fail_place(suite, ask, page, i, expected, count);
        else
            s_compare_event(suite, ask, i, expected[i], page_at(page, i));
    free(expected);
}

/* ---- readings --------------------------------------------------------------------------------------------
 */

static void s_fail_reading_place(suite_t *suite, const pbus_ask_t *ask, const page_t *page, size_t place,
                                 const model_reading_t *expected)
{
    int64_t got = page_at(page, place)->reading.origin;
    if (place > 0 && page_at(page, place - 1)->reading.origin < got)
        suite_fail(suite, "%s: wrong order: item %zu has origin %lld behind one of %lld",
                   describe_ask(ask).text, place, (long long) got,
                   (long long) page_at(page, place - 1)->reading.origin);
    else if (got > expected->reading->origin)
        suite_fail(suite, "%s: item %zu does not belong here, or comes twice: %s", describe_ask(ask).text,
                   place, describe_reading(&page_at(page, place)->reading).text);
    else
        suite_fail(suite, "%s: item %zu is missing: %s, of %s", describe_ask(ask).text, place,
                   describe_reading(expected->reading).text, describe_event(expected->of).text);
}

/* A reading that is none of those of its origin: says in what it differs from the most similar one. */
static void s_fail_reading(suite_t *suite, const pbus_ask_t *ask, const pbus_reading_t *got,
                           const model_reading_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const pbus_reading_t *held = list[i].reading;
        if (held->origin == got->origin && pbus_str_eq(held->resource, got->resource) &&
            pbus_str_eq(held->device, got->device) && held->type == got->type) {
            describe_t difference = describe_reading_difference(held, got);
            suite_fail(suite, "%s: %s: %s", describe_ask(ask).text, describe_reading(held).text,
                       difference.text[0] ? difference.text : "comes twice");
            return;
        }
    }
    suite_fail(suite, "%s: holds what is not stored: %s", describe_ask(ask).text, describe_reading(got).text);
}

static int s_compare_items(const void *left, const void *right)
{
    const page_item_t *a = *(const page_item_t *const *) left, *b = *(const page_item_t *const *) right;
    return model_reading_cmp(&a->reading, &b->reading);
}

static const page_item_t **s_sort_items(const page_t *page)
{
    const page_item_t **items = need_alloc(page_count(page), sizeof(const page_item_t *));
    for (size_t i = 0; i < page_count(page); i++)
        items[i] = page_at(page, i);
    qsort(items, page_count(page), sizeof(const page_item_t *), s_compare_items);
    return items;
}

/* Every reading that came has to be one of those stored, and as often. Both lists are in the model's order.
 */
static void s_compare_sets(suite_t *suite, const pbus_ask_t *ask, const page_t *page,
                           const model_reading_t *list, size_t count)
{
    const page_item_t **items = s_sort_items(page);
    size_t at = 0;
    for (size_t i = 0; i < page_count(page) && suite_fine(suite); i++) {
        while (at < count && model_reading_cmp(list[at].reading, &items[i]->reading) < 0)
            at++;
        if (at < count && model_reading_cmp(list[at].reading, &items[i]->reading) == 0)
            at++;
        else
            s_fail_reading(suite, ask, &items[i]->reading, list, count);
    }
    free(items);
}

static void s_compare_readings(suite_t *suite, const pbus_ask_t *ask, const page_t *page)
{
    size_t all;
    model_reading_t *list = model_readings(suite->model, &ask->query.filter, &all);
    size_t begin = ask->query.offset < all ? (size_t) ask->query.offset : all;
    size_t count = all - begin < ask->query.limit ? all - begin : ask->query.limit;
    for (size_t i = 0; i < count && i < page_count(page) && suite_fine(suite); i++)
        if (page_at(page, i)->reading.origin != list[begin + i].reading->origin)
            s_fail_reading_place(suite, ask, page, i, &list[begin + i]);
    if (suite_fine(suite))
        s_compare_sets(suite, ask, page, list, all);
    if (page_count(page) > count)
        suite_fail(suite, "%s: %zu items came, expected %zu", describe_ask(ask).text, page_count(page),
                   count);
    else if (page_count(page) < count)
        suite_fail(suite, "%s: %zu items came, expected %zu; the next would be %s, of %s",
                   describe_ask(ask).text, page_count(page), count,
                   describe_reading(list[begin + page_count(page)].reading).text,
                   describe_event(list[begin + page_count(page)].of).text);
    free(list);
}

/* ---- lists -----------------------------------------------------------------------------------------------
 */

page_t *check_page(suite_t *suite, const pbus_ask_t *ask)
{
    uint64_t total = 0;
    page_t *page = s_fetch(suite, ask, &total);
    if (!suite_fine(suite))
        return page;
    /* The items before the total: they tell more. */
    if (ask->kind == PBUS_ASK_READINGS)
        s_compare_readings(suite, ask, page);
    else
        s_compare_events(suite, ask, page);
    if (ask->query.want_total && ask->kind != PBUS_ASK_SCAN)
        s_check_total(suite, ask, total);
    return page;
}

void check_list(suite_t *suite, const pbus_ask_t *ask)
{
    if (!suite_fine(suite))
        return;
    page_t *page = check_page(suite, ask);
    page_destroy(&page);
}

/* Events have one order, which was checked; readings of equal origin must at least keep theirs. */
static void s_check_seam(suite_t *suite, const pbus_ask_t *ask, const page_t *whole, size_t offset,
                         const page_t *page)
{
    for (size_t i = 0; i < page_count(page) && offset + i < page_count(whole); i++) {
        const pbus_buf_t *a = &page_at(whole, offset + i)->data, *b = &page_at(page, i)->data;
        if (a->size != b->size || memcmp(a->data, b->data, a->size) != 0) {
            suite_fail(
                suite,
                "%s: item %zu is another one than in a list of all: ties have to keep their order between "
                "pages",
                describe_ask(ask).text, i);
            return;
        }
    }
}

void check_pages(suite_t *suite, pbus_ask_kind_t kind, const pbus_filter_t *filter, uint32_t size)
{
    if (!suite_fine(suite))
        return;
    pbus_ask_t ask = pbus_ask_any(kind);
    ask.query.filter = *filter;
    ask.query.limit = UINT32_MAX;
    page_t *whole = check_page(suite, &ask);
    size_t offset = 0;
    for (bool more = true; more && suite_fine(suite);) {
        ask.query.limit = size;
        page_t *page = check_page(suite, &ask);
        s_check_seam(suite, &ask, whole, offset, page);
        more = page_count(page) == size;
        offset += page_count(page);
        s_advance(&ask, page, page_count(page));
        page_destroy(&page);
    }
    page_destroy(&whole);
}
