/*
 * Server: see server.h.
 *
 * One exchange is one request on a connection. It is made when the request's first line is read and goes back
 * to a list of spare ones when libmicrohttpd is through with it. All its steps run on the thread of its
 * connection, but for s_done, which the dispatcher calls while the connection is suspended.
 *
 * libmicrohttpd cannot answer in the middle of a body. A body that is, or turns out, too large is answered by
 * writing the response to the socket right away; what still comes is read and dropped up to a limit, so that
 * the client gets to see the answer, then the connection is closed.
 */
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "call.h"
#include "listener.h"
#include "loop.h"
#include "server.h"
#include "watch.h"

#define SPARE_MAX 64
#define CONNECTION_MEMORY                                                                                    \
    ((size_t) 32 * 1024) /* bytes: request line and headers, and a piece of the body                         \
                          */
#define DROPPED_MAX ((uint64_t) 16 * 1024 * 1024)
#define BODY_SECONDS 60       /* a body may take so long, and a second more for each */
#define BODY_RATE (64 * 1024) /* so many bytes */
#define SECOND INT64_C(1000000000)
#define GRACE (2 * SECOND) /* so that silent connections are left to libmicrohttpd */

typedef struct exchange exchange_t;

typedef enum {
    PHASE_HEAD,      /* nothing but the request's target is known */
    PHASE_BODY,      /* the body is being read */
    PHASE_DROPPING,  /* answered; the rest of the body is dropped */
    PHASE_PREPARED,  /* the next call goes to the dispatcher */
    PHASE_SUSPENDED, /* with the dispatcher, or back from it */
    PHASE_REPLIED    /* the response is with libmicrohttpd */
} phase_t;

struct exchange {
    server_t *server;
    struct MHD_Connection *connection;
    loop_t *loop; /* the connection's */
    call_t *call;
    char *target;
    phase_t phase;
    int64_t began;    /* CLOCK_BOOTTIME ns */
    uint64_t read;    /* bytes of the body */
    exchange_t *next; /* spare */
};

struct server {
    service_t *service;
    loop_t *loops[SETTINGS_THREADS_MAX];
    size_t loop_count;
    int listener;
    uint16_t port;
    watch_t *watch;
    pthread_mutex_t lock; /* of the spare list; goes with change */
    pthread_cond_t change;
    exchange_t *spare;
    size_t spare_size;
    pthread_rwlock_t gate;   /* held for reading while something is submitted */
    atomic_bool stopping;    /* changes with the gate held for writing */
    atomic_size_t open;      /* requests with the dispatcher */
    atomic_size_t exchanges; /* in use */
};

/* ---- exchanges -------------------------------------------------------------------------------------- */

static exchange_t *s_take_spare(server_t *self)
{
    pthread_mutex_lock(&self->lock);
    exchange_t *exchange = self->spare;
    if (exchange) {
        self->spare = exchange->next;
        self->spare_size--;
    }
    pthread_mutex_unlock(&self->lock);
    return exchange;
}

static void s_free_exchange(exchange_t *exchange)
{
    call_destroy(&exchange->call);
    free(exchange->target);
    free(exchange);
}

static exchange_t *s_make_exchange(server_t *self)
{
    exchange_t *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->call = call_new(self->service);
    if (exchange->call)
        return exchange;
    free(exchange);
    return NULL;
}

/* Somebody may wait for the last one to end. */
static void s_count_down(server_t *self, atomic_size_t *count)
{
    if (atomic_fetch_sub(count, 1) != 1 || !atomic_load(&self->stopping))
        return;
    pthread_mutex_lock(&self->lock);
    pthread_cond_broadcast(&self->change);
    pthread_mutex_unlock(&self->lock);
}

static void s_release(exchange_t *exchange)
{
    server_t *self = exchange->server;
    call_reset(exchange->call);
    free(exchange->target);
    exchange->target = NULL;
    pthread_mutex_lock(&self->lock);
    bool kept = self->spare_size < SPARE_MAX;
    if (kept) {
        exchange->next = self->spare;
        self->spare = exchange;
        self->spare_size++;
    }
    pthread_mutex_unlock(&self->lock);
    if (!kept)
        s_free_exchange(exchange);
    s_count_down(self, &self->exchanges);
}

/* ---- replies ---------------------------------------------------------------------------------------- */

static void s_free_body(void *data)
{
    pbus_buf_t body = {.data = data};
    pbus_buf_clear(&body);
}

