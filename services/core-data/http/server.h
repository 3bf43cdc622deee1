/*
 * Server: HTTP for the calls of a service, on libmicrohttpd with a pool of epoll threads. A connection is
 * suspended while the dispatcher works for it, so few threads serve many connections.
 *
 * To stop: server_quiesce; end the dispatcher, which completes what is open; server_destroy.
 */
#ifndef CORE_DATA_SERVER_H
#define CORE_DATA_SERVER_H

#include "service.h"

typedef struct server server_t;

/* Binds and serves. service must outlive it. NULL with *error filled when the address can't be had. */
server_t *server_new(service_t *service, pbus_error_t *error);

/* Where it listens: the configured host and the port, also if that was 0. */
const char *server_host(const server_t *self);
uint16_t server_port(const server_t *self);

/* To be called about once a second: closes connections that owe a request for longer than
 * Service.IdleTimeout. */
void server_tick(server_t *self, int64_t now);

/*
 * Takes no more connections, and answers whatever still comes on open ones with 503. After it has returned
 * nothing is submitted any more. Waits for what is open with the dispatcher, at most so many ms.
 */
void server_quiesce(server_t *self, int ms);

/* Nothing may be open with the dispatcher. Lets answers go out, at most so many ms, then closes everything.
 */
void server_destroy(server_t **self_p, int ms);

#endif
