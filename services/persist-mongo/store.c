#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_VERSION_LONG 8 /* MongoDB 4.2: an entry of an index may have more than 1,024 bytes */
#define SELECTION_MS 2000   /* how long to look for a primary */
#define CONNECT_MS 2000
#define SOCKET_MS 20000 /* twice a batch's lease: who waits longer waits for nothing */
#define MAJORITY_MS 8000

struct store {
    mongoc_uri_t *uri;
    mongoc_write_concern_t *concern;
    pbus_log_t *log;
    pbus_lane_t lane;
    mongoc_client_t *client; /* NULL: to be connected */
    mongoc_client_session_t *session;
    mongoc_collection_t *parts[STORE_COLLECTIONS];
    bool secondary; /* reads may go elsewhere than to the primary */
    bool broken;
    bool ferretdb;
    bool short_names; /* the server's indexes take no long ones */
    bool announced;
    char name[200];
    char server[120];
};

static const char *const s_part_names[STORE_COLLECTIONS] = {
    [STORE_EVENTS] = "events",
    [STORE_META] = "persistbus_store",
    [STORE_SLOTS] = "persistbus_slots",
    [STORE_LOG] = "persistbus_log",
    [STORE_COUNTS] = "persistbus_counts",
    [STORE_DELETIONS] = "persistbus_deletions",
    [STORE_ADOPTED] = "persistbus_adopted",
};

const char *store_part_name(store_part_t part)
{
    return s_part_names[part];
}

const char *store_name(const store_t *self)
{
    return self->name;
}

const char *store_server(const store_t *self)
{
    return self->server;
}

pbus_log_t *store_log(const store_t *self)
{
    return self->log;
}

bool store_atomic(const store_t *self)
{
    return !self->ferretdb;
}

uint32_t store_reply_documents(const store_t *self)
{
    return self->ferretdb ? 8 : 1000;
}

uint32_t store_singly(const store_t *self)
{
    return self->ferretdb ? 16 : 1;
}

bool store_broken(const store_t *self)
{
    return self->broken;
}

bool store_durable(const store_t *self)
{
    return mongoc_write_concern_get_journal(self->concern) ||
           mongoc_write_concern_get_wmajority(self->concern);
}

/* ---- errors ------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t code;
    pbus_status_t status;
} s_code_t;

/* Server's codes that say more than "it failed". Those of a changing replica set mean: ask again. */
static const s_code_t s_codes[] = {
    {6, PBUS_UNAVAILABLE},     /* HostUnreachable */
    {7, PBUS_UNAVAILABLE},     /* HostNotFound */
    {64, PBUS_UNAVAILABLE},    /* WriteConcernFailed */
    {89, PBUS_UNAVAILABLE},    /* NetworkTimeout */
    {91, PBUS_UNAVAILABLE},    /* ShutdownInProgress */
    {100, PBUS_UNAVAILABLE},   /* UnsatisfiableWriteConcern */
    {133, PBUS_UNAVAILABLE},   /* FailedToSatisfyReadPreference */
    {189, PBUS_UNAVAILABLE},   /* PrimarySteppedDown */
    {262, PBUS_UNAVAILABLE},   /* ExceededTimeLimit */
    {9001, PBUS_UNAVAILABLE},  /* SocketException */
    {10107, PBUS_UNAVAILABLE}, /* NotWritablePrimary */
    {11600, PBUS_UNAVAILABLE}, /* InterruptedAtShutdown */
    {11602, PBUS_UNAVAILABLE}, /* InterruptedDueToReplStateChange */
    {13435, PBUS_UNAVAILABLE}, /* NotPrimaryNoSecondaryOk */
    {13436, PBUS_UNAVAILABLE}, /* NotPrimaryOrSecondary */
    {14031, PBUS_FULL},        /* OutOfDiskSpace */
    {50, PBUS_TIMEOUT},        /* MaxTimeMSExpired */
};

