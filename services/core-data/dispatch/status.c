#include "private.h"

static void s_text(pbus_buf_t *out, const char *text)
{
    pbus_buf_puts(out, "\"");
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            pbus_buf_printf(out, "\\%c", *at);
        else if ((unsigned char) *at < 0x20)
            pbus_buf_printf(out, "\\u%04x", (unsigned char) *at);
        else
            pbus_buf_append(out, at, 1);
    }
    pbus_buf_puts(out, "\"");
}

/* ,"name": as the start of a member; the value follows. */
static void s_uint(pbus_buf_t *out, const char *name, uint64_t value)
{
    pbus_buf_printf(out, ",\"%s\":%llu", name, (unsigned long long) value);
}

static void s_bool(pbus_buf_t *out, const char *name, bool value)
{
    pbus_buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void s_string(pbus_buf_t *out, const char *name, const char *value)
{
    pbus_buf_printf(out, ",\"%s\":", name);
    s_text(out, value);
}

static void s_worker(const session_t *session, pbus_buf_t *out)
{
    pbus_buf_printf(out, "{\"name\":\"%.*s\"", (int) session->worker.size, session->worker.data);
    s_string(out, "backend", session->backend);
    s_string(out, "version", session->version);
    s_uint(out, "session", session->number);
    s_bool(out, "ready", session->state == SESSION_READY);
    s_uint(out, "inFlight", session->calls_out);
    s_uint(out, "inFlightBytes", session->bytes_out);
    s_uint(out, "credit", session->bytes);
    s_uint(out, "creditMessages", session->messages);
    s_uint(out, "creditBatches", session->batches);
    s_uint(out, "busyNs", session->busy);
    if (session->state == SESSION_DRAINING)
        s_bool(out, "draining", true);
    if (session->reason[0])
        s_string(out, "reason", session->reason);
    pbus_buf_puts(out, "}");
}

static void s_workers(const group_t *group, pbus_buf_t *out)
{
    const session_t *session;
    pbus_buf_puts(out, ",\"workers\":[");
    TAILQ_FOREACH(session, &group->sessions, link)
    {
        s_worker(session, out);
        if (TAILQ_NEXT(session, link))
            pbus_buf_puts(out, ",");
    }
    pbus_buf_puts(out, "]");
}

/* What waits for the group, in the spool and in memory. Accept numbers are times, so the oldest tells since
 * when. */
static void s_lag(const group_t *group, pbus_buf_t *out)
{
    const delivery_t *delivery;
    uint64_t bytes = group->spooled_bytes;
    uint64_t oldest = group->spooled ? group->oldest : 0;
    uint64_t now = (uint64_t) pbus_clock_realtime();
    TAILQ_FOREACH(delivery, &group->queue, link)
    {
        bytes += write_bytes(delivery->write);
        oldest = oldest && oldest < delivery->write->accept ? oldest : delivery->write->accept;
    }
    pbus_buf_printf(out, ",\"lag\":{\"events\":%llu", (unsigned long long) (group->spooled + group->queued));
    s_uint(out, "bytes", bytes);
    s_uint(out, "oldestNs", oldest && oldest < now ? now - oldest : 0);
    pbus_buf_printf(out, "},\"spool\":{\"events\":%llu", (unsigned long long) group->spooled);
    s_uint(out, "bytes", group->spooled_bytes);
    pbus_buf_puts(out, "}");
}

static void s_routes(const dispatcher_t *self, const group_t *group, pbus_buf_t *out)
{
    bool more = true;
    const char *comma = "";
    s_bool(out, "narrowed", true);
    pbus_buf_puts(out, ",\"routes\":[");
    for (size_t i = 0; more; i++) {
        const char *text = narrowing_text(self->narrowing, i, group->name, &more);
        if (!text)
            continue;
        pbus_buf_puts(out, comma);
        s_text(out, text);
        comma = ",";
    }
    pbus_buf_puts(out, "]");
}

static void s_group(const dispatcher_t *self, const group_t *group, pbus_buf_t *out)
{
    pbus_buf_printf(out, "{\"name\":\"%s\"", group->name);
    s_string(out, "backend", group->backend);
    s_string(out, "version", group->version);
    s_string(out, "state", group_state_name(group_state(group)));
    if (group->stale)
        s_string(out, "why", group->why);
    if (group->narrowed)
        s_routes(self, group, out);
    if (!group_serves(group))
        s_bool(out, "retiring", true);
    s_bool(out, "preferred", group == members_preferred(self));
    s_bool(out, "durable", group->durable);
    s_workers(group, out);
    s_lag(group, out);
    s_uint(out, "queued", group->queued);
    s_uint(out, "deletes", cuts_waiting(self, group));
    s_uint(out, "missed", group->missed);
    s_uint(out, "dropped", group->dropped);
    s_uint(out, "differing", group->differing);
    pbus_buf_printf(out, ",\"counters\":{\"acked\":%llu", (unsigned long long) group->writes);
    s_uint(out, "conflicts", group->conflicts);
    pbus_buf_puts(out, "}}");
}

void status_render(const dispatcher_t *self, pbus_buf_t *out)
{
    const group_t *group;
    pbus_buf_puts(out, "[");
    TAILQ_FOREACH(group, &self->groups, link)
    {
        s_group(self, group, out);
        if (TAILQ_NEXT(group, link))
            pbus_buf_puts(out, ",");
    }
    pbus_buf_puts(out, "]");
}
