/*
 * persistctl: the operator's command line. See --help.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <persistbus/version.h>
#include "command.h"
#include "say.h"

#define DEFAULT_URL "http://127.0.0.1:59880"

static void s_help(void)
{
    printf("usage: persistctl [--url URL] [--json] COMMAND [ARGUMENT...]\n"
           "\n"
           "Looks at and operates persistence behind core-data.\n"
           "\n"
           "  --url URL    core-data's address; or the variable PERSISTBUS_URL. Default %s\n"
           "  --json       the answer as one JSON document\n"
           "  --help       this text; persistctl COMMAND --help explains one command\n"
           "  --version    the version\n"
           "\n"
           "They may stand behind the command as well.\n"
           "\n"
           "commands:\n",
           DEFAULT_URL);
    for (const command_t *const *command = commands; *command; command++)
        printf("  %-8s %-29s%s%s\n", (*command)->name, (*command)->arguments,
               strlen((*command)->arguments) > 29 ? "\n                                          " : "  ",
               (*command)->summary);
    printf("\n"
           "exit status: 0 done; 1 the answer is no, or it failed; 2 the command line is wrong; 3 core-data "
           "can't be reached\n");
}

static const command_t *s_find(const char *name)
{
    for (const command_t *const *command = commands; *command; command++)
        if (!strcmp((*command)->name, name))
            return *command;
    return NULL;
}

/* Whether the argument is an option with this name; its value, if it has one behind '=', in *value. */
static bool s_is(const char *argument, const char *name, const char **value)
{
    size_t size = strlen(name);
    *value = argument[size] == '=' ? argument + size + 1 : NULL;
    return !strncmp(argument, name, size) && (!argument[size] || argument[size] == '=');
}

/*
 * Takes --url, --json and --help off the arguments behind the command, where people write them too. What is
 * behind "--" is left alone. False: --url lacks its value.
 */
static bool s_take(globals_t *globals, bool *help, int *argc, char **argv)
{
    int kept = 1, i = 1;
    const char *value;
    for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            *help = true;
        else if (!strcmp(argv[i], "--json"))
            globals->json = true;
        else if (!s_is(argv[i], "--url", &value))
            argv[kept++] = argv[i];
        else if (value || (value = argv[++i]))
            globals->url = value;
        else
            return false;
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    argv[kept] = NULL;
    *argc = kept;
    return true;
}

static int s_run(globals_t *globals, int argc, char **argv)
{
    bool help = false;
    const command_t *command = s_find(argv[0]);
    if (!command) {
        say("there is no command '%s': see persistctl --help", argv[0]);
        return EXIT_USAGE;
    }
    if (!s_take(globals, &help, &argc, argv)) {
        say("%s: --url needs a value, such as %s", argv[0], DEFAULT_URL);
        return EXIT_USAGE;
    }
    if (help) {
        printf("usage: persistctl [--url URL] [--json] %s %s\n\n%s.\n\n%s", command->name, command->arguments,
               command->summary, command->help);
        return EXIT_DONE;
    }
    optind = 0; /* the command reads its own options from the start */
    opterr = 0; /* and says itself what is wrong with them */
    return command->run(globals, argc, argv);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"url", required_argument, NULL, 'u'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {0}};
    const char *url = getenv("PERSISTBUS_URL");
    globals_t globals = {.url = url && *url ? url : DEFAULT_URL};
    int option;
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (option) {
        case 'u':
            globals.url = optarg;
            break;
        case 'j':
            globals.json = true;
            break;
        case 'h':
            s_help();
            return EXIT_DONE;
        case 'v':
            printf("persistctl %s\n", PBUS_VERSION);
            return EXIT_DONE;
        default:
            return EXIT_USAGE; /* getopt has said why */
        }
    }
    if (optind == argc) {
        say("name a command: see persistctl --help");
        return EXIT_USAGE;
    }
    return s_run(&globals, argc - optind, argv + optind);
}
