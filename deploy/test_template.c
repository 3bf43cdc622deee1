/*
 * Template, expand, modulejson and modulefinder: a whole manifest to the byte, every way to name an image,
 * the variables, createOptions, and what is refused with which place.
 */
#include "testing.h"
#include "expand.h"
#include "modulejson.h"
#include "template.h"

typedef struct {
    char *folder;
    problems_t *problems;
    envfile_t *envfile;
    template_t template;
    pbus_buf_t out;
    const char *modules[1];
} stand_t;

static const char redis_module[] =
    "{\"$schema-version\": \"0.0.1\", \"description\": \"\", \"image\": {\n"
    " \"repository\": \"$CONTAINER_REGISTRY_ADDRESS/redis-edge\", \"tag\": {\"version\": \"1.0.0\",\n"
    "  \"platforms\": {\"amd64\": \"./Dockerfile.amd64\", \"arm32v7\": \"./Dockerfile.arm32v7\",\n"
    "   \"amd64.debug\": \"./Dockerfile.amd64.debug\"}}, \"buildOptions\": [\"--build-arg=A=${B}\"],\n"
    " \"contextPath\": \"../..\"}, \"language\": \"c\"}";

static const char other_module[] =
    "{\"image\": {\"repository\": \"other\", \"tag\": {\"version\": \"$VERSION\","
    "\"platforms\": {\"amd64\": \"/abs/Dockerfile\"}}}}";

static const char env[] =
    "# registry\nCONTAINER_REGISTRY_ADDRESS='registry.example.com'\n\nB=two\nVERSION=2\nPORT=80\n"
    "QUOTE='\"'\nPASSWORD=\"hunter2\"\n";

static void s_write(stand_t *self, const char *name, const char *text)
{
    free(write_file(self->folder, name, text));
}

static int s_setup(void **state)
{
    stand_t *self = calloc(1, sizeof *self);
    static char path[128], modules[128];
    unsetenv("CONTAINER_REGISTRY_ADDRESS");
    self->folder = make_folder();
    self->problems = problems_new();
    self->envfile = envfile_parse(".env", env, strlen(env), self->problems);
    s_write(self, "modules/RedisEdge/module.json", redis_module);
    s_write(self, "more/Other/module.json", other_module);
    s_write(self, "more/Dotted.name/module.json", redis_module);
    snprintf(path, sizeof path, "%s/t.json", self->folder);
    snprintf(modules, sizeof modules, "%s/more", self->folder);
    self->modules[0] = modules;
    self->template = (template_t){path, "amd64", self->envfile, self->modules, 1};
    *state = self;
    return 0;
}

static int s_teardown(void **state)
{
    stand_t *self = *state;
    pbus_buf_clear(&self->out);
    envfile_destroy(&self->envfile);
    problems_destroy(&self->problems);
    remove_folder(&self->folder);
    free(self);
    return 0;
}

static bool s_render(stand_t *self, const char *text)
{
    s_write(self, "t.json", text);
    problems_destroy(&self->problems);
    self->problems = problems_new();
    pbus_buf_reset(&self->out);
    return template_render(&self->template, &self->out, self->problems);
}

/* A template with one module that has these settings, in which ' stands for ". */
static bool s_render_settings(stand_t *self, const char *settings)
{
    static char text[200000];
    snprintf(
        text, sizeof text,
        "{'modulesContent':{'$edgeAgent':{'properties.desired':{'schemaVersion':'1.1',\n'modules':{'m':{\n"
        "'type':'docker','settings':%s}}}}}}",
        settings);
    for (char *quote = text; (quote = strchr(quote, '\'')) != NULL;)
        *quote = '"';
    return s_render(self, text);
}

/* A value of the module's settings in the manifest; doc is the caller's to free. */
static const char *s_setting(stand_t *self, const char *name, yyjson_doc **doc)
{
    *doc = yyjson_read((const char *) self->out.data, self->out.size, 0);
    assert_non_null(*doc);
    yyjson_val *settings =
        yyjson_doc_ptr_get(*doc, "/modulesContent/$edgeAgent/properties.desired/modules/m/settings");
    return yyjson_get_str(yyjson_obj_get(settings, name));
}

static void s_expect_setting(stand_t *self, const char *name, const char *value)
{
    yyjson_doc *doc;
    assert_string_equal(s_setting(self, name, &doc), value);
    yyjson_doc_free(doc);
}

/* ---- all of a manifest ------------------------------------------------------------------------------ */

