/*
 * Source: where a search's documents come from: the copy in memory (copy.h), or the server.
 */
#ifndef PERSIST_MONGO_SOURCE_H
#define PERSIST_MONGO_SOURCE_H

#include "copy.h"

/* By value; starts from zero. */
typedef struct {
    mongoc_cursor_t *cursor; /* NULL: from the copy */
    copy_event_t **events;
    size_t next; /* of the copy's, or of the reply's documents */
    size_t end;  /* of these; 0 with a cursor: replies stay as they are */
    size_t most; /* documents a reply may grow to */
} source_t;

/* From the server. The first reply has `size` documents; each further one has twice as many, up to `most`. */
void source_open_cursor(source_t *self, mongoc_cursor_t *cursor, uint32_t size, uint32_t most);

/* From the copy, all but the first `skip` and at most `limit` (0: all). */
void source_open_copy(source_t *self, const copy_t *copy, copy_pass_fn *pass, const void *what,
                      copy_order_fn *order, uint64_t skip, uint64_t limit);
/* False at the end, or after an error. */
bool source_next(source_t *self, const bson_t **document);
bool source_failed(const source_t *self);
/* Ends it; as store_done, but `before` goes first if it is an error, which is in *error then. */
pbus_status_t source_close(source_t *self, store_t *store, const char *doing, pbus_status_t before,
                           pbus_error_t *error);

#endif