static pbus_status_t s_status_of(const bson_error_t *cause)
{
    switch (cause->domain) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_SERVER_SELECTION:
    case MONGOC_ERROR_WRITE_CONCERN:
    case MONGOC_ERROR_POOL:
        return PBUS_UNAVAILABLE;
    case MONGOC_ERROR_PROTOCOL:
        return cause->code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION ? PBUS_UNSUPPORTED : PBUS_UNAVAILABLE;
    case MONGOC_ERROR_SERVER:
        for (size_t i = 0; i < sizeof s_codes / sizeof *s_codes; i++)
            if (s_codes[i].code == cause->code)
                return s_codes[i].status;
    }
    return PBUS_INTERNAL;
}

/* A server's message may be of several lines. */
static const char *s_one_line(const bson_error_t *cause, char line[sizeof cause->message])
{
    snprintf(line, sizeof cause->message, "%s", cause->message);
    for (char *at = line; *at; at++)
        if ((unsigned char) *at < 0x20)
            *at = ' ';
    return line;
}

pbus_status_t store_fail(store_t *self, const char *doing, const bson_error_t *cause, pbus_error_t *error)
{
    char line[sizeof cause->message];
    pbus_status_t status = s_status_of(cause);
    if (status == PBUS_UNAVAILABLE)
        self->broken = true;
    return pbus_fail(error, status, "%s: cannot %s: %s", self->name, doing, s_one_line(cause, line));
}

pbus_status_t store_nomem(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "out of memory");
}

/* ---- the URI ------------------------------------------------------------------------------------ */

static void s_default_int(mongoc_uri_t *uri, const char *option, int32_t value)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, value);
}

static void s_name(store_t *self)
{
    const mongoc_host_list_t *host = mongoc_uri_get_hosts(self->uri);
    const char *more = host && host->next ? ",..." : "";
    snprintf(self->name, sizeof self->name, "mongodb %.100s%s/%.64s",
             host ? host->host_and_port : mongoc_uri_get_srv_hostname(self->uri), more,
             mongoc_uri_get_database(self->uri));
}

/*
 * Without a wish of the URI a write is acknowledged once a majority has it in its journals; a URI may ask for
 * less, but not for no acknowledgement at all.
 */
static pbus_status_t s_write_concern(store_t *self, pbus_error_t *error)
{
    self->concern = mongoc_write_concern_copy(mongoc_uri_get_write_concern(self->uri));
    if (!self->concern)
        return store_nomem(error);
    if (!mongoc_write_concern_is_acknowledged(self->concern))
        return pbus_fail(
            error, PBUS_INVALID,
            "MongoDB.URI: w=0 asks for no acknowledgement of writes, but core-data relies on it: "
            "use w=1 or w=majority");
    if (mongoc_write_concern_is_default(self->concern)) {
        mongoc_write_concern_set_wmajority(self->concern, MAJORITY_MS);
        mongoc_write_concern_set_journal(self->concern, true);
    }
    return PBUS_OK;
}

/* The reason is libmongoc's, unless it could quote a password. */
static pbus_status_t s_bad_uri(const char *uri, const char *reason, pbus_error_t *error)
{
    if (strchr(uri, '@'))
        reason = "in user and password write @ : / ? as %40 %3A %2F %3F";
    return pbus_fail(error, PBUS_INVALID, "MongoDB.URI is no MongoDB connection string: %s", reason);
}

/* A password with '@', '/', ':' or '?' as they are makes its parts look like host and database. */
static bool s_is_misread(const mongoc_uri_t *uri, const char *text)
{
    bool misread = strchr(text, '@') && !mongoc_uri_get_username(uri) &&
                   !mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_AUTHMECHANISM, NULL);
    for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri); host; host = host->next)
        misread = misread || strchr(host->host_and_port, '@');
    const char *database = mongoc_uri_get_database(uri);
    return misread || (database && strchr(database, '@'));
}

