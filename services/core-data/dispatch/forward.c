/*
 * Store and forward: what a group can't take now waits in the spool, and what is in the spool goes to its
 * workers, oldest first, while everything new of that group lines up behind it.
 *
 * The last step is the delicate one. When so little is left that it fits one batch, the group is `holding`:
 * what is new waits in memory instead of going to disk. Once that batch is acknowledged nothing is left, the
 * group is up to date, and what waited goes to the workers as usual. Should the batch take long, what waits
 * goes to the disk after all and the group lags on.
 */

#include "private.h"

#include <stdlib.h>

#define BATCH_BYTES (1024 * 1024)
#define SLOW_BATCH_MS 3000                 /* a batch from the spool that takes so long is too large */
#define QUICK_BATCH_MS (SLOW_BATCH_MS / 2) /* twice as many rows take no longer than is allowed */
#define EXPIRE_MS 10000
#define RETRY_MS 1000

bool forward_load(dispatcher_t *self)
{
    self->orphans = group_new((pbus_str_t){"", 0});
    if (!self->orphans)
        return false;
    self->orphans->lagging = true;
    spool_orphans(self->spool, &self->orphans->spooled, &self->orphans->spooled_bytes);
    return true;
}

void forward_destroy(dispatcher_t *self)
{
    group_destroy(&self->orphans);
}

static group_t *s_find(dispatcher_t *self, const char *name)
{
    group_t *group;
    if (!*name)
        return self->orphans;
    TAILQ_FOREACH(group, &self->groups, link)
    if (streq(group->name, name))
        return group;
    return NULL;
}

static spool_job_t *s_job(spool_kind_t kind, const group_t *group)
{
    spool_job_t *job = spool_job_new(kind);
    if (job)
        snprintf(job->name, sizeof job->name, "%s", group->name);
    return job;
}

/* ---- into the spool ---- */

static spool_job_t *s_put_job(const delivery_t *delivery)
{
    const write_t *write = delivery->write;
    const pbus_buf_t *event = write_event(write);
    spool_job_t *job = s_job(SPOOL_PUT, delivery->group);
    if (!job)
        return NULL;
    job->sole = !write_is_covered(write);
    job->row = (spool_row_t){.accept = write->accept, .op = write->op, .id = write->id};
    if (event)
        pbus_buf_append(&job->row.event, event->data, event->size);
    if (job->row.event.failed)
        spool_job_destroy(&job);
    return job;
}

void forward_put(dispatcher_t *self, delivery_t *delivery)
{
    group_t *group = delivery->group;
    if (group->forgetting)
        return; /* it waits in the queue for what comes of that */
    spool_job_t *job = s_put_job(delivery);
    if (delivery->state == DELIVERY_QUEUED)
        group_dequeue(group, delivery);
    if (!job) {
        flow_on_spooled(self, delivery, DELIVERY_MISSED, PBUS_NOMEM);
        return;
    }
    if (delivery->slot) {
        /* An answer that still comes does not count: the write comes again from the spool. */
        *delivery->slot = NULL;
        if (delivery->write->op == PBUS_ADD)
            flow_note_lease(group, pbus_clock_boottime());
    }
    delivery->slot = NULL;
    delivery->state = DELIVERY_SPOOLING;
    if (!group->lagging && *group->name)
        pbus_log_warn(self->log, "group %s is LAGGING: its writes go to the spool", group->name);
    group->lagging = true;
    group->holding = false;
    group->puts++;
    job->context = delivery;
    spool_submit(self->spool, &job);
}

void forward_cover(dispatcher_t *self, uint64_t accept)
{
    spool_job_t *job = spool_job_new(SPOOL_COVERED);
    if (!job) {
        pbus_log_error(self->log, "out of memory: a write in the spool keeps counting as a sole copy");
        return;
    }
    job->number = accept;
    spool_submit(self->spool, &job);
}

bool forward_has_orphans(const dispatcher_t *self)
{
    return self->orphans->spooled || self->orphans->puts;
}

void forward_adopt(dispatcher_t *self, group_t *group)
{
    bool adopts = !group->narrowed && (forward_has_orphans(self) || cuts_waiting(self, self->orphans));
    spool_job_t *job = adopts ? s_job(SPOOL_ADOPT, group) : NULL;
    if (!job)
        return;
    dispatch_note_accepted(self); /* a group that comes after this one lacks them */
    group->lagging = true;
    group->puts++; /* until it is done, nothing is known of how much waits */
    spool_submit(self->spool, &job);
    cuts_adopt(self, group);
}

