#include "private.h"
#include "answer.h"

#include <stdlib.h>

#define STEP_EVENTS 500      /* deleted in one step, so that writes are never held up for long */
#define STEP_TIMEOUT_MS 8000 /* of one step */
#define RETRY_MS 1000

static bool s_restore(dispatcher_t *self, const spool_cut_t *saved, size_t i)
{
    cut_t *cut = cut_new(saved->accept, saved->device, saved->source, saved->origin_max, saved->lazy);
    if (!cut)
        return false;
    cut->saved = true;
    TAILQ_INSERT_TAIL(&self->cuts, cut, link);
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (spool_cut_wants(self->spool, i, group->name) && !cut_add(cut, group))
        return false;
    return !spool_cut_wants(self->spool, i, "") || cut_add(cut, self->orphans);
}

bool cuts_load(dispatcher_t *self)
{
    const spool_cut_t *saved;
    size_t count = spool_cuts(self->spool, &saved);
    for (size_t i = 0; i < count; i++)
        if (!s_restore(self, &saved[i], i))
            return false;
    return true;
}

static spool_job_t *s_job(const cut_t *cut, request_t *request)
{
    spool_job_t *job = spool_job_new(SPOOL_CUT);
    if (!job)
        return NULL;
    job->context = request;
    job->cut = (spool_cut_t){.accept = cut->accept, .origin_max = cut->origin_max, .lazy = cut->lazy};
    bool ok = (!cut->device || (job->cut.device = strdup(cut->device))) &&
              (!cut->source || (job->cut.source = strdup(cut->source)));
    if (ok && cut->count)
        ok = (job->names = calloc(cut->count, sizeof *job->names)) != NULL;
    for (size_t i = 0; ok && i < cut->count; i++, job->name_count++)
        ok = (job->names[i] = strdup(cut->runs[i].group->name)) != NULL;
    if (!ok)
        spool_job_destroy(&job);
    return job;
}

bool cuts_accept(dispatcher_t *self, request_t *request)
{
    uint64_t number = dispatch_number(self);
    if (!number)
        return false;
    cut_t *cut = cut_new(number, request->device, request->source, request->origin_max, request->lazy);
    bool ok = cut != NULL;
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group_serves(group))
        ok = ok && cut_add(cut, group);
    /* What waits for the first group is deleted there, before anybody reads it. */
    if (!members_complete(self) && forward_has_orphans(self))
        ok = ok && cut_add(cut, self->orphans);
    spool_job_t *job = ok ? s_job(cut, request) : NULL;
    if (!job) {
        cut_destroy(&cut);
        dispatch_fail(self, request, PBUS_NOMEM, "out of memory for a delete");
        return true;
    }
    TAILQ_INSERT_TAIL(&self->cuts, cut, link);
    spool_submit(self->spool, &job);
    return true;
}

static void s_drop(dispatcher_t *self, cut_t *cut)
{
    TAILQ_REMOVE(&self->cuts, cut, link);
    cut_destroy(&cut);
}

static void s_ran(dispatcher_t *self, cut_t *cut, group_t *group)
{
    spool_job_t *job = spool_job_new(SPOOL_CUT_DONE);
    if (job) { /* else it is run once more after the next start, which does no harm */
        job->number = cut->accept;
        snprintf(job->name, sizeof job->name, "%s", group->name);
        spool_submit(self->spool, &job);
    }
    cut_remove(cut, group);
    if (cut->count == 0)
        s_drop(self, cut);
}

void cuts_adopt(dispatcher_t *self, group_t *group)
{
    cut_t *cut;
    TAILQ_FOREACH(cut, &self->cuts, link)
    {
        cut_run_t *run = cut_find(cut, self->orphans);
        if (run && cut_find(cut, group))
            cut_remove(cut, self->orphans);
        else if (run)
            run->group = group;
    }
}

void cuts_forget(dispatcher_t *self, group_t *group)
{
    cut_t *next;
    for (cut_t *cut = TAILQ_FIRST(&self->cuts); cut; cut = next) {
        next = TAILQ_NEXT(cut, link);
        if (cut_find(cut, group))
            s_ran(self, cut, group);
    }
}

static bool s_same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && streq(a, b));
}

/* Whether the newer cut deletes all that this one does, and nobody waits for this one. */
static bool s_is_covered(const cut_t *self, const cut_t *newer)
{
    return self != newer && self->saved && self->lazy && self->accept < newer->accept &&
           self->origin_max <= newer->origin_max && s_same_text(self->device, newer->device) &&
           s_same_text(self->source, newer->source);
}

/*
 * Retention deletes the same again and again. A group that is away would gather a cut for each pass; the last
 * one does for all.
 */