/* Small bodies are copied, so that their buffer serves the next request; large ones are handed over. */
static struct MHD_Response *s_response(reply_t *reply)
{
    if (reply->body.size <= 4096)
        return MHD_create_response_from_buffer(reply->body.size, reply->body.data, MHD_RESPMEM_MUST_COPY);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        reply->body.size, reply->body.data, s_free_body, reply->body.data);
    if (response)
        reply->body = (pbus_buf_t){0};
    return response;
}

static enum MHD_Result s_reply(exchange_t *exchange)
{
    reply_t *reply = call_reply(exchange->call);
    struct MHD_Response *response = s_response(reply);
    if (!response)
        return MHD_NO;
    if (reply->status != 204)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    if (reply->close || atomic_load(&exchange->server->stopping))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    exchange->phase = PHASE_REPLIED;
    enum MHD_Result queued = MHD_queue_response(exchange->connection, reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

static void s_send(int fd, const pbus_buf_t *text)
{
    size_t sent = 0;
    while (!text->failed && sent < text->size) {
        ssize_t size = send(fd, text->data + sent, text->size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size <= 0)
            return; /* the client takes nothing: it will see the connection end */
        sent += (size_t) size;
    }
}

/* The answer before the end of a body. */
static enum MHD_Result s_reply_early(exchange_t *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const reply_t *reply = call_reply(exchange->call);
    pbus_buf_t text = {0};
    if (!info)
        return MHD_NO;
    pbus_buf_printf(&text, "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: application/json\r\n",
                    reply->status, MHD_get_reason_phrase_for(reply->status));
    for (size_t i = 0; i < reply->header_count; i++)
        pbus_buf_printf(&text, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    pbus_buf_printf(&text, "Content-Length: %zu\r\n\r\n", reply->body.size);
    pbus_buf_append(&text, reply->body.data, reply->body.size);
    s_send(info->connect_fd, &text);
    shutdown(info->connect_fd, SHUT_WR); /* nothing follows it */
    pbus_buf_clear(&text);
    exchange->phase = PHASE_DROPPING;
    return MHD_YES;
}

/* ---- with the dispatcher ---------------------------------------------------------------------------- */

static void s_done(request_t *request);

static pbus_status_t s_try_submit(exchange_t *exchange)
{
    server_t *self = exchange->server;
    const port_t *port = service_port(self->service);
    request_t *request = call_request(exchange->call);
    request->done = s_done;
    request->context = exchange;
    pbus_status_t status = PBUS_UNAVAILABLE;
    pthread_rwlock_rdlock(&self->gate);
    if (!atomic_load(&self->stopping)) {
        atomic_fetch_add(&self->open, 1);
        status = port->submit(port->self, request);
        if (status != PBUS_OK)
            s_count_down(self, &self->open);
    }
    pthread_rwlock_unlock(&self->gate);
    return status;
}

static loop_t *s_loop_of(server_t *self, struct MHD_Connection *connection)
{
    for (size_t i = 0; i < self->loop_count; i++)
        if (loop_has(self->loops[i], connection))
            return self->loops[i];
    return NULL;
}

/*
 * The connection is suspended first, as the dispatcher may be done before submit returns. It is this thread
 * that goes on with it, so there is time to set the phase.
 */
static enum MHD_Result s_submit(exchange_t *exchange)
{
    exchange->loop = s_loop_of(exchange->server, exchange->connection);
    if (!exchange->loop)
        return MHD_NO;
    exchange->phase = PHASE_SUSPENDED;
    MHD_suspend_connection(exchange->connection);
    pbus_status_t status = s_try_submit(exchange);
    if (status == PBUS_OK)
        return MHD_YES;
    call_rejected(exchange->call, status);
    exchange->phase = PHASE_REPLIED;
    loop_resume(exchange->loop, exchange->connection);
    return MHD_YES;
}

static void s_done(request_t *request)
{
    exchange_t *exchange = request->context;
    server_t *self = exchange->server;
    call_done(exchange->call);
    loop_resume(exchange->loop, exchange->connection);
    s_count_down(self, &self->open);
}

static enum MHD_Result s_go_on(exchange_t *exchange, call_step_t step)
{
    return step == CALL_SUBMIT ? s_submit(exchange) : s_reply(exchange);
}

/*
 * A connection that is suspended at once is read from when it is resumed, before anything else, and closed
 * without an answer if the client has closed its side meanwhile. So libmicrohttpd gets a turn between: then
 * it knows that the request is complete, and does not read.
 */
static enum MHD_Result s_prepare(exchange_t *exchange, call_step_t step)
{
    if (step != CALL_SUBMIT)
        return s_reply(exchange);
    exchange->phase = PHASE_PREPARED;
    return MHD_YES;
}

/* ---- what libmicrohttpd calls ----------------------------------------------------------------------- */

static const char *s_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool s_size(struct MHD_Connection *connection, uint64_t *size)
{
    const char *text = s_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    char *end = NULL;
    if (text)
        *size = strtoull(text, &end, 10);
    return text && end != text;
}

static watched_t *s_watched(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/*
 * What libmicrohttpd lets pass though no client may send it. A body's length has to be told in one way, or
 * the next request begins elsewhere for us than for a proxy before us.
 */
static const char *s_malformed(struct MHD_Connection *connection, const char *version)
{
    const char *encoding = s_header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    if (strcmp(version, MHD_HTTP_VERSION_1_1) == 0 && !s_header(connection, MHD_HTTP_HEADER_HOST))
        return "Bad Request: the header Host is missing";
    if (encoding && strcasecmp(encoding, "chunked") != 0)
        return "Bad Request: the header Transfer-Encoding is not 'chunked', which is all that is served";
    if (encoding && s_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH))
        return "Bad Request: there are both headers Content-Length and Transfer-Encoding";
    return NULL;
}

/* Whether the client is at sending a body: closing while it does would keep it from reading the answer. */
static bool s_is_sending(struct MHD_Connection *connection, const call_head_t *head)
{
    return head->has_size && head->size > 0 && !head->malformed &&
           !s_header(connection, MHD_HTTP_HEADER_EXPECT);
}

static enum MHD_Result s_head(exchange_t *exchange, struct MHD_Connection *connection, const char *method,
                              const char *version)
{
    call_head_t head = {.method = method,
                        .target = exchange->target,
                        .content_type = s_header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
                        .correlation = s_header(connection, "X-Correlation-ID"),
                        .origin = s_header(connection, "Origin"),
                        .cors_method = s_header(connection, "Access-Control-Request-Method")};
    head.has_size = s_size(connection, &head.size);
    head.malformed = s_malformed(connection, version);
    watched_busy(s_watched(connection));
    exchange->connection = connection;
    exchange->phase = PHASE_BODY;
    if (call_begin(exchange->call, &head) == CALL_READ)
        return MHD_YES;
    return s_is_sending(connection, &head) ? s_reply_early(exchange) : s_reply(exchange);
}

/* Whether the body comes so slowly that somebody means to hold the connection. */
static bool s_is_too_slow(const exchange_t *exchange)
{
    int64_t allowed = (BODY_SECONDS + (int64_t) (exchange->read / BODY_RATE)) * SECOND;
    return pbus_clock_boottime() - exchange->began > allowed;
}

static enum MHD_Result s_body(exchange_t *exchange, const char *data, size_t size)
{
    exchange->read += size;
    if (s_is_too_slow(exchange))
        return MHD_NO;
    if (exchange->phase == PHASE_DROPPING)
        return exchange->read < DROPPED_MAX ? MHD_YES : MHD_NO;
    if (call_read(exchange->call, data, size) == CALL_READ)
        return MHD_YES;
    exchange->read = 0;
    return s_reply_early(exchange);
}

static enum MHD_Result s_handle(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data, size_t *size,
                                void **exchange_p)
{
    (void) context;
    (void) url;
    exchange_t *exchange = *exchange_p;
    if (!exchange)
        return MHD_NO;
    if (exchange->phase == PHASE_HEAD)
        return s_head(exchange, connection, method, version);
    if (*size) {
        enum MHD_Result taken = s_body(exchange, data, *size);
        *size = 0;
        return taken;
    }
    switch (exchange->phase) {
    case PHASE_BODY:
        return s_prepare(exchange, call_run(exchange->call));
    case PHASE_PREPARED:
        return s_submit(exchange);
    case PHASE_SUSPENDED:
        return s_go_on(exchange, call_answered(exchange->call));
    case PHASE_REPLIED:
        return s_reply(exchange);
    default:
        return MHD_NO;
    }
}

/* The first that is heard of a request, with its target as it came. NULL, when memory is out, ends it. */
static void *s_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void) connection;
    server_t *self = context;
    exchange_t *exchange = s_take_spare(self);
    exchange = exchange ? exchange : s_make_exchange(self);
    if (!exchange)
        return NULL;
    atomic_fetch_add(&self->exchanges, 1);
    exchange->server = self;
    exchange->phase = PHASE_HEAD;
    exchange->read = 0;
    exchange->began = pbus_clock_boottime();
    exchange->target = strdup(target);
    if (exchange->target)
        return exchange;
    s_release(exchange);
    return NULL;
}

static void s_completed(void *context, struct MHD_Connection *connection, void **exchange_p,
                        enum MHD_RequestTerminationCode code)
{
    (void) context;
    (void) code;
    watched_idle(s_watched(connection), pbus_clock_boottime());
    if (*exchange_p)
        s_release(*exchange_p);
    *exchange_p = NULL;
}

static void s_connection(void *context, struct MHD_Connection *connection, void **watched_p,
                         enum MHD_ConnectionNotificationCode code)
{
    server_t *self = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        watch_remove(self->watch, *watched_p);
        *watched_p = NULL;
    } else if (info)
        *watched_p = watch_add(self->watch, info->connect_fd, pbus_clock_boottime());
}

