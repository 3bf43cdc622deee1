/*
 * Unit tests of the configuration: config.c, config_file.c, config_value.c. Each test has a folder of its own
 * for its file, and a pipe that takes the log.
 */
#include <persistbus/config.h>

#include "config_file.h"
#include "config_value.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static const pbus_option_t s_service[] = {
    {"Service.Host", PBUS_OPTION_STRING, "localhost", 0, 0, "where to listen"},
    {"Service.Port", PBUS_OPTION_INT, "59880", 1, 65535, "port"},
    {"Service.Offset", PBUS_OPTION_INT, "-3", 0, 0, "any integer"},
    {"Service.RequestTimeout", PBUS_OPTION_DURATION, "5s", SECOND / 1000, 3600 * SECOND, "longest wait"},
    {"Service.Peers-Allowed", PBUS_OPTION_LIST, "a, b", 0, 0, "peers"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};
static const pbus_option_t s_writable[] = {
    {"Writable.LogLevel", PBUS_OPTION_STRING, "INFO", 0, 0, "TRACE, DEBUG, INFO, WARN or ERROR"},
    {"Writable.Persist", PBUS_OPTION_BOOL, "true", 0, 0, "whether"},
    {"Writable.Groups", PBUS_OPTION_LIST, NULL, 0, 0, "which"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};
static const pbus_option_t *const s_tables[] = {s_service, s_writable};

typedef struct {
    pbus_config_t *config;
    pbus_log_t *log;
    pbus_error_t error;
    int pipe[2];
    char folder[64];
    char path[128];
    char logged[8192];
} s_fixture_t;

static int s_setup(void **state)
{
    s_fixture_t *self = calloc(1, sizeof *self);
    *state = self;
    strcpy(self->folder, "/tmp/test_config.XXXXXX");
    if (!mkdtemp(self->folder) || pipe2(self->pipe, O_NONBLOCK | O_CLOEXEC) != 0)
        return -1;
    snprintf(self->path, sizeof self->path, "%s/core.yaml", self->folder);
    self->log = pbus_log_new("test");
    pbus_log_set_fd(self->log, self->pipe[1]);
    self->config = pbus_config_new(s_tables, 2, self->log);
    return self->config ? 0 : -1;
}

static int s_teardown(void **state)
{
    s_fixture_t *self = *state;
    pbus_config_destroy(&self->config);
    pbus_log_destroy(&self->log);
    close(self->pipe[0]);
    close(self->pipe[1]);
    unlink(self->path);
    rmdir(self->folder);
    free(self);
    return 0;
}

static void s_write_file(s_fixture_t *self, const void *data, size_t size)
{
    FILE *file = fopen(self->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static pbus_status_t s_load(s_fixture_t *self, const char *yaml)
{
    s_write_file(self, yaml, strlen(yaml));
    memset(&self->error, 0, sizeof self->error);
    return pbus_config_load(self->config, self->path, &self->error);
}

static pbus_status_t s_reload(s_fixture_t *self, const char *yaml, bool *changed)
{
    s_write_file(self, yaml, strlen(yaml));
    memset(&self->error, 0, sizeof self->error);
    return pbus_config_reload(self->config, changed, &self->error);
}

/* Everything logged since the last call. */
static const char *s_logged(s_fixture_t *self)
{
    ssize_t size = read(self->pipe[0], self->logged, sizeof self->logged - 1);
    self->logged[size > 0 ? size : 0] = 0;
    return self->logged;
}

static void s_assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- values ---- */

static void test_duration(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"0s", 0},
        {"5s", 5 * SECOND},
        {"1h30m", 5400 * SECOND},
        {"250ms", SECOND / 4},
        {"1m0.5s", 60 * SECOND + SECOND / 2},
        {"1.5h", 5400 * SECOND},
        {".5s", SECOND / 2},
        {"1.s", SECOND},
        {"-1.5s", -3 * SECOND / 2},
        {"+2us", 2000},
        {"3\xc2\xb5s4\xce\xbcs5us6ns", 12006},
        {"0.1ns", 0},
        {"0.000000001s", 1},
        {"0.3333333333333333333h", 1199999999999},
        {"9223372036854775807ns", INT64_MAX},
        {"2562047h47m16.854775807s", INT64_MAX},
        {"-0", 0},
    };
    int64_t ns;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!pbus_duration_parse(good[i].text, &ns) || ns != good[i].ns)
            fail_msg("%s", good[i].text);
    static const char *const bad[] = {
        "",
        "-",
        "5",
        "s",
        ".s",
        "1.5",
        "5 s",
        " 5s",
        "5s ",
        "5S",
        "5d",
        "5s-1m",
        "--5s",
        "1h30",
        "5sec",
        "1..5s",
        "1,5s",
        "0x5s",
        "9223372036854775808ns",
        "2562047h47m16.854775808s",
        "2562048h",
        "99999999999999999999h",
        "00",
        "5\xc2s",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pbus_duration_parse(bad[i], &ns))
            fail_msg("%s is accepted", bad[i]);
}