static void s_replace_older(dispatcher_t *self, cut_t *newer)
{
    cut_t *next;
    for (cut_t *older = TAILQ_FIRST(&self->cuts); older && newer->lazy; older = next) {
        next = TAILQ_NEXT(older, link);
        if (!s_is_covered(older, newer))
            continue;
        for (size_t i = 0; i < newer->count; i++) {
            cut_run_t *run = cut_find(older, newer->runs[i].group);
            bool last = older->count == 1;
            if (!run || run->running)
                continue;
            s_ran(self, older, run->group);
            if (last)
                break; /* the older one is gone */
        }
    }
}

void cuts_on_saved(dispatcher_t *self, spool_job_t *job)
{
    cut_t *cut;
    TAILQ_FOREACH(cut, &self->cuts, link)
    if (cut->accept == job->cut.accept)
        break;
    if (cut && job->status == PBUS_OK && cut->count) {
        cut->saved = true;
        s_replace_older(self, cut);
    } else if (cut)
        s_drop(self, cut);
    request_t *request = job->context;
    if (job->status == PBUS_OK)
        dispatch_complete(self, request, PBUS_OK);
    else
        dispatch_fail(self, request, job->status, "%s", job->error.text);
}

size_t cuts_waiting(const dispatcher_t *self, const group_t *group)
{
    size_t count = 0;
    cut_t *cut;
    TAILQ_FOREACH(cut, &self->cuts, link)
    count += cut_find(cut, group) != NULL;
    return count;
}

bool cuts_await(const dispatcher_t *self, const group_t *group, uint64_t accept)
{
    cut_t *cut;
    TAILQ_FOREACH(cut, &self->cuts, link)
    if (cut->accept <= accept && cut_find(cut, group))
        return true;
    return false;
}

bool cuts_hold(const dispatcher_t *self, const group_t *group, const request_t *query)
{
    cut_t *cut;
    TAILQ_FOREACH(cut, &self->cuts, link)
    if (cut->saved && cut_find(cut, group) && cut_concerns(cut, query))
        return true;
    return false;
}

static bool s_send_step(dispatcher_t *self, session_t *session, cut_t *cut)
{
    pbus_buf_t ask = {0};
    zmq_msg_t payload;
    call_t *call = session_call_new(session, PBUS_QUERY, 0);
    cut_ask(cut, STEP_EVENTS, &ask);
    if (!call || ask.failed || zmq_msg_init_size(&payload, ask.size) != 0) {
        session_call_destroy(&call);
        pbus_buf_clear(&ask);
        return false;
    }
    memcpy(zmq_msg_data(&payload), ask.data, ask.size);
    call->bytes = ask.size;
    call->cut = cut;
    pbus_buf_clear(&ask);
    pbus_message_t header = {.kind = PBUS_QUERY,
                             .epoch = self->epoch,
                             .session = session->number,
                             .sent = pbus_clock_boottime(),
                             .seq = call->seq,
                             .timeout_ms = STEP_TIMEOUT_MS};
    if (!wire_send(self->wire, session->topic, &header, &payload)) {
        session_call_destroy(&call);
        return false;
    }
    session_add_call(session, call);
    return true;
}

/* A cut runs in a group when nothing at or below it is on its way there any more. */
static void s_pump_run(dispatcher_t *self, cut_t *cut, cut_run_t *run, int64_t now)
{
    if (run->running || now < run->not_before || group_awaits(run->group, cut->accept))
        return;
    session_t *session = group_reader(run->group, 0);
    if (session && s_send_step(self, session, cut))
        run->running = true;
}

void cuts_pump(dispatcher_t *self)
{
    if (TAILQ_EMPTY(&self->cuts))
        return;
    int64_t now = pbus_clock_boottime();
    cut_t *cut;
    TAILQ_FOREACH(cut, &self->cuts, link)
    for (size_t i = 0; cut->saved && i < cut->count; i++)
        s_pump_run(self, cut, &cut->runs[i], now);
}

void cuts_on_answer(dispatcher_t *self, session_t *session, cut_t *cut, const pbus_message_t *reply,
                    const zframe_t *payload)
{
    group_t *group = session->group;
    cut_run_t *run = cut_find(cut, group);
    pbus_answer_t answer = {0};
    int64_t now = pbus_clock_boottime();
    bool ok = reply->status == PBUS_OK && payload &&
              pbus_answer_open(&answer, zframe_data((zframe_t *) payload), zframe_size((zframe_t *) payload));
    if (!run)
        return;
    run->running = false;
    if (!ok) {
        run->not_before = now + RETRY_MS * MS;
        pbus_log_warn(self->log, "a delete in group %s failed and is tried again: %.*s", group->name,
                      (int) reply->text.size, reply->text.data);
        return;
    }
    pbus_metrics_add(self->metrics, COUNT_PURGED, answer.total);
    if (answer.more)
        return;
    if (now < group->lease_end)
        run->not_before = group->lease_end; /* once more, for what a lost worker may still add */
    else if (group->repairs)
        run->not_before = now; /* once more, when they are done */
    else
        s_ran(self, cut, group);
}

void cuts_destroy(dispatcher_t *self)
{
    cut_t *cut;
    while ((cut = TAILQ_FIRST(&self->cuts)))
        s_drop(self, cut);
}
