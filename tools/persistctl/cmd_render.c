/*
 * render TEMPLATE: a deployment template becomes the manifest that edge-agent runs. Needs no core-data.
 *
 * The manifest may hold credentials. So it goes into a file that its owner alone can read, to standard output
 * only when that is asked for by name, and nothing that is told holds the value of a variable.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "options.h"
#include "savefile.h"
#include "say.h"
#include "template.h"

#define FOLDERS 64 /* of --modules */

typedef struct {
    template_t template;
    const char *env_path; /* may be NULL, see envfile_open */
    char output[1024];    /* empty: none was named; "-": standard output */
    const char *folders[FOLDERS];
    bool check;
} render_t;

/* ---- the command line ------------------------------------------------------------------------------- */

/* Platforms become part of names of images and files. */
static bool s_is_platform(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return isalnum((unsigned char) *text) && !text[size];
}

static int s_option(render_t *self, int option, const char *value)
{
    switch (option) {
    case 'e':
        self->env_path = value;
        break;
    case 'p':
        self->template.platform = value;
        if (s_is_platform(value))
            break;
        say("render: '%s' is no platform: name one such as amd64, arm32v7 or amd64.debug", value);
        return EXIT_USAGE;
    case 'o':
        if (*value && (size_t) snprintf(self->output, sizeof self->output, "%s", value) < sizeof self->output)
            break;
        say("render: -o needs a path of 1 to %zu bytes, or -", sizeof self->output - 1);
        return EXIT_USAGE;
    case 'm':
        if (self->template.folder_count < FOLDERS) {
            self->folders[self->template.folder_count++] = value;
            break;
        }
        say("render: more than %d --modules", FOLDERS);
        return EXIT_USAGE;
    case 'c':
        self->check = true;
        break;
    default:
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int s_arguments(render_t *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"env", required_argument, NULL, 'e'},    {"platform", required_argument, NULL, 'p'},
        {"output", required_argument, NULL, 'o'}, {"modules", required_argument, NULL, 'm'},
        {"check", no_argument, NULL, 'c'},        {0}};
    int option;
    self->template.folders = self->folders;
    self->template.platform = TEMPLATE_PLATFORM;
    while ((option = options_next(argc, argv, "e:p:o:m:c", options)) != -1)
        if (s_option(self, option, optarg) != EXIT_DONE)
            return EXIT_USAGE;
    if (!options_arguments(argc, argv, 1, 1, "TEMPLATE"))
        return EXIT_USAGE;
    self->template.path = argv[optind];
    if (!*self->output)
        snprintf(self->output, sizeof self->output, "config/deployment.%s.json", self->template.platform);
    return EXIT_DONE;
}

/* ---- telling ---------------------------------------------------------------------------------------- */

static yyjson_mut_val *s_lines(yyjson_mut_doc *doc, const problems_t *problems, bool errors)
{
    bool is_error;
    const char *line;
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; (line = problems_line(problems, i, &is_error)) != NULL; i++)
        if (is_error == errors)
            yyjson_mut_arr_add_str(doc, list, line);
    return list;
}

/* With --json everything is said in one document on standard output. */
static int s_tell_json(const render_t *self, const problems_t *problems, bool done)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_bool(doc, root, "ok", done);
    yyjson_mut_obj_add_str(doc, root, "template", self->template.path);
    yyjson_mut_obj_add_str(doc, root, "platform", self->template.platform);
    if (done && !self->check)
        yyjson_mut_obj_add_str(doc, root, "output", self->output);
    yyjson_mut_obj_add_val(doc, root, "errors", s_lines(doc, problems, true));
    yyjson_mut_obj_add_val(doc, root, "warnings", s_lines(doc, problems, false));
    yyjson_doc *answer = yyjson_mut_doc_imut_copy(doc, NULL);
    bool said = answer && json_print(stdout, yyjson_doc_get_root(answer));
    yyjson_doc_free(answer);
    yyjson_mut_doc_free(doc);
    return done && said ? EXIT_DONE : EXIT_NOT;
}

static int s_tell(const render_t *self, const globals_t *globals, const problems_t *problems, bool done)
{
    if (globals->json)
        return s_tell_json(self, problems, done);
    problems_print(problems, "persistctl", stderr);
    if (done && self->check)
        printf("%s is right for %s\n", self->template.path, self->template.platform);
    else if (done && strcmp(self->output, "-"))
        printf("%s is written\n", self->output);
    return done ? EXIT_DONE : EXIT_NOT;
}

/* ---- doing ------------------------------------------------------------------------------------------ */

static bool s_write(const render_t *self, const pbus_buf_t *manifest, problems_t *problems)
{
    if (self->check)
        return true;
    if (strcmp(self->output, "-"))
        return savefile(self->output, manifest->data, manifest->size, problems);
    if (fwrite(manifest->data, 1, manifest->size, stdout) == manifest->size && fflush(stdout) == 0)
        return true;
    problems_error(problems, "standard output", "can't be written");
    return false;
}

static bool s_render(render_t *self, problems_t *problems)
{
    pbus_buf_t manifest = {0};
    envfile_t *envfile = NULL;
    if (!envfile_open(&envfile, self->env_path, problems))
        return false;
    self->template.envfile = envfile;
    bool done = template_render(&self->template, &manifest, problems) && s_write(self, &manifest, problems);
    pbus_buf_clear(&manifest);
    envfile_destroy(&envfile);
    return done;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    render_t self = {.check = false};
    int result = s_arguments(&self, argc, argv);
    if (result != EXIT_DONE)
        return result;
    if (globals->json && !self.check && !strcmp(self.output, "-")) {
        say("render: --json and -o - both want standard output: leave one out");
        return EXIT_USAGE;
    }
    problems_t *problems = problems_new();
    if (!problems) {
        say("render: memory is out");
        return EXIT_NOT;
    }
    bool done = s_render(&self, problems);
    result = s_tell(&self, globals, problems, done);
    problems_destroy(&problems);
    return result;
}

const command_t cmd_render = {
    .name = "render",
    .arguments = "TEMPLATE [OPTION...]",
    .summary = "makes a deployment manifest of a template",
    .help =
        "Replaces ${MODULES.NAME}, ${MODULES.NAME.PLATFORM}, ${MODULEDIR<PATH>} and "
        "${MODULEDIR<PATH>.PLATFORM} "
        "by the\n"
        "names of images, as the module's module.json has them; $NAME and ${NAME} by the environment's "
        "variables, "
        "else\n"
        "those of the .env file ($$ is a dollar); createOptions by parts of 512 bytes. Whatever has no "
        "meaning is "
        "an\n"
        "error, with its place. The same input gives the same bytes. See docs/DEPLOYMENT.md.\n"
        "\n"
        "  -e, --env FILE        variables; default: .env in the current folder, if there is one\n"
        "  -p, --platform NAME   of images that name none (default amd64)\n"
        "  -o, --output FILE     default: config/deployment.PLATFORM.json; it and its folder are made, for "
        "the "
        "owner\n"
        "                        alone, as it may hold credentials. -: standard output, credentials and all\n"
        "  -m, --modules DIR     also look for the module NAME as DIR/NAME/module.json; may be repeated\n"
        "  -c, --check           write nothing, only tell whether all is right\n"
        "\n"
        "Exit status 1: the template is wrong, and nothing has been written.\n"
        "\n"
        "examples:\n"
        "  persistctl render deployment.template.json -e .env -p arm32v7\n"
        "  persistctl render configs/deployment.template.json -e configs/example.env -m services --check\n",
    .run = s_run,
};
