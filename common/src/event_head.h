/*
 * What an encoded event says of itself before its readings, for who needs no more: however many readings
 * there are, it costs the same.
 */
#ifndef PBUS_EVENT_HEAD_H
#define PBUS_EVENT_HEAD_H

#include <persistbus/event.h>

/* Fills all but the readings; false if it is malformed as far as that. Views point into data. */
bool pbus_event_head(const void *data, size_t size, pbus_event_t *event);

#endif
