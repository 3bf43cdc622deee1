/*
 * Options: see options.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "options.h"
#include "say.h"

/* The option that getopt has just refused, as it was written. */
static const char *s_written(char **argv, char *letter)
{
    if (optopt && strncmp(argv[optind - 1], "--", 2) != 0) {
        snprintf(letter, 3, "-%c", optopt);
        return letter;
    }
    return argv[optind - 1];
}

int options_next(int argc, char **argv, const char *letters, const struct option *options)
{
    char marked[32], letter[3];
    snprintf(marked, sizeof marked, ":%s", letters);
    int option = getopt_long(argc, argv, marked, options, NULL);
    if (option == ':')
        say("%s: %s needs a value: see persistctl %s --help", argv[0], s_written(argv, letter), argv[0]);
    else if (option == '?')
        say("%s: there is no option %s: see persistctl %s --help", argv[0], s_written(argv, letter), argv[0]);
    return option == ':' ? '?' : option;
}

int options_none(int argc, char **argv)
{
    static const struct option none[] = {{0}};
    return options_next(argc, argv, "", none) == -1 ? EXIT_DONE : EXIT_USAGE;
}

bool options_arguments(int argc, char **argv, int least, int most, const char *names)
{
    int count = argc - optind;
    if (count > most && most == 0)
        say("%s: '%s' is too much, it takes no argument: see persistctl %s --help", argv[0], argv[optind],
            argv[0]);
    else if (count > most)
        say("%s: '%s' is too much behind %s: see persistctl %s --help", argv[0], argv[optind + most], names,
            argv[0]);
    else if (count < least)
        say("%s: name %s: see persistctl %s --help", argv[0], names, argv[0]);
    return count >= least && count <= most;
}

bool options_seconds(const char *command, const char *text, int64_t *ns)
{
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (!errno && *text && !*end && seconds >= 0.001 && seconds <= 1e9) {
        *ns = (int64_t) (seconds * 1e9);
        return true;
    }
    say("%s: '%s' is no span of time: write seconds, such as 2 or 0.5", command, text);
    return false;
}

bool options_count(const char *command, const char *text, uint64_t *count)
{
    char *end;
    errno = 0;
    *count = strtoull(text, &end, 10);
    if (!errno && *text >= '0' && *text <= '9' && !*end && *count > 0)
        return true;
    say("%s: '%s' is no count: write a number from 1 on", command, text);
    return false;
}
