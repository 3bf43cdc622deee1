#include "link.h"
#include "actor.h"
#include "ask.h"
#include "endpoint.h"
#include "handoff.h"
#include "lane.h"
#include "message.h"

#include <persistbus/version.h>

#include <czmq.h>
#include <stdlib.h>
#include <sys/signalfd.h>

/*
 * Credit: how much of core-data's work may wait here. One batch: what arrives while the store works becomes
 * the next one. With two, the next batch would travel meanwhile, but batches would be half as large: measured
 * with SQLite and 32 clients on two cores, 20 us of processor time an event against 25, and more events a
 * second.
 */
#define CREDIT_MESSAGES 64
#define CREDIT_BATCHES 1
#define CREDIT_BYTES (16 * 1024 * 1024)

#define LEAVE_MS 700   /* how long a BYE may stay without a DRAIN */
#define LINGER_MS 1000 /* for what was sent and is not on the wire yet */
#define STOP_MS 5000   /* how long a backend's call may take when the process is to end */
#define RELOAD_MS 1000 /* how often the configuration file is looked at */
#define SILENCE_NS (3 * 1000000000ll)
#define READ_MAX 100 /* messages taken from SUB before others get their turn */

typedef enum {
    LINK_NEW,     /* no WHO yet, or the store has not been tried yet */
    LINK_HELLO,   /* HELLO sent */
    LINK_WELCOME, /* in session */
    LINK_DRAINING /* DRAIN has come: finish */
} s_state_t;

typedef struct {
    pbus_actor_t *actor; /* NULL: the backend has no such lane */
    pbus_lane_args_t args;
    bool told;    /* the store has been tried */
    bool ready;   /* and is there */
    bool stopped; /* "STOPPED" has come */
    size_t calls; /* not back yet */
    char text[sizeof((pbus_error_t){0}.text)];
} s_lane_t;

struct pbus_link {
    const pbus_backend_t *backend;
    pbus_config_t *config;
    pbus_log_t *log;
    pbus_metrics_t *metrics;
    zsock_t *sub;
    zsock_t *dealer;
    zloop_t *loop;
    s_lane_t lanes[2]; /* by pbus_lane_t */
    pbus_link_view_t view;
    pbus_health_t health;
    s_state_t state;
    uint64_t epoch;
    uint64_t session;
    bool looking;        /* the write lane was asked for the store's state, which the HELLO waits for */
    bool outdated;       /* a WHO came since: what the lane will say may be older than that */
    bool leaving;        /* BYE was sent, or is not needed */
    bool failed;         /* *error is why */
    int64_t heard;       /* CLOCK_BOOTTIME ns of the last message of this session */
    bool silence_told;   /* core-data has been silent, and the log says so */
    pbus_buf_t refusal;  /* the last REFUSE's text, so that it is logged once */
    uint64_t foreign;    /* the major version that core-data speaks, if it is another one and was told of */
    pbus_error_t reload; /* why the configuration was not reloaded, as the log has it */
    pbus_error_t *error;
    char group[PBUS_NAME_MAX + 1];
    char topic[3 * PBUS_NAME_MAX];
};

static const char *const s_counters[PBUS_COUNTERS] = {"batches past their lease",
                                                      "messages of another session", "malformed messages"};

const pbus_option_t pbus_worker_options[] = {
    {"Writable.LogLevel", PBUS_OPTION_STRING, "INFO", 0, 0, "TRACE, DEBUG, INFO, WARN or ERROR"},
    {"PersistBus.Requests", PBUS_OPTION_STRING, "tcp://127.0.0.1:5570", 0, 0,
     "where core-data sends requests"},
    {"PersistBus.Replies", PBUS_OPTION_STRING, "tcp://127.0.0.1:5571", 0, 0, "where core-data takes replies"},
    {"PersistBus.Group", PBUS_OPTION_STRING, "", 0, 0, "name of the data set; empty: the backend's name"},
    {"PersistBus.Worker", PBUS_OPTION_STRING, "", 0, 0,
     "name of this worker; empty: w and its process number"},
    {NULL, PBUS_OPTION_STRING, NULL, 0, 0, NULL}};

/* ---- sending ---- */

