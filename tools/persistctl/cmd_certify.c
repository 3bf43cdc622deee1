/*
 * persistctl certify: runs the conformance suite against one worker, and writes down what came of it.
 *
 * Needs no core-data: the suite plays its part, on ports of its own unless it is told which.
 */
#include "arguments.h"
#include "cases.h"
#include "certificate.h"
#include "options.h"
#include "say.h"
#include "summary.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    suite_options_t suite;
    const char *start, *out;
    bool tap, json;
    char *command;        /* of the shell, which starts the worker; the caller's to free */
    const char *shell[4]; /* its argv */
    char folder[128];     /* made for the worker's log; empty: the caller has named one */
} certify_t;

enum { ARG_START = ARGUMENTS_OWN, ARG_OUT, ARG_TAP };

static const struct option s_own[] = {{"start", required_argument, NULL, ARG_START},
                                      {"out", required_argument, NULL, ARG_OUT},
                                      {"tap", no_argument, NULL, ARG_TAP},
                                      {NULL, 0, NULL, 0}};

static bool s_take_option(certify_t *self, int option)
{
    switch (option) {
    case ARG_START:
        self->start = optarg;
        return true;
    case ARG_OUT:
        self->out = optarg;
        return true;
    case ARG_TAP:
        return self->tap = true;
    default:
        return arguments_take(&self->suite, option);
    }
}

