/*
 * Peers: what is known of all slots: how far their batches are committed, and which of these are void. What
 * was known once stays true, so it is read again only when a batch is met that is newer than what is known.
 */
#ifndef PERSIST_MONGO_PEERS_H
#define PERSIST_MONGO_PEERS_H

#include "store.h"

#define PEERS_SLOTS_MAX (1 << 20)

/* A batch's stamp: 20 bits of slot, 43 of number. */
#define PEERS_STAMP(slot, number) ((int64_t) (slot) << 43 | (int64_t) (number))
#define PEERS_STAMP_SLOT(stamp) ((int) ((stamp) >> 43))
#define PEERS_STAMP_NUMBER(stamp) ((stamp) & ((INT64_C(1) << 43) - 1))

typedef struct {
    int64_t number;
    int64_t since; /* CLOCK_REALTIME ns of who declared it void */
} peer_void_t;

typedef struct {
    int slot;
    bool is_free;       /* given back */
    int64_t heard;      /* CLOCK_REALTIME ns of its owner, when that last said that it runs */
    int64_t committed;  /* its last batch that is committed or void */
    uint64_t mark;      /* highest accept number */
    peer_void_t *voids; /* its void batches */
    size_t void_count;
} peer_t;

typedef struct peers peers_t;

peers_t *peers_new(store_t *store);
void peers_destroy(peers_t **self_p);
/* Reads all slots. */
pbus_status_t peers_refresh(peers_t *self, pbus_error_t *error);
size_t peers_count(const peers_t *self);
const peer_t *peers_at(const peers_t *self, size_t place);
/* NULL: no such slot is known. */
const peer_t *peers_find(const peers_t *self, int slot);
bool peer_is_void(const peer_t *self, int64_t number);
/* The _id of a batch's document in persistbus_log. */
void peers_log_id(int64_t stamp, char id[48]);

#endif
