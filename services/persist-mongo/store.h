/*
 * Store: one connection to the database, and what every part of the service needs of it: its collections, the
 * few commands used (find, insert, update, delete, createIndexes; no transactions, so that MongoDB of any
 * layout and FerretDB 1.x serve alike), and errors turned into a status and one line.
 *
 * A lost connection is replaced by a new one at the next call: libmongoc would let a failed server rest for
 * five seconds, which is longer than a restart takes. Not for several threads at once.
 */
#ifndef PERSIST_MONGO_STORE_H
#define PERSIST_MONGO_STORE_H

#include <persistbus/backend.h>

#include <mongoc/mongoc.h>

typedef enum {
    STORE_EVENTS,    /* the events; all others are bookkeeping */
    STORE_META,      /* one document: which data set this is, which schema */
    STORE_SLOTS,     /* one document a writer's place */
    STORE_LOG,       /* what batches did, until it is in STORE_COUNTS */
    STORE_COUNTS,    /* how many events and readings, by device and by resource */
    STORE_DELETIONS, /* the last deletion */
    STORE_ADOPTED,   /* events of batches that were cut short, that count by now */
    STORE_COLLECTIONS
} store_part_t;

typedef struct store store_t;

/*
 * Checks the URI and reaches for the server. PBUS_UNAVAILABLE: it is away; anything else is for good: a bad
 * URI, wrong credentials, a server too old.
 */
pbus_status_t store_open(store_t **self_p, const char *uri, pbus_lane_t lane, pbus_log_t *log,
                         pbus_error_t *error);
void store_close(store_t **self_p);

/* Connects again if the last call found the connection broken, or `anew`. */
pbus_status_t store_connect(store_t *self, bool anew, pbus_error_t *error);

/* "mongodb 10.0.0.1:27017/persistbus": for messages; never the credentials. */
const char *store_name(const store_t *self);
/* "MongoDB 7.0.5, replica set rs0" */
const char *store_server(const store_t *self);
pbus_log_t *store_log(const store_t *self);
/* Acknowledged writes are journaled, or with a majority. */
bool store_durable(const store_t *self);
/*
 * Whether the server checks an update's filter and applies it as one step. FerretDB 1.x reads first and
 * writes by _id afterwards.
 */
bool store_atomic(const store_t *self);
/*
 * Documents a reply of the server holds. MongoDB ends a reply at 16 MB anyway; FerretDB 1.x makes it as large
 * as it gets, and the driver takes 48 MB.
 */
uint32_t store_reply_documents(const store_t *self);
/*
 * Up to how many documents are looked for one by one rather than all at once, by _id. FerretDB 1.x has SQLite
 * look for a lone, textual _id, and looks itself for all else, which takes about this many times as long;
 * neither uses an index.
 */
uint32_t store_singly(const store_t *self);
/* The last call that failed may have been carried out all the same, or may yet be. Cleared by store_connect.
 */
bool store_broken(const store_t *self);

/* Fills *error from a driver's error; `doing` completes "cannot ...": "insert events". Returns the status. */
pbus_status_t store_fail(store_t *self, const char *doing, const bson_error_t *cause, pbus_error_t *error);
pbus_status_t store_nomem(pbus_error_t *error);

/*
 * A cursor; opts may be NULL. When reads may go to another member than the primary, this first learns the
 * primary's time, so that they see every write acknowledged by then. End with store_done, which destroys the
 * cursor and returns its error, if any.
 */
mongoc_cursor_t *store_find(store_t *self, store_part_t part, const bson_t *filter, const bson_t *opts);
pbus_status_t store_done(store_t *self, mongoc_cursor_t **cursor_p, const char *doing, pbus_error_t *error);
/* Finds one document and copies it; *found is NULL if there is none. */
pbus_status_t store_find_one(store_t *self, store_part_t part, const bson_t *filter, bson_t **found,
                             const char *doing, pbus_error_t *error);

/*
 * Inserts documents, in no particular order. exists[i], if not NULL, tells of each whether its _id was there
 * already, and refused[i] whether the server will never take it (reason: its words on the first of these).
 */
typedef struct {
    bool *exists;
    bool *refused;
    char reason[160];
} store_outcome_t;
pbus_status_t store_insert(store_t *self, store_part_t part, const bson_t *const *documents, size_t count,
                           store_outcome_t *outcome, const char *doing, pbus_error_t *error);
/* One document; *exists tells whether its _id was there already (nothing is changed then). */
pbus_status_t store_insert_one(store_t *self, store_part_t part, const bson_t *document, bool *exists,
                               const char *doing, pbus_error_t *error);

/* Deletes all that match; *deleted may be NULL. */
pbus_status_t store_delete(store_t *self, store_part_t part, const bson_t *filter, uint64_t *deleted,
                           const char *doing, pbus_error_t *error);
/* Updates one (update: with $set...); *matched may be NULL. */
pbus_status_t store_update(store_t *self, store_part_t part, const bson_t *filter, const bson_t *update,
                           uint64_t *matched, const char *doing, pbus_error_t *error);
/* For several updates at once. */
mongoc_bulk_operation_t *store_bulk(store_t *self, store_part_t part);

pbus_status_t store_count(store_t *self, store_part_t part, const bson_t *filter, uint64_t *count,
                          const char *doing, pbus_error_t *error);
/* Runs a command on the database; reply may be NULL, else the caller destroys it whatever is returned. */
pbus_status_t store_command(store_t *self, const bson_t *command, bson_t *reply, const char *doing,
                            pbus_error_t *error);
/* The name of a part's collection. */
const char *store_part_name(store_part_t part);

#endif
