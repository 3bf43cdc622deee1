#include "lane.h"
#include "execute.h"
#include "handoff.h"

#include <stdlib.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define HEALTH_MS 5000 /* how often an idle lane looks after its store */

typedef struct {
    pbus_lane_args_t *args;
    zsock_t *pipe;
    pbus_executor_t *executor;
    void *handle;      /* the backend's; NULL: not open */
    bool wanted;       /* "OPEN" has come */
    bool ready;        /* the store is there */
    bool fatal;        /* and never will be */
    int retry_ms;      /* until the store is tried again */
    int64_t look_at;   /* CLOCK_BOOTTIME ns: when to open, retry or check the store next */
    uint64_t mark;     /* highest accept number applied */
    pbus_error_t away; /* why the store is not there */
} s_lane_t;

pbus_call_t *pbus_call_new(const pbus_message_t *message, zframe_t **payload_p, int64_t now)
{
    pbus_call_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->kind = message->kind;
    self->epoch = message->epoch;
    self->session = message->session;
    self->seq = message->seq;
    self->sent = message->sent;
    uint64_t timeout_ms = message->timeout_ms < 3600000 ? message->timeout_ms : 3600000;
    self->deadline = now + (int64_t) timeout_ms * 1000000;
    self->payload = *payload_p;
    *payload_p = NULL;
    return self;
}

void pbus_call_destroy(pbus_call_t **self_p)
{
    if (!*self_p)
        return;
    zframe_destroy(&(*self_p)->payload);
    free(*self_p);
    *self_p = NULL;
}

static void s_send_state(s_lane_t *self, const pbus_health_t *health, const char *text)
{
    pbus_lane_state_t *state = calloc(1, sizeof *state);
    if (!state) {
        pbus_log_error(self->args->log, "out of memory: core-data is not told of the store's state");
        return;
    }
    state->ready = self->ready;
    state->fatal = self->fatal;
    if (health)
        state->health = *health;
    snprintf(state->text, sizeof state->text, "%s", text);
    if (pbus_handoff_send(self->pipe, "STATE", state) != 0)
        free(state);
}

/* The store is away: say so once, try again with back-off. */
static void s_away(s_lane_t *self, const pbus_error_t *error, bool tell)
{
    bool news = tell || self->ready || self->away.status == PBUS_OK;
    self->ready = false;
    self->away = *error;
    self->retry_ms = self->retry_ms ? self->retry_ms * 2 : RETRY_MIN_MS;
    if (self->retry_ms > RETRY_MAX_MS)
        self->retry_ms = RETRY_MAX_MS;
    self->look_at = pbus_clock_boottime() + self->retry_ms * 1000000ll;
    if (news)
        s_send_state(self, NULL, error->text);
}

static void s_there(s_lane_t *self, const pbus_health_t *health, bool tell)
{
    bool news = tell || !self->ready;
    self->ready = true;
    self->away = (pbus_error_t){0};
    self->retry_ms = 0;
    self->look_at = pbus_clock_boottime() + HEALTH_MS * 1000000ll;
    if (news || health->applied_mark > self->mark)
        self->mark = health->applied_mark;
    if (news)
        s_send_state(self, health, "");
}

static void s_hopeless(s_lane_t *self, const pbus_error_t *error)
{
    self->ready = false;
    self->fatal = true;
    self->away = *error;
    self->look_at = INT64_MAX;
    s_send_state(self, NULL, error->text);
}

static bool s_is_away(pbus_status_t status)
{
    return status == PBUS_UNAVAILABLE || status == PBUS_FULL;
}

/* Opens the store if it is not open, and asks whether it is there. tell: say so even if it is no news. */
static void s_look(s_lane_t *self, bool tell)
{
    const pbus_lane_args_t *args = self->args;
    pbus_error_t error = {0};
    pbus_health_t health = {0};
    atomic_store(&self->args->busy_since, pbus_clock_boottime());
    pbus_status_t status = PBUS_OK;
    bool opening = !self->handle;
    if (opening)
        status = args->backend->open(&self->handle, args->config, args->log, args->lane, &error);
    if (status == PBUS_OK)
        status = args->backend->health(self->handle, &health, &error);
    atomic_store(&self->args->busy_since, 0);

    if (status == PBUS_OK)
        s_there(self, &health, tell);
    else if (opening && !self->handle && !s_is_away(status))
        s_hopeless(self, &error);
    else
        s_away(self, &error, tell);
}

/* A batch that is old, or of an ended session, may have been given to another worker: not executed, not
 * answered. */
