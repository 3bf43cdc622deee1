/*
 * For tests: a port that stands in for the dispatcher, with answers made by libpersistbus's own result
 * builder.
 */
#ifndef CORE_DATA_TEST_CALL_H
#define CORE_DATA_TEST_CALL_H

#include <stdlib.h>
#include <string.h>
#include "request.h"
#include "result.h"
#include "settings.h"

#define TEST_ID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

static inline settings_t test_settings(void)
{
    return (settings_t){
        .host = "127.0.0.1",
        .threads = 2,
        .max_connections = 100,
        .idle_timeout = 50,
        .max_event_size = 64 * 1024,
        .max_response_size = 64 * 1024,
        .max_pending_size = 1024 * 1024,
        .max_result_count = 1024,
        .request_timeout = INT64_C(5000000000),
        .secret_file = "/nonexistent/secrets.json",
        .cors = {.origin = "https://a", .methods = "GET", .headers = "X", .expose = "Y", .max_age = 7}};
}

static inline pbus_reading_t test_reading(int64_t origin)
{
    return (pbus_reading_t){.origin = origin,
                            .device = PBUS_STR("d"),
                            .profile = PBUS_STR("p"),
                            .resource = PBUS_STR("r"),
                            .type = PBUS_UINT8,
                            .value = PBUS_STR("5")};
}

/* Gives the request the answer that the result holds. */
static inline void test_answer(request_t *request, pbus_result_t *result)
{
    const pbus_buf_t *payload = pbus_result_answer(result, NULL);
    zframe_t *frame = payload ? zframe_new(payload->data, payload->size) : NULL;
    request_set_answer(request, &frame);
    request->status = PBUS_OK;
}

static inline pbus_result_t *test_result(uint64_t total)
{
    pbus_result_t *result = pbus_result_new();
    if (result) {
        pbus_result_reset(result, 1 << 20, 1 << 20);
        pbus_result_total(result, total);
    }
    return result;
}

/* So many events, or readings, of the test device, origins downwards from total. */
static inline void test_answer_list(request_t *request, pbus_what_t what, uint64_t total, int count,
                                    bool more)
{
    pbus_result_t *result = test_result(total);
    for (int i = 0; result && i < count; i++) {
        pbus_reading_t reading = test_reading((int64_t) total - i);
        pbus_event_t event = {.origin = reading.origin,
                              .device = PBUS_STR("d"),
                              .profile = PBUS_STR("p"),
                              .source = PBUS_STR("s"),
                              .readings = &reading,
                              .reading_count = 1};
        pbus_uuid_parse(PBUS_STR(TEST_ID), &event.id);
        if (what == PBUS_EVENTS)
            pbus_result_add_event(result, 1, &event);
        else
            pbus_result_add_reading(result, &reading);
    }
    if (result) {
        pbus_result_set_more(result, more);
        test_answer(request, result);
    }
    pbus_result_destroy(&result);
}

/* The body of a good POST to /event/s/p/d/src. */
static inline char *test_body(const char *id, const char *extra)
{
    char *body = NULL;
    if (asprintf(
            &body,
            "{\"apiVersion\":\"v3\",\"requestId\":\"" TEST_ID
            "\",\"event\":{\"apiVersion\":\"v3\",\"id\":\"%s\","
            "\"deviceName\":\"d\",\"profileName\":\"p\",\"sourceName\":\"src\",\"origin\":7,\"readings\":[{"
            "\"origin\":7,\"deviceName\":\"d\",\"profileName\":\"p\",\"resourceName\":\"r\",\"valueType\":"
            "\"Uint8\",\"value\":\"05\"%s}]}}",
            id, extra) < 0)
        return NULL;
    return body;
}

#endif
