#include "loop.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MAX_MS 1000

struct loop {
    struct MHD_Daemon *daemon;
    int listener; /* the daemon's; ours again after it was quiesced */
    int wake;     /* eventfd */
    pthread_t thread;
    bool started;
    atomic_bool quiesce;
    atomic_bool stop;
    atomic_bool resumed;  /* something was, since the last round began */
    atomic_bool sleeping; /* the thread waits, or is about to */
    bool quiesced;
};

static int s_patience(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(daemon, &ms) != MHD_YES || ms > WAIT_MAX_MS)
        return WAIT_MAX_MS;
    return (int) ms;
}

/* In the loop's own thread, since the daemon is for one thread at a time. */
static void s_quiesce(loop_t *self)
{
    if (self->quiesced || !atomic_load(&self->quiesce))
        return;
    self->quiesced = true;
    MHD_socket listener = MHD_quiesce_daemon(self->daemon);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
    self->listener = -1;
}

/*
 * Waits for something to do. Whoever resumes a connection first says so and then looks whether the thread
 * sleeps; the thread first says that it will sleep and then looks whether something was resumed. So one of
 * them sees the other.
 */
static void s_sleep(loop_t *self, struct pollfd fds[2])
{
    eventfd_t value;
    atomic_store(&self->sleeping, true);
    int patience = atomic_exchange(&self->resumed, false) ? 0 : s_patience(self->daemon);
    if (poll(fds, 2, patience) > 0 && (fds[1].revents & POLLIN))
        eventfd_read(self->wake, &value);
    atomic_store(&self->sleeping, false);
}

static void *s_run(void *arg)
{
    loop_t *self = arg;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[2] = {{.fd = info->epoll_fd, .events = POLLIN}, {.fd = self->wake, .events = POLLIN}};
    while (!atomic_load(&self->stop)) {
        s_sleep(self, fds);
        s_quiesce(self);
        MHD_run(self->daemon);
    }
    return NULL;
}

static bool s_open(loop_t *self, const struct MHD_OptionItem *options, MHD_AccessHandlerCallback handler,
                   void *context)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    self->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options,
                                    MHD_OPTION_LISTEN_SOCKET, self->listener, MHD_OPTION_END);
    return self->daemon != NULL;
}

loop_t *loop_new(int listener, const struct MHD_OptionItem *options, MHD_AccessHandlerCallback handler,
                 void *context)
{
    loop_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->listener = dup(listener);
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->listener < 0 || self->wake < 0 || !s_open(self, options, handler, context))
        loop_destroy(&self);
    return self;
}

bool loop_start(loop_t *self)
{
    self->started = pthread_create(&self->thread, NULL, s_run, self) == 0;
    return self->started;
}

bool loop_has(const loop_t *self, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
    return info && info->daemon == self->daemon;
}

void loop_resume(loop_t *self, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    atomic_store(&self->resumed, true);
    if (atomic_load(&self->sleeping))
        eventfd_write(self->wake, 1);
}

void loop_quiesce(loop_t *self)
{
    atomic_store(&self->quiesce, true);
    eventfd_write(self->wake, 1);
}

void loop_stop(loop_t *self)
{
    atomic_store(&self->stop, true);
    if (!self->started)
        return;
    eventfd_write(self->wake, 1);
    pthread_join(self->thread, NULL);
    self->started = false;
}

void loop_destroy(loop_t **self_p)
{
    loop_t *self = *self_p;
    if (!self)
        return;
    loop_stop(self);
    if (self->daemon)
        MHD_stop_daemon(self->daemon); /* closes its listener */
    else if (self->listener >= 0)
        close(self->listener);
    if (self->wake >= 0)
        close(self->wake);
    free(self);
    *self_p = NULL;
}
