/*
 * Savefile: common/src/replace.h, for what is written from documents.
 */
#ifndef DEPLOY_SAVEFILE_H
#define DEPLOY_SAVEFILE_H

#include "problems.h"

/* False, with the problem told, if the file is not there with this content afterwards. */
bool savefile(const char *path, const void *data, size_t size, problems_t *problems);

#endif
