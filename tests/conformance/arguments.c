#include "arguments.h"

#include <errno.h>
#include <stdlib.h>

const char arguments_help[] =
    "  --case NAME         only the cases whose name holds this\n"
    "  --seed N            of the random events; printed, so that a run can be repeated\n"
    "  --requests ENDPOINT where the worker connects to, as PERSISTBUS_REQUESTS\n"
    "  --replies ENDPOINT  and as PERSISTBUS_REPLIES\n"
    "  --group NAME        as PERSISTBUS_GROUP; default: conformance\n"
    "  --second CMD        shell command of the second worker, if it is another one\n"
    "  --store-stop CMD    stops the store in good order\n"
    "  --store-kill CMD    kills it the hard way\n"
    "  --store-start CMD   starts it again\n"
    "  --embedded          the store is in the worker's process: there is no server to stop\n"
    "  --server TEXT       what the store is, for the report\n"
    "  --folder DIR        for the worker's log\n"
    "  --patience X        factor for spans of time, for slow builds and machines\n"
    "  --wipe              begin even if the store holds events: they are deleted\n";

enum {
    ARG_SEED = 0x100,
    ARG_CASE,
    ARG_SECOND,
    ARG_STOP,
    ARG_KILL,
    ARG_START,
    ARG_EMBEDDED,
    ARG_REQUESTS,
    ARG_REPLIES,
    ARG_GROUP,
    ARG_SERVER,
    ARG_FOLDER,
    ARG_PATIENCE,
    ARG_WIPE
};

static const struct option s_options[] = {
    {"case", required_argument, NULL, ARG_CASE},         {"seed", required_argument, NULL, ARG_SEED},
    {"second", required_argument, NULL, ARG_SECOND},     {"store-stop", required_argument, NULL, ARG_STOP},
    {"store-kill", required_argument, NULL, ARG_KILL},   {"store-start", required_argument, NULL, ARG_START},
    {"embedded", no_argument, NULL, ARG_EMBEDDED},       {"requests", required_argument, NULL, ARG_REQUESTS},
    {"replies", required_argument, NULL, ARG_REPLIES},   {"group", required_argument, NULL, ARG_GROUP},
    {"server", required_argument, NULL, ARG_SERVER},     {"folder", required_argument, NULL, ARG_FOLDER},
    {"patience", required_argument, NULL, ARG_PATIENCE}, {"wipe", no_argument, NULL, ARG_WIPE}};

void arguments_join(const struct option *own, struct option all[ARGUMENTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof s_options / sizeof *s_options; i++)
        all[count++] = s_options[i];
    for (; own->name && count < ARGUMENTS_MAX - 1; own++)
        all[count++] = *own;
    all[count] = (struct option){NULL, 0, NULL, 0};
}

suite_options_t arguments_defaults(void)
{
    return (suite_options_t){.seed = (uint64_t) pbus_clock_realtime(), .patience = 1, .folder = "."};
}

/* Where an option's text is kept; NULL: it has another kind of value, or is not the suite's. */
static const char **s_text(suite_options_t *options, int option)
{
    switch (option) {
    case ARG_CASE:
        return &options->only;
    case ARG_SECOND:
        return &options->second;
    case ARG_STOP:
        return &options->store_stop;
    case ARG_KILL:
        return &options->store_kill;
    case ARG_START:
        return &options->store_start;
    case ARG_REQUESTS:
        return &options->requests;
    case ARG_REPLIES:
        return &options->replies;
    case ARG_GROUP:
        return &options->group;
    case ARG_SERVER:
        return &options->server;
    case ARG_FOLDER:
        return &options->folder;
    default:
        return NULL;
    }
}

bool arguments_take(suite_options_t *options, int option)
{
    const char **text = s_text(options, option);
    char *end = NULL;
    errno = 0;
    if (text)
        *text = optarg;
    else if (option == ARG_EMBEDDED)
        options->embedded = true;
    else if (option == ARG_WIPE)
        options->wipe = true;
    else if (option == ARG_SEED)
        options->seed = strtoull(optarg, &end, 10);
    else if (option == ARG_PATIENCE)
        options->patience = strtod(optarg, &end);
    else
        return false;
    return (!end || (end != optarg && !*end)) && !errno && options->patience > 0;
}
