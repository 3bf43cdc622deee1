/*
 * Model: a store against a list in memory: random writes, deletes and purges, and some of all the questions
 * that can be asked. A difference fails the test; SEED=n in the environment repeats a run.
 */
#ifndef TESTKIT_MODEL_H
#define TESTKIT_MODEL_H

#include "testing.h"

typedef struct model model_t;

/* How varied events are. */
typedef struct {
    unsigned units;  /* different ones; many make a source's list of readings change all the time */
    unsigned spread; /* 0: readings have the event's origin; up to 4: some are far from it */
    unsigned times;  /* different origins; few make many ties */
} model_variety_t;

/* Of the open workers on one empty store, which outlive it. */
model_t *model_new(testing_t *workers, size_t count, model_variety_t variety);
void model_destroy(model_t **self_p);

/* One batch, or one purge in steps, by any of the workers. */
void model_write(model_t *self);
void model_purge(model_t *self);
void model_ask(model_t *self);
/* Durable, and the applied mark is the highest accept number of any batch. */
void model_check_health(model_t *self);
/* Everything was deleted behind its back. */
void model_clear(model_t *self);

uint64_t model_random(model_t *self, uint64_t below);
/* Any of them. */
testing_t *model_worker(model_t *self);
/* How many events there have to be, and whether this is one. */
size_t model_count(const model_t *self);
bool model_has(const model_t *self, const pbus_uuid_t *id);

#endif
