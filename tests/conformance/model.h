/*
 * Model: what a backend has to hold and to answer, in memory, straight from persistbus/backend.h and query.h.
 *
 * Lists come in the order that a backend has to give, in memory that the caller frees; what they point to
 * lives until the model changes.
 */
#ifndef MODEL_H
#define MODEL_H

#include "batch.h"
#include "exact.h"

/* Which write brought an event: the index-th (from 0) of a batch of size writes. For messages. */
typedef struct {
    uint64_t batch; /* 0: not known */
    size_t index;
    size_t size;
} model_place_t;

typedef struct {
    pbus_event_t event;
    uint64_t accept;
    pbus_buf_t data; /* the event's one encoding */
    model_place_t place;
} model_event_t;

typedef struct {
    const model_event_t *of;
    const pbus_reading_t *reading;
} model_reading_t;

/* A group of an aggregate. */
typedef struct {
    pbus_reading_t like; /* device, profile, resource, type */
    uint64_t count;      /* of finite numbers */
    exact_t sum, least, greatest;
} model_group_t;

typedef struct {
    pbus_str_t device;
    pbus_str_t source;
    uint64_t events;
} model_source_t;

typedef struct model model_t;

model_t *model_new(void);
void model_destroy(model_t **self_p);
void model_clear(model_t *self);

/* Applies one write and returns what has to become of it. */
pbus_status_t model_apply(model_t *self, const batch_write_t *write, model_place_t place);
/* Removes what passes; returns how many. */
uint64_t model_purge(model_t *self, const pbus_filter_t *filter);

uint64_t model_count(const model_t *self, pbus_what_t what, const pbus_filter_t *filter);
/* NULL if it is not held. */
const model_event_t *model_find(const model_t *self, const pbus_uuid_t *id);
/* Whether it was held once, and is no more. */
bool model_had(const model_t *self, const pbus_uuid_t *id);

/* By (origin, id) descending. */
const model_event_t **model_events(const model_t *self, const pbus_filter_t *filter, size_t *count);
/* By origin descending; ties by the readings' encoding, an order that is the model's own. */
model_reading_t *model_readings(const model_t *self, const pbus_filter_t *filter, size_t *count);
model_group_t *model_groups(const model_t *self, const pbus_filter_t *filter, size_t *count);
model_source_t *model_sources(const model_t *self, size_t *count);

/* By origin descending, then by encoding: the order of model_readings. */
int model_reading_cmp(const pbus_reading_t *a, const pbus_reading_t *b);
/* Same device, profile, resource and type. */
bool model_same_group(const pbus_reading_t *a, const pbus_reading_t *b);

#endif
