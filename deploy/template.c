/*
 * Template: see template.h. The document is walked once and a new one made. A value with a problem becomes
 * null and the walk goes on, so that all problems are told at once; the result is then not used.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include "expand.h"
#include "manifest.h"
#include "modulefinder.h"
#include "schema.h"
#include "template.h"

#define OPTIONS "createOptions"
#define PATH_SIZE 1024 /* of a place, as part of a document's name */

typedef struct {
    const template_t *options;
    problems_t *problems;
    modulefinder_t *finder;
    yyjson_mut_doc *doc;
    expand_t expand; /* whose file is the document that is walked */
    bool with_names; /* names in objects are expanded too */
} render_t;

static yyjson_mut_val *s_value(render_t *self, yyjson_val *value, const place_t *place);

#define TELL(...) jsonfile_error(self->expand.file, place, self->problems, __VA_ARGS__)

/* ---- images ----------------------------------------------------------------------------------------- */

static bool s_image(render_t *self, const modulejson_t *module, const char *platform, const place_t *place,
                    pbus_buf_t *out)
{
    pbus_buf_t text = {0};
    bool right = modulejson_has_platform(module, platform);
    if (right) {
        right = modulejson_image(module, platform, self->options->envfile, &text, self->problems);
        pbus_buf_puts(out, right ? (const char *) text.data : "");
    } else {
        modulejson_platforms(module, &text);
        TELL("the platform %s is none of %s/module.json, which has %s: name one of those, or add it there",
             platform, modulejson_folder(module), text.failed ? "others" : (const char *) text.data);
    }
    pbus_buf_clear(&text);
    return right;
}

/* NAME or NAME.PLATFORM. Either may hold dots, so the longest NAME that is a module's counts. */
static modulefinder_result_t s_find_named(render_t *self, const char *words, const modulejson_t **module,
                                          const char **platform)
{
    size_t size = strlen(words);
    modulefinder_result_t result;
    *platform = self->options->platform;
    for (;;) {
        char *name = strndup(words, size);
        result = modulefinder_by_name(self->finder, name ? name : "", module, self->problems);
        free(name);
        const char *dot = memrchr(words, '.', size);
        if (result != MODULE_ABSENT || !dot)
            return result;
        size = (size_t) (dot - words);
        *platform = dot + 1;
    }
}

static bool s_named(render_t *self, const char *words, const place_t *place, pbus_buf_t *out)
{
    const modulejson_t *module = NULL;
    const char *platform;
    pbus_buf_t places = {0};
    modulefinder_result_t result = s_find_named(self, words, &module, &platform);
    if (result == MODULE_ABSENT) {
        modulefinder_places(self->finder, &places);
        TELL("${MODULES.%s} names no module that has a module.json in %s: mend the name, or name the folder "
             "that "
             "holds the module's with --modules",
             words, places.failed ? "" : (const char *) places.data);
        pbus_buf_clear(&places);
    }
    return result == MODULE_FOUND && s_image(self, module, platform, place, out);
}

/* <PATH> or <PATH>.PLATFORM */
static bool s_pathed(render_t *self, const char *words, const place_t *place, pbus_buf_t *out)
{
    const modulejson_t *module = NULL;
    const char *end = *words == '<' ? strrchr(words, '>') : NULL;
    char *path = end ? strndup(words + 1, (size_t) (end - words) - 1) : NULL;
    bool right = false;
    if (!path || !*path || (end[1] && end[1] != '.') || (end[1] && !end[2]))
        TELL("${MODULEDIR%s} is not understood: write ${MODULEDIR<PATH>} or ${MODULEDIR<PATH>.PLATFORM}",
             words);
    else {
        modulefinder_result_t result = modulefinder_by_path(self->finder, path, &module, self->problems);
        if (result == MODULE_ABSENT)
            TELL("there is no module.json in %s, seen from the template", path);
        right = result == MODULE_FOUND &&
                s_image(self, module, end[1] ? end + 2 : self->options->platform, place, out);
    }
    free(path);
    return right;
}

