/*
 * Server: over real sockets, with a port that answers from a thread of its own, as the dispatcher does.
 * Nothing sleeps: every wait is for bytes or for a condition.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>
#include "server.h"
#include "test_call.h"

/* Answers each request, unless it is told to hold them: then it does so when it is ended. */
typedef struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    request_t *queue[256];
    size_t size;
    size_t taken; /* in all */
    bool hold;
    bool end;
} answerer_t;

typedef struct {
    settings_t settings;
    answerer_t answerer;
    service_t *service;
    server_t *server;
    bool ended;
} fixture_t;

/* ---- the answerer ----------------------------------------------------------------------------------- */

static pbus_status_t s_submit(void *context, request_t *request)
{
    answerer_t *self = context;
    pthread_mutex_lock(&self->lock);
    bool room = self->size < sizeof self->queue / sizeof *self->queue;
    if (room) {
        self->queue[self->size++] = request;
        self->taken++;
    }
    pthread_cond_broadcast(&self->change);
    pthread_mutex_unlock(&self->lock);
    return room ? PBUS_OK : PBUS_FULL;
}

static bool s_stream_wanted(void *context)
{
    (void) context;
    return false;
}

static void s_complete(request_t *request, bool ended)
{
    if (ended) {
        request->status = pbus_fail(&request->error, PBUS_UNAVAILABLE, "the service is stopping");
        request->done(request);
        return;
    }
    if (request->kind == REQUEST_QUERY)
        test_answer_list(request, request->what, 1000, 20, false);
    request->status = PBUS_OK;
    request->done(request);
}

static void *s_answer(void *context)
{
    answerer_t *self = context;
    pthread_mutex_lock(&self->lock);
    while (!self->end || self->size) {
        if (self->size == 0 || (self->hold && !self->end)) {
            pthread_cond_wait(&self->change, &self->lock);
            continue;
        }
        request_t *request = self->queue[--self->size];
        bool held = self->hold;
        pthread_mutex_unlock(&self->lock);
        s_complete(request, held);
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static void s_await_taken(answerer_t *self, size_t count)
{
    pthread_mutex_lock(&self->lock);
    while (self->taken < count)
        pthread_cond_wait(&self->change, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void s_end_answerer(fixture_t *self)
{
    pthread_mutex_lock(&self->answerer.lock);
    self->answerer.end = true;
    pthread_cond_broadcast(&self->answerer.change);
    pthread_mutex_unlock(&self->answerer.lock);
    pthread_join(self->answerer.thread, NULL);
    self->ended = true;
}

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    pbus_error_t error;
    self->settings = test_settings();
    pthread_mutex_init(&self->answerer.lock, NULL);
    pthread_cond_init(&self->answerer.change, NULL);
    self->service =
        service_new(&self->settings, (port_t){&self->answerer, s_submit, s_stream_wanted, NULL}, NULL);
    self->server = server_new(self->service, &error);
    *state = self;
    return self->server && pthread_create(&self->answerer.thread, NULL, s_answer, &self->answerer) == 0 ? 0
                                                                                                        : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    if (!self->ended) {
        server_quiesce(self->server, 1000);
        s_end_answerer(self);
    }
    server_destroy(&self->server, 100);
    service_destroy(&self->service);
    pthread_mutex_destroy(&self->answerer.lock);
    pthread_cond_destroy(&self->answerer.change);
    free(self);
    return 0;
}

/* ---- a client --------------------------------------------------------------------------------------- */

static int s_connect(fixture_t *self)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port(self->server))};
    struct timeval patience = {.tv_sec = 10};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    return fd;
}

static void s_write(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server has closed; what was read tells */
        text += sent;
        size -= (size_t) sent;
    }
}

static void s_puts(int fd, const char *text)
{
    s_write(fd, text, strlen(text));
}

/* Reads one response, head and body, and returns its status; 0 when the connection ends before. */
static int s_read_response(int fd, char *text, size_t room)
{
    size_t size = 0;
    char *body = NULL;
    while (!body ||
           size < (size_t) (body - text) + strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10)) {
        ssize_t got = size + 1 < room ? recv(fd, text + size, body ? room - 1 - size : 1, 0) : 0;
        if (got <= 0)
            return 0;
        size += (size_t) got;
        text[size] = '\0';
        if (!body && (body = strstr(text, "\r\n\r\n")))
            body += 4;
        if (body && !strstr(text, "Content-Length: "))
            break;
    }
    return atoi(text + strlen("HTTP/1.1 "));
}

