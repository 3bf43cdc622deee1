/*
 * Generator: events that are random but for a seed, so that a run can be repeated.
 */
#ifndef GENERATOR_H
#define GENERATOR_H

#include "samples.h"

#include <persistbus/query.h>

/* How varied events are. */
typedef struct {
    unsigned devices; /* names in use of each: few make large lists, many make many indexes */
    unsigned profiles;
    unsigned sources;
    unsigned resources;
    unsigned readings; /* 1 to so many a event */
    uint64_t origins;  /* so many different ones; few make many ties */
    int64_t unit;      /* ns between them */
    unsigned own;      /* percent of readings with an origin of their own, 0 to about a day away */
    unsigned foreign;  /* percent of readings of another device or profile than their event */
    unsigned nulls;    /* percent of readings without a value */
    unsigned tags;     /* percent of events and readings that have some */
    bool numbers;      /* only numeric values */
    bool small;        /* only numbers whose sums stay within 64 bits */
} generator_shape_t;

typedef struct generator generator_t;

generator_t *generator_new(uint64_t seed);
void generator_destroy(generator_t **self_p);
/* Begins anew, as made with this seed. */
void generator_reset(generator_t *self, uint64_t seed);

/* 0 to below - 1; 0 for 0. */
uint64_t generator_below(generator_t *self, uint64_t below);
bool generator_chance(generator_t *self, unsigned percent);
pbus_uuid_t generator_id(generator_t *self);
/* Of the names that events of this shape have, or one that none has. */
pbus_str_t generator_device(generator_t *self, const generator_shape_t *shape);
pbus_str_t generator_source(generator_t *self, const generator_shape_t *shape);
pbus_str_t generator_resource(generator_t *self, const generator_shape_t *shape);
int64_t generator_origin(generator_t *self, const generator_shape_t *shape);
/* The first origin of generator_origin. */
int64_t generator_origin_first(void);

/* An event, valid until the next call. */
const pbus_event_t *generator_event(generator_t *self, const generator_shape_t *shape);

/* Filters as queries have them, with parts that match nothing now and then. Views into the generator or
 * static. */
pbus_filter_t generator_event_filter(generator_t *self, const generator_shape_t *shape);
pbus_filter_t generator_reading_filter(generator_t *self, const generator_shape_t *shape);

#endif