static const char template_text[] =
    "{\"$schema-template\": \"4.0.0\", \"modulesContent\": {\"$edgeAgent\": {\"properties.desired\": {\n"
    "\"schemaVersion\": \"1.1\", \"runtime\": {\"type\": \"docker\", \"settings\": {\"minDockerVersion\": "
    "\"v1.25\",\n"
    "\"registryCredentials\": {\"mine\": {\"address\": \"$CONTAINER_REGISTRY_ADDRESS\", \"username\": "
    "\"u\",\n"
    "\"password\": \"$PASSWORD\"}}}},\n"
    "\"modules\": {\"RedisEdge\": {\"version\": \"1.0\", \"type\": \"docker\", \"status\": \"running\",\n"
    "\"restartPolicy\": \"always\", \"startupOrder\": 4294967295, \"env\": {\"A\": {\"value\": "
    "\"${B}$$\"}},\n"
    "\"settings\": {\"image\": \"${MODULES.RedisEdge}\", \"createOptions\": {\n"
    " \"ExposedPorts\": {\"$PORT/tcp\": {}}, \"HostConfig\": {\"Binds\": [\"/data:/data\"]}}}}}}},\n"
    "\"$edgeHub\": {\"properties.desired\": {\"schemaVersion\": \"1.1\", \"routes\": {\n"
    " \"up\": \"FROM /messages/* INTO $upstream\", \"m\": \"FROM /events INTO group(\\\"$B\\\")\"},\n"
    "\"storeAndForwardConfiguration\": {\"timeToLiveSecs\": 7200}}}, \"RedisEdge\": {\"properties.desired\": "
    "{}}}}";

static const char manifest_text[] =
    "{\n"
    "  \"modulesContent\": {\n"
    "    \"$edgeAgent\": {\n"
    "      \"properties.desired\": {\n"
    "        \"schemaVersion\": \"1.1\",\n"
    "        \"runtime\": {\n"
    "          \"type\": \"docker\",\n"
    "          \"settings\": {\n"
    "            \"minDockerVersion\": \"v1.25\",\n"
    "            \"registryCredentials\": {\n"
    "              \"mine\": {\n"
    "                \"address\": \"registry.example.com\",\n"
    "                \"username\": \"u\",\n"
    "                \"password\": \"hunter2\"\n"
    "              }\n"
    "            }\n"
    "          }\n"
    "        },\n"
    "        \"modules\": {\n"
    "          \"RedisEdge\": {\n"
    "            \"version\": \"1.0\",\n"
    "            \"type\": \"docker\",\n"
    "            \"status\": \"running\",\n"
    "            \"restartPolicy\": \"always\",\n"
    "            \"startupOrder\": 4294967295,\n"
    "            \"env\": {\n"
    "              \"A\": {\n"
    "                \"value\": \"two$\"\n"
    "              }\n"
    "            },\n"
    "            \"settings\": {\n"
    "              \"image\": \"registry.example.com/redis-edge:1.0.0-amd64\",\n"
    "              \"createOptions\": "
    "\"{\\\"ExposedPorts\\\":{\\\"80/tcp\\\":{}},\\\"HostConfig\\\":{\\\"Binds\\\":[\\\"/data:/"
    "data\\\"]}}\"\n"
    "            }\n"
    "          }\n"
    "        }\n"
    "      }\n"
    "    },\n"
    "    \"$edgeHub\": {\n"
    "      \"properties.desired\": {\n"
    "        \"schemaVersion\": \"1.1\",\n"
    "        \"routes\": {\n"
    "          \"up\": \"FROM /messages/* INTO $upstream\",\n"
    "          \"m\": \"FROM /events INTO group(\\\"two\\\")\"\n"
    "        },\n"
    "        \"storeAndForwardConfiguration\": {\n"
    "          \"timeToLiveSecs\": 7200\n"
    "        }\n"
    "      }\n"
    "    },\n"
    "    \"RedisEdge\": {\n"
    "      \"properties.desired\": {}\n"
    "    }\n"
    "  }\n"
    "}\n";

static void s_test_whole(void **state)
{
    stand_t *self = *state;
    for (int time = 0; time < 2; time++) {
        bool right = s_render(self, template_text);
        expect_counts(self->problems, 0, 0);
        assert_true(right);
        pbus_buf_append(&self->out, "", 1);
        assert_string_equal((const char *) self->out.data, manifest_text);
    }
}

