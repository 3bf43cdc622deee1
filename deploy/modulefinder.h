/*
 * Modulefinder: the modules that a template may name. A name is looked up as modules/NAME/module.json beside
 * the template, then as DIR/NAME/module.json in each of the folders given; a path is relative to the
 * template. Each module.json is read once, and what is wrong with it told once.
 */
#ifndef DEPLOY_MODULEFINDER_H
#define DEPLOY_MODULEFINDER_H

#include "modulejson.h"

typedef struct modulefinder modulefinder_t;

/* folders stay the caller's and must outlive this. NULL when memory is out. */
modulefinder_t *modulefinder_new(const char *template, const char *const *folders, size_t count);
void modulefinder_destroy(modulefinder_t **self_p);

typedef enum {
    MODULE_FOUND,
    MODULE_ABSENT, /* there is no module.json; nothing is told */
    MODULE_BROKEN  /* there is one, and what is wrong with it has been told */
} modulefinder_result_t;

/* *module stays the finder's. */
modulefinder_result_t modulefinder_by_name(modulefinder_t *self, const char *name,
                                           const modulejson_t **module, problems_t *problems);
modulefinder_result_t modulefinder_by_path(modulefinder_t *self, const char *path,
                                           const modulejson_t **module, problems_t *problems);

/* Appends where names are looked for, for who is told that there is no such module. */
void modulefinder_places(const modulefinder_t *self, pbus_buf_t *out);

#endif
