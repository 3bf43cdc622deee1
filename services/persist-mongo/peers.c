#include "peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct peers {
    store_t *store;
    peer_t *peers;
    size_t count;
};

peers_t *peers_new(store_t *store)
{
    peers_t *self = calloc(1, sizeof *self);
    if (self)
        self->store = store;
    return self;
}

static void s_clear(peers_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->peers[i].voids);
    free(self->peers);
    self->peers = NULL;
    self->count = 0;
}

void peers_destroy(peers_t **self_p)
{
    if (!*self_p)
        return;
    s_clear(*self_p);
    free(*self_p);
    *self_p = NULL;
}

size_t peers_count(const peers_t *self)
{
    return self->count;
}

const peer_t *peers_at(const peers_t *self, size_t place)
{
    return &self->peers[place];
}

const peer_t *peers_find(const peers_t *self, int slot)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->peers[i].slot == slot)
            return &self->peers[i];
    return NULL;
}

bool peer_is_void(const peer_t *self, int64_t number)
{
    for (size_t i = 0; i < self->void_count; i++)
        if (self->voids[i].number == number)
            return true;
    return false;
}

void peers_log_id(int64_t stamp, char id[48])
{
    snprintf(id, 48, "%d.%" PRId64, PEERS_STAMP_SLOT(stamp), PEERS_STAMP_NUMBER(stamp));
}

/* ---- reading ------------------------------------------------------------------------------------ */

static int64_t s_int(const bson_t *bson, const char *key)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, bson, key) ? bson_iter_as_int64(&iter) : 0;
}

/* batch: a document of the log, or of the array `voids` of a slot's document. */
static bool s_add_void(peer_t *self, const bson_t *batch)
{
    bson_iter_t iter;
    peer_void_t added = {.number = s_int(batch, "number")};
    if (peer_is_void(self, added.number))
        return true;
    if (bson_iter_init_find(&iter, batch, "since") && BSON_ITER_HOLDS_DATE_TIME(&iter))
        added.since = bson_iter_date_time(&iter) * 1000000;
    peer_void_t *grown = realloc(self->voids, (self->void_count + 1) * sizeof *grown);
    if (!grown)
        return false;
    self->voids = grown;
    self->voids[self->void_count++] = added;
    return true;
}

static peer_t *s_peer(peers_t *self, int slot)
{
    peer_t *known = (peer_t *) (uintptr_t) peers_find(self, slot);
    if (known)
        return known;
    peer_t *grown = realloc(self->peers, (self->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    self->peers = grown;
    self->peers[self->count] = (peer_t){.slot = slot};
    return &self->peers[self->count++];
}

static bool s_take_voids(peer_t *peer, const bson_t *slot)
{
    bson_iter_t iter, item;
    if (!bson_iter_init_find(&iter, slot, "voids") || !bson_iter_recurse(&iter, &item))
        return true;
    while (bson_iter_next(&item)) {
        bson_t batch;
        const uint8_t *data;
        uint32_t size;
        if (!BSON_ITER_HOLDS_DOCUMENT(&item))
            continue;
        bson_iter_document(&item, &size, &data);
        if (bson_init_static(&batch, data, size) && !s_add_void(peer, &batch))
            return false;
    }
    return true;
}

static void s_take_mark(peer_t *peer, const bson_t *bson)
{
    uint64_t mark = (uint64_t) s_int(bson, "mark");
    if (mark > peer->mark)
        peer->mark = mark;
}

/* What the slot's document says goes before what the log says up to there: that may not have been cut yet. */
static bool s_take_slot(peers_t *self, const bson_t *slot)
{
    bson_iter_t iter;
    peer_t *peer = s_peer(self, (int) s_int(slot, "slot"));
    if (!peer)
        return false;
    int64_t upto = s_int(slot, "upto");
    size_t kept = 0;
    for (size_t i = 0; i < peer->void_count; i++)
        if (peer->voids[i].number > upto)
            peer->voids[kept++] = peer->voids[i];
    peer->void_count = kept;
    if (peer->committed < upto)
        peer->committed = upto;
    peer->is_free = bson_iter_init_find(&iter, slot, "free") && bson_iter_as_bool(&iter);
    if (bson_iter_init_find(&iter, slot, "time") && BSON_ITER_HOLDS_DATE_TIME(&iter))
        peer->heard = bson_iter_date_time(&iter) * 1000000;
    s_take_mark(peer, slot);
    return s_take_voids(peer, slot);
}

static bool s_take_batch(peers_t *self, const bson_t *batch)
{
    bson_iter_t iter;
    peer_t *peer = s_peer(self, (int) s_int(batch, "slot"));
    if (!peer)
        return false;
    int64_t number = s_int(batch, "number");
    if (number > peer->committed)
        peer->committed = number;
    s_take_mark(peer, batch);
    bool is_void = bson_iter_init_find(&iter, batch, "void") && bson_iter_as_bool(&iter);
    return !is_void || s_add_void(peer, batch);
}

static pbus_status_t s_read(peers_t *self, store_part_t part, const bson_t *opts,
                            bool (*take)(peers_t *, const bson_t *), pbus_error_t *error)
{
    const bson_t *found;
    bson_t all = BSON_INITIALIZER;
    mongoc_cursor_t *cursor = store_find(self->store, part, &all, opts);
    bool done = true;
    while (done && mongoc_cursor_next(cursor, &found))
        done = take(self, found);
    pbus_status_t status = store_done(self->store, &cursor, "read the ledger", error);
    return done || status != PBUS_OK ? status : store_nomem(error);
}

/*
 * The log first: a batch that is folded and cut from the log in between is then in the slot's document, which
 * is read later.
 */
pbus_status_t peers_refresh(peers_t *self, pbus_error_t *error)
{
    bson_t *opts = BCON_NEW("projection", "{", "slot", BCON_INT32(1), "number", BCON_INT32(1), "void",
                            BCON_INT32(1), "mark", BCON_INT32(1), "since", BCON_INT32(1), "}");
    s_clear(self);
    pbus_status_t status = s_read(self, STORE_LOG, opts, s_take_batch, error);
    if (status == PBUS_OK)
        status = s_read(self, STORE_SLOTS, NULL, s_take_slot, error);
    bson_destroy(opts);
    return status;
}
