/*
 * Arguments: see arguments.h.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "arguments.h"

const char arguments_help[] =
    "usage: core-data [--config FILE]\n"
    "\n"
    "Serves EdgeX's core-data REST API v3; events are kept by persistence services on its bus.\n"
    "\n"
    "  --config FILE       configuration in YAML. Without it everything is at its default\n"
    "  -cf, --configFile   the same, as EdgeX spells it; or the variable EDGEX_CONFIG_FILE\n"
    "  -cd, --configDir    folder of the file; or EDGEX_CONFIG_DIR\n"
    "  -p, --profile       folder of the file inside of that; or EDGEX_PROFILE\n"
    "  -h, --help          this text\n"
    "  --version           the version\n"
    "\n"
    "With a folder or a profile the file is configuration.yaml unless it is named.\n"
    "EDGEX_OPTIMIZE_EVENT_PAYLOAD=true: inside of events readings need not, and do not, say what their event "
    "says.\n";

typedef struct {
    const char *file;
    const char *folder;
    const char *profile;
} place_t;

enum { OPTION_FILE = 256, OPTION_FOLDER, OPTION_PROFILE, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_FILE},
    {"cf", required_argument, NULL, OPTION_FILE},
    {"configFile", required_argument, NULL, OPTION_FILE},
    {"cd", required_argument, NULL, OPTION_FOLDER},
    {"configDir", required_argument, NULL, OPTION_FOLDER},
    {"p", required_argument, NULL, OPTION_PROFILE},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"h", no_argument, NULL, OPTION_HELP},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static pbus_status_t s_take(arguments_t *self, place_t *place, int option, const char *argument,
                            pbus_error_t *error)
{
    switch (option) {
    case OPTION_FILE:
        place->file = optarg;
        break;
    case OPTION_FOLDER:
        place->folder = optarg;
        break;
    case OPTION_PROFILE:
        place->profile = optarg;
        break;
    case OPTION_HELP:
        self->action = ARGUMENTS_HELP;
        break;
    case OPTION_VERSION:
        self->action = ARGUMENTS_VERSION;
        break;
    case ':':
        return pbus_fail(error, PBUS_INVALID, "%s needs a value: see --help", argument);
    default:
        return pbus_fail(error, PBUS_INVALID, "unknown option %s: see --help", argument);
    }
    return PBUS_OK;
}

static void s_override(const char *variable, const char **value)
{
    const char *text = getenv(variable);
    if (text && *text)
        *value = text;
}

static pbus_status_t s_path(arguments_t *self, place_t *place, pbus_error_t *error)
{
    s_override("EDGEX_CONFIG_FILE", &place->file);
    s_override("EDGEX_CONFIG_DIR", &place->folder);
    s_override("EDGEX_PROFILE", &place->profile);
    if (!place->file && !place->folder && !place->profile)
        return PBUS_OK;
    const char *folder = place->folder ? place->folder : place->profile ? "." : "";
    int size = snprintf(self->path, sizeof self->path, "%s%s%s%s%s", folder, *folder ? "/" : "",
                        place->profile ? place->profile : "", place->profile ? "/" : "",
                        place->file ? place->file : "configuration.yaml");
    if (size < 0 || (size_t) size >= sizeof self->path)
        return pbus_fail(error, PBUS_INVALID, "the path of the configuration file is longer than %zu bytes",
                         sizeof self->path - 1);
    return PBUS_OK;
}

pbus_status_t arguments_read(arguments_t *self, int argc, char **argv, pbus_error_t *error)
{
    place_t place = {0};
    int option;
    *self = (arguments_t){0};
    optind = 0; /* from the start, also when called again */
    while ((option = getopt_long_only(argc, argv, ":", options, NULL)) != -1) {
        pbus_status_t status = s_take(self, &place, option, argv[optind - 1], error);
        if (status != PBUS_OK || self->action != ARGUMENTS_RUN)
            return status;
    }
    if (optind < argc)
        return pbus_fail(error, PBUS_INVALID, "unexpected argument '%s': see --help", argv[optind]);
    return s_path(self, &place, error);
}
