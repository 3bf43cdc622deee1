/*
 * Schema: which data set the database holds, and what has to be there before the first write.
 *
 * The document {_id: "store", schema, dataSet, made} in persistbus_store is made before anything
 * else; so a database that has events but not this document is somebody else's, and left alone.
 */
#ifndef PERSIST_MONGO_SCHEMA_H
#define PERSIST_MONGO_SCHEMA_H

#include "store.h"

#define SCHEMA_VERSION 2 /* 1 had binary ids and claims; no release ever wrote it */

/*
 * Reads the data set's id; if there is none, makes it (create) or says PBUS_NOT_FOUND. PBUS_UNSUPPORTED: a
 * newer schema; PBUS_INVALID: foreign data.
 */
pbus_status_t schema_identify(store_t *store, bool create, pbus_uuid_t *data_set, pbus_error_t *error);
/* Declares the indexes; quick when they are there. */
pbus_status_t schema_indexes(store_t *store, pbus_error_t *error);

#endif
