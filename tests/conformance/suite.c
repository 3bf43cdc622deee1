#include "suite.h"
#include "act.h"
#include "need.h"

#include <persistbus/version.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define SECOND INT64_C(1000000000)
#define START_SECONDS 20 /* until a worker is ready */
#define UNREADY_MAX 3
#define LEAVE_SECONDS 10   /* until a worker that was told to has ended */
#define STEP_NS 20000000ll /* how often a worker's process is looked after */

/* ---- failures --------------------------------------------------------------------------------------------
 */

bool suite_fine(const suite_t *self)
{
    return !self->failed;
}

void suite_fail(suite_t *self, const char *format, ...)
{
    if (self->failed)
        return;
    self->failed = true;
    if (self->step[0])
        snprintf(self->reason, sizeof self->reason, "%s: ", self->step);
    size_t size = strlen(self->reason);
    va_list args;
    va_start(args, format);
    vsnprintf(self->reason + size, sizeof self->reason - size, format, args);
    va_end(args);
}

void suite_step(suite_t *self, const char *format, ...)
{
    if (self->failed)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(self->step, sizeof self->step, format, args);
    va_end(args);
}

/* ---- time ------------------------------------------------------------------------------------------------
 */

int64_t suite_deadline(const suite_t *self, double seconds)
{
    return pbus_clock_boottime() + (int64_t) (seconds * self->options->patience * SECOND);
}

/* The last line that a worker wrote, for a failure. */
static void s_last_words(const suite_t *self, size_t place, char text[300])
{
    char path[512], line[300];
    text[0] = '\0';
    snprintf(path, sizeof path, "%s/worker-%zu.log", self->options->folder, place + 1);
    FILE *log = fopen(path, "r");
    while (log && fgets(line, sizeof line, log))
        if (line[0] != '\n')
            snprintf(text, 300, "%.*s", (int) strcspn(line, "\n"), line);
    if (log)
        fclose(log);
}

static void s_look_after_workers(suite_t *self)
{
    for (size_t i = 0; i < SUITE_WORKERS; i++) {
        if (!self->workers[i] || self->may_end[i] || process_is_running(self->workers[i]))
            continue;
        char words[300];
        s_last_words(self, i, words);
        suite_fail(self, "the worker %s; its last line: %s", process_outcome(self->workers[i]), words);
    }
}

bool suite_pump(suite_t *self, int64_t deadline, const char *what)
{
    if (self->failed)
        return false;
    int64_t now = pbus_clock_boottime();
    host_step(self->host, now + STEP_NS < deadline ? now + STEP_NS : deadline);
    if (host_fault(self->host))
        suite_fail(self, "%s", host_fault(self->host));
    s_look_after_workers(self);
    if (now > deadline)
        suite_fail(self, "%s: not seen in time", what);
    return !self->failed;
}

/* ---- the worker ------------------------------------------------------------------------------------------
 */

peer_t *suite_peer(suite_t *self)
{
    if (self->failed)
        return NULL;
    peer_t *peer = host_ready_peer(self->host, self->asked);
    if (!peer) {
        peer_t *other = host_peer(self->host, self->asked);
        suite_fail(self, "the worker is not ready%s%s", other ? "; it says: " : ", and has no subscription",
                   other ? peer_info(other)->text : "");
    }
    return peer;
}

void suite_wait_ready(suite_t *self, size_t workers)
{
    int64_t end = suite_deadline(self, START_SECONDS);
    char what[64];
    snprintf(what, sizeof what, "%zu worker(s) with READY true", workers);
    while (!host_ready_peer(self->host, workers - 1) && suite_pump(self, end, what)) {
    }
}

void suite_new_session(suite_t *self, const host_terms_t *terms)
{
    peer_t *peer = suite_peer(self);
    host_set_terms(self->host, terms);
    if (peer)
        peer_begin(peer);
    suite_wait_ready(self, 1);
}

uint64_t suite_accept(suite_t *self)
{
    return self->accept += 1 + generator_below(self->random, 1000);
}

static bool s_all_gone(const suite_t *self)
{
    for (size_t i = 0; i < SUITE_WORKERS; i++)
        if (self->workers[i])
            return false;
    return true;
}