static void s_send(pbus_link_t *self, pbus_message_t *message)
{
    pbus_buf_t header = {0};
    message->epoch = self->epoch;
    message->session = self->session;
    pbus_message_encode(message, &header);
    /* A lost message is found by whoever waits for its answer, so a full or broken socket needs nothing more
     * here. */
    if (header.failed || zmq_send(zsock_resolve(self->dealer), header.data, header.size, ZMQ_DONTWAIT) < 0)
        pbus_log_warn(self->log, "%s not sent: %s", pbus_kind_name(message->kind),
                      header.failed ? "out of memory" : zmq_strerror(zmq_errno()));
    pbus_buf_clear(&header);
}

static void s_put_health(const pbus_link_t *self, bool known, pbus_message_t *message)
{
    message->durable = known && self->health.durable;
    message->has_set = known;
    if (known) {
        message->data_set = self->health.data_set;
        message->mark = self->health.applied_mark;
    }
}

static bool s_told(const pbus_link_t *self)
{
    return self->lanes[PBUS_LANE_WRITE].told;
}

static bool s_ready(const pbus_link_t *self)
{
    return self->lanes[PBUS_LANE_WRITE].ready &&
           (!self->lanes[PBUS_LANE_READ].actor || self->lanes[PBUS_LANE_READ].ready);
}

static void s_send_hello(pbus_link_t *self)
{
    const pbus_backend_t *backend = self->backend;
    pbus_message_t hello = {.kind = PBUS_HELLO,
                            .topic = pbus_str(self->topic),
                            .minor = PBUS_PROTOCOL_MINOR,
                            .backend = pbus_str(backend->name),
                            .version = pbus_str(backend->version),
                            .group = pbus_str(self->group),
                            .missing = backend->missing,
                            .messages = CREDIT_MESSAGES,
                            .batches = CREDIT_BATCHES,
                            .bytes = CREDIT_BYTES,
                            .batch_events = backend->batch_events ? backend->batch_events : 1000,
                            .batch_bytes = backend->batch_bytes ? backend->batch_bytes : 1024 * 1024};
    s_put_health(self, s_ready(self), &hello);
    s_send(self, &hello);
    self->state = LINK_HELLO;
}

static void s_send_ready(pbus_link_t *self)
{
    const s_lane_t *write = &self->lanes[PBUS_LANE_WRITE];
    pbus_message_t ready = {.kind = PBUS_READY, .ready = s_ready(self)};
    if (!ready.ready)
        ready.text = pbus_str(write->ready ? self->lanes[PBUS_LANE_READ].text : write->text);
    s_put_health(self, ready.ready, &ready);
    s_send(self, &ready);
}

/* ---- from core-data ---- */

/* The mark has to be read after the WHO: what was acknowledged before it must be in it. */
static void s_look(pbus_link_t *self)
{
    self->looking = pbus_handoff_send(pbus_actor_sock(self->lanes[PBUS_LANE_WRITE].actor), "LOOK", NULL) == 0;
    self->outdated = false;
}

static void s_on_who(pbus_link_t *self, const pbus_message_t *who)
{
    if (self->state == LINK_DRAINING)
        return;
    if (who->epoch != self->epoch)
        atomic_store(&self->view.offset, INT64_MAX);
    self->epoch = who->epoch;
    self->session = who->session;
    atomic_store(&self->view.session, 0); /* no call is current until WELCOME */
    atomic_store(&self->view.epoch, who->epoch);
    self->state = LINK_NEW;
    if (s_told(self) && !self->leaving && !self->looking)
        s_look(self);
    else
        self->outdated = true;
}

static void s_on_welcome(pbus_link_t *self, const pbus_message_t *welcome)
{
    if (self->state != LINK_HELLO)
        return;
    uint64_t lease_ms = welcome->lease_ms < 3600000 ? welcome->lease_ms : 3600000;
    atomic_store(&self->view.lease, (int64_t) lease_ms * 1000000);
    atomic_store(&self->view.reply_bytes, welcome->reply_bytes);
    atomic_store(&self->view.message_bytes, welcome->message_bytes);
    atomic_store(&self->view.session, self->session);
    self->state = LINK_WELCOME;
    pbus_buf_reset(&self->refusal);
    self->foreign = 0;
    pbus_log_info(self->log, "core-data welcomes this worker to group %s", self->group);
    s_send_ready(self);
}

