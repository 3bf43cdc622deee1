/*
 * Service: see service.h.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "ids.h"
#include "service.h"

struct service {
    const settings_t *settings;
    port_t port;
    pbus_log_t *log;
    pbus_metrics_t *metrics;
    secrets_t *secrets;
    struct mirror *mirror;
    ids_t ids;
    atomic_bool persists;
    _Atomic uint64_t pending; /* bytes */
    pthread_mutex_t lock;     /* of config */
    pbus_buf_t config;
};

static const char *const counters[SERVICE_COUNTERS] = {
    [SERVICE_EVENTS_PERSISTED] = "eventsPersisted",
    [SERVICE_READINGS_PERSISTED] = "readingsPersisted",
    [SERVICE_REQUESTS] = "httpRequests",
    [SERVICE_REFUSED] = "httpRequestsRefused",
    [SERVICE_FAILED] = "httpRequestsFailed",
    [SERVICE_MALFORMED] = "answersMalformed",
    [SERVICE_RETENTION_PASSES] = "retentionPasses",
    [SERVICE_RETENTION_FAILED] = "retentionPassesFailed",
    [SERVICE_RETENTION_PURGES] = "retentionPurges",
};

service_t *service_new(const settings_t *settings, port_t port, pbus_log_t *log)
{
    service_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->settings = settings;
    self->port = port;
    self->log = log;
    atomic_init(&self->persists, true);
    pthread_mutex_init(&self->lock, NULL);
    self->metrics = pbus_metrics_new(counters, SERVICE_COUNTERS);
    self->secrets = secrets_new(settings->secret_file);
    if (!self->metrics || !self->secrets || !ids_init(&self->ids))
        service_destroy(&self);
    return self;
}

void service_destroy(service_t **self_p)
{
    service_t *self = *self_p;
    if (!self)
        return;
    pbus_metrics_destroy(&self->metrics);
    secrets_destroy(&self->secrets);
    pbus_buf_clear(&self->config);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

const settings_t *service_settings(const service_t *self)
{
    return self->settings;
}

const port_t *service_port(const service_t *self)
{
    return &self->port;
}

pbus_log_t *service_log(const service_t *self)
{
    return self->log;
}

pbus_metrics_t *service_metrics(const service_t *self)
{
    return self->metrics;
}

secrets_t *service_secrets(const service_t *self)
{
    return self->secrets;
}

struct mirror *service_mirror(const service_t *self)
{
    return self->mirror;
}

void service_set_mirror(service_t *self, struct mirror *mirror)
{
    self->mirror = mirror;
}

bool service_persists(const service_t *self)
{
    return atomic_load_explicit(&self->persists, memory_order_relaxed);
}

void service_set_persists(service_t *self, bool persists)
{
    atomic_store(&self->persists, persists);
}

void service_new_id(service_t *self, char text[PBUS_UUID_TEXT])
{
    ids_next(&self->ids, text);
}

bool service_take_pending(service_t *self, size_t size)
{
    uint64_t before = atomic_fetch_add_explicit(&self->pending, size, memory_order_relaxed);
    if (before + size <= self->settings->max_pending_size)
        return true;
    service_give_pending(self, size);
    return false;
}

void service_give_pending(service_t *self, size_t size)
{
    atomic_fetch_sub_explicit(&self->pending, size, memory_order_relaxed);
}

void service_set_config(service_t *self, pbus_buf_t *json)
{
    pthread_mutex_lock(&self->lock);
    pbus_buf_t former = self->config;
    self->config = *json;
    pthread_mutex_unlock(&self->lock);
    *json = (pbus_buf_t){0};
    pbus_buf_clear(&former);
}

void service_put_config(service_t *self, pbus_buf_t *out)
{
    pthread_mutex_lock(&self->lock);
    pbus_buf_append(out, self->config.data, self->config.size);
    pthread_mutex_unlock(&self->lock);
}
