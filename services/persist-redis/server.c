#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- INFO ------------------------------------------------------------------------------------------------
 */

/* The value of "name:value\r\n" in INFO's text; empty if there is none. */
static pbus_str_t s_field(const redisReply *info, const char *name)
{
    size_t size = strlen(name);
    const char *at = info->str, *end = at + info->len;
    while (at < end) {
        const char *stop = memchr(at, '\r', (size_t) (end - at));
        stop = stop ? stop : end;
        if ((size_t) (stop - at) > size && memcmp(at, name, size) == 0 && at[size] == ':')
            return (pbus_str_t){at + size + 1, (size_t) (stop - at) - size - 1};
        const char *line = memchr(at, '\n', (size_t) (end - at));
        at = line ? line + 1 : end;
    }
    return PBUS_STR("");
}

static void s_copy_field(const redisReply *info, const char *name, char *to, size_t size)
{
    pbus_str_t value = s_field(info, name);
    snprintf(to, size, "%.*s", (int) (value.size < size ? value.size : size - 1), value.data);
}

static void s_read_version(server_t *self, const redisReply *info)
{
    pbus_str_t redis = s_field(info, "redis_version"), valkey = s_field(info, "valkey_version");
    pbus_str_t version = valkey.size > 0 ? valkey : redis;
    if (version.size > 0)
        snprintf(self->version, sizeof self->version, "%s %.*s", valkey.size > 0 ? "Valkey" : "Redis",
                 (int) (version.size < 20 ? version.size : 20), version.data);
    self->major = redis.size > 0 ? atoi(redis.data) : 0;
}

static void s_read_info(server_t *self, const redisReply *info)
{
    s_read_version(self, info);
    self->appends = pbus_str_eq(s_field(info, "aof_enabled"), PBUS_STR("1"));
    s_copy_field(info, "redis_mode", self->mode, sizeof self->mode);
    s_copy_field(info, "maxmemory_policy", self->policy, sizeof self->policy);
    /* The policies volatile-* only take keys with a time to live, which ours have not. */
    self->evicts =
        strncmp(self->policy, "allkeys-", 8) == 0 && !pbus_str_eq(s_field(info, "maxmemory"), PBUS_STR("0"));
}

/* ---- CONFIG GET ------------------------------------------------------------------------------------------
 */

static bool s_is_set(const redisReply *config, const char *name, const char *value)
{
    for (size_t i = 0; i + 1 < config->elements; i += 2) {
        const redisReply *key = config->element[i], *set = config->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && set->type == REDIS_REPLY_STRING && strcmp(key->str, name) == 0)
            return strcmp(set->str, value) == 0;
    }
    return false;
}

/* ---- both ------------------------------------------------------------------------------------------------
 */

static pbus_status_t s_ask(connection_t *connection, command_t *command, pbus_error_t *error)
{
    command_begin(command, "INFO");
    pbus_status_t status = connection_send(connection, command, error);
    if (status != PBUS_OK)
        return status;
    command_begin(command, "CONFIG");
    command_add_text(command, "GET");
    command_add_text(command, "*append*");
    return connection_send(connection, command, error);
}

pbus_status_t server_inspect(server_t *self, connection_t *connection, command_t *command,
                             pbus_error_t *error)
{
    *self = (server_t){.silent = true};
    redisReply *info = NULL, *config = NULL;
    pbus_status_t status = s_ask(connection, command, error);
    if (status == PBUS_OK)
        status = connection_receive_any(connection, &info, error);
    if (status == PBUS_OK)
        status = connection_receive_any(connection, &config, error);
    if (status == PBUS_OK && info->type == REDIS_REPLY_STRING)
        s_read_info(self, info);
    if (status == PBUS_OK && config->type == REDIS_REPLY_ARRAY) {
        self->silent = info->type != REDIS_REPLY_STRING;
        self->appends |= s_is_set(config, "appendonly", "yes");
        self->appends_each = s_is_set(config, "appendfsync", "always") &&
                             !s_is_set(config, "no-appendfsync-on-rewrite", "yes");
    }
    /* Whoever wants a password says so here first. */
    if (status == PBUS_OK && info->type == REDIS_REPLY_ERROR && strncmp(info->str, "NOPERM", 6) != 0)
        status = connection_refused(connection, info, error);
    if (info)
        freeReplyObject(info);
    if (config)
        freeReplyObject(config);
    return status;
}

bool server_is_durable(const server_t *self)
{
    return self->appends && self->appends_each && !self->evicts;
}

const char *server_promise(const server_t *self)
{
    if (self->evicts)
        return "not durable: when its memory is full it deletes events, so set maxmemory-policy noeviction";
    if (self->appends && self->appends_each)
        return "durable: what it acknowledges is on its disk (AOF, appendfsync always)";
    if (self->silent)
        return "taken as not durable: its user may not ask it (INFO, CONFIG GET)";
    if (self->appends)
        return "not durable: a power cut costs up to a second of events (AOF, appendfsync is not always)";
    return "not durable: a crash costs all events since its last snapshot (no AOF; see appendonly)";
}