void suite_start_worker(suite_t *self, size_t place)
{
    pbus_error_t error;
    char requests[96], replies[96], group[96], log[512];
    const char *environment[] = {requests, replies, group, NULL};
    const char *second[] = {"/bin/sh", "-c", self->options->second, NULL};
    if (self->failed)
        return;
    snprintf(requests, sizeof requests, "PERSISTBUS_REQUESTS=%s", host_requests(self->host));
    snprintf(replies, sizeof replies, "PERSISTBUS_REPLIES=%s", host_replies(self->host));
    snprintf(group, sizeof group, "PERSISTBUS_GROUP=%s",
             self->options->group ? self->options->group : "conformance");
    snprintf(log, sizeof log, "%s/worker-%zu.log", self->options->folder, place + 1);
    self->may_end[place] = false;
    self->workers[place] = process_new(place && self->options->second ? second : self->options->worker,
                                       environment, log, &error);
    if (!self->workers[place])
        suite_fail(self, "%s", error.text);
}

static size_t s_subscribed(suite_t *self)
{
    size_t count = 0;
    while (host_peer(self->host, count))
        count++;
    return count;
}

void suite_kill_worker(suite_t *self, size_t place)
{
    int64_t end = suite_deadline(self, LEAVE_SECONDS);
    size_t before = s_subscribed(self);
    if (self->failed || !self->workers[place])
        return;
    process_destroy(&self->workers[place]);
    while (before > 0 && s_subscribed(self) == before &&
           suite_pump(self, end, "the end of the killed worker's subscription")) {
    }
}

void suite_wait_end(suite_t *self, size_t place)
{
    int64_t end = suite_deadline(self, LEAVE_SECONDS);
    if (self->failed)
        return;
    self->may_end[place] = true;
    while (process_is_running(self->workers[place]) && suite_pump(self, end, "the worker's end")) {
    }
    if (!self->failed && !process_ended_well(self->workers[place]))
        suite_fail(self, "the worker %s, expected status 0", process_outcome(self->workers[place]));
    suite_kill_worker(self, place);
}

void suite_worker_was_ended(suite_t *self)
{
    if (self->about.forgets)
        model_clear(self->model);
}

static void s_command(suite_t *self, const char *command)
{
    pbus_error_t error;
    if (!process_run(command, &error))
        suite_fail(self, "%s", error.text);
}

void suite_stop_store(suite_t *self)
{
    if (self->failed)
        return;
    self->store_away = true;
    s_command(self, self->options->store_stop);
}

void suite_kill_store(suite_t *self)
{
    if (self->failed)
        return;
    self->store_away = true;
    s_command(self, self->options->store_kill);
}

void suite_start_store(suite_t *self)
{
    if (self->store_away)
        s_command(self, self->options->store_start);
    self->store_away = false;
}

/* ---- running cases ---------------------------------------------------------------------------------------
 */

static void s_forget_case(suite_t *self)
{
    self->failed = false;
    self->reason[0] = self->step[0] = '\0';
    self->lacking = NULL;
    self->asked = 0;
    self->batches = 0;
    model_clear(self->model);
    host_forget_fault(self->host);
    host_set_refusal(self->host, NULL);
}

/* A worker that hangs is started anew, once. */
static void s_try_again(suite_t *self)
{
    if (!self->failed || !self->options->worker || !self->workers[0])
        return;
    self->failed = false;
    self->reason[0] = '\0';
    host_forget_fault(self->host);
    suite_kill_worker(self, 0);
    suite_start_worker(self, 0);
    suite_wait_ready(self, 1);
}

/* After a case, whatever it has done: one worker, ready, on the usual terms; started anew if need be. */
static void s_prepare(suite_t *self)
{
    host_terms_t terms = host_default_terms();
    s_forget_case(self);
    if (self->unready >= UNREADY_MAX) {
        suite_fail(self, "given up: the worker was not ready for the %u cases before", self->unready);
        return;
    }
    host_set_terms(self->host, &terms);
    suite_start_store(self);
    if (self->workers[1])
        suite_kill_worker(self, 1);
    if (self->workers[0] && !process_is_running(self->workers[0]))
        suite_kill_worker(self, 0);
    if (self->options->worker && s_all_gone(self))
        suite_start_worker(self, 0);
    suite_wait_ready(self, 1);
    suite_new_session(self, &terms);
    s_try_again(self);
    self->unready = self->failed ? self->unready + 1 : 0;
}

