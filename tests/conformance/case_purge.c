/*
 * Purges: deletes by filter, in steps, by the event's own device and origin, up to an accept number; and
 * retention, which asks for sources, counts and cut-offs as core-data does it.
 */
#include "act.h"
#include "cases.h"
#include "check.h"

#include <stdlib.h>

static void s_purge_device(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    act_fill(suite, &case_mixed, 150, 50);
    filter.device = sample_names[1];
    suite_step(suite, "after a purge of a device");
    act_purge(suite, &filter, 1000);
    check_all(suite);
    check_counts(suite);
    filter.device = sample_names[0];
    filter.source = sample_names[2];
    suite_step(suite, "after a purge of a device's source");
    act_purge(suite, &filter, 1000);
    check_all(suite);
    filter.device = PBUS_STR("nobody");
    suite_step(suite, "after a purge of what is not there");
    act_purge(suite, &filter, 1000);
    check_all(suite);
}

static void s_purge_origin(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    int64_t first = generator_origin_first();
    act_fill(suite, &case_mixed, 150, 50);
    filter.origin_max = first + 10 * case_mixed.unit;
    suite_step(suite, "after a purge of what is old");
    act_purge(suite, &filter, 1000);
    check_all(suite);
    filter = pbus_filter_any();
    filter.device = sample_names[0];
    filter.origin_min = first + 15 * case_mixed.unit;
    filter.origin_max = first + 25 * case_mixed.unit;
    suite_step(suite, "after a purge between two times");
    act_purge(suite, &filter, 1000);
    check_all(suite);
    filter.origin_min = filter.origin_max + 1;
    suite_step(suite, "after a purge between two times that are the wrong way around");
    act_purge(suite, &filter, 1000);
    check_all(suite);
}

/* The count of what a purge deletes, step by step, down to the last. */
static void s_purge_steps(suite_t *suite)
{
    static const uint32_t steps[] = {1, 7, 40};
    for (size_t i = 0; i < sizeof steps / sizeof *steps && suite_fine(suite); i++) {
        pbus_filter_t filter = pbus_filter_any();
        act_fill(suite, &case_mixed, 80, 40);
        filter.device = sample_names[0];
        suite_step(suite, "a purge in steps of %u", steps[i]);
        act_purge(suite, &filter, steps[i]);
        check_counts(suite);
        check_sources(suite);
    }
    pbus_filter_t any = pbus_filter_any();
    suite_step(suite, "after a purge of everything in steps of 30");
    act_purge(suite, &any, 30);
    check_all(suite);
}

/* What was accepted behind the cut stays, whatever its origin. */
static void s_purge_accept(suite_t *suite)
{
    pbus_filter_t filter = pbus_filter_any();
    act_fill(suite, &case_mixed, 60, 30);
    filter.accept_max = suite->accept;
    act_fill(suite, &case_mixed, 60, 30);
    filter.device = sample_names[0];
    suite_step(suite, "after a purge of a device up to an accept number");
    act_purge(suite, &filter, 10);
    check_all(suite);
    filter.device = PBUS_STR("");
    filter.accept_max += 1000;
    suite_step(suite, "after a purge of all up to an accept number");
    act_purge(suite, &filter, 10);
    check_all(suite);
    filter.accept_max = 0;
    suite_step(suite, "after a purge up to accept number 0");
    act_purge(suite, &filter, 10);
    check_all(suite);
}

/* Readings of other devices go with their event; the device's own in other events stay. */
static void s_purge_foreign(suite_t *suite)
{
    static const generator_shape_t foreign = {.devices = 3,
                                              .profiles = 2,
                                              .sources = 2,
                                              .resources = 3,
                                              .readings = 6,
                                              .origins = 50,
                                              .unit = 1000,
                                              .own = 50,
                                              .foreign = 60};
    pbus_filter_t filter = pbus_filter_any();
    act_fill(suite, &foreign, 100, 50);
    suite_step(suite, "events with readings of other devices");
    check_counts(suite);
    filter.device = sample_names[0];
    suite_step(suite, "after a purge of a device that others' events have readings of");
    act_purge(suite, &filter, 11);
    check_all(suite);
    check_counts(suite);
}

/* An event that comes again after it was purged is new. */
static void s_purged_again(suite_t *suite)
{
    pbus_filter_t any = pbus_filter_any();
    batch_t *batch = batch_new();
    for (int i = 0; i < 40; i++)
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_mixed));
    act_write(suite, batch);
    act_purge(suite, &any, 15);
    suite_step(suite, "the same events again after a purge");
    act_write(suite, batch);
    check_all(suite);
    check_counts(suite);
    batch_destroy(&batch);
}

