#include "private.h"
#include "event_head.h"

#include <stdlib.h>

/* ---- writes ---- */

static void s_forget(dispatcher_t *self, write_t *write)
{
    if (write->own)
        redo_ended(self, write);
    else if (write->request)
        TAILQ_REMOVE(&self->undecided, write, link);
    write_destroy(&write);
}

static void s_answer(dispatcher_t *self, write_t *write, bool decided, pbus_status_t status)
{
    request_t *request = write->request;
    char id[PBUS_UUID_TEXT];
    dispatch_count(self, COUNT_WRITES);
    pbus_uuid_format(&write->id, id);
    request->spooled = !decided;
    if (status == PBUS_OK)
        dispatch_complete(self, request, PBUS_OK);
    else if (status == PBUS_UNAVAILABLE)
        dispatch_fail(
            self, request, status,
            "only volatile stores have the event with id '%s', and PersistBus.AllowVolatile is false", id);
    else if (status == PBUS_FULL)
        dispatch_fail(self, request, status,
                      "no group can take the event with id '%s', and the spool is full", id);
    else if (status == PBUS_CONFLICT)
        dispatch_fail(self, request, status, "an event with id '%s' exists", id);
    else if (status == PBUS_NOT_FOUND)
        dispatch_fail(self, request, status, "no event with id '%s' found", id);
    else if (status == PBUS_INVALID)
        dispatch_fail(self, request, status, "the store refuses the event with id '%s'", id);
    else
        dispatch_fail(self, request, status, "the event with id '%s' was not stored: %s", id,
                      pbus_status_name(status));
}

/* That a STALE group lacks an event says little while another one is still to delete it. */
static const delivery_t *s_decider(const write_t *write)
{
    const delivery_t *decider = write_decider(write);
    bool vain = decider && decider->status == PBUS_NOT_FOUND && group_state(decider->group) == GROUP_STALE &&
                write_has(write, DELIVERY_SPOOLED);
    return vain ? NULL : decider;
}

static pbus_status_t s_without_decider(const write_t *write)
{
    if (write_has(write, DELIVERY_SPOOLED))
        return PBUS_OK;
    return write_has(write, DELIVERY_DONE) ? PBUS_UNAVAILABLE : write->deliveries[0].status;
}

/* The write is accepted, but these groups have it neither in their store nor in the spool. */
static void s_note_missed(dispatcher_t *self, const write_t *write)
{
    for (size_t i = 0; i < write->count; i++) {
        group_t *group = write->deliveries[i].group;
        if (write->deliveries[i].state != DELIVERY_MISSED || group == self->orphans || !group_serves(group))
            continue;
        group->missed++;
        members_make_stale(self, group, "a write could neither be sent to it nor spooled");
    }
}

/* That a narrowed group has nothing to delete is as it should be. */
static bool s_was_not_for(const delivery_t *delivery)
{
    return delivery->group->narrowed && delivery->status == PBUS_NOT_FOUND;
}

/*
 * One group has stored what another refused, as they were not at the same place: the id was given again while
 * a range delete that takes its former event had run in one of them only.
 */
static bool s_is_split(const write_t *write, const delivery_t *decider, const delivery_t *delivery)
{
    return write->op == PBUS_ADD && group_state(decider->group) == GROUP_LIVE &&
           ((decider->status == PBUS_OK && delivery->status == PBUS_CONFLICT) ||
            (decider->status == PBUS_CONFLICT && delivery->status == PBUS_OK));
}

/* All groups have answered, or have it in the spool. */
static void s_decide(dispatcher_t *self, write_t *write)
{
    const delivery_t *decider = s_decider(write);
    for (size_t i = 0; i < write->count; i++) {
        delivery_t *delivery = &write->deliveries[i];
        if (!decider || delivery->state != DELIVERY_DONE || delivery->status == decider->status ||
            s_was_not_for(delivery))
            continue;
        delivery->group->differing++;
        if (decider->status == PBUS_OK && delivery_is_refusal(delivery->status))
            members_make_stale(self, delivery->group, "it can't store a write that another group has");
        else if (s_is_split(write, decider, delivery))
            members_make_stale(self, delivery->group, "an id that was given again is another event in it");
    }
    if (write_is_covered(write) && write_has(write, DELIVERY_SPOOLED))
        forward_cover(self, write->accept);
    pbus_status_t status = decider ? decider->status : s_without_decider(write);
    if (status == PBUS_OK)
        s_note_missed(self, write);
    if (write->request)
        s_answer(self, write, decider != NULL, status);
    s_forget(self, write);
}

