#include "url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DEFAULT 6379
#define DATABASE_MAX 1000000 /* far above what servers are set up with */
#define FORM "use redis://user:password@host:port/database or unix://user:password@/path?db=database"

/* A part of the URL that is still to be read. */
typedef struct {
    const char *at, *end;
} part_t;

static pbus_status_t s_fail_memory(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "out of memory while reading Redis.URL");
}

void url_clear(url_t *self)
{
    free(self->host);
    free(self->path);
    free(self->user);
    if (self->password)
        explicit_bzero(self->password, strlen(self->password));
    free(self->password);
    free(self->where);
    *self = (url_t){0};
}

/* ---- pieces ----------------------------------------------------------------------------------------------
 */

static bool s_take_prefix(part_t *part, const char *prefix)
{
    size_t size = strlen(prefix);
    if ((size_t) (part->end - part->at) < size || memcmp(part->at, prefix, size) != 0)
        return false;
    part->at += size;
    return true;
}

/* Cuts off what is before the first of these characters, which stays; all if there is none. */
static part_t s_take_until(part_t *part, const char *stops)
{
    part_t taken = {part->at, part->at};
    while (taken.end < part->end && !strchr(stops, *taken.end))
        taken.end++;
    part->at = taken.end;
    return taken;
}

static int s_hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char) tolower((unsigned char) digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Copies the part, percent-decoded. */
static pbus_status_t s_decode(part_t part, char **text, pbus_error_t *error)
{
    char *out = *text = malloc((size_t) (part.end - part.at) + 1);
    if (!out)
        return s_fail_memory(error);
    while (part.at < part.end) {
        int value = *part.at++;
        if (value == '%') {
            int high = part.end - part.at >= 2 ? s_hex(part.at[0]) : -1;
            int low = high >= 0 ? s_hex(part.at[1]) : -1;
            value = low >= 0 ? high * 16 + low : 0;
            *out = '\0';
            if (value == 0)
                return pbus_fail(error, PBUS_INVALID, "Redis.URL has a %% without two hexadecimal digits");
            part.at += 2;
        }
        *out++ = (char) value;
    }
    *out = '\0';
    return PBUS_OK;
}

static bool s_number(part_t part, int max, int *number)
{
    int value = 0;
    if (part.at == part.end)
        return false;
    for (; part.at < part.end; part.at++) {
        if (*part.at < '0' || *part.at > '9')
            return false;
        value = value * 10 + (*part.at - '0');
        if (value > max)
            return false;
    }
    *number = value;
    return true;
}

/* ---- parts -----------------------------------------------------------------------------------------------
 */

/* Takes user and password with the @ that ends them, if the part has one before any of the stops. */
static pbus_status_t s_parse_user(url_t *self, part_t *part, pbus_error_t *error)
{
    part_t rest = *part;
    part_t authority = s_take_until(&rest, "/?");
    const char *at = memrchr(authority.at, '@', (size_t) (authority.end - authority.at));
    if (!at)
        return PBUS_OK;
    part_t login = {authority.at, at};
    part->at = at + 1;
    part_t user = s_take_until(&login, ":");
    pbus_status_t status = PBUS_OK;
    if (user.at < user.end)
        status = s_decode(user, &self->user, error);
    if (status == PBUS_OK && login.at < login.end)
        status = s_decode((part_t){login.at + 1, login.end}, &self->password, error);
    if (status == PBUS_OK && self->user && !self->password)
        return pbus_fail(error, PBUS_INVALID, "Redis.URL has a user without a password: " FORM);
    return status;
}

/* "?db=3" or nothing */
static pbus_status_t s_parse_query(url_t *self, part_t part, pbus_error_t *error)
{
    if (part.at == part.end ||
        (s_take_prefix(&part, "?db=") && s_number(part, DATABASE_MAX, &self->database)))
        return PBUS_OK;
    return pbus_fail(error, PBUS_INVALID, "Redis.URL has something other than ?db=NUMBER at its end: " FORM);
}

static pbus_status_t s_parse_host(url_t *self, part_t *part, pbus_error_t *error)
{
    bool bracketed = s_take_prefix(part, "["); /* an IPv6 address */
    part_t host = s_take_until(part, bracketed ? "]" : ":/?");
    if (host.at == host.end || (bracketed && !s_take_prefix(part, "]")))
        return pbus_fail(error, PBUS_INVALID, "Redis.URL names no host: " FORM);
    self->port = PORT_DEFAULT;
    if (s_take_prefix(part, ":") && (!s_number(s_take_until(part, "/?"), 65535, &self->port) || !self->port))
        return pbus_fail(error, PBUS_INVALID,
                         "Redis.URL has no port number behind the host: " FORM
                         ", other characters of a password as %%XX");
    return s_decode(host, &self->host, error);
}

static pbus_status_t s_parse_tcp(url_t *self, part_t part, pbus_error_t *error)
{
    pbus_status_t status = s_parse_user(self, &part, error);
    if (status == PBUS_OK)
        status = s_parse_host(self, &part, error);
    if (status != PBUS_OK)
        return status;
    if (s_take_prefix(&part, "/")) {
        part_t database = s_take_until(&part, "?");
        if (database.at < database.end && !s_number(database, DATABASE_MAX, &self->database))
            return pbus_fail(error, PBUS_INVALID, "Redis.URL has no database number behind its /: " FORM);
    }
    return s_parse_query(self, part, error);
}

static pbus_status_t s_parse_unix(url_t *self, part_t part, pbus_error_t *error)
{
    pbus_status_t status = s_parse_user(self, &part, error);
    if (status != PBUS_OK)
        return status;
    part_t path = s_take_until(&part, "?");
    if (path.at == path.end || *path.at != '/')
        return pbus_fail(error, PBUS_INVALID, "Redis.URL names no socket by its full path: " FORM);
    status = s_decode(path, &self->path, error);
    return status == PBUS_OK ? s_parse_query(self, part, error) : status;
}

static pbus_status_t s_describe(url_t *self, pbus_error_t *error)
{
    pbus_buf_t text = {0};
    if (self->path)
        pbus_buf_printf(&text, "redis at %s", self->path);
    else
        pbus_buf_printf(&text, strchr(self->host, ':') ? "redis at [%s]:%d" : "redis at %s:%d", self->host,
                        self->port);
    if (self->database > 0)
        pbus_buf_printf(&text, ", database %d", self->database);
    pbus_buf_append(&text, "", 1);
    if (text.failed) {
        pbus_buf_clear(&text);
        return s_fail_memory(error);
    }
    self->where = (char *) text.data;
    return PBUS_OK;
}

pbus_status_t url_parse(url_t *self, const char *text, pbus_error_t *error)
{
    *self = (url_t){0};
    part_t part = {text, text + strlen(text)};
    pbus_status_t status;
    if (s_take_prefix(&part, "redis://"))
        status = s_parse_tcp(self, part, error);
    else if (s_take_prefix(&part, "unix://"))
        status = s_parse_unix(self, part, error);
    else if (s_take_prefix(&part, "rediss://"))
        status =
            pbus_fail(error, PBUS_INVALID,
                      "Redis.URL asks for TLS (rediss://), which hiredis 0.14 cannot speak: use redis:// "
                      "to a TLS tunnel on this machine, or a unix socket");
    else
        status = pbus_fail(error, PBUS_INVALID, "Redis.URL is neither redis:// nor unix://: " FORM);
    if (status == PBUS_OK)
        status = s_describe(self, error);
    if (status != PBUS_OK)
        url_clear(self);
    return status;
}
