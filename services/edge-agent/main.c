/*
 * edge-agent: runs the modules of a deployment manifest and keeps them running. See --help and README.md.
 *
 * One thread: it sleeps in http_wait until a module has ended, an answer has come, the manifest or a signal
 * is there, or something is due; then everything is looked at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <persistbus/version.h>
#include "agent.h"
#include "asker.h"
#include "docker.h"
#include "process.h"
#include "report.h"
#include "settings.h"
#include "state.h"
#include "watch.h"

#define LOOK 5000000000 /* ns between looks at the manifest when nobody tells of a change */

static const pbus_option_t *const tables[] = {settings_options};

typedef enum { ACTION_RUN, ACTION_HELP, ACTION_VERSION } action_t;

typedef struct {
    action_t action;
    const char *config_path;
    const char *manifest_path;
    pbus_log_t *log;
    pbus_config_t *config;
    settings_t settings;
    timeline_t timeline;
    http_t *http;
    process_t *process;
    docker_t *docker;
    asker_t *asker;
    agent_t *agent;
    state_t *state;
    report_t *report;
    watch_t *watch;
    int signals;
    int lock;
    int64_t next_look; /* at the manifest */
    bool reread;       /* SIGHUP */
    bool stopping;
    char trouble[240]; /* the last error in keeping state and report; said once */
} edge_t;

static const char help[] =
    "usage: edge-agent [--config FILE] [--manifest FILE]\n"
    "\n"
    "Runs the modules of a deployment manifest, as processes or as containers, and keeps them running. A "
    "manifest\n"
    "that changes is taken over at once: only what has changed in it is started anew.\n"
    "\n"
    "  --config FILE     configuration in YAML. Without it everything is at its default\n"
    "  --manifest FILE   the manifest, as persistctl render writes it; instead of Agent.Manifest\n"
    "  -h, --help        this text\n"
    "  --version         the version\n"
    "\n"
    "SIGHUP reads configuration and manifest again. SIGTERM stops the agent, and the modules unless "
    "Agent.OnStop is\n"
    "leave; a second one ends it at once. A killed agent leaves the modules running; the next one adopts "
    "them. persistctl modules shows "
    "them.\n"
    "\n"
    "Options of the file, and the variables that override them:\n\n";

/* ---- command line ------------------------------------------------------------------------------------ */

static pbus_status_t s_arguments(edge_t *self, int argc, char **argv, pbus_error_t *error)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"manifest", required_argument, NULL, 'm'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'c')
            self->config_path = optarg;
        else if (option == 'm')
            self->manifest_path = optarg;
        else if (option == 'h')
            self->action = ACTION_HELP;
        else if (option == 'v')
            self->action = ACTION_VERSION;
        else
            return pbus_fail(error, PBUS_INVALID,
                             option == ':' ? "%s needs a value: see --help" : "unknown option %s: see --help",
                             argv[optind - 1]);
    }
    return optind == argc
               ? PBUS_OK
               : pbus_fail(error, PBUS_INVALID, "unexpected argument '%s': see --help", argv[optind]);
}

static void s_help(edge_t *self)
{
    pbus_buf_t text = {0};
    pbus_buf_puts(&text, help);
    pbus_config_help(self->config, &text);
    if (!text.failed)
        fwrite(text.data, 1, text.size, stdout);
    pbus_buf_clear(&text);
}

/* ---- the manifest ------------------------------------------------------------------------------------ */

static void s_tell(edge_t *self, const problems_t *problems)
{
    const char *line;
    bool is_error;
    for (size_t i = 0; (line = problems_line(problems, i, &is_error)) != NULL; i++)
        pbus_log_at(self->log, is_error ? PBUS_LOG_ERROR : PBUS_LOG_WARN, "%s", line);
}

static const char *s_first_error(const problems_t *problems)
{
    const char *line;
    bool is_error;
    for (size_t i = 0; (line = problems_line(problems, i, &is_error)) != NULL; i++)
        if (is_error)
            return line;
    return "memory is out";
}

static void s_refuse_manifest(edge_t *self, const problems_t *problems)
{
    bool is_there = access(self->settings.manifest, F_OK) == 0;
    report_manifest(self->report, self->settings.manifest, is_there ? 400 : 404, s_first_error(problems));
    pbus_log_error(self->log, "the manifest %s is not taken over: what ran before goes on",
                   self->settings.manifest);
}

