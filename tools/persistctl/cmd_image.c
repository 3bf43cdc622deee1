/*
 * image FOLDER: what module.json says about a module's image, for what builds it (tools/images.sh). Needs no
 * core-data.
 */
#include <stdio.h>
#include <string.h>
#include "json.h"
#include "modulejson.h"
#include "options.h"
#include "say.h"
#include "template.h"

typedef struct {
    const char *folder, *platform;
    const char *env_path; /* may be NULL, see envfile_open */
    bool json;
} image_t;

/* What is told: a line each, or a document. */
typedef struct {
    yyjson_mut_doc *doc; /* NULL: lines */
    yyjson_mut_val *options;
} told_t;

/* Takes the text over. */
static bool s_tell(const told_t *to, const char *name, bool right, pbus_buf_t *text)
{
    const char *value = (const char *) text->data;
    if (right && !to->doc)
        printf("%s %s\n", name, value);
    else if (right && !strcmp(name, "option"))
        yyjson_mut_arr_add_strcpy(to->doc, to->options, value);
    else if (right)
        yyjson_mut_obj_add_strcpy(to->doc, yyjson_mut_doc_get_root(to->doc), name, value);
    pbus_buf_clear(text);
    return right;
}

static bool s_has_platform(const modulejson_t *module, const image_t *self, problems_t *problems)
{
    pbus_buf_t names = {0};
    if (modulejson_has_platform(module, self->platform))
        return true;
    modulejson_platforms(module, &names);
    problems_error(problems, self->folder, "there is no platform %s in module.json, which has %s",
                   self->platform, names.failed ? "others" : (const char *) names.data);
    pbus_buf_clear(&names);
    return false;
}

static bool s_show(const modulejson_t *module, const image_t *self, const envfile_t *envfile,
                   problems_t *problems)
{
    pbus_buf_t text = {0};
    const char *platform = self->platform;
    told_t to = {.doc = self->json ? yyjson_mut_doc_new(NULL) : NULL};
    if (to.doc) {
        yyjson_mut_doc_set_root(to.doc, yyjson_mut_obj(to.doc));
        to.options = yyjson_mut_arr(to.doc);
    }
    bool right = s_tell(&to, "image", modulejson_image(module, platform, envfile, &text, problems), &text);
    right &=
        s_tell(&to, "dockerfile", modulejson_dockerfile(module, platform, envfile, &text, problems), &text);
    right &= s_tell(&to, "context", modulejson_context(module, envfile, &text, problems), &text);
    for (size_t i = 0; i < modulejson_option_count(module); i++)
        right &= s_tell(&to, "option", modulejson_option(module, i, envfile, &text, problems), &text);
    if (right && to.doc) {
        yyjson_mut_obj_add_val(to.doc, yyjson_mut_doc_get_root(to.doc), "options", to.options);
        yyjson_doc *answer = yyjson_mut_doc_imut_copy(to.doc, NULL);
        right = answer && json_print(stdout, yyjson_doc_get_root(answer));
        yyjson_doc_free(answer);
    }
    yyjson_mut_doc_free(to.doc);
    return right;
}

static bool s_image(const image_t *self, problems_t *problems)
{
    envfile_t *envfile = NULL;
    if (!envfile_open(&envfile, self->env_path, problems))
        return false;
    modulejson_t *module = modulejson_read(self->folder, problems);
    bool right = module && s_has_platform(module, self, problems) && s_show(module, self, envfile, problems);
    modulejson_destroy(&module);
    envfile_destroy(&envfile);
    return right;
}

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const struct option options[] = {
        {"env", required_argument, NULL, 'e'}, {"platform", required_argument, NULL, 'p'}, {0}};
    image_t self = {.platform = TEMPLATE_PLATFORM, .json = globals->json};
    int option;
    while ((option = options_next(argc, argv, "e:p:", options)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        *(option == 'e' ? &self.env_path : &self.platform) = optarg;
    }
    if (!options_arguments(argc, argv, 1, 1, "FOLDER"))
        return EXIT_USAGE;
    self.folder = argv[optind];
    problems_t *problems = problems_new();
    if (!problems) {
        say("image: memory is out");
        return EXIT_NOT;
    }
    bool right = s_image(&self, problems);
    problems_print(problems, "persistctl", stderr);
    problems_destroy(&problems);
    return right ? EXIT_DONE : EXIT_NOT;
}

const command_t cmd_image = {
    .name = "image",
    .arguments = "FOLDER [OPTION...]",
    .summary = "name and Dockerfile of a module's image",
    .help = "FOLDER holds a module.json. Prints lines: image NAME, dockerfile PATH, context PATH, and option "
            "TEXT for "
            "each of\n"
            "image.buildOptions. Variables are the environment's, else those of the .env file.\n"
            "\n"
            "  -e, --env FILE        variables; default: .env in the current folder, if there is one\n"
            "  -p, --platform NAME   default amd64\n"
            "\n"
            "example:\n"
            "  persistctl image services/core-data -p arm64v8\n",
    .run = s_run,
};