/* core-data asks again every second, so the same reason is logged once. */
static void s_on_refuse(pbus_link_t *self, const pbus_message_t *refuse)
{
    pbus_str_t known = {(const char *) self->refusal.data, self->refusal.size};
    if (!pbus_str_eq(known, refuse->text)) {
        pbus_log_error(self->log, "core-data refuses this worker: %.*s", (int) refuse->text.size,
                       refuse->text.data);
        pbus_buf_reset(&self->refusal);
        pbus_buf_append(&self->refusal, refuse->text.data, refuse->text.size);
    }
    self->state = LINK_NEW;
}

/* A purge changes the store, so it goes where writes go. */
static s_lane_t *s_lane_for(pbus_link_t *self, pbus_kind_t kind, zframe_t *payload)
{
    s_lane_t *read = &self->lanes[PBUS_LANE_READ];
    bool reads = kind == PBUS_QUERY && read->actor &&
                 pbus_ask_peek(zframe_data(payload), zframe_size(payload)) != PBUS_ASK_PURGE;
    return reads ? read : &self->lanes[PBUS_LANE_WRITE];
}

static void s_on_call(pbus_link_t *self, const pbus_message_t *message, zframe_t **payload_p)
{
    if (self->state != LINK_WELCOME || !*payload_p) {
        pbus_metrics_add(self->metrics, *payload_p ? PBUS_COUNT_STALE : PBUS_COUNT_MALFORMED, 1);
        return;
    }
    s_lane_t *lane = s_lane_for(self, message->kind, *payload_p);
    pbus_call_t *call = pbus_call_new(message, payload_p, pbus_clock_boottime());
    if (call && pbus_handoff_send(pbus_actor_sock(lane->actor), "CALL", call) == 0)
        lane->calls++;
    else {
        /* Not answered, so core-data gives it to another worker when its lease is over. */
        pbus_log_error(self->log, "out of memory: a %s is not executed", pbus_kind_name(message->kind));
        pbus_call_destroy(&call);
    }
}

static void s_on_ping(pbus_link_t *self, const pbus_message_t *ping)
{
    int64_t oldest = 0;
    for (int i = 0; i < 2; i++) {
        int64_t since = atomic_load(&self->lanes[i].args.busy_since);
        if (since && (!oldest || since < oldest))
            oldest = since;
    }
    int64_t busy = oldest ? pbus_clock_boottime() - oldest : 0;
    pbus_message_t pong = {.kind = PBUS_PONG, .sent = ping->sent, .busy = busy > 0 ? (uint64_t) busy : 0};
    s_send(self, &pong);
}

static bool s_idle(const pbus_link_t *self)
{
    return self->lanes[0].calls == 0 && self->lanes[1].calls == 0;
}

/* Nothing more will come: ends when everything that came is answered. */
static void s_on_drain(pbus_link_t *self)
{
    self->state = LINK_DRAINING;
    pbus_log_info(self->log, "draining: finishing %zu calls", self->lanes[0].calls + self->lanes[1].calls);
}

static int s_leave_if_done(pbus_link_t *self)
{
    if (self->state != LINK_DRAINING || !s_idle(self))
        return 0;
    if (!self->leaving) {
        pbus_message_t bye = {.kind = PBUS_BYE};
        s_send(self, &bye);
    }
    return -1;
}

/* The offset's minimum tells the clocks apart from the time that messages wait (docs/PROTOCOL.md, "Lease").
 */
static void s_heard(pbus_link_t *self, const pbus_message_t *message)
{
    int64_t now = pbus_clock_boottime();
    int64_t offset = now - message->sent;
    if (offset < atomic_load(&self->view.offset))
        atomic_store(&self->view.offset, offset);
    self->heard = now;
    self->silence_told = false;
}

static void s_dispatch(pbus_link_t *self, const pbus_message_t *message, zframe_t **payload_p)
{
    switch (message->kind) {
    case PBUS_WELCOME:
        s_on_welcome(self, message);
        break;
    case PBUS_REFUSE:
        s_on_refuse(self, message);
        break;
    case PBUS_WRITE:
    case PBUS_QUERY:
        s_on_call(self, message, payload_p);
        break;
    case PBUS_PING:
        s_on_ping(self, message);
        break;
    case PBUS_DRAIN:
        s_on_drain(self);
        break;
    default:
        pbus_metrics_add(self->metrics, PBUS_COUNT_MALFORMED, 1);
    }
}

