/*
 * Reads. A query that is the same as one under way waits until that has come back, and then all that wait for
 * the same thing are asked as one: dashboards ask the same again and again, and the busier the store, the
 * more share an answer. Nobody gets an answer to a query that was sent before he asked, so what was
 * acknowledged before is in it.
 */

#include "private.h"

/*
 * Only a LIVE group answers; a STALE one if none is running that is, or will be, up to date, and a narrowed
 * one if none else is running; NULL: wait.
 */
static group_t *s_group(const dispatcher_t *self)
{
    group_t *stale = NULL;
    group_t *lagging = NULL;
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    {
        if (!group_is_ready(group) || !group_serves(group))
            continue;
        if (group_state(group) == GROUP_LIVE)
            return group;
        if (group_state(group) == GROUP_LAGGING)
            lagging = group;
        else if (!stale || (stale->narrowed && !group->narrowed))
            stale = group;
    }
    return lagging ? NULL : stale;
}

static request_list_t *s_list(dispatcher_t *self, const request_t *request)
{
    return request->target ? &self->targeted : &self->queries;
}

void reads_accept(dispatcher_t *self, request_t *request)
{
    TAILQ_INSERT_TAIL(s_list(self, request), request, link);
}

/* A query of one group is never shared. */
static bool s_same(const request_t *a, const request_t *b)
{
    return !a->target && !b->target && a->ask.size == b->ask.size &&
           memcmp(a->ask.data, b->ask.data, a->ask.size) == 0;
}

/* Whether the group is being asked the same at this moment. */
static bool s_under_way(const group_t *group, const request_t *request)
{
    const session_t *session;
    const call_t *call;
    TAILQ_FOREACH(session, &group->sessions, link)
    TAILQ_FOREACH(call, &session->calls, link)
    if (!TAILQ_EMPTY(&call->requests) && s_same(TAILQ_FIRST(&call->requests), request))
        return true;
    return false;
}

/* Moves the request, and all behind it that ask the same, from the list of those that wait to the call. */
static void s_gather(dispatcher_t *self, group_t *group, request_t *first, call_t *call)
{
    request_t *request = first;
    while (request) {
        request_t *next = TAILQ_NEXT(request, link);
        if (request == first || s_same(first, request)) {
            TAILQ_REMOVE(s_list(self, request), request, link);
            TAILQ_INSERT_TAIL(&call->requests, request, link);
            request->stale = group_state(group) == GROUP_STALE;
            request->group = group->name;
        }
        request = next;
    }
}

static bool s_send(dispatcher_t *self, session_t *session, const request_t *request, call_t *call)
{
    zmq_msg_t payload;
    if (zmq_msg_init_size(&payload, request->ask.size) != 0)
        return false;
    memcpy(zmq_msg_data(&payload), request->ask.data, request->ask.size);
    int64_t now = pbus_clock_boottime();
    pbus_message_t header = {.kind = PBUS_QUERY,
                             .epoch = self->epoch,
                             .session = session->number,
                             .sent = now,
                             .seq = call->seq,
                             .timeout_ms =
                                 request->deadline > now ? (uint64_t) (request->deadline - now) / MS : 0};
    call->bytes = request->ask.size;
    return wire_send(self->wire, session->topic, &header, &payload);
}

/* False when nothing more can be sent now. */
static bool s_ask(dispatcher_t *self, group_t *group, request_t *request)
{
    session_t *session = group_reader(group, request->ask.size);
    call_t *call = session ? session_call_new(session, PBUS_QUERY, 0) : NULL;
    if (!call)
        return false;
    if (!s_send(self, session, request, call)) {
        session_call_destroy(&call);
        return false;
    }
    s_gather(self, group, request, call);
    session_add_call(session, call);
    return true;
}

/* The first that may be asked: not held by a delete that has not run, and not under way. */
static request_t *s_next(const dispatcher_t *self, const group_t *group)
{
    request_t *request;
    TAILQ_FOREACH(request, &self->queries, link)
    if (!cuts_hold(self, group, request) && !s_under_way(group, request))
        return request;
    return NULL;
}

