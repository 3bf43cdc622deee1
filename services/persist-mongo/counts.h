/*
 * Counts: how many events and readings are stored, out of the ledger's documents (ledger.h). None of this
 * scans events.
 */
#ifndef PERSIST_MONGO_COUNTS_H
#define PERSIST_MONGO_COUNTS_H

#include "store.h"
#include "tally.h"

/* How many pass the filter, whose bounds of origin and ids are left aside. */
pbus_status_t counts_read(store_t *store, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                          pbus_error_t *error);
/* Every device and source that has events. */
pbus_status_t counts_sources(store_t *store, pbus_result_t *result, pbus_error_t *error);
/* The highest accept number ever committed. */
pbus_status_t counts_mark(store_t *store, uint64_t *mark, pbus_error_t *error);

/*
 * The _id of a row, as field _id and as an array's element: "<slot>/d/<device>", "<slot>/r/<resource>", and
 * of the parts of wide devices "<slot>/s/<length of device>/<device>/<source>", "<slot>/v/.../<resource>".
 */
void counts_append_row_id(bson_t *to, int slot, const tally_row_t *row);
void counts_append_id(bson_t *to, uint32_t place, int slot, const tally_row_t *row);
/* Takes the rows with these ids (an array of `count`) that are there. */
pbus_status_t counts_load_rows(store_t *store, const bson_t *ids, uint32_t count, tally_t *rows,
                               pbus_error_t *error);
pbus_status_t counts_damaged(store_t *store, store_part_t part, pbus_error_t *error);

#endif
