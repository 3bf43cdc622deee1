/*
 * Render: bodies byte for byte. The expectations write ' for " to stay readable.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "render.h"
#include "result.h"

static void s_expect(pbus_buf_t *out, const char *text)
{
    char *expected = strdup(text);
    assert_non_null(expected);
    for (char *p = expected; *p; p++)
        if (*p == '\'')
            *p = '"';
    pbus_buf_append(out, "", 1);
    assert_false(out->failed);
    assert_string_equal((char *) out->data, expected);
    free(expected);
    pbus_buf_clear(out);
}

static pbus_reading_t s_plain(void)
{
    return (pbus_reading_t){.origin = 7,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .resource = PBUS_STR("r"),
                            .type = PBUS_INT16,
                            .value = PBUS_STR("-5")};
}

#define HEAD "{'origin':7,'deviceName':'d','resourceName':'r','profileName':'p','valueType':"

typedef struct {
    pbus_type_t type;
    const char *value;
    render_form_t form;
    const char *expected; /* behind HEAD */
} form_case_t;

static const form_case_t form_cases[] = {
    {PBUS_INT16, "-5", RENDER_TEXT, "'Int16','value':'-5'}"},
    {PBUS_INT16, "-5", RENDER_SCALARS, "'Int16','value':-5}"},
    {PBUS_INT16, "-5", RENDER_NUMERIC, "'Int16','value':-5}"},
    {PBUS_FLOAT64, "1.5e+00", RENDER_TEXT, "'Float64','value':'1.5e+00'}"},
    {PBUS_FLOAT64, "1.5e+00", RENDER_NUMERIC, "'Float64','value':1.5}"},
    {PBUS_FLOAT32, "NaN", RENDER_NUMERIC, "'Float32','value':'NaN'}"},
    {PBUS_BOOL, "true", RENDER_NUMERIC, "'Bool','value':'true'}"},
    {PBUS_STRING, "12", RENDER_NUMERIC, "'String','value':'12'}"},
    {PBUS_STRING, "", RENDER_TEXT, "'String','value':''}"},
    {PBUS_UINT8_ARRAY, "[1, 2]", RENDER_TEXT, "'Uint8Array','value':'[1, 2]'}"},
    {PBUS_UINT8_ARRAY, "[1, 2]", RENDER_SCALARS, "'Uint8Array','value':'[1, 2]'}"},
    {PBUS_UINT8_ARRAY, "[1, 2]", RENDER_NUMERIC, "'Uint8Array','value':[1,2]}"},
    {PBUS_BOOL_ARRAY, "[true]", RENDER_NUMERIC, "'BoolArray','value':'[true]'}"},
    {PBUS_OBJECT, "{\"a\":\"<\"}", RENDER_NUMERIC, "'Object','objectValue':{'a':'\\u003c'}}"},
    {PBUS_OBJECT_ARRAY, "[1]", RENDER_TEXT, "'ObjectArray','objectValue':[1]}"},
};

static void s_test_forms(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof form_cases / sizeof *form_cases; i++) {
        pbus_reading_t reading = s_plain();
        pbus_buf_t out = {0};
        char expected[256] = HEAD;
        reading.type = form_cases[i].type;
        reading.value = pbus_str(form_cases[i].value);
        assert_true(render_reading(&out, &reading, form_cases[i].form));
        s_expect(&out, strcat(expected, form_cases[i].expected));
    }
}

static void s_test_reading(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_reading_t reading = s_plain();
    reading.units = PBUS_STR("\xC2\xB0"
                             "C");
    reading.tags = PBUS_STR("{\"a\":[1,\">\"]}");
    assert_true(render_reading(&out, &reading, RENDER_TEXT));
    s_expect(&out, HEAD "'Int16','units':'\xC2\xB0"
                        "C','tags':{'a':[1,'\\u003e']},'value':'-5'}");
    reading = s_plain();
    reading.type = PBUS_BINARY;
    reading.value = PBUS_STR("hi");
    reading.media_type = PBUS_STR("image/png");
    assert_true(render_reading(&out, &reading, RENDER_NUMERIC));
    s_expect(&out, HEAD "'Binary','binaryValue':'aGk=','mediaType':'image/png'}");
    reading.value = PBUS_STR("");
    assert_true(render_reading(&out, &reading, RENDER_TEXT));
    s_expect(&out, HEAD "'Binary','mediaType':'image/png'}");
    for (pbus_type_t type = PBUS_BOOL; type <= PBUS_FLOAT64_ARRAY; type++) {
        char expected[256];
        reading = (pbus_reading_t){.origin = 7,
                                   .device = PBUS_STR("d"),
                                   .profile = PBUS_STR("p"),
                                   .resource = PBUS_STR("r"),
                                   .type = type,
                                   .is_null = true};
        snprintf(expected, sizeof expected, HEAD "'%s','value':null,'binaryValue':null,'objectValue':null}",
                 pbus_type_name(type));
        assert_true(render_reading(&out, &reading, RENDER_NUMERIC));
        s_expect(&out, expected);
    }
}

