/*
 * Listener: see listener.h.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>
#include "listener.h"

#define BACKLOG 1024

static int s_bind(const struct addrinfo *address)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

static int s_bind_family(const struct addrinfo *addresses, int family)
{
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        int fd = address->ai_family == family ? s_bind(address) : -1;
        if (fd >= 0 || address->ai_family == family)
            return fd;
    }
    errno = EAFNOSUPPORT;
    return -1;
}

static uint16_t s_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *) &address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *) &address)->sin6_port);
    return ntohs(((struct sockaddr_in *) &address)->sin_port);
}

int listener_open(const char *host, uint16_t *port, pbus_error_t *error)
{
    const char *options = "Service.Host, Service.ServerBindAddr, Service.Port";
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses;
    char service[8];
    snprintf(service, sizeof service, "%u", *port);
    int failed = getaddrinfo(host, service, &hints, &addresses);
    if (failed) {
        pbus_fail(error, PBUS_INVALID, "cannot find the address of %s (%s): %s", host, options,
                  gai_strerror(failed));
        return -1;
    }
    int fd = s_bind_family(addresses, AF_INET);
    if (fd < 0 && errno == EAFNOSUPPORT)
        fd = s_bind_family(addresses, AF_INET6);
    if (fd < 0)
        pbus_fail(error, PBUS_UNAVAILABLE, "cannot listen on %s:%u (%s): %s", host, *port, options,
                  strerror(errno));
    else
        *port = s_port(fd);
    freeaddrinfo(addresses);
    return fd;
}
