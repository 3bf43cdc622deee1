/*
 * watch: status again and again. An interrupt is how it ends, and no failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "look.h"
#include "options.h"
#include "say.h"
#include "task.h"

#define EVERY_NS INT64_C(1000000000)

typedef struct {
    int64_t every;
    uint64_t times; /* 0: for ever */
    bool draws;     /* on a terminal */
    bool failed;    /* the last look had no answer */
} watch_t;

/* A screen of its own, without cursor, where long lines are cut; and back. */
static void s_enter(const watch_t *self)
{
    if (self->draws)
        fputs("\033[?1049h\033[?25l\033[?7l", stdout);
}

static void s_leave(const watch_t *self)
{
    if (self->draws)
        fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    fflush(stdout);
}

/* Into memory first: what is there already is drawn over line by line, without a flicker. */
static void s_draw(const view_t *view, const char *error)
{
    char *text = NULL;
    size_t size = 0;
    screen_t screen = screen_of(stdout);
    screen.out = open_memstream(&text, &size);
    if (!screen.out)
        return;
    if (error)
        screen_print(&screen, STYLE_BAD, "%s", error);
    else
        view_print(view, &screen);
    fclose(screen.out);
    int lines = 0;
    fputs("\033[H", stdout);
    for (char *line = text; line && *line && lines < screen.height - 1; lines++) {
        size_t length = strcspn(line, "\n");
        printf("%.*s\033[K\n", (int) length, line);
        line += length + (line[length] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
    free(text);
}

static void s_show(task_t *task, watch_t *self, const look_t *look)
{
    view_t view = look_view(look, task->api, NULL);
    bool failed = look->now.result != EXIT_DONE;
    view.steady = self->draws;
    if (self->draws)
        s_draw(&view, failed ? look->now.error : NULL);
    else if (failed && !self->failed)
        say("%s", look->now.error);
    else if (!failed && task->globals->json)
        json_print_line(stdout, view.now);
    else if (!failed)
        view_print_lines(&view, stdout, pbus_clock_realtime());
    self->failed = failed;
}

/* core-data that goes away is waited for; one that is not there at the beginning is not. */
static int s_watch(task_t *task, watch_t *self)
{
    look_t look = {0};
    int result = look_take(&look, task->api);
    if (result != EXIT_DONE) {
        say("%s", look.now.error);
        return result;
    }
    s_enter(self);
    for (uint64_t n = 1;; n++) {
        s_show(task, self, &look);
        if (n == self->times || interrupt_wait(task->interrupt, self->every))
            break;
        look_take(&look, task->api);
        if (interrupt_wait(task->interrupt, 0))
            break;
    }
    s_leave(self);
    look_clear(&look);
    return EXIT_DONE;
}

static bool s_options(watch_t *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"every", required_argument, NULL, 'n'}, {"times", required_argument, NULL, 'c'}, {0}};
    int option;
    while ((option = options_next(argc, argv, "n:c:", options)) != -1)
        if (option == '?' || (option == 'n' && !options_seconds(argv[0], optarg, &self->every)) ||
            (option == 'c' && !options_count(argv[0], optarg, &self->times)))
            return false;
    return options_arguments(argc, argv, 0, 0, "");
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    watch_t self = {.every = EVERY_NS, .draws = !globals->json && screen_of(stdout).terminal};
    task_t task = {0};
    if (!s_options(&self, argc, argv))
        return EXIT_USAGE;
    int result = task_open(&task, globals);
    if (result == EXIT_DONE)
        result = s_watch(&task, &self);
    task_close(&task);
    return result;
}

const command_t cmd_watch = {
    .name = "watch",
    .arguments = "[-n SECONDS]",
    .summary = "status, again and again",
    .help = "On a terminal the screen is drawn over. Elsewhere there is a line for each group, in logfmt; "
            "with --json a\n"
            "document on one line for each look. Goes on when core-data goes away. Ctrl-C ends it.\n"
            "\n"
            "  -n, --every SECONDS   between two looks; 1\n"
            "  -c, --times COUNT     end after so many\n"
            "\n"
            "examples:\n"
            "  persistctl watch\n"
            "  persistctl watch -n 60 >> /var/log/persistbus-groups.log\n",
    .run = s_run,
};
