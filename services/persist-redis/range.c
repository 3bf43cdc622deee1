#include "range.h"

#include <string.h>

static bound_t s_open(char sign)
{
    bound_t bound = {.size = 1};
    bound.bytes[0] = (uint8_t) sign;
    return bound;
}

bound_t range_min(pbus_span_t span)
{
    if (span.min == INT64_MIN)
        return s_open('-');
    bound_t bound = s_open('[');
    member_write_origin(span.min, bound.bytes + bound.size);
    bound.size += MEMBER_ORIGIN;
    return bound;
}

/* Fills up with the highest bytes, beyond the length of a member: nothing of what is there already is above.
 */
static bound_t s_fill(bound_t bound)
{
    memset(bound.bytes + bound.size, 0xff, sizeof bound.bytes - bound.size);
    bound.size = sizeof bound.bytes;
    return bound;
}

bound_t range_max(pbus_span_t span)
{
    if (span.max == INT64_MAX)
        return s_open('+');
    bound_t bound = s_open('[');
    member_write_origin(span.max, bound.bytes + bound.size);
    bound.size += MEMBER_ORIGIN;
    return s_fill(bound);
}

bound_t range_beside(const entry_t *entry)
{
    bound_t bound = s_open('(');
    member_write(entry, bound.bytes + bound.size);
    bound.size += MEMBER_SIZE;
    return bound;
}

bound_t range_above(int64_t origin, const pbus_uuid_t *id)
{
    bound_t bound = s_open('(');
    member_write_origin(origin, bound.bytes + bound.size);
    bound.size += MEMBER_ORIGIN;
    memcpy(bound.bytes + bound.size, id->bytes, sizeof id->bytes);
    bound.size += sizeof id->bytes;
    return s_fill(bound);
}

void command_add_bound(command_t *self, bound_t bound)
{
    command_add(self, bound.bytes, bound.size);
}
