/*
 * Describe: what a failed case says of filters, pages, events and their differences. By value: text cut to
 * what fits a line.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "ask.h"
#include "model.h"

typedef struct {
    char text[600];
} describe_t;

/* Names and values, quoted, with escapes for what a terminal can't show, cut if long. */
describe_t describe_text(pbus_str_t text);
describe_t describe_id(const pbus_uuid_t *id);
/* "list of events of device 'a', offset 3, limit 5" */
describe_t describe_ask(const pbus_ask_t *ask);
/* Its id and origin, and which write brought it. */
describe_t describe_event(const model_event_t *event);
describe_t describe_reading(const pbus_reading_t *reading);
/* What came back other than it was given; empty if nothing. */
describe_t describe_event_difference(const pbus_event_t *given, const pbus_event_t *got);
describe_t describe_reading_difference(const pbus_reading_t *given, const pbus_reading_t *got);

#endif
