/*
 * status [GROUP] [--wait GROUP].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "groups.h"
#include "job.h"
#include "json.h"
#include "look.h"
#include "options.h"
#include "say.h"
#include "task.h"

#define LOOK_NS INT64_C(500000000) /* over which rates are taken */

typedef struct {
    const char *group; /* NULL: nothing is waited for */
    uint64_t workers;
    int64_t timeout; /* ns; 0: none */
    bool any;        /* in whichever state */
} wanted_t;

typedef struct {
    const char *group;
    uint64_t workers; /* that must be ready */
    bool any;         /* whatever its state */
    api_t *api;
    FILE *out;           /* NULL: nothing is said */
    progress_t *filling; /* of the copy that fills it, while that is shown */
    char last[400];      /* what was said last */
} waiting_t;

/* Says what is still missing, when that has changed. */
static bool s_missing(waiting_t *self, const char *what, const char *why)
{
    char text[sizeof self->last];
    snprintf(text, sizeof text, "%s %s%s%s", self->group, what, *why ? ": " : "", why);
    if (self->out && strcmp(text, self->last) != 0) {
        screen_t screen = screen_of(self->out);
        progress_destroy(&self->filling);
        screen_line(&screen, STYLE_PLAIN, "%s", text);
        fflush(self->out);
    }
    memcpy(self->last, text, sizeof text);
    return false;
}

/* How far the copy is that fills the group, if one does. */
static void s_show_filling(waiting_t *self)
{
    answer_t answer;
    api_call(self->api, "GET", "persistence/jobs", NULL, &answer);
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_obj_get(yyjson_doc_get_root(answer.doc), "jobs"));
    yyjson_val *job;
    while ((job = yyjson_arr_iter_next(&iter)))
        if (!job_is_over(job) && !strcmp(json_text(job, "to"), self->group)) {
            if (!self->filling)
                self->filling = progress_new(job_title(job).text, self->out);
            job_show(self->filling, job);
            break;
        }
    answer_clear(&answer);
}

static bool s_is_live(void *context, yyjson_val *groups)
{
    waiting_t *self = context;
    yyjson_val *group = json_find(groups, "name", self->group);
    const char *state = json_text(group, "state");
    if (!group)
        return s_missing(self, "is not known yet", "");
    if (groups_ready(group) < self->workers)
        return s_missing(
            self, self->workers > 1 ? "has too few workers that are ready" : "has no worker that is ready",
            "");
    if (json_is_true(group, "narrowed") && !json_count(yyjson_obj_get(group, "lag"), "events"))
        return true; /* it has what it is to have, and is LIVE never */
    if (!self->any && !strcmp(state, "STALE")) {
        s_missing(self, "is STALE", json_text(group, "why"));
        if (self->out)
            s_show_filling(self);
        return false;
    }
    if (!self->any && strcmp(state, "LIVE") != 0)
        return s_missing(self, "is LAGGING", "");
    return true;
}

static int s_wait(task_t *task, const wanted_t *wanted)
{
    waiting_t waiting = {
        .group = wanted->group, .workers = wanted->workers, .any = wanted->any, .api = task->api};
    int64_t deadline = wanted->timeout ? pbus_clock_boottime() + wanted->timeout : INT64_MAX;
    waiting.out = task->globals->json ? NULL : stdout;
    int result = groups_wait(task->api, task->interrupt, &(groups_wait_t){s_is_live, &waiting, deadline});
    progress_destroy(&waiting.filling);
    if (result == EXIT_NOT)
        say("status: %s: %s", interrupt_wait(task->interrupt, 0) ? "interrupted" : "not so in time",
            *waiting.last ? waiting.last : "core-data has not answered");
    return result;
}

/* One look for a program, which has counters; two for people, who want rates. */
static int s_look(task_t *task, look_t *look)
{
    int result = look_take(look, task->api);
    if (result == EXIT_DONE && !task->globals->json && yyjson_arr_size(groups_of(&look->now)) &&
        !interrupt_wait(task->interrupt, LOOK_NS))
        result = look_take(look, task->api);
    if (result != EXIT_DONE)
        say("%s", look->now.error);
    return result;
}

static int s_show(task_t *task, const look_t *look, const char *only)
{
    view_t view = look_view(look, task->api, only);
    yyjson_val *group = only ? json_find(groups_of(&look->now), "name", only) : NULL;
    screen_t screen = screen_of(stdout);
    if (only && !group) {
        say("status: there is no group '%s': see persistctl status", only);
        return EXIT_NOT;
    }
    if (task->globals->json)
        return json_print(stdout, only ? group : view.now) ? EXIT_DONE : EXIT_NOT;
    if (view_print(&view, &screen))
        return EXIT_DONE;
    say("status: memory is out");
    return EXIT_NOT;
}

static int s_status(task_t *task, const char *only, const wanted_t *wanted)
{
    look_t look = {0};
    int result = wanted->group ? s_wait(task, wanted) : EXIT_DONE;
    if (result == EXIT_DONE)
        result = s_look(task, &look);
    if (result == EXIT_DONE)
        result = s_show(task, &look, only);
    look_clear(&look);
    return result;
}

static bool s_options(wanted_t *wanted, int argc, char **argv)
{
    static const struct option options[] = {{"wait", required_argument, NULL, 'w'},
                                            {"workers", required_argument, NULL, 'n'},
                                            {"any", no_argument, NULL, 'a'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {0}};
    int option;
    while ((option = options_next(argc, argv, "w:n:at:", options)) != -1) {
        if (option == '?' || (option == 't' && !options_seconds(argv[0], optarg, &wanted->timeout)) ||
            (option == 'n' && !options_count(argv[0], optarg, &wanted->workers)))
            return false;
        wanted->any |= option == 'a';
        wanted->group = option == 'w' ? optarg : wanted->group;
    }
    return options_arguments(argc, argv, 0, 1, "one group");
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    wanted_t wanted = {.workers = 1};
    task_t task = {0};
    if (!s_options(&wanted, argc, argv))
        return EXIT_USAGE;
    int result = task_open(&task, globals);
    if (result == EXIT_DONE)
        result = s_status(&task, argc > optind ? argv[optind] : NULL, &wanted);
    task_close(&task);
    return result;
}

const command_t cmd_status = {
    .name = "status",
    .arguments = "[GROUP] [--wait GROUP]",
    .summary = "groups, their workers, what is in flight and what waits",
    .help = "LIVE: nothing is missing. LAGGING: something waits for it in the spool. STALE: it lacks "
            "something, which is\n"
            "said below, and answers only if no other can. NARROWED: as STALE, since routes let only a "
            "part of the\n"
            "writes through to it. SPOOL, SIZE, LAG: writes that wait in the spool, and the age of the "
            "oldest. Rates are\n"
            "taken over half a second.\n"
            "\n"
            "  -w, --wait GROUP   first wait until GROUP is LIVE (or narrowed, and nothing waits) and a "
            "worker is ready\n"
            "  -n, --workers N    and has as many of them\n"
            "  -a, --any          LIVE or not\n"
            "  -t, --timeout S    for no longer than this; else for ever\n"
            "\n"
            "With --json: core-data's answer as it is, or of GROUP. Exit status 1: there is no such group, "
            "or what was\n"
            "waited for did not come in time.\n"
            "\n"
            "examples:\n"
            "  persistctl status\n"
            "  persistctl status --wait mongo --timeout 60\n"
            "  persistctl --json status redis | jq .spool.events\n",
    .run = s_run,
};