/* Why a case can't be run; empty if it can. */
static report_outcome_t s_obstacle(suite_t *self, const suite_case_t *it, const char **why)
{
    static const struct {
        uint64_t bit;
        const char *why;
    } lacks[] = {
        {PBUS_CAP_AGGREGATE, "aggregate"}, {PBUS_CAP_WORKERS, "several workers"}, {PBUS_CAP_SCAN, "scan"}};
    const suite_options_t *options = self->options;
    peer_t *peer = host_ready_peer(self->host, 0);
    uint64_t missing = peer ? peer_info(peer)->missing : 0;
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++)
        if (it->needs & missing & lacks[i].bit) {
            *why = lacks[i].why;
            return REPORT_LACKS;
        }
    if ((it->needs & SUITE_NEEDS_KEEPING) && self->about.forgets) {
        *why = "data that outlives its process";
        return REPORT_LACKS;
    }
    if ((it->needs & SUITE_NEEDS_MINOR_1) && self->about.minor < 1) {
        *why = "protocol 1.1";
        return REPORT_LACKS;
    }
    if ((it->needs & (SUITE_NEEDS_STORE_STOP | SUITE_NEEDS_STORE_KILL)) && options->embedded) {
        *why = "a server of its own";
        return REPORT_LACKS;
    }
    if ((it->needs & (SUITE_NEEDS_WORKER | PBUS_CAP_WORKERS)) && !options->worker)
        *why = "the suite did not start the worker";
    else if ((it->needs & SUITE_NEEDS_STORE_STOP) && !(options->store_stop && options->store_start))
        *why = "no commands to stop and start the store";
    else if ((it->needs & SUITE_NEEDS_STORE_KILL) && !(options->store_kill && options->store_start))
        *why = "no commands to kill and start the store";
    else
        return REPORT_PASSED;
    return REPORT_NOT_RUN;
}

static uint64_t s_hash(const char *name)
{
    uint64_t hash = 0;
    for (; *name; name++)
        hash = (hash ^ (uint8_t) *name) * UINT64_C(0x100000001B3);
    return hash;
}

static void s_run_case(suite_t *self, const suite_case_t *it, report_t *report)
{
    const char *why = "";
    int64_t began = pbus_clock_boottime();
    s_prepare(self);
    report_outcome_t outcome = s_obstacle(self, it, &why);
    if (outcome == REPORT_PASSED) {
        /* The same events whether a case is run alone or after others; other ones in each case. */
        generator_reset(self->random, self->options->seed + s_hash(it->name));
        suite_step(self, "emptying the store");
        act_empty(self);
        suite_step(self, "%s", "");
        if (!self->failed)
            it->run(self);
        outcome = self->failed ? REPORT_FAILED : self->lacking ? REPORT_LACKS : REPORT_PASSED;
        why = outcome == REPORT_LACKS ? self->lacking : self->reason;
    }
    report_add(report, it->name, outcome, why, (double) (pbus_clock_boottime() - began) / SECOND);
}

static void s_name_report(suite_t *self, report_t *report)
{
    const peer_info_t *info = peer_info(host_ready_peer(self->host, 0));
    suite_worker_t *about = &self->about;
    char title[400];
    snprintf(about->backend, sizeof about->backend, "%s", info->backend);
    snprintf(about->version, sizeof about->version, "%s", info->version);
    about->minor = info->minor;
    about->missing = info->missing;
    about->durable = info->durable;
    snprintf(title, sizeof title, "%s %s, protocol %d.%llu%s%s, %s", about->backend, about->version,
             PBUS_PROTOCOL_MAJOR, (unsigned long long) about->minor, self->options->server ? ", " : "",
             self->options->server ? self->options->server : "", about->durable ? "durable" : "not durable");
    report_set_backend(report, about->backend, title);
}

