/*
 * Timeline: see timeline.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "timeline.h"

#define JUMP 1000000000 /* ns by which the clock must be off to be taken as set */

int64_t timeline_look(timeline_t *self)
{
    self->now = pbus_clock_boottime();
    int64_t offset = pbus_clock_realtime() - self->now;
    if (llabs(offset - self->offset) > JUMP)
        self->offset = offset;
    return self->now;
}

int64_t timeline_to_wall(const timeline_t *self, int64_t boot)
{
    return boot + self->offset;
}

int64_t timeline_to_boot(const timeline_t *self, int64_t wall)
{
    return wall - self->offset;
}

void timeline_text(int64_t wall, char text[40])
{
    struct tm parts;
    time_t seconds = wall / 1000000000;
    char date[24];
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, 40, "%s.%03dZ", date, (int) (wall / 1000000 % 1000));
}
