/*
 * conformance: runs the cases of a backend against a worker, over the bus alone.
 */
#include "arguments.h"
#include "cases.h"
#include "need.h"
#include "summary.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char s_usage[] =
    "usage: conformance [options] -- WORKER [ARGUMENT...]\n"
    "       conformance [options] --requests ENDPOINT --replies ENDPOINT\n"
    "       conformance --table TAP...\n"
    "       conformance --list\n\n"
    "Starts the worker, with the bus in its environment, and runs all cases against it, over the bus alone.\n"
    "Without a command, a worker that somebody else starts is waited for at the two endpoints; cases that "
    "have\n"
    "to kill it are not run. The worker's store has to be an empty one that nobody needs.\n\n"
    "  --tap FILE          also writes the results there, in TAP\n"
    "  --list              names all cases\n"
    "  --table             prints a table, backend by case, of files that --tap wrote\n";

typedef struct {
    suite_options_t suite;
    const char *tap;
    bool list, table, help;
} args_t;

enum { ARG_TAP = ARGUMENTS_OWN, ARG_LIST, ARG_TABLE, ARG_HELP };

static const struct option s_own[] = {{"tap", required_argument, NULL, ARG_TAP},
                                      {"list", no_argument, NULL, ARG_LIST},
                                      {"table", no_argument, NULL, ARG_TABLE},
                                      {"help", no_argument, NULL, ARG_HELP},
                                      {NULL, 0, NULL, 0}};

/* False if the option is not known. */
static bool s_take_option(args_t *args, int option)
{
    switch (option) {
    case ARG_TAP:
        args->tap = optarg;
        return true;
    case ARG_LIST:
        return args->list = true;
    case ARG_TABLE:
        return args->table = true;
    case 'h':
    case ARG_HELP:
        return args->help = true;
    default:
        return arguments_take(&args->suite, option);
    }
}

static bool s_parse(int argc, char **argv, args_t *args)
{
    int option;
    struct option options[ARGUMENTS_MAX];
    arguments_join(s_own, options);
    *args = (args_t){.suite = arguments_defaults()};
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1)
        if (!s_take_option(args, option)) {
            fprintf(stderr, "conformance: see --help\n");
            return false;
        }
    if (optind < argc)
        args->suite.worker = (const char *const *) &argv[optind];
    else if (!args->list && !args->help && !(args->suite.requests && args->suite.replies)) {
        fprintf(stderr, "conformance: say what to start, or which files to read: see --help\n");
        return false;
    }
    return true;
}

/* ---- table -----------------------------------------------------------------------------------------------
 */

static report_t *s_read(const char *path)
{
    pbus_error_t error;
    FILE *in = fopen(path, "r");
    report_t *report = in ? report_read_tap(in, &error) : NULL;
    if (!report)
        fprintf(stderr, "conformance: %s: %s\n", path, in ? error.text : "can't be read");
    if (in)
        fclose(in);
    return report;
}

static int s_table(const char *const *paths)
{
    size_t count = 0;
    report_t **reports = NULL;
    bool fine = true;
    for (; *paths; paths++) {
        report_t *report = s_read(*paths);
        fine = fine && report && report_count_of(report, REPORT_FAILED) == 0;
        if (!report)
            continue;
        reports = need_more(reports, count + 1, sizeof(report_t *));
        reports[count++] = report;
    }
    if (count > 0)
        report_write_table(reports, count, stdout);
    while (count > 0)
        report_destroy(&reports[--count]);
    free(reports);
    return fine ? 0 : 1;
}

/* ---- run -------------------------------------------------------------------------------------------------
 */

static void s_told(const report_t *report, size_t place)
{
    report_write_line(report, place, stdout);
}

static bool s_write_tap(const report_t *report, const char *path)
{
    FILE *out = fopen(path, "w");
    if (out)
        report_write_tap(report, out);
    bool written = out && !ferror(out);
    if (out && fclose(out) != 0)
        written = false;
    if (!written)
        fprintf(stderr, "conformance: %s can't be written\n", path);
    return written;
}

static int s_run(const args_t *args)
{
    pbus_error_t error;
    size_t count;
    suite_case_t *cases = cases_new(&count);
    report_t *report = report_new("unknown", "unknown");
    suite_t *suite = suite_new(&args->suite, &error);
    pbus_status_t status = suite ? suite_run(suite, cases, count, report, s_told, &error) : error.status;
    bool fine = status == PBUS_OK && report_count_of(report, REPORT_FAILED) == 0;
    if (status == PBUS_OK)
        summary_write(suite, report, stdout);
    else
        fprintf(stderr, "conformance: %s\n", error.text);
    suite_destroy(&suite);
    if (status == PBUS_OK && args->tap)
        fine = s_write_tap(report, args->tap) && fine;
    report_destroy(&report);
    free(cases);
    return fine ? 0 : 1;
}

static int s_list(void)
{
    size_t count;
    suite_case_t *cases = cases_new(&count);
    for (size_t i = 0; i < count; i++)
        printf("%-24s %s\n", cases[i].name, cases[i].about);
    free(cases);
    return 0;
}

int main(int argc, char **argv)
{
    args_t args;
    if (!s_parse(argc, argv, &args))
        return 2;
    signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL); /* a signal ends the program, and with it the worker */
    if (args.help) {
        printf("%s%s", s_usage, arguments_help);
        return 0;
    }
    if (args.list)
        return s_list();
    return args.table && args.suite.worker ? s_table(args.suite.worker) : s_run(&args);
}
