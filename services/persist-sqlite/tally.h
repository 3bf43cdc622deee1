/*
 * Tally: what a transaction changes in the counts of each series, added up and written once before the
 * commit.
 */
#ifndef TALLY_H
#define TALLY_H

#include "database.h"

typedef struct tally tally_t;

tally_t *tally_new(void);
void tally_destroy(tally_t **self_p);
/* Forgets everything, for the next transaction. */
void tally_reset(tally_t *self);
/* False when memory is out. Negative numbers are for what is deleted. */
bool tally_add(tally_t *self, int64_t series, int64_t events, int64_t readings);
/* Of all series. */
int64_t tally_events(const tally_t *self);
int64_t tally_readings(const tally_t *self);
/* Adds to the table counts. */
pbus_status_t tally_store(tally_t *self, database_t *db, pbus_error_t *error);

#endif
