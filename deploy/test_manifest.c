/*
 * A deployment manifest as structures: what is read, what is told of bad ones, what makes a module another.
 */
#include "testing.h"
#include "manifest.h"
#include "manifest_module.h"

#define HEAD "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"schemaVersion\":\"1.1\","
#define TAIL "}}}}"
#define MODULES(text) HEAD "\"modules\":{" text "}" TAIL
#define HUB(modules, hub)                                                                                    \
    HEAD "\"modules\":{" modules "}}},\"$edgeHub\":{\"properties.desired\":{\"schemaVersion\":\"1.1\"," hub  \
         "}}}}"
#define CORE "\"core\":{\"type\":\"process\",\"settings\":{\"command\":[\"build/bin/core-data\"]}}"

typedef struct {
    problems_t *problems;
    jsonfile_t *file;
    manifest_t *manifest;
} fixture_t;

static void s_read(fixture_t *fixture, const char *text)
{
    fixture->problems = problems_new();
    fixture->file = parse_text(text, fixture->problems);
    assert_non_null(fixture->file);
    fixture->manifest = manifest_new(fixture->file, fixture->problems);
}

static void s_close(fixture_t *fixture)
{
    manifest_destroy(&fixture->manifest);
    jsonfile_destroy(&fixture->file);
    problems_destroy(&fixture->problems);
}

static void s_refused(const char *text, const char *line)
{
    fixture_t fixture;
    s_read(&fixture, text);
    assert_null(fixture.manifest);
    expect_line(fixture.problems, true, line);
    s_close(&fixture);
}

static void process_module(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, MODULES("\"w\":{\"version\":\"1.2\",\"type\":\"process\",\"status\":\"stopped\","
                       "\"restartPolicy\":\"on-failure\","
                       "\"startupOrder\":7,\"env\":{\"B\":{\"value\":\"x\"},\"A\":{\"value\":5}},"
                       "\"settings\":{\"command\":"
                       "\"/opt/bin/persist-redis --config 'my file' \\\"\\\"\",\"workingDir\":\"/tmp\"}}"));
    assert_non_null(f.manifest);
    expect_counts(f.problems, 0, 0);
    const manifest_module_t *m = manifest_find(f.manifest, "w");
    assert_string_equal(m->version, "1.2");
    assert_int_equal(m->type, MANIFEST_PROCESS);
    assert_int_equal(m->status, MANIFEST_STOPPED);
    assert_int_equal(m->policy, MANIFEST_ON_FAILURE);
    assert_int_equal(m->order, 7);
    assert_string_equal(m->command[0], "/opt/bin/persist-redis");
    assert_string_equal(m->command[2], "my file");
    assert_string_equal(m->command[3], "");
    assert_null(m->command[4]);
    assert_string_equal(m->working_dir, "/tmp");
    assert_string_equal(m->program, "persist-redis");
    assert_string_equal(manifest_env(m, "A"), "5");
    assert_int_equal(m->health, MANIFEST_HEALTH_WORKER);
    assert_string_equal(m->health_target, "w");
    assert_string_equal(m->group, "redis");
    s_close(&f);
}

static void docker_module(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, MODULES("\"RedisEdge\":{\"type\":\"docker\",\"settings\":{\"image\":\"reg:5000/a/"
                       "redis-edge:1.0.0-amd64\","
                       "\"createOptions\":\"{\\\"HostConfig\\\":{\\\"Net\",\"createOptions01\":"
                       "\"workMode\\\":\\\"host\\\"}}\"}}"));
    assert_non_null(f.manifest);
    const manifest_module_t *m = manifest_find(f.manifest, "RedisEdge");
    assert_string_equal(m->create_options, "{\"HostConfig\":{\"NetworkMode\":\"host\"}}");
    assert_string_equal(m->program, "redis-edge");
    assert_int_equal(m->policy, MANIFEST_ALWAYS);
    assert_int_equal(m->status, MANIFEST_RUNNING);
    assert_int_equal(m->pull, MANIFEST_PULL_ON_CREATE);
    assert_true(m->order == MANIFEST_ORDER_LAST);
    assert_int_equal(m->health, MANIFEST_HEALTH_NONE);
    assert_null(m->group);
    s_close(&f);
}