static bool s_special(expand_t *expand, const char *words, const place_t *place, pbus_buf_t *out)
{
    render_t *self = expand->context;
    if (!strncmp(words, "MODULES.", 8))
        return s_named(self, words + 8, place, out);
    if (!strncmp(words, "MODULEDIR", 9))
        return s_pathed(self, words + 9, place, out);
    TELL("${%s} is not understood: it is no variable, ${MODULES.NAME} or ${MODULEDIR<PATH>}", words);
    return false;
}

/* ---- places that are special ------------------------------------------------------------------------ */

static bool s_is_key(const place_t *place, const char *name)
{
    return place && place->key && yyjson_equals_str(place->key, name);
}

static const place_t *s_up(const place_t *place, int steps)
{
    while (place && steps--)
        place = place->up;
    return place;
}

/* .../$edgeAgent/properties.desired/modules/NAME/settings */
static bool s_is_settings(const place_t *place)
{
    const place_t *modules = s_up(place, 2);
    return s_is_key(place, "settings") &&
           (s_is_key(modules, "modules") || s_is_key(modules, "systemModules")) &&
           s_is_key(s_up(modules, 1), "properties.desired") && s_is_key(s_up(modules, 2), "$edgeAgent");
}

static bool s_is_in_routes(const place_t *place)
{
    for (; place; place = place->up)
        if (s_is_key(place, "routes") && s_is_key(s_up(place, 2), "$edgeHub"))
            return true;
    return false;
}

/* ---- createOptions ---------------------------------------------------------------------------------- */

/* 0 for createOptions, N for createOptionsNN; -1 for other names. */
static int s_part_of(yyjson_val *key)
{
    const char *name = yyjson_get_str(key);
    if (strncmp(name, OPTIONS, sizeof OPTIONS - 1))
        return -1;
    name += sizeof OPTIONS - 1;
    if (!*name)
        return 0;
    if (!isdigit((unsigned char) name[0]) || !isdigit((unsigned char) name[1]) || name[2])
        return -1;
    int part = atoi(name);
    return part ? part : -1;
}

/* Writes the value, minified; ASCII alone, so that it can be cut anywhere. NULL, with the problem told. */
static char *s_minify(render_t *self, yyjson_mut_val *value, const place_t *place)
{
    char *text = yyjson_mut_val_write(value, YYJSON_WRITE_ESCAPE_UNICODE, NULL);
    if (!text)
        TELL("can't be written as JSON: memory is out");
    return text;
}

static size_t s_part_count(yyjson_val *settings)
{
    size_t index, count, parts = 0;
    yyjson_val *key, *value;
    yyjson_obj_foreach(settings, index, count, key, value) parts += s_part_of(key) >= 0;
    return parts;
}

/* Joins the parts. False, with the problem told, if one is missing or no text. */
static bool s_join(render_t *self, yyjson_val *settings, const place_t *place, pbus_buf_t *out)
{
    size_t parts = s_part_count(settings);
    for (size_t i = 0; i < parts; i++) {
        char name[32];
        snprintf(name, sizeof name, i ? OPTIONS "%02zu" : OPTIONS, i);
        yyjson_val *value = yyjson_obj_get(settings, name);
        if (!yyjson_is_str(value)) {
            TELL("%s has to be a text, as its parts are joined: write createOptions as one object instead",
                 name);
            return false;
        }
        pbus_buf_puts(out, yyjson_get_str(value));
    }
    return !out->failed;
}

/* The values of an object that stood as text in the template, with places of its own. */
static char *s_options_of_text(render_t *self, const pbus_buf_t *joined, const place_t *place)
{
    char name[PATH_SIZE];
    pbus_buf_t path = {0};
    char *text = NULL;
    place_write(place, &path);
    snprintf(name, sizeof name, "%s: %.*s/" OPTIONS, self->options->path, (int) path.size,
             path.data ? (const char *) path.data : "");
    pbus_buf_clear(&path);
    jsonfile_t *inner = jsonfile_parse(name, joined->data, joined->size, self->problems);
    if (!inner)
        return NULL;
    if (!yyjson_is_obj(jsonfile_root(inner)))
        problems_error(self->problems, name, "has to be a JSON object");
    else {
        const jsonfile_t *outer = self->expand.file;
        self->expand.file = inner;
        text = s_minify(self, s_value(self, jsonfile_root(inner), NULL), NULL);
        self->expand.file = outer;
    }
    jsonfile_destroy(&inner);
    return text;
}

