/*
 * Call: from a request's head and body to what the dispatcher is asked, and from its outcome to the reply.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "answer.h"
#include "call.h"
#include "test_call.h"

typedef struct {
    settings_t settings;
    service_t *service;
    call_t *call;
    bool stream_wanted;
} fixture_t;

static pbus_status_t s_submit(void *self, request_t *request)
{
    (void) self;
    (void) request;
    return PBUS_OK;
}

static bool s_stream_wanted(void *self)
{
    return ((fixture_t *) self)->stream_wanted;
}

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->settings = test_settings();
    self->service = service_new(&self->settings, (port_t){self, s_submit, s_stream_wanted, NULL}, NULL);
    self->call = call_new(self->service);
    *state = self;
    return self->call ? 0 : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    call_destroy(&self->call);
    service_destroy(&self->service);
    free(self);
    return 0;
}

static call_step_t s_run_with(fixture_t *self, call_head_t head, const char *body)
{
    char target[256];
    snprintf(target, sizeof target, "/api/v3%s", head.target);
    head.target = target;
    call_reset(self->call);
    call_step_t step = call_begin(self->call, &head);
    if (step == CALL_READ && *body)
        step = call_read(self->call, body, strlen(body));
    return step == CALL_READ ? call_run(self->call) : step;
}

static call_step_t s_run(fixture_t *self, const char *method, const char *target, const char *body)
{
    return s_run_with(self, (call_head_t){.method = method, .target = target, .correlation = "c"}, body);
}

static void s_expect(fixture_t *self, unsigned status, const char *body)
{
    reply_t *reply = call_reply(self->call);
    char *expected = strdup(body);
    for (char *p = expected; *p; p++)
        *p = *p == '\'' ? '"' : *p == '`' ? '\'' : *p; /* so that the texts need no escapes */
    assert_int_equal(reply->status, status);
    pbus_buf_append(&reply->body, "", 1);
    assert_string_equal((char *) reply->body.data, expected);
    free(expected);
}

static const char *s_header(fixture_t *self, const char *name)
{
    reply_t *reply = call_reply(self->call);
    for (size_t i = 0; i < reply->header_count; i++)
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    return NULL;
}

static void s_answer(fixture_t *self, pbus_status_t status, const char *text)
{
    request_t *request = call_request(self->call);
    request->status = status;
    request->group = "sqlite";
    if (status != PBUS_OK)
        pbus_fail(&request->error, status, "%s", text);
    call_done(self->call);
}

/* ---- events in -------------------------------------------------------------------------------------- */

#define POST "/event/s/p/d/src"

static call_step_t s_post(fixture_t *self, const char *target, const char *extra)
{
    char *body = test_body(TEST_ID, extra);
    call_step_t step = s_run(self, "POST", target, body);
    free(body);
    return step;
}

static void s_test_add(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_post(self, POST, ""), CALL_SUBMIT);
    request_t *request = call_request(self->call);
    pbus_decoder_t *decoder = pbus_decoder_new();
    assert_int_equal(request->kind, REQUEST_ADD);
    assert_int_equal(request->stream_topic.size + request->stream_message.size, 0);
    assert_non_null(pbus_decoder_event(decoder, request->event.data, request->event.size));
    pbus_decoder_destroy(&decoder);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 201,
             "{'apiVersion':'v3','requestId':'" TEST_ID "','statusCode':201,'id':'" TEST_ID "'}\n");
    assert_string_equal(s_header(self, "X-Correlation-Id"), "c");
    assert_int_equal(pbus_metrics_get(service_metrics(self->service), SERVICE_EVENTS_PERSISTED), 1);
    assert_int_equal(pbus_metrics_get(service_metrics(self->service), SERVICE_READINGS_PERSISTED), 1);
}

static void s_test_add_spooled(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_post(self, POST, ""), CALL_SUBMIT);
    call_request(self->call)->spooled = true;
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 202,
             "{'apiVersion':'v3','requestId':'" TEST_ID "','statusCode':202,'id':'" TEST_ID "'}\n");
}

