#include "private.h"

#include <persistbus/version.h>

#include <stdlib.h>

#define SESSIONS_MAX 1024
#define GROUPS_MAX 64

/* Of a group that routes narrow, or narrowed before this core-data was started. */
static const char narrowed_why[] = "PersistBus.Routes let only a part of the writes through to it";

/* ---- groups ---- */

group_t *members_group(const dispatcher_t *self, pbus_str_t name)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (pbus_str_eq(pbus_str(group->name), name))
        return group;
    return NULL;
}

/* A group's place in PersistBus.Prefer; those not named come after all that are. */
static size_t s_rank(const dispatcher_t *self, const char *name)
{
    const char *const *names;
    size_t count = pbus_config_list(self->config, "PersistBus.Prefer", &names);
    for (size_t i = 0; i < count; i++)
        if (streq(names[i], name))
            return i;
    return count;
}

/* What an operator preferred comes before what the configuration names; a tie leaves the order in which they
 * came. */
static bool s_comes_before(const dispatcher_t *self, const group_t *a, const group_t *b)
{
    if (a->preference != b->preference)
        return a->preference > b->preference;
    return s_rank(self, a->name) < s_rank(self, b->name);
}

void members_place(dispatcher_t *self, group_t *group)
{
    group_t *behind;
    TAILQ_FOREACH(behind, &self->groups, link)
    if (s_comes_before(self, group, behind))
        break;
    if (behind)
        TAILQ_INSERT_BEFORE(behind, group, link);
    else
        TAILQ_INSERT_TAIL(&self->groups, group, link);
}

static group_t *s_add_group(dispatcher_t *self, pbus_str_t name, uint64_t preference)
{
    group_t *group = group_new(name);
    if (!group)
        return NULL;
    group->preference = preference;
    group->generation = 1;
    group->narrowed = narrowing_names(self->narrowing, group->name);
    members_place(self, group);
    return group;
}

/* It lacks something, from now on and for as long as it has not been filled after the routes are gone. */
static void s_narrow(dispatcher_t *self, group_t *group)
{
    if (!group->narrowed)
        return;
    pbus_log_info(self->log, "group %s is narrowed: it gets only what its routes let through", group->name);
    if (group->stale)
        return;
    group->stale = true;
    snprintf(group->why, sizeof group->why, "%s", narrowed_why);
    group->saved = UINT64_MAX; /* the spool has to learn of it */
}

bool members_load(dispatcher_t *self)
{
    const spool_group_t *saved;
    size_t count = spool_groups(self->spool, &saved);
    for (size_t i = 0; i < count; i++) {
        group_t *group = s_add_group(self, pbus_str(saved[i].name), saved[i].preference);
        if (!group)
            return false;
        snprintf(group->backend, sizeof group->backend, "%s", saved[i].backend);
        group->stale = saved[i].stale;
        snprintf(group->why, sizeof group->why, "%s", saved[i].why);
        group->retiring = saved[i].retiring;
        group->left = pbus_clock_boottime();
        group->oldest = saved[i].oldest;
        group->spooled = saved[i].events;
        group->spooled_bytes = saved[i].bytes;
        group->lagging = true; /* until it is seen to be up to date */
        /* A worker may still hold adds of the core-data before this one. */
        flow_note_lease(group, pbus_clock_boottime());
        group->holding = group->spooled == 0;
        group->has_set = saved[i].has_set;
        group->data_set = saved[i].data_set;
        group->acked = group->saved = saved[i].acked;
        s_narrow(self, group);
    }
    return true;
}

group_t *members_preferred(const dispatcher_t *self)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group_state(group) == GROUP_LIVE && group_serves(group))
        return group;
    return NULL;
}

group_t *members_complete(const dispatcher_t *self)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group_serves(group) && !group->narrowed)
        return group;
    return NULL;
}

void members_on_unsaved(dispatcher_t *self, const char *name)
{
    group_t *group = members_group(self, pbus_str(name));
    if (group)
        group->saved = UINT64_MAX; /* differs from `acked`, so the timer saves it again */
}

void members_save(dispatcher_t *self)
{
    group_t *group;
    TAILQ_FOREACH(group, &self->groups, link)
    if (group->acked != group->saved)
        dispatch_save_group(self, group, NULL);
}

