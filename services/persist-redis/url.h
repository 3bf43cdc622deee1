/*
 * Url: the parts of Redis.URL.
 *
 *     redis://[user[:password]@]host[:port][/database]
 *     unix://[user[:password]@]/path/of/socket[?db=database]
 *
 * User and password are percent-decoded; `redis://:password@host` names no user. TLS (rediss://) is refused:
 * hiredis 0.14 has none. No message of this file quotes the URL, since a badly written one may show parts of
 * the password where no password is expected.
 */
#ifndef URL_H
#define URL_H

#include <persistbus/types.h>

typedef struct {
    char *host; /* NULL: a unix socket */
    int port;
    char *path;     /* of the unix socket, or NULL */
    char *user;     /* NULL: the default one */
    char *password; /* NULL: none, so there is nothing to authenticate with */
    int database;
    char *where; /* the server's place, for messages; without user and password */
} url_t;

/* Fills *self, which the caller clears. On PBUS_INVALID and PBUS_NOMEM there is nothing to clear. */
pbus_status_t url_parse(url_t *self, const char *text, pbus_error_t *error);
void url_clear(url_t *self);

#endif
