/*
 * Environment: see environment.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "environment.h"

static char **s_slot(environment_t *self, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < self->count; i++)
        if (!strncmp(self->all[i], name, length) && self->all[i][length] == '=')
            return &self->all[i];
    char **grown = realloc(self->all, (self->count + 2) * sizeof *grown);
    if (!grown)
        return NULL;
    self->all = grown;
    grown[self->count] = NULL;
    grown[self->count + 1] = NULL;
    return &grown[self->count];
}

void environment_set(environment_t *self, const char *name, const char *value)
{
    char *text, **slot = s_slot(self, name);
    if (!slot || asprintf(&text, "%s=%s", name, value) < 0) {
        self->failed = true;
        return;
    }
    if (!*slot)
        self->count++;
    free(*slot);
    *slot = text;
}

void environment_pass(environment_t *self, const char *name)
{
    const char *value = getenv(name);
    if (value)
        environment_set(self, name, value);
}

bool environment_failed(const environment_t *self)
{
    return self->failed;
}

char **environment_all(environment_t *self)
{
    static char *none[] = {NULL};
    return self->all ? self->all : none;
}

void environment_clear(environment_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->all[i]);
    free(self->all);
    *self = (environment_t){0};
}
