/*
 * Asker: see asker.h. What the asking thread shares with the dispatcher's outlives the asker as long as a
 * request does that was let go.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "asker.h"

#define SECOND INT64_C(1000000000)

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    size_t holders;     /* the asker, and each request with the dispatcher */
    request_t *awaited; /* NULL: none, or done */
    bool stopped;
} shared_t;

struct asker {
    port_t port;
    shared_t *shared;
};

static shared_t *s_shared_new(void)
{
    pthread_condattr_t attributes;
    shared_t *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->holders = 1;
    pthread_mutex_init(&shared->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&shared->change, &attributes);
    pthread_condattr_destroy(&attributes);
    return shared;
}

/* Unlocks, and frees it when nobody else holds it. */
static void s_let_go(shared_t *shared)
{
    bool last = --shared->holders == 0;
    pthread_mutex_unlock(&shared->lock);
    if (!last)
        return;
    pthread_cond_destroy(&shared->change);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

asker_t *asker_new(port_t port)
{
    asker_t *self = malloc(sizeof *self);
    if (!self)
        return NULL;
    *self = (asker_t){port, s_shared_new()};
    if (!self->shared) {
        free(self);
        return NULL;
    }
    return self;
}

void asker_destroy(asker_t **self_p)
{
    asker_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->shared->lock);
    s_let_go(self->shared);
    free(self);
    *self_p = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

/* On the dispatcher's thread. */
static void s_done(request_t *request)
{
    shared_t *shared = request->context;
    pthread_mutex_lock(&shared->lock);
    if (shared->awaited == request) {
        shared->awaited = NULL;
        pthread_cond_signal(&shared->change);
    } else
        request_destroy(&request);
    s_let_go(shared);
}

static void s_await(shared_t *shared, request_t *request)
{
    pthread_mutex_lock(&shared->lock);
    shared->awaited = request;
    shared->holders++;
    pthread_mutex_unlock(&shared->lock);
}

/* Until the request is done; false when stopped before, so that it is not the caller's any more. */
static bool s_wait(shared_t *shared)
{
    pthread_mutex_lock(&shared->lock);
    while (shared->awaited && !shared->stopped)
        pthread_cond_wait(&shared->change, &shared->lock);
    bool done = !shared->awaited;
    shared->awaited = NULL;
    pthread_mutex_unlock(&shared->lock);
    return done;
}

/* The dispatcher did not take it. */
static void s_take_back(shared_t *shared)
{
    pthread_mutex_lock(&shared->lock);
    shared->awaited = NULL;
    s_let_go(shared);
}

static pbus_status_t s_submit(asker_t *self, request_t **request_p, pbus_error_t *error)
{
    request_t *request = *request_p;
    request->done = s_done;
    request->context = self->shared;
    s_await(self->shared, request);
    pbus_status_t status = self->port.submit(self->port.self, request);
    if (status != PBUS_OK) {
        s_take_back(self->shared);
        return pbus_fail(error, status, "%s",
                         status == PBUS_FULL ? "too many requests are waiting (PersistBus.MaxInFlight)"
                                             : "the service is stopping");
    }
    if (!s_wait(self->shared)) {
        *request_p = NULL;
        return pbus_fail(error, PBUS_UNAVAILABLE, "the service is stopping");
    }
    if (request->status != PBUS_OK)
        return pbus_fail(error, request->status, "%s", request->error.text);
    return PBUS_OK;
}

pbus_status_t asker_ask(asker_t *self, request_t **request_p, pbus_error_t *error)
{
    if (!*request_p)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    pbus_status_t status = s_submit(self, request_p, error);
    if (status != PBUS_OK)
        request_destroy(request_p);
    return status;
}

/* ---- time --------------------------------------------------------------------------------------------- */

static struct timespec s_moment(int64_t span)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += span / SECOND;
    moment.tv_nsec += span % SECOND;
    if (moment.tv_nsec >= SECOND) {
        moment.tv_nsec -= SECOND;
        moment.tv_sec++;
    }
    return moment;
}

bool asker_sleep(asker_t *self, int64_t span)
{
    shared_t *shared = self->shared;
    struct timespec end = s_moment(span);
    int waited = 0;
    pthread_mutex_lock(&shared->lock);
    while (!shared->stopped && waited == 0)
        waited = pthread_cond_timedwait(&shared->change, &shared->lock, &end);
    bool stopped = shared->stopped;
    pthread_mutex_unlock(&shared->lock);
    return !stopped;
}

void asker_stop(asker_t *self)
{
    pthread_mutex_lock(&self->shared->lock);
    self->shared->stopped = true;
    pthread_cond_broadcast(&self->shared->change);
    pthread_mutex_unlock(&self->shared->lock);
}

bool asker_stopped(asker_t *self)
{
    pthread_mutex_lock(&self->shared->lock);
    bool stopped = self->shared->stopped;
    pthread_mutex_unlock(&self->shared->lock);
    return stopped;
}