/* A narrowed group that lacks what it should have is told from one that is just narrowed. */
void members_make_stale(dispatcher_t *self, group_t *group, const char *why)
{
    bool just_narrowed = group->narrowed && streq(group->why, narrowed_why);
    group->generation++;
    if (group->stale && !just_narrowed)
        return;
    group->stale = true;
    snprintf(group->why, sizeof group->why, "%s", why);
    pbus_log_warn(self->log, "group %s is STALE: %s", group->name, why);
    dispatch_save_group(self, group, NULL);
}

void members_make_whole(group_t *group)
{
    group->stale = false;
    group->why[0] = 0;
}

static void s_note_durable(dispatcher_t *self, group_t *group, bool durable)
{
    bool allowed = pbus_config_bool(self->config, "PersistBus.AllowVolatile");
    if (!durable && (group->durable || !group->has_set))
        pbus_log_warn(self->log, "group %s says that its store is volatile, a power cut may lose events: %s",
                      group->name,
                      allowed ? "PersistBus.AllowVolatile lets it count for 201"
                              : "PersistBus.AllowVolatile is false, so it does not count for 201");
    group->durable = durable;
    group->counts = durable || allowed;
}

/*
 * The store must be the one that the group is known by, and must not have lost what it has acknowledged.
 * NULL, or why the worker is refused.
 */
static const char *s_check_store(dispatcher_t *self, group_t *group, session_t *session,
                                 const pbus_message_t *message)
{
    const session_t *other;
    bool same = group->has_set && memcmp(&group->data_set, &message->data_set, sizeof group->data_set) == 0;
    if (group->has_set && !same) {
        TAILQ_FOREACH(other, &group->sessions, link)
        if (other != session && other->state == SESSION_READY)
            return "its group is being served by another data set: give the worker another PersistBus.Group, "
                   "or stop "
                   "the other workers";
        members_make_stale(self, group, "its store is another one than before");
        group->acked = 0;
    } else if (same && message->mark < session->mark) {
        members_make_stale(self, group, "its store lacks writes that it has acknowledged");
        session->mark = message->mark; /* has been told */
    }
    s_note_durable(self, group, message->durable);
    if (!same) {
        group->has_set = true;
        group->data_set = message->data_set;
        dispatch_save_group(self, group, NULL);
    }
    return NULL;
}

/* ---- sessions ---- */

static void s_send(dispatcher_t *self, const session_t *session, pbus_message_t *message)
{
    message->epoch = self->epoch;
    message->session = session->number;
    message->sent = pbus_clock_boottime();
    wire_send(self->wire, session->topic, message, NULL);
}

/* From here on the worker's store must have what its group has acknowledged by now. */
static void s_note_mark(dispatcher_t *self, session_t *session)
{
    pbus_topic_t topic;
    const group_t *group = NULL;
    if (pbus_topic_parse(&topic, pbus_str(session->topic)))
        group = members_group(self, topic.group);
    session->mark = group ? group->acked : 0;
}

static void s_ask(dispatcher_t *self, session_t *session)
{
    pbus_message_t who = {.kind = PBUS_WHO};
    session->number = ++self->next_session;
    session->state = SESSION_ASKED;
    session->asked = pbus_clock_boottime();
    s_note_mark(self, session);
    s_send(self, session, &who);
}

/* Takes the session out of its group, with what it was asked. */
static void s_leave_group(dispatcher_t *self, session_t *session)
{
    if (!session->group)
        return;
    if (!TAILQ_EMPTY(&session->calls))
        dispatch_count(self, COUNT_LOST_SESSIONS);
    flow_take_back(self, session);
    TAILQ_REMOVE(&session->group->sessions, session, link);
    session->group = NULL;
    TAILQ_INSERT_TAIL(&self->others, session, link);
}

void members_end(dispatcher_t *self, session_t *session, const char *why)
{
    pbus_log_warn(self->log, "session of worker %s ends: %s", session->topic, why);
    s_leave_group(self, session);
    session->state = SESSION_ENDED;
    session->asked = pbus_clock_boottime();
}

static session_t *s_find_topic(dispatcher_t *self, pbus_str_t topic)
{
    group_t *group;
    session_t *session;
    TAILQ_FOREACH(session, &self->others, link)
    if (pbus_str_eq(pbus_str(session->topic), topic))
        return session;
    TAILQ_FOREACH(group, &self->groups, link)
    TAILQ_FOREACH(session, &group->sessions, link)
    if (pbus_str_eq(pbus_str(session->topic), topic))
        return session;
    return NULL;
}