static yyjson_val *s_key(yyjson_val *object, const char *name)
{
    size_t index, count;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, index, count, key, value)
    {
        if (yyjson_equals_str(key, name))
            return key;
    }
    return NULL;
}

static char *s_options(render_t *self, yyjson_val *settings, const place_t *place)
{
    char *text = NULL;
    pbus_buf_t joined = {0};
    place_t here = {place, s_key(settings, OPTIONS), 0};
    yyjson_val *whole = yyjson_obj_get(settings, OPTIONS);
    self->with_names = true;
    if (yyjson_is_obj(whole) && s_part_count(settings) == 1) {
        text = s_minify(self, s_value(self, whole, &here), &here);
    } else if (s_join(self, settings, place, &joined))
        text = joined.size ? s_options_of_text(self, &joined, place) : strdup("{}");
    self->with_names = false;
    pbus_buf_clear(&joined);
    return text;
}

static void s_add_chunks(render_t *self, yyjson_mut_val *to, const char *text, const place_t *place)
{
    size_t size = strlen(text), part = 0;
    if (size > TEMPLATE_CHUNK * TEMPLATE_CHUNKS) {
        TELL(OPTIONS " has %zu bytes: at most %d are possible", size, TEMPLATE_CHUNK * TEMPLATE_CHUNKS);
        return;
    }
    for (size_t at = 0; at < size; at += TEMPLATE_CHUNK, part++) {
        char name[32];
        size_t length = size - at < TEMPLATE_CHUNK ? size - at : TEMPLATE_CHUNK;
        snprintf(name, sizeof name, part ? OPTIONS "%02zu" : OPTIONS, part);
        if (!yyjson_mut_obj_add(to, yyjson_mut_strcpy(self->doc, name),
                                yyjson_mut_strncpy(self->doc, text + at, length)))
            TELL("memory is out");
    }
}

/* ---- the walk --------------------------------------------------------------------------------------- */

/* The expanded text as a value; null if there is a problem. */
static yyjson_mut_val *s_text(render_t *self, const char *text, const place_t *place)
{
    pbus_buf_t out = {0};
    self->expand.keep_lower = s_is_in_routes(place);
    bool right = expand_text(&self->expand, text, place, &out);
    bool is_text = right && pbus_str_is_text((pbus_str_t){(const char *) out.data, out.size - 1});
    if (right && !is_text)
        TELL("is no UTF-8 once its variables are replaced: mend the variable's value");
    yyjson_mut_val *value = is_text ? yyjson_mut_strcpy(self->doc, (const char *) out.data) : NULL;
    pbus_buf_clear(&out);
    return value ? value : yyjson_mut_null(self->doc);
}

static yyjson_mut_val *s_name(render_t *self, yyjson_mut_val *object, const place_t *place)
{
    if (!self->with_names)
        return yyjson_mut_strcpy(self->doc, yyjson_get_str(place->key));
    yyjson_mut_val *name = s_text(self, yyjson_get_str(place->key), place);
    if (yyjson_mut_is_str(name) && yyjson_mut_obj_get(object, yyjson_mut_get_str(name)))
        TELL("is there twice once its variables are replaced");
    return yyjson_mut_is_str(name) ? name : yyjson_mut_strcpy(self->doc, "");
}

static yyjson_mut_val *s_object(render_t *self, yyjson_val *object, const place_t *place)
{
    size_t index, count;
    yyjson_val *key, *value;
    bool settings = s_is_settings(place), chunked = false;
    yyjson_mut_val *made = yyjson_mut_obj(self->doc);
    yyjson_obj_foreach(object, index, count, key, value)
    {
        place_t here = {place, key, 0};
        if (!place && !self->with_names && yyjson_equals_str(key, "$schema-template"))
            continue;
        if (settings && s_part_of(key) >= 0) {
            char *text = chunked ? NULL : s_options(self, object, place);
            if (text)
                s_add_chunks(self, made, text, place);
            free(text);
            chunked = true;
            continue;
        }
        yyjson_mut_val *name = s_name(self, made, &here);
        if (!yyjson_mut_obj_add(made, name, s_value(self, value, &here)))
            TELL("memory is out");
    }
    return made;
}