static void s_test_escapes(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_reading_t reading = s_plain();
    reading.type = PBUS_STRING;
    reading.value = PBUS_STR("<>&\"\\/\n\t\r\x01\x7F\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA\xF0\x9F\x98\x80");
    assert_true(render_reading(&out, &reading, RENDER_TEXT));
    s_expect(&out, HEAD "'String','value':'\\u003c\\u003e\\u0026\\\"\\\\/\\n\\t\\r\\u0001\x7F\\u2028\\u2029"
                        "\xE2\x80\xAA\xF0\x9F\x98\x80'}");
    render_error(&out, PBUS_STR(""), 400, "cut in a letter \xC3");
    s_expect(&out, "{'apiVersion':'v3','message':'cut in a letter \\ufffd','statusCode':400}\n");
}

/* What a backend returns is not trusted to be JSON. */
static void s_test_not_json(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_reading_t reading = s_plain();
    reading.tags = PBUS_STR("{\"a\":");
    assert_false(render_reading(&out, &reading, RENDER_TEXT));
    reading = s_plain();
    reading.type = PBUS_OBJECT;
    reading.value = PBUS_STR("{}}");
    assert_false(render_reading(&out, &reading, RENDER_TEXT));
    reading.value = PBUS_STR("");
    assert_false(render_reading(&out, &reading, RENDER_TEXT));
    pbus_buf_clear(&out);
}

static pbus_event_t s_event(const pbus_reading_t *readings, size_t count)
{
    pbus_event_t event = {.origin = 9,
                          .device = PBUS_STR("d"),
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = readings,
                          .reading_count = count};
    pbus_uuid_parse(PBUS_STR("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"), &event.id);
    return event;
}

#define EVENT_HEAD                                                                                           \
    "{'apiVersion':'v3','id':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9','deviceName':'d','profileName':'p',"     \
    "'sourceName':'s','origin':9,'readings':["

static void s_test_event_order(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_reading_t readings[4];
    static const char *const names[] = {"a", "b", "c", "d"};
    static const int64_t origins[] = {5, 7, 5, 7};
    pbus_buf_t expected = {0};
    for (size_t i = 0; i < 4; i++) {
        readings[i] = s_plain();
        readings[i].origin = origins[i];
        readings[i].resource = pbus_str(names[i]);
    }
    pbus_event_t event = s_event(readings, 4);
    event.tags = PBUS_STR("{\"t\":1}");
    pbus_buf_puts(&expected, EVENT_HEAD);
    static const int order[] = {1, 3, 0, 2};
    for (size_t i = 0; i < 4; i++)
        pbus_buf_printf(
            &expected,
            "%s{'origin':%d,'deviceName':'d','resourceName':'%s','profileName':'p','valueType':'Int16',"
            "'value':'-5'}",
            i ? "," : "", (int) origins[order[i]], names[order[i]]);
    pbus_buf_append(&expected, "],'tags':{'t':1}}", sizeof "],'tags':{'t':1}}");
    assert_true(render_event(&out, &event, RENDER_TEXT, false));
    s_expect(&out, (char *) expected.data);
    pbus_buf_clear(&expected);
}

static void s_test_bodies(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_str_t none = PBUS_STR("");
    pbus_reading_t reading = s_plain();
    pbus_event_t event = s_event(&reading, 1);
    render_base(&out, none, 202);
    s_expect(&out, "{'apiVersion':'v3','statusCode':202}\n");
    render_id(&out, none, 201, &event.id);
    s_expect(&out, "{'apiVersion':'v3','statusCode':201,'id':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'}\n");
    render_id(&out, PBUS_STR("q"), 202, &event.id);
    s_expect(
        &out,
        "{'apiVersion':'v3','requestId':'q','statusCode':202,'id':'0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'}\n");
    render_count(&out, UINT64_MAX);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'count':18446744073709551615}\n");
    render_error(&out, PBUS_STR("q"), 409, "Event Id exists");
    s_expect(&out, "{'apiVersion':'v3','requestId':'q','message':'Event Id exists','statusCode':409}\n");
    assert_true(render_single(&out, &event, false));
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'event':" EVENT_HEAD HEAD "'Int16','value':-5}]}}\n");
}

static const pbus_buf_t *s_answer(pbus_result_t *result, pbus_answer_t *answer)
{
    const pbus_buf_t *payload = pbus_result_answer(result, NULL);
    assert_non_null(payload);
    assert_true(pbus_answer_open(answer, payload->data, payload->size));
    return payload;
}

