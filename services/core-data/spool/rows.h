/*
 * Rows: the writes that wait in the spool, in two tables: `writes`, each write once, and `pending`, which
 * groups still need it. Used by the spool's thread, inside its transactions; functions return SQLite's result
 * codes.
 */
#ifndef CORE_DATA_ROWS_H
#define CORE_DATA_ROWS_H

#include "spool.h"

#include <sqlite3.h>

typedef struct rows rows_t;

/* Makes the tables if absent. NULL on a fault of the database or of memory. db outlives it. */
rows_t *rows_new(sqlite3 *db, uint64_t bytes_max, bool drop_oldest);
void rows_destroy(rows_t **self_p);

/* How much waits for a group. */
bool rows_tell(rows_t *self, const char *name, uint64_t *events, uint64_t *bytes);

/* The accept number of the oldest that waits for a group; 0: nothing does, or a fault. */
uint64_t rows_oldest(rows_t *self, const char *name);

int rows_put(rows_t *self, spool_job_t *job);
int rows_cover(rows_t *self, uint64_t accept);
int rows_fetch(rows_t *self, spool_job_t *job);
int rows_drop(rows_t *self, spool_job_t *job);
int rows_adopt(rows_t *self, spool_job_t *job);
/* A part of what waits for job->name goes; job->more tells whether there is another, job->status if it may
 * not. */
int rows_forget(rows_t *self, spool_job_t *job);
int rows_expire(rows_t *self, spool_job_t *job);

/* After the transaction: committed or rolled back. Gives space back to the disk. */
void rows_settle(rows_t *self, bool committed);

#endif
