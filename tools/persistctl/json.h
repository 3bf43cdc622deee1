/*
 * JSON: members of what core-data says, which may lack any of them (an older one) or have them of another
 * type. What is not there is the empty text, 0, false or NULL.
 */
#ifndef PERSISTCTL_JSON_H
#define PERSISTCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <yyjson.h>

const char *json_text(yyjson_val *object, const char *key);
bool json_is_true(yyjson_val *object, const char *key);
uint64_t json_count(yyjson_val *object, const char *key); /* negative numbers are 0, reals are cut */
double json_real(yyjson_val *object, const char *key);

/* The element of an array whose member `key` has this text; NULL: there is none. */
yyjson_val *json_find(yyjson_val *array, const char *key, const char *text);

/* A document: indented, or on one line; either with a line feed. False, having said why, if it could not be.
 */
bool json_print(FILE *out, yyjson_val *value);
bool json_print_line(FILE *out, yyjson_val *value);

#endif
