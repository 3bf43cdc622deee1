/*
 * Service: what all calls of the HTTP side share: settings, the way to the dispatcher, what `Writable` says
 * just now, counters, secrets. Safe for any number of threads.
 */
#ifndef CORE_DATA_SERVICE_H
#define CORE_DATA_SERVICE_H

#include <persistbus/config.h>
#include <persistbus/metrics.h>
#include "request.h"
#include "secrets.h"
#include "settings.h"

/* The way to the dispatcher; a test puts something else there. As dispatcher.h says of each. */
typedef struct {
    void *self;
    pbus_status_t (*submit)(void *self, request_t *request);
    bool (*stream_wanted)(void *self);
    const pbus_metrics_t *metrics; /* may be NULL */
} port_t;

typedef enum {
    SERVICE_EVENTS_PERSISTED,
    SERVICE_READINGS_PERSISTED,
    SERVICE_REQUESTS,
    SERVICE_REFUSED, /* 4xx */
    SERVICE_FAILED,  /* 5xx */
    SERVICE_MALFORMED,
    SERVICE_RETENTION_PASSES,
    SERVICE_RETENTION_FAILED, /* passes given up */
    SERVICE_RETENTION_PURGES, /* devices' sources of which events were ordered to be purged */
    SERVICE_COUNTERS
} service_counter_t;

typedef struct service service_t;
struct mirror; /* mirror/mirror.h */

/* settings, port's target and log must outlive it. NULL when memory or random numbers are out. */
service_t *service_new(const settings_t *settings, port_t port, pbus_log_t *log);
void service_destroy(service_t **self_p);

const settings_t *service_settings(const service_t *self);
const port_t *service_port(const service_t *self);
pbus_log_t *service_log(const service_t *self);
pbus_metrics_t *service_metrics(const service_t *self);
secrets_t *service_secrets(const service_t *self);

/* What copies between groups; set before the first call, NULL until then. Not owned. */
struct mirror *service_mirror(const service_t *self);
void service_set_mirror(service_t *self, struct mirror *mirror);

/* Writable.PersistData. */
bool service_persists(const service_t *self);
void service_set_persists(service_t *self, bool persists);

/* A fresh correlation id. */
void service_new_id(service_t *self, char text[PBUS_UUID_TEXT]);

/* Takes size bytes of Service.MaxPendingSize; false, and nothing taken, when there are not so many left. */
bool service_take_pending(service_t *self, size_t size);
void service_give_pending(service_t *self, size_t size);

/* The configuration as JSON text for the config route; set anew after each reload. */
void service_set_config(service_t *self, pbus_buf_t *json);
void service_put_config(service_t *self, pbus_buf_t *out);

#endif
