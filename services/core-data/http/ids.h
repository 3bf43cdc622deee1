/*
 * Ids: fresh version 4 UUIDs for correlation, without a system call each. Unique, not secret. By value, for
 * any number of threads.
 */
#ifndef CORE_DATA_IDS_H
#define CORE_DATA_IDS_H

#include <stdatomic.h>
#include <persistbus/types.h>

typedef struct {
    uint64_t seed[2];
    _Atomic uint64_t count;
} ids_t;

/* Seeds it from the kernel's random numbers; false when there are none. */
bool ids_init(ids_t *self);
void ids_next(ids_t *self, char text[PBUS_UUID_TEXT]);

#endif
