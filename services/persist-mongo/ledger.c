#include "ledger.h"
#include "fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)
#define TOUCH_NS (10 * SECOND_NS)      /* how often a writer says that it runs */
#define SILENCE_NS (600 * SECOND_NS)   /* after which others may take its slot */
#define PAUSE_NS (300 * SECOND_NS)     /* after which it looks whether they did, before it acknowledges */
#define PATIENCE_NS (2 * SECOND_NS)    /* with a batch of another writer that stands in the way */
#define LOOK_AGAIN_NS INT64_C(5000000) /* at first, then twice as long each time, up to */
#define LOOK_SELDOM_NS INT64_C(80000000)
#define LOOK_WHOLE 4 /* every how many times in the whole ledger */
#define FOLD_BATCHES 16
#define FOLD_BYTES (128 * 1024)

struct ledger {
    store_t *store;
    peers_t *peers;
    fold_t *fold;   /* this slot's log */
    int slot;       /* 0: none */
    int64_t number; /* of the batch under way */
    int64_t since;  /* the first one that this writer knows to have begun itself */
    uint64_t mark;
    char owner[33];  /* random: tells this writer from others that have had the slot */
    int64_t touched; /* CLOCK_BOOTTIME ns */
    bool unsure;
};

static void s_owner(ledger_t *self)
{
    uint8_t random[16] = {0};
    if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
        abort(); /* never for so few bytes */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(self->owner + 2 * i, 3, "%02x", random[i]);
}

ledger_t *ledger_new(store_t *store)
{
    ledger_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->unsure = true;
    self->peers = peers_new(store);
    self->fold = fold_new(store);
    if (!self->peers || !self->fold)
        ledger_destroy(&self);
    else
        s_owner(self);
    return self;
}

bool ledger_is_unsure(const ledger_t *self)
{
    return self->unsure;
}

void ledger_spoil(ledger_t *self)
{
    self->unsure = true;
}

void ledger_forget(ledger_t *self)
{
    fold_reset(self->fold);
    self->slot = 0;
    self->mark = 0;
    self->unsure = true;
}

int64_t ledger_batch(const ledger_t *self)
{
    return PEERS_STAMP(self->slot, self->number);
}

uint64_t ledger_mark(const ledger_t *self)
{
    return self->mark;
}

peers_t *ledger_peers(ledger_t *self)
{
    return self->peers;
}

int ledger_slot(const ledger_t *self)
{
    return self->slot;
}

/* ---- the log ------------------------------------------------------------------------------------ */

static void s_begin_batch(bson_t *to, int64_t stamp)
{
    char id[48];
    peers_log_id(stamp, id);
    BSON_APPEND_UTF8(to, "_id", id);
    BSON_APPEND_INT32(to, "slot", PEERS_STAMP_SLOT(stamp));
    BSON_APPEND_INT64(to, "number", PEERS_STAMP_NUMBER(stamp));
}

/* Declares a batch void; *exists: it is in the log already, committed or void. */
static pbus_status_t s_insert_void(ledger_t *self, int64_t stamp, bool *exists, pbus_error_t *error)
{
    bson_t batch = BSON_INITIALIZER;
    s_begin_batch(&batch, stamp);
    BSON_APPEND_BOOL(&batch, "void", true);
    BSON_APPEND_DATE_TIME(&batch, "since", pbus_clock_realtime() / 1000000);
    pbus_status_t status =
        store_insert_one(self->store, STORE_LOG, &batch, exists, "declare a batch void", error);
    bson_destroy(&batch);
    return status;
}

pbus_status_t ledger_commit(ledger_t *self, const tally_t *tally, const changes_t *changes, uint64_t mark,
                            pbus_error_t *error)
{
    bool exists = false;
    bson_t *batch = bson_new();
    s_begin_batch(batch, ledger_batch(self));
    uint64_t highest = mark > self->mark ? mark : self->mark;
    document_append_accept(batch, "mark", highest);
    tally_append(tally, batch);
    if (!store_atomic(self->store))
        changes_append(changes, batch);
    pbus_status_t status = store_insert_one(self->store, STORE_LOG, batch, &exists, "commit a batch", error);
    if (status == PBUS_OK && exists)
        status =
            pbus_fail(error, PBUS_UNAVAILABLE,
                      "%s: another worker has declared this one's batch void, as it was slow: trying again",
                      store_name(self->store));
    if (status == PBUS_OK && pbus_clock_boottime() - self->touched > PAUSE_NS)
        status = ledger_touch(self, error);
    if (status != PBUS_OK) {
        bson_destroy(batch);
        self->unsure = true;
        return status;
    }
    fold_take(self->fold, self->number++, &batch);
    self->mark = highest;
    return PBUS_OK;
}

