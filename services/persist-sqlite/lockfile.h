/*
 * Lock file: keeps a second process away from a store. SQLite's own locks let several in, and the programs of
 * people who look at the store with the sqlite3 shell are welcome, so the lock is on a file beside it:
 * `<path>.lock`, which holds the owner's process id. It goes with the process, however that ends.
 */
#ifndef LOCKFILE_H
#define LOCKFILE_H

#include <persistbus/types.h>

typedef struct lockfile lockfile_t;

/*
 * PBUS_INVALID when another process has the lock or the file cannot be made, with one line that says whose
 * turn it is.
 */
pbus_status_t lockfile_open(lockfile_t **self_p, const char *store_path, pbus_error_t *error);
/* Gives the lock back; the file stays. */
void lockfile_close(lockfile_t **self_p);

#endif
