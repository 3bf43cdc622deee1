/*
 * Modulejson: see modulejson.h.
 */
#include <stdlib.h>
#include <string.h>
#include "expand.h"
#include "modulejson.h"
#include "node.h"
#include "schema.h"

struct modulejson {
    char *folder;
    jsonfile_t *file;
};

void modulejson_destroy(modulejson_t **self_p)
{
    modulejson_t *self = *self_p;
    if (!self)
        return;
    jsonfile_destroy(&self->file);
    free(self->folder);
    free(self);
    *self_p = NULL;
}

const char *modulejson_folder(const modulejson_t *self)
{
    return self->folder;
}

static bool s_load(modulejson_t *self, problems_t *problems)
{
    char *path = NULL;
    self->file = asprintf(&path, "%s/module.json", self->folder) < 0 ? NULL : jsonfile_read(path, problems);
    if (!path)
        problems_error(problems, self->folder, "memory is out");
    else
        free(path);
    if (!self->file)
        return false;
    schema_t *schema = schema_new("module", problems);
    bool right = schema && schema_check(schema, self->file, problems);
    schema_destroy(&schema);
    return right;
}

modulejson_t *modulejson_read(const char *folder, problems_t *problems)
{
    modulejson_t *self = calloc(1, sizeof *self);
    if (self)
        self->folder = strdup(folder);
    if (!self || !self->folder) {
        problems_error(problems, folder, "memory is out");
        modulejson_destroy(&self);
    } else if (!s_load(self, problems))
        modulejson_destroy(&self);
    return self;
}

/* ---- platforms -------------------------------------------------------------------------------------- */

static yyjson_val *s_platforms(const modulejson_t *self)
{
    return yyjson_ptr_get(jsonfile_root(self->file), "/image/tag/platforms");
}

bool modulejson_has_platform(const modulejson_t *self, const char *platform)
{
    return yyjson_obj_get(s_platforms(self), platform) != NULL;
}

void modulejson_platforms(const modulejson_t *self, pbus_buf_t *out)
{
    size_t index, count;
    yyjson_val *name, *dockerfile;
    yyjson_obj_foreach(s_platforms(self), index, count, name, dockerfile)
        pbus_buf_printf(out, "%s%s", index ? ", " : "", yyjson_get_str(name));
    pbus_buf_append(out, "", 1);
}

/* ---- texts ------------------------------------------------------------------------------------------ */

static bool s_expand(const node_t *node, const envfile_t *envfile, pbus_buf_t *out)
{
    expand_t expand = {.file = node->file, .envfile = envfile, .problems = node->problems};
    return expand_text(&expand, yyjson_get_str(node->value), &node->place, out);
}

bool modulejson_image(const modulejson_t *self, const char *platform, const envfile_t *envfile,
                      pbus_buf_t *out, problems_t *problems)
{
    node_t root = node_root(self->file, problems), image = node_child(&root, "image");
    node_t tag = node_child(&image, "tag"), repository = node_child(&image, "repository");
    node_t version = node_child(&tag, "version");
    bool right = s_expand(&repository, envfile, out);
    out->size -= right; /* the NUL */
    pbus_buf_puts(out, ":");
    if (!s_expand(&version, envfile, out) || !right)
        return false;
    out->size--;
    pbus_buf_printf(out, "-%s", platform);
    pbus_buf_append(out, "", 1);
    return !out->failed;
}

/* The folder, unless the path is absolute, and the path. */
static bool s_path(const modulejson_t *self, const node_t *node, const envfile_t *envfile, pbus_buf_t *out)
{
    pbus_buf_t path = {0};
    bool right = s_expand(node, envfile, &path);
    if (right && *path.data != '/')
        pbus_buf_printf(out, "%s/", self->folder);
    if (right)
        pbus_buf_append(out, path.data, path.size);
    pbus_buf_clear(&path);
    return right && !out->failed;
}

bool modulejson_dockerfile(const modulejson_t *self, const char *platform, const envfile_t *envfile,
                           pbus_buf_t *out, problems_t *problems)
{
    node_t root = node_root(self->file, problems), image = node_child(&root, "image");
    node_t tag = node_child(&image, "tag"), platforms = node_child(&tag, "platforms");
    node_t dockerfile = node_child(&platforms, platform);
    return s_path(self, &dockerfile, envfile, out);
}

bool modulejson_context(const modulejson_t *self, const envfile_t *envfile, pbus_buf_t *out,
                        problems_t *problems)
{
    node_t root = node_root(self->file, problems), image = node_child(&root, "image");
    node_t context = node_child(&image, "contextPath");
    if (context.value)
        return s_path(self, &context, envfile, out);
    pbus_buf_append(out, self->folder, strlen(self->folder) + 1);
    return !out->failed;
}

size_t modulejson_option_count(const modulejson_t *self)
{
    return yyjson_arr_size(yyjson_ptr_get(jsonfile_root(self->file), "/image/buildOptions"));
}

bool modulejson_option(const modulejson_t *self, size_t i, const envfile_t *envfile, pbus_buf_t *out,
                       problems_t *problems)
{
    node_t root = node_root(self->file, problems), image = node_child(&root, "image");
    node_t options = node_child(&image, "buildOptions");
    node_t option = node_element(&options, i, yyjson_arr_get(options.value, i));
    return s_expand(&option, envfile, out);
}
