/*
 * Options: what stands behind a command's name, in getopt's manner, with persistctl's own error lines. Used
 * by the commands one after another in one run, so getopt's state is reset by who calls them (main.c).
 */
#ifndef PERSISTCTL_OPTIONS_H
#define PERSISTCTL_OPTIONS_H

#include <getopt.h>
#include <stdint.h>
#include "command.h"

/*
 * The next option's letter; -1: there are no more, and arguments begin at optind; '?': it is wrong, and that
 * has been said. `letters` is as getopt's, without marks at its beginning.
 */
int options_next(int argc, char **argv, const char *letters, const struct option *options);

/* For a command without options of its own: EXIT_DONE, or EXIT_USAGE when there is one nevertheless. */
int options_none(int argc, char **argv);

/*
 * Whether as many arguments are left as wanted, from least to most; else says so. `names` is what they are
 * called: "FROM TO".
 */
bool options_arguments(int argc, char **argv, int least, int most, const char *names);

/* A span of time in seconds ("2", "0.5") above 0 in *ns; false, having said what is wrong. */
bool options_seconds(const char *command, const char *text, int64_t *ns);
/* A number from 1 on; false, having said what is wrong. */
bool options_count(const char *command, const char *text, uint64_t *count);

#endif
