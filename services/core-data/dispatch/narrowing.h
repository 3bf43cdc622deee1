/*
 * Narrowing: PersistBus.Routes. A group that a route names is narrowed: it gets only the adds that one of its
 * routes lets through; a group that none names gets everything. Never changed after it was made.
 */
#ifndef CORE_DATA_NARROWING_H
#define CORE_DATA_NARROWING_H

#include <persistbus/config.h>
#include "route.h"

typedef struct narrowing narrowing_t;

/* NULL with *error filled: a route can't be read (which one, where, and the remedy), or memory is out. */
narrowing_t *narrowing_new(const pbus_config_t *config, pbus_error_t *error);
void narrowing_destroy(narrowing_t **self_p);

/* Whether a route names the group. */
bool narrowing_names(const narrowing_t *self, const char *group);
/* Whether a route of the group lets the event through. */
bool narrowing_lets(const narrowing_t *self, const char *group, const pbus_routed_t *event);
/* The text of the i-th route, if it is one of the group; NULL if it is not. *more: whether there is an i-th.
 */
const char *narrowing_text(const narrowing_t *self, size_t i, const char *group, bool *more);

#endif
