/*
 * Link: a worker's side of the bus (docs/PROTOCOL.md, section 3). Owns SUB, DEALER and the lanes, answers
 * PING whatever the store is doing, and runs in the thread that calls pbus_link_run.
 */
#ifndef PBUS_LINK_H
#define PBUS_LINK_H

#include <persistbus/backend.h>

typedef struct pbus_link pbus_link_t;

/*
 * Connects and starts the lanes. config has the options of pbus_worker_options and the backend's; all
 * arguments must outlive the link. NULL with *error filled when a name or an endpoint is not well-formed or
 * memory is out.
 */
pbus_link_t *pbus_link_new(const pbus_backend_t *backend, pbus_config_t *config, pbus_log_t *log,
                           pbus_error_t *error);
void pbus_link_destroy(pbus_link_t **self_p);

/*
 * Serves until signals (a signalfd for SIGTERM and SIGINT) becomes readable or core-data drains the worker;
 * leaves as PROTOCOL.md says. PBUS_OK after a clean end; otherwise *error says what ended it (the store can
 * never be opened, or a call of the backend did not return).
 */
pbus_status_t pbus_link_run(pbus_link_t *self, int signals, pbus_error_t *error);

/* Options every worker has: Writable.LogLevel and the section PersistBus. */
extern const pbus_option_t pbus_worker_options[];

#endif
