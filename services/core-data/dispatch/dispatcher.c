#include "private.h"

#include <persistbus/version.h>

#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 100
#define READ_MAX 256       /* messages taken from a socket before others get their turn */
#define STOP_GRACE_MS 1000 /* for what is under way when told to stop */
#define SAVE_MARKS_MS 5000
#define INSTANCE 1 /* one core-data serves a spool; several over one group are for later */

const pbus_option_t dispatcher_options[] = {
    {"PersistBus.Requests", PBUS_OPTION_STRING, "tcp://127.0.0.1:5570", 0, 0,
     "where workers get requests (XPUB)"},
    {"PersistBus.Replies", PBUS_OPTION_STRING, "tcp://127.0.0.1:5571", 0, 0,
     "where workers send replies (ROUTER)"},
    {"PersistBus.Events", PBUS_OPTION_STRING, "tcp://127.0.0.1:5563", 0, 0, "the public event stream (PUB)"},
    {"PersistBus.Prefer", PBUS_OPTION_LIST, "", 0, 0,
     "groups in order of preference; others follow as they come"},
    {"PersistBus.Routes", PBUS_OPTION_LIST, "", 0, 0,
     "groups that get only a part of the events: FROM /events WHERE ... INTO group(\"NAME\")"},
    {"PersistBus.AllowVolatile", PBUS_OPTION_BOOL, "true", 0, 0,
     "a store that is not durable counts for 201"},
    {"PersistBus.MaxInFlight", PBUS_OPTION_INT, "65536", 64, 16777216,
     "KB of requests under way; more get 503"},
    {"PersistBus.MaxMessageSize", PBUS_OPTION_INT, "65536", 64, 2000000, "KB of a worker's largest reply"},
    {"Spool.Path", PBUS_OPTION_STRING, "var/spool", 0, 0, "folder of what core-data keeps on disk"},
    {"Spool.MaxSize", PBUS_OPTION_INT, "1048576", 64, 1 << 30, "KB of writes that wait for groups"},
    {"Spool.WhenFull", PBUS_OPTION_STRING, "reject", 0, 0, "sole copies: reject (503) or drop-oldest"},
    {"Spool.TimeToLive", PBUS_OPTION_DURATION, "7200s", 0, 0,
     "of writes that another group has; negative: no limit"},
    {"Spool.SoleTimeToLive", PBUS_OPTION_DURATION, "-1s", 0, 0, "of sole copies; negative: no limit"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL}};

static const char *const s_counter_names[DISPATCH_COUNTERS] = {
    "batchesSent",      "writesAnswered",    "queriesAnswered", "writesResent",
    "eventsPurged",     "requestsTimedOut",  "requestsRefused", "sessionsLost",
    "messagesStale",    "messagesMalformed", "hellosRefused",   "eventsPublished",
    "writesSpooled",    "writesDrained",     "writesDropped",   "conflictsWhileDraining",
    "writesNotStorable"};

/* ---- requests in and out ---- */

pbus_status_t dispatcher_submit(dispatcher_t *self, request_t *request)
{
    size_t bytes = request_bytes(request);
    size_t before = atomic_fetch_add(&self->bytes, bytes);
    /* The first is always taken, so that a limit smaller than one request can't stop everything. */
    if (before > 0 && before + bytes > self->bytes_max) {
        atomic_fetch_sub(&self->bytes, bytes);
        dispatch_count(self, COUNT_FULL);
        return PBUS_FULL;
    }
    request->bytes = bytes;
    pthread_mutex_lock(&self->mutex);
    bool refused = self->stopping;
    bool was_empty = TAILQ_EMPTY(&self->incoming);
    if (!refused)
        TAILQ_INSERT_TAIL(&self->incoming, request, link);
    pthread_mutex_unlock(&self->mutex);
    if (refused)
        atomic_fetch_sub(&self->bytes, bytes);
    else if (was_empty)
        eventfd_write(self->wake, 1);
    return refused ? PBUS_UNAVAILABLE : PBUS_OK;
}

bool dispatcher_stream_wanted(const dispatcher_t *self)
{
    return atomic_load_explicit(&self->stream_wanted, memory_order_relaxed);
}

