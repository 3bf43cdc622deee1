/*
 * core-data: EdgeX's REST API v3 in front of whatever persistence services run. See --help and
 * docs/ARCHITECTURE.md.
 */
#include <czmq.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <persistbus/version.h>
#include "arguments.h"
#include "dispatcher.h"
#include "http/common.h"
#include "http/server.h"
#include "http/telemetry.h"
#include "mirror/mirror.h"
#include "retention/retention.h"

#define TICK_MS 1000
#define DRAIN_MS 500  /* for what is with the dispatcher when the service is told to stop */
#define LINGER_MS 300 /* for answers on their way to clients */

static const pbus_option_t *const tables[] = {settings_options, rules_options, dispatcher_options,
                                              mirror_options};
#define TABLES (sizeof tables / sizeof *tables)

typedef struct {
    arguments_t arguments;
    struct timespec changed;
    pbus_log_t *log;
    pbus_config_t *config;
    settings_t settings;
    rules_t rules;
    dispatcher_t *dispatcher;
    service_t *service;
    retention_t *retention;
    mirror_t *mirror;
    server_t *server;
    telemetry_t telemetry;
    int signals;
} core_t;

/* ---- configuration ---------------------------------------------------------------------------------- */

/* Takes over what `Writable` says. */
static pbus_status_t s_apply(core_t *self, pbus_error_t *error)
{
    const char *level = pbus_config_string(self->config, "Writable.LogLevel");
    if (!pbus_log_set_level(self->log, level))
        return pbus_fail(error, PBUS_INVALID,
                         "Writable.LogLevel is '%s': use TRACE, DEBUG, INFO, WARN or ERROR", level);
    if (!self->service)
        return PBUS_OK;
    pbus_buf_t json = {0};
    service_set_persists(self->service, pbus_config_bool(self->config, "Writable.PersistData"));
    common_config_json(&json, self->config, tables, TABLES);
    service_set_config(self->service, &json);
    return PBUS_OK;
}

static bool s_is_changed(core_t *self)
{
    struct stat now;
    if (!*self->arguments.path || stat(self->arguments.path, &now) != 0)
        return false;
    bool changed = now.st_mtim.tv_sec != self->changed.tv_sec || now.st_mtim.tv_nsec != self->changed.tv_nsec;
    self->changed = now.st_mtim;
    return changed;
}

static void s_reload(core_t *self)
{
    pbus_error_t error;
    bool changed = false;
    if (!s_is_changed(self))
        return;
    pbus_status_t status = pbus_config_reload(self->config, &changed, &error);
    if (status == PBUS_OK && changed)
        status = s_apply(self, &error);
    if (status != PBUS_OK)
        pbus_log_error(self->log, "the changed configuration is not taken over: %s", error.text);
    else if (changed)
        pbus_log_info(self->log, "Writable configuration of %s taken over", self->arguments.path);
}

/* ---- life ------------------------------------------------------------------------------------------- */

/* Every thread started later has them blocked too, so they come to the descriptor alone. */
static pbus_status_t s_catch_signals(core_t *self, pbus_error_t *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0)
        self->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signals >= 0 ? PBUS_OK : pbus_fail(error, PBUS_INTERNAL, "signalfd: %s", strerror(errno));
}

/* As many files as the system lets this process have, since connections are files. */
static void s_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static pbus_status_t s_submit(void *dispatcher, request_t *request)
{
    return dispatcher_submit(dispatcher, request);
}

static bool s_stream_wanted(void *dispatcher)
{
    return dispatcher_stream_wanted(dispatcher);
}

