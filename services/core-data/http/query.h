/*
 * Query: one general way from parameters to what a group is asked, and from its answers to a response body,
 * for all routes that read. An answer may hold only the first part of a page; then the rest is asked for.
 */
#ifndef CORE_DATA_QUERY_H
#define CORE_DATA_QUERY_H

#include "params.h"
#include "render.h"
#include "request.h"
#include "settings.h"

typedef struct query query_t;

/*
 * params, arena and settings must outlive it, and hold still. Bodies beyond the settings' max_response_size
 * are refused. NULL when memory is out.
 */
query_t *query_new(const params_t *params, arena_t *arena, const settings_t *settings);
void query_destroy(query_t **self_p);

/* What to ask first; to be destroyed by the caller. NULL when memory is out. */
request_t *query_request(query_t *self, int64_t deadline);

/*
 * Takes the answer of the request. Returns the HTTP status, with the body appended to *out, or, if it is not
 * 200, with *error filled; 0 when the request, changed, is to be submitted once more.
 */
unsigned query_answer(query_t *self, request_t *request, pbus_buf_t *out, pbus_error_t *error);

#endif