/*
 * Whether the data ends with the worker's process. It has to say so in every way it can: not durable, and
 * another data set when it is started again, from which core-data knows that history is missing.
 */
static void s_find_out_keeping(suite_t *self)
{
    if (self->about.durable || !self->options->worker)
        return;
    pbus_uuid_t before = peer_info(host_ready_peer(self->host, 0))->data_set;
    suite_kill_worker(self, 0);
    suite_start_worker(self, 0);
    suite_wait_ready(self, 1);
    peer_t *peer = suite_peer(self);
    self->about.forgets = peer && memcmp(&peer_info(peer)->data_set, &before, sizeof before) != 0;
}

/* Waits for the worker, and makes sure that nobody's data is lost. */
static pbus_status_t s_begin(suite_t *self, report_t *report, pbus_error_t *error)
{
    s_prepare(self);
    const char *group = self->options->group,
               *told = self->failed ? NULL : peer_info(host_ready_peer(self->host, 0))->group;
    if (group && told && strcmp(group, told) != 0)
        return pbus_fail(error, PBUS_INVALID,
                         "the worker that came is of group '%s', not '%s': set PERSISTBUS_GROUP for it", told,
                         group);
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_COUNT);
    call_t *call = act_ask(self, &ask);
    pbus_answer_t answer = act_answer(self, call);
    call_destroy(&call);
    if (self->failed)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%.200s", self->reason);
    if (answer.total > 0 && !self->options->wipe)
        return pbus_fail(
            error, PBUS_CONFLICT,
            "the store holds %llu events, and the suite would delete them: give it an empty store, "
            "or say --wipe",
            (unsigned long long) answer.total);
    s_name_report(self, report);
    uint64_t mark = peer_info(host_ready_peer(self->host, 0))->mark;
    s_find_out_keeping(self);
    if (self->failed)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%.200s", self->reason);
    self->accept = mark > (uint64_t) pbus_clock_realtime() ? mark : (uint64_t) pbus_clock_realtime();
    return PBUS_OK;
}

pbus_status_t suite_run(suite_t *self, const suite_case_t *cases, size_t count, report_t *report,
                        void (*told)(const report_t *report, size_t place), pbus_error_t *error)
{
    const char *only = self->options->only;
    pbus_status_t status = s_begin(self, report, error);
    if (status != PBUS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        if (only && !strstr(cases[i].name, only))
            continue;
        s_run_case(self, &cases[i], report);
        if (told)
            told(report, report_count(report) - 1);
    }
    if (report_count(report) == 0)
        return pbus_fail(error, PBUS_NOT_FOUND, "no case is named '%s': see --list", only);
    return PBUS_OK;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

suite_t *suite_new(const suite_options_t *options, pbus_error_t *error)
{
    suite_t *self = need_alloc(1, sizeof *self);
    self->options = options;
    self->host = host_new(options->requests, options->replies, options->patience, error);
    if (!self->host) {
        free(self);
        return NULL;
    }
    self->model = model_new();
    self->random = generator_new(options->seed);
    self->decoder = pbus_decoder_new();
    need_made(self->decoder);
    return self;
}

/* A worker is asked to leave first, so that it can close its store. */
static void s_stop_workers(suite_t *self)
{
    int64_t end = suite_deadline(self, LEAVE_SECONDS);
    for (size_t i = 0; i < SUITE_WORKERS; i++)
        if (self->workers[i])
            process_signal(self->workers[i], SIGTERM);
    for (size_t i = 0; i < SUITE_WORKERS; i++) {
        while (self->workers[i] && process_is_running(self->workers[i]) && pbus_clock_boottime() < end)
            host_step(self->host, pbus_clock_boottime() + STEP_NS);
        process_destroy(&self->workers[i]);
    }
}

void suite_destroy(suite_t **self_p)
{
    suite_t *self = *self_p;
    if (!self)
        return;
    s_stop_workers(self);
    host_destroy(&self->host);
    model_destroy(&self->model);
    generator_destroy(&self->random);
    pbus_decoder_destroy(&self->decoder);
    free(self);
    *self_p = NULL;
}
