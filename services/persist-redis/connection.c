#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct connection {
    redisContext *context;
    const url_t *url;
    size_t waiting; /* commands without a reply yet */
    bool established;
    pbus_error_t failure; /* of the transport; status PBUS_OK: none */
};

static struct timeval s_timeval(int64_t ns)
{
    return (struct timeval){.tv_sec = ns / 1000000000, .tv_usec = ns % 1000000000 / 1000};
}

const char *connection_where(const connection_t *self)
{
    return self->url->where;
}

/* ---- failures --------------------------------------------------------------------------------------------
 */

static bool s_begins(const redisReply *reply, const char *word)
{
    size_t size = strlen(word);
    return reply->len >= size && memcmp(reply->str, word, size) == 0;
}

static bool s_is_one_of(const redisReply *reply, const char *const *words)
{
    while (*words && !s_begins(reply, *words))
        words++;
    return *words != NULL;
}

pbus_status_t connection_refused(connection_t *self, const redisReply *reply, pbus_error_t *error)
{
    static const char *const login[] = {"NOAUTH", "WRONGPASS", "ERR invalid password", "ERR AUTH", NULL};
    static const char *const away[] = {
        "LOADING",    "BUSY",     "READONLY",    "MASTERDOWN", "NOREPLICAS",
        "UNKILLABLE", "TRYAGAIN", "CLUSTERDOWN", "MISCONF",    "ERR max number of clients",
        NULL};
    const char *where = connection_where(self);
    int size = reply->len < 150 ? (int) reply->len : 150;
    pbus_status_t config = self->established ? PBUS_UNAVAILABLE : PBUS_INVALID;
    if (s_begins(reply, "OOM"))
        return pbus_fail(error, PBUS_FULL, "%s: its memory is full: raise maxmemory, or delete events",
                         where);
    if (s_is_one_of(reply, login))
        return pbus_fail(error, config, "%s: check user and password of Redis.URL: %.*s", where, size,
                         reply->str);
    if (s_begins(reply, "NOPERM"))
        return pbus_fail(error, config, "%s: the user of Redis.URL lacks a permission: %.*s", where, size,
                         reply->str);
    if (s_begins(reply, "NOSCRIPT")) {
        /* Somebody called SCRIPT FLUSH; connecting anew loads them again. */
        pbus_fail(&self->failure, PBUS_UNAVAILABLE, "%s: it has dropped its scripts", where);
        *error = self->failure;
        return error->status;
    }
    pbus_status_t status = s_is_one_of(reply, away) ? PBUS_UNAVAILABLE : PBUS_INTERNAL;
    return pbus_fail(error, status, "%s: %.*s", where, size, reply->str);
}

/* Remembers why nothing more will come of the connection. */
static pbus_status_t s_fail_transport(connection_t *self, pbus_error_t *error)
{
    const redisContext *context = self->context;
    const char *why = context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK)
                          ? "no answer in time (Redis.Timeout)"
                          : context->errstr;
    if (context->err == REDIS_ERR_PROTOCOL)
        why = "what answers there is not Redis";
    pbus_fail(&self->failure, PBUS_UNAVAILABLE, "%s: %s", connection_where(self), why);
    *error = self->failure;
    return error->status;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

static pbus_status_t s_connect(connection_t *self, struct timeval timeout, pbus_error_t *error)
{
    const url_t *url = self->url;
    self->context = url->path ? redisConnectUnixWithTimeout(url->path, timeout)
                              : redisConnectWithTimeout(url->host, url->port, timeout);
    if (!self->context)
        return pbus_fail(error, PBUS_NOMEM, "%s: out of memory", connection_where(self));
    if (self->context->err)
        return s_fail_transport(self, error);
    if (redisSetTimeout(self->context, timeout) != REDIS_OK)
        return s_fail_transport(self, error);
    /* Only finds dead peers sooner, and does not exist for unix sockets. */
    if (!url->path && redisEnableKeepAlive(self->context) != REDIS_OK)
        return s_fail_transport(self, error);
    return PBUS_OK;
}

