/*
 * Copy: all events in memory, for a server that finds nothing by an index (FerretDB 1.x) and would read and
 * decode all documents for each page.
 *
 * Before each use it is brought up to date: the log (ledger.h) tells which batches have been committed since,
 * and what small ones have changed (changes.h). When that does not tell all, everything is read again. What
 * is in the collection but of no committed batch may be in the copy or not.
 *
 * There is none on other servers, nor of more than COPY_MAX bytes of documents.
 */
#ifndef PERSIST_MONGO_COPY_H
#define PERSIST_MONGO_COPY_H

#include "document.h"
#include "store.h"

#define COPY_MAX (16u * 1024 * 1024)

typedef struct copy copy_t;

typedef struct {
    bson_t *bson;
    document_t document; /* views into bson */
} copy_event_t;

copy_t *copy_new(store_t *store);
void copy_destroy(copy_t **self_p);
/* *usable is false if there is none: ask the server then. */
pbus_status_t copy_refresh(copy_t *self, bool *usable, pbus_error_t *error);

/* Tells whether an event is wanted; of two, which comes first (negative: the first). */
typedef bool copy_pass_fn(const document_t *event, const void *what);
typedef int copy_order_fn(const document_t *a, const document_t *b);
/* Those that are wanted, in order; freed with bson_free by the caller, valid until the next refresh. */
copy_event_t **copy_select(const copy_t *self, copy_pass_fn *pass, const void *what, copy_order_fn *order,
                           size_t *count);

#endif
