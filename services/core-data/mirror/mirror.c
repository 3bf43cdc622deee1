/*
 * Mirror: see mirror.h.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "mirror.h"

#define SECOND INT64_C(1000000000)
#define LOOK SECOND              /* ns, between two questions for what there is to copy */
#define PATIENCE (5 * SECOND)    /* ns, for the answer */
#define RETRY_MIN (10 * SECOND)  /* ns, after a copy that failed */
#define RETRY_MAX (600 * SECOND) /* ns */

const pbus_option_t mirror_options[] = {
    {"PersistBus.AutoCopy", PBUS_OPTION_BOOL, "true", 0, 0,
     "fill a STALE group from a LIVE one without being asked"},
    {.key = NULL},
};

#define ATTEMPTS 16

/* The last copy into a group that was started without being asked. */
typedef struct {
    char to[PBUS_NAME_MAX + 1];
    char id[PBUS_UUID_TEXT]; /* empty: there was none */
    uint64_t generation;     /* of the group */
    int64_t pause;           /* ns, after a failure; grows */
} attempt_t;

struct mirror {
    service_t *service;
    asker_t *asker;
    pthread_t thread;
    bool started;
    attempt_t attempts[ATTEMPTS]; /* the thread's */
    size_t next_attempt;

    pthread_mutex_t lock;     /* of what follows */
    job_t *jobs[MIRROR_JOBS]; /* the newest first */
    size_t count;
    bool stopped;
};

/* ---- jobs, under the lock ----------------------------------------------------------------------------- */

/* The newest that are over stay. */
static void s_prune(mirror_t *self)
{
    size_t over = 0, count = 0;
    for (size_t i = 0; i < self->count; i++) {
        job_t *job = self->jobs[i];
        over += job_is_over(job);
        if (job_is_over(job) && over > MIRROR_KEPT)
            job_destroy(&job);
        else
            self->jobs[count++] = job;
    }
    self->count = count;
}

/* The one that runs into the group; NULL: none. *running: how many run in all. */
static job_t *s_busy(const mirror_t *self, const char *to, job_view_t *view, size_t *running)
{
    job_t *busy = NULL;
    *running = 0;
    for (size_t i = 0; i < self->count; i++) {
        job_view_t other;
        job_view(self->jobs[i], &other);
        if (other.state != JOB_RUNNING && other.state != JOB_WAITING)
            continue;
        ++*running;
        if (strcmp(other.order.to, to) != 0)
            continue;
        busy = self->jobs[i];
        *view = other;
    }
    return busy;
}

static pbus_status_t s_may_start(const mirror_t *self, const job_order_t *order, pbus_error_t *error)
{
    job_view_t busy;
    size_t running;
    if (self->stopped)
        return pbus_fail(error, PBUS_UNAVAILABLE, "the service is stopping");
    if (strcmp(order->from, order->to) == 0)
        return pbus_fail(error, PBUS_INVALID, "from and to are both '%s': name two groups", order->to);
    if (s_busy(self, order->to, &busy, &running))
        return pbus_fail(error, PBUS_CONFLICT,
                         "job %s, a %s of group %s, runs into group %s: wait or cancel it", busy.id,
                         job_kind_name(busy.order.kind), busy.order.from, order->to);
    if (running >= MIRROR_RUNNING)
        return pbus_fail(error, PBUS_FULL, "%d jobs are running: wait for one to end, or cancel one",
                         MIRROR_RUNNING);
    return PBUS_OK;
}

static pbus_status_t s_start(mirror_t *self, const job_order_t *order, job_view_t *view, pbus_error_t *error)
{
    s_prune(self);
    pbus_status_t status = s_may_start(self, order, error);
    if (status != PBUS_OK)
        return status;
    job_t *job = job_new(self->service, order, error);
    if (!job)
        return error->status;
    memmove(self->jobs + 1, self->jobs, self->count * sizeof *self->jobs);
    self->jobs[0] = job;
    self->count++;
    job_view(job, view);
    pbus_log_info(service_log(self->service), "%s of group %s to group %s begins%s, as job %s",
                  job_kind_name(order->kind), order->from, order->to, order->by_itself ? " by itself" : "",
                  view->id);
    return PBUS_OK;
}

static job_t *s_find(const mirror_t *self, const char *id, job_view_t *view)
{
    for (size_t i = 0; i < self->count; i++) {
        job_view(self->jobs[i], view);
        if (strcmp(view->id, id) == 0)
            return self->jobs[i];
    }
    return NULL;
}

/* ---- for other threads -------------------------------------------------------------------------------- */

pbus_status_t mirror_start(mirror_t *self, const job_order_t *order, job_view_t *view, pbus_error_t *error)
{
    pthread_mutex_lock(&self->lock);
    pbus_status_t status = s_start(self, order, view, error);
    pthread_mutex_unlock(&self->lock);
    return status;
}

static pbus_status_t s_look_up(mirror_t *self, const char *id, bool stop, job_view_t *view,
                               pbus_error_t *error)
{
    pthread_mutex_lock(&self->lock);
    job_t *job = s_find(self, id, view);
    if (job && stop) {
        job_stop(job);
        job_view(job, view);
    }
    pthread_mutex_unlock(&self->lock);
    return job ? PBUS_OK : pbus_fail(error, PBUS_NOT_FOUND, "there is no job '%.60s'", id);
}

