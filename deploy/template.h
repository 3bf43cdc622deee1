/*
 * Template: a deployment template becomes a deployment manifest.
 *
 *     ${MODULES.NAME}  ${MODULES.NAME.PLATFORM}      the image of a module, see modulefinder.h and
 * modulejson.h
 *     ${MODULEDIR<PATH>}  ${MODULEDIR<PATH>.PLATFORM}
 *     $NAME  ${NAME}                                 variables, see envfile.h and expand.h
 *     "createOptions": {...}                         a text of minified JSON in parts of 512 bytes
 *     "$schema-template"                             is left out
 *
 * They hold in the values of texts everywhere; inside createOptions in names too ("$PORT/tcp"). In the routes
 * of $edgeHub a $name that begins with a lower-case letter and is no variable is the route's ($upstream,
 * $body).
 *
 * The template is checked against its schema, and the manifest against its own and as edge-agent reads it.
 * The same input gives the same bytes: nothing depends on time, place or order of memory.
 */
#ifndef DEPLOY_TEMPLATE_H
#define DEPLOY_TEMPLATE_H

#include "envfile.h"
#include "jsonfile.h"

#define TEMPLATE_PLATFORM "amd64" /* for images that name none, unless another one is asked for */
#define TEMPLATE_CHUNK 512        /* bytes of createOptions in one part */
#define TEMPLATE_CHUNKS 100       /* parts: createOptions, createOptions01 ... createOptions99 */

typedef struct {
    const char *path;
    const char *platform;
    const envfile_t *envfile;   /* may be NULL */
    const char *const *folders; /* that hold modules */
    size_t folder_count;
} template_t;

/* Appends the manifest. False, with all problems told, if something is wrong; out then means nothing. */
bool template_render(const template_t *self, pbus_buf_t *out, problems_t *problems);

/* The same of a document that has been read; path says what it is beside. */
bool template_render_file(const template_t *self, const jsonfile_t *file, pbus_buf_t *out,
                          problems_t *problems);

#endif
