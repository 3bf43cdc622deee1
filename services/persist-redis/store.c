#include "store.h"

#include "ledger.h"
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SCHEMA 1
#define MAJOR_MIN 6    /* of Redis: users and what the scripts call */
#define SYNC_STEP 1000 /* entries of the catalogue read at a time; some 0.3 ms of Redis' time */
/* Room that health asks for after a full memory: more than most batches need. Bytes. */
#define PROBE_SIZE (256 * 1024)

struct store {
    url_t url;
    keys_t keys;
    int64_t timeout;  /* ns */
    int64_t deadline; /* of the call under way, CLOCK_BOOTTIME ns; 0: none */
    pbus_lane_t lane;
    pbus_log_t *log;
    connection_t *connection; /* NULL: none */
    command_t command;
    char shas[SCRIPTS][41];      /* of the scripts, as the server names them */
    pbus_catalogue_t *catalogue; /* NULL: has to be read again */
    int64_t known;               /* entries of the ledger that the catalogue has */
    pbus_decoder_t *decoder;
    command_t publication; /* what store_assign added */
    int64_t additions;     /* entries in it */
    pbus_buf_t entry;
    char id[PBUS_UUID_TEXT]; /* of the data set; empty: none seen yet */
    uint64_t mark;
    server_t server;
    const char *promise;  /* the one last logged */
    pbus_error_t changed; /* the server came back with other data: what core-data has to learn */
    bool ailing;          /* it was away or full, and is not known to take writes again */
};

static pbus_status_t s_fail_memory(const store_t *self, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_NOMEM, "%s: out of memory", self->url.where);
}

connection_t *store_connection(store_t *self)
{
    return self->connection;
}

const keys_t *store_keys(const store_t *self)
{
    return &self->keys;
}

const pbus_catalogue_t *store_catalogue(const store_t *self)
{
    return self->catalogue;
}

command_t *store_command(store_t *self)
{
    return &self->command;
}

void store_raise_mark(store_t *self, uint64_t mark)
{
    self->mark = mark > self->mark ? mark : self->mark;
}

/* ---- scripts ---------------------------------------------------------------------------------------------
 */

void store_begin_script(store_t *self, command_t *command, script_t script)
{
    command_begin(command, "EVALSHA");
    command_add_text(command, self->shas[script]);
    command_add_text(command, "1");
    command_add_key(command, keys_name(&self->keys, "store"));
    command_add(command, self->keys.prefix, self->keys.size);
    if (script != SCRIPT_OPEN)
        command_add_text(command, self->id);
}

static pbus_status_t s_ask_scripts(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    for (int i = 0; i < SCRIPTS && status == PBUS_OK; i++) {
        command_begin(&self->command, "SCRIPT");
        command_add_text(&self->command, "LOAD");
        command_add_text(&self->command, script_text((script_t) i));
        status = connection_send(self->connection, &self->command, error);
    }
    return status;
}

pbus_status_t store_load_scripts(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_ask_scripts(self, error);
    for (int i = 0; i < SCRIPTS && status == PBUS_OK; i++) {
        redisReply *sha;
        status = connection_receive(self->connection, REDIS_REPLY_STRING, &sha, error);
        if (status == PBUS_OK) {
            snprintf(self->shas[i], sizeof self->shas[i], "%s", sha->str);
            freeReplyObject(sha);
        }
    }
    return status;
}

/* ---- the data set ----------------------------------------------------------------------------------------
 */

static bool s_is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static pbus_status_t s_fail_foreign(const store_t *self, const char *key, pbus_error_t *error)
{
    return pbus_fail(error, PBUS_INVALID,
                     "%s: key '%s' is not of persist-redis: set Redis.Prefix (REDIS_PREFIX) to another "
                     "beginning of keys",
                     self->url.where, key);
}

/* The server's data is not what it was: core-data is to see it away, so that it asks anew what there is. */
static void s_note_change(store_t *self, const char *id, uint64_t mark)
{
    if (self->id[0] && strcmp(self->id, id) != 0)
        pbus_fail(&self->changed, PBUS_UNAVAILABLE, "%s: its data set is now %s; it was emptied or replaced",
                  self->url.where, id[0] ? id : "none");
    else if (self->id[0] && mark < self->mark)
        pbus_fail(&self->changed, PBUS_UNAVAILABLE,
                  "%s: it has lost writes: its applied mark is %" PRIu64 ", it was %" PRIu64, self->url.where,
                  mark, self->mark);
}

