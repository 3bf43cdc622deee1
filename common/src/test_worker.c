/*
 * Unit tests of worker.c: tables of backends that another version of the SDK was used for.
 */
#include <persistbus/persistbus.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs a worker in a process of its own; returns its exit status, and what it wrote on standard error. */
static int s_main(const pbus_backend_t *backend, char *told, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *argv[] = {"persist-test", "--help", NULL};
        dup2(ends[1], STDERR_FILENO);
        _exit(pbus_worker_main(2, argv, backend));
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    assert_non_null(in);
    told[fread(told, 1, size - 1, in)] = '\0';
    fclose(in);
    int status;
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* One line that names both versions. */
static void s_check_refused(uint32_t abi, const char *remedy)
{
    char told[1000], version[64], own[64];
    /* What is behind the first three members must not be looked at: here it makes no sense. */
    pbus_backend_t backend = {.abi = abi, .name = "other", .version = "3", .options = (const void *) 1};
    assert_int_equal(s_main(&backend, told, sizeof told), 1);
    snprintf(version, sizeof version, "table is of version %u,", (unsigned) abi);
    snprintf(own, sizeof own, "takes version %d:", PBUS_BACKEND_ABI);
    assert_non_null(strstr(told, "persist-other: "));
    assert_non_null(strstr(told, version));
    assert_non_null(strstr(told, own));
    assert_non_null(strstr(told, remedy));
    assert_ptr_equal(strchr(told, '\n'), told + strlen(told) - 1);
}

static void test_older_table(void **state)
{
    (void) state;
    s_check_refused(PBUS_BACKEND_ABI - 1, "build the backend again");
}

static void test_later_table(void **state)
{
    (void) state;
    s_check_refused(PBUS_BACKEND_ABI + 1, "install the library");
}

static void test_own_table(void **state)
{
    (void) state;
    char told[1000];
    pbus_backend_t backend = {.abi = PBUS_BACKEND_ABI, .name = "own", .version = "3"};
    assert_int_equal(s_main(&backend, told, sizeof told), 0);
    assert_string_equal(told, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_older_table), cmocka_unit_test(test_later_table),
                                       cmocka_unit_test(test_own_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