/* ---- images and variables --------------------------------------------------------------------------- */

static void s_test_images(void **state)
{
    stand_t *self = *state;
    static const struct {
        const char *platform, *written, *image; /* or, with a blank in front, what is told */
    } cases[] = {
        {"amd64", "${MODULES.RedisEdge}", "registry.example.com/redis-edge:1.0.0-amd64"},
        {"arm32v7", "${MODULES.RedisEdge}", "registry.example.com/redis-edge:1.0.0-arm32v7"},
        {"arm32v7", "${MODULES.RedisEdge.amd64}", "registry.example.com/redis-edge:1.0.0-amd64"},
        {"amd64", "${MODULES.RedisEdge.amd64.debug}", "registry.example.com/redis-edge:1.0.0-amd64.debug"},
        {"amd64", "${MODULES.Dotted.name}", "registry.example.com/redis-edge:1.0.0-amd64"},
        {"amd64", "${MODULES.Dotted.name.amd64.debug}", "registry.example.com/redis-edge:1.0.0-amd64.debug"},
        {"amd64", "${MODULES.Other}", "other:2-amd64"},
        {"amd64", "${MODULEDIR<modules/RedisEdge>}", "registry.example.com/redis-edge:1.0.0-amd64"},
        {"arm32v7", "${MODULEDIR<./more/Other/../Other>.amd64}", "other:2-amd64"},
        {"amd64", "$CONTAINER_REGISTRY_ADDRESS/a:${VERSION}", "registry.example.com/a:2"},
        {"arm32v7", "${MODULES.Other}", " the platform arm32v7 is none of"},
        {"amd64", "${MODULES.RedisEdge.arm64v8}",
         " which has amd64, arm32v7, amd64.debug: name one of those"},
        {"amd64", "${MODULES.Nothing}", " ${MODULES.Nothing} names no module that has a module.json in "},
        {"amd64", "${MODULES.Nothing.amd64}", " ${MODULES.Nothing.amd64} names no module"},
        {"amd64", "${MODULES.}", " names no module"},
        {"amd64", "${MODULES.../more/Other}", " names no module"},
        {"amd64", "${MODULEDIR<nowhere>}", " there is no module.json in nowhere, seen from the template"},
        {"amd64", "${MODULEDIR<modules/RedisEdge>.}", " is not understood: write ${MODULEDIR<PATH>}"},
        {"amd64", "${MODULEDIR<modules/RedisEdge>amd64}", " is not understood: write"},
        {"amd64", "${MODULEDIR<>}", " is not understood: write"},
        {"amd64", "${MODULEDIR}", " the variable MODULEDIR is not defined"},
        {"amd64", "${no such}", " ${no such} is not understood: it is no variable"},
        {"amd64", "$NOTHING",
         " the variable NOTHING is not defined: set it in the environment or in the .env"},
        {"amd64", "${B", " has ${ without a }"},
        {"amd64", "$$B",
         " rendered: /modulesContent/$edgeAgent/properties.desired/modules/m/settings/image: has not "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char settings[256];
        snprintf(settings, sizeof settings, "{'image':'%s'}", cases[i].written);
        self->template.platform = cases[i].platform;
        bool right = s_render_settings(self, settings);
        if (cases[i].image[0] == ' ') {
            assert_false(right);
            expect_counts(self->problems, 1, 0);
            expect_line(self->problems, true, cases[i].image);
            expect_line(self->problems, true,
                        "/modulesContent/$edgeAgent/properties.desired/modules/m/settings/image: ");
        } else {
            expect_counts(self->problems, 0, 0);
            assert_true(right);
            s_expect_setting(self, "image", cases[i].image);
        }
    }
}

static void s_test_expand(void **state)
{
    (void) state;
    static const struct {
        const char *text, *made; /* NULL: it is refused */
    } cases[] = {
        {"", ""},          {"a", "a"},       {"$B", "two"}, {"${B}", "two"},  {"$B$B-$B.c", "twotwo-two.c"},
        {"$$B", "$B"},     {"$$$B", "$two"}, {"$", "$"},    {"a$", "a$"},     {"$1 $- $/", "$1 $- $/"},
        {"${B}c", "twoc"}, {"$BC", NULL},    {"${}", NULL}, {"${B-x}", NULL}, {"${B", NULL},
        {"$lower", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems_t *problems = problems_new();
        pbus_buf_t out = {0};
        envfile_t *file = envfile_parse(".env", "B=two", 5, problems);
        jsonfile_t *document = parse_text("{}", problems);
        expand_t expand = {.file = document, .envfile = file, .problems = problems};
        assert_int_equal(expand_text(&expand, cases[i].text, NULL, &out), cases[i].made != NULL);
        if (cases[i].made)
            assert_string_equal((const char *) out.data, cases[i].made);
        expect_counts(problems, cases[i].made ? 0 : 1, 0);
        pbus_buf_clear(&out);
        jsonfile_destroy(&document);
        envfile_destroy(&file);
        problems_destroy(&problems);
    }
}

/* Names of the language of routes stay, but not what looks like a variable. */
static void s_test_routes(void **state)
{
    stand_t *self = *state;
    static const char form[] =
        "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{\"schemaVersion\":\"1.1\","
        "\"modules\":{}}},\"$edgeHub\":{\"properties.desired\":{\"schemaVersion\":\"1.1\","
        "\"routes\":{\"r\":{\"route\":\"FROM /x WHERE $body.a = 1 INTO %s\"}}}}}}";
    char text[512];
    snprintf(text, sizeof text, form, "$upstream");
    assert_true(s_render(self, text));
    assert_non_null(strstr((const char *) self->out.data, "FROM /x WHERE $body.a = 1 INTO $upstream"));
    snprintf(text, sizeof text, form, "$UPSTREAM");
    assert_false(s_render(self, text));
    expect_line(self->problems, true, "/routes/r/route: the variable UPSTREAM is not defined");
}

/* The environment comes before the file; a value is not looked into again, and makes no JSON. */
static void s_test_values(void **state)
{
    stand_t *self = *state;
    setenv("VERSION", "3", 1);
    assert_true(
        s_render_settings(self, "{'image':'${MODULES.Other}','createOptions':{'a':'$QUOTE','b':'$$QUOTE'}}"));
    s_expect_setting(self, "image", "other:3-amd64");
    s_expect_setting(self, "createOptions", "{\"a\":\"\\\"\",\"b\":\"$QUOTE\"}");
    unsetenv("VERSION");
    setenv("QUOTE", "\xff", 1);
    assert_false(s_render_settings(self, "{'image':'a$QUOTE'}"));
    expect_line(self->problems, true, "is no UTF-8 once its variables are replaced");
    unsetenv("QUOTE");
}

/* ---- createOptions ---------------------------------------------------------------------------------- */

static void s_test_options(void **state)
{
    stand_t *self = *state;
    static const struct {
        const char *settings, *options; /* or, with a blank in front, what is told */
    } cases[] = {
        {"{'image':'a','createOptions':{ 'b' : [1, 2.5, null, {}] }}", "{\"b\":[1,2.5,null,{}]}"},
        {"{'image':'a','createOptions':{'$PORT/tcp':'${B}'}}", "{\"80/tcp\":\"two\"}"},
        {"{'image':'a','createOptions':{'a':'\xc3\xa9\xf0\x9f\x98\x80'}}",
         "{\"a\":\"\\u00E9\\uD83D\\uDE00\"}"},
        {"{'image':'a','createOptions':''}", "{}"},
        {"{'image':'a','createOptions':'{ }'}", "{}"},
        {"{'image':'a','createOptions01':' \\'$B\\'}','createOptions':'{\\'a\\':'}", "{\"a\":\"two\"}"},
        {"{'image':'a','createOptions':{'$schema-template':'b'}}", " the variable schema is not defined"},
        {"{'image':'a','createOptions':'{\\'a\\':}'}", " /createOptions:1:6: this is no JSON: "},
        {"{'image':'a','createOptions':'{\\'a\\':\\'$NO\\'}'}",
         " /createOptions:1:2: /a: the variable NO is not"},
        {"{'image':'a','createOptions':'[1]'}", " /createOptions: has to be a JSON object"},
        {"{'image':'a','createOptions':{},'createOptions01':''}",
         " createOptions has to be a text, as its parts are joined"},
        {"{'image':'a','createOptions01':'{}'}", " createOptions has to be a text, as its parts are joined"},
        {"{'image':'a','createOptions':'{','createOptions02':'}'}", " createOptions01 has to be a text"},
        {"{'image':'a','createOptions':{'$B':1,'two':2}}", " createOptions/two: is there twice once"},
        {"{'image':'a','createOptions':{'a':'$NO'}}", " /createOptions/a: the variable NO is not defined"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool right = s_render_settings(self, cases[i].settings);
        if (cases[i].options[0] == ' ') {
            assert_false(right);
            expect_line(self->problems, true, cases[i].options + 1);
        } else {
            expect_counts(self->problems, 0, 0);
            assert_true(right);
            s_expect_setting(self, "createOptions", cases[i].options);
        }
    }
}

/* A text of size bytes as {"a":"xxx..."}, in parts. */
static void s_expect_parts(stand_t *self, size_t size)
{
    static char settings[150000], joined[150000];
    yyjson_doc *doc;
    const char *part;
    size_t count = 0;
    strcpy(settings, "{'image':'a','createOptions':{'a':'");
    memset(settings + strlen(settings), 'x', size - 8);
    strcpy(settings + 35 + size - 8, "'}}");
    assert_int_equal(s_render_settings(self, settings), size <= TEMPLATE_CHUNK * TEMPLATE_CHUNKS);
    if (size > TEMPLATE_CHUNK * TEMPLATE_CHUNKS) {
        expect_line(self->problems, true, "createOptions has 51201 bytes: at most 51200 are possible");
        return;
    }
    joined[0] = 0;
    s_setting(self, "", &doc);
    for (;; count++) {
        char name[32];
        yyjson_doc_free(doc);
        snprintf(name, sizeof name, count ? "createOptions%02zu" : "createOptions", count);
        part = s_setting(self, name, &doc);
        if (!part)
            break;
        assert_int_equal(strlen(part), size - 512 * count < 512 ? size - 512 * count : 512);
        strcat(joined, part);
    }
    yyjson_doc_free(doc);
    assert_int_equal(count, (size + 511) / 512);
    assert_int_equal(strlen(joined), size);
    assert_true(!strncmp(joined, "{\"a\":\"xx", 8) && !strcmp(joined + size - 3, "x\"}"));
}

static void s_test_parts(void **state)
{
    static const size_t sizes[] = {511, 512, 513, 1024, 1025, 51200, 51201};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        s_expect_parts(*state, sizes[i]);
}

/* ---- what is refused, and what is told about it ----------------------------------------------------- */

#define DESIRED(text) "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{" text "}}}}"

static void s_test_refused(void **state)
{
    stand_t *self = *state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"{\n \"modulesContent\": [,\n", "t.json:2:21: this is no JSON"},
        {"[]", "t.json: is an array: it has to be an object"},
        {"{}", "t.json: lacks \"modulesContent\": add it"},
        {DESIRED("\"modules\":{}"), "properties.desired: lacks \"schemaVersion\""},
        {DESIRED("\"schemaVersion\":\"2.0\",\"modules\":{}"),
         "t.json, rendered: /modulesContent/$edgeAgent/"
         "properties.desired/schemaVersion: has not the form"},
        {DESIRED("\"schemaVersion\":\"1.1\",\"modules\":{\"a\":{},\n\"a\":{}}"),
         "t.json:2:1: /modulesContent/$edgeAgent/properties.desired/modules/a: is there twice: rename"},
        {DESIRED("\"schemaVersion\":\"1.1\",\"modules\":{\"a b\":{\"type\":\"docker\",\"settings\":{}}}"),
         "/modules/a b: has not the form"},
        {DESIRED("\"schemaVersion\":\"1.1\",\"modules\":{\"a\":{\"type\":\"vm\",\"settings\":{}}}"),
         "/modules/a/type: has to be \"docker\" or \"process\""},
        {DESIRED("\"schemaVersion\":\"1.1\",\"modules\":{\"a\":{\"type\":\"$B\",\"settings\":{}}}"),
         "t.json, rendered: /modulesContent/$edgeAgent/properties.desired/modules/a/type: has to be"},
        {DESIRED("\"schemaVersion\":\"1.1\",\"modules\":{\"a\":{\"type\":\"process\",\"settings\":{\"image\":"
                 "\"a\"}}}"),
         "/modules/a/settings: lacks \"command\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(s_render(self, cases[i].text));
        expect_line(self->problems, true, cases[i].told);
    }
}

static void s_test_warned(void **state)
{
    stand_t *self = *state;
    assert_true(s_render_settings(self, "{'image':'a','imaeg':'b'}"));
    expect_counts(self->problems, 0, 1);
    expect_line(self->problems, false,
                "t.json:3:41: /modulesContent/$edgeAgent/properties.desired/modules/m/settings/"
                "imaeg: is not known here");
}

/* A variable's value is in no line, whatever is wrong with it. */
static void s_test_secrets(void **state)
{
    stand_t *self = *state;
    static const char *const settings[] = {
        "{'image':'/$PASSWORD'}",
        "{'image':'a $PASSWORD','createOptions':{'$PASSWORD':1,'hunter2':2}}",
        "{'image':'${MODULES.RedisEdge.x}$PASSWORD','createOptions':'$PASSWORD'}",
        "{'image':'a','health':{'http':'$PASSWORD'}}",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *line;
        bool is_error;
        assert_false(s_render_settings(self, settings[i]));
        for (size_t j = 0; (line = problems_line(self->problems, j, &is_error)) != NULL; j++)
            if (strstr(line, "hunter2") && !strstr(line, "createOptions/hunter2"))
                fail_msg("a secret is told: %s", line);
    }
}

/* What is wrong with a module.json is told once, however often its image is wanted. */
static void s_test_broken_module(void **state)
{
    stand_t *self = *state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"{\"image\": {\n\"repository\": }", "modules/RedisEdge/module.json:2:15: this is no JSON"},
        {"{\"image\": {\"repository\": \"a\", \"tag\": {\"version\": \"1\", \"platforms\": {}}}}",
         "modules/RedisEdge/module.json:1:55: /image/tag/platforms: has 0 entries"},
        {"{\"image\": {\"repository\": \"\", \"tag\": {\"version\": \"1\", \"platforms\": {\"amd64\": "
         "\"x\"}}}}",
         "modules/RedisEdge/module.json:1:12: /image/repository: is empty"},
        {"{\"image\": {\"repository\": \"$NO\", \"tag\": {\"version\": \"1\", \"platforms\": {\"amd64\": "
         "\"x\"}}}}",
         "modules/RedisEdge/module.json:1:12: /image/repository: the variable NO is not defined"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_write(self, "modules/RedisEdge/module.json", cases[i].text);
        assert_false(s_render_settings(self, i < 3 ? "{'image':'${MODULES.RedisEdge}${MODULES.RedisEdge}'}"
                                                   : "{'image':'${MODULES.RedisEdge}'}"));
        expect_counts(self->problems, 1, 0);
        expect_line(self->problems, true, cases[i].told);
    }
}

/* ---- module.json for who builds --------------------------------------------------------------------- */

static void s_expect_text(stand_t *self, const char *ends_with)
{
    size_t length = strlen(ends_with), size = self->out.size - 1;
    assert_true(size >= length);
    assert_string_equal((const char *) self->out.data + size - length, ends_with);
    pbus_buf_reset(&self->out);
}

static void s_test_module(void **state)
{
    stand_t *self = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/modules/RedisEdge", self->folder);
    modulejson_t *module = modulejson_read(path, self->problems);
    assert_string_equal(modulejson_folder(module), path);
    assert_true(modulejson_dockerfile(module, "amd64", self->envfile, &self->out, self->problems));
    s_expect_text(self, "/modules/RedisEdge/./Dockerfile.amd64");
    assert_true(modulejson_context(module, self->envfile, &self->out, self->problems));
    s_expect_text(self, "/modules/RedisEdge/../..");
    assert_int_equal(modulejson_option_count(module), 1);
    assert_true(modulejson_option(module, 0, self->envfile, &self->out, self->problems));
    s_expect_text(self, "--build-arg=A=two");
    assert_false(modulejson_option(module, 0, NULL, &self->out, self->problems));
    expect_line(self->problems, true, "/image/buildOptions/0: the variable B is not defined");
    modulejson_destroy(&module);
    pbus_buf_reset(&self->out);
    snprintf(path, sizeof path, "%s/more/Other", self->folder);
    module = modulejson_read(path, self->problems);
    assert_true(modulejson_dockerfile(module, "amd64", NULL, &self->out, self->problems));
    assert_string_equal((const char *) self->out.data, "/abs/Dockerfile");
    pbus_buf_reset(&self->out);
    assert_true(modulejson_context(module, NULL, &self->out, self->problems));
    s_expect_text(self, path);
    modulejson_destroy(&module);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s_test_whole),  TEST(s_test_images),  TEST(s_test_expand),        TEST(s_test_routes),
        TEST(s_test_values), TEST(s_test_options), TEST(s_test_parts),         TEST(s_test_refused),
        TEST(s_test_warned), TEST(s_test_secrets), TEST(s_test_broken_module), TEST(s_test_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
