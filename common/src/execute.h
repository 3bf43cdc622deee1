/*
 * Execute: one WRITE or QUERY on a backend's handle, from payload to the message that answers it. Internal;
 * used by a lane (lane.c), knows nothing of sockets, sessions or threads.
 */
#ifndef PBUS_EXECUTE_H
#define PBUS_EXECUTE_H

#include <persistbus/backend.h>

#include "message.h"

#include <czmq.h>

/* Holds what is reused from call to call. */
typedef struct pbus_executor pbus_executor_t;

/* NULL when memory is out. */
pbus_executor_t *pbus_executor_new(const pbus_backend_t *backend);
void pbus_executor_destroy(pbus_executor_t **self_p);

/*
 * Runs a batch and fills ack (seq is the caller's): status, text, failed, mark. Views in ack are valid until
 * the next call. mark is the store's mark before; ack->mark the one after.
 */
void pbus_executor_write(pbus_executor_t *self, void *handle, const void *batch, size_t size, uint64_t mark,
                         pbus_message_t *ack);

/*
 * Runs a query and fills reply: status and text; returns the payload (valid until the next call), NULL unless
 * status is OK. Results are cut at soft_bytes and never exceed hard_bytes.
 */
const pbus_buf_t *pbus_executor_query(pbus_executor_t *self, void *handle, const void *ask, size_t size,
                                      int64_t deadline, size_t soft_bytes, size_t hard_bytes,
                                      pbus_message_t *reply);

#endif
