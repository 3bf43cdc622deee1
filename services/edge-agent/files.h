/*
 * Files: folders, and saving what has changed.
 */
#ifndef EDGE_AGENT_FILES_H
#define EDGE_AGENT_FILES_H

#include <persistbus/types.h>

/* Creates the folder with all above it. */
pbus_status_t files_make_folder(const char *path, pbus_error_t *error);
/*
 * Replaces the file, which is whole at any time, also after a power cut, and its owner's alone; unless the
 * text is what was written last. Takes over the text, which is malloc'd and becomes *written when it is on
 * disk.
 */
pbus_status_t files_save(const char *path, char **written, char *text, pbus_error_t *error);

#endif
