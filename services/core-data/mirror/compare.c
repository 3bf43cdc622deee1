/*
 * Compare: see compare.h.
 */
#include <stdlib.h>
#include "compare.h"

typedef struct {
    walk_t *walk;
    const walk_item_t *item; /* that is next; NULL: at the end, or not looked for yet */
    bool taken;              /* look for the next one */
} side_t;

struct compare {
    side_t source, target;
};

compare_t *compare_new(remote_t *source, remote_t *target, const window_t *window, uint64_t accept_max)
{
    compare_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->source = (side_t){walk_new(source, window, accept_max), NULL, true};
    self->target = (side_t){walk_new(target, window, accept_max), NULL, true};
    if (!self->source.walk || !self->target.walk)
        compare_destroy(&self);
    return self;
}

void compare_destroy(compare_t **self_p)
{
    compare_t *self = *self_p;
    if (!self)
        return;
    walk_destroy(&self->source.walk);
    walk_destroy(&self->target.walk);
    free(self);
    *self_p = NULL;
}

static pbus_status_t s_advance(side_t *self, pbus_error_t *error)
{
    if (!self->taken)
        return PBUS_OK;
    self->taken = false;
    return walk_next(self->walk, &self->item, error);
}

/* -1: only the source has what comes first; 1: only the target; 0: both have it, or nothing is left. */
static int s_order(const walk_item_t *source, const walk_item_t *target)
{
    if (!source || !target)
        return source ? -1 : target ? 1 : 0;
    return pbus_cursor_cmp(&source->place, &target->place);
}

pbus_status_t compare_next(compare_t *self, difference_t *difference, bool *found, pbus_error_t *error)
{
    *found = false;
    for (;;) {
        pbus_status_t status = s_advance(&self->source, error);
        if (status == PBUS_OK)
            status = s_advance(&self->target, error);
        const walk_item_t *source = self->source.item, *target = self->target.item;
        if (status != PBUS_OK || (!source && !target))
            return status;
        int order = s_order(source, target);
        self->source.taken = order <= 0;
        self->target.taken = order >= 0;
        if (order == 0 && walk_same(source, target))
            continue;
        const walk_item_t *first = order <= 0 ? source : target;
        *difference = (difference_t){order < 0   ? DIFFERENCE_MISSING
                                     : order > 0 ? DIFFERENCE_EXTRA
                                                 : DIFFERENCE_DIFFERENT,
                                     first->place, first->accept, order <= 0 ? source : NULL,
                                     order >= 0 ? target : NULL};
        *found = true;
        return PBUS_OK;
    }
}

/* ---- lists -------------------------------------------------------------------------------------------- */

void differences_add(differences_t *self, const difference_t *difference)
{
    difference_t kept = {difference->kind, difference->place, difference->accept, NULL, NULL};
    pbus_buf_append(&self->items, &kept, sizeof kept);
}

size_t differences_count(const differences_t *self)
{
    return self->items.size / sizeof(difference_t);
}

difference_news_t differences_find(differences_t *self, const difference_t *difference)
{
    const difference_t *items = (const difference_t *) self->items.data;
    size_t count = differences_count(self);
    while (self->next < count && pbus_cursor_cmp(&items[self->next].place, &difference->place) < 0)
        self->next++;
    const difference_t *at = self->next < count ? &items[self->next] : NULL;
    if (!at || pbus_cursor_cmp(&at->place, &difference->place) != 0)
        return DIFFERENCE_NEW;
    return at->kind == difference->kind && at->accept == difference->accept ? DIFFERENCE_KNOWN
                                                                            : DIFFERENCE_CHANGED;
}

void differences_reset(differences_t *self)
{
    pbus_buf_reset(&self->items);
    self->next = 0;
}

void differences_clear(differences_t *self)
{
    pbus_buf_clear(&self->items);
    self->next = 0;
}
