#include "accept.h"

static uint64_t s_number(uint64_t ns, uint8_t instance)
{
    return (ns & ~(uint64_t) (ACCEPT_STEP - 1)) | instance;
}

accept_clock_t accept_clock(uint64_t found, uint8_t instance)
{
    return (accept_clock_t){.last = s_number(found, instance), .floor = found, .instance = instance};
}

static uint64_t s_next(const accept_clock_t *self, int64_t now)
{
    uint64_t by_clock = s_number(now > 0 ? (uint64_t) now : 0, self->instance);
    uint64_t by_count = self->last + ACCEPT_STEP;
    return by_clock > by_count ? by_clock : by_count;
}

uint64_t accept_next(accept_clock_t *self, int64_t now)
{
    uint64_t next = s_next(self, now);
    if (next > self->floor)
        return 0;
    self->last = next;
    return next;
}

uint64_t accept_floor_wanted(const accept_clock_t *self, int64_t now)
{
    uint64_t next = s_next(self, now);
    return next + ACCEPT_AHEAD_NS / 2 > self->floor ? next + ACCEPT_AHEAD_NS : 0;
}
