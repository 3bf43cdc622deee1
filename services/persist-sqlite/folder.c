#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pbus_status_t s_fail(const char *doing, const char *path, pbus_error_t *error)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    return pbus_fail(error, full ? PBUS_UNAVAILABLE : PBUS_INVALID,
                     "cannot %s %s: %s: correct SQLite.Path (SQLITE_PATH) or the folder's permissions", doing,
                     path, strerror(errno));
}

/* A new folder's name has to survive a power cut as well as what is put into it. */
static void s_sync_above(const char *folder)
{
    char above[PATH_MAX + 4];
    snprintf(above, sizeof above, "%s/..", folder);
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* Makes the folder and those above it; writes into path, but leaves it as it was. */
static pbus_status_t s_make(char *path, pbus_error_t *error)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != 0)
            continue;
        char end = *at;
        *at = 0;
        bool made = mkdir(path, 0755) == 0;
        if (made)
            s_sync_above(path);
        pbus_status_t status = made || errno == EEXIST ? PBUS_OK : s_fail("create the folder", path, error);
        *at = end;
        if (status != PBUS_OK || end == 0)
            return status;
    }
}

static pbus_status_t s_join(const char *folder, const char *name, char **joined, pbus_error_t *error)
{
    if (asprintf(joined, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) >= 0)
        return PBUS_OK;
    *joined = NULL;
    return pbus_fail(error, PBUS_NOMEM, "out of memory while opening %s/%s", folder, name);
}

/* folder: the part of the path before name, which is in a file of that name or will be. */
static pbus_status_t s_resolve(char *folder, const char *name, bool create, char **resolved,
                               pbus_error_t *error)
{
    pbus_status_t status = create ? s_make(folder, error) : PBUS_OK;
    if (status != PBUS_OK)
        return status;
    char *real = realpath(folder, NULL);
    if (!real)
        return s_fail("open the folder", folder, error);
    status = s_join(real, name, resolved, error);
    free(real);
    return status;
}

static pbus_status_t s_refuse_other_than_files(const char *path, pbus_error_t *error)
{
    struct stat file;
    if (stat(path, &file) == 0 && !S_ISREG(file.st_mode))
        return pbus_fail(error, PBUS_INVALID,
                         "%s is not a file: set SQLite.Path (SQLITE_PATH) to a file's path", path);
    return PBUS_OK;
}

pbus_status_t folder_resolve(const char *path, bool create, char **resolved, pbus_error_t *error)
{
    *resolved = NULL;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (*name == 0)
        return pbus_fail(error, PBUS_INVALID, "SQLite.Path (SQLITE_PATH) is '%s': it has to name a file",
                         path);
    pbus_status_t status = s_refuse_other_than_files(path, error);
    if (status != PBUS_OK)
        return status;
    *resolved = realpath(path, NULL);
    if (*resolved)
        return PBUS_OK;
    if (strlen(path) >= PATH_MAX)
        return pbus_fail(error, PBUS_INVALID, "SQLite.Path (SQLITE_PATH) is longer than %d bytes",
                         PATH_MAX - 1);
    char folder[PATH_MAX + 1];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int) (slash - path) + (slash == path) : 1,
             slash ? path : ".");
    return s_resolve(folder, name, create, resolved, error);
}