static void s_test_add_outcomes(void **state)
{
    fixture_t *self = *state;
    static const struct {
        pbus_status_t status;
        unsigned http;
        bool retry;
    } cases[] = {
        {PBUS_CONFLICT, 409, false},    {PBUS_INVALID, 400, false}, {PBUS_UNAVAILABLE, 503, true},
        {PBUS_FULL, 503, true},         {PBUS_TIMEOUT, 503, true},  {PBUS_INTERNAL, 500, false},
        {PBUS_UNSUPPORTED, 500, false}, {PBUS_NOMEM, 503, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(s_post(self, POST, ""), CALL_SUBMIT);
        s_answer(self, cases[i].status, "why");
        assert_int_equal(call_answered(self->call), CALL_REPLY);
        char expected[256];
        snprintf(expected, sizeof expected,
                 "{'apiVersion':'v3','requestId':'" TEST_ID "','message':'%s','statusCode':%u}\n",
                 cases[i].http == 409 ? "Event Id exists" : "why", cases[i].http);
        s_expect(self, cases[i].http, expected);
        assert_int_equal(s_header(self, "Retry-After") != NULL, cases[i].retry);
    }
}

static void s_test_add_mismatch(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *target;
        const char *message;
    } cases[] = {
        {"/event/s/x/d/src", "event`s profileName p mismatches x"},
        {"/event/s/p/x/src", "event`s deviceName d mismatches x"},
        {"/event/s/p/d/x", "event`s sourceName src mismatches x"},
        {"/event/s/p/d/src/", "event`s sourceName src mismatches src/"},
        {"/event/s/x/y/z", "event`s profileName p mismatches x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[256];
        assert_int_equal(s_post(self, cases[i].target, ""), CALL_REPLY);
        snprintf(expected, sizeof expected,
                 "{'apiVersion':'v3','requestId':'" TEST_ID "','message':'%s','statusCode':400}\n",
                 cases[i].message);
        s_expect(self, 400, expected);
    }
    assert_int_equal(s_run(self, "POST", POST, "{"), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 400);
    assert_int_equal(s_run(self, "POST", POST, ""), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 400);
}

static void s_test_add_published(void **state)
{
    fixture_t *self = *state;
    char *body = test_body(TEST_ID, ",\"unknown\":1");
    self->stream_wanted = true;
    call_head_t head = {.method = "POST", .target = POST, .content_type = "text/x", .correlation = "c<"};
    assert_int_equal(s_run_with(self, head, body), CALL_SUBMIT);
    request_t *request = call_request(self->call);
    pbus_buf_append(&request->stream_topic, "", 1);
    pbus_buf_append(&request->stream_message, "", 1);
    assert_string_equal((char *) request->stream_topic.data, "edgex/events/core/s/p/d/src");
    assert_string_equal((char *) request->stream_message.data,
                        "{\"apiVersion\":\"v3\",\"receivedTopic\":\"\",\"correlationID\":\"c\\u003c\","
                        "\"requestID\":\"\",\"errorCode\":0,"
                        "\"payload\":{\"apiVersion\":\"v3\",\"requestId\":\"" TEST_ID
                        "\",\"event\":{\"apiVersion\":\"v3\",\"id\":\"" TEST_ID
                        "\",\"deviceName\":\"d\",\"profileName\":\"p\",\"sourceName\":\"src\",\"origin\":7,"
                        "\"readings\":[{\"origin\":7,"
                        "\"deviceName\":\"d\",\"resourceName\":\"r\",\"profileName\":\"p\",\"valueType\":"
                        "\"Uint8\",\"value\":\"05\"}]}},"
                        "\"contentType\":\"text/x\"}");
    free(body);
}

/* In CBOR, which comes out again as base64 of CBOR; a content type with parameters is not CBOR. */
static void s_test_add_cbor(void **state)
{
    fixture_t *self = *state;
    static const char body[] =
        "\xA2japiVersionbv3eevent\xA7japiVersionbv3bidx$" TEST_ID
        "jdeviceNameadkprofileNameapjsourceNamecsrcforigin\x07hreadings\x81\xA6"
        "forigin\x07jdeviceNameadkprofileNameaplresourceNamearivalueTypeeUint8evalue\x05";
    self->stream_wanted = true;
    call_head_t head = {
        .method = "POST", .target = POST, .content_type = "Application/CBOR", .correlation = "c"};
    assert_int_equal(s_run_with(self, head, body), CALL_SUBMIT);
    pbus_buf_t *message = &call_request(self->call)->stream_message;
    pbus_buf_append(message, "", 1);
    assert_non_null(strstr((char *) message->data, "\"payload\":\"omphcGlWZXJzaW9uYnYzZWV2ZW50p2"));
    assert_non_null(strstr((char *) message->data, "\"contentType\":\"Application/CBOR\"}"));
    head.content_type = "application/cbor; x=y";
    assert_int_equal(s_run_with(self, head, body), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 400);
    head.content_type = "application/cbor";
    assert_int_equal(s_run_with(self, head, "\xA1"), CALL_REPLY);
    s_expect(self, 400,
             "{'apiVersion':'v3','message':'AddEventRequest cbor decoding failed: it ends too early, at byte "
             "1','statusCode':400}\n");
}

static void s_test_topic(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *target;
        bool escape;
        const char *topic;
    } cases[] = {
        {"/event/my-app/p/d/src", false, "edgex/events/core/my-app/p/d/src"},
        {"/event/my-app/p/d/src", true, "edgex/events/core/my%2Dapp/p/d/src"},
        {"/event/a%2Fb.c/p/d/src", false, "edgex/events/core/a%2Fb%2Ec/p/d/src"},
        {"/event/a%2Bb/p/d/src", false, "edgex/events/core/a%2Bb/p/d/src"},
        {"/event/%23/p/d/src", false, "edgex/events/core/%23/p/d/src"},
        {"/event/%2541/p/d/src", false, "edgex/events/core/%2541/p/d/src"},
        {"/event/%20%C3%A9/p/d/src", false, "edgex/events/core/ \xC3\xA9/p/d/src"},
    };
    self->stream_wanted = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        self->settings.escape_names = cases[i].escape;
        assert_int_equal(s_post(self, cases[i].target, ""), CALL_SUBMIT);
        pbus_buf_append(&call_request(self->call)->stream_topic, "", 1);
        assert_string_equal((char *) call_request(self->call)->stream_topic.data, cases[i].topic);
    }
}

