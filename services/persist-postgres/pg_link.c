#include "pg_link.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define VERSION_MIN 140000
#define GRACE (1000 * MS)         /* what a server may take beyond its statement_timeout */
#define TIMEOUT_STEP (250 * MS)   /* statement_timeout is rounded up, so that it need not be set each time */
#define MESSAGE_MAX (1000u << 20) /* bytes; the server takes a little more */
#define SQLSTATE_SIZE 6

/* A statement that the connection knows, in a tree of the C library, found by its text. */
typedef struct {
    pbus_str_t sql; /* in the same piece of memory */
    char name[16];
} s_prepared_t;

struct pg_link {
    char *url;
    int64_t connect_timeout;
    int64_t statement_timeout;
    pbus_log_t *log;
    PGconn *connection;
    int64_t timeout_set; /* the connection's statement_timeout; 0: the server's */
    void *prepared;      /* tree of s_prepared_t */
    size_t prepared_count;
    char sqlstate[SQLSTATE_SIZE];
    char where[160];
};

/* ---- messages ----------------------------------------------------------------------------------------- */

/* The end of a line that only explains: libpq begins those with a tab, the server its source positions so. */
static const char *s_skip_asides(const char *line)
{
    while (*line == '\t' || strncmp(line, "LOCATION:", 9) == 0) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return line;
}

/* One line of text: line ends and runs of blanks become one blank, asides are left out. */
static void s_one_line(const char *text, char *line, size_t size)
{
    size_t at = 0;
    text = s_skip_asides(text);
    while (*text && at + 1 < size) {
        if (!isspace((unsigned char) *text))
            line[at++] = *text;
        else if (at && line[at - 1] != ' ')
            line[at++] = ' ';
        text = *text == '\n' ? s_skip_asides(text + 1) : text + 1;
    }
    while (at && line[at - 1] == ' ')
        at--;
    line[at] = '\0';
}

/* The SQLSTATE in a message such as "FATAL:  28P01: password authentication failed...". */
static void s_find_sqlstate(pg_link_t *self, const char *message)
{
    self->sqlstate[0] = '\0';
    for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        size_t size = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (size == SQLSTATE_SIZE - 1 && at[3 + size] == ':') {
            memcpy(self->sqlstate, at + 3, size);
            self->sqlstate[size] = '\0';
            return;
        }
    }
}

static bool s_is_class(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, strlen(class)) == 0;
}

static pbus_status_t s_status(const char *sqlstate)
{
    static const struct {
        const char *class;
        pbus_status_t status;
    } known[] = {
        {"57014", PBUS_TIMEOUT},     {"55P03", PBUS_TIMEOUT},     {"53100", PBUS_FULL},
        {"53", PBUS_UNAVAILABLE},    {"57", PBUS_UNAVAILABLE},    {"08", PBUS_UNAVAILABLE},
        {"58", PBUS_UNAVAILABLE},    {"40", PBUS_UNAVAILABLE},    {"25", PBUS_UNAVAILABLE},
        {"3F", PBUS_UNAVAILABLE},    {"42P01", PBUS_UNAVAILABLE}, {"42883", PBUS_UNAVAILABLE},
        {"42704", PBUS_UNAVAILABLE}, {"22", PBUS_INVALID},        {"23", PBUS_INVALID},
        {"54", PBUS_INVALID},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (s_is_class(sqlstate, known[i].class))
            return known[i].status;
    return PBUS_INTERNAL;
}

/* After these the connection is of no use, or what was prepared on it is about tables that are gone. */
static bool s_is_over(const char *sqlstate)
{
    return s_is_class(sqlstate, "08") || s_is_class(sqlstate, "57P") || s_is_class(sqlstate, "25006") ||
           s_is_class(sqlstate, "3F") || s_is_class(sqlstate, "42P01") || s_is_class(sqlstate, "42883") ||
           s_is_class(sqlstate, "42704");
}

static void s_notice(void *log, const char *message)
{
    char line[200];
    s_one_line(message, line, sizeof line);
    pbus_log_debug(log, "postgres says: %s", line);
}

/* ---- life --------------------------------------------------------------------------------------------- */

static const char *s_option(const PQconninfoOption *options, const char *keyword, const char *fallback)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val ? options->val : fallback;
    return fallback;
}