static pbus_status_t s_take_data_set(store_t *self, const redisReply *known, pbus_error_t *error)
{
    pbus_uuid_t id;
    for (size_t i = 0; i < 3; i++)
        if (known->elements != 3 || !s_is_text(known->element[i]))
            return s_fail_foreign(self, keys_name(&self->keys, "store").data, error);
    long schema = strtol(known->element[0]->str, NULL, 10);
    if (schema > SCHEMA)
        return pbus_fail(
            error, PBUS_INVALID,
            "%s: prefix '%s' has schema %ld of a newer persist-redis, this one knows %d: upgrade",
            self->url.where, self->keys.prefix, schema, SCHEMA);
    if (schema != SCHEMA || !pbus_uuid_parse(pbus_str(known->element[1]->str), &id))
        return s_fail_foreign(self, keys_name(&self->keys, "store").data, error);
    uint64_t mark = strtoull(known->element[2]->str, NULL, 10);
    s_note_change(self, known->element[1]->str, mark);
    pbus_uuid_format(&id, self->id);
    self->mark = mark;
    return PBUS_OK;
}

/* Looks what is under the prefix; nothing and `create`: makes a data set. */
static pbus_status_t s_look(store_t *self, bool create, pbus_error_t *error)
{
    store_begin_script(self, &self->command, SCRIPT_OPEN);
    if (create) {
        pbus_uuid_t id;
        char text[PBUS_UUID_TEXT];
        if (getrandom(&id, sizeof id, 0) != sizeof id)
            return pbus_fail(error, PBUS_INTERNAL, "the system has no random bytes");
        pbus_uuid_format(&id, text);
        command_add_text(&self->command, text);
        command_add_number(&self->command, SCHEMA);
    }
    redisReply *reply;
    pbus_status_t status = connection_call(self->connection, &self->command, 0, &reply, error);
    if (status != PBUS_OK)
        return status;
    if (s_is_text(reply))
        status = s_fail_foreign(self, reply->str, error);
    else if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0)
        status = s_take_data_set(self, reply, error);
    else {
        s_note_change(self, "", 0);
        status = pbus_fail(error, PBUS_UNAVAILABLE, "%s: there is no data set under the prefix '%s'",
                           self->url.where, self->keys.prefix);
    }
    freeReplyObject(reply);
    return status;
}

pbus_status_t store_fail_other(store_t *self, pbus_error_t *error)
{
    connection_close(&self->connection);
    return pbus_fail(error, PBUS_UNAVAILABLE, "%s: it holds another data set than %s now", self->url.where,
                     self->id);
}

/* ---- catalogue -------------------------------------------------------------------------------------------
 */

pbus_status_t store_ask(store_t *self, pbus_error_t *error)
{
    command_t *command = &self->command;
    command_begin(command, "HGET");
    command_add_key(command, keys_name(&self->keys, "store"));
    command_add_text(command, "id");
    pbus_status_t status = connection_send(self->connection, command, error);
    if (status != PBUS_OK)
        return status;
    command_begin(command, "LRANGE");
    command_add_key(command, keys_name(&self->keys, "series"));
    command_add_number(command, self->known);
    command_add_number(command, self->known + SYNC_STEP - 1);
    return connection_send(self->connection, command, error);
}

static pbus_status_t s_take_id(store_t *self, pbus_error_t *error)
{
    redisReply *id;
    pbus_status_t status = connection_receive(self->connection, 0, &id, error);
    if (status != PBUS_OK)
        return status;
    bool same = s_is_text(id) && strcmp(id->str, self->id) == 0;
    freeReplyObject(id);
    return same ? PBUS_OK : store_fail_other(self, error);
}

static pbus_status_t s_take_entries(store_t *self, const redisReply *entries, pbus_error_t *error)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        pbus_status_t status =
            ledger_read(self->catalogue, self->decoder, self->known + 1, entry->str, entry->len, error);
        if (status != PBUS_OK) {
            pbus_catalogue_destroy(&self->catalogue);
            return status;
        }
        self->known++;
    }
    return PBUS_OK;
}

pbus_status_t store_take(store_t *self, bool *changed, pbus_error_t *error)
{
    redisReply *entries;
    pbus_status_t status = s_take_id(self, error);
    if (status == PBUS_OK)
        status = connection_receive(self->connection, REDIS_REPLY_ARRAY, &entries, error);
    if (status != PBUS_OK)
        return status;
    *changed = entries->elements > 0;
    status = s_take_entries(self, entries, error);
    freeReplyObject(entries);
    return status;
}

