/*
 * How persistctl asks core-data, against a server of a few lines that answers each connection once.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "api.h"
#include "json.h"

typedef struct {
    int listener;
    char url[64];
    const char *answer; /* NULL: none, until the client leaves */
    char request[4096];
    pthread_t thread;
} server_t;

static void *s_serve(void *context)
{
    server_t *self = context;
    size_t size = 0;
    int client = accept(self->listener, NULL, NULL);
    while (size < sizeof self->request - 1) {
        ssize_t part = read(client, self->request + size, sizeof self->request - 1 - size);
        if (part <= 0)
            break;
        size += (size_t) part;
        self->request[size] = '\0';
        if (self->answer && strstr(self->request, "\r\n\r\n"))
            break;
        if (!self->answer)
            kill(getpid(), SIGINT); /* it has come: now Ctrl-C */
    }
    if (self->answer && write(client, self->answer, strlen(self->answer)) < 0)
        abort();
    close(client);
    return NULL;
}

static server_t *s_start(const char *answer)
{
    server_t *self = calloc(1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    self->answer = answer;
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *) &address, size), 0);
    assert_int_equal(listen(self->listener, 1), 0);
    assert_int_equal(getsockname(self->listener, (struct sockaddr *) &address, &size), 0);
    snprintf(self->url, sizeof self->url, "127.0.0.1:%u/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&self->thread, NULL, s_serve, self), 0);
    return self;
}

static void s_stop(server_t *self)
{
    pthread_join(self->thread, NULL);
    close(self->listener);
    free(self);
}

/* Asks once; the caller clears the answer. */
static int s_ask(const char *raw, const char *method, const char *body, answer_t *answer, char *request)
{
    server_t *server = s_start(raw);
    api_t *api = api_new(server->url, NULL);
    int result = api_call(api, method, "persistence/x", body, answer);
    api_destroy(&api);
    pthread_join(server->thread, NULL);
    if (request)
        strcpy(request, server->request);
    close(server->listener);
    free(server);
    return result;
}

static void s_test_answers(void **state)
{
    (void) state;
    static const struct {
        const char *raw;
        int result;
        const char *error; /* a part of it */
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}", EXIT_DONE, ""},
        {"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", EXIT_DONE, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html", EXIT_AWAY,
         "no JSON object: is that core-data?"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", EXIT_AWAY, "no JSON object"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", EXIT_AWAY, "can't be reached: "},
        {"nonsense\r\n\r\n", EXIT_AWAY, "can't be reached: "},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 17\r\n\r\n{\"message\":\"why\"}", EXIT_NOT, "why"},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 23\r\n\r\n{\"message\":\"Not Found\"}", EXIT_NOT,
         "has no GET /api/v3/persistence/x: is it core-data"},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\n-", EXIT_NOT, "with status 503"},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", EXIT_NOT,
         "status 302"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer_t answer;
        assert_int_equal(s_ask(cases[i].raw, "GET", NULL, &answer, NULL), cases[i].result);
        assert_int_equal(answer.result, cases[i].result);
        assert_non_null(strstr(answer.error, cases[i].error));
        assert_int_equal(strlen(cases[i].error) > 0, strlen(answer.error) > 0);
        answer_clear(&answer);
    }
}

static void s_test_requests(void **state)
{
    (void) state;
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    char request[4096];
    answer_t answer;
    s_ask(ok, "POST", "{\"b\":2}", &answer, request);
    answer_clear(&answer);
    assert_int_equal(strncmp(request, "POST /api/v3/persistence/x HTTP/1.1\r\n", 37), 0);
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"b\":2}"));
    s_ask(ok, "POST", NULL, &answer, request);
    answer_clear(&answer);
    assert_non_null(strstr(request, "\r\nContent-Length: 0\r\n"));
    s_ask(ok, "DELETE", NULL, &answer, request);
    answer_clear(&answer);
    assert_int_equal(strncmp(request, "DELETE /api/v3/persistence/x HTTP/1.1\r\n", 39), 0);
    assert_null(strstr(request, "Content-Length"));
}

static void s_test_addresses(void **state)
{
    (void) state;
    static const char *const good[][2] = {{"localhost:59880", "http://localhost:59880"},
                                          {"http://h/", "http://h"},
                                          {"https://h/core/?q#f", "https://h/core"},
                                          {"[::1]:80", "http://[::1]:80"}};
    static const char *const bad[] = {"",   "ftp://h/", "http://", "http://h:99999/", "file:///etc/passwd",
                                      "a b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        api_t *api = api_new(good[i][0], NULL);
        assert_non_null(api);
        assert_string_equal(api_url(api), good[i][1]);
        api_destroy(&api);
        assert_null(api);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(api_new(bad[i], NULL));
}

static void s_test_path(void **state)
{
    (void) state;
    char *path = api_path("persistence", "groups", "a/b c", "prefer", NULL);
    assert_string_equal(path, "persistence/groups/a%2Fb%20c/prefer");
    free(path);
    path = api_path("x", NULL);
    assert_string_equal(path, "x");
    free(path);
}

/* A server that says nothing is left at once when Ctrl-C comes. */
static void s_test_interrupt(void **state)
{
    (void) state;
    answer_t answer;
    interrupt_t *interrupt = interrupt_new();
    server_t *server = s_start(NULL);
    api_t *api = api_new(server->url, interrupt);
    assert_false(interrupt_wait(interrupt, 0));
    assert_int_equal(api_call(api, "GET", "x", NULL, &answer), EXIT_AWAY);
    assert_non_null(strstr(answer.error, "interrupted"));
    assert_true(interrupt_wait(interrupt, INT64_MAX / 2));
    assert_true(interrupt_wait(interrupt, 0)); /* it stays so */
    answer_clear(&answer);
    api_destroy(&api);
    s_stop(server);
    interrupt_destroy(&interrupt); /* and the process is still there */
    assert_null(interrupt);
}

static void s_test_json(void **state)
{
    (void) state;
    static const char text[] =
        "{\"t\":\"x\",\"n\":7,\"big\":18446744073709551615,\"r\":2.5,\"less\":-1,\"far\":1e300,\"b\":true,"
        "\"list\":[{\"name\":\"a\"},5,{\"name\":\"b\",\"n\":1}]}";
    yyjson_doc *doc = yyjson_read(text, sizeof text - 1, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *list = yyjson_obj_get(root, "list");
    assert_string_equal(json_text(root, "t"), "x");
    assert_string_equal(json_text(root, "n"), "");
    assert_string_equal(json_text(NULL, "n"), "");
    assert_int_equal(json_count(root, "n"), 7);
    assert_true(json_count(root, "big") == UINT64_MAX);
    assert_int_equal(json_count(root, "r"), 2);
    assert_int_equal(json_count(root, "less"), 0);
    assert_true(json_count(root, "far") == UINT64_MAX);
    assert_int_equal(json_count(root, "t"), 0);
    assert_true(json_real(root, "r") == 2.5);
    assert_true(json_is_true(root, "b"));
    assert_false(json_is_true(root, "n"));
    assert_int_equal(json_count(json_find(list, "name", "b"), "n"), 1);
    assert_null(json_find(list, "name", "c"));
    assert_null(json_find(root, "name", "b"));
    yyjson_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_answers),   cmocka_unit_test(s_test_requests),
        cmocka_unit_test(s_test_addresses), cmocka_unit_test(s_test_path),
        cmocka_unit_test(s_test_interrupt), cmocka_unit_test(s_test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
