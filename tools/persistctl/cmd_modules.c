/*
 * modules: how edge-agent's modules are, from the file of its reported properties. Needs no core-data.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "jsonfile.h"
#include "options.h"
#include "say.h"
#include "screen.h"
#include "table.h"
#include "units.h"

#define FILE_DEFAULT "var/edge-agent"

typedef struct {
    char path[1024];
    bool agent; /* only the agent matters, not its modules */
} asked_t;

static const column_t columns[] = {{"MODULE", false, 0},     {"STATUS", false, 0},  {"HEALTH", false, 2},
                                   {"TYPE", false, 4},       {"VERSION", false, 3}, {"RESTARTS", true, 1},
                                   {"NEXT START", false, 5}, {"STARTED", false, 6}, {"PROCESS", true, 7}};

/* ---- looking ---------------------------------------------------------------------------------------- */

/* The report says that it runs, and there is such a process: one that was killed could not take that back. */
static bool s_agent_runs(yyjson_val *root)
{
    yyjson_val *agent = yyjson_obj_get(root, "edgeAgent");
    pid_t pid = (pid_t) json_count(agent, "pid");
    return json_is_true(agent, "running") && pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

static bool s_is_well(yyjson_val *module)
{
    const char *status = json_text(module, "runtimeStatus");
    if (strcmp(json_text(module, "status"), "running") != 0)
        return true;
    if (!strcmp(status, "running"))
        return json_is_true(module, "ready");
    return !strcmp(status, "stopped") && json_count(module, "exitCode") == 0; /* done, as its policy allows */
}

static bool s_all_well(yyjson_val *root)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(yyjson_obj_get(root, "modules"));
    yyjson_val *key;
    while ((key = yyjson_obj_iter_next(&iter)))
        if (!s_is_well(yyjson_obj_iter_get_val(key)))
            return false;
    return true;
}

/* ---- showing ---------------------------------------------------------------------------------------- */

static style_t s_style(yyjson_val *module)
{
    const char *status = json_text(module, "runtimeStatus");
    if (!strcmp(status, "failed") || !strcmp(status, "backoff") || !strcmp(status, "unhealthy"))
        return STYLE_BAD;
    return s_is_well(module) ? STYLE_GOOD : STYLE_CAUTION;
}

/* "2026-01-31T18:05:09.123Z" without what nobody reads. */
static void s_time_cell(table_t *table, yyjson_val *module, const char *key)
{
    char text[20];
    snprintf(text, sizeof text, "%s", json_text(module, key));
    char *letter = strchr(text, 'T');
    if (letter)
        *letter = ' ';
    table_cell(table, STYLE_FAINT, "%s", text);
}

static void s_row(table_t *table, const char *name, yyjson_val *module)
{
    uint64_t pid = json_count(module, "pid");
    table_cell(table, STYLE_STRONG, "%s", name);
    table_cell(table, s_style(module), "%s", json_text(module, "runtimeStatus"));
    table_cell(table, STYLE_PLAIN, "%s", json_text(module, "health"));
    table_cell(table, STYLE_PLAIN, "%s", json_text(module, "type"));
    table_cell(table, STYLE_PLAIN, "%s", json_text(module, "version"));
    table_cell(table, STYLE_PLAIN, "%s", units_count(json_count(module, "restartCount")).text);
    s_time_cell(table, module, "nextRestartTimeUtc");
    s_time_cell(table, module, "lastStartTimeUtc");
    if (pid)
        table_cell(table, STYLE_FAINT, "%llu", (unsigned long long) pid);
    else
        table_cell(table, STYLE_FAINT, "%.12s", json_text(module, "container"));
}

static void s_note(const screen_t *screen, const char *name, yyjson_val *module)
{
    const char *reason = json_text(module, "statusDescription"), *other = json_text(module, "waitsFor");
    if (*reason)
        screen_line(screen, STYLE_PLAIN, "%s: %s", name, reason);
    if (*other)
        screen_line(screen, STYLE_PLAIN, "%s: waits for %s", name, other);
}

/* A sentence for each that has something to say, the agent first. */
static void s_notes(const screen_t *screen, yyjson_val *root)
{
    yyjson_val *last = yyjson_obj_get(root, "lastDesiredStatus"), *key;
    yyjson_obj_iter iter = yyjson_obj_iter_with(yyjson_obj_get(root, "modules"));
    if (!s_agent_runs(root))
        screen_line(screen, STYLE_BAD,
                    "edge-agent does not run: this is how it was when it last did (times are UTC)");
    if (json_count(last, "code") != 200)
        screen_line(screen, STYLE_BAD, "the manifest is not in use: %s", json_text(last, "description"));
    while ((key = yyjson_obj_iter_next(&iter)))
        s_note(screen, yyjson_get_str(key), yyjson_obj_iter_get_val(key));
}

