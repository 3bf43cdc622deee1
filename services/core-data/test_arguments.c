/*
 * Arguments: flags, variables and what is refused.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arguments.h"

typedef struct {
    const char *arguments[5];
    const char *file, *folder, *profile; /* variables */
    pbus_status_t status;
    arguments_action_t action;
    const char *path; /* or a part of the error */
} arguments_case_t;

static const arguments_case_t cases[] = {
    {{NULL}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, ""},
    {{"--config", "a.yaml"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "a.yaml"},
    {{"--config=/b/a.yaml"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "/b/a.yaml"},
    {{"-cf=a.yaml"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "a.yaml"},
    {{"--configFile=a.yaml", "-cd=x"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "x/a.yaml"},
    {{"--configDir", "x", "-p", "y"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "x/y/configuration.yaml"},
    {{"--profile=y"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "./y/configuration.yaml"},
    {{"--config", "a.yaml"}, "b.yaml", NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "b.yaml"},
    {{"--config", "a.yaml"}, "", NULL, NULL, PBUS_OK, ARGUMENTS_RUN, "a.yaml"},
    {{NULL}, NULL, "x", "y", PBUS_OK, ARGUMENTS_RUN, "x/y/configuration.yaml"},
    {{"--help"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_HELP, ""},
    {{"-h"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_HELP, ""},
    {{"--version"}, NULL, NULL, NULL, PBUS_OK, ARGUMENTS_VERSION, ""},
    {{"--config"}, NULL, NULL, NULL, PBUS_INVALID, ARGUMENTS_RUN, "--config needs a value"},
    {{"--foo"}, NULL, NULL, NULL, PBUS_INVALID, ARGUMENTS_RUN, "unknown option --foo"},
    {{"-x"}, NULL, NULL, NULL, PBUS_INVALID, ARGUMENTS_RUN, "unknown option -x"},
    {{"foo"}, NULL, NULL, NULL, PBUS_INVALID, ARGUMENTS_RUN, "unexpected argument 'foo'"},
};

static void s_set(const char *variable, const char *value)
{
    if (value)
        setenv(variable, value, 1);
    else
        unsetenv(variable);
}

static void s_test_cases(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const arguments_case_t *it = &cases[i];
        char *argv[7] = {(char *) "core-data"};
        int argc = 1;
        arguments_t arguments;
        pbus_error_t error;
        while (it->arguments[argc - 1]) {
            argv[argc] = (char *) it->arguments[argc - 1];
            argc++;
        }
        s_set("EDGEX_CONFIG_FILE", it->file);
        s_set("EDGEX_CONFIG_DIR", it->folder);
        s_set("EDGEX_PROFILE", it->profile);
        assert_int_equal(arguments_read(&arguments, argc, argv, &error), it->status);
        if (it->status == PBUS_OK) {
            assert_int_equal(arguments.action, it->action);
            assert_string_equal(arguments.path, it->path);
        } else if (!strstr(error.text, it->path))
            fail_msg("'%s' has no '%s'", error.text, it->path);
    }
}

static void s_test_long_path(void **state)
{
    (void) state;
    char file[2000];
    memset(file, 'a', sizeof file - 1);
    file[sizeof file - 1] = '\0';
    char *argv[] = {(char *) "core-data", (char *) "--config", file, NULL};
    arguments_t arguments;
    pbus_error_t error;
    unsetenv("EDGEX_CONFIG_FILE");
    assert_int_equal(arguments_read(&arguments, 3, argv, &error), PBUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_cases), cmocka_unit_test(s_test_long_path)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
