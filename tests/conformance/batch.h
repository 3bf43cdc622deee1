/*
 * Batch: writes on their way to a worker, the payload of a WRITE.
 */
#ifndef BATCH_H
#define BATCH_H

#include <persistbus/backend.h>

typedef struct {
    pbus_op_t op;
    uint64_t accept;
    pbus_uuid_t id;
    pbus_buf_t event;   /* ADD: encoded; the batch's */
    bool malformed;     /* an event that has to be refused */
    bool again;         /* sent before without an answer: what it finds may be its own doing */
    pbus_status_t told; /* by the worker, once the batch is acknowledged */
} batch_write_t;

typedef struct batch batch_t;

batch_t *batch_new(void);
void batch_destroy(batch_t **self_p);
void batch_add(batch_t *self, uint64_t accept, const pbus_event_t *event);
/* Bytes that may be no event of this id; malformed: they are not. */
void batch_add_bytes(batch_t *self, uint64_t accept, const pbus_uuid_t *id, pbus_str_t event, bool malformed);
void batch_delete(batch_t *self, uint64_t accept, const pbus_uuid_t *id);
/* A copy of one write at the end of this batch. */
void batch_copy(batch_t *self, const batch_write_t *write);

size_t batch_count(const batch_t *self);
/* Valid until something is added. */
batch_write_t *batch_at(batch_t *self, size_t place);
/* Marks all writes as sent before. */
void batch_set_again(batch_t *self);
/* Appends the payload of the WRITE. */
void batch_encode(const batch_t *self, pbus_buf_t *out);

#endif
