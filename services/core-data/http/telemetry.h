/*
 * Telemetry: publishes the service's counters on the event stream, as Writable.Telemetry says (EdgeX
 * core-data API v3, section 11.6). For one thread, the one that also reloads the configuration.
 */
#ifndef CORE_DATA_TELEMETRY_H
#define CORE_DATA_TELEMETRY_H

#include "service.h"

typedef struct {
    int64_t last; /* CLOCK_BOOTTIME ns of the last time that metrics were published */
} telemetry_t;

/* Publishes if it is time to. now: CLOCK_BOOTTIME ns. */
void telemetry_tick(telemetry_t *self, service_t *service, const pbus_config_t *config, int64_t now);

#endif
