/*
 * forget GROUP [--force].
 */
#include <stdio.h>
#include "task.h"

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const order_t order = {"DELETE", NULL, "f"};
    task_t task;
    int result = task_run(&task, globals, argc, argv, &order);
    if (result == EXIT_DONE && !task_json(&task))
        printf("%s is forgotten: nothing is kept for it any more; its own data is as it was\n", task.group);
    task_close(&task);
    return result;
}

const command_t cmd_forget = {
    .name = "forget",
    .arguments = "GROUP [--force]",
    .summary = "drops a group that will not come back, with what waits for it",
    .help = "core-data keeps what a group that is away has missed, within the limits of the spool. This ends "
            "that: the\n"
            "group is unknown, and its part of the spool is free. Its own database is not touched. If one of "
            "its\n"
            "workers comes back it is a new group, STALE until it has been filled. To take a group out of "
            "service that\n"
            "still runs, use `retire`.\n"
            "\n"
            "  -f, --force   even if what waits for it is stored nowhere else, and lost thereby\n"
            "\n"
            "Exit status 1: refused (it has workers, or sole copies wait for it), or core-data knows no such "
            "group.\n"
            "\n"
            "example:\n"
            "  persistctl forget redis\n",
    .run = s_run,
};
