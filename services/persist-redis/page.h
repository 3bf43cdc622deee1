/*
 * Page: the part of a list that is being filled. It plans, merges the sources' entries, passes over what the
 * offset leaves out, and gives the rest block by block.
 */
#ifndef PAGE_H
#define PAGE_H

#include "block.h"
#include "counts.h"
#include "merge.h"

typedef struct {
    store_t *store;
    pbus_what_t what;
    merge_order_t order;
    const pbus_filter_t *filter;
    const bound_t *begin; /* for MERGE_EVENTS_UP; NULL: at the first */
    bool want_total;
    uint64_t total;
    uint64_t skip; /* matching items still to pass over */
    uint32_t left; /* items still to add; 0: the page is complete */
    pbus_plan_t plan;
    bool even; /* each entry of the plan stands for readings of the event's own origin */
    merge_t *merge;
    block_t block;
} page_t;

void page_clear(page_t *self);

/* Plans, counts, and reads the first entries. */
pbus_status_t page_open(page_t *self, pbus_error_t *error);
/* Fills the block with what comes next, as far as the page needs it; empty at the end. */
pbus_status_t page_next(page_t *self, pbus_error_t *error);

#endif
