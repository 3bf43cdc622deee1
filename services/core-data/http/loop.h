/*
 * Loop: a thread with a libmicrohttpd daemon that it drives itself.
 *
 * Why not the library's own threads: in 0.9.75 an internal epoll thread that is given as many events as it
 * asks for (128) waits for more before it serves those, with a timeout. When all clients of that thread wait
 * for answers nothing else wakes it, and everything stands still until the timeout. A daemon without a thread
 * is never allowed to wait inside the library, so here the waiting is done outside.
 */
#ifndef CORE_DATA_LOOP_H
#define CORE_DATA_LOOP_H

#include <microhttpd.h>
#include <stdbool.h>

typedef struct loop loop_t;

/*
 * Accepts connections from the listener, of which it takes a duplicate. options ends with MHD_OPTION_END, and
 * needs neither a listener nor threads. Callbacks run in the loop's thread. NULL when the daemon or the
 * thread can't be started.
 */
loop_t *loop_new(int listener, const struct MHD_OptionItem *options, MHD_AccessHandlerCallback handler,
                 void *context);

/* Begins to serve. False when there is no thread for it. */
bool loop_start(loop_t *self);

/* Takes no new connections from some time soon on; those that are there are served. */
void loop_quiesce(loop_t *self);

/* Whether the connection is one of this loop's. */
bool loop_has(const loop_t *self, struct MHD_Connection *connection);

/*
 * Resumes a suspended connection; from any thread. Not MHD_resume_connection: the library's own signal for
 * that can be taken up by a round of the loop that has already looked for resumed connections.
 */
void loop_resume(loop_t *self, struct MHD_Connection *connection);

/* Ends the thread: no callback is called any more but for connections that loop_destroy closes. */
void loop_stop(loop_t *self);

/* Ends the thread and closes its connections; no connection may be suspended. */
void loop_destroy(loop_t **self_p);

#endif
