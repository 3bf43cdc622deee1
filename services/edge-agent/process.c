/*
 * Process: see process.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>
#include "environment.h"
#include "process.h"
#include "procfs.h"
#include "spawn_program.h"

#define ROTATE 1000000000 /* ns between looks at the size of logs */

/* What the runner keeps of an instance that runs. */
typedef struct watched {
    TAILQ_ENTRY(watched) link;
    instance_t *instance;
    int pidfd;
    int64_t kill_at; /* INT64_MAX: not told to stop */
} watched_t;

/* A process of this agent's that was found running. */
typedef struct found {
    TAILQ_ENTRY(found) link;
    pid_t pid;
    uint64_t ticks;
    char name[MANIFEST_NAME_MAX + 1];
    char digest[MANIFEST_DIGEST];
} found_t;

struct process {
    process_rules_t rules;
    pbus_log_t *log;
    int epoll;
    TAILQ_HEAD(, watched) watched;
    TAILQ_HEAD(, found) found;
    bool looked; /* for what runs since before */
    int64_t next_rotation;
};

process_t *process_new(const process_rules_t *rules, pbus_log_t *log, pbus_error_t *error)
{
    process_t *self = calloc(1, sizeof *self);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        return NULL;
    }
    self->rules = *rules;
    self->log = log;
    TAILQ_INIT(&self->watched);
    TAILQ_INIT(&self->found);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0) {
        pbus_fail(error, PBUS_INTERNAL, "epoll_create1: %s", strerror(errno));
        process_destroy(&self);
    }
    return self;
}

static void s_unwatch(process_t *self, watched_t *watched)
{
    TAILQ_REMOVE(&self->watched, watched, link);
    watched->instance->own = NULL;
    close(watched->pidfd); /* leaves the epoll set with that */
    free(watched);
}

static void s_forget(process_t *self, found_t *found)
{
    TAILQ_REMOVE(&self->found, found, link);
    free(found);
}

void process_destroy(process_t **self_p)
{
    process_t *self = *self_p;
    if (!self)
        return;
    while (!TAILQ_EMPTY(&self->watched))
        s_unwatch(self, TAILQ_FIRST(&self->watched));
    while (!TAILQ_EMPTY(&self->found))
        s_forget(self, TAILQ_FIRST(&self->found));
    if (self->epoll >= 0)
        close(self->epoll);
    free(self);
    *self_p = NULL;
}

int process_fd(const process_t *self)
{
    return self->epoll;
}

/* ---- ends ------------------------------------------------------------------------------------------- */

static void s_end(instance_t *instance, int status, int signal)
{
    instance->state = INSTANCE_ENDED;
    instance->ended = pbus_clock_realtime();
    instance->status = status;
    instance->signal = signal;
    instance->reason[0] = '\0';
    if (signal)
        snprintf(instance->reason, sizeof instance->reason, "ended by signal %d (%s)", signal,
                 strsignal(signal));
    else if (status == INSTANCE_UNKNOWN)
        snprintf(instance->reason, sizeof instance->reason, "ended, nobody saw how");
    else if (status)
        snprintf(instance->reason, sizeof instance->reason, "ended with status %d", status);
}

static void s_refuse(instance_t *instance, const char *reason)
{
    s_end(instance, INSTANCE_UNKNOWN, 0);
    instance->refused = true;
    instance->pid = 0;
    snprintf(instance->reason, sizeof instance->reason, "%s", reason);
}