/*
 * A password with an unescaped @ or : in it ends up in the host or the port, from where it must not get into
 * a message. Several hosts and ports are separated by commas.
 */
static bool s_is_place(const char *host, const char *port)
{
    return host[strcspn(host, "@?#&= ")] == '\0' && port[strspn(port, "0123456789,")] == '\0';
}

/* libpq's own words would quote the string, password and all. */
static pbus_status_t s_parse(pg_link_t *self, pbus_error_t *error)
{
    char *ignored = NULL;
    PQconninfoOption *options = PQconninfoParse(self->url, &ignored);
    PQfreemem(ignored);
    const char *host = options ? s_option(options, "host", s_option(options, "hostaddr", "")) : "";
    const char *port = options ? s_option(options, "port", "5432") : "";
    if (!options || !s_is_place(host, port)) {
        PQconninfoFree(options);
        return pbus_fail(error, PBUS_INVALID,
                         "Database.URL is not a connection string: write "
                         "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %%40 for @ and the like");
    }
    const char *database = s_option(options, "dbname", s_option(options, "user", ""));
    snprintf(self->where, sizeof self->where, "%s:%s/%s", *host ? host : "(local socket)", port, database);
    PQconninfoFree(options);
    return PBUS_OK;
}

pg_link_t *pg_link_new(const char *url, int64_t connect_timeout, int64_t statement_timeout, pbus_log_t *log,
                       pbus_error_t *error)
{
    pg_link_t *self = calloc(1, sizeof *self);
    if (!self || !(self->url = strdup(url))) {
        pbus_fail(error, PBUS_NOMEM, "memory is out");
        pg_link_destroy(&self);
        return NULL;
    }
    self->connect_timeout = connect_timeout;
    self->statement_timeout = statement_timeout;
    self->log = log;
    if (s_parse(self, error) != PBUS_OK)
        pg_link_destroy(&self);
    return self;
}

void pg_link_destroy(pg_link_t **self_p)
{
    if (!*self_p)
        return;
    pg_link_drop(*self_p);
    free((*self_p)->url);
    free(*self_p);
    *self_p = NULL;
}

const char *pg_link_where(const pg_link_t *self)
{
    return self->where;
}

bool pg_link_is_connected(const pg_link_t *self)
{
    return self->connection != NULL;
}

static void s_forget_prepared(pg_link_t *self)
{
    tdestroy(self->prepared, free);
    self->prepared = NULL;
    self->prepared_count = 0;
}

void pg_link_drop(pg_link_t *self)
{
    PQfinish(self->connection);
    self->connection = NULL;
    s_forget_prepared(self);
}

const char *pg_link_sqlstate(const pg_link_t *self)
{
    return self->sqlstate;
}

bool pg_link_was_crossed(const pg_link_t *self)
{
    return s_is_class(self->sqlstate, "40001") || s_is_class(self->sqlstate, "40P01");
}

/* ---- waiting ------------------------------------------------------------------------------------------ */

/* Waits until the socket is ready; false when `until` passes first or poll fails. */
static bool s_wait(pg_link_t *self, short events, int64_t until)
{
    struct pollfd item = {.fd = PQsocket(self->connection), .events = events};
    for (;;) {
        int64_t left = until - pbus_clock_boottime();
        int count = poll(&item, 1, left > 0 ? (int) (left / MS) + 1 : 0);
        if (count > 0)
            return true;
        if (count < 0 && errno != EINTR)
            return false;
        if (count == 0 && left <= 0)
            return false;
    }
}

/* The connection failed in the middle of something, or went silent. */
static pbus_status_t s_lost(pg_link_t *self, pbus_error_t *error)
{
    char line[160];
    s_one_line(PQerrorMessage(self->connection), line, sizeof line);
    self->sqlstate[0] = '\0';
    pg_link_drop(self);
    return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s: connection lost: %s", self->where,
                     line[0] ? line : "the server is silent");
}

