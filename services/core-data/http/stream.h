/*
 * Stream: what goes out on the public event stream: topics and EdgeX's message envelope (EdgeX core-data API
 * v3, section 11). Unknown fields of a posted event are dropped, values go out as they were sent.
 */
#ifndef CORE_DATA_STREAM_H
#define CORE_DATA_STREAM_H

#include "event_json.h"
#include "params.h"

/*
 * edgex/events/core/<service>/<profile>/<device>/<source>, the names from the path. With escape all but
 * letters and digits is percent-encoded; without it a name is encoded, as a whole, only if it would break the
 * topic: if it has `/`, which divides levels, `+` or `#`, which MQTT reserves, or `%`.
 */
void stream_topic(pbus_buf_t *out, const params_t *params, bool escape);

/* The accepted request as JSON. */
void stream_request(pbus_buf_t *out, const posted_t *posted);

/*
 * The envelope around a payload: JSON text, which goes in as it is, or bytes, which go in as base64 text.
 */
void stream_envelope(pbus_buf_t *out, pbus_str_t correlation, pbus_str_t content_type, pbus_str_t payload,
                     bool is_json);

/* The payload of a metric: its counter at a time, ns since the epoch. */
void stream_metric(pbus_buf_t *out, const char *name, uint64_t value, int64_t now);

#endif