/* The group is ended while its number can't have been given to others: before the leader is waited for. */
static void s_reap(process_t *self, watched_t *watched)
{
    siginfo_t info = {0};
    instance_t *instance = watched->instance;
    bool is_child = waitid(P_PIDFD, (id_t) watched->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (is_child && info.si_pid == 0)
        return;
    kill(-instance->pid, SIGKILL);
    if (is_child)
        waitid(P_PIDFD, (id_t) watched->pidfd, &info, WEXITED | WNOHANG);
    if (!is_child)
        s_end(instance, INSTANCE_UNKNOWN, 0);
    else if (info.si_code == CLD_EXITED)
        s_end(instance, info.si_status, 0);
    else
        s_end(instance, INSTANCE_UNKNOWN, info.si_status);
    s_unwatch(self, watched);
}

static void s_reap_all(process_t *self)
{
    struct epoll_event events[32];
    int count = epoll_wait(self->epoll, events, 32, 0);
    for (int i = 0; i < count; i++)
        s_reap(self, events[i].data.ptr);
}

/* ---- watching ---------------------------------------------------------------------------------------- */

/* False if there is no such process any more, or it can't be watched: *error tells. */
static bool s_watch(process_t *self, instance_t *instance, char *error, size_t size)
{
    watched_t *watched = calloc(1, sizeof *watched);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watched};
    int pidfd = watched ? pidfd_open(instance->pid, 0) : -1;
    if (pidfd < 0 || epoll_ctl(self->epoll, EPOLL_CTL_ADD, pidfd, &event) != 0) {
        snprintf(error, size, "process %d can't be watched: %s", (int) instance->pid, strerror(errno));
        if (pidfd >= 0)
            close(pidfd);
        free(watched);
        return false;
    }
    *watched = (watched_t){.instance = instance, .pidfd = pidfd, .kill_at = INT64_MAX};
    TAILQ_INSERT_TAIL(&self->watched, watched, link);
    instance->own = watched;
    instance->state = INSTANCE_RUNNING;
    return true;
}

/* ---- starting and stopping ---------------------------------------------------------------------------- */

static bool s_environment(const process_t *self, const manifest_module_t *module, environment_t *env)
{
    char mark[160];
    snprintf(mark, sizeof mark, "%s/%s/%s", self->rules.owner, module->name, module->digest);
    for (size_t i = 0; i < self->rules.passed_count; i++)
        environment_pass(env, self->rules.passed[i]);
    environment_set(env, "PERSISTBUS_WORKER", module->name);
    for (size_t i = 0; i < module->env_count; i++)
        environment_set(env, module->env[i].name, module->env[i].value);
    environment_set(env, PROCESS_MARK, mark);
    return !environment_failed(env);
}

static pid_t s_spawn(process_t *self, const manifest_module_t *module, pbus_error_t *error)
{
    char log[PATH_MAX];
    environment_t env = {0};
    pid_t pid = 0;
    if (logfile_path(&self->rules.log, module->name, log, sizeof log, error) != PBUS_OK)
        return 0;
    if (s_environment(self, module, &env))
        pid = spawn_program(module->command, environment_all(&env), module->working_dir, log, error);
    else
        pbus_fail(error, PBUS_NOMEM, "memory is out");
    environment_clear(&env);
    return pid;
}

static void s_start(void *context, instance_t *instance, const manifest_module_t *module)
{
    process_t *self = context;
    pbus_error_t error;
    char text[200];
    pid_t pid = s_spawn(self, module, &error);
    if (pid == 0) {
        s_refuse(instance, error.text);
        return;
    }
    instance->pid = pid;
    instance->started = pbus_clock_realtime();
    if (!procfs_start(pid, &instance->ticks))
        instance->ticks = 0; /* it has ended already, which its pidfd tells */
    if (s_watch(self, instance, text, sizeof text))
        return;
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    s_refuse(instance, text);
}

static void s_stop(void *context, instance_t *instance, bool discard)
{
    process_t *self = context;
    watched_t *watched = instance->own;
    (void) discard; /* nothing is left of a process but its log */
    if (instance->state != INSTANCE_RUNNING || !watched)
        return;
    kill(-instance->pid, SIGTERM);
    watched->kill_at = pbus_clock_boottime() + self->rules.grace;
    instance->state = INSTANCE_STOPPING;
}

static void s_kill_late(process_t *self, int64_t now)
{
    watched_t *watched;
    TAILQ_FOREACH(watched, &self->watched, link)
    {
        if (now < watched->kill_at)
            continue;
        pbus_log_warn(self->log, "module %s does not stop: it is killed", watched->instance->name);
        kill(-watched->instance->pid, SIGKILL);
        watched->kill_at = INT64_MAX;
    }
}

/* ---- what runs since before --------------------------------------------------------------------------- */