pbus_status_t store_sync(store_t *self, pbus_error_t *error)
{
    bool changed = true;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && changed) {
        status = store_ask(self, error);
        if (status == PBUS_OK)
            status = store_take(self, &changed, error);
    }
    return status;
}

/* Reads the whole catalogue. */
static pbus_status_t s_load(store_t *self, pbus_error_t *error)
{
    pbus_catalogue_destroy(&self->catalogue);
    self->catalogue = pbus_catalogue_new();
    self->known = self->additions = 0;
    return self->catalogue ? store_sync(self, error) : s_fail_memory(self, error);
}

pbus_status_t store_series(store_t *self, int64_t number, const pbus_series_t **series, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    *series = pbus_catalogue_series(self->catalogue, number);
    if (!*series)
        status = store_sync(self, error);
    if (status != PBUS_OK || *series)
        return status;
    *series = pbus_catalogue_series(self->catalogue, number);
    if (*series)
        return PBUS_OK;
    return pbus_fail(error, PBUS_INTERNAL,
                     "%s: an event is of series %lld, which the list of series lacks: restore a backup",
                     self->url.where, (long long) number);
}

/* ---- additions to the catalogue --------------------------------------------------------------------------
 */

static pbus_status_t s_add_entry(store_t *self, pbus_error_t *error)
{
    if (self->additions == 0) {
        store_begin_script(self, &self->publication, SCRIPT_CATALOGUE);
        command_add_number(&self->publication, self->known);
    }
    command_add(&self->publication, self->entry.data, self->entry.size);
    self->additions++;
    return self->entry.failed ? s_fail_memory(self, error) : PBUS_OK;
}

static pbus_status_t s_add_series(store_t *self, pbus_series_t *draft, const pbus_series_t **series,
                                  pbus_error_t *error)
{
    draft->number = self->known + self->additions + 1;
    if (draft->number > PBUS_SERIES_NUMBER_MAX)
        return pbus_fail(error, PBUS_INTERNAL, "%s: there are as many series as there can be",
                         self->url.where);
    *series = pbus_catalogue_add(self->catalogue, draft);
    pbus_buf_reset(&self->entry);
    ledger_write_series(draft, &self->entry);
    pbus_status_t status = s_add_entry(self, error);
    return *series ? status : s_fail_memory(self, error);
}

pbus_status_t store_assign(store_t *self, const pbus_event_t *event, const pbus_series_t **series,
                           pbus_error_t *error)
{
    pbus_assignment_t found = pbus_catalogue_assign(self->catalogue, event);
    *series = found.series;
    if (found.need == PBUS_CATALOGUE_NOTHING)
        return PBUS_OK;
    if (found.need == PBUS_CATALOGUE_SERIES)
        return s_add_series(self, &found.draft, series, error);
    pbus_catalogue_widen(self->catalogue, found.series->number, found.draft.spread);
    pbus_buf_reset(&self->entry);
    ledger_write_spread(found.series->number, found.draft.spread, &self->entry);
    return s_add_entry(self, error);
}

static pbus_status_t s_take_publication(store_t *self, long long answer, bool *published, pbus_error_t *error)
{
    *published = answer == 1;
    if (answer == SCRIPT_OTHER_STORE)
        return store_fail_other(self, error);
    if (answer == SCRIPT_FOREIGN_KEY) {
        /* No fault of the batch: until somebody clears the key away, other groups or the spool take it. */
        s_fail_foreign(self, keys_series(&self->keys, self->known + 1).data, error);
        return error->status = PBUS_UNAVAILABLE;
    }
    if (!*published)
        return s_load(self, error);
    self->known += self->additions;
    self->additions = 0;
    return PBUS_OK;
}

pbus_status_t store_publish(store_t *self, bool *published, pbus_error_t *error)
{
    redisReply *reply;
    *published = true;
    if (self->additions == 0)
        return PBUS_OK;
    pbus_status_t status =
        connection_call(self->connection, &self->publication, REDIS_REPLY_INTEGER, &reply, error);
    if (status != PBUS_OK)
        return status;
    status = s_take_publication(self, reply->integer, published, error);
    freeReplyObject(reply);
    return status;
}