static pbus_status_t s_call_ok(connection_t *self, command_t *command, pbus_error_t *error)
{
    redisReply *reply;
    pbus_status_t status = connection_call(self, command, REDIS_REPLY_STATUS, &reply, error);
    if (status == PBUS_OK)
        freeReplyObject(reply);
    return status;
}

static pbus_status_t s_log_in(connection_t *self, command_t *command, pbus_error_t *error)
{
    const url_t *url = self->url;
    pbus_status_t status = PBUS_OK;
    if (url->password) {
        command_begin(command, "AUTH");
        if (url->user)
            command_add_text(command, url->user);
        command_add_text(command, url->password);
        status = s_call_ok(self, command, error);
    }
    if (status == PBUS_OK && url->database > 0) {
        command_begin(command, "SELECT");
        command_add_number(command, url->database);
        status = s_call_ok(self, command, error);
    }
    return status;
}

pbus_status_t connection_open(connection_t **self_p, const url_t *url, int64_t timeout, pbus_error_t *error)
{
    *self_p = NULL;
    connection_t *self = calloc(1, sizeof *self);
    if (!self)
        return pbus_fail(error, PBUS_NOMEM, "%s: out of memory", url->where);
    self->url = url;
    command_t command = {0};
    pbus_status_t status = s_connect(self, s_timeval(timeout), error);
    if (status == PBUS_OK)
        status = s_log_in(self, &command, error);
    command_clear(&command);
    if (status == PBUS_OK)
        *self_p = self;
    else
        connection_close(&self);
    return status;
}

void connection_close(connection_t **self_p)
{
    connection_t *self = *self_p;
    if (!self)
        return;
    if (self->context)
        redisFree(self->context);
    free(self);
    *self_p = NULL;
}

void connection_established(connection_t *self)
{
    self->established = true;
}

bool connection_is_sound(connection_t *self)
{
    char byte;
    if (self->failure.status != PBUS_OK)
        return false;
    /* An idle connection has nothing to say; its end can be seen before a command is lost in it. */
    return recv(self->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- commands --------------------------------------------------------------------------------------------
 */

pbus_status_t connection_send(connection_t *self, command_t *command, pbus_error_t *error)
{
    size_t size;
    const char *text = command_text(command, &size);
    if (self->failure.status != PBUS_OK) {
        *error = self->failure;
        return error->status;
    }
    if (!text || redisAppendFormattedCommand(self->context, text, size) != REDIS_OK)
        return pbus_fail(error, PBUS_NOMEM, "%s: out of memory for a command", connection_where(self));
    self->waiting++;
    return PBUS_OK;
}

pbus_status_t connection_receive_any(connection_t *self, redisReply **reply, pbus_error_t *error)
{
    void *received = NULL;
    *reply = NULL;
    if (self->failure.status != PBUS_OK) {
        *error = self->failure;
        return error->status;
    }
    errno = 0;
    if (redisGetReply(self->context, &received) != REDIS_OK)
        return s_fail_transport(self, error);
    self->waiting--;
    *reply = received;
    return PBUS_OK;
}

pbus_status_t connection_receive(connection_t *self, int type, redisReply **reply, pbus_error_t *error)
{
    pbus_status_t status = connection_receive_any(self, reply, error);
    if (status != PBUS_OK)
        return status;
    if ((*reply)->type == REDIS_REPLY_ERROR)
        status = connection_refused(self, *reply, error);
    else if (type != 0 && (*reply)->type != type)
        status = pbus_fail(error, PBUS_INTERNAL, "%s: an answer has the type %d where %d was expected",
                           connection_where(self), (*reply)->type, type);
    if (status != PBUS_OK) {
        freeReplyObject(*reply);
        *reply = NULL;
    }
    return status;
}

pbus_status_t connection_call(connection_t *self, command_t *command, int type, redisReply **reply,
                              pbus_error_t *error)
{
    *reply = NULL;
    pbus_status_t status = connection_send(self, command, error);
    return status == PBUS_OK ? connection_receive(self, type, reply, error) : status;
}

void connection_settle(connection_t *self)
{
    pbus_error_t ignored;
    redisReply *reply;
    while (self->waiting > 0 && connection_receive_any(self, &reply, &ignored) == PBUS_OK)
        freeReplyObject(reply);
}
