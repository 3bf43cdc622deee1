/*
 * View: what core-data says of its groups, for people. Two answers give rates.
 */
#ifndef PERSISTCTL_VIEW_H
#define PERSISTCTL_VIEW_H

#include <stdbool.h>
#include <yyjson.h>
#include "screen.h"

typedef struct {
    const char *url;
    yyjson_val *now;    /* an answer of GET persistence/groups */
    yyjson_val *before; /* an earlier one; NULL: rates are not known */
    double seconds;     /* between the two */
    yyjson_val *jobs;   /* the array of GET persistence/jobs; NULL: not known */
    const char *only;   /* this group; NULL: all */
    bool steady;        /* columns stay when there is nothing in them, as it is drawn over */
} view_t;

/* False when memory was out, and something is missing. */
bool view_print(const view_t *self, const screen_t *screen);

/* One logfmt line for each group, for a file. */
void view_print_lines(const view_t *self, FILE *out, int64_t epoch_ns);

#endif
