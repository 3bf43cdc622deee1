/*
 * Groups: readings gathered by device, profile, resource and value type, and what a function comes to for
 * each group. Exact, in decimal; NaN and infinities count for nothing, as no exact arithmetic knows them.
 */
#ifndef PERSISTBUS_SERIES_GROUPS_H
#define PERSISTBUS_SERIES_GROUPS_H

#include <persistbus/query.h>

typedef struct pbus_groups pbus_groups_t;

/* NULL when memory is out. */
PBUS_EXPORT pbus_groups_t *pbus_groups_new(pbus_function_t function);
PBUS_EXPORT void pbus_groups_destroy(pbus_groups_t **self_p);
PBUS_EXPORT pbus_status_t pbus_groups_take(pbus_groups_t *self, const pbus_reading_t *reading,
                                           pbus_error_t *error);
/*
 * Each group: its names and type, how many of its values are numbers, and what the function comes to, in
 * decimal text; empty if there are none. false ends it. PBUS_OVERFLOW for a sum of integers beyond 64 bits.
 */
typedef bool pbus_groups_visit_t(void *arg, const pbus_reading_t *like, uint64_t count, pbus_str_t value);
PBUS_EXPORT pbus_status_t pbus_groups_each(const pbus_groups_t *self, pbus_groups_visit_t *visit, void *arg,
                                           pbus_error_t *error);
/* Adds the groups to the result, as far as there is room. PBUS_OVERFLOW for a sum of integers beyond 64 bits.
 */
PBUS_EXPORT pbus_status_t pbus_groups_put(const pbus_groups_t *self, pbus_result_t *result,
                                          pbus_error_t *error);

#endif
