/*
 * Actor: a czmq actor whose thread is joined. zactor's end with a detached thread, which may still be in the
 * destructors of its thread-local data (OpenSSL has some) while the process is at its exit handlers already.
 */
#ifndef PBUS_ACTOR_H
#define PBUS_ACTOR_H

#include <czmq.h>

typedef struct pbus_actor pbus_actor_t;

/* As zactor_new: returns when the actor has signalled its pipe. NULL when memory or threads are out. */
pbus_actor_t *pbus_actor_new(zactor_fn *run, void *args);
/* Sends "$TERM" and waits for the end of the thread. */
void pbus_actor_destroy(pbus_actor_t **self_p);
/* The owner's end of the pipe. */
zsock_t *pbus_actor_sock(const pbus_actor_t *self);

#endif
