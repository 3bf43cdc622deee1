/*
 * Jsonbson: JSON objects and arrays kept as BSON, so that people can query inside them, where that is exact.
 *
 * Not everything in JSON has an equal in BSON that every server keeps as it is: integers beyond 64 bits, keys
 * with '$' or '.', arrays within arrays. Such JSON is refused as a whole and the caller keeps it as text.
 * What is taken comes back byte for byte: that is checked when it is taken.
 */
#ifndef PERSIST_MONGO_JSONBSON_H
#define PERSIST_MONGO_JSONBSON_H

#include <persistbus/types.h>

#include <mongoc/mongoc.h>

/* Appends the JSON text as document or array `key`; false, and nothing appended, if it can't be exact. */
bool jsonbson_append(bson_t *parent, const char *key, pbus_str_t json);
/* Appends the JSON text of a document or array to out; false if it holds what jsonbson_append never makes. */
bool jsonbson_write(pbus_buf_t *out, const bson_iter_t *iter);

#endif