/* A message of another major version: told once, as core-data may go on sending. Its elements are not known.
 */
static void s_on_foreign(pbus_link_t *self, const pbus_message_t *message)
{
    if (message->major != self->foreign)
        pbus_log_error(self->log,
                       "core-data speaks protocol %llu, this worker %d.%d: use versions that speak the same",
                       (unsigned long long) message->major, PBUS_PROTOCOL_MAJOR, PBUS_PROTOCOL_MINOR);
    self->foreign = message->major;
}

static void s_on_message(pbus_link_t *self, zframe_t *header, zframe_t **payload_p)
{
    pbus_message_t message;
    if (!header || !pbus_message_decode(&message, zframe_data(header), zframe_size(header))) {
        pbus_metrics_add(self->metrics, PBUS_COUNT_MALFORMED, 1);
        return;
    }
    if (message.major != PBUS_PROTOCOL_MAJOR) {
        s_on_foreign(self, &message);
        return;
    }
    bool current = message.epoch == self->epoch && message.session == self->session;
    if (message.kind == PBUS_WHO)
        s_on_who(self, &message);
    else if (!current) {
        pbus_metrics_add(self->metrics, PBUS_COUNT_STALE, 1);
        return;
    }
    s_heard(self, &message);
    if (message.kind != PBUS_WHO)
        s_dispatch(self, &message, payload_p);
}

static int s_on_sub(zloop_t *loop, zsock_t *sub, void *arg)
{
    (void) loop;
    pbus_link_t *self = arg;
    bool any = true;
    for (int i = 0; i < READ_MAX && any; i++) {
        zframe_t *frames[3] = {NULL, NULL, NULL}; /* topic, header, payload */
        int count = 0;
        bool more = true;
        while (more) {
            zframe_t *frame = zframe_recv(sub); /* NULL when there is nothing: see s_connect_both */
            more = frame && zframe_more(frame);
            if (frame && count < 3)
                frames[count++] = frame;
            else
                zframe_destroy(&frame);
        }
        any = count > 0;
        if (any)
            s_on_message(self, frames[1], &frames[2]);
        for (int f = 0; f < 3; f++)
            zframe_destroy(&frames[f]);
    }
    return s_leave_if_done(self);
}

/* ---- from the lanes ---- */

/* The reply's own session decides: what belongs to an ended one is not sent. */
static void s_on_lane_reply(pbus_link_t *self, s_lane_t *lane, zmsg_t *message)
{
    lane->calls--;
    if (!message)
        return;
    zframe_t *header = zmsg_first(message);
    pbus_message_t reply;
    bool current = pbus_message_decode(&reply, zframe_data(header), zframe_size(header)) &&
                   reply.epoch == self->epoch && reply.session == self->session;
    if (!current)
        pbus_metrics_add(self->metrics, PBUS_COUNT_STALE, 1);
    else if (zmsg_send(&message, self->dealer) != 0)
        pbus_log_warn(self->log, "a reply was not sent: %s", zmq_strerror(zmq_errno()));
    zmsg_destroy(&message);
}

static int s_on_lane_state(pbus_link_t *self, s_lane_t *lane, pbus_lane_state_t *state)
{
    bool write = lane == &self->lanes[PBUS_LANE_WRITE];
    bool news = !lane->told || lane->ready != state->ready;
    bool hello = write && (!lane->told || self->looking);
    if (write)
        self->looking = false;
    lane->told = true;
    lane->ready = state->ready;
    memcpy(lane->text, state->text, sizeof lane->text);
    bool fatal = state->fatal;
    if (state->ready && write)
        self->health = state->health;
    if (fatal) {
        self->failed = true;
        pbus_fail(self->error, PBUS_INVALID, "%s", state->text);
    } else if (news && state->ready)
        pbus_log_info(self->log, "the %s lane's store is there", write ? "write" : "read");
    else if (news)
        pbus_log_warn(self->log, "store away: %s", state->text);
    free(state);
    if (fatal)
        return -1;

    if (write && lane->ready && self->lanes[PBUS_LANE_READ].actor && !self->lanes[PBUS_LANE_READ].told)
        pbus_handoff_send(pbus_actor_sock(self->lanes[PBUS_LANE_READ].actor), "OPEN", NULL);
    bool due = hello && self->state == LINK_NEW && self->session && !self->leaving;
    if (due && self->outdated)
        s_look(self);
    else if (due)
        s_send_hello(self);
    else if (news && self->state == LINK_WELCOME)
        s_send_ready(self);
    return 0;
}

