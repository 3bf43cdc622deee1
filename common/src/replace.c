#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool s_make_folders(char *path, mode_t mode)
{
    for (char *slash = path + 1; *path && (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = 0;
        if (mkdir(path, mode) != 0 && errno != EEXIST) {
            *slash = '/';
            return false;
        }
    }
    return true;
}

static bool s_write(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        size -= (size_t) written;
    }
    return fsync(fd) == 0;
}

/* The name is on disk only once its folder is. */
static bool s_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return synced;
}

/* A file of any other kind (/dev/stdout, a pipe) is no file to replace. */
static bool s_may_replace(const char *path)
{
    struct stat is;
    if (stat(path, &is) != 0 || S_ISREG(is.st_mode))
        return true;
    errno = S_ISDIR(is.st_mode) ? EISDIR : EINVAL;
    return false;
}

/* The new file, made beside the old one, is gone afterwards either way. mkostemp makes it 0600. */
static bool s_replace(const char *path, char *fresh, const void *data, size_t size)
{
    int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = s_write(fd, data, size);
    if (close(fd) != 0)
        done = false;
    done = done && rename(fresh, path) == 0;
    int fault = errno;
    if (!done)
        unlink(fresh);
    errno = fault;
    return done && s_sync_folder(path);
}

bool pbus_replace_file(const char *path, mode_t folders, const void *data, size_t size)
{
    char *fresh = NULL;
    errno = ENOMEM;
    bool done = asprintf(&fresh, "%s.XXXXXX", path) >= 0 && s_make_folders(fresh, folders) &&
                s_may_replace(path) && s_replace(path, fresh, data, size);
    int fault = errno;
    free(fresh);
    errno = fault;
    return done;
}
