/*
 * verify A B [--repair].
 */
#include "job.h"
#include "options.h"

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const struct option options[] = {
        {"repair", no_argument, NULL, 'r'}, {"no-wait", no_argument, NULL, 'n'}, {0}};
    bool wait = true, repair = false;
    int option;
    while ((option = options_next(argc, argv, "rn", options)) != -1) {
        if (option != 'r' && option != 'n')
            return EXIT_USAGE;
        repair |= option == 'r';
        wait &= option != 'n';
    }
    if (!options_arguments(argc, argv, 2, 2, "two groups, A and B"))
        return EXIT_USAGE;
    return job_run(globals, repair ? "repair" : "verify", argv[optind], argv[optind + 1], wait);
}

const command_t cmd_verify = {
    .name = "verify",
    .arguments = "A B [--repair]",
    .summary = "whether group B holds what group A holds",
    .help = "Compares them by digests of windows of time, so that what is equal costs little, while writes "
            "go on.\n"
            "\n"
            "  -r, --repair    make B like A where they differ\n"
            "  -n, --no-wait   start it, print the job's id, and leave\n"
            "\n"
            "Ctrl-C leaves it running. Exit status 0: they are equal (with --repair: now); 1: they differ, "
            "or it was\n"
            "refused, failed or cancelled.\n"
            "\n"
            "examples:\n"
            "  persistctl verify redis mongo\n"
            "  persistctl verify --repair redis mongo\n",
    .run = s_run,
};