static s_lane_t *s_lane_of(pbus_link_t *self, zsock_t *pipe)
{
    const pbus_actor_t *write = self->lanes[PBUS_LANE_WRITE].actor;
    return &self->lanes[write && pbus_actor_sock(write) == pipe ? PBUS_LANE_WRITE : PBUS_LANE_READ];
}

static int s_on_lane(zloop_t *loop, zsock_t *pipe, void *arg)
{
    (void) loop;
    pbus_link_t *self = arg;
    s_lane_t *lane = s_lane_of(self, pipe);
    int rc = 0;
    while (rc == 0 && pbus_handoff_waits(pipe)) {
        void *pointer;
        char *what = pbus_handoff_recv(pipe, &pointer);
        if (!what)
            return -1;
        if (streq(what, "STATE"))
            rc = s_on_lane_state(self, lane, pointer);
        else if (streq(what, "REPLY"))
            s_on_lane_reply(self, lane, pointer);
        else if (streq(what, "STOPPED"))
            lane->stopped = true;
        zstr_free(&what);
    }
    return rc ? rc : s_leave_if_done(self);
}

/* ---- timers and signals ---- */

/* A file that is missing or wrong is looked at every second, but told of once. */
static void s_reload(pbus_link_t *self)
{
    bool changed = false;
    pbus_error_t error = {0};
    pbus_config_reload(self->config, &changed, &error);
    if (error.status != PBUS_OK && strcmp(error.text, self->reload.text) != 0)
        pbus_log_error(self->log, "configuration not reloaded: %s", error.text);
    self->reload = error;
    if (!changed)
        return;
    const char *level = pbus_config_string(self->config, "Writable.LogLevel");
    if (pbus_log_set_level(self->log, level))
        pbus_log_info(self->log, "Writable.LogLevel is %s", level);
    else
        pbus_log_error(self->log, "Writable.LogLevel: '%s' is no level, the former stays", level);
}

static int s_on_second(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    pbus_link_t *self = arg;
    if (self->state == LINK_WELCOME && !self->silence_told &&
        pbus_clock_boottime() - self->heard > SILENCE_NS) {
        self->silence_told = true;
        pbus_log_warn(self->log, "core-data has been silent for 3 s");
    }
    s_reload(self);
    return 0;
}

static int s_on_overdue(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    pbus_link_t *self = arg;
    if (self->state != LINK_DRAINING) {
        pbus_log_info(self->log, "leaving without core-data's consent: no DRAIN came in %d ms", LEAVE_MS);
        zsock_set_linger(self->dealer, 0); /* nobody takes it */
    }
    return -1;
}

static int s_on_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    pbus_link_t *self = arg;
    struct signalfd_siginfo info;
    if (read(item->fd, &info, sizeof info) != sizeof info)
        return 0;
    bool again = self->leaving;
    self->leaving = true;
    if (again || self->state != LINK_WELCOME)
        return -1;
    pbus_log_info(self->log, "told to stop: saying BYE");
    pbus_message_t bye = {.kind = PBUS_BYE};
    s_send(self, &bye);
    return zloop_timer(loop, LEAVE_MS, 1, s_on_overdue, self) < 0 ? -1 : 0;
}

/* ---- life ---- */

/* By the process; in a container, where every worker is process 1, by chance. */
static void s_default_name(char *name, size_t size, const char *nonce)
{
    if (getpid() == 1)
        snprintf(name, size, "w%.8s", nonce);
    else
        snprintf(name, size, "w%d", (int) getpid());
}

