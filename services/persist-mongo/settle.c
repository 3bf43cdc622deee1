#include "settle.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_NS INT64_C(1000000000)
#define LEASE_NS (10 * SECOND_NS)   /* for which a batch may be under way */
#define SILENCE_NS (30 * SECOND_NS) /* a running writer is heard of every ten seconds */
#define LATE_NS (3600 * SECOND_NS)  /* after which nothing of a void batch comes in any more */

/* When to look again after an alarm; the last for ever. */
static const int64_t s_delays[] = {0, LEASE_NS + SECOND_NS, 60 * SECOND_NS, 600 * SECOND_NS,
                                   3600 * SECOND_NS};
#define DELAYS (sizeof s_delays / sizeof *s_delays)

/* A writer's batch that has been the next one since then. */
typedef struct {
    int slot;
    int64_t committed;
    int64_t since; /* CLOCK_BOOTTIME ns */
    bool checked;
} s_watch_t;

struct settle {
    store_t *store;
    ledger_t *ledger;
    batch_t *batch;
    size_t delay; /* which of s_delays is next */
    int64_t due;  /* CLOCK_BOOTTIME ns */
    int64_t watch_due;
    s_watch_t *watched;
    size_t watched_count;
    bool looked; /* once */
    bool first;  /* nobody is known yet to be alive */
};

settle_t *settle_new(store_t *store, ledger_t *ledger, batch_t *batch)
{
    settle_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->ledger = ledger;
    self->batch = batch;
    self->first = true;
    return self;
}

void settle_destroy(settle_t **self_p)
{
    settle_t *self = *self_p;
    if (!self)
        return;
    bson_free(self->watched);
    free(self);
    *self_p = NULL;
}

void settle_alarm(settle_t *self)
{
    self->delay = 0;
    self->due = 0;
    self->watch_due = 0;
}

/* ---- events ------------------------------------------------------------------------------------- */

static void s_append_stamp(bson_t *list, uint32_t *count, int64_t stamp)
{
    char room[16];
    const char *key;
    bson_uint32_to_string((*count)++, &key, room, sizeof room);
    BSON_APPEND_INT64(list, key, stamp);
}

/* Void batches of which something may still come in; before the first look, all that may not be settled. */
static void s_append_voids(settle_t *self, bson_t *list, uint32_t *count)
{
    int64_t now = pbus_clock_realtime();
    peers_t *peers = ledger_peers(self->ledger);
    for (size_t i = 0; i < peers_count(peers); i++) {
        const peer_t *peer = peers_at(peers, i);
        for (size_t k = 0; k < peer->void_count; k++)
            if (!self->looked || now - peer->voids[k].since <= LATE_NS)
                s_append_stamp(list, count, PEERS_STAMP(peer->slot, peer->voids[k].number));
    }
}

