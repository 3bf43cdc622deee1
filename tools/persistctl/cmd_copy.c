/*
 * copy FROM TO.
 */
#include "job.h"
#include "options.h"

static int s_run(const globals_t *globals, int argc, char **argv)
{
    static const struct option options[] = {{"no-wait", no_argument, NULL, 'n'}, {0}};
    bool wait = true;
    int option;
    while ((option = options_next(argc, argv, "n", options)) != -1) {
        if (option != 'n')
            return EXIT_USAGE;
        wait = false;
    }
    if (!options_arguments(argc, argv, 2, 2, "two groups, FROM and TO"))
        return EXIT_USAGE;
    return job_run(globals, "copy", argv[optind], argv[optind + 1], wait);
}

const command_t cmd_copy = {
    .name = "copy",
    .arguments = "FROM TO",
    .summary = "makes group TO hold what group FROM holds, while writes go on",
    .help = "Compares the two from the oldest event to the newest and brings over what TO lacks; what only "
            "TO has is\n"
            "deleted there. TO is LIVE at the end. A copy that was stopped begins anew, and passes quickly "
            "over what is\n"
            "equal already. core-data starts copies by itself (PersistBus.AutoCopy): see persistctl jobs.\n"
            "\n"
            "  -n, --no-wait   start it, print the job's id, and leave\n"
            "\n"
            "Ctrl-C leaves the copy running. Exit status 1: refused, failed or cancelled.\n"
            "\n"
            "examples:\n"
            "  persistctl copy redis mongo\n"
            "  persistctl --json copy --no-wait redis mongo | jq -r .id\n",
    .run = s_run,
};