static void chunks_that_are_no_object(void **state)
{
    (void) state;
    s_refused(
        MODULES("\"a\":{\"type\":\"docker\",\"settings\":{\"image\":\"i\",\"createOptions\":\"{\\\"x\"}}"),
        "/modulesContent/$edgeAgent/properties.desired/modules/a/settings/createOptions");
}

static void empty_command(void **state)
{
    (void) state;
    s_refused(MODULES("\"a\":{\"type\":\"process\",\"settings\":{\"command\":\" \"}}"), "not empty");
    s_refused(MODULES("\"a\":{\"type\":\"process\",\"settings\":{\"command\":\"a 'b\"}}"),
              "a quote is not closed");
}

static void two_of_one_name(void **state)
{
    (void) state;
    s_refused(HEAD "\"systemModules\":{\"edgeHub\":{\"type\":\"process\",\"settings\":{\"command\":\"a\"}}},"
                   "\"modules\":{\"edgeHub\":{\"type\":\"process\",\"settings\":{\"command\":\"b\"}}}" TAIL,
              "two modules of this name");
    problems_t *problems = problems_new();
    assert_null(parse_text(MODULES(CORE "," CORE), problems));
    expect_line(problems, true, "core");
    problems_destroy(&problems);
}

static void bad_names(void **state)
{
    (void) state;
    s_refused(MODULES("\"../x\":{\"type\":\"process\",\"settings\":{\"command\":\"a\"}}"),
              "/modules/..~1x: ");
}

static void hub_is_a_module(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, HEAD
           "\"systemModules\":{\"edgeHub\":{\"type\":\"process\",\"settings\":{\"command\":\"core-data\"},"
           "\"env\":{\"SERVICE_PORT\":{\"value\":\"1234\"}}},\"edgeAgent\":{\"type\":\"docker\",\"settings\":"
           "{\"image\":\"x\"}}},\"modules\":{}" TAIL);
    assert_non_null(f.manifest);
    assert_int_equal(f.manifest->count, 1);
    assert_int_equal(f.manifest->modules[0]->order, 0);
    assert_string_equal(f.manifest->modules[0]->health_target, "http://127.0.0.1:1234/api/v3/ping");
    assert_string_equal(f.manifest->core_url, "http://127.0.0.1:1234");
    s_close(&f);
}

static void hub_reaches_core_data(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, HUB(CORE, "\"storeAndForwardConfiguration\":{\"timeToLiveSecs\":7200},\"routes\":{"
                         "\"a\":\"FROM /events WHERE deviceName = 'cam-*' INTO group(\\\"mongo\\\")\","
                         "\"b\":{\"route\":\"FROM /events INTO group(\\\"redis\\\")\"},"
                         "\"c\":\"FROM /messages/* INTO $upstream\"}"));
    assert_non_null(f.manifest);
    const manifest_module_t *core = manifest_find(f.manifest, "core");
    assert_string_equal(manifest_env(core, "SPOOL_TIMETOLIVE"), "7200s");
    assert_string_equal(
        manifest_env(core, "PERSISTBUS_ROUTES"),
        "FROM /events WHERE deviceName = 'cam-*' INTO group(\"mongo\"),FROM /events INTO group(\"redis\")");
    expect_line(f.problems, false, "this route is not used");
    assert_int_equal(problems_warnings(f.problems), 1);
    s_close(&f);
}

static void routes_are_checked(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, HUB(CORE, "\"routes\":{\"a\":\"FROM /events WHERE device = 'x' INTO group(\\\"mongo\\\")\","
                         "\"b\":{\"route\":\"FROM /events WHERE deviceName = 'x,y' INTO group('m')\"}}"));
    assert_null(f.manifest);
    expect_line(f.problems, true,
                "routes/a: column 20: 'device' is there where deviceName, profileName, sourceName");
    expect_line(f.problems, true, "a route can have no comma: write * in its place");
    s_close(&f);
}

static void own_environment_wins(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, HUB("\"c\":{\"type\":\"process\",\"settings\":{\"command\":\"core-data\"},\"env\":{\"SPOOL_"
                   "TIMETOLIVE\":"
                   "{\"value\":\"9s\"}}}",
                   "\"storeAndForwardConfiguration\":{\"timeToLiveSecs\":-1}"));
    assert_non_null(f.manifest);
    assert_string_equal(manifest_env(manifest_find(f.manifest, "c"), "SPOOL_TIMETOLIVE"), "9s");
    s_close(&f);
}