static void s_take_manifest(edge_t *self, manifest_t *manifest, problems_t *problems)
{
    const char *url = self->settings.core_url ? self->settings.core_url : manifest->core_url;
    size_t count = manifest->count;
    if (!docker_set_registries(self->docker, manifest) || agent_take(self->agent, manifest, url) != PBUS_OK) {
        problems_error(problems, self->settings.manifest, "memory is out");
        s_refuse_manifest(self, problems);
        self->reread = true;
        return;
    }
    report_manifest(self->report, self->settings.manifest, 200, "");
    pbus_log_info(self->log, "manifest %s taken over: %zu modules", self->settings.manifest, count);
}

static void s_read_manifest(edge_t *self)
{
    problems_t *problems = problems_new();
    if (!problems) {
        pbus_log_error(self->log, "memory is out");
        self->reread = true;
        return;
    }
    jsonfile_t *file = jsonfile_read(self->settings.manifest, problems);
    manifest_t *manifest = file ? manifest_new(file, problems) : NULL;
    s_tell(self, problems);
    if (manifest)
        s_take_manifest(self, manifest, problems);
    else
        s_refuse_manifest(self, problems);
    manifest_destroy(&manifest);
    jsonfile_destroy(&file);
    problems_destroy(&problems);
}

static void s_look_at_manifest(edge_t *self, int64_t now)
{
    bool look = now >= self->next_look, again = self->reread;
    if (look)
        self->next_look = now + LOOK;
    self->reread = false;
    if (watch_is_changed(self->watch, look || again) || again)
        s_read_manifest(self);
}

/* ---- configuration and signals ------------------------------------------------------------------------ */

static pbus_status_t s_set_level(edge_t *self, pbus_error_t *error)
{
    const char *level = pbus_config_string(self->config, "Writable.LogLevel");
    if (pbus_log_set_level(self->log, level))
        return PBUS_OK;
    return pbus_fail(error, PBUS_INVALID, "Writable.LogLevel is '%s': use TRACE, DEBUG, INFO, WARN or ERROR",
                     level);
}

static void s_reload(edge_t *self)
{
    pbus_error_t error;
    bool changed = false;
    pbus_status_t status = pbus_config_reload(self->config, &changed, &error);
    if (status == PBUS_OK && changed)
        status = s_set_level(self, &error);
    if (status != PBUS_OK)
        pbus_log_error(self->log, "the changed configuration is not taken over: %s", error.text);
    self->reread = true;
}

static pbus_status_t s_catch_signals(edge_t *self, pbus_error_t *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0)
        self->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signals >= 0 ? PBUS_OK : pbus_fail(error, PBUS_INTERNAL, "signalfd: %s", strerror(errno));
}

static void s_stop(edge_t *self, unsigned number)
{
    bool stops = self->settings.stops_modules;
    pbus_log_info(self->log, "stopping on signal %u; modules are %s", number,
                  stops ? "stopped" : "left running");
    self->stopping = true;
    if (stops)
        agent_stop(self->agent);
}

/* Told so twice: what does not stop, as its container engine does not answer, is left running. */
static void s_give_up(edge_t *self, unsigned number)
{
    pbus_log_warn(self->log,
                  "ending at once on another signal %u; modules that have not stopped are left running",
                  number);
    self->settings.stops_modules = false;
}

static void s_take_signals(edge_t *self)
{
    struct signalfd_siginfo signal;
    while (read(self->signals, &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGHUP)
            s_reload(self);
        else if (!self->stopping)
            s_stop(self, signal.ssi_signo);
        else
            s_give_up(self, signal.ssi_signo);
    }
}

/* ---- life -------------------------------------------------------------------------------------------- */

static pbus_status_t s_take_lock(edge_t *self, pbus_error_t *error)
{
    self->lock = open(self->settings.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock < 0)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s: %s", self->settings.lock, strerror(errno));
    if (flock(self->lock, LOCK_EX | LOCK_NB) == 0)
        return PBUS_OK;
    return pbus_fail(error, PBUS_UNAVAILABLE,
                     "another edge-agent uses %s: stop it, or give this one another Agent.Path",
                     self->settings.path);
}

static pbus_status_t s_make(edge_t *self, pbus_error_t *error)
{
    const settings_t *settings = &self->settings;
    docker_rules_t docker = {
        .socket = settings->docker_socket, .grace = settings->process.grace, .probe = settings->rules.probe};
    snprintf(docker.owner, sizeof docker.owner, "%s", settings->process.owner);
    self->process = process_new(&settings->process, self->log, error);
    if (!self->process)
        return error->status;
    self->http = http_new();
    self->docker = self->http ? docker_new(&docker, self->http, self->log) : NULL;
    self->asker = self->http ? asker_new(self->http, settings->probe_timeout) : NULL;
    self->state = state_new(settings->state, self->log);
    self->report = report_new(settings->reported);
    self->watch = watch_new(settings->manifest);
    if (!self->docker || !self->asker || !self->state || !self->report || !self->watch)
        return pbus_fail(error, PBUS_NOMEM, "memory or descriptors are out");
    runner_t runners[2];
    runners[MANIFEST_DOCKER] = docker_runner(self->docker);
    runners[MANIFEST_PROCESS] = process_runner(self->process);
    self->agent = agent_new(&settings->rules, runners, asker_outside(self->asker), self->log);
    if (!self->agent)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    asker_set_agent(self->asker, self->agent);
    return PBUS_OK;
}

