#include "page.h"

#include "jump.h"

#include <string.h>

#define MERGE_ALWAYS 256 /* series that are merged without thinking about it */
/* Entries of a class that are passed over in the time that merging one more series takes. */
#define WALK_FOR_SERIES 6

void page_clear(page_t *self)
{
    merge_destroy(&self->merge);
    pbus_plan_clear(&self->plan);
    block_clear(&self->block);
}

/* ---- planning --------------------------------------------------------------------------------------------
 */

static pbus_status_t s_plan(page_t *self, bool walk, pbus_error_t *error)
{
    const pbus_catalogue_t *catalogue = store_catalogue(self->store);
    pbus_status_t status;
    pbus_plan_clear(&self->plan);
    if (self->what == PBUS_EVENTS)
        status = walk ? pbus_plan_event_walk(&self->plan, catalogue, self->filter, error)
                      : pbus_plan_events(&self->plan, catalogue, self->filter, error);
    else
        status = walk ? pbus_plan_reading_walk(&self->plan, catalogue, self->filter, error)
                      : pbus_plan_readings(&self->plan, catalogue, self->filter, error);
    self->even = true;
    for (size_t i = 0; i < self->plan.count && self->what == PBUS_READINGS; i++)
        self->even &= self->plan.sources[i].class == PBUS_SPREAD_NONE;
    return status;
}

static uint64_t s_want(const page_t *self)
{
    return self->skip + self->left < self->skip ? UINT64_MAX : self->skip + self->left;
}

/* How many entries are likely to hold so many items. */
static uint64_t s_entries(const page_t *self, uint64_t items)
{
    uint64_t matches = 0;
    for (size_t i = 0; i < self->plan.count; i++)
        matches += self->plan.sources[i].matches > 0 ? self->plan.sources[i].matches : 1;
    return matches > 0 ? items / (matches / self->plan.count) + 1 : items;
}

static pbus_status_t s_merge(page_t *self, pbus_error_t *error)
{
    merge_destroy(&self->merge);
    self->merge = merge_new(&self->plan, self->store, self->order, s_entries(self, s_want(self)));
    if (!self->merge)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while merging series");
    if (self->begin)
        merge_begin_at(self->merge, *self->begin);
    return PBUS_OK;
}

/* ---- collecting ------------------------------------------------------------------------------------------
 */

/* Finds the entry's series, and whether it may hold what passes the filter, and how much. */
static pbus_status_t s_look_up(const page_t *self, item_t *item, bool *passes, pbus_error_t *error)
{
    item->matches = item->source->matches;
    item->series = item->source->series;
    *passes = true;
    if (item->series)
        return PBUS_OK;
    pbus_status_t status = store_series(self->store, item->entry.series, &item->series, error);
    if (status != PBUS_OK)
        return status;
    if (self->what == PBUS_EVENTS)
        *passes = pbus_plan_event_passes(self->filter, item->series);
    else {
        item->matches = pbus_plan_matches(self->filter, item->series);
        *passes = item->series->kind != PBUS_SERIES_PLAIN || item->matches > 0;
    }
    return PBUS_OK;
}

/* Takes the next entry; *items: how many items it is worth, as far as is known. */
static pbus_status_t s_collect_entry(page_t *self, item_t *item, uint64_t *items, pbus_error_t *error)
{
    bool passes;
    pbus_status_t status = s_look_up(self, item, &passes, error);
    if (status != PBUS_OK || !passes)
        return status;
    /* In the order of events what is passed over whole need not be read; the first that is not takes the
     * rest. */
    if (self->even && self->block.count == 0 && item->matches > 0 && self->skip >= item->matches) {
        self->skip -= item->matches;
        return PBUS_OK;
    }
    *items += item->matches > 0 ? item->matches : 1;
    return block_add(&self->block, *item, error);
}

/* Fills the block; at most so many entries are looked at. */
static pbus_status_t s_collect(page_t *self, uint64_t *budget, pbus_error_t *error)
{
    item_t item = {0};
    uint64_t items = 0;
    const entry_t *entry;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && *budget > 0 && items < s_want(self) && self->block.count < BLOCK_MAX &&
           (entry = merge_top(self->merge, &item.source, &item.place))) {
        item.entry = *entry;
        --*budget;
        status = s_collect_entry(self, &item, &items, error);
        if (status == PBUS_OK)
            status = merge_next(self->merge, error);
    }
    return status;
}

/* ---- opening ---------------------------------------------------------------------------------------------
 */

static bool s_may_jump(const page_t *self)
{
    return self->even && self->order != MERGE_EVENTS_UP && jump_pays(&self->plan, self->skip);
}

