/*
 * Page: events or readings that the answers to one list gave, copied, in the order given.
 */
#ifndef PAGE_H
#define PAGE_H

#include "answer.h"
#include "ask.h"

typedef struct {
    uint64_t accept;        /* events */
    pbus_event_t event;     /* events; without readings, which are in data */
    pbus_reading_t reading; /* readings */
    pbus_buf_t data;        /* encoded in normal form; what the views point into */
} page_item_t;

typedef struct page page_t;

page_t *page_new(void);
void page_destroy(page_t **self_p);
/* Takes all items of an answer to an ask of this kind; false if one is malformed. */
bool page_take(page_t *self, pbus_ask_kind_t kind, pbus_answer_t *answer, pbus_decoder_t *decoder);
size_t page_count(const page_t *self);
const page_item_t *page_at(const page_t *self, size_t place);
/* Where the event is, or page_count. */
size_t page_find(const page_t *self, const pbus_uuid_t *id);

#endif
