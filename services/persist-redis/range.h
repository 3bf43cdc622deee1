/*
 * Range: a part of a sorted set, as the bounds that Redis' lexicographic commands take.
 */
#ifndef RANGE_H
#define RANGE_H

#include "command.h"
#include <persistbus/series/spread.h>

typedef struct {
    uint8_t bytes[1 + MEMBER_SIZE + 1];
    size_t size;
} bound_t;

/* Lowest and highest of the members whose origins are in the span, inclusive. */
bound_t range_min(pbus_span_t span);
bound_t range_max(pbus_span_t span);
/* Excludes a member: behind it, in either direction. */
bound_t range_beside(const entry_t *entry);
/* Above every member of this origin and id, whatever the series. */
bound_t range_above(int64_t origin, const pbus_uuid_t *id);

void command_add_bound(command_t *self, bound_t bound);

#endif
