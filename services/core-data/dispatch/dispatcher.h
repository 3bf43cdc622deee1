/*
 * Dispatcher: owns the bus. One thread with the XPUB, ROUTER and PUB sockets; every other thread speaks to it
 * through dispatcher_submit. It keeps groups, sessions and what is in flight, gives out accept numbers, sends
 * batches and queries to workers and decides each request's outcome (docs/ARCHITECTURE.md).
 */
#ifndef CORE_DATA_DISPATCHER_H
#define CORE_DATA_DISPATCHER_H

#include <persistbus/config.h>
#include <persistbus/metrics.h>
#include "request.h"

typedef struct dispatcher dispatcher_t;

/* Options of the sections PersistBus and Spool. */
extern const pbus_option_t dispatcher_options[];

/*
 * Opens the spool, binds the sockets and starts the thread. NULL with *error filled when an address is in
 * use, the spool's folder can't be written or is locked by another process. config and log must outlive it.
 */
dispatcher_t *dispatcher_new(const pbus_config_t *config, pbus_log_t *log, pbus_error_t *error);

/* Completes every open request with PBUS_UNAVAILABLE, stops the thread, closes sockets and spool. */
void dispatcher_destroy(dispatcher_t **self_p);

/*
 * From any thread. PBUS_OK: `done` will be called. Otherwise it will not, the request stays the caller's:
 * PBUS_FULL when the byte limit of what is in flight (PersistBus.MaxInFlight) is reached, PBUS_UNAVAILABLE
 * when the dispatcher is stopping.
 */
pbus_status_t dispatcher_submit(dispatcher_t *self, request_t *request);

/* Whether anybody is connected to the public stream, so whether stream_message is worth building. Any thread.
 */
bool dispatcher_stream_wanted(const dispatcher_t *self);

/* Counters for the status routes (names in dispatcher.c). */
const pbus_metrics_t *dispatcher_metrics(const dispatcher_t *self);

#endif