static void no_limit(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, HUB(CORE, "\"storeAndForwardConfiguration\":{\"timeToLiveSecs\":-5}"));
    assert_non_null(f.manifest);
    assert_string_equal(manifest_env(manifest_find(f.manifest, "core"), "SPOOL_TIMETOLIVE"), "-1s");
    s_close(&f);
}

static void credentials(void **state)
{
    (void) state;
    fixture_t f;
    s_read(&f, HEAD
           "\"runtime\":{\"type\":\"docker\",\"settings\":{\"registryCredentials\":{\"r\":{\"address\":\"a\","
           "\"username\":\"u\",\"password\":\"p\"}}}},\"modules\":{}" TAIL);
    assert_non_null(f.manifest);
    assert_int_equal(f.manifest->registry_count, 1);
    assert_string_equal(f.manifest->registries[0].password, "p");
    s_close(&f);
}

static void digest_of(const char *text, char digest[MANIFEST_DIGEST])
{
    fixture_t f;
    s_read(&f, text);
    assert_non_null(f.manifest);
    memcpy(digest, f.manifest->modules[0]->digest, MANIFEST_DIGEST);
    s_close(&f);
}

/* What may change while it runs does not make another digest; all else does. */
static void digests(void **state)
{
    (void) state;
    char first[MANIFEST_DIGEST], other[MANIFEST_DIGEST];
#define A(more, command)                                                                                     \
    MODULES("\"a\":{\"type\":\"process\"," more "\"settings\":{\"command\":" command "}}")
    digest_of(A("", "[\"a\",\"b\"]"), first);
    digest_of(A("\"status\":\"stopped\",\"restartPolicy\":\"never\",\"startupOrder\":1,", "\"a b\""), other);
    assert_string_equal(first, other);
    static const char *const changed[] = {A("\"version\":\"2\",", "[\"a\",\"b\"]"),
                                          A("\"env\":{\"x\":{\"value\":\"\"}},", "[\"a\",\"b\"]"),
                                          A("", "[\"ab\"]"), A("", "[\"a\",\"b\",\"\"]")};
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        digest_of(changed[i], other);
        assert_string_not_equal(first, other);
    }
}

/* What a module was written as makes the same module again. */
static void written_and_read(void **state)
{
    (void) state;
    fixture_t f;
    s_read(
        &f,
        MODULES(CORE
                ",\"w\":{\"version\":\"1\",\"type\":\"process\",\"startupOrder\":3,\"settings\":{\"command\":"
                "[\"x\",\"y z\"],\"workingDir\":\"/\",\"health\":{\"worker\":\"q\"}},\"env\":{\"A\":{"
                "\"value\":\"1\"}}},\"d\":{\"type\":\"docker\",\"settings\":{\"image\":\"i:1\","
                "\"createOptions\":\"{}\"}}"));
    assert_non_null(f.manifest);
    for (size_t i = 0; i < f.manifest->count; i++) {
        const manifest_module_t *module = f.manifest->modules[i];
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_doc_set_root(doc, manifest_module_write(module, doc));
        char *text = yyjson_mut_write(doc, 0, NULL);
        jsonfile_t *file = parse_text(text, f.problems);
        node_t root = node_root(file, f.problems);
        manifest_module_t *again = manifest_module_read(&root, module->name);
        assert_true(manifest_module_finish(again));
        assert_string_equal(again->digest, module->digest);
        assert_int_equal(again->order, module->order);
        assert_int_equal(again->health, module->health);
        expect_counts(f.problems, 0, 0);
        manifest_module_destroy(&again);
        jsonfile_destroy(&file);
        free(text);
        yyjson_mut_doc_free(doc);
    }
    s_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_module),
        cmocka_unit_test(docker_module),
        cmocka_unit_test(empty_command),
        cmocka_unit_test(chunks_that_are_no_object),
        cmocka_unit_test(two_of_one_name),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(hub_is_a_module),
        cmocka_unit_test(hub_reaches_core_data),
        cmocka_unit_test(routes_are_checked),
        cmocka_unit_test(own_environment_wins),
        cmocka_unit_test(no_limit),
        cmocka_unit_test(credentials),
        cmocka_unit_test(digests),
        cmocka_unit_test(written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