/* ---- connecting --------------------------------------------------------------------------------------- */

static PGconn *s_start(const pg_link_t *self)
{
    /* What comes before the user's own string is a default, what comes behind it is not to be changed. */
    const char *keywords[] = {
        "keepalives_idle", "keepalives_interval", "keepalives_count",          "tcp_user_timeout",
        "dbname",          "client_encoding",     "fallback_application_name", NULL};
    const char *values[] = {"10", "5", "3", "15000", self->url, "UTF8", "persist-postgres", NULL};
    return PQconnectStartParams(keywords, values, 1);
}

/* Says why there is no connection, and whether trying again can help. */
static pbus_status_t s_refused(pg_link_t *self, bool timed_out, pbus_error_t *error)
{
    char line[200];
    const char *message = PQerrorMessage(self->connection);
    bool needs_password = PQconnectionNeedsPassword(self->connection);
    s_find_sqlstate(self, message);
    s_one_line(message, line, sizeof line);
    pg_link_drop(self);
    if (timed_out)
        return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s does not answer", self->where);
    if (needs_password)
        return pbus_fail(
            error, PBUS_INVALID,
            "postgres at %s asks for a password: put it into Database.URL, PGPASSWORD or ~/.pgpass",
            self->where);
    bool hopeless = s_is_class(self->sqlstate, "28") || s_is_class(self->sqlstate, "3D") ||
                    s_is_class(self->sqlstate, "42501");
    return pbus_fail(error, hopeless ? PBUS_INVALID : PBUS_UNAVAILABLE, "postgres at %s: %s", self->where,
                     line);
}

static pbus_status_t s_check_server(pg_link_t *self, pbus_error_t *error)
{
    int version = PQserverVersion(self->connection);
    const char *encoding = PQparameterStatus(self->connection, "server_encoding");
    pbus_status_t status = PBUS_OK;
    if (version < VERSION_MIN)
        status = pbus_fail(error, PBUS_UNSUPPORTED,
                           "postgres at %s is version %d.%d; version %d or later is needed", self->where,
                           version / 10000, version % 10000, VERSION_MIN / 10000);
    else if (!encoding || strcmp(encoding, "UTF8") != 0)
        status = pbus_fail(error, PBUS_UNSUPPORTED,
                           "postgres at %s: the database's encoding is %s; create one with ENCODING 'UTF8'",
                           self->where, encoding ? encoding : "unknown");
    if (status != PBUS_OK)
        pg_link_drop(self);
    return status;
}

pbus_status_t pg_link_connect(pg_link_t *self, pbus_error_t *error)
{
    if (self->connection)
        return PBUS_OK;
    int64_t until = pbus_clock_boottime() + self->connect_timeout;
    self->timeout_set = 0;
    self->connection = s_start(self);
    if (!self->connection)
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    PQsetErrorVerbosity(self->connection,
                        PQERRORS_VERBOSE); /* or a refusal would come without its SQLSTATE */
    PQsetNoticeProcessor(self->connection, s_notice, self->log);
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    bool on_time = true;
    if (PQstatus(self->connection) == CONNECTION_BAD)
        next = PGRES_POLLING_FAILED;
    while (on_time && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        on_time = s_wait(self, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
        if (on_time)
            next = PQconnectPoll(self->connection);
    }
    if (next != PGRES_POLLING_OK)
        return s_refused(self, !on_time, error);
    PQsetnonblocking(self->connection, 1);
    return s_check_server(self, error);
}

/* ---- statements --------------------------------------------------------------------------------------- */

/* Sends all that is queued; what the server says meanwhile is taken in, so that neither side waits for the
 * other. */
static bool s_flush(pg_link_t *self, int64_t until)
{
    int left;
    while ((left = PQflush(self->connection)) > 0)
        if (!s_wait(self, POLLIN | POLLOUT, until) || !PQconsumeInput(self->connection))
            return false;
    return left == 0;
}

static pbus_status_t s_failed(pg_link_t *self, const PGresult *result, pbus_error_t *error)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char line[200];
    snprintf(self->sqlstate, sizeof self->sqlstate, "%s", sqlstate ? sqlstate : "");
    s_one_line(message ? message : PQresultErrorMessage(result), line, sizeof line);
    pbus_status_t status = sqlstate ? s_status(sqlstate) : PBUS_UNAVAILABLE;
    return pbus_fail(error, status, "postgres at %s: %s", self->where, line[0] ? line : "connection lost");
}

