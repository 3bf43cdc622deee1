/*
 * Deletes that are run again. A worker that was lost may still execute an add that it was sent, until the
 * lease of that has run out, and so bring an event back that is deleted meanwhile. So a delete that is done
 * while such a lease runs is remembered, on disk before its client is told, and run once more when the lease
 * is over.
 *
 * It must never take an event with it that was given the same id since: an add of that id is held until the
 * spool has forgotten the delete, or until the delete has been answered if a worker has it already; and an
 * add that is acknowledged cancels a delete with a lower number.
 *
 * A delete that is remembered is in one of the group's lists `redo`; once it is queued or sent it is in
 * `redoing`.
 */

#include "private.h"

#include <stdlib.h>

#define AT_ONCE 200 /* are queued in one turn */

static bool s_same(const write_t *write, const pbus_uuid_t *id)
{
    return memcmp(&write->id, id, sizeof *id) == 0;
}

static write_t *s_find(write_list_t *list, const pbus_uuid_t *id)
{
    write_t *write;
    TAILQ_FOREACH(write, list, link)
    if (s_same(write, id))
        return write;
    return NULL;
}

/* Submits SPOOL_REDO or SPOOL_REDONE; false when memory is out. */
static bool s_submit(dispatcher_t *self, spool_kind_t kind, const group_t *group, const write_t *write,
                     void *context)
{
    spool_job_t *job = spool_job_new(kind);
    if (!job) {
        pbus_log_error(self->log,
                       "out of memory: the spool does not learn of a delete that is to be run again");
        return false;
    }
    snprintf(job->name, sizeof job->name, "%s", group->name);
    job->row.id = write->id;
    job->row.accept = write->accept;
    job->context = context;
    spool_submit(self->spool, &job);
    return true;
}

static write_t *s_insert(group_t *group, const pbus_uuid_t *id, uint64_t accept)
{
    write_list_t *list = group_redo(group, id);
    write_t *write = s_find(list, id);
    if (write) {
        write->accept = accept > write->accept ? accept : write->accept;
        write->cancelled = false;
        return write;
    }
    write = write_new(1, PBUS_DELETE, id, accept, NULL);
    if (!write)
        return NULL;
    write->own = true;
    TAILQ_INSERT_TAIL(list, write, link);
    return write;
}

bool redo_load(dispatcher_t *self)
{
    const spool_redo_t *saved;
    size_t count = spool_redos(self->spool, &saved);
    for (size_t i = 0; i < count; i++) {
        group_t *group = members_group(self, pbus_str(saved[i].name));
        if (group && !s_insert(group, &saved[i].id, saved[i].accept))
            return false;
    }
    return true;
}

bool redo_remember(dispatcher_t *self, group_t *group, const pbus_uuid_t *id, uint64_t accept,
                   delivery_t *delivery)
{
    if (pbus_clock_boottime() >= group->lease_end && !group->repairs)
        return false;
    write_t *write = s_insert(group, id, accept);
    if (!write) {
        pbus_log_error(self->log, "out of memory: a delete is not run again after a lost worker's lease");
        return false;
    }
    return s_submit(self, SPOOL_REDO, group, write, delivery);
}

/* ---- adds of the same id ---- */

static void s_destroy(write_list_t *list, write_t *write)
{
    TAILQ_REMOVE(list, write, link);
    write_destroy(&write);
}

/* Takes a delete that is queued, but not sent, back to those that are remembered. False: a worker has it. */
static bool s_take_back(group_t *group, write_t *write)
{
    delivery_t *delivery = &write->deliveries[0];
    if (delivery->state != DELIVERY_QUEUED)
        return false;
    group_dequeue(group, delivery);
    write_withdraw(write);
    TAILQ_REMOVE(&group->redoing, write, link);
    TAILQ_INSERT_TAIL(group_redo(group, &write->id), write, link);
    return true;
}

/* Whether the group has a delete of this id yet to be run, or running; has the spool forget those that can
 * be. */
static bool s_is_barred(dispatcher_t *self, group_t *group, const pbus_uuid_t *id)
{
    write_t *running = s_find(&group->redoing, id);
    bool sent = running && !s_take_back(group, running);
    write_t *write = s_find(group_redo(group, id), id);
    if (write && !write->cancelled)
        write->cancelled = s_submit(self, SPOOL_REDONE, group, write, NULL);
    return sent || write;
}

