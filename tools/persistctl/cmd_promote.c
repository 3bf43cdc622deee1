/*
 * promote GROUP [--force].
 */
#include <stdio.h>
#include "json.h"
#include "screen.h"
#include "task.h"

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const order_t order = {"POST", "promote", "f"};
    task_t task;
    int result = task_run(&task, globals, argc, argv, &order);
    if (result == EXIT_DONE && !task_json(&task)) {
        screen_t screen = screen_of(stdout);
        const char *lacks = json_text(yyjson_doc_get_root(task.answer.doc), "lacks");
        screen_line(&screen, STYLE_PLAIN, *lacks ? "%s is LIVE as it is. It was STALE: %s" : "%s is LIVE%s",
                    task.group, lacks);
    }
    task_close(&task);
    return result;
}

const command_t cmd_promote = {
    .name = "promote",
    .arguments = "GROUP [--force]",
    .summary = "makes a STALE group LIVE as it is, when no other can fill it",
    .help = "For when the group that had everything is gone for good: GROUP answers from now on, without the "
            "warning\n"
            "that something is missing. What it lacks is said, and lost. As long as a LIVE group runs, "
            "`copy` is what\n"
            "you want, and this is refused.\n"
            "\n"
            "  -f, --force   also while a LIVE group runs\n"
            "\n"
            "Exit status 1: refused, or core-data knows no such group.\n"
            "\n"
            "example:\n"
            "  persistctl promote mongo\n",
    .run = s_run,
};