static pbus_status_t s_name(pbus_link_t *self, pbus_error_t *error)
{
    const char *group = pbus_config_string(self->config, "PersistBus.Group");
    const char *worker = pbus_config_string(self->config, "PersistBus.Worker");
    char name[32];
    zuuid_t *nonce = zuuid_new();
    if (!nonce)
        return pbus_fail(error, PBUS_NOMEM, "out of memory");
    s_default_name(name, sizeof name, zuuid_str(nonce));
    if (!*group)
        group = self->backend->name;
    if (!*worker)
        worker = name;
    snprintf(self->group, sizeof self->group, "%.*s", PBUS_NAME_MAX, group);
    snprintf(self->topic, sizeof self->topic, "persist/%d/%.*s/%.*s.%.16s/", PBUS_PROTOCOL_MAJOR,
             PBUS_NAME_MAX, group, PBUS_NAME_MAX, worker, zuuid_str(nonce));
    zuuid_destroy(&nonce);
    if (!pbus_name_ok(pbus_str(group)) || !pbus_name_ok(pbus_str(worker)))
        return pbus_fail(error, PBUS_INVALID,
                         "PersistBus.Group '%s' or PersistBus.Worker '%s' is not 1 to %d of A-Z a-z 0-9 _ -",
                         group, worker, PBUS_NAME_MAX);
    return PBUS_OK;
}

static zsock_t *s_socket(int type)
{
    zsock_t *socket = zsock_new(type);
    if (socket) {
        zsock_set_reconnect_ivl(socket, 10);
        zsock_set_reconnect_ivl_max(socket, 500);
        zsock_set_heartbeat_ivl(socket, 2000); /* a backstop for dead peers; liveness is PING and PONG */
        zsock_set_heartbeat_timeout(socket, 10000);
        zsock_set_rcvhwm(socket, 0); /* credit bounds it; a full queue would stop ZeroMQ's own heartbeats */
        zsock_set_linger(socket, LINGER_MS);
    }
    return socket;
}

static pbus_status_t s_connect(zsock_t *socket, const pbus_config_t *config, const char *key,
                               pbus_error_t *error)
{
    const char *endpoint = pbus_config_string(config, key);
    if (!socket)
        return pbus_fail(error, PBUS_NOMEM, "no more sockets: %s", zmq_strerror(zmq_errno()));
    pbus_status_t status = pbus_endpoint_check(key, endpoint, error);
    if (status == PBUS_OK && zsock_connect(socket, "%s", endpoint) != 0)
        return pbus_fail(error, PBUS_INVALID,
                         "%s: can't connect to '%s': %s; use one like tcp://127.0.0.1:5570", key, endpoint,
                         zmq_strerror(zmq_errno()));
    return status;
}

static pbus_status_t s_connect_both(pbus_link_t *self, pbus_error_t *error)
{
    self->sub = s_socket(ZMQ_SUB);
    self->dealer = s_socket(ZMQ_DEALER);
    pbus_status_t status = s_connect(self->dealer, self->config, "PersistBus.Replies", error);
    if (status == PBUS_OK && self->sub) {
        zsock_set_rcvtimeo(self->sub, 0); /* a receive that finds nothing returns */
        zsock_set_subscribe(self->sub, self->topic);
    }
    return status == PBUS_OK ? s_connect(self->sub, self->config, "PersistBus.Requests", error) : status;
}

static bool s_start_lane(pbus_link_t *self, pbus_lane_t which)
{
    s_lane_t *lane = &self->lanes[which];
    lane->args = (pbus_lane_args_t){.backend = self->backend,
                                    .config = self->config,
                                    .log = self->log,
                                    .metrics = self->metrics,
                                    .lane = which,
                                    .view = &self->view};
    snprintf(lane->text, sizeof lane->text, "the store is being opened");
    lane->actor = pbus_actor_new(pbus_lane_actor, &lane->args);
    return lane->actor != NULL;
}

static pbus_status_t s_start(pbus_link_t *self, pbus_error_t *error)
{
    self->metrics = pbus_metrics_new(s_counters, PBUS_COUNTERS);
    self->loop = zloop_new();
    if (!self->metrics || !self->loop || !s_start_lane(self, PBUS_LANE_WRITE) ||
        ((self->backend->flags & PBUS_READ_LANE) && !s_start_lane(self, PBUS_LANE_READ)))
        return pbus_fail(error, PBUS_NOMEM, "out of memory or threads while starting");
    return PBUS_OK;
}