static bool s_is_closed(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static char response[64 * 1024];

#define GET(path) "GET /api/v3" path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST /api/v3/event/s/p/d/src HTTP/1.1\r\nHost: a\r\n"

static void s_test_get(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    for (int i = 0; i < 3; i++) {
        s_puts(fd, GET("/ping"));
        assert_int_equal(s_read_response(fd, response, sizeof response), 200);
        assert_non_null(strstr(response, "Content-Type: application/json\r\n"));
        assert_non_null(strstr(response, "X-Correlation-Id: "));
        s_puts(fd, GET("/event/all?limit=20"));
        assert_int_equal(s_read_response(fd, response, sizeof response), 200);
        assert_non_null(strstr(response, "\"totalCount\":1000,\"events\":[{"));
    }
    close(fd);
}

static void s_post(int fd, const char *head, const char *id)
{
    char *body = test_body(id, ""), text[1024];
    int size = snprintf(text, sizeof text,
                        "POST /api/v3/event/s/p/d/src HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n%s",
                        head, strlen(body), body);
    s_write(fd, text, (size_t) size);
    free(body);
}

static void s_test_post(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    s_post(fd, "X-Correlation-ID: abc\r\n", TEST_ID);
    assert_int_equal(s_read_response(fd, response, sizeof response), 201);
    assert_non_null(strstr(response, "X-Correlation-Id: abc\r\n"));
    assert_non_null(strstr(response, "\"statusCode\":201,\"id\":\"" TEST_ID "\"}\n"));
    s_post(fd, "", "x");
    assert_int_equal(s_read_response(fd, response, sizeof response), 400);
    s_post(fd, "", TEST_ID);
    assert_int_equal(s_read_response(fd, response, sizeof response), 201);
    close(fd);
}

static void s_test_malformed(void **state)
{
    fixture_t *self = *state;
    static const char *const bad[] = {
        "GET /api/v3/ping HTTP/1.1\r\n\r\n",
        "GET /api/v3/event/device/name/a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/v3/ping\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        POST "Transfer-Encoding: gzip\r\n\r\nx",
        POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/ping")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = s_connect(self);
        s_puts(fd, bad[i]);
        assert_int_equal(s_read_response(fd, response, sizeof response), 400);
        assert_non_null(strstr(response, "\"message\":\"Bad Request: "));
        assert_true(s_is_closed(fd));
        close(fd);
    }
    int fd = s_connect(self);
    s_puts(fd, "GET /api/v3/ping HTTP/1.0\r\n\r\n");
    assert_int_equal(s_read_response(fd, response, sizeof response), 200);
    close(fd);
}

/* The body in pieces, as chunks, byte by byte. */
static void s_test_chunked(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    char *body = test_body(TEST_ID, "");
    s_puts(fd, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (const char *p = body; *p; p++) {
        char chunk[16];
        snprintf(chunk, sizeof chunk, "1\r\n%c\r\n", *p);
        s_puts(fd, chunk);
    }
    s_puts(fd, "0\r\n\r\n");
    assert_int_equal(s_read_response(fd, response, sizeof response), 201);
    free(body);
    close(fd);
}

static void s_test_pipelined(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    s_puts(fd, GET("/event/count") GET("/ping") GET("/event/id/x") GET("/event/all"));
    static const int statuses[] = {200, 200, 400, 200};
    for (size_t i = 0; i < 4; i++) {
        /* Responses follow each other: read byte-wise up to each one's end. */
        size_t size = 0;
        char *body = NULL;
        size_t wanted = 0;
        while (!body || size < wanted) {
            assert_int_equal(recv(fd, response + size, 1, 0), 1);
            response[++size] = '\0';
            if (!body && (body = strstr(response, "\r\n\r\n")))
                wanted = (size_t) (body + 4 - response) +
                         strtoul(strstr(response, "Content-Length: ") + 16, NULL, 10);
        }
        assert_int_equal(atoi(response + 9), statuses[i]);
    }
    s_puts(fd, "\x01\x02 rubbish\r\n\r\n");
    s_read_response(fd, response, sizeof response);
    assert_true(s_is_closed(fd));
    close(fd);
    fd = s_connect(self);
    s_puts(fd, GET("/ping"));
    assert_int_equal(s_read_response(fd, response, sizeof response), 200);
    close(fd);
}

static void s_test_too_large_declared(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    s_puts(fd, POST "Content-Length: 65537\r\n\r\n");
    assert_int_equal(s_read_response(fd, response, sizeof response), 413);
    assert_non_null(strstr(response, "request size exceed MaxEventSize(64 KB)"));
    assert_true(s_is_closed(fd));
    close(fd);
}

/* A client that first sends all of its body, much more than sockets hold, can do so, and sees the answer
 * then. */
static void s_test_too_large_sent(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    static char piece[64 * 1024];
    memset(piece, ' ', sizeof piece);
    s_puts(fd, POST "Content-Length: 12582912\r\n\r\n");
    for (size_t sent = 0; sent < 12582912; sent += sizeof piece)
        assert_int_equal(send(fd, piece, sizeof piece, MSG_NOSIGNAL), sizeof piece);
    assert_int_equal(s_read_response(fd, response, sizeof response), 413);
    assert_true(s_is_closed(fd));
    close(fd);
}

/* One that asks first is told before it sends. */
static void s_test_too_large_expecting(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    s_puts(fd, POST "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(s_read_response(fd, response, sizeof response), 413);
    assert_true(s_is_closed(fd));
    close(fd);
}

static void s_test_too_large_chunked(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    static char chunk[4096 + 16];
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, "1000\r\n", 6);
    memcpy(chunk + 6 + 4096, "\r\n", 2);
    s_puts(fd, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 17; i++)
        s_write(fd, chunk, 4096 + 8);
    assert_int_equal(s_read_response(fd, response, sizeof response), 413);
    assert_non_null(strstr(response, "Connection: close\r\n"));
    s_puts(fd, "0\r\n\r\n");
    assert_true(s_is_closed(fd));
    assert_int_equal(self->answerer.taken, 0);
    close(fd);
}

/* One that sends its head too slowly, or nothing at all, is closed; one that waits for its answer is not. */
static void s_test_slow_head(void **state)
{
    fixture_t *self = *state;
    int slow = s_connect(self), waiting = s_connect(self);
    pthread_mutex_lock(&self->answerer.lock);
    self->answerer.hold = true;
    pthread_mutex_unlock(&self->answerer.lock);
    s_puts(waiting, GET("/event/all"));
    s_await_taken(&self->answerer, 1);
    s_puts(slow, "GET /api/v3/ping HTTP/1.1\r\nHost: ");
    server_tick(self->server, pbus_clock_boottime());
    s_puts(slow, "a\r\n\r\n");
    assert_int_equal(s_read_response(slow, response, sizeof response), 200);
    s_puts(slow, "GET /api/v3/ping HTTP/1.1\r\n");
    /* The server may still be about to note that the first request is answered: then a later tick sees it. */
    struct pollfd closed = {.fd = slow, .events = POLLIN};
    for (int tries = 0; tries < 1000 && poll(&closed, 1, 10) == 0; tries++)
        server_tick(self->server, pbus_clock_boottime() + INT64_C(60000000000));
    assert_true(s_is_closed(slow));
    close(slow);
    server_quiesce(self->server, 10);
    s_end_answerer(self);
    assert_int_equal(s_read_response(waiting, response, sizeof response), 503);
    close(waiting);
}

static void s_hold(answerer_t *self, bool hold)
{
    pthread_mutex_lock(&self->lock);
    self->hold = hold;
    pthread_cond_broadcast(&self->change);
    pthread_mutex_unlock(&self->lock);
}

/* One that closes its side with half a request is closed; one with a whole request is answered. */
static void s_test_half_closed(void **state)
{
    fixture_t *self = *state;
    int half = s_connect(self), whole = s_connect(self);
    s_puts(half, "GET /api/v3/pi");
    shutdown(half, SHUT_WR);
    s_hold(&self->answerer, true);
    s_puts(whole, GET("/event/all"));
    s_await_taken(&self->answerer, 1);
    shutdown(whole, SHUT_WR);
    s_hold(&self->answerer, false);
    assert_int_equal(s_read_response(whole, response, sizeof response), 200);
    struct pollfd closed = {.fd = half, .events = POLLIN};
    for (int tries = 0; tries < 1000 && poll(&closed, 1, 10) == 0; tries++)
        server_tick(self->server, pbus_clock_boottime());
    assert_true(s_is_closed(half));
    close(half);
    close(whole);
}

/* A client that leaves while its request is read, or with the dispatcher. */
static void s_test_gone_client(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    s_puts(fd, POST "Content-Length: 100\r\n\r\n{");
    close(fd);
    fd = s_connect(self);
    s_puts(fd, "GET /api/v3/ev");
    close(fd);
    self->answerer.hold = true;
    fd = s_connect(self);
    s_puts(fd, GET("/event/all"));
    s_await_taken(&self->answerer, 1);
    close(fd);
}

static void *s_client(void *context)
{
    fixture_t *self = context;
    char *text = malloc(64 * 1024);
    int fd = s_connect(self);
    size_t good = 0;
    for (int i = 0; i < 20; i++) {
        s_post(fd, "", TEST_ID);
        good += s_read_response(fd, text, 64 * 1024) == 201;
        s_puts(fd, GET("/reading/all"));
        good += s_read_response(fd, text, 64 * 1024) == 200;
    }
    close(fd);
    free(text);
    return (void *) good;
}

static void s_test_many(void **state)
{
    fixture_t *self = *state;
    pthread_t clients[32];
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, s_client, self), 0);
    for (size_t i = 0; i < 32; i++) {
        void *good;
        pthread_join(clients[i], &good);
        assert_int_equal((size_t) good, 40);
    }
}

