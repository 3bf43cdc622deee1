/*
 * Metrics: named counters that several threads may raise, and that never go back while the process lives.
 */
#ifndef PERSISTBUS_METRICS_H
#define PERSISTBUS_METRICS_H

#include <persistbus/types.h>

typedef struct pbus_metrics pbus_metrics_t;

/*
 * names is an array of count names, which must outlive the metrics; a counter is known by its place in it
 * (give them an enum). NULL when memory is out.
 */
PBUS_EXPORT pbus_metrics_t *pbus_metrics_new(const char *const *names, size_t count);
PBUS_EXPORT void pbus_metrics_destroy(pbus_metrics_t **self_p);
/* Adds n to a counter; a place outside the names is ignored. Relaxed order: a statistic, not a lock. */
PBUS_EXPORT void pbus_metrics_add(pbus_metrics_t *self, size_t counter, uint64_t n);
PBUS_EXPORT uint64_t pbus_metrics_get(const pbus_metrics_t *self, size_t counter);
PBUS_EXPORT size_t pbus_metrics_count(const pbus_metrics_t *self);
/* NULL outside the names. */
PBUS_EXPORT const char *pbus_metrics_name(const pbus_metrics_t *self, size_t counter);

#endif