static bool s_is_stale(s_lane_t *self, const pbus_call_t *call)
{
    const pbus_link_view_t *view = self->args->view;
    if (call->session != atomic_load(&view->session) || call->epoch != atomic_load(&view->epoch)) {
        pbus_metrics_add(self->args->metrics, PBUS_COUNT_STALE, 1);
        return true;
    }
    int64_t age = pbus_clock_boottime() - call->sent - atomic_load(&view->offset);
    if (call->kind == PBUS_WRITE && age > atomic_load(&view->lease)) {
        pbus_metrics_add(self->args->metrics, PBUS_COUNT_EXPIRED, 1);
        pbus_log_warn(self->args->log, "a batch is %lld ms old, past its lease: not executed",
                      (long long) (age / 1000000));
        return true;
    }
    return false;
}

static const pbus_buf_t *s_execute(s_lane_t *self, const pbus_call_t *call, pbus_message_t *reply)
{
    const pbus_link_view_t *view = self->args->view;
    const pbus_buf_t *answer = NULL;
    const void *data = zframe_data(call->payload);
    size_t size = zframe_size(call->payload);
    if (!self->ready) {
        reply->status = s_is_away(self->away.status) ? self->away.status : PBUS_UNAVAILABLE;
        reply->text = pbus_str(self->away.text);
        reply->mark = self->mark;
    } else if (call->kind == PBUS_WRITE) {
        pbus_executor_write(self->executor, self->handle, data, size, self->mark, reply);
        self->mark = reply->mark;
    } else
        answer =
            pbus_executor_query(self->executor, self->handle, data, size, call->deadline,
                                atomic_load(&view->reply_bytes), atomic_load(&view->message_bytes), reply);
    return answer;
}

static zmsg_t *s_message(const pbus_message_t *reply, const pbus_buf_t *answer)
{
    pbus_buf_t header = {0};
    pbus_message_encode(reply, &header);
    zmsg_t *message = header.failed ? NULL : zmsg_new();
    if (message && (zmsg_addmem(message, header.data, header.size) != 0 ||
                    (answer && zmsg_addmem(message, answer->data, answer->size) != 0)))
        zmsg_destroy(&message);
    pbus_buf_clear(&header);
    return message;
}

static void s_call(s_lane_t *self, pbus_call_t *call)
{
    zmsg_t *message = NULL;
    if (!s_is_stale(self, call)) {
        pbus_message_t reply = {.kind = call->kind == PBUS_WRITE ? PBUS_ACK : PBUS_REPLY,
                                .epoch = call->epoch,
                                .session = call->session,
                                .seq = call->seq};
        atomic_store(&self->args->busy_since, pbus_clock_boottime());
        const pbus_buf_t *answer = s_execute(self, call, &reply);
        atomic_store(&self->args->busy_since, 0);
        message = s_message(&reply, answer);
        if (self->ready && s_is_away(reply.status)) {
            pbus_error_t error = {.status = reply.status};
            snprintf(error.text, sizeof error.text, "%.*s", (int) reply.text.size, reply.text.data);
            s_away(self, &error, false);
        }
    }
    pbus_call_destroy(&call);
    pbus_handoff_send(self->pipe, "REPLY", message);
}

static void s_stop(s_lane_t *self)
{
    self->wanted = self->ready = false;
    if (self->handle)
        self->args->backend->close(&self->handle);
    pbus_handoff_send(self->pipe, "STOPPED", self->args); /* orders what the backend did before it */
}

/* Takes one command; false when told to end. */
static bool s_command(s_lane_t *self)
{
    void *pointer;
    char *command = pbus_handoff_recv(self->pipe, &pointer);
    if (!command)
        return false;
    bool go_on = !streq(command, "$TERM");
    if (streq(command, "OPEN")) {
        self->wanted = true;
        s_look(self, false);
    } else if (streq(command, "LOOK") && !self->fatal) {
        s_look(self, true);
    } else if (streq(command, "CALL"))
        s_call(self, pointer);
    else if (streq(command, "STOP"))
        s_stop(self);
    zstr_free(&command);
    return go_on;
}

/* How long to wait for a command before the store has to be looked after. -1: for ever. */
static int s_patience(const s_lane_t *self)
{
    if (!self->wanted || self->fatal)
        return -1;
    int64_t left = self->look_at - pbus_clock_boottime();
    return left <= 0 ? 0 : (int) (left / 1000000 + 1);
}

void pbus_lane_actor(zsock_t *pipe, void *args)
{
    s_lane_t self = {.args = args, .pipe = pipe};
    self.executor = pbus_executor_new(self.args->backend);
    zpoller_t *poller = zpoller_new(pipe, NULL);
    zsock_signal(pipe, self.executor && poller ? 0 : 1);
    bool go_on = self.executor && poller;
    while (go_on) {
        if (zpoller_wait(poller, s_patience(&self)) == pipe)
            go_on = s_command(&self);
        else if (zpoller_terminated(poller))
            go_on = false;
        else if (self.wanted && !self.fatal && pbus_clock_boottime() >= self.look_at)
            s_look(&self, false);
    }
    if (self.handle)
        self.args->backend->close(&self.handle);
    zpoller_destroy(&poller);
    pbus_executor_destroy(&self.executor);
}
