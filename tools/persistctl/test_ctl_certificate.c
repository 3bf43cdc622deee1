/*
 * Unit tests of certificate.c: what a run comes to, and the document.
 */
#include "certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const suite_case_t s_cases[] = {{"one", "the first", 0, NULL}, {"two", "the second", 0, NULL}};

static report_t *s_report(report_outcome_t first, report_outcome_t second)
{
    report_t *report = report_new("mine", "mine 1");
    report_add(report, "one", first, "", 0.25);
    report_add(report, "two", second, "why \"it\" is so", 1.23456);
    return report;
}

static void s_check_result(report_outcome_t first, report_outcome_t second, size_t cases,
                           const char *expected)
{
    report_t *report = s_report(first, second);
    assert_string_equal(certificate_result(report, cases), expected);
    report_destroy(&report);
}

static void test_results(void **state)
{
    (void) state;
    s_check_result(REPORT_PASSED, REPORT_PASSED, 2, "certified");
    s_check_result(REPORT_PASSED, REPORT_LACKS, 2, "certified");
    s_check_result(REPORT_PASSED, REPORT_NOT_RUN, 2, "incomplete");
    s_check_result(REPORT_PASSED, REPORT_PASSED, 3, "incomplete");
    s_check_result(REPORT_NOT_RUN, REPORT_FAILED, 3, "failed");
}

static void test_document(void **state)
{
    (void) state;
    suite_options_t options = {.seed = UINT64_MAX, .server = "a server"};
    suite_t suite = {.options = &options,
                     .about = {"mine", "1", .minor = 1, .missing = PBUS_CAP_SCAN, .durable = true}};
    suite.figures[SUITE_PAGE_TIME] = 0.0012345;
    report_t *report = s_report(REPORT_PASSED, REPORT_FAILED);
    yyjson_mut_doc *doc = certificate_new(&suite, report, s_cases, 2);
    assert_non_null(doc);
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, NULL);
    assert_non_null(text);
    static const char *const parts[] = {"{\"result\":\"failed\",\"backend\":\"mine\",\"version\":\"1\","
                                        "\"protocol\":\"1.1\",\"server\":\"a server\"",
                                        "{\"aggregate\":true,\"severalWorkers\":true,\"scan\":false,"
                                        "\"durable\":true,\"outlivesProcess\":true}",
                                        "\"seed\":\"18446744073709551615\",\"workerStartedBySuite\":false",
                                        "\"counts\":{\"passed\":1,\"failed\":1,\"lacks\":0,\"notRun\":0}",
                                        "\"figures\":{\"firstPageMilliseconds\":1.235}",
                                        "{\"name\":\"two\",\"about\":\"the "
                                        "second\",\"outcome\":\"failed\",\"reason\":\"why \\\"it\\\" is so\","
                                        "\"seconds\":1.235}"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("no %s in %s", parts[i], text);
    free(text);
    yyjson_mut_doc_free(doc);
    report_destroy(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_results), cmocka_unit_test(test_document)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
