/*
 * Params: URLs, routes, and what path, query and body say; each rule with what is just outside of it.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "params.h"

#define NOW INT64_C(1000000)
#define MAX_LIMIT 1024
#define ID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

typedef struct {
    arena_t *arena;
    params_t params;
    pbus_error_t error;
} fixture_t;

static int s_setup(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    self->arena = arena_new();
    *state = self;
    return self->arena ? 0 : -1;
}

static int s_teardown(void **state)
{
    fixture_t *self = *state;
    arena_destroy(&self->arena);
    free(self);
    return 0;
}

static pbus_status_t s_read_limited(fixture_t *self, const char *method, const char *target, const char *body,
                                    uint32_t max_limit)
{
    url_t url = url_split(target);
    route_match_t match = routes_match(routes_method(method), url.path);
    if (!match.route)
        fail_msg("no route: %s %s", method, target);
    memset(&self->error, 0, sizeof self->error);
    return params_read(&self->params, &match, url.query, pbus_str(body), max_limit, NOW, self->arena,
                       &self->error);
}

static pbus_status_t s_read(fixture_t *self, const char *method, const char *target, const char *body)
{
    return s_read_limited(self, method, target, body, MAX_LIMIT);
}

#define assert_text(view, text)                                                                              \
    do {                                                                                                     \
        assert_int_equal((view).size, strlen(text));                                                         \
        assert_memory_equal((view).data, text, strlen(text));                                                \
    } while (0)

/* ---- routes ----------------------------------------------------------------------------------------- */

typedef struct {
    const char *method;
    const char *path;
    const char *pattern; /* NULL: none */
    unsigned methods;
} route_case_t;

static const route_case_t route_cases[] = {
    {"GET", "/api/v3/event/all", "/event/all", METHOD_GET},
    {"GET", "/api/v3/event/all/", NULL, 0},
    {"GET", "/api/v3/Event/all", NULL, 0},
    {"GET", "/api/v3", NULL, 0},
    {"GET", "/api/v3/", NULL, 0},
    {"GET", "/", NULL, 0},
    {"GET", "/api/v2/ping", NULL, 0},
    {"GET", "/api/v3/ping", "/ping", METHOD_GET},
    {"GET", "/api/v3//ping", NULL, 0},
    {"GET", "/api/v3/ping?", NULL, 0}, /* the caller splits the query off */
    {"POST", "/api/v3/ping", NULL, METHOD_GET},
    {"HEAD", "/api/v3/ping", NULL, METHOD_GET},
    {"OPTIONS", "/api/v3/event/id/1", NULL, METHOD_GET | METHOD_DELETE},
    {"PUT", "/api/v3/event/id/1", NULL, METHOD_GET | METHOD_DELETE},
    {"DELETE", "/api/v3/event/id/1", "/event/id/{id...}", METHOD_GET | METHOD_DELETE},
    {"POST", "/api/v3/event/a/b/c/d", "/event/{serviceName}/{profileName}/{deviceName}/{sourceName...}",
     METHOD_POST},
    {"POST", "/api/v3/event/a/b/c/", "/event/{serviceName}/{profileName}/{deviceName}/{sourceName...}",
     METHOD_POST},
    {"POST", "/api/v3/event/a/b/c", NULL, 0},
    {"POST", "/api/v3/event/device/name/c/d",
     "/event/{serviceName}/{profileName}/{deviceName}/{sourceName...}",
     METHOD_GET | METHOD_DELETE | METHOD_POST},
    {"GET", "/api/v3/event/device/name/p/q", "/event/device/name/{name...}", METHOD_GET},
    {"GET", "/api/v3/event/a/b/c/d", NULL, METHOD_POST},
    {"GET", "/api/v3/reading/device/name/p/q", NULL, 0},
    {"GET", "/api/v3/reading/device/name/p/resourceName/q",
     "/reading/device/name/{name}/resourceName/{resourceName}", METHOD_GET},
    {"GET", "/api/v3/reading/device/name/p/resourceName/q/start/1/end/2",
     "/reading/device/name/{name}/resourceName/{resourceName}/start/{start}/end/{end...}", METHOD_GET},
    {"GET", "/api/v3/reading/device/name/p/start/1/end/2",
     "/reading/device/name/{name}/start/{start}/end/{end...}", METHOD_GET},
    {"GET", "/api/v3/reading/start/1/end/2", "/reading/start/{start}/end/{end...}", METHOD_GET},
    {"DELETE", "/api/v3/reading/all", NULL, METHOD_GET},
    {"GET", "/api/v3/event/count/device/name/d", "/event/count/device/name/{name...}", METHOD_GET},
    {"GET", "/api/v3/persistence/groups", "/persistence/groups", METHOD_GET},
    {"DELETE", "/api/v3/persistence/groups/g", "/persistence/groups/{group}", METHOD_DELETE},
    {"GET", "/api/v3/persistence/groups/g", NULL, METHOD_DELETE},
    {"POST", "/api/v3/persistence/groups/g/prefer", "/persistence/groups/{group}/prefer", METHOD_POST},
    {"POST", "/api/v3/persistence/groups/g/prefer/", NULL, 0},
    {"POST", "/api/v3/persistence/groups/g/workers/w/drain",
     "/persistence/groups/{group}/workers/{worker}/drain", METHOD_POST},
};

