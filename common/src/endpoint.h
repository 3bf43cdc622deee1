/*
 * Endpoint: checks of ZeroMQ endpoints that libzmq 4.3.4 does not make itself. It takes the port 99999 for
 * another one, deletes an ordinary file that an ipc endpoint names, and lets a second process steal an ipc
 * endpoint in use.
 */
#ifndef PBUS_ENDPOINT_H
#define PBUS_ENDPOINT_H

#include <persistbus/types.h>

/* Whether it may be given to ZeroMQ; *error names the key (of the configuration), the value and the remedy.
 */
pbus_status_t pbus_endpoint_check(const char *key, const char *endpoint, pbus_error_t *error);

/*
 * To be called before binding: takes the lock of an ipc endpoint. *lock is a descriptor to be closed when the
 * endpoint is no longer used, -1 for other transports.
 */
pbus_status_t pbus_endpoint_claim(const char *key, const char *endpoint, int *lock, pbus_error_t *error);

#endif
