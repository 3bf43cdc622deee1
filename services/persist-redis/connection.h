/*
 * Connection: one connection to a Redis server. Commands are queued, sent together with the first reply that
 * is waited for, and answered in order, so a caller pipelines by sending before it receives.
 *
 * After a failure of the transport (the server is gone, does not answer in time, or speaks something else)
 * every call returns PBUS_UNAVAILABLE until the connection is closed. What a server refuses is:
 *
 *     PBUS_FULL         its memory is full (maxmemory)
 *     PBUS_INVALID      until connection_established: the credentials, or the user's permissions
 *     PBUS_UNAVAILABLE  it loads its data, is a replica, cannot save to its disk...; and, later, permissions
 *     PBUS_INTERNAL     anything else
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <hiredis/hiredis.h>

#include "command.h"
#include "url.h"

typedef struct connection connection_t;

/* Connects, authenticates and chooses the database. timeout: ns that connecting, or one reply, may take. The
   url has to outlive the connection. */
pbus_status_t connection_open(connection_t **self_p, const url_t *url, int64_t timeout, pbus_error_t *error);
void connection_close(connection_t **self_p);
/* From now on a refusal is none of the configuration. */
void connection_established(connection_t *self);

/* Whether it can be used: nothing has failed, and the server has not closed it meanwhile. */
bool connection_is_sound(connection_t *self);

/* Queues a command. */
pbus_status_t connection_send(connection_t *self, command_t *command, pbus_error_t *error);
/*
 * Takes the next reply, which has to be of this type (REDIS_REPLY_...; 0: any but an error). On PBUS_OK the
 * caller frees it with freeReplyObject.
 */
pbus_status_t connection_receive(connection_t *self, int type, redisReply **reply, pbus_error_t *error);
/* The same, but an error reply is returned as a reply too; connection_refused turns it into a status. */
pbus_status_t connection_receive_any(connection_t *self, redisReply **reply, pbus_error_t *error);
pbus_status_t connection_refused(connection_t *self, const redisReply *reply, pbus_error_t *error);
/* Sends, and takes the reply. For when nothing else is queued. */
pbus_status_t connection_call(connection_t *self, command_t *command, int type, redisReply **reply,
                              pbus_error_t *error);
/* Takes and drops the replies that nobody has received, so that the next command gets its own. */
void connection_settle(connection_t *self);

/* "redis at host:port", for messages. */
const char *connection_where(const connection_t *self);

#endif
