/*
 * Writer: applies batches. A batch goes to Redis in calls of one script each, all sent before the first is
 * answered; each call is a step of its own, so that Redis is never held up for long.
 */
#ifndef WRITER_H
#define WRITER_H

#include "store.h"

typedef struct writer writer_t;

/* The store has to outlive it. NULL when memory is out. */
writer_t *writer_new(store_t *store);
void writer_destroy(writer_t **self_p);
/* As pbus_backend_t's write. */
pbus_status_t writer_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error);

#endif
