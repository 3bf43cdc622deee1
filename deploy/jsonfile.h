/*
 * Jsonfile: one JSON document with its source, so that what is said about a value names the file, the line
 * and the path in the document. Refused are: broken JSON, more than JSONFILE_SIZE bytes, nesting deeper than
 * JSONFILE_DEPTH, a key twice in one object (readers would silently take one of them), and a NUL character
 * in a text (no name, path or variable can hold one). So values may be read with yyjson_get_str as C strings,
 * and code may recurse over the document.
 */
#ifndef DEPLOY_JSONFILE_H
#define DEPLOY_JSONFILE_H

#include <yyjson.h>
#include "problems.h"

#define JSONFILE_SIZE (8 * 1024 * 1024)
#define JSONFILE_DEPTH 64

typedef struct jsonfile jsonfile_t;

/* Where a value is: a chain from it up to the root (NULL), on the stack of who walks the document. */
typedef struct place {
    const struct place *up;
    yyjson_val *key; /* in an object; NULL in an array */
    size_t index;    /* in an array */
} place_t;

/* Reads a file. NULL, with the problem told, if that fails. */
jsonfile_t *jsonfile_read(const char *path, problems_t *problems);

/* The same of bytes in memory, which are copied; name stands for the file's in what is told. */
jsonfile_t *jsonfile_parse(const char *name, const void *data, size_t size, problems_t *problems);
void jsonfile_destroy(jsonfile_t **self_p);

const char *jsonfile_name(const jsonfile_t *self);
yyjson_val *jsonfile_root(const jsonfile_t *self);

/* From now on places are told without line and column: for a text that was made, which nobody can look at. */
void jsonfile_hide_lines(jsonfile_t *self);

/* Tell a problem of the value at place. problems may be NULL: nothing is told. */
void jsonfile_error(const jsonfile_t *self, const place_t *place, problems_t *problems, const char *format,
                    ...) PBUS_PRINTF(4, 5);
void jsonfile_warn(const jsonfile_t *self, const place_t *place, problems_t *problems, const char *format,
                   ...) PBUS_PRINTF(4, 5);

/* Appends the place as a JSON pointer (RFC 6901), "/modulesContent/$edgeAgent"; nothing for the root. */
void place_write(const place_t *place, pbus_buf_t *out);

#endif
