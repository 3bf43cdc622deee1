/*
 * Replace: replaces a file as a whole, so that a reader, or who looks after a crash, finds the old or the
 * new content. The folders on its way are created; the file can be read and written by its owner alone.
 */
#ifndef PBUS_REPLACE_H
#define PBUS_REPLACE_H

#include <stdbool.h>
#include <sys/types.h>

/* folders: the mode of those it creates. False, with errno, if the file is not there with this content
 * afterwards. */
bool pbus_replace_file(const char *path, mode_t folders, const void *data, size_t size);

#endif