/* What is with the dispatcher when the service stops is answered, and the stop does not hang. */
static void s_test_stop(void **state)
{
    fixture_t *self = *state;
    int fds[8];
    self->answerer.hold = true;
    for (size_t i = 0; i < 8; i++) {
        fds[i] = s_connect(self);
        s_puts(fds[i], GET("/event/all"));
    }
    s_await_taken(&self->answerer, 8);
    int idle = s_connect(self);
    s_puts(idle, GET("/ping"));
    assert_int_equal(s_read_response(idle, response, sizeof response), 200);
    server_quiesce(self->server, 10);
    s_puts(idle, GET("/event/all"));
    assert_int_equal(s_read_response(idle, response, sizeof response), 503);
    assert_non_null(strstr(response, "the service is stopping"));
    assert_true(s_is_closed(idle));
    s_end_answerer(self);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(s_read_response(fds[i], response, sizeof response), 503);
        close(fds[i]);
    }
    close(idle);
    assert_int_equal(self->answerer.taken, 8);
}

static void s_test_full(void **state)
{
    fixture_t *self = *state;
    int fd = s_connect(self);
    pthread_mutex_lock(&self->answerer.lock);
    size_t size = self->answerer.size;
    self->answerer.size = sizeof self->answerer.queue / sizeof *self->answerer.queue;
    self->answerer.hold = true;
    pthread_mutex_unlock(&self->answerer.lock);
    s_puts(fd, GET("/event/all"));
    assert_int_equal(s_read_response(fd, response, sizeof response), 503);
    assert_non_null(strstr(response, "Retry-After: 1\r\n"));
    pthread_mutex_lock(&self->answerer.lock);
    self->answerer.size = size;
    self->answerer.hold = false;
    pthread_mutex_unlock(&self->answerer.lock);
    close(fd);
}

static void s_test_port_in_use(void **state)
{
    fixture_t *self = *state;
    settings_t settings = test_settings();
    pbus_error_t error;
    settings.port = server_port(self->server);
    service_t *service = service_new(&settings, *service_port(self->service), NULL);
    assert_null(server_new(service, &error));
    assert_non_null(strstr(error.text, "cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(error.text, "Service.Port): Address already in use"));
    settings.host = "no.such.host.invalid";
    assert_null(server_new(service, &error));
    assert_non_null(strstr(error.text, "cannot find the address of no.such.host.invalid (Service.Host"));
    service_destroy(&service);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(s_test_get),
        with_fixture(s_test_post),
        with_fixture(s_test_chunked),
        with_fixture(s_test_pipelined),
        with_fixture(s_test_too_large_declared),
        with_fixture(s_test_too_large_sent),
        with_fixture(s_test_too_large_expecting),
        with_fixture(s_test_too_large_chunked),
        with_fixture(s_test_malformed),
        with_fixture(s_test_slow_head),
        with_fixture(s_test_half_closed),
        with_fixture(s_test_gone_client),
        with_fixture(s_test_many),
        with_fixture(s_test_stop),
        with_fixture(s_test_full),
        with_fixture(s_test_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
