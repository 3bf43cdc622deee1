/*
 * What operators want of groups and workers (the commands ADMIN_... of request.h that are not copying's). A
 * command is done when the spool has it on disk.
 *
 * A group leaves in two ways. Retired: it gets no more writes from now on, what waits for it goes to its
 * workers, these are told to leave, and when they have gone it is forgotten. Forgotten: at once, as it has no
 * worker. The spool forgets in steps, so that a large backlog holds up nobody, and says no if what waits is
 * kept nowhere else. While it is asked (`forgetting`) nothing goes into that group's spool or out of it, and
 * no worker joins, so that a no leaves the group as it was.
 */

#include "private.h"

#include <stdlib.h>

#define GRACE_MS 3000 /* a retired group's workers may be asked anew, or core-data have started just now */

/* ---- order of preference ---- */

static void s_prefer(dispatcher_t *self, group_t *group, request_t *request)
{
    const group_t *other;
    uint64_t greatest = 0;
    TAILQ_FOREACH(other, &self->groups, link)
    if (other->preference > greatest)
        greatest = other->preference;
    group->preference = greatest + 1;
    TAILQ_REMOVE(&self->groups, group, link);
    members_place(self, group);
    pbus_log_info(self->log, "group %s is preferred from now on", group->name);
    dispatch_save_group(self, group, request);
}

/* ---- a STALE group is good enough ---- */

static const group_t *s_running(const dispatcher_t *self, const group_t *but)
{
    const group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group != but && group_serves(group) && group_state(group) == GROUP_LIVE && group_is_ready(group))
        return group;
    return NULL;
}

static void s_promote(dispatcher_t *self, group_t *group, request_t *request)
{
    const group_t *live = s_running(self, group);
    if (group->stale && live && !request->force) {
        dispatch_fail(
            self, request, PBUS_CONFLICT,
            "group %s is LIVE and running: group %s can be filled from it (copy); use force to do without "
            "what it lacks",
            live->name, group->name);
        return;
    }
    zframe_t *lacks = zframe_new(group->why, strlen(group->why));
    if (!lacks) {
        dispatch_fail(self, request, PBUS_NOMEM, "out of memory for an answer");
        return;
    }
    request_set_answer(request, &lacks);
    if (group->stale)
        pbus_log_warn(self->log, "group %s is promoted: what it lacks is lost: %s", group->name, group->why);
    members_make_whole(group);
    dispatch_save_group(self, group, request);
}

/* ---- workers that are told to leave ---- */

static void s_drain(dispatcher_t *self, const group_t *group, request_t *request)
{
    session_t *session;
    size_t count = 0;
    pbus_str_t name = pbus_str(request->worker);
    TAILQ_FOREACH(session, &group->sessions, link)
    if (pbus_str_eq(session->worker, name)) {
        members_drain(self, session);
        count++;
    }
    if (count)
        dispatch_complete(self, request, PBUS_OK);
    else
        dispatch_fail(self, request, PBUS_NOT_FOUND, "group %s has no worker '%.*s'", group->name,
                      (int) name.size, name.data);
}

/* ---- groups that go ---- */

static void s_forget(dispatcher_t *self, group_t *group, bool force, request_t *request)
{
    spool_job_t *job = spool_job_new(SPOOL_FORGET);
    if (!job) {
        if (request)
            dispatch_fail(self, request, PBUS_NOMEM, "out of memory for forgetting group %s", group->name);
        return; /* a retired group is looked at again */
    }
    snprintf(job->name, sizeof job->name, "%s", group->name);
    job->force = force;
    job->context = request;
    group->forgetting = true;
    spool_submit(self->spool, &job);
}

/* Whether another group that runs has all that was ever accepted, or gets it from the spool. */
static bool s_is_covered(const dispatcher_t *self, const group_t *group)
{
    const group_t *other;
    TAILQ_FOREACH(other, &self->groups, link)
    if (other != group && group_serves(other) && group_state(other) != GROUP_STALE && group_is_ready(other))
        return true;
    return false;
}

static void s_retire(dispatcher_t *self, group_t *group, request_t *request)
{
    if (group_is_served(group) && !request->force && !group->retiring && !s_is_covered(self, group)) {
        dispatch_fail(
            self, request, PBUS_CONFLICT,
            "no other group that has everything is running: fill one first (copy), or use force to be "
            "without group %s",
            group->name);
        return;
    }
    group->forced = group->forced || request->force;
    if (!group_is_served(group)) {
        s_forget(self, group, group->forced, request);
        return;
    }
    if (!group->retiring)
        pbus_log_info(self->log, "group %s is being retired", group->name);
    group->retiring = true;
    group->refused = false;
    dispatch_save_group(self, group, request);
}

