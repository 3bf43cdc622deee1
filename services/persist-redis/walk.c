#include "walk.h"

#include "block.h"
#include "merge.h"

#define FIRST_STEP 32 /* entries of each source; how many there are is not known, and steps grow fast */

static pbus_status_t s_collect(merge_t *merge, store_t *store, block_t *block, pbus_error_t *error)
{
    pbus_status_t status = store_check_deadline(store, error);
    const entry_t *entry;
    item_t item = {0};
    while (status == PBUS_OK && block->count < BLOCK_MAX &&
           (entry = merge_top(merge, &item.source, &item.place))) {
        item.entry = *entry;
        item.series = item.source->series;
        if (!item.series)
            status = store_series(store, entry->series, &item.series, error);
        if (status == PBUS_OK)
            status = block_add(block, item, error);
        if (status == PBUS_OK)
            status = merge_next(merge, error);
    }
    return status;
}

static pbus_status_t s_visit(block_t *block, store_t *store, row_t *row, walk_visit_t *visit, void *arg,
                             pbus_error_t *error)
{
    const pbus_event_t *event;
    pbus_status_t status = block_load(block, store, error);
    for (size_t i = 0; i < block->count && status == PBUS_OK; i++) {
        status = block_decode(&block->items[i], store, row, &event, error);
        if (status == PBUS_OK && event)
            status = visit(arg, event, error);
    }
    return status;
}

static pbus_status_t s_walk(merge_t *merge, store_t *store, row_t *row, walk_visit_t *visit, void *arg,
                            pbus_error_t *error)
{
    block_t block = {0};
    pbus_status_t status = merge_ask(merge, error);
    if (status == PBUS_OK)
        status = merge_take(merge, error);
    for (bool more = true; status == PBUS_OK && more; block_reset(&block)) {
        status = s_collect(merge, store, &block, error);
        more = block.count > 0;
        if (status == PBUS_OK)
            status = s_visit(&block, store, row, visit, arg, error);
    }
    block_clear(&block);
    return status;
}

pbus_status_t walk(store_t *store, const pbus_plan_t *plan, walk_visit_t *visit, void *arg,
                   pbus_error_t *error)
{
    if (plan->count == 0)
        return PBUS_OK;
    merge_t *merge = merge_new(plan, store, MERGE_EVENTS_DOWN, plan->count * FIRST_STEP);
    row_t *row = row_new();
    pbus_status_t status = merge && row ? s_walk(merge, store, row, visit, arg, error)
                                        : pbus_fail(error, PBUS_NOMEM, "out of memory while reading events");
    merge_destroy(&merge);
    row_destroy(&row);
    return status;
}
