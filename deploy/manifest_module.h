/*
 * One module of a manifest, read from its place in the document. See manifest.h for what is in it.
 */
#ifndef DEPLOY_MANIFEST_MODULE_H
#define DEPLOY_MANIFEST_MODULE_H

#include "manifest.h"
#include "node.h"

/*
 * Always returns a module (NULL only when memory is out, which is told): one for which problems were told is
 * not complete, but can be destroyed.
 */
manifest_module_t *manifest_module_read(const node_t *node, const char *name);

/*
 * The module as an object that manifest_module_read makes the same module of, its environment as it is now.
 * NULL when memory is out.
 */
yyjson_mut_val *manifest_module_write(const manifest_module_t *self, yyjson_mut_doc *doc);

bool manifest_module_is_core(const manifest_module_t *self);
/* Sets a variable, unless the module has it. False when memory is out. */
bool manifest_module_default(manifest_module_t *self, const char *name, const char *value);
/* To be called once the environment is complete: fills what follows from it (health, group, digest). */
bool manifest_module_finish(manifest_module_t *self);

#endif
