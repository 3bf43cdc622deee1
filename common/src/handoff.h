/*
 * Handoff: a command word and a pointer over an actor's pipe. Whoever receives a pointer owns what it points
 * to.
 *
 * ZeroMQ orders the two threads, but ThreadSanitizer can't see that (the library is not instrumented), so it
 * is told.
 */
#ifndef PBUS_HANDOFF_H
#define PBUS_HANDOFF_H

#include <czmq.h>

/* pipe: a zsock_t. 0, or -1 when it was not sent (the pointer stays the caller's). */
int pbus_handoff_send(void *pipe, const char *command, void *pointer);

/* Blocks. The command, which the caller frees with zstr_free; NULL when interrupted. *pointer may be NULL. */
char *pbus_handoff_recv(void *pipe, void **pointer);

/* Whether something can be received without blocking. */
bool pbus_handoff_waits(void *pipe);

#endif