static void s_test_routes(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof route_cases / sizeof *route_cases; i++) {
        const route_case_t *it = &route_cases[i];
        route_match_t match = routes_match(routes_method(it->method), pbus_str(it->path));
        if ((match.route != NULL) != (it->pattern != NULL) ||
            (match.route && strcmp(match.route->path, it->pattern) != 0))
            fail_msg("%s %s: %s", it->method, it->path, match.route ? match.route->path : "none");
        if (!it->pattern)
            assert_int_equal(match.methods, it->methods);
    }
}

/* A path made from each pattern finds that very route. */
static void s_test_each_route(void **state)
{
    (void) state;
    for (const route_t *route = routes_table(); route->path; route++) {
        char path[256] = "/api/v3";
        size_t size = strlen(path);
        for (const char *p = route->path; *p; p++) {
            if (*p == '{') {
                p = strchr(p, '}');
                path[size++] = '7';
            } else
                path[size++] = *p;
        }
        route_match_t match = routes_match(route->method, (pbus_str_t){path, size});
        assert_ptr_equal(match.route, route);
    }
}

static void s_test_allow(void **state)
{
    (void) state;
    char text[ROUTES_ALLOW];
    routes_allow(METHOD_GET | METHOD_DELETE, text);
    assert_string_equal(text, "OPTIONS, DELETE, GET");
    routes_allow(METHOD_GET | METHOD_DELETE | METHOD_POST, text);
    assert_string_equal(text, "OPTIONS, DELETE, GET, POST");
    routes_allow(0, text);
    assert_string_equal(text, "OPTIONS");
}

/* ---- refused ---------------------------------------------------------------------------------------- */

typedef struct {
    const char *method;
    const char *target; /* below /api/v3 */
    const char *body;
    const char *error;
} bad_case_t;