session_t *members_find(dispatcher_t *self, uint64_t number)
{
    group_t *group;
    session_t *session;
    TAILQ_FOREACH(group, &self->groups, link)
    TAILQ_FOREACH(session, &group->sessions, link)
    if (session->number == number)
        return session;
    TAILQ_FOREACH(session, &self->others, link)
    if (session->number == number)
        return session;
    return NULL;
}

static void s_explain_version(char *reason, size_t size, uint64_t major)
{
    snprintf(reason, size, "this core-data speaks protocol %d.%d, the worker %llu: use a matching version",
             PBUS_PROTOCOL_MAJOR, PBUS_PROTOCOL_MINOR, (unsigned long long) major);
}

static void s_refuse_version(dispatcher_t *self, pbus_str_t text, uint64_t major)
{
    char topic[512];
    char reason[160];
    snprintf(topic, sizeof topic, "%.*s", (int) text.size, text.data);
    s_explain_version(reason, sizeof reason, major);
    pbus_message_t refuse = {.kind = PBUS_REFUSE,
                             .epoch = self->epoch,
                             .sent = pbus_clock_boottime(),
                             .status = PBUS_UNSUPPORTED,
                             .text = pbus_str(reason)};
    wire_send(self->wire, topic, &refuse, NULL);
    dispatch_count(self, COUNT_REFUSED);
    pbus_log_warn(self->log, "worker %s refused: %s", topic, reason);
}

static session_t *s_new_session(dispatcher_t *self, pbus_str_t text, const pbus_topic_t *topic)
{
    session_t *session = self->session_count < SESSIONS_MAX ? session_new(text, topic->worker) : NULL;
    if (!session) {
        pbus_log_error(self->log, "no room for another worker: %zu are subscribed", self->session_count);
        return NULL;
    }
    self->session_count++;
    TAILQ_INSERT_TAIL(&self->others, session, link);
    return session;
}

static void s_joined(dispatcher_t *self, pbus_str_t text, const pbus_topic_t *topic)
{
    session_t *session = s_find_topic(self, text);
    if (session)
        s_leave_group(self, session);
    else
        session = s_new_session(self, text, topic);
    if (!session)
        return;
    session->connections++;
    s_ask(self, session);
}

static void s_left(dispatcher_t *self, pbus_str_t text)
{
    session_t *session = s_find_topic(self, text);
    if (!session || --session->connections > 0)
        return;
    if (session->group)
        pbus_log_info(self->log, "worker %s of group %s has gone", session->topic, session->group->name);
    s_leave_group(self, session);
    TAILQ_REMOVE(&self->others, session, link);
    self->session_count--;
    session_destroy(&session);
}

void members_on_subscription(dispatcher_t *self, bool joined, pbus_str_t text)
{
    pbus_topic_t topic;
    if (!pbus_topic_parse(&topic, text)) {
        dispatch_count(self, COUNT_MALFORMED);
        return;
    }
    if (!joined)
        s_left(self, text);
    else if (topic.major != PBUS_PROTOCOL_MAJOR)
        s_refuse_version(self, text, topic.major);
    else
        s_joined(self, text, &topic);
}

/* ---- HELLO, READY, PONG, BYE ---- */

static void s_refuse(dispatcher_t *self, session_t *session, pbus_status_t status, const char *why)
{
    pbus_message_t refuse = {.kind = PBUS_REFUSE, .status = status, .text = pbus_str(why)};
    bool news = strncmp(session->reason, why, sizeof session->reason - 1) != 0;
    s_send(self, session, &refuse);
    s_leave_group(self, session);
    session->state = SESSION_REFUSED;
    session->asked = pbus_clock_boottime();
    snprintf(session->reason, sizeof session->reason, "%s", why);
    dispatch_count(self, COUNT_REFUSED);
    if (news)
        pbus_log_warn(self->log, "worker %s refused: %s", session->topic, why);
}

static group_t *s_join_group(dispatcher_t *self, const pbus_message_t *hello)
{
    group_t *group = members_group(self, hello->group);
    if (group)
        return group;
    size_t count = 0;
    TAILQ_FOREACH(group, &self->groups, link)
    count++;
    group = count < GROUPS_MAX ? s_add_group(self, hello->group, 0) : NULL;
    if (!group)
        return NULL;
    s_narrow(self, group);
    /* What was accepted before it came, it lacks. */
    if (self->accepted && !group->stale)
        snprintf(group->why, sizeof group->why, "it joined when events had been accepted already");
    group->stale = group->stale || self->accepted;
    forward_adopt(self, group);
    snprintf(group->backend, sizeof group->backend, "%.*s", (int) hello->backend.size, hello->backend.data);
    pbus_log_info(self->log, "new group %s (%s) is %s", group->name, group->backend,
                  group_state_name(group_state(group)));
    dispatch_save_group(self, group, NULL);
    return group;
}

