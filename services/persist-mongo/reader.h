/*
 * Reader: lists, counts and scans, out of the server's collections or a copy in memory (copy.h). Without
 * other state between calls than that.
 */
#ifndef PERSIST_MONGO_READER_H
#define PERSIST_MONGO_READER_H

#include "source.h"

typedef struct {
    store_t *store;
    copy_t *copy;
    document_decoder_t *decoder;
    pbus_result_t *result; /* of the call */
    bool added;            /* something was put into it */
} reader_t;

/* As backend.h says of the functions of the same names. */
pbus_status_t reader_list_events(reader_t *self, const pbus_query_t *query, pbus_error_t *error);
pbus_status_t reader_list_readings(reader_t *self, const pbus_query_t *query, pbus_error_t *error);
pbus_status_t reader_count(reader_t *self, pbus_what_t what, const pbus_filter_t *filter, uint64_t *count,
                           pbus_error_t *error);
pbus_status_t reader_scan(reader_t *self, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                          uint32_t limit, pbus_error_t *error);

/* Whether there is a copy to answer from; PBUS_TIMEOUT if the deadline (0: none) is over. */
pbus_status_t reader_has_copy(reader_t *self, int64_t deadline, bool *has, pbus_error_t *error);
/* Events of the copy that may have readings that pass, in descending order of the latest of these. */
void reader_open_copied_readings(reader_t *self, const pbus_filter_t *filter, source_t *source);
/*
 * Appends the options of a search that is to end by the deadline (0: none) and will take about `expected`.
 * Returns how many documents the first reply will have.
 */
uint32_t reader_append_opts(const reader_t *self, bson_t *opts, int64_t deadline, uint64_t expected);
/*
 * Appends the condition of events that may have readings that pass; by the index of that which has less, the
 * device or the resources.
 */
pbus_status_t reader_append_readings(const reader_t *self, const pbus_filter_t *filter, bson_t *to,
                                     pbus_error_t *error);
/* PBUS_TIMEOUT if the deadline is over. */
pbus_status_t reader_check_time(const reader_t *self, int64_t deadline, pbus_error_t *error);

#endif