/* The usual way: one round trip for everything, if the catalogue turns out to be up to date. */
static pbus_status_t s_ask(page_t *self, counts_t *counts, bool merge, pbus_error_t *error)
{
    pbus_status_t status = store_ask(self->store, error);
    if (status == PBUS_OK && self->want_total)
        status = counts_ask(counts, error);
    if (status == PBUS_OK && merge)
        status = merge_ask(self->merge, error);
    return status;
}

static pbus_status_t s_take(page_t *self, counts_t *counts, bool merge, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (self->want_total)
        status = counts_take(counts, error);
    if (status == PBUS_OK && merge)
        status = merge_take(self->merge, error);
    return status;
}

/* *stale: the catalogue was not up to date, so that the plan is worth nothing. NULL: it was brought up to
   date just now, and what has come since is newer than the question. */
static pbus_status_t s_try(page_t *self, counts_t *counts, bool *merged, bool *stale, pbus_error_t *error)
{
    bool changed;
    pbus_status_t status = s_plan(self, false, error);
    *merged = self->left > 0 && self->plan.count <= MERGE_ALWAYS && !s_may_jump(self);
    if (status == PBUS_OK && self->want_total)
        status = counts_begin(counts, self->store, self->what, self->filter, error);
    if (status == PBUS_OK && *merged)
        status = s_merge(self, error);
    if (status == PBUS_OK)
        status = s_ask(self, counts, *merged, error);
    if (status == PBUS_OK)
        status = store_take(self->store, &changed, error);
    if (status != PBUS_OK || (stale && (*stale = changed)))
        return status;
    return s_take(self, counts, *merged, error);
}

/* Jumps, if that pays, and reads the first entries. */
static pbus_status_t s_start(page_t *self, pbus_error_t *error)
{
    bound_t begin;
    uint64_t passed;
    pbus_status_t status = PBUS_OK;
    bool jump = s_may_jump(self);
    if (jump)
        status = jump_find(&self->plan, self->store, self->skip, &begin, &passed, error);
    if (status == PBUS_OK && jump)
        self->skip -= passed;
    if (status == PBUS_OK)
        status = s_merge(self, error);
    if (status == PBUS_OK && jump)
        merge_begin_at(self->merge, begin);
    if (status == PBUS_OK)
        status = merge_ask(self->merge, error);
    return status == PBUS_OK ? merge_take(self->merge, error) : status;
}

/*
 * Many series for few items: looks whether the newest entries of all hold enough of them, for no more than
 * the cost of merging, which is the way otherwise.
 */
static pbus_status_t s_walk(page_t *self, bool *found, pbus_error_t *error)
{
    uint64_t budget = self->plan.count * WALK_FOR_SERIES, skip = self->skip;
    pbus_status_t status = s_plan(self, true, error);
    if (status == PBUS_OK)
        status = s_start(self, error);
    if (status == PBUS_OK)
        status = s_collect(self, &budget, error);
    *found = budget > 0;
    if (*found)
        return status;
    block_reset(&self->block);
    self->skip = skip;
    return status == PBUS_OK ? s_plan(self, false, error) : status;
}

static pbus_status_t s_open_slowly(page_t *self, pbus_error_t *error)
{
    bool found = false;
    pbus_status_t status = PBUS_OK;
    if (self->plan.count > MERGE_ALWAYS && s_want(self) < self->plan.count * WALK_FOR_SERIES)
        status = s_walk(self, &found, error);
    return status == PBUS_OK && !found ? s_start(self, error) : status;
}

static pbus_status_t s_open(page_t *self, counts_t *counts, pbus_error_t *error)
{
    bool merged, stale;
    pbus_status_t status = s_try(self, counts, &merged, &stale, error);
    if (status == PBUS_OK && stale) {
        connection_settle(store_connection(self->store));
        counts_clear(counts);
        status = store_sync(self->store, error);
        if (status == PBUS_OK)
            status = s_try(self, counts, &merged, NULL, error);
    }
    if (status == PBUS_OK && self->want_total)
        status = counts_finish(counts, &self->total, error);
    return status == PBUS_OK && self->left > 0 && !merged ? s_open_slowly(self, error) : status;
}

pbus_status_t page_open(page_t *self, pbus_error_t *error)
{
    counts_t counts = {0};
    pbus_status_t status = s_open(self, &counts, error);
    counts_clear(&counts);
    return status;
}

pbus_status_t page_next(page_t *self, pbus_error_t *error)
{
    uint64_t budget = UINT64_MAX;
    pbus_status_t status = store_check_deadline(self->store, error);
    /* The first block may be there already, from walking. */
    if (status == PBUS_OK && self->block.count == 0)
        status = s_collect(self, &budget, error);
    return status == PBUS_OK ? block_load(&self->block, self->store, error) : status;
}