static pbus_status_t s_take_uri(store_t *self, const char *text, pbus_error_t *error)
{
    bson_error_t cause = {0};
    self->uri = mongoc_uri_new_with_error(text, &cause);
    if (!self->uri || s_is_misread(self->uri, text))
        return s_bad_uri(text, cause.message, error);
    if (!mongoc_uri_get_database(self->uri) && !mongoc_uri_set_database(self->uri, "persistbus"))
        return store_nomem(error);
    mongoc_uri_set_option_as_utf8(self->uri, MONGOC_URI_APPNAME, "persist-mongo");
    s_default_int(self->uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECTION_MS);
    s_default_int(self->uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
    s_default_int(self->uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
    /* Several hosts may be in the midst of an election: wait for its end. One host is there or not. */
    const mongoc_host_list_t *host = mongoc_uri_get_hosts(self->uri);
    if (!host || host->next || mongoc_uri_get_replica_set(self->uri))
        mongoc_uri_set_option_as_bool(self->uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false);
    const mongoc_read_prefs_t *prefs = mongoc_uri_get_read_prefs_t(self->uri);
    self->secondary =
        self->lane == PBUS_LANE_READ && mongoc_read_prefs_get_mode(prefs) != MONGOC_READ_PRIMARY;
    s_name(self);
    return s_write_concern(self, error);
}

/* ---- connection --------------------------------------------------------------------------------- */

static void s_disconnect(store_t *self)
{
    for (int i = 0; i < STORE_COLLECTIONS; i++)
        if (self->parts[i]) {
            mongoc_collection_destroy(self->parts[i]);
            self->parts[i] = NULL;
        }
    if (self->session)
        mongoc_client_session_destroy(self->session);
    self->session = NULL;
    if (self->client)
        mongoc_client_destroy(self->client);
    self->client = NULL;
}

static pbus_status_t s_make_client(store_t *self, pbus_error_t *error)
{
    bson_error_t cause = {0};
    self->client = mongoc_client_new_from_uri_with_error(self->uri, &cause);
    if (!self->client)
        return pbus_fail(error, PBUS_INVALID, "MongoDB.URI: %s", cause.message);
    mongoc_client_set_error_api(self->client, MONGOC_ERROR_API_VERSION_2);
    mongoc_client_set_write_concern(self->client, self->concern);
    if (self->lane == PBUS_LANE_WRITE) { /* what decides on a write is read where it is written */
        mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
        mongoc_read_concern_t *local = mongoc_read_concern_new();
        mongoc_client_set_read_prefs(self->client, primary);
        mongoc_client_set_read_concern(self->client, local);
        mongoc_read_concern_destroy(local);
        mongoc_read_prefs_destroy(primary);
    }
    const char *database = mongoc_uri_get_database(self->uri);
    for (int i = 0; i < STORE_COLLECTIONS; i++)
        self->parts[i] = mongoc_client_get_collection(self->client, database, s_part_names[i]);
    return PBUS_OK;
}

pbus_status_t store_command(store_t *self, const bson_t *command, bson_t *reply, const char *doing,
                            pbus_error_t *error)
{
    bson_error_t cause = {0};
    const char *database = mongoc_uri_get_database(self->uri);
    if (mongoc_client_command_simple(self->client, database, command, NULL, reply, &cause))
        return PBUS_OK;
    return store_fail(self, doing, &cause, error);
}

/* At the first contact a refusal of the credentials is for good; one that can be told from an outage. */
static pbus_status_t s_first_contact(store_t *self, bson_t *hello, pbus_error_t *error)
{
    bson_error_t cause = {0};
    char line[sizeof cause.message];
    bson_t *command = BCON_NEW("isMaster", BCON_INT32(1)); /* hello is not known to MongoDB before 4.4.2 */
    const char *database = mongoc_uri_get_database(self->uri);
    bool done = mongoc_client_command_simple(self->client, database, command, NULL, hello, &cause);
    bson_destroy(command);
    if (done)
        return PBUS_OK;
    if (strstr(cause.message, "uthentication") || cause.domain == MONGOC_ERROR_SCRAM ||
        cause.domain == MONGOC_ERROR_SASL ||
        (cause.domain == MONGOC_ERROR_CLIENT && cause.code == MONGOC_ERROR_CLIENT_AUTHENTICATE))
        return pbus_fail(error, PBUS_INVALID, "%s: user '%s' is refused: check MongoDB.URI: %s", self->name,
                         mongoc_uri_get_username(self->uri) ? mongoc_uri_get_username(self->uri) : "",
                         s_one_line(&cause, line));
    return store_fail(self, "reach the server", &cause, error);
}

static int32_t s_int(const bson_t *document, const char *key)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, key) ? (int32_t) bson_iter_as_int64(&iter) : 0;
}

