/*
 * Telemetry: see telemetry.h.
 */
#include "stream.h"
#include "telemetry.h"

static const struct {
    const char *option;
    const char *name;
    service_counter_t counter;
} metrics[] = {
    {"Writable.Telemetry.Metrics.EventsPersisted", "EventsPersisted", SERVICE_EVENTS_PERSISTED},
    {"Writable.Telemetry.Metrics.ReadingsPersisted", "ReadingsPersisted", SERVICE_READINGS_PERSISTED},
};

static void s_done(request_t *request)
{
    request_destroy(&request);
}

static void s_publish(service_t *service, const char *name, uint64_t value)
{
    const port_t *port = service_port(service);
    pbus_buf_t payload = {0};
    char id[PBUS_UUID_TEXT];
    request_t *request = request_new(REQUEST_PUBLISH);
    if (!request)
        return;
    service_new_id(service, id);
    stream_metric(&payload, name, value, pbus_clock_realtime());
    pbus_buf_puts(&request->stream_topic, "edgex/telemetry/core-data/");
    pbus_buf_puts(&request->stream_topic, name);
    stream_envelope(&request->stream_message, pbus_str(id), PBUS_STR("application/json"),
                    (pbus_str_t){(const char *) payload.data, payload.size}, true);
    bool whole = !payload.failed && !request->stream_topic.failed && !request->stream_message.failed;
    pbus_buf_clear(&payload);
    request->done = s_done;
    request->deadline = pbus_clock_boottime() + service_settings(service)->request_timeout;
    if (!whole || port->submit(port->self, request) != PBUS_OK)
        request_destroy(&request);
}

void telemetry_tick(telemetry_t *self, service_t *service, const pbus_config_t *config, int64_t now)
{
    const port_t *port = service_port(service);
    int64_t interval = pbus_config_duration(config, "Writable.Telemetry.Interval");
    if (self->last == 0)
        self->last = now;
    if (interval == 0 || now - self->last < interval)
        return;
    self->last = now;
    if (!port->stream_wanted(port->self))
        return;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (pbus_config_bool(config, metrics[i].option))
            s_publish(service, metrics[i].name,
                      pbus_metrics_get(service_metrics(service), metrics[i].counter));
}