/* All groups were narrowed, and one is no longer; or a core-data ended before it had been done. */
void forward_adopt_left(dispatcher_t *self)
{
    group_t *group = members_complete(self);
    if (group)
        forward_adopt(self, group);
}

/* The spool has dropped rows by its limits, so these groups lack them. */
static void s_on_losses(dispatcher_t *self, const spool_job_t *job)
{
    for (size_t i = 0; i < job->loss_count; i++) {
        const spool_loss_t *loss = &job->losses[i];
        group_t *group = s_find(self, loss->name);
        pbus_metrics_add(self->metrics, COUNT_DROPPED, loss->events);
        pbus_log_error(self->log,
                       "the spool dropped %llu writes of group '%s' (Spool.MaxSize, Spool.TimeToLive)",
                       (unsigned long long) loss->events, loss->name);
        if (!group)
            continue;
        group->dropped += loss->events;
        group->spooled -= loss->events < group->spooled ? loss->events : group->spooled;
        group->spooled_bytes -= loss->bytes < group->spooled_bytes ? loss->bytes : group->spooled_bytes;
        group->oldest = loss->oldest;
        if (group != self->orphans)
            members_make_stale(self, group, "writes that waited for it were dropped");
    }
}

static void s_on_put(dispatcher_t *self, const spool_job_t *job)
{
    delivery_t *delivery = job->context;
    group_t *group = delivery->group;
    group->puts--;
    s_on_losses(self, job);
    if (job->status == PBUS_OK) {
        if (!group->spooled || job->row.accept < group->oldest)
            group->oldest = job->row.accept;
        group->spooled++;
        group->spooled_bytes += spool_row_size(&job->row);
        dispatch_count(self, COUNT_SPOOLED);
        flow_on_spooled(self, delivery, DELIVERY_SPOOLED, PBUS_OK);
        return;
    }
    flow_on_spooled(self, delivery, DELIVERY_MISSED, job->status);
}

static void s_on_adopted(dispatcher_t *self, const spool_job_t *job)
{
    group_t *group = s_find(self, job->name);
    if (group && group->puts)
        group->puts--;
    if (!group || job->status != PBUS_OK || !job->loss_count)
        return;
    group->spooled += job->losses[0].events;
    group->spooled_bytes += job->losses[0].bytes;
    group->oldest = job->losses[0].oldest;
    self->orphans->spooled = self->orphans->spooled_bytes = 0;
    pbus_log_info(self->log, "%llu writes waited for group %s", (unsigned long long) job->losses[0].events,
                  group->name);
}

/* ---- out of the spool ---- */

static void s_up_to_date(dispatcher_t *self, group_t *group)
{
    group->lagging = group->holding = false;
    pbus_log_info(self->log, "group %s is %s", group->name, group_state_name(group_state(group)));
}

static void s_on_fetched(dispatcher_t *self, spool_job_t **job_p)
{
    spool_job_t *job = *job_p;
    group_t *group = s_find(self, job->name);
    if (!group)
        return;
    group->fetching = false;
    if (job->status != PBUS_OK) {
        group->not_before = pbus_clock_boottime() + RETRY_MS * MS;
        return;
    }
    /* Jobs are done in order, so this is all there was when the fetch was made, and what is counted. */
    if (job->more)
        group->holding = false;
    else
        group->spooled = job->row_count;
    if (job->row_count) {
        group->rows = job;
        *job_p = NULL;
    } else if (group->holding)
        s_up_to_date(self, group);
}

static void s_on_dropped(dispatcher_t *self, const spool_job_t *job)
{
    group_t *group = s_find(self, job->name);
    if (!group)
        return;
    group->draining = false;
    if (job->status != PBUS_OK) { /* the rows will be sent once more, which the store recognises */
        group->not_before = pbus_clock_boottime() + RETRY_MS * MS;
        return;
    }
    if (group->holding && !job->more)
        s_up_to_date(self, group);
    group->oldest = job->oldest;
    for (size_t i = 0; i < job->row_count; i++) {
        size_t size = spool_row_size(&job->rows[i]);
        group->spooled -= group->spooled > 0;
        group->spooled_bytes -= size < group->spooled_bytes ? size : group->spooled_bytes;
    }
}

