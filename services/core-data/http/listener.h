/*
 * Listener: a listening TCP socket from a host name and a port.
 */
#ifndef CORE_DATA_LISTENER_H
#define CORE_DATA_LISTENER_H

#include <persistbus/types.h>

/*
 * Non-blocking, or -1 with *error filled; the text names the address and the options it came from. IPv4 is
 * preferred where a name has both. *port is what was bound, also if 0 was asked for.
 */
int listener_open(const char *host, uint16_t *port, pbus_error_t *error);

#endif
