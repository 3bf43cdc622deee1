/*
 * Walk: see walk.h.
 */
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "walk.h"

struct walk {
    remote_t *remote;
    window_t left; /* of the window */
    uint64_t accept_max;
    request_t *page;
    pbus_answer_t answer; /* what is left of the page */
    pbus_decoder_t *decoder;
    walk_item_t item;
    bool ended;
};

walk_t *walk_new(remote_t *remote, const window_t *window, uint64_t accept_max)
{
    walk_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (walk_t){.remote = remote, .left = *window, .accept_max = accept_max};
    self->decoder = pbus_decoder_new();
    if (!self->decoder)
        walk_destroy(&self);
    return self;
}

void walk_destroy(walk_t **self_p)
{
    walk_t *self = *self_p;
    if (!self)
        return;
    request_destroy(&self->page);
    pbus_decoder_destroy(&self->decoder);
    free(self);
    *self_p = NULL;
}

/* A page without events is the end; one with fewer than asked for need not be. */
static pbus_status_t s_turn(walk_t *self, pbus_error_t *error)
{
    request_destroy(&self->page);
    pbus_status_t status = remote_scan(self->remote, &self->left, &self->page, error);
    if (status != PBUS_OK)
        return status;
    if (!pbus_answer_open(&self->answer, self->page->answer, self->page->answer_size))
        return remote_malformed(self->remote, error);
    self->ended = self->answer.count == 0;
    return PBUS_OK;
}

/* Takes an event of the page. */
static pbus_status_t s_take(walk_t *self, pbus_error_t *error)
{
    walk_item_t *item = &self->item;
    if (!pbus_answer_event(&self->answer, &item->accept, &item->event))
        return remote_malformed(self->remote, error);
    const pbus_event_t *event = pbus_decoder_event(self->decoder, item->event.data, item->event.size);
    if (!event)
        return remote_malformed(self->remote, error);
    item->place = (pbus_cursor_t){event->origin, event->id};
    if (self->left.has_after && pbus_cursor_cmp(&item->place, &self->left.after) <= 0)
        return remote_malformed(self->remote, error);
    self->left.has_after = true;
    self->left.after = item->place;
    self->ended = self->left.has_until && pbus_cursor_cmp(&item->place, &self->left.until) > 0;
    return PBUS_OK;
}

static bool s_is_at_end(const walk_t *self)
{
    return self->ended || (self->left.has_until && self->left.has_after &&
                           pbus_cursor_cmp(&self->left.after, &self->left.until) >= 0);
}

pbus_status_t walk_next(walk_t *self, const walk_item_t **item_p, pbus_error_t *error)
{
    *item_p = NULL;
    while (!s_is_at_end(self)) {
        bool turn = !self->page || self->answer.next == self->answer.count;
        pbus_status_t status = turn ? s_turn(self, error) : s_take(self, error);
        if (status != PBUS_OK)
            return status;
        if (!turn && !self->ended && self->item.accept <= self->accept_max) {
            *item_p = &self->item;
            return PBUS_OK;
        }
    }
    return PBUS_OK;
}

static bool s_encode(pbus_str_t event, pbus_buf_t *out)
{
    pbus_decoder_t *decoder = pbus_decoder_new();
    const pbus_event_t *decoded = decoder ? pbus_decoder_event(decoder, event.data, event.size) : NULL;
    if (decoded)
        pbus_event_encode(decoded, out);
    pbus_decoder_destroy(&decoder);
    return decoded && !out->failed;
}

bool walk_same(const walk_item_t *a, const walk_item_t *b)
{
    if (a->accept != b->accept)
        return false;
    if (pbus_str_eq(a->event, b->event))
        return true;
    pbus_buf_t left = {0}, right = {0};
    bool same = s_encode(a->event, &left) && s_encode(b->event, &right) && left.size == right.size &&
                memcmp(left.data, right.data, left.size) == 0;
    pbus_buf_clear(&left);
    pbus_buf_clear(&right);
    return same;
}
