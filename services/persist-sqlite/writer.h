/*
 * Writer: applies batches, each in one transaction, so that a commit (and its sync of the disk) is shared by
 * all writes of the batch.
 */
#ifndef WRITER_H
#define WRITER_H

#include "store.h"
#include "tally.h"

typedef struct writer writer_t;

/* The store has to be a writing one and outlive the writer. NULL when memory is out. */
writer_t *writer_new(store_t *store);
void writer_destroy(writer_t **self_p);

/* As pbus_backend_t's write. */
pbus_status_t writer_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error);

#endif