static const bad_case_t bad_cases[] = {
    {"POST", "/event/%20/p/d/s", "", "service name sending event can not be empty"},
    {"POST", "/event//p/d/s", "", "service name sending event can not be empty"},
    {"POST", "/event/%zz/p/d/s", "", "invalid URL escape in '%zz'"},
    {"POST", "/event/a/p/d/s%", "", "invalid URL escape in 's%'"},
    {"POST", "/event/a/p/d%4/s", "", "invalid URL escape in 'd%4'"},
    {"GET", "/event/device/name/%", "", "invalid URL escape"},
    {"GET", "/event/device/name/%00", "", "which is no UTF-8 text"},
    {"GET", "/event/device/name/%FF", "", "which is no UTF-8 text"},
    {"GET", "/event/device/name/%C3", "", "which is no UTF-8 text"},
    {"GET", "/event/device/name/", "", "device name is empty"},
    {"POST", "/persistence/groups/a%20b/prefer", "", "there is no group 'a b'"},
    {"DELETE", "/persistence/groups/", "", "there is no group ''"},
    {"POST", "/persistence/groups/g/workers/%C3%A9/drain", "", "there is no worker '\xC3\xA9'"},
    {"POST", "/persistence/groups/g/retire?force=yes", "", "force's value yes is neither true nor false"},
    {"DELETE", "/event/device/name/", "", "device name is empty"},
    {"DELETE", "/event/device/name/%20", "", "blank device name is not allowed"},
    {"GET", "/reading/resourceName/", "", "resourceName is empty"},
    {"GET", "/event/id/", "", "fail to parse id as an UUID: ''"},
    {"GET", "/event/id/x", "", "fail to parse id as an UUID: 'x'"},
    {"DELETE", "/event/id/x", "", "fail to parse id as an UUID: 'x'"},
    {"GET", "/event/id/urn:uuid:" ID, "", "fail to parse id as an UUID"},
    {"GET", "/event/id/" ID "/", "", "fail to parse id as an UUID"},
    {"GET", "/event/id/" ID "0", "", "fail to parse id as an UUID"},
    {"GET", "/event/id/%7B" ID, "", "fail to parse id as an UUID"},
    {"GET", "/event/start/a/end/5", "", "failed to parse path param start's value a into integer"},
    {"GET", "/event/start//end/5", "", "empty path param start is not allowed"},
    {"GET", "/event/start/1/end/", "", "empty path param end is not allowed"},
    {"GET", "/event/start/-1/end/5", "",
     "path param start's value -1 is out of min 0 ~ max 9223372036854775807 range."},
    {"GET", "/event/start/1/end/-5", "", "path param end's value -5 is out of min 0"},
    {"GET", "/event/start/1.5/end/5", "", "failed to parse path param start's value 1.5"},
    {"GET", "/event/start/1/end/9223372036854775808", "", "failed to parse path param end's value 92233720"},
    {"GET", "/event/start/1/end/5/6", "", "failed to parse path param end's value 5/6"},
    {"GET", "/event/start/%201/end/5", "", "failed to parse path param start's value  1"},
    {"GET", "/event/start/2/end/1", "", "end's value 1 is not allowed to be less than start's value 2"},
    {"GET", "/event/start/x/end/y?offset=z&limit=z", "", "path param start's"},
    {"GET", "/event/start/2/end/1?offset=z", "", "end's value 1"},
    {"DELETE", "/event/age/", "", "age format parsing failed"},
    {"DELETE", "/event/age/x", "", "age format parsing failed: 'x'"},
    {"DELETE", "/event/age/1.0", "", "age format parsing failed"},
    {"DELETE", "/event/age/9223372036854775808", "", "age format parsing failed"},
    {"GET", "/event/all?offset=x&limit=y", "",
     "failed to parse querystring offset's value x into integer. Error:"},
    {"GET", "/event/all?offset=-2", "",
     "querystring offset's value -2 is out of min -1 ~ max 2147483647 range."},
    {"GET", "/event/all?offset=2147483648", "", "offset's value 2147483648 is out of min"},
    {"GET", "/event/all?offset=1.0", "", "failed to parse querystring offset's value 1.0"},
    {"GET", "/event/all?offset=1e2", "", "failed to parse querystring offset's value 1e2"},
    {"GET", "/event/all?offset=%zz", "", "invalid URL escape"},
    {"GET", "/event/all?offset=%FF", "", "which is no UTF-8 text"},
    {"GET", "/event/all?limit=1025", "", "querystring limit's value 1025 is out of min -1 ~ max 1024 range."},
    {"GET", "/event/all?limit=-2", "", "querystring limit's value -2 is out of"},
    {"GET", "/event/all?limit=99999999999999999999", "", "failed to parse querystring limit's"},
    {"GET", "/event/all?limit=1%202", "", "failed to parse querystring limit's value 1 2"},
    {"GET", "/reading/all?aggregateFunc=MEDIAN", "", "invalid aggregate function specified: 'MEDIAN'"},
    {"GET", "/reading/all?aggregateFunc=%20MIN", "", "invalid aggregate function specified"},
    {"GET", "/reading/all?limit=x&aggregateFunc=x", "", "querystring limit's"},
    {"GET", "/reading/device/name/d/start/1/end/2", "{", "should be a JSON object with resourceNames"},
    {"GET", "/reading/device/name/d/start/1/end/2", "[]", "should be a JSON object with resourceNames"},
    {"GET", "/reading/device/name/d/start/1/end/2", "x", "should be a JSON object with resourceNames"},
    {"GET", "/reading/device/name/d/start/1/end/2", "{\"resourceNames\":null}",
     "[resourceNames] not in expected"},
    {"GET", "/reading/device/name/d/start/1/end/2", "{\"resourceNames\":\"a\"}",
     "[resourceNames] not in expected"},
    {"GET", "/reading/device/name/d/start/1/end/2", "{\"resourceNames\":{}}",
     "[resourceNames] not in expected"},
    {"GET", "/reading/device/name/d/start/1/end/2", "{\"resourceNames\":[\"\\u0000\"]}",
     "has a NUL character"},
};

static void s_test_bad(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const bad_case_t *it = &bad_cases[i];
        char target[256];
        snprintf(target, sizeof target, "/api/v3%s", it->target);
        pbus_status_t expected = strncmp(it->error, "there is no", 11) == 0 ? PBUS_NOT_FOUND : PBUS_INVALID;
        if (s_read(self, it->method, target, it->body) != expected)
            fail_msg("accepted: %s %s", it->method, it->target);
        if (!strstr(self->error.text, it->error))
            fail_msg("%s: '%s' has no '%s'", it->target, self->error.text, it->error);
    }
}

