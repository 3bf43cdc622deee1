#include "need.h"
#include "peer_private.h"

#include <persistbus/version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define SECOND INT64_C(1000000000)
#define PING_NS (SECOND / 2)
#define PONG_NS (2 * SECOND)
#define LAST_NS (SECOND / 3) /* how long answers may take longer than the end of the subscription */
#define PINGS_MAX 16         /* unanswered */

typedef enum {
    PEER_ASKED,   /* WHO was sent, or REFUSE */
    PEER_WELCOME, /* WELCOME was sent; the store is not there, as far as is known */
    PEER_READY,
    PEER_DRAINING, /* DRAIN was sent */
    PEER_GONE,     /* the subscription is gone, in good order */
    PEER_ENDED     /* it broke the rules: WHO follows */
} state_t;

/* What was sent and is not answered; call is NULL when nobody waits for the answer any more. */
typedef struct {
    pbus_kind_t kind;
    uint64_t seq;
    size_t writes;
    size_t bytes;
    call_t *call;
} entry_t;

struct peer {
    host_shared_t *shared;
    state_t state;
    uint64_t session;
    uint64_t seq;
    int64_t state_at; /* CLOCK_BOOTTIME, ns: when WHO was sent */
    uint64_t message_bytes;
    peer_info_t info;
    char topic[256], backend[64], version[64], group[PBUS_NAME_MAX + 1], text[300];
    entry_t *entries;
    size_t entry_count;
    int64_t pings[PINGS_MAX]; /* when they were sent, the oldest first */
    size_t ping_count;
    int64_t ping_at; /* the next */
};

static void s_fault(peer_t *self, const char *format, ...) PBUS_PRINTF(2, 3);
static void s_fault(peer_t *self, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host_shared_fault(self->shared, self->topic, "%s", text);
}

static void s_keep_text(char *to, size_t size, pbus_str_t text)
{
    snprintf(to, size, "%.*s", (int) text.size, text.size ? text.data : "");
}

/* ---- calls -----------------------------------------------------------------------------------------------
 */

/* The entry of a call, or NULL if it is answered or lost. */
static entry_t *s_entry_of(peer_t *self, uint64_t seq, pbus_kind_t kind)
{
    for (size_t i = 0; i < self->entry_count; i++)
        if (self->entries[i].seq == seq && self->entries[i].kind == kind)
            return &self->entries[i];
    return NULL;
}

static void s_remove_entry(peer_t *self, entry_t *entry)
{
    if (entry->call)
        entry->call->place = NULL;
    size_t place = (size_t) (entry - self->entries);
    memmove(entry, entry + 1, (--self->entry_count - place) * sizeof *entry);
}

static void s_lose_entries(peer_t *self)
{
    while (self->entry_count > 0) {
        if (self->entries[0].call)
            self->entries[0].call->lost = true;
        s_remove_entry(self, &self->entries[0]);
    }
}

void call_destroy(call_t **self_p)
{
    call_t *self = *self_p;
    if (!self)
        return;
    peer_t *peer = self->place;
    for (size_t i = 0; peer && i < peer->entry_count; i++)
        if (peer->entries[i].call == self)
            peer->entries[i].call = NULL;
    free(self->failed);
    pbus_buf_clear(&self->payload);
    free(self);
    *self_p = NULL;
}

/* ---- sending ---------------------------------------------------------------------------------------------
 */

pbus_message_t peer_message(peer_t *self, pbus_kind_t kind)
{
    pbus_message_t message = {
        .kind = kind, .epoch = self->shared->epoch, .session = self->session, .sent = pbus_clock_boottime()};
    if (kind == PBUS_WRITE || kind == PBUS_QUERY)
        message.seq = ++self->seq;
    return message;
}

void peer_send_frames(peer_t *self, const pbus_buf_t *header, const pbus_buf_t *payload)
{
    bus_send(self->shared->bus, self->topic, header, payload);
}

void peer_send(peer_t *self, const pbus_message_t *message, const pbus_buf_t *payload)
{
    pbus_buf_t header = {0};
    pbus_message_encode(message, &header);
    if (self->shared->terms.later_minor) {
        pbus_buf_puts(&header, "\xa5later");
        need_buf(&header);
        header.data[0]++; /* an array of less than 15: its length is in the first byte */
    }
    need_buf(&header);
    peer_send_frames(self, &header, payload);
    pbus_buf_clear(&header);
}