static yyjson_mut_val *s_array(render_t *self, yyjson_val *array, const place_t *place)
{
    size_t index, count;
    yyjson_val *value;
    yyjson_mut_val *made = yyjson_mut_arr(self->doc);
    yyjson_arr_foreach(array, index, count, value)
    {
        place_t here = {place, NULL, index};
        if (!yyjson_mut_arr_append(made, s_value(self, value, &here)))
            TELL("memory is out");
    }
    return made;
}

static yyjson_mut_val *s_value(render_t *self, yyjson_val *value, const place_t *place)
{
    if (yyjson_is_obj(value))
        return s_object(self, value, place);
    if (yyjson_is_arr(value))
        return s_array(self, value, place);
    if (yyjson_is_str(value))
        return s_text(self, yyjson_get_str(value), place);
    return yyjson_val_mut_copy(self->doc, value);
}

/* ---- the whole -------------------------------------------------------------------------------------- */

static void s_check_template(const jsonfile_t *file, problems_t *problems)
{
    schema_t *schema = schema_new("template", problems);
    if (schema)
        schema_check(schema, file, problems);
    schema_destroy(&schema);
}

/* Warnings have been told when the template was checked. */
static void s_check_manifest(const template_t *self, const pbus_buf_t *text, problems_t *problems)
{
    char name[PATH_SIZE];
    problems_t *told = problems_new();
    schema_t *schema = told ? schema_new("manifest", told) : NULL;
    snprintf(name, sizeof name, "%s, rendered", self->path);
    jsonfile_t *file = schema ? jsonfile_parse(name, text->data, text->size, told) : NULL;
    if (!told)
        problems_error(problems, self->path, "memory is out");
    if (file) {
        jsonfile_hide_lines(file);
        manifest_t *manifest = schema_check(schema, file, told) ? manifest_new(file, told) : NULL;
        manifest_destroy(&manifest);
    }
    jsonfile_destroy(&file);
    schema_destroy(&schema);
    problems_drop_warnings(told);
    problems_move(problems, &told);
}

static void s_render(render_t *self, pbus_buf_t *out)
{
    size_t size = 0;
    yyjson_mut_val *root = s_value(self, jsonfile_root(self->expand.file), NULL);
    char *text = root ? yyjson_mut_val_write(root, YYJSON_WRITE_PRETTY_TWO_SPACES, &size) : NULL;
    pbus_buf_append(out, text, size);
    pbus_buf_puts(out, "\n");
    if (!text || out->failed)
        problems_error(self->problems, self->options->path, "memory is out");
    free(text);
}

bool template_render_file(const template_t *self, const jsonfile_t *file, pbus_buf_t *out,
                          problems_t *problems)
{
    size_t before = problems_errors(problems);
    render_t render = {
        .options = self,
        .problems = problems,
        .finder = modulefinder_new(self->path, self->folders, self->folder_count),
        .doc = yyjson_mut_doc_new(NULL),
        .expand = {.file = file, .envfile = self->envfile, .problems = problems, .special = s_special}};
    render.expand.context = &render;
    s_check_template(file, problems);
    if (render.finder && render.doc)
        s_render(&render, out);
    else
        problems_error(problems, self->path, "memory is out");
    yyjson_mut_doc_free(render.doc);
    modulefinder_destroy(&render.finder);
    if (problems_errors(problems) == before)
        s_check_manifest(self, out, problems);
    return problems_errors(problems) == before;
}

bool template_render(const template_t *self, pbus_buf_t *out, problems_t *problems)
{
    jsonfile_t *file = jsonfile_read(self->path, problems);
    bool right = file && template_render_file(self, file, out, problems);
    jsonfile_destroy(&file);
    return right;
}
