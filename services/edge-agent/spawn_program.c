/*
 * Spawn: see spawn_program.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "spawn_program.h"

static int s_set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setpgroup(attributes, 0);
    failed = failed ? failed : posix_spawnattr_setsigmask(attributes, &none);
    failed = failed ? failed : posix_spawnattr_setsigdefault(attributes, &all);
    return failed ? failed
                  : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF);
}

/* The log before the folder, as its path is relative to where we are. */
static int s_set_actions(posix_spawn_file_actions_t *actions, const char *folder, const char *log)
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    failed = failed ? failed
                    : posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, log,
                                                       O_WRONLY | O_APPEND | O_CREAT, 0600);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
    failed = failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return failed || !folder ? failed : posix_spawn_file_actions_addchdir_np(actions, folder);
}

/* posix_spawn tells one error for several things that can be wrong: looked at again for who has to mend it.
 */
static void s_explain(pbus_error_t *error, int reason, const char *program, const char *folder,
                      const char *log)
{
    if (folder && access(folder, X_OK) != 0)
        pbus_fail(error, PBUS_INVALID, "the working directory %s can't be used: %s", folder, strerror(errno));
    else if (access(log, F_OK) == 0 && access(log, W_OK) != 0)
        pbus_fail(error, PBUS_INVALID, "the log %s can't be written: %s", log, strerror(errno));
    else
        pbus_fail(error, PBUS_INVALID, "the program %s can't be run: %s", program, strerror(reason));
}

pid_t spawn_program(char *const *command, char *const *environment, const char *folder, const char *log,
                    pbus_error_t *error)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    if (posix_spawnattr_init(&attributes) != 0) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        return 0;
    }
    if (posix_spawn_file_actions_init(&actions) != 0) {
        posix_spawnattr_destroy(&attributes);
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        return 0;
    }
    int failed = s_set_attributes(&attributes);
    failed = failed ? failed : s_set_actions(&actions, folder, log);
    failed = failed ? failed : posix_spawnp(&pid, command[0], &actions, &attributes, command, environment);
    if (failed)
        s_explain(error, failed, command[0], folder, log);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed ? 0 : pid;
}
