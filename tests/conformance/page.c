#include "page.h"
#include "need.h"

#include <stdlib.h>
#include <string.h>

struct page {
    page_item_t *items;
    size_t count;
    size_t capacity;
};

page_t *page_new(void)
{
    return need_alloc(1, sizeof(page_t));
}

void page_destroy(page_t **self_p)
{
    page_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        pbus_buf_clear(&self->items[i].data);
    free(self->items);
    free(self);
    *self_p = NULL;
}

static page_item_t *s_append(page_t *self)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->items = need_more(self->items, self->capacity, sizeof *self->items);
    }
    page_item_t *item = &self->items[self->count++];
    *item = (page_item_t){0};
    return item;
}

/* A worker may give nil or the text for what a reading has in common with its event: one form is kept. */
static bool s_take_event(page_t *self, pbus_answer_t *answer, pbus_decoder_t *decoder)
{
    uint64_t accept;
    pbus_str_t encoded;
    if (!pbus_answer_event(answer, &accept, &encoded))
        return false;
    const pbus_event_t *event = pbus_decoder_event(decoder, encoded.data, encoded.size);
    if (!event) {
        answer->bad = true;
        return false;
    }
    page_item_t *item = s_append(self);
    item->accept = accept;
    pbus_event_encode(event, &item->data);
    need_buf(&item->data);
    item->event = *pbus_decoder_event(decoder, item->data.data, item->data.size);
    item->event.readings = NULL;
    return true;
}

static bool s_take_reading(page_t *self, pbus_answer_t *answer)
{
    pbus_reading_t reading;
    if (!pbus_answer_reading(answer, &reading))
        return false;
    page_item_t *item = s_append(self);
    pbus_reading_encode(&reading, &item->data);
    need_buf(&item->data);
    return pbus_reading_decode(item->data.data, item->data.size, &item->reading);
}

bool page_take(page_t *self, pbus_ask_kind_t kind, pbus_answer_t *answer, pbus_decoder_t *decoder)
{
    while (kind == PBUS_ASK_READINGS ? s_take_reading(self, answer) : s_take_event(self, answer, decoder)) {
    }
    return !answer->bad;
}

size_t page_count(const page_t *self)
{
    return self->count;
}

const page_item_t *page_at(const page_t *self, size_t place)
{
    return &self->items[place];
}

size_t page_find(const page_t *self, const pbus_uuid_t *id)
{
    size_t place = 0;
    while (place < self->count && memcmp(&self->items[place].event.id, id, sizeof *id) != 0)
        place++;
    return place;
}
