/*
 * Modulefinder: see modulefinder.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modulefinder.h"

typedef struct {
    char *folder;
    modulejson_t *module; /* NULL: it is broken */
} known_t;

struct modulefinder {
    char *beside; /* the template's folder with a slash at its end, or nothing for the current one */
    const char *const *folders;
    size_t folder_count;
    known_t *known;
    size_t known_count;
};

modulefinder_t *modulefinder_new(const char *template, const char *const *folders, size_t count)
{
    modulefinder_t *self = calloc(1, sizeof *self);
    const char *slash = strrchr(template, '/');
    if (!self)
        return NULL;
    self->folders = folders;
    self->folder_count = count;
    self->beside = strndup(template, slash ? (size_t) (slash - template) + 1 : 0);
    if (!self->beside)
        modulefinder_destroy(&self);
    return self;
}

void modulefinder_destroy(modulefinder_t **self_p)
{
    modulefinder_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->known_count; i++) {
        free(self->known[i].folder);
        modulejson_destroy(&self->known[i].module);
    }
    free(self->known);
    free(self->beside);
    free(self);
    *self_p = NULL;
}

/* Takes over folder on success. */
static bool s_keep(modulefinder_t *self, char *folder, problems_t *problems)
{
    known_t *grown = realloc(self->known, (self->known_count + 1) * sizeof *grown);
    if (!grown)
        return false;
    self->known = grown;
    grown[self->known_count++] = (known_t){folder, modulejson_read(folder, problems)};
    return true;
}

static bool s_is_there(const char *folder)
{
    char *path = NULL;
    bool there = asprintf(&path, "%s/module.json", folder) >= 0 && access(path, F_OK) == 0;
    free(path);
    return there;
}

/* Takes over folder, which is NULL when memory is out. */
static modulefinder_result_t s_look(modulefinder_t *self, char *folder, const modulejson_t **module,
                                    problems_t *problems)
{
    size_t i = 0;
    if (folder && !s_is_there(folder)) {
        free(folder);
        return MODULE_ABSENT;
    }
    while (folder && i < self->known_count && strcmp(self->known[i].folder, folder))
        i++;
    if (!folder || (i == self->known_count && !s_keep(self, folder, problems))) {
        problems_error(problems, folder ? folder : "", "memory is out");
        free(folder);
        return MODULE_BROKEN;
    }
    if (folder != self->known[i].folder)
        free(folder);
    *module = self->known[i].module;
    return *module ? MODULE_FOUND : MODULE_BROKEN;
}

static char *s_join(const char *a, const char *b, const char *c)
{
    char *path = NULL;
    return asprintf(&path, "%s%s%s", a, b, c) < 0 ? NULL : path;
}

modulefinder_result_t modulefinder_by_path(modulefinder_t *self, const char *path,
                                           const modulejson_t **module, problems_t *problems)
{
    while (!strncmp(path, "./", 2)) /* so that one folder has one name */
        path += 2;
    char *folder = *path == '/' ? strdup(path) : s_join(self->beside, path, "");
    return s_look(self, folder, module, problems);
}

modulefinder_result_t modulefinder_by_name(modulefinder_t *self, const char *name,
                                           const modulejson_t **module, problems_t *problems)
{
    if (!*name || *name == '.' || strchr(name, '/')) /* a name leads to no other folder */
        return MODULE_ABSENT;
    modulefinder_result_t result = s_look(self, s_join(self->beside, "modules/", name), module, problems);
    for (size_t i = 0; result == MODULE_ABSENT && i < self->folder_count; i++)
        result = s_look(self, s_join(self->folders[i], "/", name), module, problems);
    return result;
}

void modulefinder_places(const modulefinder_t *self, pbus_buf_t *out)
{
    pbus_buf_printf(out, "%smodules", self->beside);
    for (size_t i = 0; i < self->folder_count; i++)
        pbus_buf_printf(out, ", %s", self->folders[i]);
    pbus_buf_append(out, "", 1);
}
