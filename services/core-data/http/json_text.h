/*
 * JSON text: strings and values written as JSON, without a tree.
 */
#ifndef CORE_DATA_JSON_TEXT_H
#define CORE_DATA_JSON_TEXT_H

#include <yyjson.h>
#include <persistbus/types.h>
#include "arena.h"

/*
 * Appends text as a JSON string in EdgeX's style: `<`, `>`, `&`, U+2028 and U+2029 as \u escapes, everything
 * else above ASCII as it is. Bytes that are no UTF-8 become U+FFFD.
 */
void json_string(pbus_buf_t *out, pbus_str_t text);

/* Appends text that is JSON already, with those same characters (they occur only inside strings) escaped. */
void json_splice(pbus_buf_t *out, pbus_str_t json);

#define JSON_DEPTH 64 /* arrays and objects inside each other, at most, in tags and object values */

/*
 * Appends the value in the one form that backends may rely on: compact, keys sorted by bytes, of duplicate
 * keys the last, strings with no more escapes than JSON needs, integers exactly if 64 bits hold them, other
 * numbers as the nearest 64-bit floating-point number in its shortest form. The value must have been read
 * with YYJSON_READ_NUMBER_AS_RAW. On failure returns false and *fault is what is wrong ("is nested too
 * deep").
 */
bool json_canonical(pbus_buf_t *out, yyjson_val *value, arena_t *arena, const char **fault);

/* The parser's memory, out of the arena; freed with it. */
yyjson_alc json_memory(arena_t *arena);

/* Whether the text is one JSON value and nothing else. */
bool json_is_valid(pbus_str_t text);

#endif
