/*
 * Counters (persistbus/metrics.h): one atomic each, added to in relaxed order.
 */
#include <persistbus/metrics.h>

#include <stdatomic.h>
#include <stdlib.h>

struct pbus_metrics {
    const char *const *names; /* the caller's */
    size_t count;
    _Atomic uint64_t values[];
};

pbus_metrics_t *pbus_metrics_new(const char *const *names, size_t count)
{
    pbus_metrics_t *self = calloc(1, sizeof *self + count * sizeof self->values[0]);
    if (!self)
        return NULL;
    self->names = names;
    self->count = count;
    for (size_t i = 0; i < count; i++)
        atomic_init(&self->values[i], 0);
    return self;
}

void pbus_metrics_destroy(pbus_metrics_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void pbus_metrics_add(pbus_metrics_t *self, size_t counter, uint64_t n)
{
    if (counter < self->count)
        atomic_fetch_add_explicit(&self->values[counter], n, memory_order_relaxed);
}

uint64_t pbus_metrics_get(const pbus_metrics_t *self, size_t counter)
{
    return counter < self->count ? atomic_load_explicit(&self->values[counter], memory_order_relaxed) : 0;
}

size_t pbus_metrics_count(const pbus_metrics_t *self)
{
    return self->count;
}

const char *pbus_metrics_name(const pbus_metrics_t *self, size_t counter)
{
    return counter < self->count ? self->names[counter] : NULL;
}
