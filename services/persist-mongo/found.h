/*
 * Found: events that were looked up to be deleted or judged: all of a document but the values.
 */
#ifndef PERSIST_MONGO_FOUND_H
#define PERSIST_MONGO_FOUND_H

#include "ledger.h"

typedef struct {
    document_t document; /* views into bson */
    bson_t *bson;
    ledger_state_t state; /* whether it counts; for the caller's use */
} found_event_t;

/* By value; starts from zero. */
typedef struct {
    found_event_t *events;
    size_t count;
    size_t capacity;
} found_t;

/* Takes over the event's bson. */
void found_add(found_t *self, const found_event_t *event);
/* Adds the events that match, at most limit (0: all). */
pbus_status_t found_load(found_t *self, store_t *store, const bson_t *filter, uint32_t limit,
                         pbus_error_t *error);
/* Adds those of these ids that are there. */
pbus_status_t found_load_ids(found_t *self, store_t *store, const pbus_uuid_t *ids, size_t count,
                             pbus_error_t *error);
/* NULL: not among them. */
found_event_t *found_get(const found_t *self, const pbus_uuid_t *id);
/* Lets go all but the first `count`. */
void found_cut(found_t *self, size_t count);
void found_clear(found_t *self);

/* Appends {<field>: {$in: [ids]}}. */
void found_append_ids(bson_t *to, const char *field, const pbus_uuid_t *ids, size_t count);

#endif
