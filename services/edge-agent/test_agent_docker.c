/*
 * The texts of the Docker Engine API: what is made of a module, what is read of answers, also of bad ones.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <yyjson.h>
#include "docker_api.h"

static void registries(void **state)
{
    (void) state;
    static const char *const cases[][2] = {
        {"redis:7", "docker.io"},
        {"library/redis", "docker.io"},
        {"reg.example.com/a/b:1", "reg.example.com"},
        {"localhost/x", "localhost"},
        {"localhost:5000/x", "localhost:5000"},
        {"host:5000/x@sha256:00", "host:5000"},
        {"user.name", "docker.io"},
    };
    char registry[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        docker_api_registry(cases[i][0], registry, sizeof registry);
        assert_string_equal(registry, cases[i][1]);
    }
    assert_true(docker_api_is_untagged("localhost:5000/x"));
    assert_true(docker_api_is_untagged("x"));
    assert_false(docker_api_is_untagged("localhost:5000/x:1"));
    assert_false(docker_api_is_untagged("x@sha256:00"));
}

/* RFC 4648's alphabet for URLs, all three lengths of the last group. */
static void credentials(void **state)
{
    (void) state;
    static const char *const cases[][2] = {
        {"p", "X-Registry-Auth: eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAiLCJzZXJ2ZXJhZGRyZXNzIjoiYSJ9"},
        {"pp", "X-Registry-Auth: eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InBwIiwic2VydmVyYWRkcmVzcyI6ImEifQ=="},
        {"~\xc3\xbf?",
         "X-Registry-Auth: eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6In7Dvz8iLCJzZXJ2ZXJhZGRyZXNzIjoiYSJ9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char password[8];
        strcpy(password, cases[i][0]);
        manifest_registry_t registry = {.address = "a", .username = "u", .password = password};
        char *header = docker_api_auth(&registry);
        assert_string_equal(header, cases[i][1]);
        free(header);
    }
}

static bool s_has_text(yyjson_val *list, const char *text)
{
    size_t index, most;
    yyjson_val *item;
    yyjson_arr_foreach(list, index, most, item)
    {
        if (yyjson_equals_str(item, text))
            return true;
    }
    return false;
}

static void body(void **state)
{
    (void) state;
    manifest_pair_t env[] = {{"A", "1"}, {"B", "x=y"}};
    manifest_module_t module = {
        .name = "edge",
        .image = "i:1",
        .digest = "d1",
        .env = env,
        .env_count = 2,
        .create_options = "{\"Image\":\"no\",\"Env\":[\"A=0\",\"C=3\",5,\"bare\"],\"Labels\":{\"l\":\"m\"},"
                          "\"HostConfig\":{\"Privileged\":true}}"};
    char *text = docker_api_create(&module, "me");
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *made = yyjson_obj_get(root, "Env");
    assert_true(yyjson_equals_str(yyjson_obj_get(root, "Image"), "i:1"));
    assert_int_equal(yyjson_arr_size(made), 4);
    assert_true(s_has_text(made, "A=1") && s_has_text(made, "B=x=y") && s_has_text(made, "C=3"));
    assert_true(s_has_text(made, "PERSISTBUS_WORKER=edge"));
    yyjson_val *labels = yyjson_obj_get(root, "Labels");
    assert_true(yyjson_equals_str(yyjson_obj_get(labels, "l"), "m"));
    assert_true(yyjson_equals_str(yyjson_obj_get(labels, DOCKER_LABEL_OWNER), "me"));
    assert_true(yyjson_equals_str(yyjson_obj_get(labels, DOCKER_LABEL_MODULE), "edge"));
    assert_true(yyjson_equals_str(yyjson_obj_get(labels, DOCKER_LABEL_DIGEST), "d1"));
    assert_true(yyjson_get_bool(yyjson_obj_get(yyjson_obj_get(root, "HostConfig"), "Privileged")));
    yyjson_doc_free(doc);
    free(text);
}

#define INSPECTED(json) docker_api_inspected(json, sizeof(json) - 1, &c)

static void inspected(void **state)
{
    (void) state;
    docker_container_t c;
    assert_true(INSPECTED(
        "{\"Id\":\"abc\",\"State\":{\"Running\":true,\"ExitCode\":0,\"Health\":{\"Status\":\"starting\"}},"
        "\"Config\":{\"Labels\":{\"" DOCKER_LABEL_OWNER "\":\"me\"}}}"));
    assert_string_equal(c.id, "abc");
    assert_string_equal(c.owner, "me");
    assert_true(c.running && c.has_health && !c.healthy && !c.unhealthy);
    assert_true(INSPECTED("{\"Id\":\"abc\",\"State\":{\"Running\":false,\"ExitCode\":7}}"));
    assert_true(!c.running && c.exit_status == 7 && !c.has_health && !*c.module);
    assert_false(INSPECTED("{\"Id\":\"abc\"}"));
    assert_false(INSPECTED("{\"State\":{}}"));
    assert_false(INSPECTED("[]"));
    assert_false(INSPECTED("{\"Id\":"));
}

static void listed(void **state)
{
    (void) state;
    static const char json[] =
        "[{\"Id\":\"a\",\"State\":\"running\",\"Labels\":{\"" DOCKER_LABEL_MODULE "\":\"m\"}},7,"
        "{\"Id\":\"b\",\"State\":\"exited\"}]";
    docker_container_t c;
    docker_list_t *list = docker_api_listed(json, sizeof json - 1);
    assert_true(docker_list_next(list, &c) && c.running);
    assert_string_equal(c.module, "m");
    assert_true(docker_list_next(list, &c) && !*c.id);
    assert_true(docker_list_next(list, &c) && !c.running);
    assert_false(docker_list_next(list, &c));
    docker_list_destroy(&list);
    assert_null(docker_api_listed("{}", 2));
    assert_null(docker_api_listed("", 0));
}

static void s_message_is(const char *body, const char *wanted)
{
    char text[32];
    docker_api_message(body, strlen(body), "fallback", text, sizeof text);
    assert_string_equal(text, wanted);
}

static void messages(void **state)
{
    (void) state;
    s_message_is("{\"message\":\"no such image\"}", "no such image");
    s_message_is("{\"cause\":\"x\"}", "fallback");
    s_message_is("", "fallback");
    s_message_is("not json", "fallback");
    s_message_is("{\"status\":\"a\"}\r\n{\"error\":\"denied\"}\r\n", "denied");
    s_message_is("{\"message\":\"0123456789012345678901234567890123456789\"}",
                 "0123456789012345678901234567890");
    s_message_is("{\"message\":\"two\\nlines\"}", "two");
    int status;
    assert_true(docker_api_status("{\"StatusCode\":137}", 18, &status) && status == 137);
    assert_false(docker_api_status("{\"StatusCode\":\"1\"}", 18, &status));
    char id[8];
    assert_true(docker_api_id("{\"Id\":\"x\"}", 10, id, sizeof id));
    assert_false(docker_api_id("{}", 2, id, sizeof id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registries), cmocka_unit_test(credentials), cmocka_unit_test(body),
        cmocka_unit_test(inspected),  cmocka_unit_test(listed),      cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
