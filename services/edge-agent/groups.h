/*
 * Groups: core-data's answer to GET /api/v3/persistence/groups, as far as the agent needs it.
 */
#ifndef EDGE_AGENT_GROUPS_H
#define EDGE_AGENT_GROUPS_H

#include <persistbus/types.h>

typedef struct groups groups_t;

/* NULL when the text is no such answer, or memory is out. */
groups_t *groups_parse(const char *json, size_t size);
void groups_destroy(groups_t **self_p);

/* The group's state ("LIVE"...), or NULL if core-data knows no such group. Lives as long as self. */
const char *groups_state(const groups_t *self, const char *group);
bool groups_is_live(const groups_t *self, const char *group);
/* Whether this worker is connected, and whether it says that it is ready. group NULL: in any group. */
bool groups_has_worker(const groups_t *self, const char *group, const char *worker, bool *ready);

#endif
