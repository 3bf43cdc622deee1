/*
 * Act: what cases do with the worker: ask, write, purge. Each waits for the answer, compares what the worker
 * says of it with the model, and does the same to the model. All do nothing once the case has failed.
 */
#ifndef ACT_H
#define ACT_H

#include "answer.h"
#include "suite.h"

#define ACT_SECONDS 30 /* within which a WRITE or a QUERY has to be answered */

/* The answer to a query, which has to be OK; NULL otherwise. The caller destroys it. */
call_t *act_ask(suite_t *suite, const pbus_ask_t *ask);
/* The same, where another status than OK is as good. */
call_t *act_ask_status(suite_t *suite, const pbus_ask_t *ask, pbus_status_t other);
/* Opens its payload; of an empty answer if the case has failed. Views point into the call. */
pbus_answer_t act_answer(suite_t *suite, const call_t *call);
/* Until it is answered or lost; false if the case has failed. */
bool act_wait(suite_t *suite, const call_t *call, const char *what);

/* Sends the batch, waits for its ACK, and settles it. */
void act_write(suite_t *suite, batch_t *batch);
/* An ACK has come: each write's status has to be what the model says; the model takes the writes over. */
void act_settle(suite_t *suite, const call_t *call, batch_t *batch);

/* Adds one event, or deletes one, in a batch of its own; returns the status, which is as the model says. */
pbus_status_t act_add(suite_t *suite, const pbus_event_t *event);
pbus_status_t act_delete(suite_t *suite, const pbus_uuid_t *id);
/* Adds so many random events of the shape, in batches. */
void act_fill(suite_t *suite, const generator_shape_t *shape, size_t count, size_t batch_size);

/* Deletes what passes, `limit` events a step, and looks at the counts after each. */
void act_purge(suite_t *suite, const pbus_filter_t *filter, uint32_t limit);
/* Deletes everything that the store holds, and does not look at the model. */
void act_empty(suite_t *suite);

#endif