/* ---- the connection --------------------------------------------------------------------------------------
 */

static pbus_status_t s_check_server(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = server_inspect(&self->server, self->connection, &self->command, error);
    if (status == PBUS_OK && self->server.major > 0 && self->server.major < MAJOR_MIN)
        return pbus_fail(error, PBUS_INVALID, "%s is %s: version %d or later is needed", self->url.where,
                         self->server.version, MAJOR_MIN);
    if (status == PBUS_OK && self->server.mode[0] && strcmp(self->server.mode, "standalone") != 0)
        return pbus_fail(error, PBUS_INVALID,
                         "%s runs as %s, but all keys have to be on one server: use one of its own",
                         self->url.where, self->server.mode);
    return status;
}

/* Says what the server promises, when that is news. */
static void s_announce(store_t *self)
{
    const char *promise = server_promise(&self->server);
    if (self->lane != PBUS_LANE_WRITE || promise == self->promise)
        return;
    self->promise = promise;
    pbus_log_level_t level = server_is_durable(&self->server) ? PBUS_LOG_INFO : PBUS_LOG_WARN;
    pbus_log_at(self->log, level, "%s (%s): data set %s, %zu series, applied mark %" PRIu64 "; %s",
                self->url.where, self->server.version, self->id, pbus_catalogue_all(self->catalogue).count,
                self->mark, promise);
}

static pbus_status_t s_set_up(store_t *self, bool create, pbus_error_t *error)
{
    pbus_status_t status = s_check_server(self, error);
    if (status == PBUS_OK)
        status = store_load_scripts(self, error);
    if (status == PBUS_OK)
        status = s_look(self, create, error);
    if (status == PBUS_OK)
        status = s_load(self, error);
    return status;
}

static pbus_status_t s_connect(store_t *self, bool create, pbus_error_t *error)
{
    connection_close(&self->connection);
    self->ailing = true;
    pbus_status_t status = connection_open(&self->connection, &self->url, self->timeout, error);
    if (status == PBUS_OK)
        status = s_set_up(self, create, error);
    if (status == PBUS_OK)
        connection_established(self->connection);
    else
        connection_close(&self->connection);
    return status;
}

/* A connection that can be used: the one there is, or a new one. */
static pbus_status_t s_ensure(store_t *self, bool create, pbus_error_t *error)
{
    if (!self->connection || !connection_is_sound(self->connection))
        return s_connect(self, create, error);
    return self->catalogue ? PBUS_OK : s_load(self, error);
}

pbus_status_t store_check_deadline(const store_t *self, pbus_error_t *error)
{
    if (self->deadline == 0 || pbus_clock_boottime() <= self->deadline)
        return PBUS_OK;
    return pbus_fail(error, PBUS_TIMEOUT, "%s: the query was not done before its deadline", self->url.where);
}

pbus_status_t store_begin(store_t *self, int64_t deadline, pbus_error_t *error)
{
    self->deadline = deadline;
    pbus_status_t status = PBUS_OK;
    if (self->changed.status == PBUS_OK)
        status = s_ensure(self, false, error);
    if (self->changed.status != PBUS_OK)
        *error = self->changed, status = error->status;
    /* What a reconnect finds wrong is wrong with the server, not with the request at hand. */
    if (status != PBUS_OK && status != PBUS_FULL)
        error->status = status = PBUS_UNAVAILABLE;
    return store_end(self, status);
}

pbus_status_t store_end(store_t *self, pbus_status_t status)
{
    if (self->connection)
        connection_settle(self->connection);
    /* What was added but not published is only in this catalogue, and wrong. */
    if (self->additions > 0) {
        pbus_catalogue_destroy(&self->catalogue);
        self->additions = 0;
    }
    self->ailing |= status == PBUS_UNAVAILABLE || status == PBUS_FULL;
    return status;
}

/* ---- health ----------------------------------------------------------------------------------------------
 */

static pbus_status_t s_ask_probe(store_t *self, pbus_error_t *error)
{
    pbus_buf_t filler = {0};
    uint8_t *room = pbus_buf_reserve(&filler, PROBE_SIZE);
    if (!room)
        return s_fail_memory(self, error);
    memset(room, 0, PROBE_SIZE);
    keyname_t key = keys_name(&self->keys, "probe");
    pbus_status_t status = PBUS_OK;
    /* The second shows whether there is room beside the first. */
    for (int i = 0; i < 2 && status == PBUS_OK; i++) {
        command_begin(&self->command, "SET");
        command_add_key(&self->command, key);
        command_add(&self->command, room, i == 0 ? PROBE_SIZE : 1);
        status = connection_send(self->connection, &self->command, error);
    }
    command_begin(&self->command, "UNLINK");
    command_add_key(&self->command, key);
    if (status == PBUS_OK)
        status = connection_send(self->connection, &self->command, error);
    pbus_buf_clear(&filler);
    return status;
}

