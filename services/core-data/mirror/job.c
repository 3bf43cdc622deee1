/*
 * Job: see job.h.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "job.h"

#define RETRY_MIN (INT64_C(100) * 1000000)  /* ns */
#define RETRY_MAX (INT64_C(5000) * 1000000) /* ns */
#define RATE_SPAN (INT64_C(1000) * 1000000) /* ns, over which the rate is taken */

struct job {
    service_t *service;
    char id[PBUS_UUID_TEXT];
    job_order_t order;
    asker_t *asker;
    copy_t *copy;
    copy_tally_t tally;
    pthread_t thread;
    int64_t started, began; /* ns since the epoch, and CLOCK_BOOTTIME */

    pthread_mutex_t lock; /* of what follows */
    job_state_t state;
    char message[240];
    uint64_t waiting_since; /* steps that had been done when it began to wait */
    int64_t ended, lasted;  /* ns */
    uint64_t rate, rated;   /* rated: events seen when it was taken last */
    int64_t rated_at;       /* CLOCK_BOOTTIME ns */
};

const char *job_kind_name(copy_kind_t kind)
{
    static const char *const names[] = {
        [COPY_COPY] = "copy", [COPY_VERIFY] = "verify", [COPY_REPAIR] = "repair"};
    return names[kind];
}

const char *job_state_name(job_state_t state)
{
    static const char *const names[] = {[JOB_RUNNING] = "running",
                                        [JOB_WAITING] = "waiting",
                                        [JOB_DONE] = "done",
                                        [JOB_FAILED] = "failed",
                                        [JOB_CANCELLED] = "cancelled"};
    return names[state];
}

/* ---- the thread --------------------------------------------------------------------------------------- */

static void s_wait(job_t *self, const char *why)
{
    pthread_mutex_lock(&self->lock);
    self->state = JOB_WAITING;
    self->waiting_since = atomic_load(&self->tally.steps);
    snprintf(self->message, sizeof self->message, "%s", why);
    pthread_mutex_unlock(&self->lock);
}

static void s_end(job_t *self, job_state_t state, const char *message)
{
    pbus_log_level_t level = state == JOB_FAILED ? PBUS_LOG_WARN : PBUS_LOG_INFO;
    pbus_log_at(service_log(self->service), level, "%s of group %s to group %s is %s: %s",
                job_kind_name(self->order.kind), self->order.from, self->order.to, job_state_name(state),
                message);
    pthread_mutex_lock(&self->lock);
    self->state = state;
    snprintf(self->message, sizeof self->message, "%s", message);
    self->ended = pbus_clock_realtime();
    self->lasted = pbus_clock_boottime() - self->began;
    pthread_mutex_unlock(&self->lock);
}

static void s_end_well(job_t *self)
{
    char text[240];
    copy_tally_t *tally = &self->tally;
    uint64_t missing = atomic_load(&tally->missing), extra = atomic_load(&tally->extra);
    uint64_t different = atomic_load(&tally->different);
    if (self->order.kind == COPY_VERIFY && missing + extra + different)
        snprintf(text, sizeof text,
                 "not equal: %llu events are missing, %llu are there that should not be, %llu are different",
                 (unsigned long long) missing, (unsigned long long) extra, (unsigned long long) different);
    else
        snprintf(text, sizeof text, "equal: %llu events compared, %llu copied, %llu deleted",
                 (unsigned long long) atomic_load(&tally->seen),
                 (unsigned long long) atomic_load(&tally->copied),
                 (unsigned long long) atomic_load(&tally->deleted));
    s_end(self, JOB_DONE, text);
}

static bool s_is_temporary(pbus_status_t status)
{
    return status == PBUS_UNAVAILABLE || status == PBUS_TIMEOUT || status == PBUS_FULL;
}