/* Takes the results of what was sent, until the server is done with it. */
static pbus_status_t s_collect(pg_link_t *self, int64_t until, pg_rows_t *rows, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (!s_flush(self, until))
        return s_lost(self, error);
    for (;;) {
        while (PQisBusy(self->connection))
            if (!s_wait(self, POLLIN, until) || !PQconsumeInput(self->connection))
                return s_lost(self, error);
        PGresult *result = PQgetResult(self->connection);
        if (!result)
            break;
        ExecStatusType outcome = PQresultStatus(result);
        if (outcome == PGRES_TUPLES_OK || outcome == PGRES_SINGLE_TUPLE) {
            if (rows)
                pg_rows_take(rows, result);
        } else if (outcome != PGRES_COMMAND_OK && status == PBUS_OK)
            status = s_failed(self, result, error);
        PQclear(result);
    }
    if (PQstatus(self->connection) == CONNECTION_BAD || (status != PBUS_OK && s_is_over(self->sqlstate)))
        pg_link_drop(self);
    return status;
}

static pbus_status_t s_no_connection(pg_link_t *self, pbus_error_t *error)
{
    self->sqlstate[0] = '\0';
    return pbus_fail(error, PBUS_UNAVAILABLE, "postgres at %s: not connected", self->where);
}

static pbus_status_t s_script(pg_link_t *self, const char *sql, int64_t until, pbus_error_t *error)
{
    if (!self->connection)
        return s_no_connection(self, error);
    self->sqlstate[0] = '\0';
    if (!PQsendQuery(self->connection, sql))
        return s_lost(self, error);
    return s_collect(self, until, NULL, error);
}

pbus_status_t pg_link_script(pg_link_t *self, const char *sql, pbus_error_t *error)
{
    return s_script(self, sql, pbus_clock_boottime() + self->statement_timeout + GRACE, error);
}

/* Sees to it that the server gives up at about the deadline. */
static pbus_status_t s_set_timeout(pg_link_t *self, int64_t deadline, int64_t *until, pbus_error_t *error)
{
    int64_t now = pbus_clock_boottime();
    int64_t left = deadline ? deadline - now : self->statement_timeout;
    self->sqlstate[0] = '\0';
    if (left <= 0)
        return pbus_fail(error, PBUS_TIMEOUT, "the deadline passed before postgres was asked");
    if (left > self->statement_timeout)
        left = self->statement_timeout;
    left = (left + TIMEOUT_STEP - 1) / TIMEOUT_STEP * TIMEOUT_STEP;
    *until = now + left + GRACE;
    if (left == self->timeout_set)
        return PBUS_OK;
    char sql[64];
    snprintf(sql, sizeof sql, "SET statement_timeout = %lld", (long long) (left / MS));
    pbus_status_t status = s_script(self, sql, *until, error);
    if (status == PBUS_OK)
        self->timeout_set = left;
    return status;
}

static int s_compare(const void *a, const void *b)
{
    return pbus_str_cmp(((const s_prepared_t *) a)->sql, ((const s_prepared_t *) b)->sql);
}

/* Remembers that the connection knows this statement. NULL when memory is out. */
static s_prepared_t *s_remember(pg_link_t *self, pbus_str_t sql)
{
    s_prepared_t *prepared = malloc(sizeof *prepared + sql.size);
    if (!prepared)
        return NULL;
    char *text = (char *) (prepared + 1);
    memcpy(text, sql.data, sql.size);
    prepared->sql = (pbus_str_t){text, sql.size};
    snprintf(prepared->name, sizeof prepared->name, "s%zu", self->prepared_count);
    if (!tsearch(prepared, &self->prepared, s_compare)) {
        free(prepared);
        return NULL;
    }
    self->prepared_count++;
    return prepared;
}

