/*
 * Timeline: what is between the clock that the agent decides by (since the machine's start, ns) and the one
 * that people and files have (since the epoch). Taken at the start, and again only when somebody has set the
 * clock, so that the same moment is always written as the same text.
 */
#ifndef EDGE_AGENT_TIMELINE_H
#define EDGE_AGENT_TIMELINE_H

#include <persistbus/types.h>

/* By value; starts from zero. */
typedef struct {
    int64_t offset;
    int64_t now; /* CLOCK_BOOTTIME at the last timeline_look */
} timeline_t;

/* Looks at both clocks; returns CLOCK_BOOTTIME. */
int64_t timeline_look(timeline_t *self);
int64_t timeline_to_wall(const timeline_t *self, int64_t boot);
int64_t timeline_to_boot(const timeline_t *self, int64_t wall);
/* As RFC 3339 in UTC with milliseconds. */
void timeline_text(int64_t wall, char text[40]);

#endif
