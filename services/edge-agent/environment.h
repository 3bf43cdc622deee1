/*
 * Environment: NAME=value texts being gathered for a program. Setting a name again replaces its value. By
 * value; starts from zero.
 */
#ifndef EDGE_AGENT_ENVIRONMENT_H
#define EDGE_AGENT_ENVIRONMENT_H

#include <persistbus/types.h>

typedef struct {
    char **all; /* ends with NULL */
    size_t count;
    bool failed; /* memory is out */
} environment_t;

void environment_set(environment_t *self, const char *name, const char *value);
/* Takes the value from this process' own environment; nothing if it has none. */
void environment_pass(environment_t *self, const char *name);
bool environment_failed(const environment_t *self);
/* For execve; lives as long as nothing is set. */
char **environment_all(environment_t *self);
void environment_clear(environment_t *self);

#endif
