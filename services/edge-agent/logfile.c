/*
 * Logfile: see logfile.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"
#include "logfile.h"

pbus_status_t logfile_path(const logfile_rules_t *rules, const char *name, char *path, size_t size,
                           pbus_error_t *error)
{
    if ((size_t) snprintf(path, size, "%s/%s.log", rules->folder, name) >= size)
        return pbus_fail(error, PBUS_INVALID, "the path of the log of %s is longer than %zu bytes", name,
                         size - 1);
    return files_make_folder(rules->folder, error);
}

static void s_numbered(const char *path, int number, char *text, size_t size)
{
    snprintf(text, size, "%s.%d", path, number);
}

static void s_shift(const logfile_rules_t *rules, const char *path)
{
    char from[PATH_MAX + 16], to[PATH_MAX + 16];
    for (int n = rules->kept; n > 1; n--) {
        s_numbered(path, n - 1, from, sizeof from);
        s_numbered(path, n, to, sizeof to);
        rename(from, to); /* what is not there yet can't be moved */
    }
}

static bool s_copy_rest(int from, int to)
{
    char part[65536];
    ssize_t got;
    while ((got = read(from, part, sizeof part)) > 0)
        for (ssize_t done = 0, n; done < got; done += n)
            if ((n = write(to, part + done, (size_t) (got - done))) < 0)
                return false;
    return got == 0;
}

static pbus_status_t s_cut(const logfile_rules_t *rules, const char *path, int fd, pbus_error_t *error)
{
    char old[PATH_MAX + 16] = "/dev/null";
    if (rules->kept > 0)
        s_numbered(path, 1, old, sizeof old);
    int to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = to >= 0 && s_copy_rest(fd, to) && ftruncate(fd, 0) == 0;
    int reason = errno;
    if (to >= 0)
        close(to);
    return done ? PBUS_OK
                : pbus_fail(error, PBUS_UNAVAILABLE, "the log %s can't be rotated to %s: %s", path, old,
                            strerror(reason));
}

pbus_status_t logfile_rotate(const logfile_rules_t *rules, const char *name, pbus_error_t *error)
{
    char path[PATH_MAX];
    struct stat stat;
    if (rules->size == 0)
        return PBUS_OK;
    pbus_status_t status = logfile_path(rules, name, path, sizeof path, error);
    if (status != PBUS_OK)
        return status;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? PBUS_OK
                               : pbus_fail(error, PBUS_UNAVAILABLE, "%s: %s", path, strerror(errno));
    if (fstat(fd, &stat) == 0 && stat.st_size > rules->size) {
        s_shift(rules, path);
        status = s_cut(rules, path, fd, error);
    }
    close(fd);
    return status;
}