call_t *peer_call(peer_t *self, const pbus_message_t *message, const pbus_buf_t *payload, size_t writes)
{
    call_t *call = need_alloc(1, sizeof *call);
    *call = (call_t){.kind = message->kind,
                     .seq = message->seq,
                     .writes = writes,
                     .bytes = payload ? payload->size : 0,
                     .sent = pbus_clock_boottime(),
                     .place = self};
    self->entries = need_more(self->entries, self->entry_count + 1, sizeof *self->entries);
    self->entries[self->entry_count++] =
        (entry_t){.kind = call->kind, .seq = call->seq, .writes = writes, .bytes = call->bytes, .call = call};
    peer_send(self, message, payload);
    return call;
}

call_t *peer_write(peer_t *self, const batch_t *batch)
{
    pbus_buf_t payload = {0};
    batch_encode(batch, &payload);
    pbus_message_t message = peer_message(self, PBUS_WRITE);
    call_t *call = peer_call(self, &message, &payload, batch_count(batch));
    pbus_buf_clear(&payload);
    return call;
}

call_t *peer_ask(peer_t *self, const pbus_ask_t *ask, uint64_t timeout_ms)
{
    pbus_buf_t payload = {0};
    pbus_ask_encode(ask, &payload);
    need_buf(&payload);
    pbus_message_t message = peer_message(self, PBUS_QUERY);
    message.timeout_ms = timeout_ms;
    call_t *call = peer_call(self, &message, &payload, 0);
    pbus_buf_clear(&payload);
    return call;
}

bool peer_has_credit(const peer_t *self, pbus_kind_t kind, size_t bytes)
{
    size_t writes = 0, total = bytes;
    for (size_t i = 0; i < self->entry_count; i++) {
        writes += self->entries[i].kind == PBUS_WRITE;
        total += self->entries[i].bytes;
    }
    if (self->entry_count == 0)
        return true;
    return self->entry_count < self->info.messages && total <= self->info.bytes &&
           (kind != PBUS_WRITE || writes < self->info.batches);
}

void peer_begin(peer_t *self)
{
    s_lose_entries(self);
    self->session = ++self->shared->session;
    self->seq = 0;
    self->ping_count = 0;
    self->state = PEER_ASKED;
    self->state_at = pbus_clock_boottime();
    self->info.ready = false;
    pbus_message_t who = peer_message(self, PBUS_WHO);
    peer_send(self, &who, NULL);
}

void peer_ping(peer_t *self)
{
    pbus_message_t ping = peer_message(self, PBUS_PING);
    if (self->ping_count == PINGS_MAX)
        return;
    self->pings[self->ping_count++] = ping.sent;
    peer_send(self, &ping, NULL);
}

void peer_drain(peer_t *self)
{
    pbus_message_t drain = peer_message(self, PBUS_DRAIN);
    self->state = PEER_DRAINING;
    peer_send(self, &drain, NULL);
}

/* ---- what comes ------------------------------------------------------------------------------------------
 */

static bool s_check_hello(peer_t *self, const pbus_message_t *hello)
{
    pbus_topic_t topic;
    const peer_info_t *info = &self->info;
    if (!pbus_topic_parse(&topic, pbus_str(self->topic)) || !pbus_str_eq(hello->topic, pbus_str(self->topic)))
        s_fault(self, "HELLO names another topic than it subscribes to: '%.*s'", (int) hello->topic.size,
                hello->topic.data);
    else if (!pbus_str_eq(hello->group, topic.group))
        s_fault(self, "HELLO names group '%s', its topic another", info->group);
    else if (!info->backend[0] || !info->version[0])
        s_fault(self, "HELLO lacks the backend's name or version");
    else if (info->messages < 1 || info->messages > 256 || info->batches < 1 || info->batches > 16)
        s_fault(self, "HELLO gives credit of %llu messages (1 to 256) and %llu batches (1 to 16)",
                (unsigned long long) info->messages, (unsigned long long) info->batches);
    else if (!info->bytes || !info->batch_events || !info->batch_bytes)
        s_fault(self, "HELLO gives no credit in bytes, or wants batches of nothing");
    else
        return true;
    return false;
}