static void s_found(void *context, pid_t pid, uint64_t ticks, const char *value)
{
    process_t *self = context;
    found_t made = {.pid = pid, .ticks = ticks};
    char owner[sizeof self->rules.owner];
    if (sscanf(value, "%31[^/]/%64[^/]/%32s", owner, made.name, made.digest) != 3 ||
        strcmp(owner, self->rules.owner))
        return;
    found_t *found = malloc(sizeof *found);
    if (!found)
        return;
    *found = made;
    TAILQ_INSERT_TAIL(&self->found, found, link);
}

/* Whether the instance's process runs, from what is known of it, and else from what was found. */
static bool s_find(process_t *self, instance_t *instance)
{
    found_t *found;
    if (instance->state != INSTANCE_ABSENT && instance->state != INSTANCE_ENDED &&
        procfs_is(instance->pid, instance->ticks))
        return true;
    TAILQ_FOREACH(found, &self->found, link)
    {
        if (strcmp(found->name, instance->name))
            continue;
        instance->pid = found->pid;
        instance->ticks = found->ticks;
        instance->started = pbus_clock_realtime();
        memcpy(instance->digest, found->digest, sizeof instance->digest);
        return true;
    }
    return false;
}

static void s_forget_pid(process_t *self, pid_t pid)
{
    found_t *found;
    TAILQ_FOREACH(found, &self->found, link)
    {
        if (found->pid == pid) {
            s_forget(self, found);
            return;
        }
    }
}

static bool s_adopt(void *context, instance_t *instance)
{
    process_t *self = context;
    char text[200];
    bool ran = instance->state != INSTANCE_ABSENT && instance->state != INSTANCE_ENDED;
    if (!self->looked)
        procfs_find(PROCESS_MARK, s_found, self);
    self->looked = true;
    if (s_find(self, instance)) {
        s_forget_pid(self, instance->pid);
        /* Looked at once more behind the pidfd, which is what makes the two one process. */
        if (s_watch(self, instance, text, sizeof text) && procfs_is(instance->pid, instance->ticks))
            return true;
        if (instance->own)
            s_unwatch(self, instance->own);
        ran = true;
    }
    if (ran)
        s_end(instance, INSTANCE_UNKNOWN, 0);
    return true;
}

static bool s_orphan(void *context, instance_t *instance)
{
    process_t *self = context;
    found_t *found = TAILQ_FIRST(&self->found);
    if (!found)
        return false;
    *instance = (instance_t){.type = MANIFEST_PROCESS,
                             .state = INSTANCE_RUNNING,
                             .pid = found->pid,
                             .ticks = found->ticks,
                             .started = pbus_clock_realtime(),
                             .status = INSTANCE_UNKNOWN};
    memcpy(instance->name, found->name, sizeof instance->name);
    memcpy(instance->digest, found->digest, sizeof instance->digest);
    s_forget(self, found);
    return true;
}

static void s_release(void *context, instance_t *instance)
{
    if (instance->own)
        s_unwatch(context, instance->own);
}

runner_t process_runner(process_t *self)
{
    static const runner_ops_t ops = {
        .start = s_start, .stop = s_stop, .adopt = s_adopt, .orphan = s_orphan, .release = s_release};
    return (runner_t){&ops, self};
}

/* ---- working ---------------------------------------------------------------------------------------- */

static void s_rotate(process_t *self)
{
    watched_t *watched;
    pbus_error_t error;
    TAILQ_FOREACH(watched, &self->watched, link)
    {
        if (logfile_rotate(&self->rules.log, watched->instance->name, &error) != PBUS_OK)
            pbus_log_warn(self->log, "%s", error.text);
    }
}

void process_work(process_t *self, int64_t now)
{
    s_reap_all(self);
    s_kill_late(self, now);
    if (now < self->next_rotation)
        return;
    self->next_rotation = now + ROTATE;
    s_rotate(self);
}

int64_t process_next(const process_t *self)
{
    const watched_t *watched;
    int64_t next = INT64_MAX;
    TAILQ_FOREACH(watched, &self->watched, link)
    {
        next = watched->kill_at < next ? watched->kill_at : next;
    }
    return next;
}