const pbus_metrics_t *dispatcher_metrics(const dispatcher_t *self)
{
    return self->metrics;
}

void dispatch_count(dispatcher_t *self, dispatch_counter_t counter)
{
    pbus_metrics_add(self->metrics, counter, 1);
}

void dispatch_complete(dispatcher_t *self, request_t *request, pbus_status_t status)
{
    request->status = status;
    atomic_fetch_sub(&self->bytes, request->bytes);
    if (status == PBUS_OK && request->stream_topic.size) {
        wire_publish(self->wire, &request->stream_topic, &request->stream_message);
        dispatch_count(self, COUNT_PUBLISHED);
    }
    request->done(request);
}

void dispatch_fail(dispatcher_t *self, request_t *request, pbus_status_t status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    request->error.status = status;
    vsnprintf(request->error.text, sizeof request->error.text, format, args);
    va_end(args);
    dispatch_complete(self, request, status);
}

const char *dispatch_trouble(const dispatcher_t *self, char *text, size_t size)
{
    const group_t *group;
    const session_t *session;
    snprintf(text, size, "no persistence service is running: start one, for example persist-sqlite");
    if (accept_floor_wanted(&self->clock, pbus_clock_realtime()) && self->clock.last >= self->clock.floor)
        snprintf(text, size, "no accept number can be given: the spool in %s is not written",
                 pbus_config_string(self->config, "Spool.Path"));
    TAILQ_FOREACH(group, &self->groups, link)
    {
        if (group_is_ready(group)) {
            snprintf(text, size, "group %s has not answered in time", group->name);
            return text;
        }
        TAILQ_FOREACH(session, &group->sessions, link)
        if (session->reason[0])
            snprintf(text, size, "group %s can't serve: %s", group->name, session->reason);
    }
    return text;
}

void dispatch_expire(dispatcher_t *self, request_list_t *list, int64_t now)
{
    char trouble[240];
    request_t *request = TAILQ_FIRST(list);
    while (request) {
        request_t *next = TAILQ_NEXT(request, link);
        if (now >= request->deadline) {
            TAILQ_REMOVE(list, request, link);
            dispatch_count(self, COUNT_TIMEOUTS);
            dispatch_fail(self, request, PBUS_UNAVAILABLE, "%s",
                          dispatch_trouble(self, trouble, sizeof trouble));
        }
        request = next;
    }
}

static void s_render_status(dispatcher_t *self, request_t *request)
{
    pbus_buf_t json = {0};
    status_render(self, &json);
    zframe_t *frame = json.failed ? NULL : zframe_new(json.data, json.size);
    pbus_buf_clear(&json);
    if (!frame) {
        dispatch_fail(self, request, PBUS_NOMEM, "out of memory for the status");
        return;
    }
    request_set_answer(request, &frame);
    dispatch_complete(self, request, PBUS_OK);
}

static void s_take(dispatcher_t *self, request_t *request)
{
    switch (request->kind) {
    case REQUEST_ADD:
    case REQUEST_DELETE:
    case REQUEST_PURGE:
        if (!flow_accept(self, request))
            TAILQ_INSERT_TAIL(&self->waiting, request, link);
        break;
    case REQUEST_QUERY:
        reads_accept(self, request);
        break;
    case REQUEST_PUBLISH:
        dispatch_complete(self, request, PBUS_OK);
        break;
    case REQUEST_STATUS:
        s_render_status(self, request);
        break;
    case REQUEST_ADMIN:
        admin_accept(self, request);
        break;
    case REQUEST_SETTLE:
    case REQUEST_REPAIR:
        copying_accept(self, request);
        break;
    }
}

static int s_on_incoming(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    dispatcher_t *self = arg;
    eventfd_t value;
    eventfd_read(item->fd, &value);
    request_list_t list = TAILQ_HEAD_INITIALIZER(list);
    pthread_mutex_lock(&self->mutex);
    TAILQ_CONCAT(&list, &self->incoming, link);
    pthread_mutex_unlock(&self->mutex);
    request_t *request;
    while ((request = TAILQ_FIRST(&list))) {
        TAILQ_REMOVE(&list, request, link);
        s_take(self, request);
    }
    flow_pump(self);
    return 0;
}