static void s_test_not_persisted(void **state)
{
    fixture_t *self = *state;
    service_set_persists(self->service, false);
    assert_int_equal(s_post(self, POST, ""), CALL_REPLY);
    s_expect(self, 201,
             "{'apiVersion':'v3','requestId':'" TEST_ID "','statusCode':201,'id':'" TEST_ID "'}\n");
    self->stream_wanted = true;
    assert_int_equal(s_post(self, POST, ""), CALL_SUBMIT);
    assert_int_equal(call_request(self->call)->kind, REQUEST_PUBLISH);
    assert_int_equal(call_request(self->call)->event.size, 0);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 201);
    assert_int_equal(pbus_metrics_get(service_metrics(self->service), SERVICE_EVENTS_PERSISTED), 0);
    assert_int_equal(s_post(self, "/event/s/x/d/src", ""), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 400);
}

/* ---- limits ----------------------------------------------------------------------------------------- */

static void s_test_sizes(void **state)
{
    fixture_t *self = *state;
    call_head_t head = {.method = "POST", .target = "/api/v3" POST, .has_size = true, .size = 64 * 1024};
    char piece[1024] = {0};
    call_reset(self->call);
    assert_int_equal(call_begin(self->call, &head), CALL_READ);
    for (int i = 0; i < 64; i++)
        assert_int_equal(call_read(self->call, piece, sizeof piece), CALL_READ);
    assert_int_equal(call_read(self->call, piece, 1), CALL_REPLY);
    s_expect(self, 413,
             "{'apiVersion':'v3','message':'request size exceed MaxEventSize(64 KB)','statusCode':413}\n");
    assert_true(call_reply(self->call)->close);
    head.size++;
    call_reset(self->call);
    assert_int_equal(call_begin(self->call, &head), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 413);
    self->settings.max_request_size = 1024;
    head.size = 1025;
    call_reset(self->call);
    assert_int_equal(call_begin(self->call, &head), CALL_REPLY);
    s_expect(self, 413,
             "{'apiVersion':'v3','message':'request size exceed Service.MaxRequestSize(1 "
             "KB)','statusCode':413}\n");
    self->settings.max_request_size = self->settings.max_event_size = 0;
    head.size = UINT64_MAX;
    call_reset(self->call);
    assert_int_equal(call_begin(self->call, &head), CALL_READ);
}