/* Ends what began with pending++. */
static void s_settle(dispatcher_t *self, write_t *write)
{
    if (--write->pending == 0)
        s_decide(self, write);
}

/* What is new waits in memory for the group's workers, unless something before it is in the spool. */
static void s_deliver(dispatcher_t *self, write_t *write, group_t *group)
{
    delivery_t *delivery = write_add(write, group);
    group_enqueue(group, delivery);
    if (group->lagging && !group->holding)
        forward_put(self, delivery);
}

static size_t s_count_groups(const dispatcher_t *self)
{
    size_t count = 0;
    const group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    count++;
    return count;
}

/* Deletes are for every group: where there is no such event they do no harm. */
static bool s_is_for(const dispatcher_t *self, const group_t *group, const write_t *write)
{
    pbus_event_t event;
    const pbus_buf_t *encoded = write_event(write);
    if (!group->narrowed || !encoded)
        return true;
    if (!pbus_event_head(encoded->data, encoded->size, &event))
        return false;
    pbus_routed_t routed = {event.device, event.profile, event.source};
    return narrowing_lets(self->narrowing, group->name, &routed);
}

/*
 * A write that is for none of the groups, as none is known or all are narrowed, waits for the first that gets
 * everything. While there is no such group a delete has to reach what waits for it, too.
 */
static void s_deliver_to_all(dispatcher_t *self, write_t *write)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    {
        if (group_serves(group) && s_is_for(self, group, write))
            s_deliver(self, write, group);
    }
    bool deletes = write->op == PBUS_DELETE && !members_complete(self) && forward_has_orphans(self);
    if (write->count)
        dispatch_note_accepted(self);
    else if (!TAILQ_EMPTY(&self->groups) && !forward_has_orphans(self))
        pbus_log_warn(self->log,
                      "no group gets everything (PersistBus.Routes, or they are being retired): what "
                      "is for none of them waits in the spool for one that does");
    if (!write->count || deletes)
        s_deliver(self, write, self->orphans);
}

static bool s_accept_write(dispatcher_t *self, request_t *request)
{
    uint64_t number = dispatch_number(self);
    if (!number)
        return false;
    pbus_op_t op = request->kind == REQUEST_ADD ? PBUS_ADD : PBUS_DELETE;
    write_t *write = write_new(s_count_groups(self) + 1, op, &request->id, number, request);
    if (!write) {
        dispatch_fail(self, request, PBUS_NOMEM, "out of memory for a write");
        return true;
    }
    TAILQ_INSERT_TAIL(&self->undecided, write, link);
    write->pending++; /* not to be decided before all deliveries are made */
    s_deliver_to_all(self, write);
    s_settle(self, write);
    return true;
}

bool flow_accept(dispatcher_t *self, request_t *request)
{
    if (request->kind == REQUEST_PURGE)
        return cuts_accept(self, request);
    return (request->kind == REQUEST_ADD && redo_holds(self, request)) || s_accept_write(self, request);
}

void flow_note_lease(group_t *group, int64_t sent)
{
    int64_t end = sent + LEASE_MS * MS;
    if (end > group->lease_end)
        group->lease_end = end;
}

/* It is over when the spool has it. */
static void s_suspend(delivery_t *delivery, pbus_status_t status)
{
    if (delivery->slot)
        *delivery->slot = NULL;
    delivery->slot = NULL;
    delivery->state = DELIVERY_SPOOLING;
    delivery->status = status;
}

