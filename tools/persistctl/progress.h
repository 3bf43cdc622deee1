/*
 * Progress of something that has a number of events to get through. On a terminal: one line that is
 * drawn over, with a bar, the rate and the time left. Elsewhere: a line at the beginning, whenever a tenth
 * more is done or ten seconds have passed, and when the note changes.
 */
#ifndef PERSISTCTL_PROGRESS_H
#define PERSISTCTL_PROGRESS_H

#include <stdint.h>
#include "screen.h"

typedef struct progress progress_t;

/* The label ("redis -> mongo") is copied. NULL when memory is out. */
progress_t *progress_new(const char *label, FILE *out);
/* Leaves the terminal's line empty. */
void progress_destroy(progress_t **self_p);

typedef struct {
    uint64_t done, total; /* events; total 0: not known */
    double rate;          /* events/s; 0: not known, then it is taken from what has been shown */
    const char *note;     /* why it stands still; empty: it does not */
    int64_t now;          /* CLOCK_BOOTTIME ns */
} progress_step_t;

void progress_show(progress_t *self, const progress_step_t *step);

/* The line itself, at most `width` columns wide: for a terminal, with a bar as wide as there is room. Freed
 * by the caller; NULL when memory is out. */
char *progress_line(const char *label, const progress_step_t *step, int width);

#endif
