/*
 * Accept clock: gives each accepted write its number, a hybrid clock in ns that never goes back. The low 8
 * bits name the core-data instance, so numbers of one instance are 256 apart. By value, no destructor.
 *
 * "Never back" holds over restarts and over a wall clock that was set back because no number above `floor` is
 * given out before the spool has the floor on disk, and a new start begins at the floor it finds there.
 */
#ifndef CORE_DATA_ACCEPT_H
#define CORE_DATA_ACCEPT_H

#include <persistbus/types.h>

#define ACCEPT_STEP 256u
#define ACCEPT_AHEAD_NS (60 * 1000000000ull) /* how far ahead of the last number the floor is put */

typedef struct {
    uint64_t last;
    uint64_t floor; /* what the spool has on disk */
    uint8_t instance;
} accept_clock_t;

/* found is the floor that the spool held, 0 for a new one. The clock gives nothing until the floor was
 * raised. */
accept_clock_t accept_clock(uint64_t found, uint8_t instance);
/* The next number, or 0 if that would be above the floor. now: CLOCK_REALTIME ns. */
uint64_t accept_next(accept_clock_t *self, int64_t now);
/* The floor that should be put on disk now; 0: the one there will do for a while. */
uint64_t accept_floor_wanted(const accept_clock_t *self, int64_t now);

#endif
