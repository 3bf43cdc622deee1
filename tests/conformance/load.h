/*
 * Load: writes batches without pause to all workers that are ready, within their credit, as core-data does.
 * What a lost session or a store that is away leaves unanswered is sent again, to whoever is ready, until it
 * is acknowledged; only then it is the model's.
 */
#ifndef LOAD_H
#define LOAD_H

#include "suite.h"

typedef struct load load_t;

/* Batches of so many writes: adds of the shape, and some deletes of what is acknowledged. */
load_t *load_new(suite_t *suite, const generator_shape_t *shape, size_t batch_size);
void load_destroy(load_t **self_p);

/* Sends what credit allows, lets messages move, and settles what came; as suite_pump. */
bool load_step(load_t *self, int64_t deadline, const char *what);
/* From now on, only what is unanswered is sent. */
void load_stop(load_t *self);
/* Until all is acknowledged; implies load_stop. */
void load_finish(load_t *self);

/* Batches acknowledged; batches whose session ended first; answers that said that the store is away. */
size_t load_acknowledged(const load_t *self);
size_t load_lost(const load_t *self);
size_t load_turned_away(const load_t *self);
/* Batches that were sent and are not answered. */
size_t load_outstanding(const load_t *self);

#endif