static void s_delivered(dispatcher_t *self, delivery_t *delivery, pbus_status_t status)
{
    write_t *write = delivery->write;
    group_t *group = delivery->group;
    bool deleted = write->op == PBUS_DELETE && (status == PBUS_OK || status == PBUS_NOT_FOUND);
    if (deleted && status == PBUS_NOT_FOUND && delivery->resent)
        status = PBUS_OK; /* the lost worker had done it */
    group->writes++;
    group->conflicts += status == PBUS_CONFLICT;
    if (write->op == PBUS_ADD && status == PBUS_OK)
        redo_added(self, group, &write->id, write->accept);
    if (deleted && redo_remember(self, group, &write->id, write->accept, write->own ? NULL : delivery) &&
        !write->own) {
        s_suspend(delivery, status);
        return;
    }
    delivery_finish(delivery, DELIVERY_DONE, status);
    if (write->pending == 0)
        s_decide(self, write);
}

/* The store is away: the batch goes to another worker, or waits. READY true will come when it is back. */
void flow_store_away(session_t *session, const pbus_message_t *message)
{
    if (session->state == SESSION_READY)
        session->state = SESSION_WELCOME;
    snprintf(session->reason, sizeof session->reason, "%.*s", (int) message->text.size, message->text.data);
}

/* Sets each delivery's status; false if the list names a write that is not in the batch. */
static bool s_spread(call_t *call, pbus_message_t *ack)
{
    pbus_failed_t failed;
    for (size_t i = 0; i < call->count; i++)
        if (call->deliveries[i])
            call->deliveries[i]->status = ack->status;
    if (ack->failed_count > call->count)
        return false;
    while (pbus_message_next_failed(ack, &failed)) {
        if (failed.index >= call->count)
            return false;
        if (call->deliveries[failed.index])
            call->deliveries[failed.index]->status = failed.status;
    }
    return true;
}

/* applied: as a whole it went through, so the store's mark covers all but what was refused, which the store
 * may never have seen. */
static void s_batch_done(dispatcher_t *self, session_t *session, call_t *call, bool applied)
{
    group_t *group = session->group;
    for (size_t i = 0; i < call->count; i++) {
        delivery_t *delivery = call->deliveries[i];
        if (!delivery)
            continue;
        if (applied && !delivery_is_refusal(delivery->status) && delivery->write->accept > group->acked)
            group->acked = delivery->write->accept;
        s_delivered(self, delivery, delivery->status);
    }
}

void flow_on_ack(dispatcher_t *self, session_t *session, pbus_message_t *ack)
{
    call_t *call = session->group ? session_take_call(session, PBUS_WRITE, ack->seq) : NULL;
    if (!call) {
        dispatch_count(self, COUNT_STALE_MESSAGES);
        return;
    }
    bool well_formed = true;
    if (call->drain)
        well_formed = forward_on_ack(self, session, call, ack);
    else if (call->repair)
        well_formed = copying_on_ack(self, session, call, ack);
    else if (ack->status == PBUS_UNAVAILABLE || ack->status == PBUS_FULL || ack->status == PBUS_TIMEOUT) {
        if (ack->status != PBUS_TIMEOUT)
            flow_store_away(session, ack);
        group_requeue(session->group, call);
    } else if ((well_formed = s_spread(call, ack)))
        s_batch_done(self, session, call, ack->status == PBUS_OK);
    else
        group_requeue(session->group, call);
    session_call_destroy(&call);
    if (!well_formed) {
        dispatch_count(self, COUNT_MALFORMED);
        members_end(self, session, "its ACK names writes that were not in the batch");
    }
}

bool flow_send_write(dispatcher_t *self, session_t *session, call_t *call, zmq_msg_t *payload)
{
    pbus_message_t header = {.kind = PBUS_WRITE,
                             .epoch = self->epoch,
                             .session = session->number,
                             .sent = pbus_clock_boottime(),
                             .seq = call->seq};
    if (!wire_send(self->wire, session->topic, &header, payload))
        return false;
    session_add_call(session, call);
    dispatch_count(self, COUNT_BATCHES);
    return true;
}

static bool s_send_batch(dispatcher_t *self, group_t *group, session_t *session)
{
    zmq_msg_t payload;
    call_t *call = group_next_batch(group, session, &payload);
    if (!call)
        return false;
    if (flow_send_write(self, session, call, &payload))
        return true;
    group_requeue(group, call);
    session_call_destroy(&call);
    return false;
}