static const char *s_text(const bson_t *document, const char *key)
{
    bson_iter_t iter;
    bool found = bson_iter_init_find(&iter, document, key) && BSON_ITER_HOLDS_UTF8(&iter);
    return found ? bson_iter_utf8(&iter, NULL) : "";
}

/* FerretDB calls itself by a MongoDB version, and names its own beside it. */
static pbus_status_t s_identify(store_t *self, const bson_t *hello, pbus_error_t *error)
{
    bson_t info;
    bson_t *command = BCON_NEW("buildInfo", BCON_INT32(1));
    pbus_status_t status = store_command(self, command, &info, "ask for the server's version", error);
    bson_destroy(command);
    if (status == PBUS_OK) {
        self->ferretdb = bson_has_field(&info, "ferretdbVersion");
        bool ferretdb = self->ferretdb || bson_has_field(&info, "ferretdb");
        bool sharded = strcmp(s_text(hello, "msg"), "isdbgrid") == 0;
        const char *set = s_text(hello, "setName");
        snprintf(self->server, sizeof self->server, "%s %s%s%s", ferretdb ? "FerretDB as MongoDB" : "MongoDB",
                 s_text(&info, "version"),
                 sharded ? ", sharded"
                 : *set  ? ", replica set "
                         : "",
                 set);
    }
    bson_destroy(&info);
    return status;
}

/* A server before 3.6 is refused by libmongoc itself, which says so. */
static pbus_status_t s_greet(store_t *self, pbus_error_t *error)
{
    bson_t hello;
    pbus_status_t status = s_first_contact(self, &hello, error);
    if (status == PBUS_OK)
        status = s_identify(self, &hello, error);
    if (status == PBUS_OK)
        self->short_names = s_int(&hello, "maxWireVersion") < WIRE_VERSION_LONG;
    bson_destroy(&hello);
    return status;
}

static void s_announce(store_t *self)
{
    if (self->announced || self->lane == PBUS_LANE_READ)
        return;
    self->announced = true;
    pbus_log_info(self->log, "%s: %s, %s", self->name, self->server,
                  store_durable(self)
                      ? "durable: writes are acknowledged once journaled or with a majority"
                      : "NOT durable: the URI's write concern asks for neither a journal nor a "
                        "majority");
    if (self->short_names)
        pbus_log_warn(self->log,
                      "%s: %s refuses events with a device or resource name of about 1,000 bytes or more: "
                      "MongoDB 4.2 and later take them",
                      self->name, self->server);
}

pbus_status_t store_connect(store_t *self, bool anew, pbus_error_t *error)
{
    if (self->client && !self->broken && !anew)
        return PBUS_OK;
    s_disconnect(self);
    self->broken = false;
    pbus_status_t status = s_make_client(self, error);
    if (status == PBUS_OK)
        status = s_greet(self, error);
    if (status == PBUS_OK)
        s_announce(self);
    else
        self->broken = true;
    return status;
}

pbus_status_t store_open(store_t **self_p, const char *uri, pbus_lane_t lane, pbus_log_t *log,
                         pbus_error_t *error)
{
    mongoc_init(); /* does nothing the second time */
    mongoc_log_set_handler(NULL, NULL);
    store_t *self = *self_p = calloc(1, sizeof *self);
    if (!self)
        return store_nomem(error);
    self->log = log;
    self->lane = lane;
    pbus_status_t status = s_take_uri(self, uri, error);
    if (status == PBUS_OK)
        status = store_connect(self, true, error);
    if (status != PBUS_OK)
        store_close(self_p);
    return status;
}