void forward_on_job(dispatcher_t *self, spool_job_t **job_p)
{
    spool_job_t *job = *job_p;
    if (job->status != PBUS_OK && job->kind != SPOOL_PUT) /* a failed PUT is told to the client */
        pbus_log_error(self->log, "%s", job->error.text);
    if (job->kind == SPOOL_PUT)
        s_on_put(self, job);
    else if (job->kind == SPOOL_FETCH)
        s_on_fetched(self, job_p);
    else if (job->kind == SPOOL_DROP)
        s_on_dropped(self, job);
    else if (job->kind == SPOOL_ADOPT)
        s_on_adopted(self, job);
    else if (job->kind == SPOOL_EXPIRE)
        s_on_losses(self, job);
}

/* What came of one row. A conflict was told to nobody, since its 202 is long gone; it is counted. */
static void s_row_failed(dispatcher_t *self, group_t *group, const spool_row_t *row, pbus_status_t status)
{
    char id[PBUS_UUID_TEXT];
    pbus_uuid_format(&row->id, id);
    if (status == PBUS_CONFLICT) {
        dispatch_count(self, COUNT_CONFLICTS);
        group->conflicts++;
        pbus_log_warn(self->log, "group %s has another event with id %s: the one that waited is left out",
                      group->name, id);
    } else if (status != PBUS_NOT_FOUND) {
        dispatch_count(self, COUNT_UNSTORABLE);
        pbus_log_error(self->log, "group %s can't store the event with id %s: %s", group->name, id,
                       pbus_status_name(status));
        members_make_stale(self, group, "its store refuses an event");
    }
}

static bool s_read_failed(dispatcher_t *self, group_t *group, const spool_job_t *job, pbus_message_t *ack)
{
    pbus_failed_t failed;
    if (ack->failed_count > job->row_count)
        return false;
    while (pbus_message_next_failed(ack, &failed)) {
        if (failed.index >= job->row_count)
            return false;
        s_row_failed(self, group, &job->rows[failed.index], failed.status);
        job->rows[failed.index].refused = delivery_is_refusal(failed.status);
    }
    return true;
}

/*
 * A batch from the spool should take the store a second or two. One that takes longer than its lease would be
 * sent again for ever, so the next is half as large.
 */
static void s_adapt(group_t *group, const call_t *call)
{
    int64_t took = pbus_clock_boottime() - call->sent;
    uint32_t rows = (uint32_t) call->drain->row_count;
    if (took > SLOW_BATCH_MS * MS)
        group->drain_limit = rows > 1 ? rows / 2 : 1;
    else if (took < QUICK_BATCH_MS * MS && group->drain_limit < DRAIN_EVENTS)
        group->drain_limit = 2 * group->drain_limit < DRAIN_EVENTS ? 2 * group->drain_limit : DRAIN_EVENTS;
}

static void s_delivered(dispatcher_t *self, group_t *group, const spool_row_t *row)
{
    if (row->op == PBUS_DELETE)
        redo_remember(self, group, &row->id, row->accept, NULL);
    else if (!row->refused)
        redo_added(self, group, &row->id, row->accept);
    if (!row->refused && row->accept > group->acked)
        group->acked = row->accept;
}

bool forward_on_ack(dispatcher_t *self, session_t *session, call_t *call, pbus_message_t *ack)
{
    group_t *group = session->group;
    spool_job_t *job = call->drain;
    if (ack->status != PBUS_OK) {
        group->draining = false;
        if (ack->status == PBUS_UNAVAILABLE || ack->status == PBUS_FULL)
            flow_store_away(session, ack);
        else
            group->not_before = pbus_clock_boottime() + RETRY_MS * MS;
        return true; /* fetched once more */
    }
    if (!s_read_failed(self, group, job, ack)) {
        group->draining = false;
        return false;
    }
    group->writes += job->row_count;
    for (size_t i = 0; i < job->row_count; i++)
        s_delivered(self, group, &job->rows[i]);
    s_adapt(group, call);
    pbus_metrics_add(self->metrics, COUNT_DRAINED, job->row_count);
    /* Up to date only when the rows are gone from the disk: an old delete must not come back after a crash.
     */
    job->kind = SPOOL_DROP;
    job->covered = !group->narrowed; /* no other group can be filled from one that lacks so much */
    call->drain = NULL;
    spool_submit(self->spool, &job);
    return true;
}

