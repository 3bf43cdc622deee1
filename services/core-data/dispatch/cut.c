#include "cut.h"

#include <stdlib.h>

cut_t *cut_new(uint64_t accept, const char *device, const char *source, int64_t origin_max, bool lazy)
{
    cut_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->accept = accept;
    self->origin_max = origin_max;
    self->lazy = lazy;
    if ((device && !(self->device = strdup(device))) || (source && !(self->source = strdup(source))))
        cut_destroy(&self);
    return self;
}

void cut_destroy(cut_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->device);
    free((*self_p)->source);
    free((*self_p)->runs);
    free(*self_p);
    *self_p = NULL;
}

bool cut_add(cut_t *self, group_t *group)
{
    cut_run_t *runs = realloc(self->runs, (self->count + 1) * sizeof *runs);
    if (!runs)
        return false;
    self->runs = runs;
    self->runs[self->count++] = (cut_run_t){.group = group};
    return true;
}

cut_run_t *cut_find(cut_t *self, const group_t *group)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->runs[i].group == group)
            return &self->runs[i];
    return NULL;
}

void cut_remove(cut_t *self, const group_t *group)
{
    cut_run_t *run = cut_find(self, group);
    if (run)
        *run = self->runs[--self->count];
}

/*
 * A reading may name another device and have another origin than its event, by which the cut deletes; so for
 * readings only what can't matter at all is let through: nothing.
 */
bool cut_concerns(const cut_t *self, const request_t *query)
{
    if (self->lazy)
        return false;
    if (query->what == PBUS_READINGS)
        return true;
    if (self->device && query->device && strcmp(self->device, query->device) != 0)
        return false;
    return query->origin_min <= self->origin_max;
}

void cut_ask(const cut_t *self, uint32_t limit, pbus_buf_t *out)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_PURGE);
    ask.query.filter.device = pbus_str(self->device);
    ask.query.filter.source = pbus_str(self->source);
    ask.query.filter.origin_max = self->origin_max;
    ask.query.filter.accept_max = self->accept;
    ask.query.limit = limit;
    pbus_ask_encode(&ask, out);
}
