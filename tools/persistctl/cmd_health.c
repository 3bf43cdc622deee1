/*
 * health [GROUP]: one question with yes or no, for the health checks of containers and scripts.
 */
#include <stdio.h>
#include <stdlib.h>
#include "groups.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "task.h"

/* A variable's value; NULL if it is empty or not set. */
static const char *s_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int s_group_health(yyjson_val *groups, const char *name, const char *worker)
{
    yyjson_val *group = json_find(groups, "name", name);
    yyjson_val *one = worker ? json_find(yyjson_obj_get(group, "workers"), "name", worker) : NULL;
    if (worker ? json_is_true(one, "ready") : group && groups_ready(group) > 0)
        return EXIT_DONE;
    if (!group)
        say("health: core-data knows no group '%s'", name);
    else if (!worker)
        say("health: %s has no worker that is ready", name);
    else
        say("health: worker %s of %s is %s", worker, name, one ? "not ready" : "not there");
    return EXIT_NOT;
}

static int s_health(task_t *task, const char *group, const char *worker)
{
    answer_t answer;
    int result = api_ask(task->api, "GET", group ? GROUPS_PATH : "ping", NULL, &answer);
    if (result == EXIT_DONE && group)
        result = s_group_health(groups_of(&answer), group, worker);
    if (result == EXIT_DONE && task->globals->json)
        puts("{\"healthy\":true}");
    answer_clear(&answer);
    return result;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const struct option options[] = {{"worker", required_argument, NULL, 'w'}, {0}};
    const char *worker = s_variable("PERSISTBUS_WORKER");
    task_t task = {0};
    int option;
    while ((option = options_next(argc, argv, "w:", options)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        worker = optarg;
    }
    if (!options_arguments(argc, argv, 0, 1, "one group"))
        return EXIT_USAGE;
    const char *group = argc > optind ? argv[optind] : s_variable("PERSISTBUS_GROUP");
    int result = task_open(&task, globals);
    if (result == EXIT_DONE)
        result = s_health(&task, group, worker);
    task_close(&task);
    return result;
}

const command_t cmd_health = {
    .name = "health",
    .arguments = "[GROUP] [-w WORKER]",
    .summary = "whether core-data answers, or a group has a worker that is ready",
    .help =
        "Says nothing when the answer is yes. GROUP is the variable PERSISTBUS_GROUP's unless it is named; "
        "without either\n"
        "core-data alone is asked.\n"
        "\n"
        "  -w, --worker NAME   that worker has to be ready; default: the variable PERSISTBUS_WORKER, else "
        "any\n"
        "\n"
        "Exit status 1: no; 3: core-data does not answer.\n"
        "\n"
        "example, in a Dockerfile:\n"
        "  HEALTHCHECK CMD [\"/bin/persistctl\", \"health\"]\n",
    .run = s_run,
};
