/*
 * Stream: see stream.h.
 */
#include "base64.h"
#include "json_text.h"
#include "render.h"
#include "stream.h"

#define PUT(out, literal) pbus_buf_append((out), (literal), sizeof(literal) - 1)

static bool s_breaks_topic(pbus_str_t name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '/' || name.data[i] == '+' || name.data[i] == '#' || name.data[i] == '%')
            return true;
    return false;
}

void stream_topic(pbus_buf_t *out, const params_t *params, bool escape)
{
    const pbus_str_t names[] = {params->service, params->profile, params->device, params->source};
    PUT(out, "edgex/events/core");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PUT(out, "/");
        if (escape || s_breaks_topic(names[i]))
            url_encode(out, names[i]);
        else
            pbus_buf_append(out, names[i].data, names[i].size);
    }
}

static void s_member(pbus_buf_t *out, const char *key, pbus_str_t text)
{
    pbus_buf_puts(out, key);
    json_string(out, text);
}

static void s_event(pbus_buf_t *out, const posted_t *posted)
{
    const pbus_event_t *event = &posted->event;
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&event->id, id);
    s_member(out, "{\"apiVersion\":", posted->event_api_version);
    s_member(out, ",\"id\":", pbus_str(id));
    s_member(out, ",\"deviceName\":", event->device);
    s_member(out, ",\"profileName\":", event->profile);
    s_member(out, ",\"sourceName\":", event->source);
    PUT(out, ",\"origin\":");
    render_int(out, event->origin);
    PUT(out, ",\"readings\":[");
    for (size_t i = 0; i < event->reading_count; i++) {
        pbus_buf_append(out, ",", i > 0);
        render_sent_reading(out, &event->readings[i], &posted->sent[i],
                            posted->optimized ? render_spared(event, &event->readings[i]) : 0);
    }
    PUT(out, "]");
    if (event->tags.size) {
        PUT(out, ",\"tags\":");
        json_splice(out, event->tags);
    }
    PUT(out, "}");
}

void stream_request(pbus_buf_t *out, const posted_t *posted)
{
    s_member(out, "{\"apiVersion\":", posted->api_version);
    if (posted->request_id.size)
        s_member(out, ",\"requestId\":", posted->request_id);
    PUT(out, ",\"event\":");
    s_event(out, posted);
    PUT(out, "}");
}

void stream_envelope(pbus_buf_t *out, pbus_str_t correlation, pbus_str_t content_type, pbus_str_t payload,
                     bool is_json)
{
    s_member(out, "{\"apiVersion\":\"v3\",\"receivedTopic\":\"\",\"correlationID\":", correlation);
    PUT(out, ",\"requestID\":\"\",\"errorCode\":0,\"payload\":");
    if (is_json)
        pbus_buf_append(out, payload.data, payload.size);
    else {
        PUT(out, "\"");
        base64_encode(payload, out);
        PUT(out, "\"");
    }
    s_member(out, ",\"contentType\":", content_type);
    PUT(out, "}");
}

void stream_metric(pbus_buf_t *out, const char *name, uint64_t value, int64_t now)
{
    s_member(out, "{\"apiVersion\":\"v3\",\"name\":", pbus_str(name));
    PUT(out, ",\"fields\":[{\"name\":\"counter-count\",\"value\":");
    render_uint(out, value);
    PUT(out, "}],\"tags\":[{\"name\":\"service\",\"value\":\"core-data\"}],\"timestamp\":");
    render_int(out, now);
    PUT(out, "}");
}
