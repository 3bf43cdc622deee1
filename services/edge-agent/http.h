/*
 * Http: requests that do not block, over TCP or a unix socket, and the one wait of the program: it sleeps
 * until an answer moves on, a descriptor that the caller names is readable, or time is up. One thread.
 */
#ifndef EDGE_AGENT_HTTP_H
#define EDGE_AGENT_HTTP_H

#include <persistbus/types.h>

#define HTTP_BODY_MAX (16 * 1024 * 1024) /* bytes of an answer that are kept; more is an error */

typedef struct http http_t;
typedef struct http_call http_call_t;

typedef struct {
    const char *method; /* "GET"... */
    const char *url;
    const char *socket; /* path of a unix socket to go through; NULL: TCP */
    const char *body;   /* JSON; NULL: none */
    const char *header; /* a whole further header line, or NULL */
    int64_t timeout;    /* ns; 0: none */
    bool discard;       /* the body of the answer is not wanted, however long it is */
} http_request_t;

typedef struct {
    int status;       /* HTTP's; 0: there was no answer, see error */
    const char *body; /* ends with NUL */
    size_t size;
    const char *error;
} http_answer_t;

/* Called once, from http_work; may send other requests. */
typedef void(http_done_t)(void *context, const http_answer_t *answer);

http_t *http_new(void);
/* Calls under way are given up, their `done` is not called. */
void http_destroy(http_t **self_p);

/* Begins a call; strings are copied. NULL when memory is out. */
http_call_t *http_send(http_t *self, const http_request_t *request, http_done_t *done, void *context);
/* Gives a call up: its `done` will not be called. NULL is no call. Not from within a `done`, of that call. */
void http_cancel(http_t *self, http_call_t **call_p);

/* Sleeps at most so long (ns); fds are read from by the caller afterwards. */
void http_wait(http_t *self, const int *fds, size_t count, int64_t timeout);
/* Moves calls on, and tells of those that are done. */
void http_work(http_t *self);

#endif