/* What is wrong with a HELLO; NULL if nothing is. */
static const char *s_check_hello(const session_t *session, const pbus_message_t *hello)
{
    pbus_topic_t topic;
    if (!pbus_str_eq(hello->topic, pbus_str(session->topic)))
        return "the HELLO names another topic than the one subscribed to";
    if (!pbus_topic_parse(&topic, hello->topic) || !pbus_str_eq(topic.group, hello->group))
        return "the HELLO names another group than its topic";
    if (!pbus_name_ok(hello->backend) || hello->version.size > PBUS_NAME_MAX)
        return "the HELLO's backend or version is not well-formed";
    if (!hello->messages || !hello->batches || !hello->bytes || !hello->batch_events || !hello->batch_bytes)
        return "the HELLO grants no credit, or no batch";
    return NULL;
}

static void s_on_hello(dispatcher_t *self, session_t *session, const pbus_message_t *hello)
{
    const char *wrong = s_check_hello(session, hello);
    const group_t *known = members_group(self, hello->group);
    if (known && known->forgetting)
        return; /* it is asked again when that is over */
    group_t *group = wrong ? NULL : s_join_group(self, hello);
    if (!group) {
        s_refuse(self, session, wrong ? PBUS_INVALID : PBUS_FULL,
                 wrong ? wrong : "there are too many groups already");
        return;
    }
    const char *conflict = hello->has_set ? s_check_store(self, group, session, hello) : NULL;
    if (conflict) {
        s_refuse(self, session, PBUS_CONFLICT, conflict);
        return;
    }
    session_introduce(session, hello);
    group->missing = hello->missing;
    snprintf(group->backend, sizeof group->backend, "%.*s", (int) hello->backend.size, hello->backend.data);
    snprintf(group->version, sizeof group->version, "%.*s", (int) hello->version.size, hello->version.data);
    TAILQ_REMOVE(&self->others, session, link);
    TAILQ_INSERT_TAIL(&group->sessions, session, link);
    session->group = group;
    session->state = SESSION_WELCOME;
    session->ponged = pbus_clock_boottime();
    snprintf(session->reason, sizeof session->reason, "its store is being opened");
    pbus_message_t welcome = {
        .kind = PBUS_WELCOME,
        .minor = PBUS_PROTOCOL_MINOR,
        .lease_ms = LEASE_MS,
        .reply_bytes = REPLY_BYTES,
        .message_bytes = (uint64_t) pbus_config_int(self->config, "PersistBus.MaxMessageSize") * 1024 - 4096};
    s_send(self, session, &welcome);
}

/*
 * Whether the mark of a READY lags behind. That proves nothing: the worker may have read it before another
 * one's writes were acknowledged. Only a HELLO's mark is sure to be read later than what it is compared with.
 */
static bool s_mark_lags(const session_t *session, const pbus_message_t *ready)
{
    const group_t *group = session->group;
    return ready->has_set && group->has_set && ready->mark < session->mark &&
           memcmp(&group->data_set, &ready->data_set, sizeof group->data_set) == 0;
}

static void s_on_ready(dispatcher_t *self, session_t *session, const pbus_message_t *ready)
{
    group_t *group = session->group;
    if (!ready->ready) {
        bool served = session->state == SESSION_READY; /* else it is only starting */
        session->state = SESSION_WELCOME;
        s_note_mark(self, session);
        snprintf(session->reason, sizeof session->reason, "%.*s", (int) ready->text.size, ready->text.data);
        pbus_log_at(self->log, served ? PBUS_LOG_WARN : PBUS_LOG_INFO, "worker %s can't serve: %s",
                    session->topic, session->reason);
        return;
    }
    if (s_mark_lags(session, ready)) {
        s_leave_group(self, session);
        s_ask(self, session);
        return;
    }
    const char *conflict = ready->has_set ? s_check_store(self, group, session, ready)
                                          : "a worker that is ready has to tell its data set";
    if (conflict) {
        s_refuse(self, session, ready->has_set ? PBUS_CONFLICT : PBUS_INVALID, conflict);
        return;
    }
    session->state = SESSION_READY;
    session->reason[0] = 0;

    pbus_log_info(self->log, "worker %s is ready, group %s is %s", session->topic, group->name,
                  group_state_name(group_state(group)));
}