static void test_ints(void **state)
{
    (void) state;
    const pbus_option_t any = {"k", PBUS_OPTION_INT, "0", 0, 0, ""},
                        small = {"k", PBUS_OPTION_INT, "0", -5, 5, ""};
    static const char *const good[] = {"9223372036854775807", "-9223372036854775808", "0", "-0", "+7"};
    static const char *const bad[] = {"9223372036854775808",
                                      "-9223372036854775809",
                                      "",
                                      "-",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "010",
                                      "1 ",
                                      " 1",
                                      "1_000"};
    pbus_value_t value = {0};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(pbus_value_parse(&value, &any, good[i]), PBUS_OK);
    assert_int_equal(value.number, 7);
    assert_int_equal(pbus_value_parse(&value, &any, good[1]), PBUS_OK);
    assert_true(value.number == INT64_MIN);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pbus_value_parse(&value, &any, bad[i]) != PBUS_INVALID)
            fail_msg("%s is accepted", bad[i]);
    assert_int_equal(pbus_value_parse(&value, &small, "5"), PBUS_OK);
    assert_int_equal(pbus_value_parse(&value, &small, "6"), PBUS_INVALID);
    assert_int_equal(pbus_value_parse(&value, &small, "-6"), PBUS_INVALID);
}

static void test_bools(void **state)
{
    (void) state;
    const pbus_option_t option = {"k", PBUS_OPTION_BOOL, "no", 0, 0, ""};
    static const char *const yes[] = {"true", "True", "TRUE", "t",  "T",  "yes",
                                      "Yes",  "y",    "Y",    "on", "ON", "1"};
    static const char *const no[] = {"false", "False", "f", "F", "no", "No", "n", "N", "off", "Off", "0"};
    static const char *const bad[] = {"", "2", "tru", "truer", "si", "-1", "null"};
    pbus_value_t value = {0};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (pbus_value_parse(&value, &option, yes[i]) != PBUS_OK || value.number != 1)
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (pbus_value_parse(&value, &option, no[i]) != PBUS_OK || value.number != 0)
            fail_msg("%s", no[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pbus_value_parse(&value, &option, bad[i]) != PBUS_INVALID)
            fail_msg("%s is accepted", bad[i]);
}

static void test_lists(void **state)
{
    (void) state;
    const pbus_option_t option = {"k", PBUS_OPTION_LIST, "", 0, 0, ""};
    pbus_value_t a, b;
    assert_int_equal(pbus_value_parse(&a, &option, " one,two words ,, three\t,"), PBUS_OK);
    assert_int_equal(a.count, 3);
    assert_string_equal(a.items[0], "one");
    assert_string_equal(a.items[1], "two words");
    assert_string_equal(a.items[2], "three");
    assert_int_equal(pbus_value_list(&b, "one\0two words\0three", 20, 3), PBUS_OK);
    assert_true(pbus_value_eq(&a, &b, PBUS_OPTION_LIST));
    pbus_value_clear(&b);
    assert_int_equal(pbus_value_parse(&b, &option, "one, two words, Three"), PBUS_OK);
    assert_false(pbus_value_eq(&a, &b, PBUS_OPTION_LIST));
    pbus_value_clear(&a);
    assert_int_equal(pbus_value_parse(&a, &option, " , ,"), PBUS_OK);
    assert_int_equal(a.count, 0);
    assert_false(pbus_value_eq(&a, &b, PBUS_OPTION_LIST));
    pbus_value_clear(&a);
    pbus_value_clear(&b);
}

static void test_allowed(void **state)
{
    (void) state;
    static const struct {
        pbus_option_t option;
        const char *text;
    } cases[] = {
        {{"k", PBUS_OPTION_INT, "", 1, 65535, ""}, "an integer from 1 to 65535"},
        {{"k", PBUS_OPTION_INT, "", 0, 0, ""}, "an integer"},
        {{"k", PBUS_OPTION_INT, "", 0, INT64_MAX, ""}, "an integer of at least 0"},
        {{"k", PBUS_OPTION_INT, "", INT64_MIN, 9, ""}, "an integer of at most 9"},
        {{"k", PBUS_OPTION_DURATION, "", SECOND / 1000, 7200 * SECOND, ""},
         "a duration (like 250ms, 5s, 1h30m) from 1ms to 2h"},
        {{"k", PBUS_OPTION_DURATION, "", 0, 90 * SECOND, ""},
         "a duration (like 250ms, 5s, 1h30m) from 0s to 90s"},
        {{"k", PBUS_OPTION_DURATION, "", 1500, 2000, ""},
         "a duration (like 250ms, 5s, 1h30m) from 1500ns to 2us"},
        {{"k", PBUS_OPTION_BOOL, "", 0, 0, ""}, "true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PBUS_VALUE_ALLOWED];
        pbus_value_allowed(&cases[i].option, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* ---- defaults, file, environment ---- */

static void s_assert_defaults(const pbus_config_t *config)
{
    const char *const *items;
    assert_string_equal(pbus_config_string(config, "Service.Host"), "localhost");
    assert_int_equal(pbus_config_int(config, "Service.Port"), 59880);
    assert_int_equal(pbus_config_int(config, "Service.Offset"), -3);
    assert_int_equal(pbus_config_duration(config, "Service.RequestTimeout"), 5 * SECOND);
    assert_true(pbus_config_bool(config, "Writable.Persist"));
    assert_int_equal(pbus_config_list(config, "Service.Peers-Allowed", &items), 2);
    assert_string_equal(items[1], "b");
    assert_int_equal(pbus_config_list(config, "Writable.Groups", &items), 0);
}

static void test_defaults(void **state)
{
    s_fixture_t *self = *state;
    s_assert_defaults(self->config);
    assert_int_equal(pbus_config_load(self->config, NULL, &self->error), PBUS_OK);
    s_assert_defaults(self->config);
    static const char *const empty[] = {
        "", "\n", "# nothing\n", "---\n", "~\n", "{}\n", "Service:\nWritable: {}\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_int_equal(s_load(self, empty[i]), PBUS_OK);
        s_assert_defaults(self->config);
    }
    assert_string_equal(s_logged(self), "");
}

static void test_file(void **state)
{
    s_fixture_t *self = *state;
    const char *const *items;
    assert_int_equal(s_load(self, "Service:\n"
                                  "  Host: \"0.0.0.0\"  # all\n"
                                  "  Port: 80\n"
                                  "  RequestTimeout: 1m\n"
                                  "  Peers-Allowed:\n"
                                  "    - x, y\n"
                                  "    - ~\n"
                                  "Writable:\n"
                                  "  LogLevel:\n"
                                  "  Persist: Off\n"
                                  "  Groups: [redis, sqlite]\n"),
                     PBUS_OK);
    assert_string_equal(pbus_config_string(self->config, "Service.Host"), "0.0.0.0");
    assert_int_equal(pbus_config_int(self->config, "Service.Port"), 80);
    assert_int_equal(pbus_config_int(self->config, "Service.Offset"), -3);
    assert_int_equal(pbus_config_duration(self->config, "Service.RequestTimeout"), 60 * SECOND);
    assert_int_equal(pbus_config_list(self->config, "Service.Peers-Allowed", &items), 2);
    assert_string_equal(items[0], "x, y");
    assert_string_equal(items[1], "");
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "");
    assert_false(pbus_config_bool(self->config, "Writable.Persist"));
    assert_int_equal(pbus_config_list(self->config, "Writable.Groups", &items), 2);
    assert_string_equal(items[0], "redis");
    assert_string_equal(s_logged(self), "");
    /* A later load starts from the defaults again. */
    assert_int_equal(s_load(self, "Service.Host: there\n"), PBUS_OK);
    assert_string_equal(pbus_config_string(self->config, "Service.Host"), "there");
    assert_int_equal(pbus_config_int(self->config, "Service.Port"), 59880);
}

static void test_environment(void **state)
{
    s_fixture_t *self = *state;
    const char *const *items;
    setenv("SERVICE_PORT", "81", 1);
    setenv("SERVICE_PEERS_ALLOWED", "p,q,r", 1);
    setenv("WRITABLE_LOGLEVEL", "DEBUG", 1);
    pbus_status_t status = s_load(self, "{Service: {Port: 80, Host: h}}");
    pbus_status_t without = pbus_config_load(self->config, NULL, &self->error);
    unsetenv("SERVICE_PORT");
    unsetenv("SERVICE_PEERS_ALLOWED");
    unsetenv("WRITABLE_LOGLEVEL");
    assert_int_equal(status, PBUS_OK);
    assert_int_equal(without, PBUS_OK);
    assert_int_equal(pbus_config_int(self->config, "Service.Port"), 81);
    assert_string_equal(pbus_config_string(self->config, "Service.Host"), "localhost");
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "DEBUG");
    assert_int_equal(pbus_config_list(self->config, "Service.Peers-Allowed", &items), 3);
    assert_string_equal(items[2], "r");
}

static void test_bad_environment(void **state)
{
    s_fixture_t *self = *state;
    setenv("SERVICE_PORT", "many", 1);
    pbus_status_t status = s_load(self, "Service: {Host: h}");
    unsetenv("SERVICE_PORT");
    assert_int_equal(status, PBUS_INVALID);
    assert_int_equal(self->error.status, PBUS_INVALID);
    assert_string_equal(self->error.text,
                        "environment variable SERVICE_PORT: \"many\" is not an integer from 1 to 65535");
    s_assert_defaults(self->config); /* the good key of the file is not taken over either */
}

static void test_unknown_keys(void **state)
{
    s_fixture_t *self = *state;
    assert_int_equal(
        s_load(self,
               "Service:\n  port: 1\n  Colour: red\nOther:\n  - {A: 1}\nWritable: 5\nDeep: {Er: {X: 1}}\n"),
        PBUS_OK);
    const char *logged = s_logged(self);
    s_assert_holds(logged, "level=WARN");
    s_assert_holds(logged, "core.yaml:2: unknown key Service.port is ignored: did you mean Service.Port?\"");
    s_assert_holds(logged, "core.yaml:3: unknown key Service.Colour is ignored\"");
    s_assert_holds(logged, "core.yaml:4: unknown key Other is ignored\"");
    s_assert_holds(logged, "core.yaml:6: the value of Writable is ignored");
    s_assert_holds(logged, "core.yaml:7: unknown key Deep.Er.X is ignored\"");
    s_assert_defaults(self->config);
}

/* ---- what is refused ---- */

typedef struct {
    const char *yaml, *message;
} s_refusal_t;

static void s_check_refusals(s_fixture_t *self, const s_refusal_t *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (s_load(self, refusals[i].yaml) != PBUS_INVALID)
            fail_msg("accepted: %s", refusals[i].yaml);
        s_assert_holds(self->error.text, refusals[i].message);
        assert_null(strchr(self->error.text, '\n'));
        s_assert_defaults(self->config);
    }
}

static void test_bad_values(void **state)
{
    static const s_refusal_t refusals[] = {
        {"Service:\n  Port: 65536", "core.yaml:2: Service.Port: \"65536\" is not an integer from 1 to 65535"},
        {"Service:\n  Port: 0", "core.yaml:2: Service.Port: \"0\" is not an integer from 1 to 65535"},
        {"Service: {Port: }", "core.yaml:1: Service.Port: no value is not an integer"},
        {"Service: {Port: [80]}", "Service.Port: a list is not an integer"},
        {"Service: {Port: {A: 1}}", "Service.Port: a mapping is not an integer"},
        {"Service: {Port: [[80]]}", "Service.Port: a list of lists or mappings is not an integer"},
        {"Service: {Host: [h]}", "Service.Host: a list is not a string"},
        {"Service: {RequestTimeout: 5}", "Service.RequestTimeout: \"5\" is not a duration (like 250ms"},
        {"Service: {RequestTimeout: 2h}", "\"2h\" is not a duration (like 250ms, 5s, 1h30m) from 1ms to 1h"},
        {"Writable: {Persist: maybe}", "Writable.Persist: \"maybe\" is not true or false"},
        {"Writable: {Groups: a}", "Writable.Groups: \"a\" is not a list of strings (like [a, b])"},
        {"Writable: {Persist: \"a\\nb\"}", "\"a?b\" is not true or false"},
        {"Writable: {Persist: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
         "aaaaa...\" is not true or false"},
    };
    s_check_refusals(*state, refusals, sizeof refusals / sizeof refusals[0]);
}

static void test_bad_yaml(void **state)
{
    static const s_refusal_t refusals[] = {
        {"Service: {Port: 80", "core.yaml:2: not YAML: "},
        {"Service:\n  Host: a\n bad", "core.yaml:3: not YAML: "},
        {"A: 1\nB: \xff\n", "core.yaml:2: not YAML: "},
        {"A: \"\\0\"", "core.yaml:1: a value must not hold a NUL"},
        {"\"\\0\": a", "core.yaml:1: a key must not be empty or hold a control"},
        {"A: b\n\"C\\nD\": e", "core.yaml:2: a key must not be empty or hold a control"},
        {"? a\n\n  b\n: c", "core.yaml:1: a key must not be empty or hold a control"},
        {"\"\\x7f\": a", "core.yaml:1: a key must not be empty or hold a control"},
        {"\"\": a", "a key must not be empty"},
        {"[a]: b", "a key must be text"},
        {"{a: b}: c", "a key must be text"},
        {"just text", "a configuration is a mapping of keys"},
        {"- a\n- b\n", "a configuration is a mapping of keys"},
        {"A: &x 1\nB: 2", "core.yaml:1: anchors (&) and aliases (*) are not taken"},
        {"A: 1\nB: *x", "core.yaml:2: "},
        {"A: &x {B: 1}", "anchors"},
        {"A: &x [1]", "anchors"},
        {"A: [{B: &x 1}]", "anchors"},
        {"A: !!int 5", "tags (!) are not taken"},
        {"A: !mine {}", "tags (!) are not taken"},
        {"A: 1\n---\nB: 2", "core.yaml:2: a second document"},
        {"A: 1\nB: 2\nA: 3\n", "core.yaml:3: key A is there already, in line 1"},
        {"Service: {Host: a}\nService: {Port: 80}", "core.yaml:2: key Service is there already, in line 1"},
        {"Service:\n  Host: a\n  Host: a", "core.yaml:3: key Service.Host is there already, in line 2"},
        {"Service.Host: a\nService: {Host: a}", "key Service.Host is there already"},
    };
    s_check_refusals(*state, refusals, sizeof refusals / sizeof refusals[0]);
}

static void test_bounds(void **state)
{
    s_fixture_t *self = *state;
    char nested[64];
    memset(nested, 0, sizeof nested);
    for (int i = 0; i < PBUS_CONFIG_DEPTH_MAX - 1; i++)
        strcat(nested, "{a: "); /* 60 bytes: one level less than allowed */
    strcat(nested, "1");
    pbus_buf_t text = {0};
    for (int extra = 0; extra < 3; extra++) {
        pbus_buf_reset(&text);
        pbus_buf_printf(&text, "%s", extra == 0 ? "{a: " : extra == 1 ? "{a: {a: " : "{a: {a: [");
        pbus_buf_puts(&text, nested);
        for (int i = 0; i < PBUS_CONFIG_DEPTH_MAX - 1; i++)
            pbus_buf_puts(&text, "}");
        pbus_buf_printf(&text, "%s%c", extra == 0 ? "}" : extra == 1 ? "}}" : "]}}", 0);
        assert_int_equal(s_load(self, (const char *) text.data), extra == 0 ? PBUS_OK : PBUS_INVALID);
        if (extra)
            s_assert_holds(self->error.text, "nested too deeply");
    }
    for (size_t size = PBUS_CONFIG_KEY_MAX - 2; size < PBUS_CONFIG_KEY_MAX + 1; size++) {
        pbus_buf_reset(&text);
        pbus_buf_printf(&text, "A: {%0*d: x}%c", (int) size - 2, 0, 0);
        assert_int_equal(s_load(self, (const char *) text.data),
                         size < PBUS_CONFIG_KEY_MAX ? PBUS_OK : PBUS_INVALID);
    }
    s_assert_holds(self->error.text, "a key is too long");
    pbus_buf_clear(&text);
}

static void test_file_size(void **state)
{
    s_fixture_t *self = *state;
    char *text = malloc(PBUS_CONFIG_FILE_MAX + 1);
    memset(text, '\n', PBUS_CONFIG_FILE_MAX + 1);
    s_write_file(self, text, PBUS_CONFIG_FILE_MAX);
    assert_int_equal(pbus_config_load(self->config, self->path, &self->error), PBUS_OK);
    s_write_file(self, text, PBUS_CONFIG_FILE_MAX + 1);
    assert_int_equal(pbus_config_load(self->config, self->path, &self->error), PBUS_INVALID);
    s_assert_holds(self->error.text, "larger than 1048576 bytes");
    free(text);
}

static void test_no_file(void **state)
{
    s_fixture_t *self = *state;
    assert_int_equal(pbus_config_load(self->config, self->path, &self->error), PBUS_UNAVAILABLE);
    s_assert_holds(self->error.text, "core.yaml: cannot open it: No such file or directory");
    assert_int_equal(pbus_config_load(self->config, self->folder, &self->error), PBUS_UNAVAILABLE);
    s_assert_holds(self->error.text, "cannot read it: Is a directory");
    assert_int_equal(pbus_config_load(self->config, self->path, NULL), PBUS_UNAVAILABLE);
    bool changed = true;
    assert_int_equal(pbus_config_reload(self->config, &changed, &self->error),
                     PBUS_OK); /* came from no file */
    assert_false(changed);
}

/* ---- reload ---- */

static void test_reload(void **state)
{
    s_fixture_t *self = *state;
    bool changed;
    const char *const *items;
    assert_int_equal(s_load(self, "Service: {Port: 80}\nWritable: {LogLevel: WARN, Groups: [a]}\n"), PBUS_OK);
    const char *host = pbus_config_string(self->config, "Service.Host");
    const char *first =
        "Service: {Port: 81, Host: other}\nWritable: {LogLevel: DEBUG, Persist: no, Groups: [a]}\n";
    assert_int_equal(s_reload(self, first, &changed), PBUS_OK);
    assert_true(changed);
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "DEBUG");
    assert_false(pbus_config_bool(self->config, "Writable.Persist"));
    assert_int_equal(pbus_config_int(self->config, "Service.Port"), 80);
    assert_ptr_equal(pbus_config_string(self->config, "Service.Host"), host);
    assert_int_equal(pbus_config_list(self->config, "Writable.Groups", &items), 1);
    assert_string_equal(items[0], "a");
    s_logged(self);
    s_assert_holds(self->logged, "core.yaml: the change of Service.Port takes effect at the next start");
    s_assert_holds(self->logged, "Service.Host takes effect");
    assert_int_equal(s_reload(self, first, &changed), PBUS_OK); /* the same again */
    assert_false(changed);
    assert_string_equal(s_logged(self), "");
    assert_int_equal(s_reload(self, "Service: {Port: 80}\n", &changed), PBUS_OK); /* back to the defaults */
    assert_true(changed);
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "INFO");
    assert_int_equal(pbus_config_list(self->config, "Writable.Groups", &items), 0);
}