/* ---- retention -------------------------------------------------------------------------------------------
 */

/* The origin of the newest event that has to go if `keep` stay; false if none has to. */
static bool s_cut(suite_t *suite, const pbus_filter_t *filter, uint64_t keep, int64_t *origin)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_EVENTS);
    ask.query.filter = *filter;
    ask.query.offset = keep;
    ask.query.limit = 1;
    page_t *page = check_page(suite, &ask);
    bool found = suite_fine(suite) && page_count(page) == 1;
    if (found)
        *origin = page_at(page, 0)->event.origin;
    page_destroy(&page);
    return found;
}

static void s_retain(suite_t *suite, const model_source_t *source, uint64_t keep, int64_t expired)
{
    pbus_filter_t filter = pbus_filter_any();
    filter.device = source->device;
    filter.source = source->source;
    check_count(suite, PBUS_EVENTS, &filter);
    filter.origin_max = expired;
    if (!s_cut(suite, &filter, keep, &filter.origin_max))
        return;
    act_purge(suite, &filter, 5);
    check_count(suite, PBUS_EVENTS, &filter);
    filter.origin_max = INT64_MAX;
    check_count(suite, PBUS_EVENTS, &filter);
    check_count(suite, PBUS_READINGS,
                &(pbus_filter_t){.device = source->device,
                                 .origin_min = INT64_MIN,
                                 .origin_max = INT64_MAX,
                                 .accept_max = UINT64_MAX});
}

static pbus_str_t s_copy(pbus_str_t text)
{
    for (size_t i = 0; i < sample_name_count; i++)
        if (pbus_str_eq(text, sample_names[i]))
            return sample_names[i];
    return text;
}

/* Every source in turn: of what is expired, the newest few stay. */
static void s_retention(suite_t *suite)
{
    act_fill(suite, &case_mixed, 200, 100);
    check_sources(suite);
    for (unsigned round = 0; round < 2 && suite_fine(suite); round++) {
        size_t count;
        model_source_t *sources = model_sources(suite->model, &count);
        for (size_t i = 0; i < count && suite_fine(suite); i++) {
            /* Names in the model go with their events. */
            model_source_t source = {s_copy(sources[i].device), s_copy(sources[i].source), 0};
            sources[i] = source;
        }
        for (size_t i = 0; i < count && suite_fine(suite); i++) {
            suite_step(suite, "retention, round %u, source %zu of %zu", round + 1, i + 1, count);
            s_retain(suite, &sources[i], round ? 0 : 4,
                     generator_origin_first() + (round ? 15 : 30) * case_mixed.unit);
        }
        free(sources);
        check_sources(suite);
        check_all(suite);
    }
}

/* Every count, after every kind of step. */
static void s_counts(suite_t *suite)
{
    suite_step(suite, "an empty store");
    check_counts(suite);
    batch_t *batch = batch_new();
    for (int i = 0; i < 30; i++)
        batch_add(batch, suite_accept(suite), generator_event(suite->random, &case_mixed));
    suite_step(suite, "after a batch of 30");
    act_write(suite, batch);
    check_counts(suite);
    suite_step(suite, "after the same batch again");
    act_write(suite, batch);
    check_counts(suite);
    for (size_t i = 0; i < 5 && suite_fine(suite); i++) {
        suite_step(suite, "after delete %zu", i + 1);
        act_delete(suite, &batch_at(batch, i)->id);
        check_counts(suite);
        suite_step(suite, "after delete %zu again", i + 1);
        act_delete(suite, &batch_at(batch, i)->id);
        check_counts(suite);
    }
    pbus_filter_t filter = pbus_filter_any();
    filter.device = sample_names[2];
    suite_step(suite, "after a purge");
    act_purge(suite, &filter, 3);
    check_counts(suite);
    batch_destroy(&batch);
}

const suite_case_t case_purge[] = {
    {"counts", "after every step", 0, s_counts},
    {"purge-device", "by device, and by device and source", 0, s_purge_device},
    {"purge-origin", "by time", 0, s_purge_origin},
    {"purge-accept", "up to an accept number", 0, s_purge_accept},
    {"purge-steps", "a few events a step, counted after each", 0, s_purge_steps},
    {"purge-foreign", "events with readings of other devices", 0, s_purge_foreign},
    {"purged-again", "purged events that come again", 0, s_purged_again},
    {"retention", "the newest of each source stay", 0, s_retention},
    {NULL, NULL, 0, NULL},
};