static void s_test_pending(void **state)
{
    fixture_t *self = *state;
    call_head_t head = {.method = "POST", .target = "/api/v3" POST};
    call_t *other = call_new(self->service);
    char piece[1024] = {0};
    self->settings.max_pending_size = 1500;
    assert_int_equal(call_begin(other, &head), CALL_READ);
    assert_int_equal(call_read(other, piece, sizeof piece), CALL_READ);
    assert_int_equal(call_begin(self->call, &head), CALL_READ);
    assert_int_equal(call_read(self->call, piece, sizeof piece), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 503);
    assert_string_equal(s_header(self, "Retry-After"), "1");
    call_destroy(&other);
    call_reset(self->call);
    assert_int_equal(call_begin(self->call, &head), CALL_READ);
    assert_int_equal(call_read(self->call, piece, sizeof piece), CALL_READ);
}

/* ---- the frame -------------------------------------------------------------------------------------- */

static void s_test_frame(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_run(self, "GET", "/nothing", ""), CALL_REPLY);
    s_expect(self, 404, "{'message':'Not Found'}\n");
    assert_int_equal(s_run(self, "PUT", "/event/id/1", ""), CALL_REPLY);
    s_expect(self, 405, "{'message':'Method Not Allowed'}\n");
    assert_string_equal(s_header(self, "Allow"), "OPTIONS, DELETE, GET");
    assert_int_equal(s_run(self, "HEAD", "/ping", ""), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 405);
    assert_int_equal(s_run(self, "OPTIONS", "/secret", ""), CALL_REPLY);
    s_expect(self, 204, "");
    assert_string_equal(s_header(self, "Allow"), "OPTIONS, POST");
    assert_int_equal(s_run(self, "OPTIONS", "/nothing", ""), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 404);
    assert_int_equal(s_run(self, "GET", "/event/all?limit=x", ""), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 400);
}

static void s_test_correlation(void **state)
{
    fixture_t *self = *state;
    call_head_t head = {.method = "GET", .target = "/ping"};
    char first[PBUS_UUID_TEXT];
    pbus_uuid_t uuid;
    s_run_with(self, head, "");
    strcpy(first, s_header(self, "X-Correlation-Id"));
    assert_true(pbus_uuid_parse(pbus_str(first), &uuid));
    assert_int_equal(uuid.bytes[6] >> 4, 4);
    assert_int_equal(uuid.bytes[8] >> 6, 2);
    s_run_with(self, head, "");
    assert_string_not_equal(s_header(self, "X-Correlation-Id"), first);
    head.correlation = "";
    s_run_with(self, head, "");
    assert_int_equal(strlen(s_header(self, "X-Correlation-Id")), PBUS_UUID_TEXT - 1);
}