void store_close(store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;
    s_disconnect(self);
    mongoc_write_concern_destroy(self->concern);
    mongoc_uri_destroy(self->uri);
    free(self);
    *self_p = NULL;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/*
 * Reads that may go to a secondary are made in a causally consistent session, which has just heard of the
 * primary's time by a ping: so they wait for what was acknowledged before.
 */
static bool s_session(store_t *self, bson_t *opts, bson_error_t *cause)
{
    if (!self->session)
        self->session = mongoc_client_start_session(self->client, NULL, cause);
    if (!self->session || !mongoc_client_session_append(self->session, opts, cause))
        return false;
    bson_t session = BSON_INITIALIZER;
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    const char *database = mongoc_uri_get_database(self->uri);
    bool done =
        mongoc_client_session_append(self->session, &session, cause) &&
        mongoc_client_read_command_with_opts(self->client, database, ping, primary, &session, NULL, cause);
    mongoc_read_prefs_destroy(primary);
    bson_destroy(ping);
    bson_destroy(&session);
    return done;
}

mongoc_cursor_t *store_find(store_t *self, store_part_t part, const bson_t *filter, const bson_t *opts)
{
    mongoc_collection_t *collection = self->parts[part];
    if (!self->secondary)
        return mongoc_collection_find_with_opts(collection, filter, opts, NULL);
    bson_error_t cause;
    bson_t with_session = BSON_INITIALIZER;
    if (opts)
        bson_concat(&with_session, opts);
    /* Without a session the cursor would not be causal: an option that libmongoc refuses makes it fail. */
    if (!s_session(self, &with_session, &cause))
        BSON_APPEND_UTF8(&with_session, "sessionId", cause.message);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, &with_session, NULL);
    bson_destroy(&with_session);
    return cursor;
}

pbus_status_t store_done(store_t *self, mongoc_cursor_t **cursor_p, const char *doing, pbus_error_t *error)
{
    bson_error_t cause = {0};
    pbus_status_t status = PBUS_OK;
    if (mongoc_cursor_error(*cursor_p, &cause))
        status = store_fail(self, doing, &cause, error);
    mongoc_cursor_destroy(*cursor_p);
    *cursor_p = NULL;
    return status;
}

pbus_status_t store_find_one(store_t *self, store_part_t part, const bson_t *filter, bson_t **found,
                             const char *doing, pbus_error_t *error)
{
    *found = NULL;
    bson_t *opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
    mongoc_cursor_t *cursor = store_find(self, part, filter, opts);
    const bson_t *document;
    if (mongoc_cursor_next(cursor, &document))
        *found = bson_copy(document);
    bson_destroy(opts);
    return store_done(self, &cursor, doing, error);
}

