/*
 * Call: one HTTP request from its first line to its reply, without a socket: what server.c drives, and what
 * tests and fuzzers can drive without it.
 *
 *     call_begin -> CALL_READ: call_read for each piece of the body, then call_run
 *     call_run -> CALL_SUBMIT: call_request goes to the dispatcher; when it is done call_done on that thread,
 *                 then call_answered, which may say CALL_SUBMIT once more
 *     any -> CALL_REPLY: call_reply is what to send
 */
#ifndef CORE_DATA_CALL_H
#define CORE_DATA_CALL_H

#include "reply.h"
#include "request.h"
#include "service.h"

typedef struct call call_t;

typedef enum { CALL_READ, CALL_SUBMIT, CALL_REPLY } call_step_t;

/* The request's head; strings may be NULL where absent, and are copied, but for malformed. */
typedef struct {
    const char *method;
    const char *target;
    const char *content_type;
    const char *correlation;
    const char *origin;      /* CORS */
    const char *cors_method; /* Access-Control-Request-Method */
    const char *malformed;   /* what no client may send, a text that stays; NULL if there is nothing of it */
    bool has_size;           /* Content-Length */
    uint64_t size;
} call_head_t;

/* service must outlive it. NULL when memory is out. */
call_t *call_new(service_t *service);
void call_destroy(call_t **self_p);
/* Ready for another request; small memory is kept. */
void call_reset(call_t *self);

/* CALL_REPLY: refused at once; the body is not to be read. */
call_step_t call_begin(call_t *self, const call_head_t *head);
/* CALL_REPLY: too large; no more is to be read. */
call_step_t call_read(call_t *self, const char *data, size_t size);
call_step_t call_run(call_t *self);

request_t *call_request(call_t *self);
/* On the dispatcher's thread, first thing in the request's `done`: takes what won't outlive the dispatcher.
 */
void call_done(call_t *self);
call_step_t call_answered(call_t *self);
/* The dispatcher did not take the request. */
call_step_t call_rejected(call_t *self, pbus_status_t status);

reply_t *call_reply(call_t *self);

#endif
