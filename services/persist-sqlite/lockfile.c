#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct lockfile {
    int fd;
};

static pbus_status_t s_fail_open(const char *path, pbus_error_t *error)
{
    /* A full disk may have room later; anything else stays as it is until somebody does something. */
    bool full = errno == ENOSPC || errno == EDQUOT;
    return pbus_fail(
        error, full ? PBUS_UNAVAILABLE : PBUS_INVALID,
        "cannot create %s: %s: make its folder writable for this user, or set another SQLite.Path "
        "(SQLITE_PATH)",
        path, strerror(errno));
}

static pbus_status_t s_fail_locked(int fd, const char *store_path, pbus_error_t *error)
{
    if (errno != EWOULDBLOCK)
        return pbus_fail(error, PBUS_INVALID, "cannot lock %s.lock: %s: use a file system with locks",
                         store_path, strerror(errno));
    char owner[32] = "";
    ssize_t size = pread(fd, owner, sizeof owner - 1, 0);
    owner[size > 0 ? strcspn(owner, "\n") : 0] = 0;
    return pbus_fail(error, PBUS_INVALID,
                     "%s is in use by process %s: stop that one, or set another SQLite.Path (SQLITE_PATH)",
                     store_path, owner[0] ? owner : "(unknown)");
}

/* The id is for people only, so it does not matter if it cannot be written. */
static void s_sign(int fd)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%ld\n", (long) getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t) size, 0) != size)
        return;
}

static pbus_status_t s_open(lockfile_t *self, const char *path, const char *store_path, pbus_error_t *error)
{
    self->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (self->fd < 0)
        return s_fail_open(path, error);
    if (flock(self->fd, LOCK_EX | LOCK_NB) != 0) {
        pbus_status_t status = s_fail_locked(self->fd, store_path, error);
        close(self->fd);
        return status;
    }
    s_sign(self->fd);
    return PBUS_OK;
}

pbus_status_t lockfile_open(lockfile_t **self_p, const char *store_path, pbus_error_t *error)
{
    *self_p = NULL;
    lockfile_t *self = calloc(1, sizeof *self);
    char *path = NULL;
    pbus_status_t status;
    if (!self || asprintf(&path, "%s.lock", store_path) < 0) {
        path = NULL;
        status = pbus_fail(error, PBUS_NOMEM, "out of memory while opening %s", store_path);
    } else
        status = s_open(self, path, store_path, error);
    free(path);
    if (status == PBUS_OK)
        *self_p = self;
    else
        free(self);
    return status;
}

void lockfile_close(lockfile_t **self_p)
{
    if (*self_p) {
        close((*self_p)->fd);
        free(*self_p);
        *self_p = NULL;
    }
}
