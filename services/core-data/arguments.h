/*
 * Arguments: core-data's command line, with the flags and variables of EdgeX's services that have a meaning
 * without a configuration provider (EdgeX core-data API v3, section 13). A variable wins over its flag.
 */
#ifndef CORE_DATA_ARGUMENTS_H
#define CORE_DATA_ARGUMENTS_H

#include <persistbus/types.h>

typedef enum { ARGUMENTS_RUN, ARGUMENTS_HELP, ARGUMENTS_VERSION } arguments_action_t;

typedef struct {
    arguments_action_t action;
    char path[1024]; /* of the configuration file; empty: none */
} arguments_t;

extern const char arguments_help[];

/* PBUS_INVALID with *error filled for an argument that is none of ours. */
pbus_status_t arguments_read(arguments_t *self, int argc, char **argv, pbus_error_t *error);

#endif