static pbus_status_t s_start(edge_t *self, pbus_error_t *error)
{
    pbus_status_t status = pbus_config_load(self->config, self->config_path, error);
    if (status == PBUS_OK)
        status = s_set_level(self, error);
    if (status == PBUS_OK)
        status = settings_read(&self->settings, self->config, self->manifest_path, error);
    if (status == PBUS_OK)
        status = s_take_lock(self, error);
    if (status == PBUS_OK)
        status = s_catch_signals(self, error);
    if (status == PBUS_OK)
        status = s_make(self, error);
    timeline_look(&self->timeline);
    return status == PBUS_OK ? state_load(self->state, self->agent, &self->timeline, error) : status;
}

static void s_keep(edge_t *self, bool running)
{
    pbus_error_t error = {.text = ""};
    pbus_status_t status = state_save(self->state, self->agent, &self->timeline, &error);
    if (status == PBUS_OK)
        status = report_save(self->report, self->agent, &self->timeline, running, &error);
    if (status != PBUS_OK && strcmp(self->trouble, error.text))
        pbus_log_error(self->log, "%s", error.text);
    snprintf(self->trouble, sizeof self->trouble, "%s", status == PBUS_OK ? "" : error.text);
}

static void s_wait(edge_t *self)
{
    const int fds[] = {self->signals, process_fd(self->process), watch_fd(self->watch)};
    int64_t next = agent_next(self->agent, self->timeline.now),
            due[] = {process_next(self->process), docker_next(self->docker), self->next_look};
    for (size_t i = 0; i < sizeof due / sizeof *due; i++)
        next = due[i] < next ? due[i] : next;
    int64_t left = next - pbus_clock_boottime();
    http_wait(self->http, fds, sizeof fds / sizeof *fds, left > 0 ? left : 0);
}

static bool s_is_done(const edge_t *self)
{
    return self->stopping && (!self->settings.stops_modules || agent_is_stopped(self->agent));
}

static void s_run(edge_t *self)
{
    watch_is_changed(self->watch, true);
    s_read_manifest(self);
    while (!s_is_done(self)) {
        int64_t now = timeline_look(&self->timeline);
        process_work(self->process, now);
        docker_work(self->docker, now);
        http_work(self->http);
        if (!self->stopping)
            s_look_at_manifest(self, now);
        agent_step(self->agent, now);
        s_keep(self, true);
        s_wait(self);
        s_take_signals(self);
    }
    s_keep(self, false);
}

static void s_destroy(edge_t *self)
{
    agent_destroy(&self->agent);
    asker_destroy(&self->asker);
    docker_destroy(&self->docker);
    process_destroy(&self->process);
    http_destroy(&self->http);
    state_destroy(&self->state);
    report_destroy(&self->report);
    watch_destroy(&self->watch);
    if (self->signals >= 0)
        close(self->signals);
    if (self->lock >= 0)
        close(self->lock);
    pbus_config_destroy(&self->config);
    pbus_log_destroy(&self->log);
}

static pbus_status_t s_act(edge_t *self, pbus_error_t *error)
{
    if (self->action == ACTION_HELP)
        s_help(self);
    else if (self->action == ACTION_VERSION)
        puts("edge-agent " PBUS_VERSION);
    else {
        pbus_status_t status = s_start(self, error);
        if (status != PBUS_OK)
            return status;
        pbus_log_info(self->log, "edge-agent " PBUS_VERSION " runs %s; its state is in %s",
                      self->settings.manifest, self->settings.path);
        s_run(self);
    }
    return PBUS_OK;
}

int main(int argc, char **argv)
{
    edge_t self = {.signals = -1, .lock = -1, .log = pbus_log_new("edge-agent")};
    pbus_error_t error;
    self.config = pbus_config_new(tables, sizeof tables / sizeof *tables, self.log);
    if (!self.log || !self.config) {
        fprintf(stderr, "edge-agent: memory is out\n");
        return 1;
    }
    pbus_status_t status = s_arguments(&self, argc, argv, &error);
    if (status == PBUS_OK)
        status = s_act(&self, &error);
    if (status != PBUS_OK)
        fprintf(stderr, "edge-agent: %s\n", error.text);
    s_destroy(&self);
    return status == PBUS_OK ? 0 : 1;
}
