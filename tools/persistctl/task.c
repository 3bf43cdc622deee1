/*
 * Task: see task.h.
 */
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "options.h"
#include "say.h"
#include "task.h"

static bool s_options(task_t *self, int argc, char **argv, const char *letters)
{
    static const struct option all[] = {
        {"force", no_argument, NULL, 'f'}, {"no-wait", no_argument, NULL, 'n'}, {0}};
    struct option options[3] = {{0}};
    for (size_t i = 0, count = 0; all[i].name; i++)
        if (strchr(letters, all[i].val))
            options[count++] = all[i];
    int option;
    self->wait = true;
    while ((option = options_next(argc, argv, letters, options)) != -1) {
        if (option == '?')
            return false;
        self->force |= option == 'f';
        self->wait &= option != 'n';
    }
    if (!options_arguments(argc, argv, 1, 1, "one group"))
        return false;
    self->group = argv[optind];
    return true;
}

int task_open(task_t *self, const globals_t *globals)
{
    self->globals = globals;
    self->interrupt = interrupt_new();
    if (!self->interrupt)
        return EXIT_NOT;
    self->api = api_new(globals->url, self->interrupt);
    return self->api ? EXIT_DONE : EXIT_USAGE;
}

int task_ask(task_t *self, const char *method, char *path)
{
    int result = EXIT_NOT;
    answer_clear(&self->answer);
    if (path)
        result = api_ask(self->api, method, path, NULL, &self->answer);
    else
        say("memory is out");
    free(path);
    return result;
}

/* The answer's path, with ?force=true if that is wanted. */
static char *s_path(const task_t *self, const order_t *order)
{
    char *forced = NULL, *path = api_path("persistence", "groups", self->group, order->action, NULL);
    if (!path || !self->force)
        return path;
    if (asprintf(&forced, "%s?force=true", path) < 0)
        forced = NULL;
    free(path);
    return forced;
}

int task_run(task_t *self, const globals_t *globals, int argc, char **argv, const order_t *order)
{
    *self = (task_t){0};
    if (!s_options(self, argc, argv, order->letters))
        return EXIT_USAGE;
    int result = task_open(self, globals);
    if (result != EXIT_DONE)
        return result;
    result = task_ask(self, order->method, s_path(self, order));
    /* core-data says where force would help. */
    if (self->answer.status == 409 && !self->force && strchr(order->letters, 'f') &&
        strstr(self->answer.error, "force"))
        say("to do it all the same: persistctl %s --force %s", argv[0], self->group);
    return result;
}

void task_close(task_t *self)
{
    answer_clear(&self->answer);
    api_destroy(&self->api);
    interrupt_destroy(&self->interrupt);
}

bool task_json(const task_t *self)
{
    if (self->globals->json)
        json_print(stdout, yyjson_doc_get_root(self->answer.doc));
    return self->globals->json;
}
