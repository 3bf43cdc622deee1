#include "narrowing.h"

#include <stdlib.h>
#include <string.h>

#define KEY "PersistBus.Routes"

struct narrowing {
    const char *const *texts; /* the configuration's */
    size_t count;
    pbus_route_t *routes[];
};

narrowing_t *narrowing_new(const pbus_config_t *config, pbus_error_t *error)
{
    const char *const *texts;
    size_t count = pbus_config_list(config, KEY, &texts);
    narrowing_t *self = calloc(1, sizeof *self + count * sizeof self->routes[0]);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "out of memory for " KEY);
        return NULL;
    }
    self->texts = texts;
    for (self->count = 0; self->count < count; self->count++) {
        pbus_error_t why;
        self->routes[self->count] = pbus_route_new(texts[self->count], &why);
        if (self->routes[self->count])
            continue;
        pbus_fail(error, why.status, KEY ": route %zu, %s", self->count + 1, why.text);
        narrowing_destroy(&self);
        return NULL;
    }
    return self;
}

void narrowing_destroy(narrowing_t **self_p)
{
    narrowing_t *self = *self_p;
    for (size_t i = 0; self && i < self->count; i++)
        pbus_route_destroy(&self->routes[i]);
    free(self);
    *self_p = NULL;
}

static bool s_is_of(const narrowing_t *self, size_t i, const char *group)
{
    return strcmp(pbus_route_group(self->routes[i]), group) == 0;
}

bool narrowing_names(const narrowing_t *self, const char *group)
{
    for (size_t i = 0; i < self->count; i++)
        if (s_is_of(self, i, group))
            return true;
    return false;
}

bool narrowing_lets(const narrowing_t *self, const char *group, const pbus_routed_t *event)
{
    for (size_t i = 0; i < self->count; i++)
        if (s_is_of(self, i, group) && pbus_route_lets(self->routes[i], event))
            return true;
    return false;
}

const char *narrowing_text(const narrowing_t *self, size_t i, const char *group, bool *more)
{
    *more = i < self->count;
    return *more && s_is_of(self, i, group) ? self->texts[i] : NULL;
}
