/*
 * Say: one line on standard error, "persistctl: ...". A line names the thing, the value and the remedy.
 */
#ifndef PERSISTCTL_SAY_H
#define PERSISTCTL_SAY_H

#include <persistbus/types.h>

/* Without a line feed at the end. */
void say(const char *format, ...) PBUS_PRINTF(1, 2);

#endif