static void s_test_too_many_resources(void **state)
{
    fixture_t *self = *state;
    char body[8192] = "{\"resourceNames\":[\"a\"";
    for (int i = 1; i <= 1000; i++)
        strcat(body, ",\"a\"");
    strcat(body, "]}");
    assert_int_equal(s_read(self, "GET", "/api/v3/reading/device/name/d/start/1/end/2", body), PBUS_INVALID);
    assert_non_null(strstr(self->error.text, "more than 1000 names"));
}

/* ---- taken ------------------------------------------------------------------------------------------ */

static void s_test_names(void **state)
{
    fixture_t *self = *state;
    const params_t *params = &self->params;
    assert_int_equal(s_read(self, "POST", "/api/v3/event/a%2Fb/%20p/d%2525/s%2Bt+u/v", ""), PBUS_OK);
    assert_text(params->service, "a/b");
    assert_text(params->profile, " p");
    assert_text(params->device, "d%25"); /* decoded once */
    assert_text(params->source, "s+t+u/v");
    assert_int_equal(s_read(self, "GET", "/api/v3/event/device/name/%2D%2E%5F%7e%C3%A9?x", ""), PBUS_OK);
    assert_text(params->device, "-._~\xC3\xA9");
    assert_int_equal(params->resource_count, 0);
    assert_int_equal(s_read(self, "GET", "/api/v3/event/device/name/%20", ""), PBUS_OK);
    assert_text(params->device, " ");
    assert_int_equal(s_read(self, "GET", "http://host:1/api/v3/reading/device/name/d/resourceName/r", ""),
                     PBUS_OK);
    assert_text(params->device, "d");
    assert_int_equal(params->resource_count, 1);
    assert_text(params->resources[0], "r");
    assert_int_equal(s_read(self, "GET", "/api/v3/event/all", ""), PBUS_OK);
    assert_int_equal(params->device.size, 0);
    assert_int_equal(params->origin_min, INT64_MIN);
    assert_int_equal(params->origin_max, INT64_MAX);
}

static void s_test_id(void **state)
{
    fixture_t *self = *state;
    static const char *const forms[] = {ID, "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9",
                                        "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "%7B" ID "%7D", "{" ID "}"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char target[128], text[PBUS_UUID_TEXT];
        snprintf(target, sizeof target, "/api/v3/event/id/%s", forms[i]);
        assert_int_equal(s_read(self, "GET", target, ""), PBUS_OK);
        pbus_uuid_format(&self->params.id, text);
        assert_string_equal(text, ID);
    }
}