/* Whatever state the group is in, and whatever has still to be deleted there. */
static void s_pump_targeted(dispatcher_t *self)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(&self->targeted); request; request = next) {
        next = TAILQ_NEXT(request, link);
        group_t *group = members_group(self, pbus_str(request->target));
        if (group)
            s_ask(self, group, request);
        else {
            TAILQ_REMOVE(&self->targeted, request, link);
            dispatch_fail(self, request, PBUS_NOT_FOUND, "there is no group '%s'", request->target);
        }
    }
}

void reads_pump(dispatcher_t *self)
{
    s_pump_targeted(self);
    group_t *group = TAILQ_EMPTY(&self->queries) ? NULL : s_group(self);
    request_t *request;
    bool go_on = group != NULL;
    while (go_on && (request = s_next(self, group)))
        go_on = s_ask(self, group, request);
}

/* Everybody gets an answer of his own; the last one the frame itself. */
static void s_hand_out(dispatcher_t *self, call_t *call, zframe_t **payload_p)
{
    request_t *request;
    while ((request = TAILQ_FIRST(&call->requests))) {
        TAILQ_REMOVE(&call->requests, request, link);
        zframe_t *frame = TAILQ_EMPTY(&call->requests) ? *payload_p : zframe_dup(*payload_p);
        if (frame == *payload_p)
            *payload_p = NULL;
        dispatch_count(self, COUNT_QUERIES);
        if (frame) {
            request_set_answer(request, &frame);
            dispatch_complete(self, request, PBUS_OK);
        } else
            dispatch_fail(self, request, PBUS_NOMEM, "out of memory for an answer");
    }
}

static void s_fail_all(dispatcher_t *self, const session_t *session, call_t *call,
                       const pbus_message_t *reply)
{
    request_t *request;
    while ((request = TAILQ_FIRST(&call->requests))) {
        TAILQ_REMOVE(&call->requests, request, link);
        dispatch_count(self, COUNT_QUERIES);
        dispatch_fail(self, request, reply->status, "group %s: %.*s", session->group->name,
                      (int) reply->text.size, reply->text.data);
    }
}

void reads_on_reply(dispatcher_t *self, session_t *session, const pbus_message_t *reply, zframe_t **payload_p)
{
    call_t *call = session->group ? session_take_call(session, PBUS_QUERY, reply->seq) : NULL;
    if (!call) {
        dispatch_count(self, COUNT_STALE_MESSAGES);
        return;
    }
    bool well_formed = reply->status != PBUS_OK || *payload_p;
    if (call->cut)
        cuts_on_answer(self, session, call->cut, reply, *payload_p);
    else if (reply->status == PBUS_UNAVAILABLE || !well_formed)
        reads_take_back(self, call);
    else if (reply->status == PBUS_OK)
        s_hand_out(self, call, payload_p);
    else
        s_fail_all(self, session, call, reply);
    bool away = !call->cut && reply->status == PBUS_UNAVAILABLE;
    session_call_destroy(&call);
    if (away)
        flow_store_away(session, reply);
    if (!well_formed) {
        dispatch_count(self, COUNT_MALFORMED);
        members_end(self, session, "its REPLY has no payload");
    }
}

bool reads_is_shared(const call_t *call)
{
    const request_t *first = TAILQ_FIRST(&call->requests);
    return call->kind == PBUS_QUERY && first && !first->target;
}

void reads_take_back(dispatcher_t *self, call_t *call)
{
    request_t *request;
    while ((request = TAILQ_LAST(&call->requests, request_list))) {
        TAILQ_REMOVE(&call->requests, request, link);
        TAILQ_INSERT_HEAD(s_list(self, request), request, link);
        request->group = NULL;
    }
}

static void s_expire_call(dispatcher_t *self, const session_t *session, call_t *call, int64_t now)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(&call->requests); request; request = next) {
        next = TAILQ_NEXT(request, link);
        if (now < request->deadline)
            continue;
        TAILQ_REMOVE(&call->requests, request, link);
        dispatch_count(self, COUNT_TIMEOUTS);
        dispatch_fail(self, request, PBUS_TIMEOUT, "group %s has not answered in time", session->group->name);
    }
}

void reads_on_timer(dispatcher_t *self, int64_t now)
{
    group_t *group;
    const session_t *session;
    call_t *call;
    dispatch_expire(self, &self->queries, now);
    TAILQ_FOREACH(group, &self->groups, link)
    TAILQ_FOREACH(session, &group->sessions, link)
    TAILQ_FOREACH(call, &session->calls, link)
    s_expire_call(self, session, call, now);
}