static void s_test_list(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_reading_t reading = s_plain();
    pbus_event_t event = s_event(&reading, 1);
    pbus_result_t *result = pbus_result_new();
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_answer_t answer;
    render_list_t list = {.out = &out, .form = RENDER_NUMERIC, .what = PBUS_EVENTS, .decoder = decoder};
    pbus_result_reset(result, 1 << 20, 1 << 20);
    assert_true(pbus_result_add_event(result, 1, &event));
    render_list_open(&list, 3);
    s_answer(result, &answer);
    assert_true(render_list_add(&list, &answer));
    s_answer(result, &answer);
    assert_true(render_list_add(&list, &answer));
    render_list_close(&list);
    assert_int_equal(list.size, 2);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'totalCount':3,'events':[" EVENT_HEAD HEAD
                   "'Int16','value':-5}]}," EVENT_HEAD HEAD "'Int16','value':-5}]}]}\n");
    list = (render_list_t){.out = &out, .form = RENDER_TEXT, .what = PBUS_READINGS};
    pbus_result_reset(result, 1 << 20, 1 << 20);
    render_list_open(&list, 0);
    assert_true(pbus_result_add_reading(result, &reading));
    s_answer(result, &answer);
    assert_true(render_list_add(&list, &answer));
    render_list_close(&list);
    s_expect(&out, "{'apiVersion':'v3','statusCode':200,'totalCount':0,'readings':[" HEAD
                   "'Int16','value':'-5'}]}\n");
    pbus_decoder_destroy(&decoder);
    pbus_result_destroy(&result);
}

static void s_test_list_malformed(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_result_t *result = pbus_result_new();
    pbus_decoder_t *decoder = pbus_decoder_new();
    pbus_answer_t answer;
    render_list_t list = {.out = &out, .form = RENDER_TEXT, .what = PBUS_EVENTS, .decoder = decoder};
    pbus_result_reset(result, 1 << 20, 1 << 20);
    assert_true(pbus_result_add_encoded(result, 1, "rubbish", 7));
    s_answer(result, &answer);
    assert_false(render_list_add(&list, &answer));
    pbus_decoder_destroy(&decoder);
    pbus_result_destroy(&result);
    pbus_buf_clear(&out);
}

static void s_test_sent(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    pbus_reading_t reading = s_plain();
    sent_reading_t sent = {PBUS_STR("i"), PBUS_STR("-05")};
    render_sent_reading(&out, &reading, &sent, 0);
    s_expect(&out,
             "{'id':'i','origin':7,'deviceName':'d','resourceName':'r','profileName':'p','valueType':'Int16',"
             "'value':'-05'}");
    sent.id = PBUS_STR("");
    reading.type = PBUS_BINARY;
    reading.media_type = PBUS_STR("m");
    sent.value = PBUS_STR("");
    render_sent_reading(&out, &reading, &sent, 0);
    s_expect(&out, HEAD "'Binary','binaryValue':'','mediaType':'m'}");
}

static void s_expect_optimized(const pbus_event_t *event, const char *readings)
{
    pbus_buf_t out = {0}, expected = {0};
    pbus_buf_printf(&expected, EVENT_HEAD "%s]}", readings);
    pbus_buf_append(&expected, "", 1);
    assert_true(render_event(&out, event, RENDER_TEXT, true));
    s_expect(&out, (char *) expected.data);
    pbus_buf_clear(&expected);
}

/* What the event says as well is left out of its readings, and only that. */
static void s_test_optimized(void **state)
{
    (void) state;
    pbus_reading_t readings[3] = {s_plain(), s_plain(), s_plain()};
    pbus_event_t event = s_event(readings, 1);
    for (size_t i = 0; i < 3; i++)
        readings[i].origin = event.origin;
    s_expect_optimized(&event, "{'resourceName':'r','valueType':'Int16','value':'-5'}");
    readings[0].resource = event.source;
    s_expect_optimized(&event, "{'valueType':'Int16','value':'-5'}");
    readings[0].origin = event.origin + 1;
    readings[1].resource = event.source;
    readings[1].device = PBUS_STR("e");
    readings[2].profile = PBUS_STR("q");
    event.reading_count = 3;
    s_expect_optimized(&event, "{'origin':10,'resourceName':'s','valueType':'Int16','value':'-5'},"
                               "{'deviceName':'e','resourceName':'s','valueType':'Int16','value':'-5'},"
                               "{'resourceName':'r','profileName':'q','valueType':'Int16','value':'-5'}");
    pbus_buf_t out = {0};
    sent_reading_t sent = {PBUS_STR("i"), PBUS_STR("-05")};
    render_sent_reading(&out, &readings[2], &sent, render_spared(&event, &readings[2]));
    s_expect(&out, "{'resourceName':'r','profileName':'q','valueType':'Int16','value':'-05'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_forms),       cmocka_unit_test(s_test_reading),
        cmocka_unit_test(s_test_escapes),     cmocka_unit_test(s_test_not_json),
        cmocka_unit_test(s_test_event_order), cmocka_unit_test(s_test_bodies),
        cmocka_unit_test(s_test_list),        cmocka_unit_test(s_test_list_malformed),
        cmocka_unit_test(s_test_sent),        cmocka_unit_test(s_test_optimized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
