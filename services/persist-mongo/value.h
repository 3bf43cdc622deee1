/*
 * Value: a reading's value as a field that people can query: numbers as numbers, Bool as a boolean, Binary as
 * binary data, Object and ObjectArray as documents and arrays; all other types, and any text that would not
 * come back byte for byte (Uint64 beyond int64, NaN, a Bool written "T"), as text.
 */
#ifndef PERSIST_MONGO_VALUE_H
#define PERSIST_MONGO_VALUE_H

#include "scratch.h"

#include <persistbus/event.h>

#include <mongoc/mongoc.h>

/* Appends field `value`; false if it can't be (too large). */
bool value_append(bson_t *reading, const pbus_reading_t *from);
/* Fills is_null and value (views into the BSON or scratch); false if the field is none that value_append
 * makes. */
bool value_read(const bson_iter_t *iter, pbus_reading_t *to, scratch_t *scratch);

/* Tags: a document if that is exact, else text; nothing if empty. */
bool value_append_tags(bson_t *parent, pbus_str_t tags);
bool value_read_json(const bson_iter_t *iter, pbus_str_t *json, scratch_t *scratch);

#endif
