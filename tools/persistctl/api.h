/*
 * API: asks core-data over HTTP. Answers are JSON documents; what is no JSON, too large or late is an error.
 * No proxy is used, no redirection followed. One thread at a time.
 */
#ifndef PERSISTCTL_API_H
#define PERSISTCTL_API_H

#include <yyjson.h>
#include "command.h"
#include "interrupt.h"

typedef struct api api_t;

typedef struct {
    int result;      /* EXIT_DONE: a status of 2xx; EXIT_NOT: core-data says no; EXIT_AWAY: no answer */
    long status;     /* HTTP; 0: none */
    yyjson_doc *doc; /* the body, or NULL */
    char error[512]; /* if it is not EXIT_DONE: a clause that says what is wrong, for say() */
} answer_t;

/*
 * Of the root's address, as in globals_t: the scheme may be left out. While a call is under way, an interrupt
 * (which may be NULL, and must outlive this) ends it. NULL, having said why, when it is no such address.
 */
api_t *api_new(const char *url, interrupt_t *interrupt);
void api_destroy(api_t **self_p);

const char *api_url(const api_t *self);

/*
 * `path` begins behind /api/v3/, made by api_path or a literal; body is JSON or NULL. Fills the answer, which
 * is to be cleared; returns its result.
 */
int api_call(api_t *self, const char *method, const char *path, const char *body, answer_t *answer);
void answer_clear(answer_t *answer);

/* As api_call, for a command that ends with what comes: it has been said what is wrong. */
int api_ask(api_t *self, const char *method, const char *path, const char *body, answer_t *answer);

/* Segments, ended by NULL, each percent-encoded, with slashes between: "persistence/groups/a%2Fb". Freed by
 * the caller; NULL when memory is out. */
char *api_path(const char *first, ...) __attribute__((sentinel));

#endif