/* Escapes are decoded where it is known what they belong to. */
static size_t s_leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void) context;
    (void) connection;
    return strlen(text);
}

static void s_log(void *context, const char *format, va_list args)
{
    server_t *self = context;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    pbus_log_debug(service_log(self->service), "http: %s", text);
}

/* ---- life ------------------------------------------------------------------------------------------- */

static bool s_start(server_t *self, const settings_t *settings)
{
    size_t limit = (settings->max_connections + settings->threads - 1) / settings->threads;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t) s_log, self},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t) limit, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t) settings->idle_timeout, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t) CONNECTION_MEMORY, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t) s_leave_escaped, self},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) s_target, self},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) s_completed, self},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) s_connection, self},
        {MHD_OPTION_END, 0, NULL},
    };
    while (self->loop_count < settings->threads) {
        loop_t *loop = loop_new(self->listener, options, s_handle, self);
        if (!loop)
            return false;
        self->loops[self->loop_count++] = loop;
    }
    /* Not before all are there: what serves a connection looks for its loop among them. */
    bool started = true;
    for (size_t i = 0; i < self->loop_count; i++)
        started = started && loop_start(self->loops[i]);
    return started;
}

static void s_init_change(pthread_cond_t *change)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(change, &attributes);
    pthread_condattr_destroy(&attributes);
}