static void test_bad_reload(void **state)
{
    s_fixture_t *self = *state;
    bool changed = true;
    const char *good = "Writable: {LogLevel: WARN}\n", *bad = "Writable: {LogLevel: DEBUG, Persist: maybe}\n";
    assert_int_equal(s_load(self, good), PBUS_OK);
    assert_int_equal(s_reload(self, bad, &changed), PBUS_INVALID);
    assert_false(changed);
    s_assert_holds(self->error.text, "core.yaml:1: Writable.Persist: \"maybe\" is not true or false");
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "WARN");
    assert_int_equal(s_reload(self, bad, &changed), PBUS_OK); /* reported once */
    assert_int_equal(s_reload(self, good, &changed), PBUS_OK);
    assert_false(changed);
    assert_int_equal(s_reload(self, "Writable: {LogLevel: ERROR}\n", &changed), PBUS_OK);
    assert_true(changed);
    unlink(self->path);
    assert_int_equal(pbus_config_reload(self->config, &changed, &self->error), PBUS_UNAVAILABLE);
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "ERROR");
}

static void test_reload_environment_wins(void **state)
{
    s_fixture_t *self = *state;
    bool changed = true;
    setenv("WRITABLE_LOGLEVEL", "TRACE", 1);
    pbus_status_t loaded = s_load(self, "Writable: {LogLevel: WARN}\n");
    pbus_status_t reloaded = s_reload(self, "Writable: {LogLevel: ERROR}\n", &changed);
    unsetenv("WRITABLE_LOGLEVEL");
    assert_int_equal(loaded, PBUS_OK);
    assert_int_equal(reloaded, PBUS_OK);
    assert_false(changed);
    assert_string_equal(pbus_config_string(self->config, "Writable.LogLevel"), "TRACE");
}