pbus_status_t store_count(store_t *self, store_part_t part, const bson_t *filter, uint64_t *count,
                          const char *doing, pbus_error_t *error)
{
    bson_error_t cause = {0};
    bson_t opts = BSON_INITIALIZER;
    int64_t found = -1;
    if (!self->secondary || s_session(self, &opts, &cause))
        found = mongoc_collection_count_documents(self->parts[part], filter, &opts, NULL, NULL, &cause);
    bson_destroy(&opts);
    if (found < 0)
        return store_fail(self, doing, &cause, error);
    *count = (uint64_t) found;
    return PBUS_OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* Errors by which a server says that it will never take this document. */
static bool s_is_refusal(int32_t code)
{
    return code == 2 /* BadValue */ || code == 121 /* DocumentValidationFailure */ ||
           code == 10334 /* too large */
           || code == 17280 /* key too large to index */;
}

static void s_reason(store_outcome_t *outcome, const bson_iter_t *error)
{
    bson_iter_t at;
    if (!outcome->reason[0] && bson_iter_recurse(error, &at) && bson_iter_find(&at, "errmsg") &&
        BSON_ITER_HOLDS_UTF8(&at))
        snprintf(outcome->reason, sizeof outcome->reason, "%s", bson_iter_utf8(&at, NULL));
}

static int32_t s_member(const bson_iter_t *error, const char *key)
{
    bson_iter_t at;
    return bson_iter_recurse(error, &at) && bson_iter_find(&at, key) ? (int32_t) bson_iter_as_int64(&at) : -1;
}

/* Notes what became of each document; false if one failed for another reason than those asked for. */
static bool s_take_errors(const bson_t *reply, size_t count, store_outcome_t *outcome, size_t *failed)
{
    bson_iter_t iter, item;
    *failed = 0;
    if (!bson_iter_init_find(&iter, reply, "writeErrors") || !bson_iter_recurse(&iter, &item))
        return true;
    while (bson_iter_next(&item)) {
        int32_t index = s_member(&item, "index");
        int32_t code = s_member(&item, "code");
        if (index < 0 || (size_t) index >= count)
            return false;
        bool *noted = code == 11000 ? outcome->exists : s_is_refusal(code) ? outcome->refused : NULL;
        if (!noted)
            return false;
        noted[index] = true;
        ++*failed;
        if (code != 11000)
            s_reason(outcome, &item);
    }
    return true;
}

static bool s_has_concern_error(const bson_t *reply)
{
    bson_iter_t iter, item;
    return bson_iter_init_find(&iter, reply, "writeConcernErrors") && bson_iter_recurse(&iter, &item) &&
           bson_iter_next(&item);
}

pbus_status_t store_insert(store_t *self, store_part_t part, const bson_t *const *documents, size_t count,
                           store_outcome_t *outcome, const char *doing, pbus_error_t *error)
{
    bson_error_t cause = {0};
    bson_t reply;
    bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false));
    bool done = mongoc_collection_insert_many(self->parts[part], (const bson_t **) (uintptr_t) documents,
                                              count, opts, &reply, &cause);
    bson_destroy(opts);
    pbus_status_t status = PBUS_OK;
    size_t failed = 0;
    /* Every document must be accounted for: a connection lost between two parts of a large batch leaves some.
     */
    if (!done && (!s_take_errors(&reply, count, outcome, &failed) || s_has_concern_error(&reply) ||
                  (size_t) s_int(&reply, "insertedCount") + failed != count))
        status = store_fail(self, doing, &cause, error);
    bson_destroy(&reply);
    return status;
}

pbus_status_t store_insert_one(store_t *self, store_part_t part, const bson_t *document, bool *exists,
                               const char *doing, pbus_error_t *error)
{
    bool refused = false;
    *exists = false;
    store_outcome_t outcome = {.exists = exists, .refused = &refused};
    pbus_status_t status = store_insert(self, part, &document, 1, &outcome, doing, error);
    if (status == PBUS_OK && refused)
        return pbus_fail(error, PBUS_INTERNAL, "%s: cannot %s: %s", self->name, doing, outcome.reason);
    return status;
}

static void s_take_count(const bson_t *reply, const char *key, uint64_t *count)
{
    if (count)
        *count = (uint64_t) s_int(reply, key);
}

pbus_status_t store_delete(store_t *self, store_part_t part, const bson_t *filter, uint64_t *deleted,
                           const char *doing, pbus_error_t *error)
{
    bson_error_t cause = {0};
    bson_t reply;
    bool done = mongoc_collection_delete_many(self->parts[part], filter, NULL, &reply, &cause);
    s_take_count(&reply, "deletedCount", deleted);
    bson_destroy(&reply);
    return done ? PBUS_OK : store_fail(self, doing, &cause, error);
}

pbus_status_t store_update(store_t *self, store_part_t part, const bson_t *filter, const bson_t *update,
                           uint64_t *matched, const char *doing, pbus_error_t *error)
{
    bson_error_t cause = {0};
    bson_t reply;
    bool done = mongoc_collection_update_one(self->parts[part], filter, update, NULL, &reply, &cause);
    s_take_count(&reply, "matchedCount", matched);
    bson_destroy(&reply);
    return done ? PBUS_OK : store_fail(self, doing, &cause, error);
}

mongoc_bulk_operation_t *store_bulk(store_t *self, store_part_t part)
{
    bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false));
    mongoc_bulk_operation_t *bulk =
        mongoc_collection_create_bulk_operation_with_opts(self->parts[part], opts);
    bson_destroy(opts);
    return bulk;
}
