/*
 * Look: what there is to see now, and before, for `status` and `watch`.
 */
#ifndef PERSISTCTL_LOOK_H
#define PERSISTCTL_LOOK_H

#include "api.h"
#include "view.h"

typedef struct {
    answer_t now, before;  /* of GET persistence/groups */
    int64_t at, before_at; /* CLOCK_BOOTTIME ns */
    answer_t jobs;         /* of GET persistence/jobs */
} look_t;

/* Starts from zero. What was `now` becomes `before`, if core-data answers. Returns the call's result; its
 * error is in now.error. */
int look_take(look_t *self, api_t *api);
void look_clear(look_t *self);

view_t look_view(const look_t *self, const api_t *api, const char *only);

#endif
