/*
 * Server: what a Redis or Valkey server says of itself, as far as it matters for keeping events.
 */
#ifndef SERVER_H
#define SERVER_H

#include "connection.h"

typedef struct {
    char version[32];  /* "Redis 7.0.15", "Valkey 8.1.1"; empty: it does not tell */
    int major;         /* of the Redis version that it is compatible with; 0: it does not tell */
    char mode[16];     /* "standalone", "cluster", "sentinel"; empty: it does not tell */
    bool appends;      /* to an append-only file (AOF) */
    bool appends_each; /* and syncs it before each reply (appendfsync always, on rewrites too) */
    bool silent;       /* the user may not ask it, so it counts as the worst */
    bool evicts;       /* deletes keys, ours too, when memory is full */
    char policy[32];   /* maxmemory-policy */
} server_t;

/* Asks. A user who may not use INFO or CONFIG gets less, not an error. */
pbus_status_t server_inspect(server_t *self, connection_t *connection, command_t *command,
                             pbus_error_t *error);
/* Whether what it has acknowledged survives a power cut. */
bool server_is_durable(const server_t *self);
/* One sentence on what a crash or a power cut can cost. */
const char *server_promise(const server_t *self);

#endif