/* Whether the server takes writes: it may be full, a replica, or unable to save. */
static pbus_status_t s_probe(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_ask_probe(self, error);
    for (int i = 0; i < 3 && status == PBUS_OK; i++) {
        redisReply *reply;
        status = connection_receive(self->connection, 0, &reply, error);
        if (status == PBUS_OK)
            freeReplyObject(reply);
    }
    connection_settle(self->connection);
    return status;
}

static pbus_status_t s_check_data_set(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_look(self, true, error);
    if (status == PBUS_OK && self->changed.status == PBUS_OK)
        return PBUS_OK;
    /* With the data everything else has to be looked at again. */
    connection_close(&self->connection);
    return status;
}

static pbus_status_t s_look_after(store_t *self, pbus_error_t *error)
{
    pbus_status_t status = s_ensure(self, true, error);
    if (status == PBUS_OK)
        status = s_check_data_set(self, error);
    if (self->changed.status != PBUS_OK) {
        *error = self->changed;
        self->changed = (pbus_error_t){0};
        return error->status;
    }
    if (status == PBUS_OK && self->lane == PBUS_LANE_WRITE)
        status = s_check_server(self, error);
    if (status == PBUS_OK && self->lane == PBUS_LANE_WRITE && self->ailing)
        status = s_probe(self, error);
    return status;
}

pbus_status_t store_health(store_t *self, pbus_health_t *health, pbus_error_t *error)
{
    pbus_status_t status = store_end(self, s_look_after(self, error));
    if (status != PBUS_OK)
        return status;
    self->ailing = false;
    s_announce(self);
    *health = (pbus_health_t){.durable = server_is_durable(&self->server), .applied_mark = self->mark};
    pbus_uuid_parse(pbus_str(self->id), &health->data_set);
    return PBUS_OK;
}

/* ---- open and close --------------------------------------------------------------------------------------
 */

static pbus_status_t s_configure(store_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    const char *prefix = pbus_config_string(config, "Redis.Prefix");
    if (!keys_init(&self->keys, prefix))
        return pbus_fail(error, PBUS_INVALID, "Redis.Prefix: '%.80s' is not 1 to %d bytes long", prefix,
                         KEYS_PREFIX_MAX);
    self->timeout = pbus_config_duration(config, "Redis.Timeout");
    return url_parse(&self->url, pbus_config_string(config, "Redis.URL"), error);
}

static pbus_status_t s_open(store_t *self, const pbus_config_t *config, pbus_error_t *error)
{
    pbus_status_t status = s_configure(self, config, error);
    self->decoder = pbus_decoder_new();
    if (status == PBUS_OK && !self->decoder)
        status = s_fail_memory(self, error);
    if (status == PBUS_OK)
        status = s_connect(self, true, error);
    /* What may go away by itself is worth another try, which is what this status says when opening. */
    if (status == PBUS_FULL || status == PBUS_NOMEM)
        error->status = status = PBUS_UNAVAILABLE;
    return status;
}

pbus_status_t store_open(store_t **self_p, const pbus_config_t *config, pbus_log_t *log, pbus_lane_t lane,
                         pbus_error_t *error)
{
    *self_p = NULL;
    store_t *self = calloc(1, sizeof *self);
    if (!self)
        return pbus_fail(error, PBUS_NOMEM, "out of memory while opening the store");
    self->lane = lane;
    self->log = log;
    pbus_status_t status = s_open(self, config, error);
    if (status != PBUS_OK) {
        store_close(&self);
        return status;
    }
    *self_p = self;
    return PBUS_OK;
}

void store_close(store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;
    connection_close(&self->connection);
    pbus_catalogue_destroy(&self->catalogue);
    pbus_decoder_destroy(&self->decoder);
    command_clear(&self->command);
    command_clear(&self->publication);
    pbus_buf_clear(&self->entry);
    url_clear(&self->url);
    free(self);
    *self_p = NULL;
}
