/*
 * Logfile: where a module's standard output and error go, so that the module never depends on the agent being
 * there: it writes into the file itself, appending. When the file has grown beyond its size, NAME.log.1
 * becomes NAME.log.2 and so on, the content is copied to NAME.log.1, and the file is cut to nothing under the
 * module's open descriptor. A line that the module writes between the end of the copying and the cut, some
 * microseconds, is lost; the price for modules that outlive the agent.
 */
#ifndef EDGE_AGENT_LOGFILE_H
#define EDGE_AGENT_LOGFILE_H

#include <persistbus/types.h>

typedef struct {
    char folder[512];
    int64_t size; /* bytes; 0: never rotated */
    int kept;     /* old files; 0: what has been written is thrown away */
} logfile_rules_t;

/* FOLDER/NAME.log; the folder is created if absent. */
pbus_status_t logfile_path(const logfile_rules_t *rules, const char *name, char *path, size_t size,
                           pbus_error_t *error);
/* Rotates if it is time. */
pbus_status_t logfile_rotate(const logfile_rules_t *rules, const char *name, pbus_error_t *error);

#endif