server_t *server_new(service_t *service, pbus_error_t *error)
{
    const settings_t *settings = service_settings(service);
    server_t *self = calloc(1, sizeof *self);
    if (!self) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        return NULL;
    }
    self->service = service;
    self->port = settings->port;
    pthread_mutex_init(&self->lock, NULL);
    pthread_rwlock_init(&self->gate, NULL);
    s_init_change(&self->change);
    self->watch = watch_new();
    self->listener = listener_open(settings->host, &self->port, error);
    if (self->listener >= 0 && self->watch && s_start(self, settings))
        return self;
    if (self->listener >= 0)
        pbus_fail(error, PBUS_INTERNAL,
                  "cannot start the HTTP server on %s:%u with %u threads (Service.Threads)", settings->host,
                  self->port, settings->threads);
    server_destroy(&self, 0);
    return NULL;
}

const char *server_host(const server_t *self)
{
    return service_settings(self->service)->host;
}

uint16_t server_port(const server_t *self)
{
    return self->port;
}

void server_tick(server_t *self, int64_t now)
{
    int64_t allowed = (int64_t) service_settings(self->service)->idle_timeout * SECOND + GRACE;
    size_t closed = watch_expire(self->watch, now - allowed);
    if (closed)
        pbus_log_info(service_log(self->service),
                      "%zu connections closed that took too long to send a request", closed);
}

/* Waits until the count is 0, at most so many ms. */
static void s_wait(server_t *self, atomic_size_t *count, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= SECOND) {
        until.tv_sec++;
        until.tv_nsec -= SECOND;
    }
    pthread_mutex_lock(&self->lock);
    while (atomic_load(count) > 0)
        if (pthread_cond_timedwait(&self->change, &self->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&self->lock);
}

void server_quiesce(server_t *self, int ms)
{
    for (size_t i = 0; i < self->loop_count; i++)
        loop_quiesce(self->loops[i]);
    pthread_rwlock_wrlock(&self->gate);
    atomic_store(&self->stopping, true);
    pthread_rwlock_unlock(&self->gate);
    s_wait(self, &self->open, ms);
}

void server_destroy(server_t **self_p, int ms)
{
    server_t *self = *self_p;
    exchange_t *exchange;
    if (!self)
        return;
    if (self->loop_count)
        s_wait(self, &self->exchanges, ms);
    /* All threads first: one that still serves a connection looks for its loop among all of them. */
    for (size_t i = 0; i < self->loop_count; i++)
        loop_stop(self->loops[i]);
    for (size_t i = 0; i < self->loop_count; i++)
        loop_destroy(&self->loops[i]);
    if (self->listener >= 0)
        close(self->listener);
    while ((exchange = s_take_spare(self)))
        s_free_exchange(exchange);
    watch_destroy(&self->watch);
    pthread_rwlock_destroy(&self->gate);
    pthread_cond_destroy(&self->change);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
