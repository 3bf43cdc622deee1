/*
 * jobs: lists, follows and cancels them.
 */
#include <stdlib.h>
#include <string.h>
#include "job.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "table.h"
#include "task.h"
#include "units.h"

static const column_t columns[] = {{"JOB", false, 0},    {"WHAT", false, 0},    {"STATE", false, 0},
                                   {"DONE", true, 1},    {"EVENTS", true, 2},   {"COPIED", true, 3},
                                   {"DELETED", true, 4}, {"EVENTS/S", true, 5}, {"BEGAN", false, 6}};

static style_t s_style(const char *state)
{
    return !strcmp(state, "failed")    ? STYLE_BAD
           : !strcmp(state, "done")    ? STYLE_GOOD
           : !strcmp(state, "running") ? STYLE_PLAIN
                                       : STYLE_CAUTION;
}

static void s_row(table_t *table, yyjson_val *job)
{
    const char *state = json_text(job, "state");
    bool runs = !strcmp(state, "running");
    table_cell(table, STYLE_STRONG, "%s", job_id(job).text);
    table_cell(table, STYLE_PLAIN, "%s%s", job_title(job).text,
               json_is_true(job, "auto") ? " (by itself)" : "");
    table_cell(table, s_style(state), "%s", state);
    table_cell(table, STYLE_PLAIN, "%.0f %%", 100 * job_share(job));
    table_cell(table, STYLE_PLAIN, "%s", units_count(json_count(job, "eventsSeen")).text);
    table_cell(table, STYLE_PLAIN, "%s", units_count(json_count(job, "eventsCopied")).text);
    table_cell(table, STYLE_PLAIN, "%s", units_count(json_count(job, "eventsDeleted")).text);
    table_cell(table, STYLE_PLAIN, "%s", runs ? units_rate(json_real(job, "rate")).text : "");
    table_cell(table, STYLE_FAINT, "%s", units_clock((int64_t) json_count(job, "startedNs")).text);
}

/* A sentence for each that has something to say. */
static void s_notes(const screen_t *screen, yyjson_val *jobs)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(jobs);
    yyjson_val *job;
    while ((job = yyjson_arr_iter_next(&iter))) {
        const char *note = job_note(job);
        if (*note)
            screen_line(screen, STYLE_PLAIN, "job %s: %s", job_id(job).text, note);
    }
}

static int s_list(yyjson_val *jobs)
{
    screen_t screen = screen_of(stdout);
    table_t *table = table_new(columns, sizeof columns / sizeof *columns);
    yyjson_arr_iter iter = yyjson_arr_iter_with(jobs);
    yyjson_val *job;
    if (!yyjson_arr_size(jobs))
        puts("no job runs, and none has ended lately");
    while (table && (job = yyjson_arr_iter_next(&iter)))
        s_row(table, job);
    bool complete = table && (!yyjson_arr_size(jobs) || table_print(table, &screen));
    table_destroy(&table);
    s_notes(&screen, jobs);
    if (!complete)
        say("jobs: memory is out");
    return complete ? EXIT_DONE : EXIT_NOT;
}

static int s_list_all(const globals_t *globals)
{
    answer_t answer;
    api_t *api = api_new(globals->url, NULL);
    if (!api)
        return EXIT_USAGE;
    int result = api_ask(api, "GET", "persistence/jobs", NULL, &answer);
    yyjson_val *root = yyjson_doc_get_root(answer.doc);
    if (result == EXIT_DONE && globals->json)
        result = json_print(stdout, root) ? EXIT_DONE : EXIT_NOT;
    else if (result == EXIT_DONE)
        result = s_list(yyjson_obj_get(root, "jobs"));
    answer_clear(&answer);
    api_destroy(&api);
    return result;
}

static int s_cancel(const globals_t *globals, const char *text)
{
    task_t task = {0};
    int result;
    char *id = job_find(globals, text, &result);
    if (!id)
        return result;
    result = task_open(&task, globals);
    if (result == EXIT_DONE)
        result = task_ask(&task, "DELETE", api_path("persistence", "jobs", id, NULL));
    if (result == EXIT_DONE && !task_json(&task))
        printf("job %.8s is cancelled; what it has copied stays\n", id);
    task_close(&task);
    free(id);
    return result;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const struct option options[] = {
        {"follow", required_argument, NULL, 'f'}, {"cancel", required_argument, NULL, 'c'}, {0}};
    const char *follow = NULL, *cancel = NULL;
    int option;
    while ((option = options_next(argc, argv, "f:c:", options)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        *(option == 'f' ? &follow : &cancel) = optarg;
    }
    if (!options_arguments(argc, argv, 0, 0, ""))
        return EXIT_USAGE;
    if (follow && cancel) {
        say("jobs: --follow and --cancel exclude each other");
        return EXIT_USAGE;
    }
    if (follow)
        return job_follow(globals, follow);
    return cancel ? s_cancel(globals, cancel) : s_list_all(globals);
}

const command_t cmd_jobs = {
    .name = "jobs",
    .arguments = "[--follow JOB | --cancel JOB]",
    .summary = "copies and verifications that run, and the last that ended",
    .help =
        "  -f, --follow JOB   show its progress until it ends; Ctrl-C leaves it running\n"
        "  -c, --cancel JOB   end it; what it has copied stays\n"
        "\n"
        "Exit status 1: there is no such job; or the one that was followed failed, was cancelled, or found\n"
        "differences.\n"
        "\n"
        "examples:\n"
        "  persistctl jobs\n"
        "  persistctl jobs --follow be4f\n"
        "  persistctl --json jobs | jq '.jobs[] | select(.state == \"running\").id'\n",
    .run = s_run,
};