void forward_take_back(group_t *group, const call_t *call)
{
    group->draining = false;
    if (pbus_clock_boottime() - call->sent > SLOW_BATCH_MS * MS)
        s_adapt(group, call);
}

static size_t s_batch_size(const spool_job_t *job)
{
    size_t size = PBUS_BATCH_BEGIN;
    for (size_t i = 0; i < job->row_count; i++)
        size += pbus_batch_size(job->rows[i].event.data, job->rows[i].event.size);
    return size;
}

static void s_build(const spool_job_t *job, call_t *call, uint8_t *out)
{
    size_t at = pbus_batch_begin(out, job->row_count);
    call->accept_min = job->rows[0].accept;
    for (size_t i = 0; i < job->row_count; i++) {
        const spool_row_t *row = &job->rows[i];
        at += pbus_batch_put(out + at, row->op, row->accept, &row->id, row->event.data, row->event.size);
        call->adds = call->adds || row->op == PBUS_ADD;
        call->accept_max = row->accept;
    }
}

static bool s_send_rows(dispatcher_t *self, group_t *group, session_t *session)
{
    zmq_msg_t payload;
    size_t size = s_batch_size(group->rows);
    call_t *call = session_call_new(session, PBUS_WRITE, 0);
    if (!call || zmq_msg_init_size(&payload, size) != 0) {
        session_call_destroy(&call);
        return false;
    }
    s_build(group->rows, call, zmq_msg_data(&payload));
    call->bytes = size;
    if (!flow_send_write(self, session, call, &payload)) {
        session_call_destroy(&call);
        return false;
    }
    call->drain = group->rows;
    group->rows = NULL;
    group->draining = true;
    return true;
}

static void s_fetch(dispatcher_t *self, group_t *group, const session_t *session)
{
    spool_job_t *job = s_job(SPOOL_FETCH, group);
    if (!job)
        return; /* with the next pump */
    job->limit =
        session->batch_events < group->drain_limit ? (uint32_t) session->batch_events : group->drain_limit;
    job->limit_bytes = session->batch_bytes < BATCH_BYTES ? session->batch_bytes : BATCH_BYTES;
    /* What is on its way there is on disk before the fetch is made. */
    group->holding = group->spooled + group->puts <= job->limit;
    group->fetching = true;
    spool_submit(self->spool, &job);
}

/* What waits in memory behind a spool that is not nearly empty belongs into it: the order has to stay. */
static void s_put_queue(dispatcher_t *self, group_t *group)
{
    delivery_t *delivery;
    while (group->lagging && !group->holding && (delivery = TAILQ_FIRST(&group->queue)))
        forward_put(self, delivery);
}

static void s_pump_group(dispatcher_t *self, group_t *group)
{
    if (group->forgetting)
        return;
    s_put_queue(self, group);
    if (!group->lagging || group->fetching || group->draining || pbus_clock_boottime() < group->not_before)
        return;
    session_t *session = group_writer(group, group->rows ? s_batch_size(group->rows) : 0);
    if (session && group->rows)
        s_send_rows(self, group, session);
    else if (session)
        s_fetch(self, group, session);
}

void forward_pump(dispatcher_t *self)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    s_pump_group(self, group);
}

/* ---- time ---- */

static int64_t s_before(const dispatcher_t *self, const char *key)
{
    int64_t ttl = pbus_config_duration(self->config, key);
    return ttl < 0 ? INT64_MIN : pbus_clock_realtime() - ttl;
}

static bool s_any_spooled(const dispatcher_t *self)
{
    const group_t *group;
    bool any = self->orphans->spooled > 0;
    TAILQ_FOREACH(group, &self->groups, link)
    any = any || group->spooled > 0;
    return any;
}

void forward_on_timer(dispatcher_t *self, int64_t now)
{
    if (now - self->expired < EXPIRE_MS * MS || !s_any_spooled(self))
        return;
    self->expired = now;
    spool_job_t *job = spool_job_new(SPOOL_EXPIRE);
    if (!job)
        return; /* with the next tick */
    job->put_before = s_before(self, "Spool.TimeToLive");
    job->sole_before = s_before(self, "Spool.SoleTimeToLive");
    spool_submit(self->spool, &job);
}