static void s_forget_wanted(dispatcher_t *self, group_t *group, request_t *request)
{
    if (group_is_served(group))
        dispatch_fail(self, request, PBUS_CONFLICT,
                      "group %s has a worker: stop it first, or retire the group", group->name);
    else
        s_forget(self, group, request->force, request);
}

/* The group is out of the lists; what still names it lets it go one by one. */
static void s_remove(dispatcher_t *self, group_t *group)
{
    pbus_log_info(self->log, "group %s is forgotten", group->name);
    cuts_forget(self, group);
    TAILQ_REMOVE(&self->groups, group, link);
    TAILQ_INSERT_TAIL(&self->gone, group, link);
    flow_abandon(self, group);
}

static void s_refused(dispatcher_t *self, group_t *group, const spool_job_t *job)
{
    group->forgetting = false;
    group->refused = job->status == PBUS_CONFLICT; /* until a worker has come, or the operator insists */
    group->left = pbus_clock_boottime();
    if (job->context)
        dispatch_fail(self, job->context, job->status, "%s", job->error.text);
    else
        pbus_log_warn(self->log, "group %s is not retired yet: %s", group->name, job->error.text);
}

void admin_on_forgotten(dispatcher_t *self, const spool_job_t *job)
{
    group_t *group = members_group(self, pbus_str(job->name));
    if (!group)
        return;
    if (job->status != PBUS_OK) {
        s_refused(self, group, job);
        return;
    }
    group->retiring = group->stale = true; /* as the spool has it by now */
    if (job->more) {
        s_forget(self, group, true, job->context);
        return;
    }
    s_remove(self, group);
    if (job->context)
        dispatch_complete(self, job->context, PBUS_OK);
}

/* A retired group is drained, left by its workers, forgotten. */
static void s_advance(dispatcher_t *self, group_t *group, int64_t now)
{
    session_t *session;
    if (!group_is_served(group)) {
        if (!group->refused && now - group->left > GRACE_MS * MS)
            s_forget(self, group, group->forced, NULL);
        return;
    }
    group->refused = false;
    group->left = now;
    if (group_awaits(group, UINT64_MAX) || cuts_await(self, group, UINT64_MAX))
        return;
    group->left = now - GRACE_MS * MS; /* all that comes now is that they go */
    TAILQ_FOREACH(session, &group->sessions, link)
    members_drain(self, session);
}

static void s_sweep(dispatcher_t *self)
{
    group_t *next;
    for (group_t *group = TAILQ_FIRST(&self->gone); group; group = next) {
        next = TAILQ_NEXT(group, link);
        if (group->deliveries)
            continue;
        TAILQ_REMOVE(&self->gone, group, link);
        group_destroy(&group);
    }
}

void admin_on_timer(dispatcher_t *self, int64_t now)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group->retiring && !group->forgetting)
        s_advance(self, group, now);
    s_sweep(self);
}

/* ---- commands ---- */

static void s_command(dispatcher_t *self, group_t *group, request_t *request)
{
    switch (request->command) {
    case ADMIN_PREFER:
        s_prefer(self, group, request);
        break;
    case ADMIN_PROMOTE:
        s_promote(self, group, request);
        break;
    case ADMIN_RETIRE:
        s_retire(self, group, request);
        break;
    case ADMIN_FORGET:
        s_forget_wanted(self, group, request);
        break;
    case ADMIN_DRAIN:
        s_drain(self, group, request);
        break;
    case ADMIN_NEXT_COPY:
    case ADMIN_COPIED:
        break;
    }
}

static bool s_is_for_one_that_stays(const request_t *request)
{
    return request->command == ADMIN_PREFER || request->command == ADMIN_PROMOTE;
}

void admin_accept(dispatcher_t *self, request_t *request)
{
    group_t *group = request->target ? members_group(self, pbus_str(request->target)) : NULL;
    if (request->command == ADMIN_NEXT_COPY)
        copying_next(self, request);
    else if (request->command == ADMIN_COPIED)
        copying_done(self, request);
    else if (!group)
        dispatch_fail(self, request, PBUS_NOT_FOUND, "there is no group '%s'",
                      request->target ? request->target : "");
    else if (group->forgetting)
        dispatch_fail(self, request, PBUS_CONFLICT, "group %s is being forgotten", group->name);
    else if (group->retiring && s_is_for_one_that_stays(request))
        dispatch_fail(self, request, PBUS_CONFLICT, "group %s is being retired", group->name);
    else if (group->narrowed && s_is_for_one_that_stays(request))
        dispatch_fail(self, request, PBUS_CONFLICT,
                      "group %s is narrowed: take its routes out of PersistBus.Routes first", group->name);
    else
        s_command(self, group, request);
}
