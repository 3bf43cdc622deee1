/*
 * The routes of jobs: what is refused, and what is told, with a dispatcher that knows two groups and whose
 * groups are away, so that jobs wait.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "call.h"
#include "jobs.h"
#include "mirror/mirror.h"
#include "test_call.h"

#define GROUPS "[{\"name\":\"a\"},{\"name\":\"b\"}]"

typedef struct {
    settings_t settings;
    service_t *service;
    mirror_t *mirror;
    call_t *call;
} fixture_t;

static pbus_status_t s_submit(void *self, request_t *request)
{
    (void) self;
    (void) request;
    return PBUS_UNAVAILABLE;
}

static bool s_stream_wanted(void *self)
{
    (void) self;
    return false;
}

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    pbus_error_t error;
    self->settings = test_settings();
    self->service = service_new(&self->settings, (port_t){self, s_submit, s_stream_wanted, NULL}, NULL);
    self->mirror = mirror_new(self->service, false, &error);
    service_set_mirror(self->service, self->mirror);
    self->call = call_new(self->service);
    *state = self;
    return self->call && self->mirror ? 0 : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    call_destroy(&self->call);
    mirror_destroy(&self->mirror);
    service_destroy(&self->service);
    free(self);
    return 0;
}

/* The request's outcome; the body is terminated. The dispatcher, if it is asked, tells of its groups. */
static unsigned s_run(fixture_t *self, const char *method, const char *path, const char *body)
{
    char target[256];
    snprintf(target, sizeof target, "/api/v3/persistence/jobs%s", path);
    call_reset(self->call);
    call_step_t step =
        call_begin(self->call, &(call_head_t){.method = method, .target = target, .correlation = "c"});
    if (step == CALL_READ && *body)
        step = call_read(self->call, body, strlen(body));
    if (step == CALL_READ)
        step = call_run(self->call);
    if (step == CALL_SUBMIT) {
        request_t *request = call_request(self->call);
        assert_int_equal(request->kind, REQUEST_STATUS);
        zframe_t *frame = zframe_new(GROUPS, sizeof GROUPS - 1);
        request_set_answer(request, &frame);
        request->status = PBUS_OK;
        call_done(self->call);
        step = call_answered(self->call);
    }
    assert_int_equal(step, CALL_REPLY);
    pbus_buf_append(&call_reply(self->call)->body, "", 1);
    return call_reply(self->call)->status;
}

static const char *s_body(fixture_t *self)
{
    return (const char *) call_reply(self->call)->body.data;
}

static void s_expect(fixture_t *self, const char *part)
{
    if (!strstr(s_body(self), part))
        fail_msg("'%s' is not in %s", part, s_body(self));
}

#define ORDER(kind, from, to)                                                                                \
    "{\"apiVersion\":\"v3\",\"kind\":\"" kind "\",\"from\":\"" from "\",\"to\":\"" to "\"}"

static void s_test_bad_orders(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *body;
        unsigned status;
        const char *message;
    } cases[] = {
        {"", 400, "the body should be a JSON object with apiVersion, kind, from and to"},
        {"[]", 400, "the body should be a JSON object"},
        {"{\"kind\":\"copy\"", 400, "the body should be a JSON object"},
        {"{\"kind\":\"copy\",\"from\":\"a\",\"to\":\"b\"}", 400, "apiVersion is missing: use v3"},
        {ORDER("move", "a", "b"), 400, "kind is 'move': use copy, verify or repair"},
        {ORDER("copy", "", "b"), 400, "from is '': use the name of a persistence group"},
        {ORDER("copy", "a b", "b"), 400, "from is 'a b': use the name of a persistence group"},
        {ORDER("copy", "a", "\\u0000"), 400, "to is"},
        {"{\"apiVersion\":\"v3\",\"kind\":\"copy\",\"from\":\"a\",\"to\":5}", 400, "to is '': use"},
        {ORDER("copy", "a", "a"), 400, "from and to are both 'a': name two groups"},
        {ORDER("copy", "a", "c"), 404, "there is no persistence group 'c'"},
        {ORDER("verify", "c", "a"), 404, "there is no persistence group 'c'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(s_run(self, "POST", "", cases[i].body), cases[i].status);
        s_expect(self, cases[i].message);
    }
    assert_int_equal(s_run(self, "GET", "", ""), 200);
    assert_string_equal(s_body(self), "{\"apiVersion\":\"v3\",\"statusCode\":200,\"jobs\":[]}\n");
}

static void s_test_life(void **state)
{
    fixture_t *self = *state;
    char path[PBUS_UUID_TEXT + 1] = "/";
    assert_int_equal(s_run(self, "POST", "", ORDER("copy", "a", "b")), 202);
    s_expect(self, "{\"apiVersion\":\"v3\",\"statusCode\":202,\"id\":\"");
    s_expect(self, "\"kind\":\"copy\",\"from\":\"a\",\"to\":\"b\",\"auto\":false,\"state\":\"");
    strncat(path, strstr(s_body(self), "\"id\":\"") + 6, PBUS_UUID_TEXT - 1);
    assert_int_equal(s_run(self, "POST", "", ORDER("verify", "a", "b")), 409);
    s_expect(self, path + 1);
    assert_int_equal(s_run(self, "POST", "", ORDER("verify", "b", "a")), 202);
    assert_int_equal(s_run(self, "GET", path, ""), 200);
    s_expect(self, "\"eventsSeen\":0,\"eventsTotal\":0,\"eventsCopied\":0,\"eventsDeleted\":0,");
    s_expect(self, "\"endedNs\":0}}\n");
    assert_int_equal(s_run(self, "GET", "", ""), 200);
    s_expect(self, "},{\"id\":\"");
    assert_int_equal(s_run(self, "DELETE", path, ""), 202);
    while (!strstr(s_body(self), "\"state\":\"cancelled\""))
        assert_int_equal(s_run(self, "GET", path, ""), 200);
    assert_int_equal(s_run(self, "DELETE", path, ""), 200);
}

static void s_test_unknown(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_run(self, "GET", "/" TEST_ID, ""), 404);
    s_expect(self, "there is no job '" TEST_ID "'");
    assert_int_equal(s_run(self, "DELETE", "/nonsense/%22", ""), 404);
    s_expect(self, "there is no job 'nonsense/\\\"'");
    assert_int_equal(s_run(self, "GET", "/", ""), 404);
    assert_int_equal(s_run(self, "GET", "/%00", ""), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_test_bad_orders, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_life, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_unknown, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
