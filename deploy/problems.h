/*
 * Problems: what is wrong with documents that people write (templates, manifests, module.json, .env), as
 * lines for a person: FILE:LINE:COLUMN: /path/in/the/document: what is wrong and what to do. All of a
 * document's problems are collected, so that they can be mended in one go. A line never holds a value that
 * came from a variable, as that may be a secret.
 */
#ifndef DEPLOY_PROBLEMS_H
#define DEPLOY_PROBLEMS_H

#include <stdio.h>
#include <persistbus/types.h>

#define PROBLEMS_KEPT 100 /* further ones are only counted */

typedef struct problems problems_t;

/* NULL when memory is out. */
problems_t *problems_new(void);
void problems_destroy(problems_t **self_p);

/*
 * Adds one; where ("file:3:1: /modules", "", ...) goes in front of the text. self may be NULL: nothing is
 * kept, which is for asking whether something is right without telling. When memory is out the problem still
 * counts.
 */
void problems_error(problems_t *self, const char *where, const char *format, ...) PBUS_PRINTF(3, 4);
void problems_warn(problems_t *self, const char *where, const char *format, ...) PBUS_PRINTF(3, 4);

/* Adds those of another list, which is destroyed. Either may be NULL. */
void problems_move(problems_t *self, problems_t **from_p);

void problems_drop_warnings(problems_t *self); /* may be NULL */

size_t problems_errors(const problems_t *self);
size_t problems_warnings(const problems_t *self);

/* The i-th line of those kept; NULL behind the last. */
const char *problems_line(const problems_t *self, size_t i, bool *is_error);

/* One line each, "PROGRAM: ..." or "PROGRAM: warning: ...", and how many more there are. */
void problems_print(const problems_t *self, const char *program, FILE *stream);

#endif
