/*
 * Settings: see settings.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "files.h"
#include "settings.h"

#define YEAR 31536000000000000 /* ns */

const pbus_option_t settings_options[] = {
    {"Writable.LogLevel", PBUS_OPTION_STRING, "INFO", 0, 0, "TRACE, DEBUG, INFO, WARN, ERROR"},
    {"Agent.Manifest", PBUS_OPTION_STRING, "config/deployment.amd64.json", 0, 0,
     "what is to run; --manifest"},
    {"Agent.Path", PBUS_OPTION_STRING, "var/edge-agent", 0, 0, "state, reported properties and logs"},
    {"Agent.Name", PBUS_OPTION_STRING, "", 0, 0, "tells agents of one machine apart; empty: by Agent.Path"},
    {"Agent.OnStop", PBUS_OPTION_STRING, "stop", 0, 0, "modules when the agent stops: stop or leave"},
    {"Agent.CoreData", PBUS_OPTION_STRING, "", 0, 0, "core-data's URL; empty: as its module has it"},
    {"Restart.Delay", PBUS_OPTION_DURATION, "10s", 1000000, YEAR, "first delay; doubled each time"},
    {"Restart.MaxDelay", PBUS_OPTION_DURATION, "300s", 1000000, YEAR, "longest delay"},
    {"Restart.ClearedAfter", PBUS_OPTION_DURATION, "10m", 0, YEAR, "up for so long: the delays start anew"},
    {"Restart.RanWellAfter", PBUS_OPTION_DURATION, "10s", 0, YEAR,
     "without a health probe: up for so long, the first restart is immediate"},
    {"Startup.ReadyTimeout", PBUS_OPTION_DURATION, "30s", 0, YEAR,
     "how long modules wait for those of lower startupOrder"},
    {"Stop.Timeout", PBUS_OPTION_DURATION, "10s", 0, YEAR, "between SIGTERM and SIGKILL"},
    {"Health.Interval", PBUS_OPTION_DURATION, "5s", 10000000, YEAR, "between two looks at a module"},
    {"Health.Timeout", PBUS_OPTION_DURATION, "3s", 10000000, YEAR, "for an answer"},
    {"Health.Failures", PBUS_OPTION_INT, "3", 1, 1000, "looks in a row without an answer: unhealthy"},
    {"Health.StartPeriod", PBUS_OPTION_DURATION, "30s", 0, YEAR, "after a start, in which they do not count"},
    {"Process.PassEnvironment", PBUS_OPTION_LIST, "PATH,HOME,USER,LANG,LC_ALL,TZ,TMPDIR,LD_LIBRARY_PATH", 0,
     0, "variables that process modules get from the agent"},
    {"Process.LogPath", PBUS_OPTION_STRING, "", 0, 0, "folder of modules' logs; empty: log in Agent.Path"},
    {"Process.LogMaxSize", PBUS_OPTION_INT, "10240", 0, INT32_MAX, "KB of a log; more: rotated. 0: never"},
    {"Process.LogKept", PBUS_OPTION_INT, "3", 0, 1000, "old logs of each module"},
    {"Docker.Socket", PBUS_OPTION_STRING, "/var/run/docker.sock", 0, 0, "of Docker, or of Podman's service"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL},
};

static pbus_status_t s_paths(settings_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    const char *path = pbus_config_string(config, "Agent.Path");
    const char *logs = pbus_config_string(config, "Process.LogPath");
    if (!*path || strlen(path) >= sizeof self->path || strlen(logs) >= sizeof self->process.log.folder)
        return pbus_fail(
            error, PBUS_INVALID,
            "Agent.Path or Process.LogPath is empty or longer than %zu bytes: give a shorter one",
            sizeof self->path - 1);
    snprintf(self->path, sizeof self->path, "%s", path);
    snprintf(self->state, sizeof self->state, "%s/state.json", path);
    snprintf(self->reported, sizeof self->reported, "%s/reported.json", path);
    snprintf(self->lock, sizeof self->lock, "%s/lock", path);
    snprintf(self->process.log.folder, sizeof self->process.log.folder, *logs ? "%s" : "%s/log",
             *logs ? logs : path);
    return files_make_folder(path, error);
}

/* From the folder, as that is what an agent has of its own, and has again when its state is lost. In a
 * container the folder has the same name for every agent: there a name is needed. */
static pbus_status_t s_owner(settings_t *self, const char *name, pbus_error_t *error)
{
    char *real = *name ? strdup(name) : realpath(self->path, NULL);
    if (!real)
        return pbus_fail(error, PBUS_UNAVAILABLE, "%s: %s", self->path, strerror(errno));
    snprintf(self->process.owner, sizeof self->process.owner, "%016llx",
             (unsigned long long) XXH3_64bits(real, strlen(real)));
    free(real);
    return PBUS_OK;
}

static pbus_status_t s_on_stop(settings_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    const char *word = pbus_config_string(config, "Agent.OnStop");
    self->stops_modules = !strcmp(word, "stop");
    if (self->stops_modules || !strcmp(word, "leave"))
        return PBUS_OK;
    return pbus_fail(error, PBUS_INVALID, "Agent.OnStop is '%s': use stop or leave", word);
}

static module_rules_t s_rules(const pbus_config_t *config)
{
    return (module_rules_t){.restart = {.first = pbus_config_duration(config, "Restart.Delay"),
                                        .most = pbus_config_duration(config, "Restart.MaxDelay"),
                                        .cleared = pbus_config_duration(config, "Restart.ClearedAfter")},
                            .health = {.failures = (unsigned) pbus_config_int(config, "Health.Failures"),
                                       .grace = pbus_config_duration(config, "Health.StartPeriod")},
                            .well = pbus_config_duration(config, "Restart.RanWellAfter"),
                            .probe = pbus_config_duration(config, "Health.Interval"),
                            .probe_first = 200000000,
                            .ready = pbus_config_duration(config, "Startup.ReadyTimeout")};
}

pbus_status_t settings_read(settings_t *self, const pbus_config_t *config, const char *manifest,
                            pbus_error_t *error)
{
    const char *core_url = pbus_config_string(config, "Agent.CoreData");
    self->manifest = manifest ? manifest : pbus_config_string(config, "Agent.Manifest");
    self->core_url = *core_url ? core_url : NULL;
    self->probe_timeout = pbus_config_duration(config, "Health.Timeout");
    self->docker_socket = pbus_config_string(config, "Docker.Socket");
    self->rules = s_rules(config);
    self->process.grace = pbus_config_duration(config, "Stop.Timeout");
    self->process.log.size = pbus_config_int(config, "Process.LogMaxSize") * 1024;
    self->process.log.kept = (int) pbus_config_int(config, "Process.LogKept");
    self->process.passed_count = pbus_config_list(config, "Process.PassEnvironment", &self->process.passed);
    pbus_status_t status = s_on_stop(self, config, error);
    if (status == PBUS_OK)
        status = s_paths(self, config, error);
    return status == PBUS_OK ? s_owner(self, pbus_config_string(config, "Agent.Name"), error) : status;
}