static void s_test_cors(void **state)
{
    fixture_t *self = *state;
    call_head_t head = {.method = "OPTIONS", .target = "/ping", .origin = "https://b", .cors_method = "GET"};
    s_run_with(self, head, "");
    assert_int_equal(call_reply(self->call)->status, 204);
    assert_null(s_header(self, "Access-Control-Allow-Origin"));
    self->settings.cors.enabled = true;
    s_run_with(self, head, "");
    s_expect(self, 200, "");
    assert_string_equal(s_header(self, "Access-Control-Allow-Origin"), "https://a");
    assert_string_equal(s_header(self, "Access-Control-Allow-Methods"), "GET");
    assert_string_equal(s_header(self, "Access-Control-Max-Age"), "7");
    head.method = "GET";
    s_run_with(self, head, "");
    assert_string_equal(s_header(self, "Access-Control-Allow-Origin"), "https://a");
    assert_string_equal(s_header(self, "Access-Control-Expose-Headers"), "Y");
    assert_string_equal(s_header(self, "Vary"), "Origin");
    assert_null(s_header(self, "Access-Control-Allow-Credentials"));
    head.origin = NULL;
    s_run_with(self, head, "");
    assert_null(s_header(self, "Access-Control-Allow-Origin"));
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static pbus_ask_t s_asked(fixture_t *self, pbus_buf_t *lists)
{
    pbus_ask_t ask;
    request_t *request = call_request(self->call);
    assert_int_equal(request->kind, REQUEST_QUERY);
    assert_true(pbus_ask_decode(&ask, request->ask.data, request->ask.size, lists));
    return ask;
}

static void s_test_list(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t lists = {0};
    assert_int_equal(s_run(self, "GET", "/event/device/name/d?offset=2&limit=3", ""), CALL_SUBMIT);
    pbus_ask_t ask = s_asked(self, &lists);
    assert_int_equal(ask.kind, PBUS_ASK_EVENTS);
    assert_int_equal(ask.query.offset, 2);
    assert_int_equal(ask.query.limit, 3);
    assert_true(ask.query.want_total);
    assert_true(pbus_str_eq(ask.query.filter.device, PBUS_STR("d")));
    assert_string_equal(call_request(self->call)->device, "d");
    test_answer_list(call_request(self->call), PBUS_EVENTS, 4, 2, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
#define EVENT(origin)                                                                                        \
    "{'apiVersion':'v3','id':'" TEST_ID                                                                      \
    "','deviceName':'d','profileName':'p','sourceName':'s','origin':" origin                                 \
    ",'readings':[{'origin':" origin                                                                         \
    ",'deviceName':'d','resourceName':'r','profileName':'p','valueType':'Uint8',"                            \
    "'value':'5'}]}"
    s_expect(
        self, 200,
        "{'apiVersion':'v3','statusCode':200,'totalCount':4,'events':[" EVENT("4") "," EVENT("3") "]}\n");
    assert_null(s_header(self, "X-Persistence-Stale"));
    pbus_buf_clear(&lists);
}

/* A page that comes in several answers. */
static void s_test_list_more(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t lists = {0};
    assert_int_equal(s_run(self, "GET", "/reading/all?limit=5&offset=1", ""), CALL_SUBMIT);
    test_answer_list(call_request(self->call), PBUS_READINGS, 9, 2, true);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_SUBMIT);
    pbus_ask_t ask = s_asked(self, &lists);
    assert_int_equal(ask.query.offset, 3);
    assert_int_equal(ask.query.limit, 3);
    assert_false(ask.query.want_total);
    test_answer_list(call_request(self->call), PBUS_READINGS, 7, 3, true);
    call_request(self->call)->stale = true;
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
#define READING(origin)                                                                                      \
    "{'origin':" origin                                                                                      \
    ",'deviceName':'d','resourceName':'r','profileName':'p','valueType':'Uint8','value':'5'}"
    s_expect(self, 200,
             "{'apiVersion':'v3','statusCode':200,'totalCount':9,'readings':[" READING("9") "," READING(
                 "8") "," READING("7") "," READING("6") "," READING("5") "]}\n");
    assert_string_equal(s_header(self, "X-Persistence-Stale"), "sqlite");
    pbus_buf_clear(&lists);
}

static void s_test_list_ends(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *query;
        uint64_t total;
        unsigned status;
        const char *body;
    } cases[] = {
        {"?offset=7", 7, 200, "{'apiVersion':'v3','statusCode':200,'totalCount':7,'events':[]}\n"},
        {"?offset=8", 7, 416,
         "{'apiVersion':'v3','message':'query objects bounds out of range. length:7 "
         "offset:8','statusCode':416}\n"},
        {"?offset=8", 0, 200, "{'apiVersion':'v3','statusCode':200,'totalCount':0,'events':[]}\n"},
        {"?offset=8&limit=0", 7, 200, "{'apiVersion':'v3','statusCode':200,'totalCount':7,'events':[]}\n"},
        {"?offset=-1", 7, 200, "{'apiVersion':'v3','statusCode':200,'totalCount':0,'events':[]}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[64];
        snprintf(target, sizeof target, "/event/all%s", cases[i].query);
        assert_int_equal(s_run(self, "GET", target, ""), CALL_SUBMIT);
        test_answer_list(call_request(self->call), PBUS_EVENTS, cases[i].total, 0, false);
        s_answer(self, PBUS_OK, "");
        assert_int_equal(call_answered(self->call), CALL_REPLY);
        s_expect(self, cases[i].status, cases[i].body);
    }
}

static void s_test_list_faults(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_run(self, "GET", "/event/all", ""), CALL_SUBMIT);
    s_answer(self, PBUS_UNAVAILABLE, "no group is running");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 503, "{'apiVersion':'v3','message':'no group is running','statusCode':503}\n");
    assert_string_equal(s_header(self, "Retry-After"), "1");
    /* more items than asked for */
    assert_int_equal(s_run(self, "GET", "/event/all?limit=1", ""), CALL_SUBMIT);
    test_answer_list(call_request(self->call), PBUS_EVENTS, 2, 2, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 500);
    /* no answer at all */
    assert_int_equal(s_run(self, "GET", "/event/count", ""), CALL_SUBMIT);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 500);
    /* larger than Service.MaxResponseSize */
    assert_int_equal(s_run(self, "GET", "/event/all?limit=1024", ""), CALL_SUBMIT);
    test_answer_list(call_request(self->call), PBUS_EVENTS, 1000, 500, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 400,
             "{'apiVersion':'v3','message':'the answer is larger than Service.MaxResponseSize (64 KB): use "
             "a smaller limit','statusCode':400}\n");
    assert_int_equal(pbus_metrics_get(service_metrics(self->service), SERVICE_MALFORMED), 2);
    /* an answer that says more but brings nothing ends the page */
    assert_int_equal(s_run(self, "GET", "/event/all", ""), CALL_SUBMIT);
    test_answer_list(call_request(self->call), PBUS_EVENTS, 5, 0, true);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
}