/* Appends {batch: {$in: [void batches]}}; how many these are. */
static uint32_t s_append_of_voids(settle_t *self, bson_t *to)
{
    bson_t in, list;
    uint32_t count = 0;
    BSON_APPEND_DOCUMENT_BEGIN(to, "batch", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    s_append_voids(self, &list, &count);
    bson_append_array_end(&in, &list);
    bson_append_document_end(to, &in);
    return count;
}

static pbus_status_t s_adopt_all(settle_t *self, pbus_error_t *error)
{
    bson_t filter = BSON_INITIALIZER;
    found_t events = {0};
    pbus_status_t status = PBUS_OK;
    if (s_append_of_voids(self, &filter) > 0)
        status = found_load(&events, self->store, &filter, 0, error);
    if (status == PBUS_OK)
        status = batch_adopt(self->batch, &events, error);
    if (status == PBUS_OK)
        status = batch_commit(self->batch, error);
    found_clear(&events);
    bson_destroy(&filter);
    return status;
}

/* ---- looking after it --------------------------------------------------------------------------- */

static pbus_status_t s_look(settle_t *self, pbus_error_t *error)
{
    int64_t last;
    pbus_status_t status = peers_refresh(ledger_peers(self->ledger), error);
    if (status == PBUS_OK)
        status = batch_settle(self->batch, false, &last, error);
    if (status == PBUS_OK)
        status = s_adopt_all(self, error);
    self->looked = self->looked || status == PBUS_OK;
    return status;
}

static s_watch_t *s_watch(settle_t *self, const peer_t *peer, int64_t now)
{
    for (size_t i = 0; i < self->watched_count; i++)
        if (self->watched[i].slot == peer->slot)
            return &self->watched[i];
    self->watched = bson_realloc(self->watched, (self->watched_count + 1) * sizeof *self->watched);
    s_watch_t *watch = &self->watched[self->watched_count++];
    *watch = (s_watch_t){.slot = peer->slot, .committed = peer->committed, .since = now};
    return watch;
}

/* Whether a writer's next batch has been under way for so long that the writer may be dead. */
static bool s_is_suspect(settle_t *self, const peer_t *peer, int64_t now)
{
    s_watch_t *watch = s_watch(self, peer, now);
    if (watch->committed != peer->committed)
        *watch = (s_watch_t){.slot = peer->slot, .committed = peer->committed, .since = now};
    bool silent = pbus_clock_realtime() - peer->heard > SILENCE_NS;
    if (watch->checked || now - watch->since < LEASE_NS || !(silent || self->first))
        return false;
    watch->checked = true;
    return true;
}

static pbus_status_t s_has_deletion(settle_t *self, int64_t batch, bool *has, pbus_error_t *error)
{
    deletion_t last = {0};
    pbus_status_t status = deletion_last(&last, self->store, error);
    *has = last.number && last.by == batch;
    deletion_clear(&last);
    return status;
}

static pbus_status_t s_has_event(settle_t *self, int64_t batch, bool *has, pbus_error_t *error)
{
    bson_t *found, *filter = BCON_NEW("batch", BCON_INT64(batch));
    pbus_status_t status =
        store_find_one(self->store, STORE_EVENTS, filter, &found, "look for what a batch left", error);
    *has = found != NULL;
    bson_destroy(found);
    bson_destroy(filter);
    return status;
}

static pbus_status_t s_check(settle_t *self, const peer_t *peer, bool *left, pbus_error_t *error)
{
    int64_t batch = PEERS_STAMP(peer->slot, peer->committed + 1);
    bool has = false;
    ledger_state_t state;
    pbus_status_t status = s_has_deletion(self, batch, &has, error);
    if (status == PBUS_OK && !has)
        status = s_has_event(self, batch, &has, error);
    if (status == PBUS_OK && has)
        status = ledger_void(self->ledger, batch, &state, error);
    *left = *left || has;
    return status;
}

/* Looks whether other writers' batches have come to a standstill, and left something. */
static pbus_status_t s_watch_peers(settle_t *self, int64_t now, pbus_error_t *error)
{
    peers_t *peers = ledger_peers(self->ledger);
    bool left = false, waiting = false;
    pbus_status_t status = peers_refresh(peers, error);
    for (size_t i = 0; status == PBUS_OK && i < peers_count(peers); i++) {
        peer_t peer = *peers_at(peers, i);
        if (peer.is_free || peer.slot == ledger_slot(self->ledger))
            continue;
        if (s_is_suspect(self, &peer, now)) {
            status = s_check(self, &peer, &left, error); /* may read the peers anew */
            continue;
        }
        waiting = waiting || !s_watch(self, &peer, now)->checked;
    }
    self->first = self->first && waiting;
    self->watch_due = now + LEASE_NS;
    return status == PBUS_OK && left ? s_look(self, error) : status;
}

pbus_status_t settle_tend(settle_t *self, pbus_error_t *error)
{
    int64_t now = pbus_clock_boottime();
    pbus_status_t status = PBUS_OK;
    batch_begin(self->batch);
    if (now >= self->due) {
        status = s_look(self, error);
        if (status == PBUS_OK && self->delay + 1 < DELAYS)
            self->delay++;
        self->due = now + s_delays[self->delay];
    }
    if (status == PBUS_OK && now >= self->watch_due)
        status = s_watch_peers(self, now, error);
    return status;
}
