/*
 * Interrupt: see interrupt.h. Whether one has come is not read off the descriptor, so it stays readable.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <persistbus/types.h>
#include "interrupt.h"
#include "say.h"

struct interrupt {
    int fd;
    sigset_t before; /* what was blocked */
};

interrupt_t *interrupt_new(void)
{
    sigset_t set;
    interrupt_t *self = calloc(1, sizeof *self);
    if (!self) {
        say("memory is out");
        return NULL;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &self->before);
    self->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->fd < 0) {
        say("no descriptor for signals: %s; raise the limit of open files", strerror(errno));
        interrupt_destroy(&self);
    }
    return self;
}

void interrupt_destroy(interrupt_t **self_p)
{
    interrupt_t *self = *self_p;
    if (!self)
        return;
    if (self->fd >= 0) {
        /* Taken off, else what has come would end the process now. */
        struct signalfd_siginfo info;
        while (read(self->fd, &info, sizeof info) == sizeof info)
            ;
        close(self->fd);
    }
    sigprocmask(SIG_SETMASK, &self->before, NULL);
    free(self);
    *self_p = NULL;
}

bool interrupt_wait(interrupt_t *self, int64_t ns)
{
    if (!self)
        return false;
    int64_t end = pbus_clock_boottime() + (ns > 0 ? ns : 0);
    struct pollfd item = {.fd = self->fd, .events = POLLIN};
    for (;;) {
        int64_t left = end - pbus_clock_boottime();
        struct timespec span = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
        int count = ppoll(&item, 1, &span, NULL);
        if (count > 0)
            return true;
        if (left <= 0 || (count < 0 && errno != EINTR))
            return false;
    }
}

int interrupt_fd(const interrupt_t *self)
{
    return self->fd;
}
