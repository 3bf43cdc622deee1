/*
 * prefer GROUP.
 */
#include <stdio.h>
#include "task.h"

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const order_t order = {"POST", "prefer", ""};
    task_t task;
    int result = task_run(&task, globals, argc, argv, &order);
    if (result == EXIT_DONE && !task_json(&task))
        printf("%s is preferred: it decides and answers whenever it is LIVE\n", task.group);
    task_close(&task);
    return result;
}

const command_t cmd_prefer = {
    .name = "prefer",
    .arguments = "GROUP",
    .summary = "lets this group decide and answer, whenever it is LIVE",
    .help =
        "Reads are answered, and writes decided (201, 409, 404), by the first LIVE group in order of "
        "preference.\n"
        "This puts GROUP first; core-data keeps that over restarts. Nothing is moved, and no request fails.\n"
        "\n"
        "Exit status 1: core-data knows no such group.\n"
        "\n"
        "example:\n"
        "  persistctl prefer mongo\n",
    .run = s_run,
};
