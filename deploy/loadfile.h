/*
 * Loadfile: a whole file in memory.
 */
#ifndef DEPLOY_LOADFILE_H
#define DEPLOY_LOADFILE_H

#include "problems.h"

/* Appends the file's bytes. False, with the problem told, if it can't be read or has more than limit. */
bool loadfile(const char *path, size_t limit, pbus_buf_t *out, problems_t *problems);

#endif
