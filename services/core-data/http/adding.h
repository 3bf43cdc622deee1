/*
 * Adding: from the body of a POST to what the dispatcher is to store and publish.
 */
#ifndef CORE_DATA_ADDING_H
#define CORE_DATA_ADDING_H

#include "event_json.h"
#include "params.h"
#include "service.h"

/* What is left of a posted event when its outcome is known; views as posted_t. */
typedef struct {
    pbus_str_t request_id;
    pbus_uuid_t id;
    size_t readings;
} added_t;

/*
 * Reads the body, JSON or, with the content type application/cbor, CBOR (changed, perhaps replaced), compares
 * it with the path and makes the request. *request is NULL when there is nothing to store or publish
 * (Writable.PersistData is false and nobody listens). *self's request_id is valid also after a failure, if it
 * had been read. PBUS_INVALID, PBUS_NOMEM.
 */
pbus_status_t adding_prepare(added_t *self, service_t *service, const params_t *params, pbus_buf_t *body,
                             pbus_str_t content_type, pbus_str_t correlation, arena_t *arena,
                             request_t **request, pbus_error_t *error);

#endif
