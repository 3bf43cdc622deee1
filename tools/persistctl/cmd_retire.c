/*
 * retire GROUP [--force]: core-data does it, this waits for it.
 */
#include <stdio.h>
#include "groups.h"
#include "json.h"
#include "progress.h"
#include "say.h"
#include "task.h"

typedef struct {
    const char *group;
    uint64_t total; /* events that waited when it began, or the most since */
    progress_t *progress;
} retiring_t;

static bool s_is_gone(void *context, yyjson_val *groups)
{
    retiring_t *self = context;
    yyjson_val *group = json_find(groups, "name", self->group);
    if (!group)
        return groups != NULL;
    uint64_t left = json_count(yyjson_obj_get(group, "spool"), "events");
    self->total = left > self->total ? left : self->total;
    progress_step_t step = {.done = self->total - left,
                            .total = self->total,
                            .note = left && !groups_ready(group) ? "waits for a worker" : "",
                            .now = pbus_clock_boottime()};
    if (self->progress && self->total)
        progress_show(self->progress, &step);
    return false;
}

static int s_wait(task_t *task)
{
    char label[128];
    retiring_t self = {.group = task->group};
    snprintf(label, sizeof label, "%s gets what waits for it", task->group);
    self.progress = task->globals->json ? NULL : progress_new(label, stdout);
    int result = groups_wait(task->api, task->interrupt, &(groups_wait_t){s_is_gone, &self, INT64_MAX});
    progress_destroy(&self.progress);
    if (result == EXIT_NOT)
        say("%s is being retired, with or without you: persistctl status shows it until it is gone",
            task->group);
    return result;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const order_t order = {"POST", "retire", "fn"};
    task_t task;
    int result = task_run(&task, globals, argc, argv, &order);
    if (result == EXIT_DONE && task.wait)
        result = s_wait(&task);
    if (result == EXIT_DONE && !task_json(&task))
        printf(task.wait ? "%s is retired: it has got all that waited for it, its workers have been told to "
                           "leave, and it is "
                           "forgotten\n"
                         : "%s is being retired: persistctl status shows it until it is gone\n",
               task.group);
    task_close(&task);
    return result;
}

const command_t cmd_retire = {
    .name = "retire",
    .arguments = "GROUP [--force]",
    .summary = "takes a group out of service: the last step of a replacement",
    .help =
        "The group gets no more writes, is given what waits for it in the spool, its workers are told to "
        "finish and\n"
        "leave, and it is forgotten. Waits until that is done. Its own database is not touched.\n"
        "\n"
        "  -f, --force     even if what waits for it is stored nowhere else and no worker is there to take "
        "it\n"
        "  -n, --no-wait   begin, and leave\n"
        "\n"
        "Ctrl-C leaves it going on. Exit status 1: refused, interrupted, or core-data knows no such group.\n"
        "\n"
        "example: MongoDB in place of Redis\n"
        "  persist-mongo &\n"
        "  persistctl status --wait mongo\n"
        "  persistctl retire redis\n",
    .run = s_run,
};
