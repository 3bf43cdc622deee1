/*
 * Rules: see rules.h.
 */
#include <inttypes.h>
#include <string.h>
#include "config_value.h"
#include "rules.h"

#define DAY (INT64_C(86400) * 1000000000)
#define SHORTEST INT64_C(10000000) /* ns; anything shorter would be no interval but a load */

#define INTERVAL "Retention.Interval"
#define DURATION "Retention.DefaultDuration"

const pbus_option_t rules_options[] = {
    {INTERVAL, PBUS_OPTION_DURATION, "10m", 0, 0,
     "how often events are looked through for what need not be kept; 0s: never"},
    {"Retention.DefaultMaxCap", PBUS_OPTION_INT, "-1", 0, 0,
     "a device's source with fewer events is left alone; 0 or less: none is"},
    {"Retention.DefaultMinCap", PBUS_OPTION_INT, "1", 0, 0,
     "so many of the newest (that are older than DefaultDuration) are kept"},
    {DURATION, PBUS_OPTION_STRING, "168h", 0, 0,
     "younger events are kept; 0s: no matter how old; 7d is 168h"},
    {.key = NULL},
};

/* Digits and a `d` in front; moves *text behind them. True, with 0, when there are none. */
static bool s_days(const char **text, int64_t *ns)
{
    const char *end = *text + strspn(*text, "0123456789");
    int64_t days = 0;
    *ns = 0;
    if (end == *text || *end != 'd')
        return true;
    for (const char *p = *text; p < end; p++)
        if (__builtin_mul_overflow(days, 10, &days) || __builtin_add_overflow(days, *p - '0', &days))
            return false;
    *text = end + 1;
    return !__builtin_mul_overflow(days, DAY, ns);
}

bool rules_duration(const char *text, int64_t *ns)
{
    int64_t days, rest = 0;
    const char *p = text;
    if (!s_days(&p, &days))
        return false;
    if ((p == text || *p) && ((p != text && (*p == '-' || *p == '+')) || !pbus_duration_parse(p, &rest)))
        return false;
    return !__builtin_add_overflow(days, rest, ns);
}

pbus_status_t rules_read(rules_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    const char *duration = pbus_config_string(config, DURATION);
    *self = (rules_t){.interval = pbus_config_duration(config, INTERVAL),
                      .max_cap = pbus_config_int(config, "Retention.DefaultMaxCap"),
                      .min_cap = pbus_config_int(config, "Retention.DefaultMinCap")};
    if (self->interval > 0 && self->interval < SHORTEST)
        return pbus_fail(error, PBUS_INVALID, INTERVAL " is %" PRId64 "ns: use 10ms or more, or 0s for never",
                         self->interval);
    if (!rules_duration(duration, &self->duration) || self->duration < 0)
        return pbus_fail(error, PBUS_INVALID,
                         DURATION " is '%s': use a duration of 0s or more, such as 168h, 7d or 1d12h",
                         duration);
    return PBUS_OK;
}
