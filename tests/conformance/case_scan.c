/*
 * Scans: events by (origin, id) ascending, from a cursor on.
 */
#include "act.h"
#include "cases.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

static void s_scan_pages(suite_t *suite)
{
    static const uint32_t sizes[] = {1, 7, 50, 200, 201};
    pbus_filter_t any = pbus_filter_any();
    suite_step(suite, "an empty store");
    check_pages(suite, PBUS_ASK_SCAN, &any, 10);
    act_fill(suite, &case_ties, 100, 30);
    act_fill(suite, &case_mixed, 100, 30);
    suite_step(suite, "200 events with many ties");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_pages(suite, PBUS_ASK_SCAN, &any, sizes[i]);
}

static pbus_ask_t s_scan_from(const pbus_event_t *event, uint32_t limit)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SCAN);
    ask.has_after = true;
    ask.after = (pbus_cursor_t){event->origin, event->id};
    ask.query.limit = limit;
    return ask;
}

/* Cursors at events, right beside them, and at both ends of all that can be. */
static void s_scan_cursors(suite_t *suite)
{
    pbus_filter_t any = pbus_filter_any();
    size_t count;
    act_fill(suite, &case_ties, 100, 50);
    const model_event_t **list = model_events(suite->model, &any, &count);
    for (size_t i = 0; i < count && suite_fine(suite); i += 3) {
        pbus_ask_t ask = s_scan_from(&list[i]->event, 20);
        check_list(suite, &ask);
        ask.after.id.bytes[15] ^= 1;
        check_list(suite, &ask);
        ask.after.id = (pbus_uuid_t){{0}};
        check_list(suite, &ask);
        memset(&ask.after.id, 0xFF, sizeof ask.after.id);
        check_list(suite, &ask);
    }
    free(list);
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SCAN);
    ask.query.limit = 1000;
    ask.has_after = true;
    ask.after.origin = INT64_MIN;
    check_list(suite, &ask);
    ask.after.origin = INT64_MAX;
    memset(&ask.after.id, 0xFF, sizeof ask.after.id);
    check_list(suite, &ask);
}

static void s_scan_bounds(suite_t *suite)
{
    act_fill(suite, &case_mixed, 100, 50);
    for (int i = 0; i < 60 && suite_fine(suite); i++) {
        pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SCAN);
        pbus_filter_t filter = generator_event_filter(suite->random, &case_mixed);
        ask.query.filter.origin_min = filter.origin_min;
        ask.query.filter.origin_max = filter.origin_max;
        ask.query.limit = (uint32_t) generator_below(suite->random, 130);
        if (i % 3 == 0) {
            ask.has_after = true;
            ask.after =
                (pbus_cursor_t){generator_origin(suite->random, &case_mixed), generator_id(suite->random)};
        }
        check_list(suite, &ask);
    }
}

/* What is written behind the cursor while a scan goes on is seen, what is deleted is not, and nothing twice.
 */
static void s_scan_changing(suite_t *suite)
{
    act_fill(suite, &case_mixed, 120, 60);
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_SCAN);
    ask.query.limit = 10;
    for (bool more = true; more && suite_fine(suite);) {
        page_t *page = check_page(suite, &ask);
        more = page_count(page) == 10;
        if (more) {
            const pbus_event_t *last = &page_at(page, 9)->event;
            ask.has_after = true;
            ask.after = (pbus_cursor_t){last->origin, last->id};
            act_delete(suite, &last->id);
            act_fill(suite, &case_mixed, 1, 1);
        }
        page_destroy(&page);
    }
}

const suite_case_t case_scan[] = {
    {"scan-pages", "of all sizes, joined without a seam", PBUS_CAP_SCAN, s_scan_pages},
    {"scan-cursors", "at events and beside them", PBUS_CAP_SCAN, s_scan_cursors},
    {"scan-bounds", "inclusive, with and without a cursor", PBUS_CAP_SCAN, s_scan_bounds},
    {"scan-changing", "while events come and go", PBUS_CAP_SCAN, s_scan_changing},
    {NULL, NULL, 0, NULL},
};
