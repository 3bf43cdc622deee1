#include "summary.h"

void summary_write(const suite_t *suite, const report_t *report, FILE *out)
{
    const double *figures = suite->figures;
    fprintf(out, "%s: %zu passed, %zu failed, %zu lacking, %zu not run; repeat with --seed %llu\n",
            report_title(report), report_count_of(report, REPORT_PASSED),
            report_count_of(report, REPORT_FAILED), report_count_of(report, REPORT_LACKS),
            report_count_of(report, REPORT_NOT_RUN), (unsigned long long) suite->options->seed);
    if (figures[SUITE_WRITE_RATE] > 0)
        fprintf(out,
                "%.0f events/s in batches of 1,000; %.0f events/s one by one; of 5,200 events: first page "
                "%.2f ms, count %.2f ms\n",
                figures[SUITE_WRITE_RATE], figures[SUITE_SINGLE_RATE], figures[SUITE_PAGE_TIME] * 1e3,
                figures[SUITE_COUNT_TIME] * 1e3);
}