static void s_pump_writes(dispatcher_t *self, group_t *group)
{
    bool go_on = !group->lagging; /* else what is in the spool goes first */
    while (go_on && !TAILQ_EMPTY(&group->queue)) {
        const pbus_buf_t *event = write_event(TAILQ_FIRST(&group->queue)->write);
        session_t *session = group_writer(group, event ? event->size : 0);
        go_on = session && s_send_batch(self, group, session);
    }
}

/* ---- sessions that end ---- */

static void s_take_back_call(dispatcher_t *self, group_t *group, call_t *call)
{
    if (call->repair)
        copying_take_back(self, group, call);
    else if (call->kind == PBUS_WRITE) {
        if (call->adds)
            flow_note_lease(group, call->sent);
        pbus_metrics_add(self->metrics, COUNT_RESENT, call->count);
        if (call->drain)
            forward_take_back(group, call);
        else
            group_requeue(group, call);
    } else if (call->cut) {
        cut_run_t *run = cut_find(call->cut, group);
        if (run)
            run->running = false;
    } else
        reads_take_back(self, call);
}

void flow_take_back(dispatcher_t *self, session_t *session)
{
    call_t *call;
    while ((call = session_take_newest(session))) {
        s_take_back_call(self, session->group, call);
        session_call_destroy(&call);
    }
}

/* ---- time ---- */

/* Gives up on a delivery, unless it is on its way to the disk. */
static void s_miss(delivery_t *delivery)
{
    if (delivery->state == DELIVERY_QUEUED)
        group_dequeue(delivery->group, delivery);
    if (delivery->state == DELIVERY_QUEUED || delivery->state == DELIVERY_SENT)
        delivery_finish(delivery, DELIVERY_MISSED, PBUS_TIMEOUT);
}

/* A write that was given to this group alone waits for whoever comes. */
void flow_abandon(dispatcher_t *self, group_t *group)
{
    delivery_t *delivery;
    while ((delivery = TAILQ_FIRST(&group->queue))) {
        write_t *write = delivery->write;
        if (!write->request || write->count > 1) {
            s_miss(delivery);
            if (!write->request)
                s_forget(self, write);
            else if (write->pending == 0)
                s_decide(self, write);
            continue;
        }
        group_dequeue(group, delivery);
        delivery_move(delivery, self->orphans);
        group_enqueue(self->orphans, delivery);
        forward_put(self, delivery);
    }
}

/* A group that has not answered in time is not waited for. */
static void s_put_slow(dispatcher_t *self, write_t *write)
{
    write->pending++; /* not to be decided, and freed, in the middle */
    for (size_t i = 0; i < write->count; i++) {
        delivery_t *delivery = &write->deliveries[i];
        if (delivery->state == DELIVERY_QUEUED || delivery->state == DELIVERY_SENT)
            forward_put(self, delivery);
    }
    s_settle(self, write);
}

/* Nobody waits for the write any more; what is on its way to the disk goes on. */
static request_t *s_detach(dispatcher_t *self, write_t *write)
{
    request_t *request = write->request;
    for (size_t i = 0; i < write->count; i++)
        s_miss(&write->deliveries[i]);
    TAILQ_REMOVE(&self->undecided, write, link);
    write->request = NULL;
    if (write->pending == 0)
        write_destroy(&write);
    return request;
}

/* Not even the disk has answered in time. */
static void s_give_up(dispatcher_t *self, write_t *write)
{
    char trouble[240];
    request_t *request = s_detach(self, write);
    dispatch_count(self, COUNT_TIMEOUTS);
    dispatch_fail(self, request, PBUS_TIMEOUT, "%s", dispatch_trouble(self, trouble, sizeof trouble));
}

/* A second, or less if the client's patience is shorter. */
static int64_t s_slow_at(const write_t *write)
{
    int64_t half = (write->request->deadline - write->since) / 2;
    return write->since + (half < SLOW_MS * MS ? half : SLOW_MS * MS);
}