static void s_test_filter(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t lists = {0};
    assert_int_equal(
        s_run(self, "GET", "/reading/device/name/d/start/3/end/9", "{\"resourceNames\":[\"a\",\"b\"]}"),
        CALL_SUBMIT);
    pbus_ask_t ask = s_asked(self, &lists);
    assert_int_equal(ask.kind, PBUS_ASK_READINGS);
    assert_int_equal(ask.query.filter.origin_min, 3);
    assert_int_equal(ask.query.filter.origin_max, 9);
    assert_int_equal(ask.query.filter.resource_count, 2);
    assert_true(pbus_str_eq(ask.query.filter.resources[1], PBUS_STR("b")));
    assert_int_equal(call_request(self->call)->what, PBUS_READINGS);
    assert_int_equal(call_request(self->call)->origin_min, 3);
    assert_int_equal(s_run(self, "GET", "/reading/count/device/name/d", ""), CALL_SUBMIT);
    ask = s_asked(self, &lists);
    assert_int_equal(ask.kind, PBUS_ASK_COUNT);
    assert_int_equal(ask.what, PBUS_READINGS);
    test_answer_list(call_request(self->call), PBUS_READINGS, 42, 0, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 200, "{'apiVersion':'v3','statusCode':200,'count':42}\n");
    pbus_buf_clear(&lists);
}

static void s_test_single(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t lists = {0};
    assert_int_equal(s_run(self, "GET", "/event/id/" TEST_ID, ""), CALL_SUBMIT);
    pbus_ask_t ask = s_asked(self, &lists);
    assert_int_equal(ask.query.filter.id_count, 1);
    assert_int_equal(ask.query.limit, 1);
    test_answer_list(call_request(self->call), PBUS_EVENTS, 1, 1, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 200,
             "{'apiVersion':'v3','statusCode':200,'event':{'apiVersion':'v3','id':'" TEST_ID
             "','deviceName':'d','profileName':'p','sourceName':'s','origin':1,'readings':[{'origin':1,'"
             "deviceName':'d',"
             "'resourceName':'r','profileName':'p','valueType':'Uint8','value':5}]}}\n");
    assert_int_equal(s_run(self, "GET", "/event/id/" TEST_ID, ""), CALL_SUBMIT);
    test_answer_list(call_request(self->call), PBUS_EVENTS, 0, 0, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 404);
    pbus_buf_append(&call_reply(self->call)->body, "", 1);
    assert_non_null(
        strstr((char *) call_reply(self->call)->body.data, "no event with id '" TEST_ID "' found"));
    pbus_buf_clear(&lists);
}

static void s_test_aggregate(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t lists = {0};
    pbus_reading_t like = test_reading(0);
    pbus_result_t *result = test_result(0);
    assert_int_equal(s_run(self, "GET", "/reading/all?aggregateFunc=Sum", ""), CALL_SUBMIT);
    pbus_ask_t ask = s_asked(self, &lists);
    assert_int_equal(ask.kind, PBUS_ASK_AGGREGATE);
    assert_int_equal(ask.function, PBUS_SUM);
    pbus_result_add_group(result, &like, 2, PBUS_STR("12"));
    test_answer(call_request(self->call), result);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
#define SUM(value)                                                                                           \
    "{'apiVersion':'v3','statusCode':200,'aggregateFunc':'Sum','readings':[{'deviceName':'d','resourceName'" \
    ":'r',"                                                                                                  \
    "'profileName':'p','valueType':'Uint64','value':" value "}]}\n"
    s_expect(self, 200, SUM("12"));
    pbus_result_destroy(&result);
    pbus_buf_clear(&lists);
}