pbus_status_t ledger_fold(ledger_t *self, bool now, pbus_error_t *error)
{
    size_t batches = fold_batches(self->fold);
    if (batches == 0 || (!now && batches < FOLD_BATCHES && fold_bytes(self->fold) < FOLD_BYTES))
        return PBUS_OK;
    pbus_status_t status = fold_run(self->fold, self->owner, self->mark, error);
    if (status == PBUS_OK)
        self->touched = pbus_clock_boottime();
    else
        self->unsure = true;
    return status;
}

/* ---- the slot ----------------------------------------------------------------------------------- */

static bson_t *s_slot_filter(const ledger_t *self)
{
    char id[16];
    snprintf(id, sizeof id, "%d", self->slot);
    return BCON_NEW("_id", BCON_UTF8(id), "owner", BCON_UTF8(self->owner));
}

static pbus_status_t s_say(ledger_t *self, bool is_free, bool *mine, pbus_error_t *error)
{
    uint64_t matched = 0;
    bson_t *filter = s_slot_filter(self);
    bson_t *update = BCON_NEW("$set", "{", "time", BCON_DATE_TIME(pbus_clock_realtime() / 1000000), "free",
                              BCON_BOOL(is_free), "}");
    pbus_status_t status =
        store_update(self->store, STORE_SLOTS, filter, update, &matched, "keep the slot", error);
    bson_destroy(update);
    bson_destroy(filter);
    *mine = matched > 0;
    return status;
}

pbus_status_t ledger_touch(ledger_t *self, pbus_error_t *error)
{
    bool mine;
    int64_t now = pbus_clock_boottime();
    if (now - self->touched < TOUCH_NS)
        return PBUS_OK;
    pbus_status_t status = s_say(self, false, &mine, error);
    if (status == PBUS_OK && !mine) {
        ledger_forget(self);
        status = pbus_fail(error, PBUS_UNAVAILABLE,
                           "%s: another worker has taken this one's slot, as it was silent: taking another",
                           store_name(self->store));
    }
    if (status == PBUS_OK)
        self->touched = now;
    else
        self->unsure = true;
    return status;
}

/* Whether a slot may be taken: given back, or its owner silent. Clocks of machines need to agree to minutes.
 */
static bool s_is_available(const peer_t *peer)
{
    int64_t silence = pbus_clock_realtime() - peer->heard;
    return peer->is_free || silence > SILENCE_NS;
}

static void s_adopt_slot(ledger_t *self, int slot, int64_t number)
{
    self->slot = slot;
    self->number = self->since = number;
    self->touched = pbus_clock_boottime();
}

/* Writes the owner into a slot whose next batch this writer has voided. */
static pbus_status_t s_enter(ledger_t *self, int slot, pbus_error_t *error)
{
    char id[16];
    snprintf(id, sizeof id, "%d", slot);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    bson_t *update = BCON_NEW("$set", "{", "owner", BCON_UTF8(self->owner), "free", BCON_BOOL(false), "time",
                              BCON_DATE_TIME(pbus_clock_realtime() / 1000000), "}");
    pbus_status_t status = store_update(self->store, STORE_SLOTS, filter, update, NULL, "take a slot", error);
    bson_destroy(update);
    bson_destroy(filter);
    return status;
}

/* Takes over a slot; *taken is false if somebody else was quicker. */
static pbus_status_t s_take_over(ledger_t *self, const peer_t *peer, bool *taken, pbus_error_t *error)
{
    bool exists;
    int slot = peer->slot;
    int64_t next = peer->committed + 1;
    pbus_status_t status = s_insert_void(self, PEERS_STAMP(slot, next), &exists, error);
    *taken = status == PBUS_OK && !exists;
    if (!*taken)
        return status;
    status = s_enter(self, slot, error);
    if (status == PBUS_OK)
        status = fold_load(self->fold, slot, &self->mark, error);
    if (status == PBUS_OK)
        s_adopt_slot(self, slot, next + 1);
    return status;
}

