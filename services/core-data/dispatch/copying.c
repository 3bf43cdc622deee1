/*
 * What copying and comparing of groups asks: that two groups have applied everything up to a number, that a
 * batch is applied to one of them, and what there is to copy.
 *
 * A repair is an add or a delete with the number that another group has it by. It goes to a worker beside all
 * else, so a delete of the same event may overtake it; copying looks at each window a second time. What a
 * second look can't see is a repair that a lost worker executes late: so a delete that is done while a repair
 * is out, or its lease runs, is done once more (redo.c), and a cut waits.
 */

#include "private.h"
#include "msgread.h"

#include <stdlib.h>

/* ---- everything up to a number ---- */

static void s_fail_unknown(dispatcher_t *self, request_t *request, const char *name)
{
    dispatch_fail(self, request, PBUS_NOT_FOUND, "there is no group '%s'", name ? name : "");
}

static bool s_has_applied(const dispatcher_t *self, const group_t *group, uint64_t accept)
{
    return !group_awaits(group, accept) && !cuts_await(self, group, accept);
}

static group_t *s_group(const dispatcher_t *self, const char *name)
{
    return name ? members_group(self, pbus_str(name)) : NULL;
}

/* True when the request is done. */
static bool s_settle(dispatcher_t *self, request_t *request)
{
    const group_t *source = s_group(self, request->source_group);
    const group_t *target = s_group(self, request->target);
    if (!source || !target) {
        TAILQ_REMOVE(&self->settling, request, link);
        s_fail_unknown(self, request, source ? request->target : request->source_group);
        return true;
    }
    if (!group_serves(source) || !group_serves(target)) {
        TAILQ_REMOVE(&self->settling, request, link);
        dispatch_fail(self, request, PBUS_CONFLICT, "group %s is being retired",
                      group_serves(source) ? target->name : source->name);
        return true;
    }
    if (source->narrowed || target->narrowed) {
        TAILQ_REMOVE(&self->settling, request, link);
        dispatch_fail(self, request, PBUS_CONFLICT,
                      "group %s is narrowed by PersistBus.Routes, so it is neither filled nor compared",
                      source->narrowed ? source->name : target->name);
        return true;
    }
    if (!request->accept)
        request->accept = dispatch_number(self);
    if (!request->accept || !s_has_applied(self, source, request->accept) ||
        !s_has_applied(self, target, request->accept))
        return false;
    TAILQ_REMOVE(&self->settling, request, link);
    request->stale = group_state(source) == GROUP_STALE;
    request->generation = target->generation;
    dispatch_complete(self, request, PBUS_OK);
    return true;
}

static void s_pump_settling(dispatcher_t *self)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(&self->settling); request; request = next) {
        next = TAILQ_NEXT(request, link);
        s_settle(self, request);
    }
}

/* ---- repairs ---- */

/* How many writes there are, and the highest number of them; false if it is no batch. */
static bool s_read_batch(const pbus_buf_t *batch, call_t *call)
{
    pbus_msgread_t in = pbus_msgread(batch->data, batch->size);
    call->repair_count = pbus_msgread_array(&in);
    for (size_t i = 0; i < call->repair_count && !in.bad; i++) {
        size_t parts = pbus_msgread_array(&in);
        uint64_t op = pbus_msgread_uint(&in);
        uint64_t accept = pbus_msgread_uint(&in);
        pbus_msgread_uuid(&in);
        if (op == PBUS_ADD)
            pbus_msgread_bin(&in);
        in.bad = in.bad || parts != (op == PBUS_ADD ? 4 : 3) || (op != PBUS_ADD && op != PBUS_DELETE);
        call->accept_max = accept > call->accept_max ? accept : call->accept_max;
    }
    return call->repair_count > 0 && pbus_msgread_at_end(&in);
}

static call_t *s_call(session_t *session, const request_t *request, zmq_msg_t *payload)
{
    call_t *call = session_call_new(session, PBUS_WRITE, 0);
    if (!call)
        return NULL;
    call->repair = true;
    call->bytes = request->batch.size;
    if (!s_read_batch(&request->batch, call) || zmq_msg_init_size(payload, call->bytes) != 0) {
        session_call_destroy(&call);
        return NULL;
    }
    memcpy(zmq_msg_data(payload), request->batch.data, call->bytes);
    return call;
}

/* False when it has to wait. */
static bool s_send(dispatcher_t *self, group_t *group, request_t *request)
{
    zmq_msg_t payload;
    session_t *session = group_writer(group, request->batch.size);
    if (!session)
        return false;
    TAILQ_REMOVE(&self->repairs, request, link);
    call_t *call = s_call(session, request, &payload);
    if (!call) {
        dispatch_fail(self, request, PBUS_INVALID,
                      "the repair of group %s is no batch of writes, or memory is out", group->name);
        return true;
    }
    if (!flow_send_write(self, session, call, &payload)) {
        session_call_destroy(&call);
        dispatch_fail(self, request, PBUS_UNAVAILABLE, "the repair of group %s could not be sent",
                      group->name);
        return true;
    }
    TAILQ_INSERT_TAIL(&call->requests, request, link);
    group->repairs++;
    return true;
}

static void s_pump_repairs(dispatcher_t *self)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(&self->repairs); request; request = next) {
        next = TAILQ_NEXT(request, link);
        group_t *group = s_group(self, request->target);
        if (group)
            s_send(self, group, request);
        else {
            TAILQ_REMOVE(&self->repairs, request, link);
            s_fail_unknown(self, request, request->target);
        }
    }
}

