/*
 * Settings: the agent's configuration (configs/edge-agent.yaml) as values.
 */
#ifndef EDGE_AGENT_SETTINGS_H
#define EDGE_AGENT_SETTINGS_H

#include <persistbus/config.h>
#include "module.h"
#include "process.h"

extern const pbus_option_t settings_options[];

typedef struct {
    const char *manifest;
    char path[400];  /* the agent's folder */
    char state[440]; /* files in it */
    char reported[440];
    char lock[440];
    bool stops_modules;    /* when it is told to stop itself */
    const char *core_url;  /* NULL: as the manifest has it */
    int64_t probe_timeout; /* ns */
    const char *docker_socket;
    module_rules_t rules;
    process_rules_t process;
} settings_t;

/* What it points to belongs to the configuration. Creates the folder. */
pbus_status_t settings_read(settings_t *self, const pbus_config_t *config, const char *manifest,
                            pbus_error_t *error);

#endif
