#include "endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_well_formed(void **state)
{
    (void) state;
    pbus_error_t error;
    const char *good[] = {"tcp://127.0.0.1:5570", "tcp://*:65535", "tcp://lo:*", "tcp://[::1]:1",
                          "ipc:///tmp/none"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(pbus_endpoint_check("K", good[i], &error), PBUS_OK);
}

static void test_malformed(void **state)
{
    (void) state;
    pbus_error_t error;
    char longest[300] = "ipc:///";
    memset(longest + 7, 'x', 200);
    const char *bad[] = {
        "",       "nonsense",    "tcp://127.0.0.1:99999", "tcp://127.0.0.1", "tcp://:1",       "udp://h:1",
        "ipc://", "tcp://h:12x", "tcp://h:000080",        longest,           "ipc:///dev/null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pbus_endpoint_check("Some.Key", bad[i], &error), PBUS_INVALID);
        assert_non_null(strstr(error.text, "Some.Key"));
    }
}

static void test_one_owner(void **state)
{
    (void) state;
    pbus_error_t error;
    char folder[] = "/tmp/endpoint-XXXXXX";
    char endpoint[64], lock_path[64];
    int first, second;
    assert_non_null(mkdtemp(folder));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/s", folder);
    snprintf(lock_path, sizeof lock_path, "%s/s.lock", folder);
    assert_int_equal(pbus_endpoint_claim("K", endpoint, &first, &error), PBUS_OK);
    assert_int_equal(pbus_endpoint_claim("K", endpoint, &second, &error), PBUS_INVALID);
    close(first);
    assert_int_equal(pbus_endpoint_claim("K", endpoint, &second, &error), PBUS_OK);
    close(second);
    assert_int_equal(pbus_endpoint_claim("K", "tcp://127.0.0.1:1", &second, &error), PBUS_OK);
    assert_int_equal(second, -1);
    unlink(lock_path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_well_formed), cmocka_unit_test(test_malformed),
                                       cmocka_unit_test(test_one_owner)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
