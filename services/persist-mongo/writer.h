/*
 * Writer: batches of adds and deletes, and purges; what persist-mongo does on its writing lane.
 */
#ifndef PERSIST_MONGO_WRITER_H
#define PERSIST_MONGO_WRITER_H

#include "settle.h"

typedef struct writer writer_t;

/* NULL when memory is out. The store outlives it. */
writer_t *writer_new(store_t *store);
void writer_destroy(writer_t **self_p);

/*
 * Makes it fit to write: a data set and a slot, and whatever was cut short brought to an end. To be called
 * until it returns PBUS_OK, and from time to time when idle.
 */
pbus_status_t writer_tend(writer_t *self, pbus_error_t *error);
/* The data set; of the last writer_tend that returned PBUS_OK. */
const pbus_uuid_t *writer_data_set(const writer_t *self);

/* As backend.h says of write and purge. */
pbus_status_t writer_write(writer_t *self, pbus_write_t *writes, size_t count, pbus_error_t *error);
pbus_status_t writer_purge(writer_t *self, const pbus_filter_t *filter, uint32_t limit, uint64_t *deleted,
                           bool *more, pbus_error_t *error);

#endif