static const char *s_environment(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

/*
 * With a command the ports are the suite's own; without one somebody has to know them. The command takes the
 * shell's place, so that the process that gets the suite's signals, and whose status counts, is the worker.
 */
static bool s_settle_worker(certify_t *self)
{
    suite_options_t *suite = &self->suite;
    if (self->start) {
        if (asprintf(&self->command, "exec env %s", self->start) < 0) {
            self->command = NULL;
            say("certify: memory is out");
            return false;
        }
        self->shell[0] = "/bin/sh";
        self->shell[1] = "-c";
        self->shell[2] = self->command;
        suite->worker = self->shell;
        return true;
    }
    if (!suite->requests)
        suite->requests = s_environment("PERSISTBUS_REQUESTS", "tcp://127.0.0.1:5570");
    if (!suite->replies)
        suite->replies = s_environment("PERSISTBUS_REPLIES", "tcp://127.0.0.1:5571");
    return true;
}

static bool s_parse(certify_t *self, int argc, char **argv)
{
    int option;
    struct option options[ARGUMENTS_MAX];
    arguments_join(s_own, options);
    self->suite = arguments_defaults();
    self->suite.folder = NULL;
    self->out = "certificate.json";
    while ((option = options_next(argc, argv, "", options)) != -1) {
        if (option == '?')
            return false;
        if (!s_take_option(self, option)) {
            say("certify: '%s' is no value for this option: see persistctl certify --help", optarg);
            return false;
        }
    }
    if (optind < argc) {
        say("certify: '%s' is no option; the worker's command is one argument: --start '%s ...'",
            argv[optind], argv[optind]);
        return false;
    }
    if (!self->suite.group) {
        say("certify: name the worker's group: --group NAME");
        return false;
    }
    return s_settle_worker(self);
}

/* ---- the folder of the worker's log ----------------------------------------------------------------------
 */

static bool s_make_folder(certify_t *self)
{
    if (self->suite.folder)
        return true;
    snprintf(self->folder, sizeof self->folder, "%s/persistctl-certify-XXXXXX",
             s_environment("TMPDIR", "/tmp"));
    if (!mkdtemp(self->folder)) {
        say("certify: no folder can be made at %s: name one with --folder", self->folder);
        return false;
    }
    self->suite.folder = self->folder;
    return true;
}

/* The logs of a worker that did not fail are of no use. */
static void s_leave_folder(const certify_t *self, bool fine)
{
    if (!fine && self->start) {
        say("certify: the worker's log is %s/worker-1.log", self->suite.folder);
        return;
    }
    if (!self->folder[0])
        return;
    char path[sizeof self->folder + 32];
    for (int i = 1; i <= SUITE_WORKERS; i++) {
        snprintf(path, sizeof path, "%s/worker-%d.log", self->folder, i);
        unlink(path);
    }
    rmdir(self->folder);
}

/* ---- results ---------------------------------------------------------------------------------------------
 */

static void s_told(const report_t *report, size_t place)
{
    report_write_line(report, place, stderr);
}

/* Standard output holds one thing: the table, TAP, or the certificate; what else there is to say goes beside.
 */
static bool s_write(const certify_t *self, const suite_t *suite, report_t *report, const suite_case_t *cases,
                    size_t count)
{
    const yyjson_write_flag flags = YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END;
    yyjson_mut_doc *doc = certificate_new(suite, report, cases, count);
    yyjson_write_err error = {.msg = "memory is out"};
    bool written = doc && yyjson_mut_write_file(self->out, doc, flags, NULL, &error);
    if (!written)
        say("certify: %s can't be written: %s", self->out, error.msg);
    if (self->json && doc)
        written = yyjson_mut_write_fp(stdout, doc, flags, NULL, &error) && written;
    else if (self->tap)
        report_write_tap(report, stdout);
    else
        report_write_table(&report, 1, stdout);
    FILE *beside = self->json || self->tap ? stderr : stdout;
    summary_write(suite, report, beside);
    if (written)
        fprintf(beside, "%s: %s\n", self->out, certificate_result(report, count));
    yyjson_mut_doc_free(doc);
    return written;
}

static int s_certify(certify_t *self)
{
    size_t count;
    pbus_error_t error;
    suite_case_t *cases = cases_new(&count);
    report_t *report = report_new("unknown", "unknown");
    suite_t *suite = suite_new(&self->suite, &error);
    if (suite && !self->start)
        say("certify: waiting for a worker of group %s at %s and %s", self->suite.group, self->suite.requests,
            self->suite.replies);
    pbus_status_t status = suite ? suite_run(suite, cases, count, report, s_told, &error) : error.status;
    bool fine = status == PBUS_OK && report_count_of(report, REPORT_FAILED) == 0;
    if (status != PBUS_OK)
        say("certify: %s", error.text);
    else
        fine = s_write(self, suite, report, cases, count) && fine;
    suite_destroy(&suite);
    report_destroy(&report);
    free(cases);
    return fine ? EXIT_DONE : EXIT_NOT;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    certify_t self = {.json = globals->json};
    int status = EXIT_USAGE;
    if (s_parse(&self, argc, argv))
        status = s_make_folder(&self) ? EXIT_DONE : EXIT_NOT;
    if (status == EXIT_DONE) {
        signal(SIGPIPE, SIG_IGN);
        zsys_handler_set(NULL); /* a signal ends the program, and with it the worker */
        status = s_certify(&self);
        s_leave_folder(&self, status == EXIT_DONE);
    }
    free(self.command);
    return status;
}

const command_t cmd_certify = {
    .name = "certify",
    .arguments = "--group NAME [--start CMD] [OPTION...]",
    .summary = "whether a backend does all that is asked of it",
    .help =
        "Plays core-data to one worker, whatever that is written in, and compares what it answers with a\n"
        "model. Needs no core-data. The worker's store has to be an empty one that nobody needs.\n"
        "Prints a table and writes a certificate: certified, incomplete (what applies was not run) or "
        "failed.\n"
        "Exit status 0: nothing failed.\n\n"
        "  --group NAME        the worker's group\n"
        "  --start CMD         starts the worker: VARIABLE=value if need be, a program and its arguments, "
        "quoted as\n"
        "                      for a shell. It gets PERSISTBUS_REQUESTS, PERSISTBUS_REPLIES and\n"
        "                      PERSISTBUS_GROUP, and is killed and started again by some cases.\n"
        "                      Without it a worker that somebody else starts is waited for at --requests "
        "and\n"
        "                      --replies, and the cases that kill it are not run\n"
        "  --out FILE          the certificate; default: certificate.json\n"
        "  --tap               TAP on standard output, instead of the table\n\n"
        "and, for stores that are servers, for repeating and for parts of a run:\n\n"
        "  --case NAME         only the cases whose name holds this\n"
        "  --seed N            of the random events; the summary names it\n"
        "  --requests ENDPOINT, --replies ENDPOINT\n"
        "                      where the suite listens; default with --start: any free ports; without it\n"
        "                      those of the environment, or tcp://127.0.0.1:5570 and 5571\n"
        "  --store-stop CMD, --store-kill CMD, --store-start CMD\n"
        "                      shell commands for the server that the store is\n"
        "  --embedded          the store is in the worker's process: there is no server to stop\n"
        "  --server TEXT       what the store is, for the certificate\n"
        "  --second CMD        starts a second worker on the same store, if that is another command\n"
        "  --folder DIR        for the worker's log\n"
        "  --patience X        factor for spans of time, for slow machines\n"
        "  --wipe              begin even if the store holds events: they are deleted\n\n"
        "example: persistctl certify --group mine --start ./persist-mine --embedded\n",
    .run = s_run,
};
