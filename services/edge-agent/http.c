/*
 * Http: see http.h. Around libcurl's multi interface.
 */
#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "http.h"

#define CONNECT_MS 3000
#define FDS_MAX 8

struct http_call {
    TAILQ_ENTRY(http_call) link;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    pbus_buf_t answer;
    char error[CURL_ERROR_SIZE];
    bool discard;
    http_done_t *done;
    void *context;
};

struct http {
    CURLM *multi;
    TAILQ_HEAD(, http_call) calls;
};

http_t *http_new(void)
{
    http_t *self = calloc(1, sizeof *self);
    if (!self || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        free(self);
        return NULL;
    }
    TAILQ_INIT(&self->calls);
    self->multi = curl_multi_init();
    if (!self->multi)
        http_destroy(&self);
    return self;
}

static void s_free_call(http_call_t *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call->body);
    pbus_buf_clear(&call->answer);
    free(call);
}

static void s_drop(http_t *self, http_call_t *call)
{
    curl_multi_remove_handle(self->multi, call->easy);
    TAILQ_REMOVE(&self->calls, call, link);
    s_free_call(call);
}

void http_destroy(http_t **self_p)
{
    http_t *self = *self_p;
    http_call_t *call;
    if (!self)
        return;
    while ((call = TAILQ_FIRST(&self->calls)))
        s_drop(self, call);
    curl_multi_cleanup(self->multi);
    curl_global_cleanup();
    free(self);
    *self_p = NULL;
}

void http_cancel(http_t *self, http_call_t **call_p)
{
    if (*call_p)
        s_drop(self, *call_p);
    *call_p = NULL;
}

/* ---- one call --------------------------------------------------------------------------------------- */

static size_t s_receive(char *data, size_t one, size_t size, void *context)
{
    http_call_t *call = context;
    (void) one; /* is 1 */
    if (call->discard)
        return size;
    if (call->answer.size + size > HTTP_BODY_MAX)
        return 0;
    pbus_buf_append(&call->answer, data, size);
    return call->answer.failed ? 0 : size;
}

static bool s_add_header(http_call_t *call, const char *line)
{
    struct curl_slist *grown = curl_slist_append(call->headers, line);
    if (grown)
        call->headers = grown;
    return grown != NULL;
}

static bool s_set_body(http_call_t *call, const char *body)
{
    call->body = strdup(body);
    return call->body && s_add_header(call, "Content-Type: application/json") &&
           s_add_header(call, "Expect:") &&
           curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long) strlen(body)) == CURLE_OK;
}

/* A POST without a body still says that it has none, which some servers insist on. */
static bool s_set_method(http_call_t *call, const http_request_t *request)
{
    const char *body = request->body ? request->body : !strcmp(request->method, "POST") ? "" : NULL;
    return (!body || s_set_body(call, body)) &&
           curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool s_set(http_call_t *call, const http_request_t *request)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, s_receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) (request->timeout / 1000000));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    return curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK && s_set_method(call, request) &&
           (!request->socket ||
            curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->socket) == CURLE_OK) &&
           (!request->header || s_add_header(call, request->header)) &&
           (!call->headers || curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK);
}

http_call_t *http_send(http_t *self, const http_request_t *request, http_done_t *done, void *context)
{
    http_call_t *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->done = done;
    call->context = context;
    call->discard = request->discard;
    call->easy = curl_easy_init();
    if (!call->easy || !s_set(call, request) || curl_multi_add_handle(self->multi, call->easy) != CURLM_OK) {
        s_free_call(call);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&self->calls, call, link);
    return call;
}

/* ---- all calls -------------------------------------------------------------------------------------- */

void http_wait(http_t *self, const int *fds, size_t count, int64_t timeout)
{
    struct curl_waitfd waits[FDS_MAX] = {0};
    int64_t ms = (timeout + 999999) / 1000000;
    for (size_t i = 0; i < count && i < FDS_MAX; i++)
        waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    curl_multi_poll(self->multi, waits, (unsigned) (count < FDS_MAX ? count : FDS_MAX),
                    ms < 0         ? 0
                    : ms > INT_MAX ? INT_MAX
                                   : (int) ms,
                    NULL);
}

static const char *s_reason(const http_call_t *call, CURLcode result)
{
    return call->error[0] ? call->error : curl_easy_strerror(result);
}

/* The call is over before its `done` is called, so that the `done` may do what it likes. */
static void s_finish(http_t *self, http_call_t *call, CURLcode result)
{
    long status = 0;
    curl_multi_remove_handle(self->multi, call->easy);
    TAILQ_REMOVE(&self->calls, call, link);
    if (result == CURLE_OK)
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    pbus_buf_append(&call->answer, "", 1);
    http_answer_t answer = {.status = (int) status,
                            .body = call->answer.failed ? "" : (const char *) call->answer.data,
                            .size = call->answer.failed ? 0 : call->answer.size - 1,
                            .error = result == CURLE_OK ? "" : s_reason(call, result)};
    call->done(call->context, &answer);
    s_free_call(call);
}

void http_work(http_t *self)
{
    int running, left;
    CURLMsg *message;
    curl_multi_perform(self->multi, &running);
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL) {
        http_call_t *call = NULL;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &call);
        s_finish(self, call, result);
    }
}