pbus_status_t mirror_find(mirror_t *self, const char *id, job_view_t *view, pbus_error_t *error)
{
    return s_look_up(self, id, false, view, error);
}

pbus_status_t mirror_cancel(mirror_t *self, const char *id, job_view_t *view, pbus_error_t *error)
{
    return s_look_up(self, id, true, view, error);
}

size_t mirror_list(mirror_t *self, job_view_t views[MIRROR_JOBS])
{
    pthread_mutex_lock(&self->lock);
    s_prune(self);
    size_t count = self->count;
    for (size_t i = 0; i < count; i++)
        job_view(self->jobs[i], &views[i]);
    pthread_mutex_unlock(&self->lock);
    return count;
}

/* ---- by itself ---------------------------------------------------------------------------------------- */

/* The group's; an old one makes room when there is none yet. */
static attempt_t *s_attempt(mirror_t *self, const char *to)
{
    for (size_t i = 0; i < ATTEMPTS; i++)
        if (strcmp(self->attempts[i].to, to) == 0)
            return &self->attempts[i];
    attempt_t *attempt = &self->attempts[self->next_attempt++ % ATTEMPTS];
    *attempt = (attempt_t){.pause = RETRY_MIN};
    snprintf(attempt->to, sizeof attempt->to, "%s", to);
    return attempt;
}

/* Whether a new copy may be started now, after what came of the last one. */
static bool s_is_due(mirror_t *self, attempt_t *attempt, const char *source, uint64_t generation)
{
    job_view_t view;
    pbus_error_t error;
    if (!attempt->id[0] || mirror_find(self, attempt->id, &view, &error) != PBUS_OK)
        return true;
    bool waits = view.state == JOB_WAITING;
    if (waits && strcmp(view.order.from, source) != 0) { /* for a source, and another one is there */
        mirror_cancel(self, attempt->id, &view, &error);
        attempt->id[0] = 0;
        return false;
    }
    if (view.state == JOB_CANCELLED)
        return attempt->generation != generation;
    if (view.state == JOB_FAILED)
        return pbus_clock_realtime() - view.ended >= attempt->pause;
    return view.state == JOB_DONE;
}

static void s_note(attempt_t *attempt, const job_view_t *view, uint64_t generation, bool failed)
{
    int64_t longer = attempt->pause * 2 < RETRY_MAX ? attempt->pause * 2 : RETRY_MAX;
    attempt->pause = failed ? longer : RETRY_MIN;
    attempt->generation = generation;
    memcpy(attempt->id, view->id, sizeof attempt->id);
}

/* Copies, if that is due, what the dispatcher says there is to copy. */
static void s_offer(mirror_t *self, const request_t *offer)
{
    attempt_t *attempt = s_attempt(self, offer->target);
    job_order_t order = {.kind = COPY_COPY, .by_itself = true};
    job_view_t before, view;
    pbus_error_t error;
    if (!s_is_due(self, attempt, offer->source_group, offer->generation))
        return;
    bool failed = attempt->id[0] && mirror_find(self, attempt->id, &before, &error) == PBUS_OK &&
                  before.state == JOB_FAILED;
    snprintf(order.from, sizeof order.from, "%s", offer->source_group);
    snprintf(order.to, sizeof order.to, "%s", offer->target);
    if (mirror_start(self, &order, &view, &error) == PBUS_OK)
        s_note(attempt, &view, offer->generation, failed);
}

static void s_look(mirror_t *self)
{
    pbus_error_t error;
    request_t *request = request_new(REQUEST_ADMIN);
    if (request) {
        request->command = ADMIN_NEXT_COPY;
        request->deadline = pbus_clock_boottime() + PATIENCE;
    }
    if (asker_ask(self->asker, &request, &error) == PBUS_OK && request->target && request->source_group)
        s_offer(self, request);
    request_destroy(&request);
}

static void *s_run(void *context)
{
    mirror_t *self = context;
    while (asker_sleep(self->asker, LOOK))
        s_look(self);
    return NULL;
}

/* ---- life --------------------------------------------------------------------------------------------- */

mirror_t *mirror_new(service_t *service, bool by_itself, pbus_error_t *error)
{
    mirror_t *self = calloc(1, sizeof *self);
    asker_t *asker = self ? asker_new(*service_port(service)) : NULL;
    if (!asker) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        free(self);
        return NULL;
    }
    self->service = service;
    self->asker = asker;
    pthread_mutex_init(&self->lock, NULL);
    self->started = by_itself && pthread_create(&self->thread, NULL, s_run, self) == 0;
    if (by_itself && !self->started) {
        pbus_fail(error, PBUS_INTERNAL, "the thread of copying does not start: threads or memory are out");
        mirror_destroy(&self);
    }
    return self;
}

void mirror_stop(mirror_t *self)
{
    asker_stop(self->asker);
    if (self->started)
        pthread_join(self->thread, NULL);
    self->started = false;
    pthread_mutex_lock(&self->lock);
    self->stopped = true;
    for (size_t i = 0; i < self->count; i++)
        job_stop(self->jobs[i]);
    while (self->count)
        job_destroy(&self->jobs[--self->count]);
    pthread_mutex_unlock(&self->lock);
}

void mirror_destroy(mirror_t **self_p)
{
    mirror_t *self = *self_p;
    if (!self)
        return;
    mirror_stop(self);
    asker_destroy(&self->asker);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
