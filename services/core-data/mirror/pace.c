/*
 * Pace: see pace.h.
 */
#include "pace.h"

#define WINDOW 100000000 /* ns, over which requests are counted */
#define SECOND 1e9

pace_t pace(const pbus_metrics_t *metrics, size_t counter, int64_t now)
{
    return (pace_t){.metrics = metrics,
                    .counter = counter,
                    .counted = metrics ? pbus_metrics_get(metrics, counter) : 0,
                    .since = now};
}

static void s_measure(pace_t *self, int64_t now)
{
    if (now - self->since < WINDOW)
        return;
    uint64_t counted = pbus_metrics_get(self->metrics, self->counter);
    self->rate = (double) (counted - self->counted) * SECOND / (double) (now - self->since);
    self->counted = counted;
    self->since = now;
}

int64_t pace_pause(pace_t *self, int64_t took, int64_t now)
{
    if (!self->metrics)
        return 0;
    s_measure(self, now);
    if (self->eased)
        return 0;
    double share = self->rate >= PACE_BUSY ? 1 : self->rate / PACE_BUSY;
    return (int64_t) ((double) took * PACE_FACTOR * share);
}