/* False if the list names a write that is not in the batch. */
static bool s_count_refused(const call_t *call, pbus_message_t *ack, uint32_t *refused)
{
    pbus_failed_t failed;
    if (ack->failed_count > call->repair_count)
        return false;
    while (pbus_message_next_failed(ack, &failed)) {
        if (failed.index >= call->repair_count)
            return false;
        *refused += failed.status != PBUS_NOT_FOUND;
    }
    return true;
}

bool copying_on_ack(dispatcher_t *self, session_t *session, call_t *call, pbus_message_t *ack)
{
    group_t *group = session->group;
    request_t *request = TAILQ_FIRST(&call->requests);
    uint32_t refused = 0;
    bool well_formed = s_count_refused(call, ack, &refused);
    group->repairs--;
    if (ack->status == PBUS_OK && !refused && call->accept_max > group->acked)
        group->acked = call->accept_max;
    if (ack->status == PBUS_UNAVAILABLE || ack->status == PBUS_FULL)
        flow_store_away(session, ack);
    if (!request)
        return well_formed; /* it was not waited for */
    TAILQ_REMOVE(&call->requests, request, link);
    request->refused = refused;
    if (!well_formed)
        dispatch_fail(self, request, PBUS_UNAVAILABLE, "a worker of group %s sent a malformed answer",
                      group->name);
    else if (ack->status == PBUS_OK)
        dispatch_complete(self, request, PBUS_OK);
    else
        dispatch_fail(self, request, ack->status, "group %s: %.*s", group->name, (int) ack->text.size,
                      ack->text.data);
    return well_formed;
}

void copying_take_back(dispatcher_t *self, group_t *group, call_t *call)
{
    request_t *request = TAILQ_FIRST(&call->requests);
    group->repairs--;
    flow_note_lease(group, call->sent);
    if (!request)
        return;
    TAILQ_REMOVE(&call->requests, request, link);
    dispatch_fail(self, request, PBUS_UNAVAILABLE,
                  "a worker of group %s was lost with a repair: it is to be sent again", group->name);
}

/* ---- what there is to copy ---- */

static bool s_can_scan(const group_t *group)
{
    return group_is_ready(group) && !(group->missing & PBUS_CAP_SCAN);
}

static const group_t *s_source(const dispatcher_t *self)
{
    const group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group_state(group) == GROUP_LIVE && group_serves(group) && s_can_scan(group))
        return group;
    return NULL;
}

/* Of several the one that was offered longest ago, so that one which can't be filled does not bar the others.
 */
static group_t *s_target(const dispatcher_t *self)
{
    group_t *group;
    group_t *target = NULL;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group_state(group) == GROUP_STALE && !group->narrowed && group_serves(group) && s_can_scan(group) &&
        (!target || group->offered < target->offered))
        target = group;
    return target;
}

void copying_next(dispatcher_t *self, request_t *request)
{
    const group_t *source = s_source(self);
    group_t *target = source ? s_target(self) : NULL;
    if (!target) {
        dispatch_fail(self, request, PBUS_NOT_FOUND, "no group lacks anything that a LIVE one has");
        return;
    }
    free(request->source_group);
    free(request->target);
    request->source_group = strdup(source->name);
    request->target = strdup(target->name);
    if (!request->source_group || !request->target) {
        dispatch_fail(self, request, PBUS_NOMEM, "out of memory for the name of a group");
        return;
    }
    request->generation = target->generation;
    target->offered = pbus_clock_boottime();
    dispatch_complete(self, request, PBUS_OK);
}

void copying_done(dispatcher_t *self, request_t *request)
{
    group_t *group = s_group(self, request->target);
    const group_t *source = s_group(self, request->source_group);
    if (!group)
        s_fail_unknown(self, request, request->target);
    else if (group->generation != request->generation)
        dispatch_fail(self, request, PBUS_CONFLICT, "group %s has begun to lack something more: %s",
                      group->name, group->why);
    else if (source && group_state(source) == GROUP_STALE)
        dispatch_fail(self, request, PBUS_CONFLICT,
                      "group %s, which group %s was filled from, lacks something: %s", source->name,
                      group->name, source->why);
    else if (!group->stale)
        dispatch_complete(self, request, PBUS_OK);
    else {
        members_make_whole(group);
        pbus_log_info(self->log, "group %s is %s: it has been filled", group->name,
                      group_state_name(group_state(group)));
        dispatch_save_group(self, group, request);
    }
}

/* ---- in and out ---- */

void copying_accept(dispatcher_t *self, request_t *request)
{
    request->accept = 0;
    request->refused = 0;
    request_list_t *list = request->kind == REQUEST_SETTLE ? &self->settling : &self->repairs;
    TAILQ_INSERT_TAIL(list, request, link);
}

void copying_pump(dispatcher_t *self)
{
    s_pump_repairs(self); /* first: what is settled after them includes them */
    s_pump_settling(self);
}

static void s_expire(dispatcher_t *self, request_list_t *list, int64_t now, const char *what)
{
    request_t *next;
    for (request_t *request = TAILQ_FIRST(list); request; request = next) {
        next = TAILQ_NEXT(request, link);
        if (now < request->deadline)
            continue;
        TAILQ_REMOVE(list, request, link);
        dispatch_count(self, COUNT_TIMEOUTS);
        dispatch_fail(self, request, PBUS_UNAVAILABLE, "%s group %s in time", what, request->target);
    }
}

void copying_on_timer(dispatcher_t *self, int64_t now)
{
    s_expire(self, &self->settling, now, "what was accepted has not been applied by the source or by");
    s_expire(self, &self->targeted, now, "no worker has answered a query of");
    s_expire(self, &self->repairs, now, "no worker has taken a repair of");
}
