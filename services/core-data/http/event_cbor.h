/*
 * Event CBOR: an AddEventRequest in CBOR (RFC 8949) becomes the same request in JSON, so that one reader
 * checks both; and back, for subscribers of the public stream that expect what was posted.
 *
 * What has no counterpart in JSON: byte strings are taken as `binaryValue` and inside tags and object values,
 * and become base64 text; NaN and infinities are taken as `value`. Integers keep all 64 bits.
 */
#ifndef CORE_DATA_EVENT_CBOR_H
#define CORE_DATA_EVENT_CBOR_H

#include "event_json.h"

/* Appends the JSON text of the one item that the body must be. PBUS_INVALID or PBUS_NOMEM on failure. */
pbus_status_t event_cbor_to_json(pbus_str_t body, pbus_buf_t *out, pbus_error_t *error);

/* Appends the accepted request in CBOR. */
void event_cbor_write(pbus_buf_t *out, const posted_t *posted);

#endif