/* ---- the spool ---- */

uint64_t dispatch_number(dispatcher_t *self)
{
    return accept_next(&self->clock, pbus_clock_realtime());
}

void dispatch_note_accepted(dispatcher_t *self)
{
    spool_job_t *job = self->accepted ? NULL : spool_job_new(SPOOL_ACCEPTED);
    if (!job)
        return;
    spool_submit(self->spool, &job);
    self->accepted = true;
}

void dispatch_save_group(dispatcher_t *self, group_t *group, request_t *request)
{
    spool_job_t *job = spool_job_new(SPOOL_GROUP);
    if (!job) {
        pbus_log_error(self->log, "out of memory: the state of group %s is not saved", group->name);
        members_on_unsaved(self, group->name);
        if (request)
            dispatch_fail(self, request, PBUS_NOMEM, "out of memory for the state of group %s", group->name);
        return;
    }
    spool_group_t *saved = &job->group;
    snprintf(saved->name, sizeof saved->name, "%s", group->name);
    snprintf(saved->backend, sizeof saved->backend, "%s", group->backend);
    snprintf(saved->why, sizeof saved->why, "%s", group->why);
    saved->stale = group->stale;
    saved->preference = group->preference;
    saved->retiring = group->retiring;
    saved->has_set = group->has_set;
    saved->data_set = group->data_set;
    saved->acked = group->saved = group->acked;
    job->context = request;
    spool_submit(self->spool, &job);
}

static void s_on_saved(dispatcher_t *self, const spool_job_t *job)
{
    request_t *request = job->context;
    if (job->status != PBUS_OK)
        members_on_unsaved(self, job->group.name);
    if (request && job->status == PBUS_OK)
        dispatch_complete(self, request, PBUS_OK);
    else if (request)
        dispatch_fail(self, request, job->status, "%s", job->error.text);
}

static void s_raise_floor(dispatcher_t *self)
{
    uint64_t floor = accept_floor_wanted(&self->clock, pbus_clock_realtime());
    spool_job_t *job = floor && !self->floor_asked ? spool_job_new(SPOOL_FLOOR) : NULL;
    if (!job)
        return;
    job->number = floor;
    spool_submit(self->spool, &job);
    self->floor_asked = true;
}

static void s_on_job(dispatcher_t *self, spool_job_t **job_p)
{
    spool_job_t *job = *job_p;
    if (job->kind >= SPOOL_PUT) {
        forward_on_job(self, job_p);
        return;
    }
    if (job->status != PBUS_OK && job->status != PBUS_CONFLICT)
        pbus_log_error(self->log, "%s", job->error.text);
    if (job->kind == SPOOL_FLOOR) {
        self->floor_asked = false;
        if (job->status == PBUS_OK)
            self->clock.floor = job->number;
    } else if (job->kind == SPOOL_CUT)
        cuts_on_saved(self, job);
    else if (job->kind == SPOOL_GROUP)
        s_on_saved(self, job);
    else if (job->kind == SPOOL_REDO || job->kind == SPOOL_REDONE)
        redo_on_job(self, job);
    else if (job->kind == SPOOL_FORGET)
        admin_on_forgotten(self, job);
    else if (job->kind == SPOOL_ACCEPTED && job->status != PBUS_OK)
        self->accepted = false; /* tried again with the next write */
}

static int s_on_spool(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    dispatcher_t *self = arg;
    spool_job_t *job;
    while ((job = spool_take(self->spool))) {
        s_on_job(self, &job);
        spool_job_destroy(&job);
    }
    flow_pump(self);
    return 0;
}

/* ---- the bus ---- */

static int s_on_subscriptions(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    dispatcher_t *self = arg;
    bool joined;
    pbus_str_t topic;
    zframe_t *frame = NULL;
    for (int i = 0; i < READ_MAX && wire_take_subscription(self->wire, &joined, &topic, &frame); i++) {
        members_on_subscription(self, joined, topic);
        zframe_destroy(&frame);
    }
    flow_pump(self);
    return 0;
}

