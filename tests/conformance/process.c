#include "process.h"
#include "need.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    pid_t pid;
    bool running;
    int status; /* of waitpid */
    char outcome[64];
};

/* In the child: never returns. */
static void s_become(const char *const *argv, const char *const *environment, int log)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (; *environment; environment++)
        putenv((char *) *environment);
    execvp(argv[0], (char *const *) argv);
    fprintf(stderr, "can't run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

process_t *process_new(const char *const *argv, const char *const *environment, const char *log_path,
                       pbus_error_t *error)
{
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    pid_t pid = log >= 0 ? fork() : -1;
    if (pid == 0)
        s_become(argv, environment, log);
    int reason = errno;
    if (log >= 0)
        close(log);
    if (pid < 0) {
        pbus_fail(error, PBUS_INTERNAL, "can't start %s: %s", argv[0], strerror(reason));
        return NULL;
    }
    setpgid(pid, pid); /* in the child, too: whoever comes first */
    process_t *self = need_alloc(1, sizeof *self);
    self->pid = pid;
    self->running = true;
    return self;
}

void process_destroy(process_t **self_p)
{
    if (!*self_p)
        return;
    process_kill(*self_p);
    free(*self_p);
    *self_p = NULL;
}

bool process_is_running(process_t *self)
{
    if (self->running && waitpid(self->pid, &self->status, WNOHANG) == self->pid)
        self->running = false;
    return self->running;
}

void process_signal(process_t *self, int number)
{
    if (process_is_running(self))
        kill(-self->pid, number);
}

void process_kill(process_t *self)
{
    if (!self->running)
        return;
    kill(-self->pid, SIGKILL);
    while (waitpid(self->pid, &self->status, 0) < 0 && errno == EINTR) {
    }
    self->running = false;
}

const char *process_outcome(process_t *self)
{
    if (process_is_running(self))
        return "is running";
    if (WIFSIGNALED(self->status))
        snprintf(self->outcome, sizeof self->outcome, "was ended by signal %d", WTERMSIG(self->status));
    else
        snprintf(self->outcome, sizeof self->outcome, "ended with status %d", WEXITSTATUS(self->status));
    return self->outcome;
}

bool process_ended_well(process_t *self)
{
    return !process_is_running(self) && WIFEXITED(self->status) && WEXITSTATUS(self->status) == 0;
}

bool process_run(const char *command, pbus_error_t *error)
{
    int status = system(command);
    if (status == 0)
        return true;
    pbus_fail(error, PBUS_INTERNAL, "command '%s' ended with status %d", command,
              status < 0 ? status : WEXITSTATUS(status));
    return false;
}