static void s_on_health(peer_t *self, const pbus_message_t *message)
{
    self->info.durable = message->durable;
    self->info.has_set = message->has_set;
    self->info.data_set = message->data_set;
    self->info.mark = message->mark;
}

static void s_on_hello(peer_t *self, const pbus_message_t *hello)
{
    peer_info_t *info = &self->info;
    if (self->state != PEER_ASKED) {
        s_fault(self, "HELLO came twice in a session");
        return;
    }
    s_keep_text(self->backend, sizeof self->backend, hello->backend);
    s_keep_text(self->version, sizeof self->version, hello->version);
    s_keep_text(self->group, sizeof self->group, hello->group);
    info->minor = hello->minor;
    info->missing = hello->missing;
    info->messages = hello->messages;
    info->batches = hello->batches;
    info->bytes = hello->bytes;
    info->batch_events = hello->batch_events;
    info->batch_bytes = hello->batch_bytes;
    info->hellos++;
    s_on_health(self, hello);

    bool fine = s_check_hello(self, hello);
    if (fine && !self->shared->refusal) {
        pbus_message_t welcome = peer_message(self, PBUS_WELCOME);
        welcome.minor = PBUS_PROTOCOL_MINOR + self->shared->terms.later_minor;
        welcome.lease_ms = self->shared->terms.lease_ms;
        welcome.reply_bytes = self->shared->terms.reply_bytes;
        welcome.message_bytes = self->message_bytes = self->shared->terms.message_bytes;
        self->state = PEER_WELCOME;
        self->ping_at = pbus_clock_boottime();
        peer_send(self, &welcome, NULL);
    } else {
        pbus_message_t refuse = peer_message(self, PBUS_REFUSE);
        refuse.status = fine ? PBUS_CONFLICT : PBUS_INVALID;
        refuse.text = pbus_str(fine ? self->shared->refusal : self->shared->fault);
        peer_send(self, &refuse, NULL);
    }
}

static void s_on_ready(peer_t *self, const pbus_message_t *ready)
{
    if (self->state == PEER_ASKED)
        s_fault(self, "READY came before WELCOME");
    if (ready->ready && !ready->has_set)
        s_fault(self, "READY true without the data set's id");
    if (!ready->ready && ready->text.size == 0)
        s_fault(self, "READY false does not say why");
    if (self->state != PEER_WELCOME && self->state != PEER_READY)
        return;
    s_keep_text(self->text, sizeof self->text, ready->text);
    self->info.ready = ready->ready;
    *(ready->ready ? &self->info.readies : &self->info.unreadies) += 1;
    self->state = ready->ready ? PEER_READY : PEER_WELCOME;
    if (ready->ready)
        s_on_health(self, ready);
}

/* The status of each write. */
static void s_take_failed(peer_t *self, pbus_message_t *ack, call_t *call)
{
    pbus_failed_t failed;
    call->failed = need_alloc(call->writes, sizeof *call->failed);
    while (pbus_message_next_failed(ack, &failed))
        if (failed.index >= call->writes || failed.status == PBUS_OK || call->failed[failed.index] != PBUS_OK)
            s_fault(self, "ACK of a batch of %zu lists write %llu with status %s, twice, or as OK",
                    call->writes, (unsigned long long) failed.index, pbus_status_name(failed.status));
        else
            call->failed[failed.index] = failed.status;
}

static void s_take_payload(peer_t *self, zframe_t *payload, call_t *call)
{
    size_t size = payload ? zframe_size(payload) : 0;
    if ((call->status == PBUS_OK) != (payload != NULL))
        s_fault(self, "REPLY with status %s %s a payload", pbus_status_name(call->status),
                payload ? "has" : "lacks");
    if (size > self->message_bytes)
        s_fault(self, "REPLY of %zu bytes is above message_bytes %llu", size,
                (unsigned long long) self->message_bytes);
    if (payload)
        pbus_buf_append(&call->payload, zframe_data(payload), size);
    need_buf(&call->payload);
}

