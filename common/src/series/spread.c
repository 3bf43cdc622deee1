#include <persistbus/series/spread.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)

__extension__ typedef __int128 wide_t;

static int64_t s_clamp(wide_t value)
{
    return value < INT64_MIN ? INT64_MIN : value > INT64_MAX ? INT64_MAX : (int64_t) value;
}

pbus_spread_t pbus_spread_of(const pbus_event_t *event)
{
    pbus_spread_t self = {INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < event->reading_count; i++) {
        int64_t distance = s_clamp((wide_t) event->readings[i].origin - event->origin);
        self.low = distance < self.low ? distance : self.low;
        self.high = distance > self.high ? distance : self.high;
    }
    return self;
}

static bool s_within(pbus_spread_t self, int64_t limit)
{
    return self.low >= -limit && self.high <= limit;
}

int pbus_spread_class(pbus_spread_t self)
{
    static const int64_t limits[PBUS_SPREAD_FAR] = {0, MS, SECOND, HOUR};
    int class = 0;
    while (class < PBUS_SPREAD_FAR && !s_within(self, limits[class]))
        class ++;
    return class;
}

/* The least power of two that is not below a value > 0; INT64_MAX if there is none. */
static int64_t s_power_above(int64_t value)
{
    int64_t power = 1;
    while (power < value && power <= INT64_MAX / 2)
        power *= 2;
    return power < value ? INT64_MAX : power;
}

/* The greatest power of two that is not above a value > 0. */
static int64_t s_power_below(int64_t value)
{
    int64_t power = s_power_above(value);
    return power == value ? power : (power == INT64_MAX ? INT64_C(1) << 62 : power / 2);
}

/* Upwards; for the lower end the caller turns the sign around. */
static int64_t s_rounded_up(int64_t value, int class)
{
    static const int64_t limits[PBUS_SPREAD_CLASSES] = {0, MS, SECOND, HOUR, INT64_MAX};
    if (value == 0 || value == INT64_MIN) /* is a power of two */
        return value;
    int64_t rounded = value > 0 ? s_power_above(value) : -s_power_below(-value);
    return rounded > limits[class] ? limits[class] : rounded;
}

pbus_spread_t pbus_spread_rounded(pbus_spread_t self)
{
    int class = pbus_spread_class(self);
    int64_t mirrored = self.low == INT64_MIN ? INT64_MAX : -self.low;
    mirrored = s_rounded_up(mirrored, class);
    return (pbus_spread_t){mirrored == INT64_MAX ? INT64_MIN : -mirrored, s_rounded_up(self.high, class)};
}

bool pbus_spread_widen(pbus_spread_t *self, pbus_spread_t other)
{
    bool changed = other.low < self->low || other.high > self->high;
    self->low = other.low < self->low ? other.low : self->low;
    self->high = other.high > self->high ? other.high : self->high;
    return changed;
}

int64_t pbus_spread_latest(pbus_spread_t self, int64_t event_origin)
{
    return self.high == INT64_MAX ? INT64_MAX : s_clamp((wide_t) event_origin + self.high);
}

pbus_span_t pbus_spread_candidates(pbus_spread_t self, pbus_span_t readings)
{
    pbus_span_t span = {INT64_MIN, INT64_MAX};
    if (readings.min != INT64_MIN && self.high != INT64_MAX)
        span.min = s_clamp((wide_t) readings.min - self.high);
    if (readings.max != INT64_MAX && self.low != INT64_MIN)
        span.max = s_clamp((wide_t) readings.max - self.low);
    return span;
}

pbus_span_t pbus_spread_certain(pbus_spread_t self, pbus_span_t readings)
{
    static const pbus_span_t none = {INT64_MAX, INT64_MIN};
    pbus_span_t span = {INT64_MIN, INT64_MAX};
    if (readings.min != INT64_MIN) {
        wide_t min = (wide_t) readings.min - self.low;
        if (self.low == INT64_MIN || min > INT64_MAX)
            return none;
        span.min = s_clamp(min);
    }
    if (readings.max != INT64_MAX) {
        wide_t max = (wide_t) readings.max - self.high;
        if (self.high == INT64_MAX || max < INT64_MIN)
            return none;
        span.max = s_clamp(max);
    }
    return span;
}