bool redo_holds(dispatcher_t *self, request_t *request)
{
    group_t *group;
    bool barred = false;
    TAILQ_FOREACH(group, &self->groups, link)
    barred = s_is_barred(self, group, &request->id) || barred;
    if (barred)
        TAILQ_INSERT_TAIL(&self->held, request, link);
    return barred;
}

/* Whatever held up the adds of this id is over. */
static void s_release(dispatcher_t *self, const pbus_uuid_t *id)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(&self->held); request; request = next) {
        next = TAILQ_NEXT(request, link);
        if (memcmp(&request->id, id, sizeof *id) != 0)
            continue;
        TAILQ_REMOVE(&self->held, request, link);
        TAILQ_INSERT_TAIL(&self->waiting, request, link);
    }
}

static void s_fail_held(dispatcher_t *self, const spool_job_t *job)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(&self->held); request; request = next) {
        next = TAILQ_NEXT(request, link);
        if (memcmp(&request->id, &job->row.id, sizeof request->id) != 0)
            continue;
        TAILQ_REMOVE(&self->held, request, link);
        dispatch_fail(self, request, job->status, "%s", job->error.text);
    }
}

static void s_on_forgotten(dispatcher_t *self, const spool_job_t *job)
{
    group_t *group = members_group(self, pbus_str(job->name));
    write_list_t *list = group ? group_redo(group, &job->row.id) : NULL;
    write_t *write = list ? s_find(list, &job->row.id) : NULL;
    if (write && write->cancelled && job->status == PBUS_OK)
        s_destroy(list, write);
    else if (write)
        write->cancelled = false;
    if (job->status == PBUS_OK)
        s_release(self, &job->row.id);
    else
        s_fail_held(self, job);
}

void redo_on_job(dispatcher_t *self, const spool_job_t *job)
{
    delivery_t *delivery = job->context;
    if (job->kind == SPOOL_REDONE)
        s_on_forgotten(self, job);
    else if (delivery) /* what is not on disk is still remembered */
        flow_on_spooled(self, delivery, DELIVERY_DONE, delivery->status);
}

void redo_added(dispatcher_t *self, group_t *group, const pbus_uuid_t *id, uint64_t accept)
{
    write_t *running = s_find(&group->redoing, id);
    if (running && running->accept < accept)
        s_take_back(group, running);
    write_list_t *list = group_redo(group, id);
    write_t *write = s_find(list, id);
    if (!write || write->accept > accept)
        return;
    if (!write->cancelled)
        s_submit(self, SPOOL_REDONE, group, write, NULL);
    s_destroy(list, write);
}

/* ---- running them ---- */

/* An add of this id that was accepted later is on its way to the group. */
static bool s_is_overtaken(const dispatcher_t *self, const group_t *group, const write_t *delete)
{
    const write_t *write;
    TAILQ_FOREACH(write, &self->undecided, link)
    {
        if (write->op != PBUS_ADD || write->accept < delete->accept || !s_same(write, &delete->id))
            continue;
        for (size_t i = 0; i < write->count; i++)
            if (write->deliveries[i].group == group)
                return true;
    }
    return false;
}

static void s_run(dispatcher_t *self, group_t *group, write_list_t *list, write_t *write)
{
    if (s_is_overtaken(self, group, write)) {
        s_submit(self, SPOOL_REDONE, group, write, NULL);
        s_destroy(list, write);
        return;
    }
    TAILQ_REMOVE(list, write, link);
    TAILQ_INSERT_TAIL(&group->redoing, write, link);
    group_enqueue(group, write_add(write, group));
}

void redo_on_timer(dispatcher_t *self, group_t *group, int64_t now)
{
    size_t left = AT_ONCE;
    if (now < group->lease_end || group->repairs || group->forgetting)
        return;
    for (size_t i = 0; i < REDO_LISTS; i++) {
        write_t *next;
        for (write_t *write = TAILQ_FIRST(&group->redo[i]); write && left; write = next) {
            next = TAILQ_NEXT(write, link);
            left--;
            if (!write->cancelled)
                s_run(self, group, &group->redo[i], write);
        }
    }
}

void redo_ended(dispatcher_t *self, write_t *write)
{
    const delivery_t *delivery = &write->deliveries[0];
    group_t *group = delivery->group;
    TAILQ_REMOVE(&group->redoing, write, link);
    if (delivery->state == DELIVERY_MISSED)
        s_insert(group, &write->id, write->accept);
    else if (!s_find(group_redo(group, &write->id), &write->id)) /* not remembered anew */
        s_submit(self, SPOOL_REDONE, group, write, NULL);
    s_release(self, &write->id);
}