static void s_test_times(void **state)
{
    fixture_t *self = *state;
    const params_t *params = &self->params;
    assert_int_equal(s_read(self, "GET", "/api/v3/event/start/+001/end/9223372036854775807", ""), PBUS_OK);
    assert_int_equal(params->origin_min, 1);
    assert_int_equal(params->origin_max, INT64_MAX);
    assert_int_equal(s_read(self, "GET", "/api/v3/reading/start/5/end/5", ""), PBUS_OK);
    assert_int_equal(params->origin_max, 5);
    static const struct {
        const char *age;
        int64_t origin_max;
    } ages[] = {
        {"0", NOW},
        {"1000", NOW - 1000},
        {"-1000", NOW + 1000},
        {"9223372036854775807", NOW - INT64_MAX},
        {"-9223372036854775808", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
        char target[64];
        snprintf(target, sizeof target, "/api/v3/event/age/%s", ages[i].age);
        assert_int_equal(s_read(self, "DELETE", target, ""), PBUS_OK);
        assert_int_equal(params->origin_min, INT64_MIN);
        assert_int_equal(params->origin_max, ages[i].origin_max);
    }
}

typedef struct {
    const char *query;
    uint32_t offset;
    uint32_t limit;
    bool want_total;
    bool numeric;
    pbus_function_t function;
} page_case_t;

static const page_case_t page_cases[] = {
    {"", 0, 20, true, false, 0},
    {"?", 0, 20, true, false, 0},
    {"?offset=&limit=", 0, 20, true, false, 0},
    {"?offset&limit", 0, 20, true, false, 0},
    {"?offset=5&limit=7", 5, 7, true, false, 0},
    {"?offset=5&offset=6", 5, 20, true, false, 0},
    {"?Offset=5&LIMIT=7", 0, 20, true, false, 0},
    {"?offset=-1&limit=-1", 0, MAX_LIMIT, false, false, 0},
    {"?offset=2147483647&limit=1024", 2147483647, 1024, true, false, 0},
    {"?limit=0", 0, 0, true, false, 0},
    {"?limit=+5", 0, 5, true, false, 0},
    {"?limit=%2B5&offset=%20%0907", 7, 5, true, false, 0},
    {"?numeric=true", 0, 20, true, true, 0},
    {"?numeric=T", 0, 20, true, true, 0},
    {"?numeric=1&numeric=0", 0, 20, true, true, 0},
    {"?numeric=yes", 0, 20, true, false, 0},
    {"?numeric=tRUE", 0, 20, true, false, 0},
    {"?aggregateFunc=min", 0, 20, true, false, PBUS_MIN},
    {"?aggregateFunc=MAX", 0, 20, true, false, PBUS_MAX},
    {"?aggregateFunc=Count", 0, 20, true, false, PBUS_COUNT},
    {"?aggregateFunc=sum", 0, 20, true, false, PBUS_SUM},
    {"?aggregateFunc=AVG&limit=3", 0, 3, true, false, PBUS_AVG},
    {"?aggregateFunc=", 0, 20, true, false, 0},
    {"?unknown=%zz&limits=5", 0, 20, true, false, 0},
};

static void s_test_page(void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof page_cases / sizeof *page_cases; i++) {
        const page_case_t *it = &page_cases[i];
        char target[128];
        snprintf(target, sizeof target, "/api/v3/reading/all%s", it->query);
        if (s_read(self, "GET", target, "") != PBUS_OK)
            fail_msg("%s: %s", it->query, self->error.text);
        assert_int_equal(self->params.offset, it->offset);
        assert_int_equal(self->params.limit, it->limit);
        assert_int_equal(self->params.want_total, it->want_total);
        assert_int_equal(self->params.numeric, it->numeric);
        assert_int_equal(self->params.function, it->function);
    }
    assert_int_equal(s_read_limited(self, "GET", "/api/v3/event/all?limit=5", "", 5), PBUS_OK);
    assert_int_equal(s_read_limited(self, "GET", "/api/v3/event/all", "", 5), PBUS_OK);
    assert_int_equal(self->params.limit, 5);
    assert_int_equal(s_read_limited(self, "GET", "/api/v3/event/all?limit=6", "", 5), PBUS_INVALID);
    assert_int_equal(s_read(self, "GET", "/api/v3/event/all?aggregateFunc=x", ""), PBUS_OK);
    assert_int_equal(self->params.function, 0);
    assert_int_equal(s_read(self, "GET", "/api/v3/event/count?limit=x", ""), PBUS_OK);
}

static void s_test_resources(void **state)
{
    fixture_t *self = *state;
    const params_t *params = &self->params;
    const char *target = "/api/v3/reading/device/name/d/start/1/end/2";
    assert_int_equal(s_read(self, "GET", target, "{\"resourceNames\":[\"a\",5,\"b\",null,\"a\"]}"), PBUS_OK);
    assert_int_equal(params->resource_count, 2);
    assert_text(params->resources[0], "a");
    assert_text(params->resources[1], "b");
    static const char *const none[] = {"", "{}", "{\"resourceNames\":[]}", "{\"other\":1}"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(s_read(self, "GET", target, none[i]), PBUS_OK);
        assert_int_equal(params->resource_count, 0);
    }
    assert_int_equal(
        s_read(self, "GET", "/api/v3/reading/device/name/d/start/1/end/2?aggregateFunc=SUM", "{"), PBUS_OK);
    assert_int_equal(s_read(self, "GET", "/api/v3/reading/all", "{"), PBUS_OK);
}

static void s_test_encode(void **state)
{
    (void) state;
    pbus_buf_t out = {0};
    url_encode(&out, PBUS_STR("aZ9-._~+ /\xC3\xA9"));
    pbus_buf_append(&out, "", 1);
    assert_string_equal((char *) out.data, "aZ9%2D%2E%5F%7E%2B%20%2F%C3%A9");
    pbus_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_routes),
        cmocka_unit_test(s_test_each_route),
        cmocka_unit_test(s_test_allow),
        cmocka_unit_test_setup_teardown(s_test_bad, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_too_many_resources, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_names, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_id, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_times, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_page, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(s_test_resources, s_setup, s_teardown),
        cmocka_unit_test(s_test_encode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
