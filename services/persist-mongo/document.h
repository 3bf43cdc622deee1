/*
 * Document: an event as it lies in collection `events`.
 *
 *     { _id: "<UUID>", device, profile, source, origin: ns, time: Date, [tags], last: ns, spread: 0..4,
 *       [otherDevices: [name, ...]], accept, batch,
 *       readings: [ { resource, type: "Float64", value, [units], [tags], [mediaType],
 *                     [origin], [device], [profile] }, ... ] }
 *
 * A reading's origin, device and profile are there only where they differ from the event's. What is not the
 * event's own:
 *
 *   time          origin as a Date, in whole ms; for people
 *   last, spread  for lists of readings by their own origin: the latest of the readings' origins, and a class
 * of how far before it the earliest lies: all lie within [last - bound, last] (document_bound) otherDevices
 * devices of readings that are not the event's accept        the accept number, as a signed 64-bit integer of
 * the same bits batch         which batch of which writer inserted it (ledger.h)
 *
 * Documents may have been changed by anybody with access to the database: what is read is checked.
 */
#ifndef PERSIST_MONGO_DOCUMENT_H
#define PERSIST_MONGO_DOCUMENT_H

#include "scratch.h"

#include <persistbus/query.h>

#include <mongoc/mongoc.h>

#define DOCUMENT_BYTES_MAX (16u * 1024 * 1024) /* what MongoDB takes */
#define DOCUMENT_READINGS_MAX 50000            /* so that the batch's bookkeeping fits a document, too; */
#define DOCUMENT_NAMES_MAX (12u * 1024 * 1024) /* for that, too: about what its readings take there */
#define DOCUMENT_SPREADS 5

/* The bound of a class of spread, in ns; of the last, which has none: INT64_MAX. */
int64_t document_bound(int spread);

/* NULL, with *error (PBUS_INVALID), if the event can never be kept. */
bson_t *document_new(const pbus_event_t *event, uint64_t accept, int64_t batch, pbus_error_t *error);

/* The event's own fields; views point into the BSON. */
typedef struct {
    pbus_uuid_t id;
    int64_t origin;
    pbus_str_t device;
    pbus_str_t profile; /* empty in a document that was read without it */
    pbus_str_t source;
    uint64_t accept;
    int64_t batch;
    int64_t last;
    bson_iter_t tags; /* valid if has_tags */
    bool has_tags;
    bson_iter_t readings; /* at the array */
} document_t;

/* False if it lacks a field or one is of another kind: not a document of this service, or damaged. */
bool document_read(const bson_t *bson, document_t *document);
/* Decodes one reading; item is at an element of the array of readings. Views into the BSON, or scratch. */
bool document_reading(const document_t *document, const bson_iter_t *item, pbus_reading_t *reading,
                      scratch_t *scratch);
/* The same without value, type, units and tags, which may have been left out when it was read. */
bool document_reading_names(const document_t *document, const bson_iter_t *item, pbus_reading_t *reading);

/* Decodes whole events; reuses its memory. */
typedef struct document_decoder document_decoder_t;
document_decoder_t *document_decoder_new(void);
void document_decoder_destroy(document_decoder_t **self_p);
/*
 * The event and its accept number, valid until the next call and while bson lives. Fails with PBUS_INTERNAL
 * and a line that names the document if it is damaged.
 */
pbus_status_t document_event(document_decoder_t *self, const bson_t *bson, pbus_event_t *event,
                             uint64_t *accept, pbus_error_t *error);
/* The error for a damaged document. */
pbus_status_t document_damaged(const bson_t *bson, pbus_error_t *error);

/* Appends an id as text (which sorts as its bytes do, and which FerretDB 1.x finds without a scan), an accept
 * number as int64 of the same bits, a name. */
bool document_append_id(bson_t *to, const char *key, const pbus_uuid_t *id);
bool document_append_accept(bson_t *to, const char *key, uint64_t accept);
bool document_append_name(bson_t *to, const char *key, pbus_str_t name);
/* Reads an id back. */
bool document_read_id(const bson_iter_t *iter, pbus_uuid_t *id);

#endif