static pbus_status_t s_make_slot(ledger_t *self, int slot, bool *taken, pbus_error_t *error)
{
    char id[16];
    bool exists;
    snprintf(id, sizeof id, "%d", slot);
    bson_t *document = BCON_NEW(
        "_id", BCON_UTF8(id), "slot", BCON_INT32(slot), "owner", BCON_UTF8(self->owner), "free",
        BCON_BOOL(false), "time", BCON_DATE_TIME(pbus_clock_realtime() / 1000000), "upto", BCON_INT64(0),
        "events", BCON_INT64(0), "readings", BCON_INT64(0), "mark", BCON_INT64(0), "voids", "[", "]");
    pbus_status_t status =
        store_insert_one(self->store, STORE_SLOTS, document, &exists, "make a slot", error);
    bson_destroy(document);
    *taken = status == PBUS_OK && !exists;
    if (*taken) {
        fold_begin(self->fold, slot);
        s_adopt_slot(self, slot, 1);
    }
    return status;
}

static pbus_status_t s_take_any(ledger_t *self, bool *taken, pbus_error_t *error)
{
    int highest = 0;
    pbus_status_t status = peers_refresh(self->peers, error);
    for (size_t i = 0; status == PBUS_OK && !*taken && i < peers_count(self->peers); i++) {
        const peer_t *peer = peers_at(self->peers, i);
        highest = peer->slot > highest ? peer->slot : highest;
        if (s_is_available(peer))
            status = s_take_over(self, peer, taken, error);
    }
    if (status == PBUS_OK && !*taken && highest + 1 >= PEERS_SLOTS_MAX)
        return pbus_fail(error, PBUS_INTERNAL, "%s: all %d slots are in use", store_name(self->store),
                         highest);
    if (status == PBUS_OK && !*taken)
        status = s_make_slot(self, highest + 1, taken, error);
    return status;
}

static pbus_status_t s_take_slot(ledger_t *self, pbus_error_t *error)
{
    bool taken = false;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && !taken) /* each round that fails, another writer got one */
        status = s_take_any(self, &taken, error);
    if (status == PBUS_OK)
        pbus_log_info(store_log(self->store), "%s: writing as slot %d from batch %" PRId64,
                      store_name(self->store), self->slot, self->number);
    return status;
}

/*
 * Whatever became of the batch under way, it is over: void from now on, unless it was committed after all.
 * The log is read again, as the failure may have been in the midst of a fold.
 */
static pbus_status_t s_resolve(ledger_t *self, pbus_error_t *error)
{
    bool exists = true;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && exists) {
        status = s_insert_void(self, ledger_batch(self), &exists, error);
        if (status == PBUS_OK)
            self->number++;
    }
    self->since = self->number;
    return status == PBUS_OK ? fold_load(self->fold, self->slot, &self->mark, error) : status;
}

pbus_status_t ledger_recover(ledger_t *self, pbus_error_t *error)
{
    bool mine = false;
    pbus_status_t status = PBUS_OK;
    if (!self->unsure)
        return PBUS_OK;
    if (self->slot)
        status = s_say(self, false, &mine, error);
    if (status == PBUS_OK && mine) {
        self->touched = pbus_clock_boottime();
        status = s_resolve(self, error);
    } else if (status == PBUS_OK) {
        ledger_forget(self);
        status = s_take_slot(self, error);
    }
    self->unsure = status != PBUS_OK;
    return status;
}

static void s_give_back(ledger_t *self)
{
    bool mine;
    pbus_error_t error;
    if (!self->slot || self->unsure || store_broken(self->store))
        return;
    if (ledger_fold(self, true, &error) != PBUS_OK || s_say(self, true, &mine, &error) != PBUS_OK)
        pbus_log_info(store_log(self->store), "slot %d stays taken for ten minutes: %s", self->slot,
                      error.text);
}

void ledger_destroy(ledger_t **self_p)
{
    ledger_t *self = *self_p;
    if (!self)
        return;
    if (self->fold && self->peers)
        s_give_back(self);
    fold_destroy(&self->fold);
    peers_destroy(&self->peers);
    free(self);
    *self_p = NULL;
}

/* ---- what became of batches --------------------------------------------------------------------- */

/* Of a slot that is not known, as after somebody has dropped the bookkeeping, all counts. */
static ledger_state_t s_known_state(const ledger_t *self, int64_t batch)
{
    const peer_t *peer = peers_find(self->peers, PEERS_STAMP_SLOT(batch));
    int64_t number = PEERS_STAMP_NUMBER(batch);
    if (peer && number > peer->committed)
        return LEDGER_OPEN;
    return peer && peer_is_void(peer, number) ? LEDGER_VOID : LEDGER_COUNTED;
}