static void s_on_message(dispatcher_t *self, zframe_t *header, zframe_t **payload_p)
{
    pbus_message_t message;
    bool well_formed = header && pbus_message_decode(&message, zframe_data(header), zframe_size(header));
    bool readable = header && message.kind && message.epoch == self->epoch;
    session_t *session = readable ? members_find(self, message.session) : NULL;
    if (!well_formed || message.major != PBUS_PROTOCOL_MAJOR) {
        dispatch_count(self, COUNT_MALFORMED);
        if (session)
            members_on_malformed(self, session, &message);
    } else if (!session)
        dispatch_count(self, COUNT_STALE_MESSAGES);
    else if (message.kind == PBUS_ACK)
        flow_on_ack(self, session, &message);
    else if (message.kind == PBUS_REPLY)
        reads_on_reply(self, session, &message, payload_p);
    else
        members_on_message(self, session, &message);
}

static int s_on_replies(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    dispatcher_t *self = arg;
    zframe_t *header = NULL;
    zframe_t *payload = NULL;
    for (int i = 0; i < READ_MAX && wire_take_reply(self->wire, &header, &payload); i++) {
        s_on_message(self, header, &payload);
        zframe_destroy(&header);
        zframe_destroy(&payload);
    }
    flow_pump(self);
    return 0;
}

static int s_on_monitor(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    dispatcher_t *self = arg;
    size_t peers;
    if (wire_watch(self->wire, &peers))
        atomic_store(&self->stream_wanted, peers > 0);
    return 0;
}

/* ---- time and life ---- */

static void s_save_marks(dispatcher_t *self, int64_t now)
{
    if (now - self->saved_marks < SAVE_MARKS_MS * MS)
        return;
    self->saved_marks = now;
    members_save(self);
}

static bool s_is_idle(const dispatcher_t *self)
{
    return TAILQ_EMPTY(&self->undecided) && TAILQ_EMPTY(&self->waiting) && TAILQ_EMPTY(&self->queries);
}

static int s_on_tick(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    dispatcher_t *self = arg;
    int64_t now = pbus_clock_boottime();
    s_raise_floor(self);
    s_save_marks(self, now);
    members_on_timer(self, now);
    flow_on_timer(self, now);
    forward_on_timer(self, now);
    admin_on_timer(self, now);
    flow_pump(self);
    return self->stop_at && (s_is_idle(self) || now >= self->stop_at) ? -1 : 0;
}

static int s_on_pipe(zloop_t *loop, zsock_t *pipe, void *arg)
{
    (void) loop;
    dispatcher_t *self = arg;
    char *command = zstr_recv(pipe);
    bool stop = !command || streq(command, "$TERM");
    zstr_free(&command);
    if (stop)
        self->stop_at = pbus_clock_boottime() + STOP_GRACE_MS * MS;
    return stop && s_is_idle(self) ? -1 : 0;
}

static bool s_register(dispatcher_t *self, zsock_t *pipe)
{
    zmq_pollitem_t wake = {.fd = self->wake, .events = ZMQ_POLLIN};
    return zloop_reader(self->loop, pipe, s_on_pipe, self) == 0 &&
           zloop_poller(self->loop, &wake, s_on_incoming, self) == 0 &&
           zloop_reader(self->loop, wire_requests(self->wire), s_on_subscriptions, self) == 0 &&
           zloop_reader(self->loop, wire_replies(self->wire), s_on_replies, self) == 0 &&
           zloop_reader(self->loop, wire_monitor(self->wire), s_on_monitor, self) == 0 &&
           zloop_reader(self->loop, spool_done(self->spool), s_on_spool, self) == 0 &&
           zloop_timer(self->loop, TICK_MS, 0, s_on_tick, self) >= 0;
}

/* What is on its way to the disk has its answer a moment later. */
static void s_finish_jobs(dispatcher_t *self)
{
    spool_job_t *job;
    while ((job = spool_wait(self->spool))) {
        s_on_job(self, &job);
        spool_job_destroy(&job);
    }
}

