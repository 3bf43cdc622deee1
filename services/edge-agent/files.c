/*
 * Files: see files.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "files.h"
#include "replace.h"

static bool s_is_folder(const char *path)
{
    struct stat is;
    bool is_folder = stat(path, &is) == 0 && S_ISDIR(is.st_mode);
    errno = is_folder ? 0 : ENOTDIR;
    return is_folder;
}

pbus_status_t files_make_folder(const char *path, pbus_error_t *error)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part)
        return pbus_fail(error, PBUS_INVALID, "the path %.60s... is longer than %d bytes", path,
                         PATH_MAX - 1);
    for (size_t i = 0; i <= strlen(path); i++) {
        part[i] = '\0';
        if (i > 0 && (path[i] == '/' || !path[i]) && mkdir(part, 0755) != 0 &&
            (errno != EEXIST || !s_is_folder(part)))
            return pbus_fail(error, PBUS_UNAVAILABLE, "the folder %s can't be created: %s", part,
                             strerror(errno));
        part[i] = path[i];
    }
    return PBUS_OK;
}

pbus_status_t files_save(const char *path, char **written, char *text, pbus_error_t *error)
{
    bool same = *written && !strcmp(*written, text);
    if (!same && !pbus_replace_file(path, 0755, text, strlen(text))) {
        pbus_fail(error, PBUS_UNAVAILABLE, "%s: can't be written: %s", path, strerror(errno));
        free(text);
        return PBUS_UNAVAILABLE;
    }
    free(*written);
    *written = text;
    return PBUS_OK;
}