static void *s_run(void *context)
{
    job_t *self = context;
    pbus_error_t error = {0};
    pbus_status_t status;
    uint64_t steps = 0;
    int64_t retry = RETRY_MIN;
    while ((status = copy_run(self->copy, &error)) != PBUS_OK && s_is_temporary(status)) {
        if (!asker_stopped(self->asker))
            s_wait(self, error.text);
        bool moved = atomic_load(&self->tally.steps) != steps;
        steps = atomic_load(&self->tally.steps);
        retry = moved ? RETRY_MIN : retry * 2 < RETRY_MAX ? retry * 2 : RETRY_MAX;
        if (!asker_sleep(self->asker, retry))
            break;
    }
    if (status == PBUS_OK)
        s_end_well(self);
    else if (asker_stopped(self->asker))
        s_end(self, JOB_CANCELLED, "what was copied stays");
    else
        s_end(self, JOB_FAILED, error.text);
    return NULL;
}

/* ---- life --------------------------------------------------------------------------------------------- */

static void s_free(job_t *self)
{
    copy_destroy(&self->copy);
    asker_destroy(&self->asker);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

job_t *job_new(service_t *service, const job_order_t *order, pbus_error_t *error)
{
    job_t *self = calloc(1, sizeof *self);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        return NULL;
    }
    *self = (job_t){.service = service, .order = *order};
    self->started = pbus_clock_realtime();
    self->began = self->rated_at = pbus_clock_boottime();
    service_new_id(service, self->id);
    pthread_mutex_init(&self->lock, NULL);
    self->asker = asker_new(*service_port(service));
    if (self->asker)
        self->copy = copy_new(self->asker, service, order->kind, order->from, order->to, &self->tally);
    if (self->copy && pthread_create(&self->thread, NULL, s_run, self) == 0)
        return self;
    pbus_fail(error, PBUS_NOMEM, "a thread for the %s does not start: threads or memory are out",
              job_kind_name(order->kind));
    s_free(self);
    return NULL;
}

void job_destroy(job_t **self_p)
{
    job_t *self = *self_p;
    if (!self)
        return;
    asker_stop(self->asker);
    pthread_join(self->thread, NULL);
    s_free(self);
    *self_p = NULL;
}

void job_stop(job_t *self)
{
    asker_stop(self->asker);
}

/* ---- what can be told --------------------------------------------------------------------------------- */

static bool s_is_over(job_state_t state)
{
    return state != JOB_RUNNING && state != JOB_WAITING;
}

bool job_is_over(job_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool over = s_is_over(self->state);
    pthread_mutex_unlock(&self->lock);
    return over;
}

/* Under the lock. A new pass counts from 0 again. */
static void s_rate(job_t *self, uint64_t seen)
{
    int64_t now = pbus_clock_boottime();
    if (s_is_over(self->state)) {
        self->rate = self->lasted > 0 ? (uint64_t) ((double) seen * 1e9 / (double) self->lasted) : 0;
        return;
    }
    if (now - self->rated_at < RATE_SPAN)
        return;
    if (seen >= self->rated)
        self->rate = (uint64_t) ((double) (seen - self->rated) * 1e9 / (double) (now - self->rated_at));
    self->rated = seen;
    self->rated_at = now;
}

void job_view(job_t *self, job_view_t *view)
{
    copy_tally_t *tally = &self->tally;
    *view = (job_view_t){.order = self->order,
                         .seen = atomic_load(&tally->seen),
                         .total = atomic_load(&tally->total),
                         .copied = atomic_load(&tally->copied),
                         .deleted = atomic_load(&tally->deleted),
                         .windows_equal = atomic_load(&tally->windows_equal),
                         .windows_different = atomic_load(&tally->windows_different),
                         .missing = atomic_load(&tally->missing),
                         .extra = atomic_load(&tally->extra),
                         .different = atomic_load(&tally->different),
                         .started = self->started};
    memcpy(view->id, self->id, sizeof view->id);
    pthread_mutex_lock(&self->lock);
    s_rate(self, view->seen);
    bool moves = self->state == JOB_WAITING && atomic_load(&tally->steps) != self->waiting_since;
    view->state = moves ? JOB_RUNNING : self->state;
    snprintf(view->message, sizeof view->message, "%s", moves ? "" : self->message);
    view->rate = self->rate;
    view->ended = self->ended;
    pthread_mutex_unlock(&self->lock);
}
