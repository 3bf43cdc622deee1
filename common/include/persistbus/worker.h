/*
 * Worker: a persistence service from a backend's table. A service's main is three lines:
 *
 *     int main(int argc, char **argv)
 *     {
 *         return pbus_worker_main(argc, argv, &backend);
 *     }
 *
 * The SDK owns the rest: arguments (--config FILE, --help, --version), configuration, logging, signals, the
 * sockets and sessions of the bus (docs/PROTOCOL.md), credit, leases, acknowledgements, PING answered beside
 * the backend's threads, back-off while the store is away, and a clean end on SIGTERM or SIGINT.
 */
#ifndef PERSISTBUS_WORKER_H
#define PERSISTBUS_WORKER_H

#include <persistbus/backend.h>

/* Runs until told to stop. Returns the process's exit status: 0 after a clean stop, 1 with one clear line. */
PBUS_EXPORT int pbus_worker_main(int argc, char **argv, const pbus_backend_t *backend);

#endif