pbus_link_t *pbus_link_new(const pbus_backend_t *backend, pbus_config_t *config, pbus_log_t *log,
                           pbus_error_t *error)
{
    pbus_link_t *self = calloc(1, sizeof *self);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "out of memory while starting");
        return NULL;
    }
    self->backend = backend;
    self->config = config;
    self->log = log;
    atomic_store(&self->view.offset, INT64_MAX);
    pbus_status_t status = s_name(self, error);
    if (status == PBUS_OK)
        status = s_start(self, error);
    if (status == PBUS_OK)
        status = s_connect_both(self, error);
    if (status != PBUS_OK)
        pbus_link_destroy(&self);
    return self;
}

/* Takes what a lane still sends until it says STOPPED; false if it does not in time. */
static bool s_stop_lane(pbus_link_t *self, s_lane_t *lane)
{
    int64_t end = zclock_mono() + STOP_MS;
    zpoller_t *poller = zpoller_new(pbus_actor_sock(lane->actor), NULL);
    if (!poller)
        return false;
    pbus_handoff_send(pbus_actor_sock(lane->actor), "STOP", NULL);
    while (!lane->stopped && zclock_mono() < end)
        if (zpoller_wait(poller, (int) (end - zclock_mono())))
            s_on_lane(self->loop, pbus_actor_sock(lane->actor), self);
    zpoller_destroy(&poller);
    return lane->stopped;
}

/* A lane that hangs in the backend can't be joined: the process has to end without it. */
static pbus_status_t s_stop_lanes(pbus_link_t *self, pbus_error_t *error)
{
    for (int i = 0; i < 2; i++)
        if (self->lanes[i].actor && !s_stop_lane(self, &self->lanes[i])) {
            self->lanes[i].actor = NULL;
            return pbus_fail(error, PBUS_TIMEOUT,
                             "a call of backend %s has not returned in %d ms: ending without it",
                             self->backend->name, STOP_MS);
        }
    return PBUS_OK;
}

static void s_log_counters(const pbus_link_t *self)
{
    for (size_t i = 0; i < pbus_metrics_count(self->metrics); i++)
        if (pbus_metrics_get(self->metrics, i))
            pbus_log_info(self->log, "%s dropped: %llu", pbus_metrics_name(self->metrics, i),
                          (unsigned long long) pbus_metrics_get(self->metrics, i));
}

static bool s_register(pbus_link_t *self, int signals)
{
    zmq_pollitem_t item = {.fd = signals, .events = ZMQ_POLLIN};
    bool ok = zloop_reader(self->loop, self->sub, s_on_sub, self) == 0 &&
              zloop_poller(self->loop, &item, s_on_signal, self) == 0 &&
              zloop_timer(self->loop, RELOAD_MS, 0, s_on_second, self) >= 0;
    for (int i = 0; ok && i < 2; i++)
        if (self->lanes[i].actor)
            ok = zloop_reader(self->loop, pbus_actor_sock(self->lanes[i].actor), s_on_lane, self) == 0;
    return ok;
}

pbus_status_t pbus_link_run(pbus_link_t *self, int signals, pbus_error_t *error)
{
    self->error = error;
    if (!s_register(self, signals))
        return pbus_fail(error, PBUS_NOMEM, "out of memory while starting");
    pbus_log_info(self->log, "worker %s listens to core-data at %s", self->topic,
                  pbus_config_string(self->config, "PersistBus.Requests"));
    pbus_handoff_send(pbus_actor_sock(self->lanes[PBUS_LANE_WRITE].actor), "OPEN", NULL);
    zloop_start(self->loop);
    pbus_error_t stop = {0};
    if (s_stop_lanes(self, &stop) != PBUS_OK && !self->failed) {
        *error = stop;
        self->failed = true;
    }
    s_log_counters(self);
    return self->failed ? error->status : PBUS_OK;
}

void pbus_link_destroy(pbus_link_t **self_p)
{
    pbus_link_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < 2; i++)
        pbus_actor_destroy(&self->lanes[i].actor);
    zloop_destroy(&self->loop);
    zsock_destroy(&self->sub);
    zsock_destroy(&self->dealer);
    pbus_metrics_destroy(&self->metrics);
    pbus_buf_clear(&self->refusal);
    free(self);
    *self_p = NULL;
}
