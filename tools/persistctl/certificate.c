#include "certificate.h"

#include <persistbus/version.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *certificate_result(const report_t *report, size_t count)
{
    if (report_count_of(report, REPORT_FAILED) > 0)
        return "failed";
    bool whole = report_count(report) == count && report_count_of(report, REPORT_NOT_RUN) == 0;
    return whole ? "certified" : "incomplete";
}

static const char *s_outcome(report_outcome_t outcome)
{
    static const char *const words[] = {"passed", "failed", "lacks", "notRun"};
    return words[outcome];
}

/* A real number as people read it: three places behind the point. */
static void s_put_real(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, double value)
{
    yyjson_mut_obj_add_real(doc, object, name, round(value * 1e3) / 1e3);
}

static void s_put_worker(yyjson_mut_doc *doc, yyjson_mut_val *root, const suite_t *suite)
{
    const suite_worker_t *about = &suite->about;
    char protocol[48];
    snprintf(protocol, sizeof protocol, "%d.%llu", PBUS_PROTOCOL_MAJOR, (unsigned long long) about->minor);
    yyjson_mut_obj_add_strcpy(doc, root, "backend", about->backend);
    yyjson_mut_obj_add_strcpy(doc, root, "version", about->version);
    yyjson_mut_obj_add_strcpy(doc, root, "protocol", protocol);
    if (suite->options->server)
        yyjson_mut_obj_add_strcpy(doc, root, "server", suite->options->server);
    yyjson_mut_val *has = yyjson_mut_obj_add_obj(doc, root, "capabilities");
    yyjson_mut_obj_add_bool(doc, has, "aggregate", !(about->missing & PBUS_CAP_AGGREGATE));
    yyjson_mut_obj_add_bool(doc, has, "severalWorkers", !(about->missing & PBUS_CAP_WORKERS));
    yyjson_mut_obj_add_bool(doc, has, "scan", !(about->missing & PBUS_CAP_SCAN));
    yyjson_mut_obj_add_bool(doc, has, "durable", about->durable);
    yyjson_mut_obj_add_bool(doc, has, "outlivesProcess", !about->forgets);
}

static void s_put_run(yyjson_mut_doc *doc, yyjson_mut_val *root, const suite_t *suite)
{
    char date[32], seed[32];
    time_t now = (time_t) (pbus_clock_realtime() / 1000000000);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long) suite->options->seed);
    yyjson_mut_obj_add_strcpy(doc, root, "date", date);
    yyjson_mut_obj_add_strcpy(doc, root, "suite", PBUS_VERSION);
    /* Text: many readers of JSON have no 64-bit integers. */
    yyjson_mut_obj_add_strcpy(doc, root, "seed", seed);
    yyjson_mut_obj_add_bool(doc, root, "workerStartedBySuite", suite->options->worker != NULL);
}

static void s_put_figures(yyjson_mut_doc *doc, yyjson_mut_val *root, const double *figures)
{
    static const struct {
        const char *name;
        double factor;
    } known[] = {[SUITE_WRITE_RATE] = {"eventsPerSecondInBatches", 1},
                 [SUITE_SINGLE_RATE] = {"eventsPerSecondOneByOne", 1},
                 [SUITE_PAGE_TIME] = {"firstPageMilliseconds", 1e3},
                 [SUITE_COUNT_TIME] = {"countMilliseconds", 1e3}};
    yyjson_mut_val *made = yyjson_mut_obj_add_obj(doc, root, "figures");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (figures[i] > 0)
            s_put_real(doc, made, known[i].name, figures[i] * known[i].factor);
}

static void s_put_counts(yyjson_mut_doc *doc, yyjson_mut_val *root, const report_t *report)
{
    yyjson_mut_val *counts = yyjson_mut_obj_add_obj(doc, root, "counts");
    for (report_outcome_t outcome = REPORT_PASSED; outcome <= REPORT_NOT_RUN; outcome++)
        yyjson_mut_obj_add_uint(doc, counts, s_outcome(outcome), report_count_of(report, outcome));
}

static const char *s_about(const suite_case_t *cases, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(cases[i].name, name) == 0)
            return cases[i].about;
    return "";
}

static void s_put_cases(yyjson_mut_doc *doc, yyjson_mut_val *root, const report_t *report,
                        const suite_case_t *cases, size_t count)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "cases");
    for (size_t i = 0; i < report_count(report); i++) {
        yyjson_mut_val *it = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_strcpy(doc, it, "name", report_name(report, i));
        yyjson_mut_obj_add_strcpy(doc, it, "about", s_about(cases, count, report_name(report, i)));
        yyjson_mut_obj_add_str(doc, it, "outcome", s_outcome(report_outcome(report, i)));
        yyjson_mut_obj_add_strcpy(doc, it, "reason", report_text(report, i));
        s_put_real(doc, it, "seconds", report_seconds(report, i));
    }
}

yyjson_mut_doc *certificate_new(const suite_t *suite, const report_t *report, const suite_case_t *cases,
                                size_t count)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    if (!root) {
        yyjson_mut_doc_free(doc);
        return NULL;
    }
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "result", certificate_result(report, count));
    s_put_worker(doc, root, suite);
    s_put_run(doc, root, suite);
    s_put_counts(doc, root, report);
    s_put_figures(doc, root, suite->figures);
    s_put_cases(doc, root, report, cases, count);
    return doc;
}
