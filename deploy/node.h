/*
 * Node: a value of a document with its place, for code that reads a document into structures: what is missing
 * or of the wrong kind is told as a problem with the place, and a usable value comes back, so that all
 * problems of a document are found in one go. Whoever reads looks at problems_errors at the end.
 *
 * Nodes live on the stack of who walks; a child points to its parent's, which must outlive it.
 */
#ifndef DEPLOY_NODE_H
#define DEPLOY_NODE_H

#include "jsonfile.h"

typedef struct node {
    const jsonfile_t *file;
    problems_t *problems;
    bool root;
    place_t place;
    yyjson_val *value; /* NULL: it is not there */
} node_t;

node_t node_root(const jsonfile_t *file, problems_t *problems);
/* The member of an object; its value is NULL if there is none of that name, or self is no object. */
node_t node_child(const node_t *self, const char *key);
/* The member that `key`, of yyjson's iteration over the object, belongs to. */
node_t node_member(const node_t *self, yyjson_val *key);
node_t node_element(const node_t *self, size_t index, yyjson_val *value);

void node_error(const node_t *self, const char *format, ...) PBUS_PRINTF(2, 3);
void node_warn(const node_t *self, const char *format, ...) PBUS_PRINTF(2, 3);

/* A member that must be an object; a node without a value (told, if it is `needed` or another kind). */
node_t node_object(const node_t *self, const char *key, bool needed);
/* A member that must be a text; the fallback if it is absent (which is told if that is NULL and needed). */
const char *node_text(const node_t *self, const char *key, const char *fallback, bool needed);
/* Its place among the words (ends with NULL); fallback if it is absent. */
int node_word(const node_t *self, const char *key, const char *const *words, int fallback);
int64_t node_int(const node_t *self, const char *key, int64_t min, int64_t max, int64_t fallback);

#endif
