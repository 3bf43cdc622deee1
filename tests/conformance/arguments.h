/*
 * Arguments: the options that say how the suite is run, the same in every program that runs it.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "suite.h"

#include <getopt.h>

#define ARGUMENTS_MAX 40    /* options, a program's own included */
#define ARGUMENTS_OWN 0x200 /* where a program's own numbers of options begin, if they are no characters */

/* Their lines for --help. */
extern const char arguments_help[];

/* The suite's options and a program's own (ended by one without a name), for getopt_long. */
void arguments_join(const struct option *own, struct option all[ARGUMENTS_MAX]);
/* A seed that is never the same, and an ordinary build's patience. */
suite_options_t arguments_defaults(void);
/* Takes one option of the suite with optarg; false if it is none of them, or its value is none. */
bool arguments_take(suite_options_t *options, int option);

#endif