static void s_check_writes(dispatcher_t *self, int64_t now)
{
    write_t *write;
    write_t *next;
    for (write = TAILQ_FIRST(&self->undecided); write; write = next) {
        next = TAILQ_NEXT(write, link);
        if (now >= write->request->deadline)
            s_give_up(self, write);
        else if (now >= s_slow_at(write))
            s_put_slow(self, write);
    }
}

void flow_on_spooled(dispatcher_t *self, delivery_t *delivery, delivery_state_t state, pbus_status_t status)
{
    write_t *write = delivery->write;
    delivery_finish(delivery, state, status);
    if (write->pending == 0)
        s_decide(self, write);
}

static void s_retry_waiting(dispatcher_t *self)
{
    request_t *request;
    while ((request = TAILQ_FIRST(&self->waiting))) {
        TAILQ_REMOVE(&self->waiting, request, link);
        if (!flow_accept(self, request)) {
            TAILQ_INSERT_HEAD(&self->waiting, request, link);
            return;
        }
    }
}

static bool s_other_is_live(const dispatcher_t *self, const group_t *group)
{
    const group_t *other;
    TAILQ_FOREACH(other, &self->groups, link)
    if (other != group && group_serves(other) && group_state(other) == GROUP_LIVE && group_is_ready(other))
        return true;
    return false;
}

/*
 * A query is not asked again because it is slow. But a group that has stopped to be LIVE since it was asked
 * is not just slow with that one query: a LIVE one answers in its place.
 */
static void s_ask_elsewhere(dispatcher_t *self, group_t *group, int64_t now)
{
    session_t *session;
    call_t *call;
    if (group_state(group) == GROUP_LIVE || !s_other_is_live(self, group))
        return;
    TAILQ_FOREACH(session, &group->sessions, link)
    TAILQ_FOREACH(call, &session->calls, link)
    if (now - call->sent > SLOW_MS * MS && reads_is_shared(call))
        reads_take_back(self, call);
}

void flow_on_timer(dispatcher_t *self, int64_t now)
{
    group_t *group;
    dispatch_expire(self, &self->waiting, now);
    dispatch_expire(self, &self->held, now);
    reads_on_timer(self, now);
    copying_on_timer(self, now);
    s_check_writes(self, now);
    TAILQ_FOREACH(group, &self->groups, link)
    {
        redo_on_timer(self, group, now);
        s_ask_elsewhere(self, group, now);
    }
}

void flow_pump(dispatcher_t *self)
{
    group_t *group;
    s_retry_waiting(self);
    forward_pump(self);
    TAILQ_FOREACH(group, &self->groups, link)
    s_pump_writes(self, group);
    cuts_pump(self);
    copying_pump(self);
    reads_pump(self);
}

/* ---- the end ---- */

static void s_fail_list(dispatcher_t *self, request_list_t *list)
{
    request_t *request;
    while ((request = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, request, link);
        dispatch_fail(self, request, PBUS_UNAVAILABLE, "core-data is stopping");
    }
}

void flow_fail_all(dispatcher_t *self)
{
    group_t *group;
    session_t *session;
    TAILQ_FOREACH(group, &self->groups, link)
    TAILQ_FOREACH(session, &group->sessions, link)
    flow_take_back(self, session);
    write_t *write;
    while ((write = TAILQ_FIRST(&self->undecided)))
        dispatch_fail(self, s_detach(self, write), PBUS_UNAVAILABLE, "core-data is stopping");
    /* What is still queued now is core-data's own: deletes to be run again. */
    TAILQ_FOREACH(group, &self->groups, link)
    {
        delivery_t *delivery;
        while ((delivery = TAILQ_FIRST(&group->queue))) {
            write_t *own = delivery->write;
            s_miss(delivery);
            s_forget(self, own);
        }
    }
    s_fail_list(self, &self->waiting);
    s_fail_list(self, &self->held);
    s_fail_list(self, &self->queries);
    s_fail_list(self, &self->targeted);
    s_fail_list(self, &self->settling);
    s_fail_list(self, &self->repairs);
    pthread_mutex_lock(&self->mutex);
    request_list_t list = TAILQ_HEAD_INITIALIZER(list);
    TAILQ_CONCAT(&list, &self->incoming, link);
    pthread_mutex_unlock(&self->mutex);
    s_fail_list(self, &list);
}
