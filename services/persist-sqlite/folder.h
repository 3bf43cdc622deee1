/*
 * Folder: where a store file lies.
 */
#ifndef FOLDER_H
#define FOLDER_H

#include <persistbus/types.h>

/*
 * The absolute path of a file, without symbolic links, so that two ways to name a store give one lock; the
 * caller frees it. create: makes its folder, with those above it, if need be. Errors are one line with the
 * path and the remedy; PBUS_INVALID, or PBUS_UNAVAILABLE if trying again may help.
 */
pbus_status_t folder_resolve(const char *path, bool create, char **resolved, pbus_error_t *error);

#endif