static pbus_status_t s_start(core_t *self, pbus_error_t *error)
{
    pbus_status_t status =
        pbus_config_load(self->config, *self->arguments.path ? self->arguments.path : NULL, error);
    s_is_changed(self);
    if (status == PBUS_OK)
        status = s_apply(self, error);
    if (status == PBUS_OK)
        status = rules_read(&self->rules, self->config, error);
    if (status == PBUS_OK)
        status = s_catch_signals(self, error);
    if (status != PBUS_OK)
        return status;
    s_raise_limit();
    self->settings = settings_read(self->config);
    self->dispatcher = dispatcher_new(self->config, self->log, error);
    if (!self->dispatcher)
        return error->status;
    port_t port = {self->dispatcher, s_submit, s_stream_wanted, dispatcher_metrics(self->dispatcher)};
    self->service = service_new(&self->settings, port, self->log);
    if (!self->service)
        return pbus_fail(error, PBUS_NOMEM, "memory or random numbers are out");
    status = s_apply(self, error);
    if (status != PBUS_OK)
        return status;
    self->retention = retention_new(self->service, &self->rules, error);
    if (!self->retention)
        return error->status;
    self->mirror = mirror_new(self->service, pbus_config_bool(self->config, "PersistBus.AutoCopy"), error);
    if (!self->mirror)
        return error->status;
    service_set_mirror(self->service, self->mirror);
    self->server = server_new(self->service, error);
    return self->server ? PBUS_OK : error->status;
}

static void s_run(core_t *self)
{
    struct pollfd ready = {.fd = self->signals, .events = POLLIN};
    struct signalfd_siginfo signal;
    pbus_log_info(self->log, "core-data " PBUS_VERSION " is listening on http://%s:%u/api/v3",
                  server_host(self->server), server_port(self->server));
    while (read(self->signals, &signal, sizeof signal) != sizeof signal) {
        poll(&ready, 1, TICK_MS);
        s_reload(self);
        server_tick(self->server, pbus_clock_boottime());
        telemetry_tick(&self->telemetry, self->service, self->config, pbus_clock_boottime());
    }
    pbus_log_info(self->log, "stopping on signal %u", signal.ssi_signo);
}

static void s_stop(core_t *self)
{
    if (self->server)
        server_quiesce(self->server, DRAIN_MS);
    retention_destroy(&self->retention);
    if (self->mirror)
        mirror_stop(self->mirror);
    dispatcher_destroy(&self->dispatcher);
    server_destroy(&self->server, LINGER_MS);
    mirror_destroy(&self->mirror);
    service_destroy(&self->service);
    if (self->signals >= 0)
        close(self->signals);
}

static void s_help(core_t *self)
{
    pbus_buf_t text = {0};
    pbus_buf_puts(&text, arguments_help);
    pbus_buf_puts(&text, "\nOptions of the file, and the variables that override them:\n\n");
    pbus_config_help(self->config, &text);
    if (!text.failed)
        fwrite(text.data, 1, text.size, stdout);
    pbus_buf_clear(&text);
}

/* Does what the arguments say. */
static pbus_status_t s_act(core_t *self, pbus_error_t *error)
{
    if (self->arguments.action == ARGUMENTS_HELP)
        s_help(self);
    else if (self->arguments.action == ARGUMENTS_VERSION)
        puts("core-data " PBUS_VERSION);
    else {
        pbus_status_t status = s_start(self, error);
        if (status != PBUS_OK)
            return status;
        s_run(self);
    }
    return PBUS_OK;
}

int main(int argc, char **argv)
{
    core_t self = {.signals = -1, .log = pbus_log_new("core-data")};
    pbus_error_t error;
    self.config = pbus_config_new(tables, TABLES, self.log);
    if (!self.log || !self.config) {
        fprintf(stderr, "core-data: memory is out\n");
        return 1;
    }
    pbus_status_t status = arguments_read(&self.arguments, argc, argv, &error);
    if (status == PBUS_OK)
        status = s_act(&self, &error);
    if (status != PBUS_OK)
        fprintf(stderr, "core-data: %s\n", error.text);
    s_stop(&self);
    pbus_config_destroy(&self.config);
    pbus_log_destroy(&self.log);
    return status == PBUS_OK ? 0 : 1;
}