static bool s_show(yyjson_val *root)
{
    screen_t screen = screen_of(stdout);
    yyjson_val *modules = yyjson_obj_get(root, "modules"), *key;
    yyjson_obj_iter iter = yyjson_obj_iter_with(modules);
    table_t *table = table_new(columns, sizeof columns / sizeof *columns);
    while (table && (key = yyjson_obj_iter_next(&iter)))
        s_row(table, yyjson_get_str(key), yyjson_obj_iter_get_val(key));
    if (!yyjson_obj_size(modules))
        puts("there are no modules");
    bool complete = table && (!yyjson_obj_size(modules) || table_print(table, &screen));
    table_destroy(&table);
    s_notes(&screen, root);
    if (!complete)
        say("modules: memory is out");
    return complete;
}

/* ---- the command ------------------------------------------------------------------------------------ */

static int s_answer(const globals_t *globals, const asked_t *asked, yyjson_val *root)
{
    if (!yyjson_is_obj(yyjson_obj_get(root, "modules"))) {
        say("modules: %s is no report of edge-agent", asked->path);
        return EXIT_NOT;
    }
    if (asked->agent) {
        if (s_agent_runs(root))
            return EXIT_DONE;
        say("modules: the edge-agent of %s does not run", asked->path);
        return EXIT_NOT;
    }
    bool shown = globals->json ? json_print(stdout, root) : s_show(root);
    return shown && s_agent_runs(root) && s_all_well(root) ? EXIT_DONE : EXIT_NOT;
}

static int s_read(const globals_t *globals, const asked_t *asked)
{
    problems_t *problems = problems_new();
    jsonfile_t *file = problems ? jsonfile_read(asked->path, problems) : NULL;
    int result = EXIT_NOT;
    if (file)
        result = s_answer(globals, asked, jsonfile_root(file));
    else if (problems)
        problems_print(problems, "persistctl: modules", stderr);
    else
        say("modules: memory is out");
    jsonfile_destroy(&file);
    problems_destroy(&problems);
    return result;
}

/* Where the agent puts it, unless it is named. */
static bool s_default_path(asked_t *asked)
{
    const char *folder = getenv("AGENT_PATH");
    int size = snprintf(asked->path, sizeof asked->path, "%s/reported.json",
                        folder && *folder ? folder : FILE_DEFAULT);
    return size > 0 && (size_t) size < sizeof asked->path;
}

static bool s_option(asked_t *asked, int option)
{
    if (option == 'a')
        asked->agent = true;
    else if (option == 'f' &&
             (size_t) snprintf(asked->path, sizeof asked->path, "%s", optarg) >= sizeof asked->path) {
        say("modules: the path of the file is longer than %zu bytes", sizeof asked->path - 1);
        return false;
    }
    return option != '?';
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const struct option options[] = {
        {"file", required_argument, NULL, 'f'}, {"agent", no_argument, NULL, 'a'}, {0}};
    asked_t asked = {.agent = false};
    int option;
    if (!s_default_path(&asked)) {
        say("modules: AGENT_PATH is longer than %zu bytes", sizeof asked.path - 16);
        return EXIT_USAGE;
    }
    while ((option = options_next(argc, argv, "f:a", options)) != -1)
        if (!s_option(&asked, option))
            return EXIT_USAGE;
    if (!options_arguments(argc, argv, 0, 0, ""))
        return EXIT_USAGE;
    return s_read(globals, &asked);
}

const command_t cmd_modules = {
    .name = "modules",
    .arguments = "[--file FILE] [--agent]",
    .summary = "edge-agent's modules: what runs, what failed and why, what is started again when",
    .help =
        "  -f, --file FILE   the agent's reported properties; default reported.json in the folder that the "
        "variable\n"
        "                    AGENT_PATH names, else in " FILE_DEFAULT "\n"
        "  -a, --agent       say nothing, and tell by the exit status whether the agent runs\n"
        "\n"
        "Exit status 1: the agent does not run, or a module is not as it should be; or there is no such "
        "file.\n"
        "\n"
        "examples:\n"
        "  persistctl modules\n"
        "  persistctl --json modules | jq '.modules[] | select(.runtimeStatus == "
        "\"failed\").statusDescription'\n",
    .run = s_run,
};
