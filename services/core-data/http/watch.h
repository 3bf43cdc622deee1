/*
 * Watch: closes connections that owe a request for too long. libmicrohttpd closes those that are silent; one
 * that sends a byte now and then never is, and could hold its place for ever. Safe for any number of threads.
 */
#ifndef CORE_DATA_WATCH_H
#define CORE_DATA_WATCH_H

#include <stddef.h>
#include <persistbus/types.h>

typedef struct watch watch_t;
typedef struct watched watched_t;

/* NULL when memory is out. */
watch_t *watch_new(void);
/* All connections must have been removed. */
void watch_destroy(watch_t **self_p);

/* Times are CLOCK_BOOTTIME ns. NULL when memory is out: that connection is not watched. */
watched_t *watch_add(watch_t *self, int fd, int64_t now);
/* Before its socket is closed. entry may be NULL; also in the following. */
void watch_remove(watch_t *self, watched_t *entry);

/* Its request's head has come: it owes nothing until it is answered. */
void watched_busy(watched_t *entry);
/* It was answered, and has from now on to send the next. */
void watched_idle(watched_t *entry, int64_t now);

/*
 * Shuts down those that have owed a request since before `limit`, and returns how many; and those that owed
 * it, and whose other side had closed, also when this was called last.
 */
size_t watch_expire(watch_t *self, int64_t limit);

#endif