/* A backend that does not aggregate is asked for its readings, in as many answers as it takes. */
static void s_test_aggregate_computed(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t lists = {0};
    assert_int_equal(s_run(self, "GET", "/reading/device/name/d?aggregateFunc=Sum", ""), CALL_SUBMIT);
    s_answer(self, PBUS_UNSUPPORTED, "no");
    assert_int_equal(call_answered(self->call), CALL_SUBMIT);
    pbus_ask_t ask = s_asked(self, &lists);
    assert_int_equal(ask.kind, PBUS_ASK_READINGS);
    assert_int_equal(ask.query.offset, 0);
    assert_true(pbus_str_eq(ask.query.filter.device, PBUS_STR("d")));
    test_answer_list(call_request(self->call), PBUS_READINGS, 9, 3, true);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_SUBMIT);
    ask = s_asked(self, &lists);
    assert_int_equal(ask.query.offset, 3);
    test_answer_list(call_request(self->call), PBUS_READINGS, 6, 2, false);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 200, SUM("25"));
    /* and may fail in the middle */
    assert_int_equal(s_run(self, "GET", "/reading/all?aggregateFunc=Sum", ""), CALL_SUBMIT);
    s_answer(self, PBUS_UNSUPPORTED, "no");
    assert_int_equal(call_answered(self->call), CALL_SUBMIT);
    s_answer(self, PBUS_UNSUPPORTED, "still no");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 500);
    pbus_buf_clear(&lists);
}

/* ---- deleting --------------------------------------------------------------------------------------- */

static void s_test_delete(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_run(self, "DELETE", "/event/id/" TEST_ID, ""), CALL_SUBMIT);
    assert_int_equal(call_request(self->call)->kind, REQUEST_DELETE);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 200, "{'apiVersion':'v3','statusCode':200}\n");
    assert_int_equal(s_run(self, "DELETE", "/event/id/" TEST_ID, ""), CALL_SUBMIT);
    s_answer(self, PBUS_NOT_FOUND, "gone");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 404);
    assert_int_equal(s_run(self, "DELETE", "/event/id/" TEST_ID, ""), CALL_SUBMIT);
    call_request(self->call)->spooled = true;
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 202, "{'apiVersion':'v3','statusCode':202}\n");
}

static void s_test_purge(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_run(self, "DELETE", "/event/device/name/d%2F1", ""), CALL_SUBMIT);
    request_t *request = call_request(self->call);
    assert_int_equal(request->kind, REQUEST_PURGE);
    assert_string_equal(request->device, "d/1");
    assert_int_equal(request->origin_max, INT64_MAX);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 202, "{'apiVersion':'v3','statusCode':202}\n");
    int64_t now = pbus_clock_realtime();
    assert_int_equal(s_run(self, "DELETE", "/event/age/1000", ""), CALL_SUBMIT);
    request = call_request(self->call);
    assert_null(request->device);
    assert_int_equal(request->origin_min, INT64_MIN);
    assert_in_range(request->origin_max, now - 1000, now + INT64_C(60000000000));
}

/* ---- the rest --------------------------------------------------------------------------------------- */

static void s_test_rejected(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(s_run(self, "GET", "/event/all", ""), CALL_SUBMIT);
    assert_int_equal(call_rejected(self->call, PBUS_FULL), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 503);
    assert_string_equal(s_header(self, "Retry-After"), "1");
    assert_int_equal(s_run(self, "GET", "/event/all", ""), CALL_SUBMIT);
    assert_int_equal(call_rejected(self->call, PBUS_UNAVAILABLE), CALL_REPLY);
    s_expect(self, 503, "{'apiVersion':'v3','message':'the service is stopping','statusCode':503}\n");
}

static void s_test_groups(void **state)
{
    fixture_t *self = *state;
    zframe_t *frame = zframe_new("[{\"name\":\"a\"}]", 14);
    assert_int_equal(s_run(self, "GET", "/persistence/groups", ""), CALL_SUBMIT);
    assert_int_equal(call_request(self->call)->kind, REQUEST_STATUS);
    request_set_answer(call_request(self->call), &frame);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    reply_t *reply = call_reply(self->call);
    const char *start = "{\"apiVersion\":\"v3\",\"statusCode\":200,\"groups\":[{\"name\":\"a\"}],"
                        "\"counters\":{\"eventsPersisted\":0,";
    assert_memory_equal(reply->body.data, start, strlen(start));
    assert_int_equal(s_run(self, "GET", "/persistence/groups", ""), CALL_SUBMIT);
    frame = zframe_new("[{", 2);
    request_set_answer(call_request(self->call), &frame);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 500);
}

