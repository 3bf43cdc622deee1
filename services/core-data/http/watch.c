/*
 * Watch: see watch.h. An entry's time is changed without the lock, as that happens twice a request; the lock
 * guards the list, and with it the descriptors: an entry in it has an open one.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include "watch.h"

#define BUSY INT64_MAX

struct watched {
    int fd;
    _Atomic int64_t since; /* when it began to owe a request; BUSY: it owes none */
    int64_t closed_since;  /* its `since` when the other side was found closed; 0: it was not */
    TAILQ_ENTRY(watched) link;
};

struct watch {
    pthread_mutex_t lock;
    TAILQ_HEAD(, watched) entries;
    size_t size;
};

watch_t *watch_new(void)
{
    watch_t *self = malloc(sizeof *self);
    if (!self)
        return NULL;
    pthread_mutex_init(&self->lock, NULL);
    TAILQ_INIT(&self->entries);
    self->size = 0;
    return self;
}

void watch_destroy(watch_t **self_p)
{
    if (!*self_p)
        return;
    pthread_mutex_destroy(&(*self_p)->lock);
    free(*self_p);
    *self_p = NULL;
}

watched_t *watch_add(watch_t *self, int fd, int64_t now)
{
    watched_t *entry = malloc(sizeof *entry);
    if (!entry)
        return NULL;
    entry->fd = fd;
    entry->closed_since = 0;
    atomic_init(&entry->since, now);
    pthread_mutex_lock(&self->lock);
    TAILQ_INSERT_TAIL(&self->entries, entry, link);
    self->size++;
    pthread_mutex_unlock(&self->lock);
    return entry;
}

void watch_remove(watch_t *self, watched_t *entry)
{
    if (!entry)
        return;
    pthread_mutex_lock(&self->lock);
    TAILQ_REMOVE(&self->entries, entry, link);
    self->size--;
    pthread_mutex_unlock(&self->lock);
    free(entry);
}

void watched_busy(watched_t *entry)
{
    if (entry)
        atomic_store_explicit(&entry->since, BUSY, memory_order_relaxed);
}

void watched_idle(watched_t *entry, int64_t now)
{
    if (entry)
        atomic_store_explicit(&entry->since, now, memory_order_relaxed);
}

/* Which have been closed by the other side, in the order of the list; all zero if that can't be found out. */
static void s_poll(watch_t *self, struct pollfd *polled)
{
    nfds_t count = 0;
    watched_t *entry;
    TAILQ_FOREACH(entry, &self->entries, link)
    polled[count++] = (struct pollfd){.fd = entry->fd, .events = POLLRDHUP};
    if (poll(polled, count, 0) >= 0)
        return;
    while (count > 0)
        polled[--count].revents = 0;
}

/*
 * Its last bytes may be a request that is just about to be read, so it is shut down only when nothing came of
 * them until the next time.
 */
static bool s_is_left(watched_t *entry, int64_t since, bool closed)
{
    bool left = closed && since != BUSY && entry->closed_since == since;
    entry->closed_since = closed && since != BUSY ? since : 0;
    return left;
}

static size_t s_expire(watch_t *self, int64_t limit, const struct pollfd *polled)
{
    size_t count = 0, place = 0;
    watched_t *entry;
    TAILQ_FOREACH(entry, &self->entries, link)
    {
        int64_t since = atomic_load_explicit(&entry->since, memory_order_relaxed);
        bool left = s_is_left(entry, since, polled[place++].revents & (POLLRDHUP | POLLHUP | POLLERR));
        if (since < limit || left)
            shutdown(entry->fd, SHUT_RDWR);
        count += since < limit;
    }
    return count;
}

size_t watch_expire(watch_t *self, int64_t limit)
{
    size_t count = 0;
    pthread_mutex_lock(&self->lock);
    struct pollfd *polled = malloc((self->size + 1) * sizeof *polled);
    if (polled) {
        s_poll(self, polled);
        count = s_expire(self, limit, polled);
        free(polled);
    }
    pthread_mutex_unlock(&self->lock);
    return count;
}