/* All that this writer has numbered since it last recovered it has committed, up to the one under way. */
static bool s_has_committed(const ledger_t *self, int64_t batch)
{
    int64_t number = PEERS_STAMP_NUMBER(batch);
    return !self->unsure && PEERS_STAMP_SLOT(batch) == self->slot && number >= self->since &&
           number < self->number;
}

/*
 * Whether the log alone says that a batch is committed, which is less than to read all of the ledger. That
 * one looks void says nothing here (s_check_void).
 */
static pbus_status_t s_look_up(ledger_t *self, int64_t batch, bool *counted, pbus_error_t *error)
{
    char id[48];
    bson_t *document;
    bson_iter_t iter;
    peers_log_id(batch, id);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    pbus_status_t status =
        store_find_one(self->store, STORE_LOG, filter, &document, "look up a batch", error);
    *counted = status == PBUS_OK && document && !bson_iter_init_find(&iter, document, "void");
    bson_destroy(document);
    bson_destroy(filter);
    return status;
}

pbus_status_t ledger_state(ledger_t *self, int64_t batch, ledger_state_t *state, pbus_error_t *error)
{
    if (batch == ledger_batch(self)) {
        *state = LEDGER_MINE;
        return PBUS_OK;
    }
    if (s_has_committed(self, batch)) {
        *state = LEDGER_COUNTED;
        return PBUS_OK;
    }
    const peer_t *peer = peers_find(self->peers, PEERS_STAMP_SLOT(batch));
    if (!peer || PEERS_STAMP_NUMBER(batch) > peer->committed) {
        bool counted;
        pbus_status_t status = s_look_up(self, batch, &counted, error);
        if (status == PBUS_OK && counted)
            *state = LEDGER_COUNTED;
        if (status != PBUS_OK || counted)
            return status;
        status = peers_refresh(self->peers, error);
        if (status != PBUS_OK)
            return status;
    }
    *state = s_known_state(self, batch);
    return PBUS_OK;
}

/*
 * A batch that was committed, folded and cut from the log before this was inserted would now look void: if
 * the slot's document is past it, what was inserted is nothing, and is taken back.
 */
static pbus_status_t s_check_void(ledger_t *self, int64_t batch, pbus_error_t *error)
{
    bson_t *slot, *filter;
    char id[48];
    bson_iter_t iter;
    snprintf(id, sizeof id, "%d", PEERS_STAMP_SLOT(batch));
    filter = BCON_NEW("_id", BCON_UTF8(id));
    pbus_status_t status = store_find_one(self->store, STORE_SLOTS, filter, &slot, "read a slot", error);
    bson_destroy(filter);
    if (status == PBUS_OK && slot && bson_iter_init_find(&iter, slot, "upto") &&
        bson_iter_as_int64(&iter) >= PEERS_STAMP_NUMBER(batch)) {
        peers_log_id(batch, id);
        filter = BCON_NEW("_id", BCON_UTF8(id));
        status = store_delete(self->store, STORE_LOG, filter, NULL, "cut the log", error);
        bson_destroy(filter);
    }
    bson_destroy(slot);
    return status;
}

pbus_status_t ledger_void(ledger_t *self, int64_t batch, ledger_state_t *state, pbus_error_t *error)
{
    bool exists;
    pbus_status_t status = s_insert_void(self, batch, &exists, error);
    if (status == PBUS_OK && !exists)
        status = s_check_void(self, batch, error);
    if (status == PBUS_OK)
        status = peers_refresh(self->peers, error);
    if (status == PBUS_OK)
        *state = s_known_state(self, batch);
    return status;
}

/*
 * A server's document gives no signal when it comes, so it is looked for again and again; now and then in the
 * whole ledger, as it may have been cut from the log.
 */
pbus_status_t ledger_await(ledger_t *self, int64_t batch, ledger_state_t *state, pbus_error_t *error)
{
    struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    int64_t end = pbus_clock_boottime() + PATIENCE_NS;
    pbus_status_t status = ledger_state(self, batch, state, error);
    for (unsigned i = 1; status == PBUS_OK && *state == LEDGER_OPEN; i++) {
        bool counted;
        if (pbus_clock_boottime() > end)
            return ledger_void(self, batch, state, error);
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < LOOK_SELDOM_NS)
            pause.tv_nsec *= 2;
        status = s_look_up(self, batch, &counted, error);
        if (status == PBUS_OK && counted)
            *state = LEDGER_COUNTED;
        else if (status == PBUS_OK && i % LOOK_WHOLE == 0)
            status = ledger_state(self, batch, state, error);
    }
    return status;
}