static void s_test_administer(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *method;
        const char *path;
        admin_command_t command;
        bool force;
        unsigned status;
    } cases[] = {
        {"POST", "/persistence/groups/a/prefer", ADMIN_PREFER, false, 200},
        {"POST", "/persistence/groups/a/retire", ADMIN_RETIRE, false, 202},
        {"POST", "/persistence/groups/a/retire?force=true", ADMIN_RETIRE, true, 202},
        {"DELETE", "/persistence/groups/a?force=false", ADMIN_FORGET, false, 200},
        {"POST", "/persistence/groups/a/workers/w-1/drain", ADMIN_DRAIN, false, 202},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(s_run(self, cases[i].method, cases[i].path, ""), CALL_SUBMIT);
        request_t *request = call_request(self->call);
        assert_int_equal(request->kind, REQUEST_ADMIN);
        assert_int_equal(request->command, cases[i].command);
        assert_int_equal(request->force, cases[i].force);
        assert_string_equal(request->target, "a");
        if (request->command == ADMIN_DRAIN)
            assert_string_equal(request->worker, "w-1");
        s_answer(self, PBUS_OK, "");
        assert_int_equal(call_answered(self->call), CALL_REPLY);
        assert_int_equal(call_reply(self->call)->status, cases[i].status);
        assert_int_equal(s_run(self, cases[i].method, cases[i].path, ""), CALL_SUBMIT);
        s_answer(self, PBUS_CONFLICT, "why");
        assert_int_equal(call_answered(self->call), CALL_REPLY);
        s_expect(self, 409, "{'apiVersion':'v3','message':'why','statusCode':409}\n");
    }
}

static void s_test_promote(void **state)
{
    fixture_t *self = *state;
    zframe_t *lacks = zframe_new("a \"lot\"", 7);
    assert_int_equal(s_run(self, "POST", "/persistence/groups/a/promote?force=true", ""), CALL_SUBMIT);
    assert_int_equal(call_request(self->call)->command, ADMIN_PROMOTE);
    request_set_answer(call_request(self->call), &lacks);
    s_answer(self, PBUS_OK, "");
    assert_int_equal(call_answered(self->call), CALL_REPLY);
    s_expect(self, 200, "{'apiVersion':'v3','statusCode':200,'lacks':'a \\'lot\\''}\n");
}

static void s_test_common(void **state)
{
    fixture_t *self = *state;
    pbus_buf_t json = {0};
    pbus_buf_puts(&json, "{\"a\":1}");
    service_set_config(self->service, &json);
    assert_int_equal(s_run(self, "GET", "/version", ""), CALL_REPLY);
    s_expect(self, 200, "{'apiVersion':'v3','version':'0.1.0','serviceName':'core-data'}");
    assert_int_equal(s_run(self, "GET", "/config", ""), CALL_REPLY);
    s_expect(self, 200, "{'apiVersion':'v3','config':{'a':1},'serviceName':'core-data'}");
    assert_int_equal(s_run(self, "GET", "/ping", ""), CALL_REPLY);
    reply_t *reply = call_reply(self->call);
    pbus_buf_append(&reply->body, "", 1);
    assert_non_null(strstr((char *) reply->body.data, " UTC 20"));
    assert_int_equal(s_run(self, "POST", "/secret", "{}"), CALL_REPLY);
    assert_int_equal(call_reply(self->call)->status, 400);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(s_test_add),
        with_fixture(s_test_add_spooled),
        with_fixture(s_test_add_outcomes),
        with_fixture(s_test_add_mismatch),
        with_fixture(s_test_add_published),
        with_fixture(s_test_add_cbor),
        with_fixture(s_test_topic),
        with_fixture(s_test_not_persisted),
        with_fixture(s_test_sizes),
        with_fixture(s_test_pending),
        with_fixture(s_test_frame),
        with_fixture(s_test_correlation),
        with_fixture(s_test_cors),
        with_fixture(s_test_list),
        with_fixture(s_test_list_more),
        with_fixture(s_test_list_ends),
        with_fixture(s_test_list_faults),
        with_fixture(s_test_filter),
        with_fixture(s_test_single),
        with_fixture(s_test_aggregate),
        with_fixture(s_test_aggregate_computed),
        with_fixture(s_test_delete),
        with_fixture(s_test_purge),
        with_fixture(s_test_rejected),
        with_fixture(s_test_groups),
        with_fixture(s_test_administer),
        with_fixture(s_test_promote),
        with_fixture(s_test_common),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
