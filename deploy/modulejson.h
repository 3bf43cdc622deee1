/*
 * Modulejson: a module's module.json, which says how its images are named and built:
 *
 *     <image.repository>:<image.tag.version>-<platform>
 *
 * and which Dockerfile makes the one for a platform. Variables stand for themselves until they are asked for
 * with an envfile, since a module may be looked at (which platforms has it?) where none are set.
 */
#ifndef DEPLOY_MODULEJSON_H
#define DEPLOY_MODULEJSON_H

#include "envfile.h"
#include "jsonfile.h"

typedef struct modulejson modulejson_t;

/* Reads folder/module.json. NULL, with the problems told, if it is not there or wrong. */
modulejson_t *modulejson_read(const char *folder, problems_t *problems);
void modulejson_destroy(modulejson_t **self_p);

const char *modulejson_folder(const modulejson_t *self);
bool modulejson_has_platform(const modulejson_t *self, const char *platform);
/* Appends "amd64, arm32v7", in the order of the file, terminated by a NUL that counts. */
void modulejson_platforms(const modulejson_t *self, pbus_buf_t *out);

/*
 * Each appends a text, terminated by a NUL that counts; false with the problem told if a variable is not
 * defined. The platform must be one of the module's.
 */
bool modulejson_image(const modulejson_t *self, const char *platform, const envfile_t *envfile,
                      pbus_buf_t *out, problems_t *problems);
/* A path: the folder's, and from there as the file says. */
bool modulejson_dockerfile(const modulejson_t *self, const char *platform, const envfile_t *envfile,
                           pbus_buf_t *out, problems_t *problems);
/* The folder itself unless the file says another. */
bool modulejson_context(const modulejson_t *self, const envfile_t *envfile, pbus_buf_t *out,
                        problems_t *problems);

size_t modulejson_option_count(const modulejson_t *self);
bool modulejson_option(const modulejson_t *self, size_t i, const envfile_t *envfile, pbus_buf_t *out,
                       problems_t *problems);

#endif