void members_drain(dispatcher_t *self, session_t *session)
{
    pbus_message_t drain = {.kind = PBUS_DRAIN};
    bool told = session->state == SESSION_DRAINING;
    session->state = SESSION_DRAINING;
    if (!told)
        s_send(self, session, &drain);
}

void members_on_message(dispatcher_t *self, session_t *session, const pbus_message_t *message)
{
    if (message->kind == PBUS_HELLO && session->state == SESSION_ASKED)
        s_on_hello(self, session, message);
    else if (!session->group)
        dispatch_count(self, COUNT_STALE_MESSAGES);
    else if (message->kind == PBUS_PONG) {
        session->ponged = pbus_clock_boottime();
        session->busy = message->busy;
    } else if (message->kind == PBUS_READY && session->state != SESSION_DRAINING)
        s_on_ready(self, session, message);
    else if (message->kind == PBUS_BYE)
        members_drain(self, session);
    else
        dispatch_count(self, COUNT_STALE_MESSAGES);
}

void members_on_malformed(dispatcher_t *self, session_t *session, const pbus_message_t *message)
{
    char reason[160];
    if (session->state != SESSION_ASKED) {
        if (session->group)
            members_end(self, session, "it sent a malformed message");
    } else if (message->major != PBUS_PROTOCOL_MAJOR) {
        s_explain_version(reason, sizeof reason, message->major);
        s_refuse(self, session, PBUS_UNSUPPORTED, reason);
    } else
        s_refuse(self, session, PBUS_INVALID, "its HELLO is malformed");
}

/* ---- time ---- */

/* Whether a batch has been with the worker for longer than its lease. */
static bool s_overdue(const session_t *session, int64_t now)
{
    const call_t *call;
    TAILQ_FOREACH(call, &session->calls, link)
    if (call->kind == PBUS_WRITE)
        return now - call->sent > LEASE_MS * MS;
    return false;
}

static void s_watch(dispatcher_t *self, session_t *session, int64_t now)
{
    pbus_message_t ping = {.kind = PBUS_PING};
    if (now - session->ponged > SILENT_MS * MS)
        members_end(self, session, "no sign of life for 2 s");
    else if (s_overdue(session, now))
        members_end(self, session, "a batch was not answered within its lease");
    else if (now - session->pinged >= PING_MS * MS) {
        session->pinged = now;
        s_send(self, session, &ping);
    }
}

/*
 * How long core-data itself was halted (SIGSTOP, a suspended machine) since it last looked. What the workers
 * sent meanwhile has not been read yet, so that time proves no silence of theirs.
 */
static int64_t s_halted(dispatcher_t *self, int64_t now)
{
    int64_t since = self->watched ? now - self->watched : 0;
    self->watched = now;
    return since > PING_MS * MS ? since : 0;
}

void members_on_timer(dispatcher_t *self, int64_t now)
{
    group_t *group;
    session_t *session;
    int64_t halted = s_halted(self, now);
    TAILQ_FOREACH(session, &self->others, link)
    if (now - session->asked >= ASK_MS * MS)
        s_ask(self, session);
    TAILQ_FOREACH(group, &self->groups, link)
    {
        session = TAILQ_FIRST(&group->sessions);
        while (session) {
            session_t *next = TAILQ_NEXT(session, link);
            session->ponged = session->ponged + halted < now ? session->ponged + halted : now;
            s_watch(self, session, now);
            session = next;
        }
    }
}

void members_destroy(dispatcher_t *self)
{
    group_t *group;
    session_t *session;
    while ((group = TAILQ_FIRST(&self->groups))) {
        while ((session = TAILQ_FIRST(&group->sessions))) {
            TAILQ_REMOVE(&group->sessions, session, link);
            session_destroy(&session);
        }
        TAILQ_REMOVE(&self->groups, group, link);
        group_destroy(&group);
    }
    while ((group = TAILQ_FIRST(&self->gone))) {
        TAILQ_REMOVE(&self->gone, group, link);
        group_destroy(&group);
    }
    while ((session = TAILQ_FIRST(&self->others))) {
        TAILQ_REMOVE(&self->others, session, link);
        session_destroy(&session);
    }
}
