/*
 * Retention: a thread of its own that has events deleted which the rules do not keep. Every interval, the
 * first time after a whole one, it makes a pass over all pairs of device and source that are stored: it asks
 * where the events begin that may go, and orders what is that old, and of this pair, to be purged. The
 * dispatcher does that in small steps in every group, behind writes and reads (dispatch/cuts.c); reads do not
 * wait for it.
 *
 * By the rules, of a pair with at least max_cap events (if that is positive) those older than duration may
 * go, but the newest min_cap of these; where many events have the origin of the newest that goes, all go.
 *
 * A pass that fails is given up, logged and counted; the next one comes after the interval.
 */
#ifndef CORE_DATA_RETENTION_H
#define CORE_DATA_RETENTION_H

#include "http/service.h"
#include "rules.h"

typedef struct retention retention_t;

/* service and its port's target must outlive it. NULL with *error filled. */
retention_t *retention_new(service_t *service, const rules_t *rules, pbus_error_t *error);
/* Gives up what is under way; to be called before the port's target ends. */
void retention_destroy(retention_t **self_p);

#endif
