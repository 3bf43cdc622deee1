#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *s_after(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

static bool s_port_ok(const char *address)
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address)
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (colon[1 + digits] || digits == 0)
        return strcmp(colon + 1, "*") == 0;
    return digits <= 5 && atoi(colon + 1) <= 65535;
}

static pbus_status_t s_check_ipc(const char *key, const char *path, pbus_error_t *error)
{
    struct stat info;
    if (strlen(path) >= sizeof((struct sockaddr_un){0}.sun_path))
        return pbus_fail(error, PBUS_INVALID, "%s: the path %s is longer than a socket's may be (%zu bytes)",
                         key, path, sizeof((struct sockaddr_un){0}.sun_path) - 1);
    if (stat(path, &info) == 0 && !S_ISSOCK(info.st_mode))
        return pbus_fail(error, PBUS_INVALID, "%s: %s exists and is no socket: choose another path", key,
                         path);
    return PBUS_OK;
}

pbus_status_t pbus_endpoint_check(const char *key, const char *endpoint, pbus_error_t *error)
{
    const char *path = s_after(endpoint, "ipc://");
    const char *address = s_after(endpoint, "tcp://");
    if (path && *path)
        return s_check_ipc(key, path, error);
    if (address && s_port_ok(address))
        return PBUS_OK;
    return pbus_fail(error, PBUS_INVALID,
                     "%s: '%s' is no endpoint: use tcp://ADDRESS:PORT (port to 65535) or ipc://PATH", key,
                     endpoint);
}

pbus_status_t pbus_endpoint_claim(const char *key, const char *endpoint, int *lock, pbus_error_t *error)
{
    char path[sizeof((struct sockaddr_un){0}.sun_path) + 8];
    *lock = -1;
    pbus_status_t status = pbus_endpoint_check(key, endpoint, error);
    const char *ipc = s_after(endpoint, "ipc://");
    if (status != PBUS_OK || !ipc)
        return status;
    snprintf(path, sizeof path, "%s.lock", ipc);
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (*lock < 0)
        return pbus_fail(error, PBUS_INVALID, "%s: can't write %s: %s; choose another path or its rights",
                         key, path, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return PBUS_OK;
    close(*lock);
    *lock = -1;
    return pbus_fail(error, PBUS_INVALID, "%s: another process has %s: stop that one or choose another path",
                     key, endpoint);
}