static void s_on_answer(peer_t *self, pbus_message_t *message, zframe_t *payload)
{
    bool ack = message->kind == PBUS_ACK;
    entry_t *entry = s_entry_of(self, message->seq, ack ? PBUS_WRITE : PBUS_QUERY);
    if (!entry) {
        s_fault(self, "%s of seq %llu, which was not asked, or was answered before",
                pbus_kind_name(message->kind), (unsigned long long) message->seq);
        return;
    }
    call_t *call = entry->call;
    s_remove_entry(self, entry);
    if (!call)
        return;
    call->answered = true;
    call->answered_at = pbus_clock_boottime();
    call->status = message->status;
    call->mark = message->mark;
    s_keep_text(call->text, sizeof call->text, message->text);
    if (!ack)
        s_take_payload(self, payload, call);
    else if (call->status == PBUS_OK)
        s_take_failed(self, message, call);
}

static void s_on_pong(peer_t *self, const pbus_message_t *pong)
{
    int64_t took = pbus_clock_boottime() - pong->sent;
    if (self->ping_count == 0 || self->pings[0] != pong->sent) {
        s_fault(self, "PONG with sent %lld, which is not that of the oldest unanswered PING",
                (long long) pong->sent);
        return;
    }
    memmove(self->pings, self->pings + 1, --self->ping_count * sizeof self->pings[0]);
    self->info.busy = pong->busy;
    self->info.pongs++;
    if (took > self->info.slowest_pong)
        self->info.slowest_pong = took;
}

void peer_take(peer_t *self, pbus_message_t *message, zframe_t *payload)
{
    switch (message->kind) {
    case PBUS_HELLO:
        s_on_hello(self, message);
        break;
    case PBUS_READY:
        s_on_ready(self, message);
        break;
    case PBUS_ACK:
    case PBUS_REPLY:
        s_on_answer(self, message, payload);
        break;
    case PBUS_PONG:
        s_on_pong(self, message);
        break;
    case PBUS_BYE:
        self->info.leaving = true;
        if (self->state == PEER_WELCOME || self->state == PEER_READY)
            peer_drain(self);
        break;
    default:
        s_fault(self, "a message of unknown kind %d", (int) message->kind);
    }
}

/* ---- time ------------------------------------------------------------------------------------------------
 */

static void s_tick_pings(peer_t *self, int64_t now)
{
    if (self->ping_count > 0 && now - self->pings[0] > (int64_t) (PONG_NS * self->shared->patience)) {
        s_fault(self, "no PONG for %.1f s", (double) (now - self->pings[0]) / SECOND);
        s_lose_entries(self);
        self->state = PEER_ENDED;
        self->state_at = now;
    } else if (now >= self->ping_at) {
        peer_ping(self);
        self->ping_at = now + PING_NS;
    }
}

bool peer_leave(peer_t *self)
{
    if (self->state != PEER_DRAINING)
        return false;
    self->state = PEER_GONE;
    self->state_at = pbus_clock_boottime();
    return true;
}

bool peer_tick(peer_t *self, int64_t now)
{
    if (self->state == PEER_GONE)
        return now - self->state_at < (int64_t) (LAST_NS * self->shared->patience);
    if ((self->state == PEER_ASKED || self->state == PEER_ENDED) && now - self->state_at > SECOND)
        peer_begin(self);
    else if (self->state == PEER_WELCOME || self->state == PEER_READY)
        s_tick_pings(self, now);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

peer_t *peer_new(host_shared_t *shared, pbus_str_t topic)
{
    peer_t *self = need_alloc(1, sizeof *self);
    self->shared = shared;
    s_keep_text(self->topic, sizeof self->topic, topic);
    self->info = (peer_info_t){.topic = self->topic,
                               .backend = self->backend,
                               .version = self->version,
                               .group = self->group,
                               .text = self->text};
    peer_begin(self);
    return self;
}

void peer_destroy(peer_t **self_p)
{
    if (!*self_p)
        return;
    s_lose_entries(*self_p);
    free((*self_p)->entries);
    free(*self_p);
    *self_p = NULL;
}

bool peer_is_topic(const peer_t *self, pbus_str_t topic)
{
    return pbus_str_eq(pbus_str(self->topic), topic);
}

bool peer_is_session(const peer_t *self, uint64_t session)
{
    return self->session == session;
}

const peer_info_t *peer_info(const peer_t *self)
{
    return &self->info;
}

bool peer_is_ready(const peer_t *self)
{
    return self->state == PEER_READY;
}