/* ---- construction, defects, help ---- */

static void test_bad_tables(void **state)
{
    s_fixture_t *self = *state;
    const pbus_option_t bad_default[] = {{"A.B", PBUS_OPTION_INT, "0", 1, 9, ""}, {0}};
    const pbus_option_t no_default[] = {{"A.B", PBUS_OPTION_DURATION, NULL, 0, 0, ""}, {0}};
    const pbus_option_t *const tables[] = {bad_default, no_default, s_service, s_service};
    assert_null(pbus_config_new(tables, 1, self->log));
    s_assert_holds(s_logged(self), "default of A.B: \\\"0\\\" is not an integer from 1 to 9");
    assert_null(pbus_config_new(tables + 1, 1, NULL));
    assert_null(pbus_config_new(tables + 2, 2, self->log));
    s_assert_holds(s_logged(self), "option Service.Host is there twice");
    pbus_config_t *none = pbus_config_new(NULL, 0, NULL);
    assert_non_null(none);
    pbus_config_destroy(&none);
    assert_null(none);
    pbus_config_destroy(&none);
}

/* How a child process ends that asks for this key as an integer. */
static int s_ask_in_child(s_fixture_t *self, const char *key)
{
    int fds[2], status;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka may have its own */
        dup2(fds[1], STDERR_FILENO);
        pbus_config_int(self->config, key);
        _exit(0);
    }
    close(fds[1]);
    ssize_t size = read(fds[0], self->logged, sizeof self->logged - 1);
    self->logged[size > 0 ? size : 0] = 0;
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_defects(void **state)
{
    s_fixture_t *self = *state;
    int status = s_ask_in_child(self, "Service.port");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    s_assert_holds(self->logged, "defect: configuration key Service.port is in no table of options");
    status = s_ask_in_child(self, "Service.Host");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    s_assert_holds(self->logged, "defect: configuration key Service.Host is asked for by another type");
    status = s_ask_in_child(self, "Service.Port");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_help(void **state)
{
    s_fixture_t *self = *state;
    pbus_buf_t out = {0};
    pbus_config_help(self->config, &out);
    pbus_buf_append(&out, "", 1);
    const char *help = (const char *) out.data;
    s_assert_holds(help, "  key                     environment             default    meaning\n");
    s_assert_holds(help, "  Service.Port            SERVICE_PORT            59880      port\n");
    s_assert_holds(help, "  Service.Peers-Allowed   SERVICE_PEERS_ALLOWED   a, b       peers\n");
    s_assert_holds(help, "  Writable.Groups         WRITABLE_GROUPS         \"\"         which\n");
    pbus_buf_clear(&out);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, s_setup, s_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_bools),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_allowed),
        WITH_FIXTURE(test_defaults),
        WITH_FIXTURE(test_file),
        WITH_FIXTURE(test_environment),
        WITH_FIXTURE(test_bad_environment),
        WITH_FIXTURE(test_unknown_keys),
        WITH_FIXTURE(test_bad_values),
        WITH_FIXTURE(test_bad_yaml),
        WITH_FIXTURE(test_bounds),
        WITH_FIXTURE(test_file_size),
        WITH_FIXTURE(test_no_file),
        WITH_FIXTURE(test_reload),
        WITH_FIXTURE(test_bad_reload),
        WITH_FIXTURE(test_reload_environment_wins),
        WITH_FIXTURE(test_bad_tables),
        WITH_FIXTURE(test_defects),
        WITH_FIXTURE(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
