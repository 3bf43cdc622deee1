/*
 * drain WORKER: core-data tells the worker, this waits until it has left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "groups.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "task.h"

/* Names are of core-data's own set of characters, without a slash. */
typedef struct {
    char group[256], name[256];
    uint64_t
        session; /* the worker may be started again under its name meanwhile; 0: core-data does not tell */
} worker_t;

/* How many workers there are of this name, in the group if it is given; the last of them in *found. */
static size_t s_find(yyjson_val *groups, const char *group, const char *name, worker_t *found)
{
    yyjson_arr_iter outer = yyjson_arr_iter_with(groups);
    yyjson_val *one, *worker;
    size_t count = 0;
    while ((one = yyjson_arr_iter_next(&outer))) {
        if (*group && strcmp(group, json_text(one, "name")) != 0)
            continue;
        yyjson_arr_iter inner = yyjson_arr_iter_with(yyjson_obj_get(one, "workers"));
        while ((worker = yyjson_arr_iter_next(&inner)))
            if (!strcmp(name, json_text(worker, "name"))) {
                snprintf(found->group, sizeof found->group, "%s", json_text(one, "name"));
                snprintf(found->name, sizeof found->name, "%s", name);
                found->session = json_count(worker, "session");
                count++;
            }
    }
    return count;
}

/* text: GROUP/WORKER, or WORKER if no other group has one of this name. */
static int s_choose(task_t *task, const char *text, worker_t *worker)
{
    const char *slash = strchr(text, '/');
    char group[256] = "";
    if (slash && (size_t) (slash - text) < sizeof group)
        memcpy(group, text, (size_t) (slash - text));
    size_t count = s_find(groups_of(&task->answer), group, slash ? slash + 1 : text, worker);
    if (count == 1)
        return EXIT_DONE;
    if (count)
        say("drain: there are %zu workers '%s': write GROUP/WORKER, see persistctl status", count, text);
    else
        say("drain: there is no worker '%s': see persistctl status", text);
    return EXIT_NOT;
}

static bool s_has_left(void *context, yyjson_val *groups)
{
    const worker_t *self = context;
    worker_t found;
    return groups && (!s_find(groups, self->group, self->name, &found) || found.session != self->session);
}

static int s_drain(task_t *task, worker_t *worker)
{
    int result =
        task_ask(task, "POST",
                 api_path("persistence", "groups", worker->group, "workers", worker->name, "drain", NULL));
    if (result != EXIT_DONE || !task->wait)
        return result;
    result = groups_wait(task->api, task->interrupt, &(groups_wait_t){s_has_left, worker, INT64_MAX});
    if (result == EXIT_NOT)
        say("%s/%s has been told to leave, and will when it has finished: see persistctl status",
            worker->group, worker->name);
    return result;
}

static bool s_options(task_t *task, int argc, char **argv)
{
    static const struct option options[] = {{"no-wait", no_argument, NULL, 'n'}, {0}};
    int option;
    task->wait = true;
    while ((option = options_next(argc, argv, "n", options)) != -1) {
        if (option == '?')
            return false;
        task->wait = false;
    }
    return options_arguments(argc, argv, 1, 1, "one worker");
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    task_t task = {0};
    worker_t worker = {0};
    if (!s_options(&task, argc, argv))
        return EXIT_USAGE;
    int result = task_open(&task, globals);
    if (result == EXIT_DONE)
        result = task_ask(&task, "GET", strdup(GROUPS_PATH));
    if (result == EXIT_DONE)
        result = s_choose(&task, argv[optind], &worker);
    if (result == EXIT_DONE)
        result = s_drain(&task, &worker);
    if (result == EXIT_DONE && !task_json(&task))
        printf(task.wait ? "%s/%s has finished and left\n" : "%s/%s has been told to finish and leave\n",
               worker.group, worker.name);
    task_close(&task);
    return result;
}

const command_t cmd_drain = {
    .name = "drain",
    .arguments = "WORKER",
    .summary = "lets one worker finish what it has, and end",
    .help = "WORKER is GROUP/WORKER, or the worker's name alone if no other group has one of that name. It "
            "gets nothing\n"
            "new, finishes what it was sent, says goodbye and ends with status 0; others of its group go on, "
            "or the\n"
            "spool keeps what comes until one is there again. Waits until it has left. SIGTERM to the worker "
            "does the\n"
            "same.\n"
            "\n"
            "  -n, --no-wait   tell it, and leave\n"
            "\n"
            "Exit status 1: there is no such worker, or its name is not enough.\n"
            "\n"
            "examples:\n"
            "  persistctl drain redis/w4711\n"
            "  persistctl drain w4711\n",
    .run = s_run,
};
