/*
 * Asker: for one thread that asks the dispatcher one thing after another and waits for each outcome. Another
 * thread may stop it at any time; the one that asks is let go at once, and what is still with the dispatcher
 * is freed when the dispatcher is through with it, even after the asker is gone.
 */
#ifndef CORE_DATA_ASKER_H
#define CORE_DATA_ASKER_H

#include "http/service.h"

typedef struct asker asker_t;

/* port's target must outlive the last asker_ask. NULL when memory is out. */
asker_t *asker_new(port_t port);
void asker_destroy(asker_t **self_p);

/*
 * Submits the request, which may be NULL (memory is out), and waits until it is done. PBUS_OK: the caller has
 * it back with its answer. Otherwise it is gone, *request_p is NULL and *error says why; PBUS_UNAVAILABLE
 * when stopped.
 */
pbus_status_t asker_ask(asker_t *self, request_t **request_p, pbus_error_t *error);

/* Waits so many ns; false when it was stopped. */
bool asker_sleep(asker_t *self, int64_t span);

/* From any thread, once and for all. */
void asker_stop(asker_t *self);
bool asker_stopped(asker_t *self);

#endif