/* The name under which the connection knows this statement; sql is terminated. */
static pbus_status_t s_prepare(pg_link_t *self, pbus_str_t sql, int64_t until, const char **name,
                               pbus_error_t *error)
{
    s_prepared_t key = {.sql = sql};
    s_prepared_t **found = tfind(&key, &self->prepared, s_compare);
    if (found) {
        *name = (*found)->name;
        return PBUS_OK;
    }
    char fresh[16];
    snprintf(fresh, sizeof fresh, "s%zu", self->prepared_count);
    if (!PQsendPrepare(self->connection, fresh, sql.data, 0, NULL))
        return s_lost(self, error);
    pbus_status_t status = s_collect(self, until, NULL, error);
    if (status != PBUS_OK)
        return status;
    const s_prepared_t *prepared = s_remember(self, sql);
    if (!prepared) {
        pg_link_drop(self); /* its name is taken now */
        return pbus_fail(error, PBUS_NOMEM, "memory is out");
    }
    *name = prepared->name;
    return PBUS_OK;
}

static bool s_send(pg_link_t *self, const char *name, const pg_params_t *statement, bool one_by_one)
{
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
    size_t start = 0;
    for (int i = 0; i < statement->count; i++) {
        values[i] = statement->data.data ? (const char *) statement->data.data + start : "";
        lengths[i] = (int) (statement->ends[i] - start);
        formats[i] = 1;
        start = statement->ends[i];
    }
    if (!PQsendQueryPrepared(self->connection, name, statement->count, values, lengths, formats, 1))
        return false;
    return !one_by_one || PQsetSingleRowMode(self->connection);
}

pbus_status_t pg_link_run(pg_link_t *self, const pg_params_t *statement, int64_t deadline, pg_rows_t *rows,
                          pbus_error_t *error)
{
    int64_t until;
    const char *name = NULL;
    self->sqlstate[0] = '\0';
    if (!self->connection)
        return s_no_connection(self, error);
    if (statement->sql.failed || statement->data.failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for a statement");
    if (statement->data.size > MESSAGE_MAX)
        return pbus_fail(error, PBUS_INVALID, "%zu bytes are more than postgres takes in one statement",
                         statement->data.size);
    pbus_status_t status = s_set_timeout(self, deadline, &until, error);
    if (status == PBUS_OK)
        status = s_prepare(self, (pbus_str_t){(const char *) statement->sql.data, statement->sql.size}, until,
                           &name, error);
    if (status != PBUS_OK)
        return status;
    if (!s_send(self, name, statement, rows && rows->bytes_max))
        return s_lost(self, error);
    status = s_collect(self, until, rows, error);
    if (status == PBUS_OK && rows && rows->data.failed)
        return pbus_fail(error, PBUS_NOMEM, "out of memory for %zu rows", rows->count);
    return status;
}

pbus_status_t pg_link_begin(pg_link_t *self, pbus_error_t *error)
{
    int64_t until;
    if (!self->connection)
        return s_no_connection(self, error);
    /* Now, as a rollback would take it back. */
    pbus_status_t status = s_set_timeout(self, 0, &until, error);
    return status == PBUS_OK ? s_script(self, "BEGIN", until, error) : status;
}

pbus_status_t pg_link_end(pg_link_t *self, pbus_status_t status, pbus_error_t *error)
{
    if (status == PBUS_OK)
        return pg_link_script(self, "COMMIT", error);
    char sqlstate[SQLSTATE_SIZE];
    memcpy(sqlstate, self->sqlstate, sizeof sqlstate);
    if (self->connection && pg_link_script(self, "ROLLBACK", NULL) != PBUS_OK)
        pg_link_drop(self);
    memcpy(self->sqlstate, sqlstate, sizeof sqlstate);
    return status;
}