static void s_actor(zsock_t *pipe, void *args)
{
    dispatcher_t *self = args;
    self->loop = zloop_new();
    bool ok = self->loop && s_register(self, pipe);
    zsock_signal(pipe, ok ? 0 : 1);
    if (ok) {
        /* Which groups are narrowed is on disk before the floor is, so before anything is kept from them. */
        members_save(self);
        forward_adopt_left(self);
        s_raise_floor(self);
        zloop_start(self->loop);
        s_finish_jobs(self);
        flow_fail_all(self);
        s_save_marks(self, INT64_MAX);
    }
    zloop_destroy(&self->loop);
}

static bool s_load(dispatcher_t *self)
{
    self->clock = accept_clock(spool_floor(self->spool), INSTANCE);
    self->accepted = spool_accepted(self->spool);
    int64_t now = pbus_clock_realtime();
    self->epoch = self->clock.last > (uint64_t) now ? self->clock.last : (uint64_t) now;
    return members_load(self) && redo_load(self) && forward_load(self) && cuts_load(self);
}

static dispatcher_t *s_new(const pbus_config_t *config, pbus_log_t *log)
{
    dispatcher_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = config;
    self->log = log;
    self->bytes_max = (size_t) pbus_config_int(config, "PersistBus.MaxInFlight") * 1024;
    self->metrics = pbus_metrics_new(s_counter_names, DISPATCH_COUNTERS);
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&self->mutex, NULL);
    TAILQ_INIT(&self->incoming);
    TAILQ_INIT(&self->groups);
    TAILQ_INIT(&self->gone);
    TAILQ_INIT(&self->others);
    TAILQ_INIT(&self->undecided);
    TAILQ_INIT(&self->waiting);
    TAILQ_INIT(&self->held);
    TAILQ_INIT(&self->queries);
    TAILQ_INIT(&self->targeted);
    TAILQ_INIT(&self->settling);
    TAILQ_INIT(&self->repairs);
    TAILQ_INIT(&self->cuts);
    if (!self->metrics || self->wake < 0)
        dispatcher_destroy(&self);
    return self;
}

static spool_t *s_open_spool(const pbus_config_t *config, pbus_log_t *log, pbus_error_t *error)
{
    const char *policy = pbus_config_string(config, "Spool.WhenFull");
    if (!streq(policy, "reject") && !streq(policy, "drop-oldest")) {
        pbus_fail(error, PBUS_INVALID, "Spool.WhenFull: '%s' is not known: use reject or drop-oldest",
                  policy);
        return NULL;
    }
    return spool_new(pbus_config_string(config, "Spool.Path"),
                     (uint64_t) pbus_config_int(config, "Spool.MaxSize") * 1024, streq(policy, "drop-oldest"),
                     log, error);
}

dispatcher_t *dispatcher_new(const pbus_config_t *config, pbus_log_t *log, pbus_error_t *error)
{
    dispatcher_t *self = s_new(config, log);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "out of memory while starting");
        return NULL;
    }
    *error = (pbus_error_t){0};
    self->narrowing = narrowing_new(config, error);
    if (self->narrowing)
        self->spool = s_open_spool(config, log, error);
    if (self->spool)
        self->wire = wire_new(config, log, error);
    if (self->wire && (!s_load(self) || !(self->actor = zactor_new(s_actor, self))))
        pbus_fail(error, PBUS_NOMEM, "out of memory or threads while starting");
    if (error->status != PBUS_OK)
        dispatcher_destroy(&self);
    return self;
}

void dispatcher_destroy(dispatcher_t **self_p)
{
    dispatcher_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->mutex);
    self->stopping = true;
    pthread_mutex_unlock(&self->mutex);
    zactor_destroy(&self->actor);
    cuts_destroy(self);
    forward_destroy(self);
    members_destroy(self);
    wire_destroy(&self->wire);
    spool_destroy(&self->spool);
    narrowing_destroy(&self->narrowing);
    pbus_metrics_destroy(&self->metrics);
    if (self->wake >= 0)
        close(self->wake);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *self_p = NULL;
}
