/*
 * Pieces of JSON text: what a row's columns are made of, written and read back without building a tree.
 *
 * The reader is lenient about everything that cannot change where a token ends: brackets are only counted,
 * numbers only delimited. What it accepts as one token it finds again as that same token, and on that the
 * encoding of rows rests. It never reads at or behind `end`.
 */
#ifndef JSONTEXT_H
#define JSONTEXT_H

#include <persistbus/types.h>

/* Appends text as a JSON string, with the fewest escapes that JSON allows. */
void jsontext_put_string(pbus_buf_t *out, pbus_str_t text);
/* Appends bytes as a JSON string in padded base64 (RFC 4648). */
void jsontext_put_base64(pbus_buf_t *out, pbus_str_t bytes);

/* Whether text is exactly one number of JSON's grammar. */
bool jsontext_is_number(pbus_str_t text);
/* Whether text is exactly one token: string, number, word, array or object, without blanks around it. */
bool jsontext_is_token(pbus_str_t text);

/* The end of the token that starts at `at`, or NULL if there is none. */
char *jsontext_skip(char *at, char *end);

/*
 * Reads the elements of an array, one a call, without a copy:
 *
 *     jsontext_array_t array = jsontext_array (text, size);
 *     while (jsontext_next (&array, &token)) ...
 *     if (array.bad) ...malformed
 */
typedef struct {
    char *at, *end;
    bool bad;
    bool done;
} jsontext_array_t;

jsontext_array_t jsontext_array(char *text, size_t size);
bool jsontext_next(jsontext_array_t *self, pbus_str_t *token);

/* Turn a string token into what it stands for, in the token's own memory. False when malformed. */
bool jsontext_get_string(pbus_str_t *token);
bool jsontext_get_base64(pbus_str_t *token);
/* A whole number of 64 bits. */
bool jsontext_get_int(pbus_str_t token, int64_t *value);

#endif
