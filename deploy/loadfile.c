/*
 * Loadfile: see loadfile.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "loadfile.h"

#define STEP (64 * 1024)

static bool s_load(int fd, size_t limit, pbus_buf_t *out)
{
    ssize_t got;
    do {
        uint8_t *room = pbus_buf_reserve(out, STEP);
        if (!room) {
            errno = ENOMEM;
            return false;
        }
        got = read(fd, room, STEP);
        out->size += got > 0 ? (size_t) got : 0;
    } while ((got > 0 && out->size <= limit) || (got < 0 && errno == EINTR));
    if (out->size > limit)
        errno = EFBIG;
    return got == 0;
}

bool loadfile(const char *path, size_t limit, pbus_buf_t *out, problems_t *problems)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool loaded = fd >= 0 && s_load(fd, limit, out);
    if (!loaded)
        problems_error(problems, path, "can't be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return loaded;
}
