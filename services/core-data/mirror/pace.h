/*
 * Pace: how long copying pauses after each thing it asks, so that live traffic keeps what it needs. Without
 * clients it does not pause; the more requests they make, the longer, up to PACE_FACTOR times what the last
 * thing took. So copying has a share of the time of stores and processors that does not depend on how fast
 * they are. It can be eased for what live traffic makes more of: that has to be faster. By value.
 */
#ifndef CORE_DATA_PACE_H
#define CORE_DATA_PACE_H

#include <persistbus/metrics.h>

#define PACE_FACTOR 4
#define PACE_BUSY 200 /* requests in a second from which on the pause is the longest */

typedef struct {
    const pbus_metrics_t *metrics; /* NULL: never a pause */
    size_t counter;                /* of clients' requests */
    uint64_t counted;
    int64_t since; /* CLOCK_BOOTTIME ns */
    double rate;   /* requests in a second */
    bool eased;    /* no pause for now */
} pace_t;

pace_t pace(const pbus_metrics_t *metrics, size_t counter, int64_t now);
/* ns to pause after what took so many ns and ended now. */
int64_t pace_pause(pace_t *self, int64_t took, int64_t now);

#endif
