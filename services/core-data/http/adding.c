/*
 * Adding: see adding.h.
 */
#include <strings.h>
#include "adding.h"
#include "event_cbor.h"
#include "stream.h"
#include "text.h"

static pbus_status_t s_compare(const char *field, pbus_str_t body, pbus_str_t path, pbus_error_t *error)
{
    if (pbus_str_eq(body, path))
        return PBUS_OK;
    return pbus_fail(error, PBUS_INVALID, "event's %s %.*s mismatches %.*s", field, SHOWN(body), SHOWN(path));
}

static pbus_status_t s_compare_all(const pbus_event_t *event, const params_t *params, pbus_error_t *error)
{
    pbus_status_t status = s_compare("profileName", event->profile, params->profile, error);
    if (status == PBUS_OK)
        status = s_compare("deviceName", event->device, params->device, error);
    if (status == PBUS_OK)
        status = s_compare("sourceName", event->source, params->source, error);
    return status;
}

/* As in EdgeX, without parameters: with them it is not known to be CBOR. */
static bool s_is_cbor(pbus_str_t content_type)
{
    static const char name[] = "application/cbor";
    return content_type.size == sizeof name - 1 && strncasecmp(content_type.data, name, sizeof name - 1) == 0;
}

/* The body as JSON, with room behind it for the parser. */
static pbus_status_t s_to_json(pbus_buf_t *body, pbus_str_t content_type, pbus_error_t *error)
{
    pbus_buf_t json = {0};
    if (s_is_cbor(content_type)) {
        pbus_status_t status =
            event_cbor_to_json((pbus_str_t){(const char *) body->data, body->size}, &json, error);
        pbus_buf_clear(status == PBUS_OK ? body : &json);
        if (status != PBUS_OK)
            return status;
        *body = json;
    }
    return pbus_buf_reserve(body, EVENT_JSON_PADDING) ? PBUS_OK
                                                      : pbus_fail(error, PBUS_NOMEM, "memory is out");
}

/* An envelope larger than MaxEventSize is not published, as in EdgeX; the event is stored all the same. */
static void s_publish(service_t *service, const params_t *params, const posted_t *posted,
                      pbus_str_t content_type, pbus_str_t correlation, request_t *request)
{
    const settings_t *settings = service_settings(service);
    pbus_buf_t payload = {0};
    bool is_cbor = s_is_cbor(content_type);
    if (is_cbor)
        event_cbor_write(&payload, posted);
    else
        stream_request(&payload, posted);
    pbus_str_t text = {(const char *) payload.data, payload.size};
    stream_envelope(&request->stream_message, correlation, content_type, text, !is_cbor);
    request->stream_message.failed |= payload.failed;
    pbus_buf_clear(&payload);
    if (settings->max_event_size && request->stream_message.size > settings->max_event_size) {
        pbus_log_warn(service_log(service),
                      "event of %.*s is not published: its message is larger than MaxEventSize",
                      SHOWN(params->device));
        pbus_buf_clear(&request->stream_message);
        return;
    }
    stream_topic(&request->stream_topic, params, settings->escape_names);
}

static request_t *s_request(service_t *service, const posted_t *posted, size_t body_size)
{
    bool persists = service_persists(service);
    request_t *request = request_new(persists ? REQUEST_ADD : REQUEST_PUBLISH);
    if (!request)
        return NULL;
    request->id = posted->event.id;
    if (persists) {
        /* The encoded event is nearly always smaller than its JSON, so this is the only allocation. */
        pbus_buf_reserve(&request->event, body_size);
        pbus_event_encode(&posted->event, &request->event);
    }
    return request;
}

pbus_status_t adding_prepare(added_t *self, service_t *service, const params_t *params, pbus_buf_t *body,
                             pbus_str_t content_type, pbus_str_t correlation, arena_t *arena,
                             request_t **request, pbus_error_t *error)
{
    posted_t posted;
    bool published = service_port(service)->stream_wanted(service_port(service)->self);
    *request = NULL;
    pbus_status_t status = s_to_json(body, content_type, error);
    if (status == PBUS_OK)
        status = event_json_read(&posted, (char *) body->data, body->size,
                                 service_settings(service)->optimize, arena, error);
    if (status != PBUS_OK)
        return status;
    *self = (added_t){posted.request_id, posted.event.id, posted.event.reading_count};
    status = s_compare_all(&posted.event, params, error);
    if (status != PBUS_OK || (!published && !service_persists(service)))
        return status;
    *request = s_request(service, &posted, body->size);
    if (*request && published)
        s_publish(service, params, &posted, content_type, correlation, *request);
    if (*request && !(*request)->event.failed && !(*request)->stream_topic.failed &&
        !(*request)->stream_message.failed)
        return PBUS_OK;
    request_destroy(request);
    return pbus_fail(error, PBUS_NOMEM, "memory is out");
}
