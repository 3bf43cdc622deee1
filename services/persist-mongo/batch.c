#include "batch.h"
#include "orphans.h"

#include <stdlib.h>

struct batch {
    store_t *store;
    ledger_t *ledger;
    tally_t *tally;
    changes_t changes;
    uint64_t mark;
    bool dirty; /* something was stored with the batch's stamp, or deleted */
};

batch_t *batch_new(store_t *store, ledger_t *ledger)
{
    batch_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->ledger = ledger;
    self->tally = tally_new();
    return self;
}

void batch_destroy(batch_t **self_p)
{
    batch_t *self = *self_p;
    if (!self)
        return;
    tally_destroy(&self->tally);
    changes_clear(&self->changes);
    free(self);
    *self_p = NULL;
}

void batch_begin(batch_t *self)
{
    tally_reset(self->tally);
    changes_reset(&self->changes);
    self->mark = 0;
    self->dirty = false;
}

void batch_raise(batch_t *self, uint64_t accept)
{
    if (accept > self->mark)
        self->mark = accept;
}

void batch_added(batch_t *self, const bson_t *document)
{
    document_t event;
    self->dirty = true;
    if (document_read(document, &event))
        tally_document(self->tally, &event, 1);
    changes_add(&self->changes, document);
}

/* ---- adopting ----------------------------------------------------------------------------------- */

/* Whether the batches of all are known to be at their end. */
static pbus_status_t s_are_settled(const batch_t *self, const found_t *events, bool *settled,
                                   pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    *settled = true;
    for (size_t i = 0; status == PBUS_OK && *settled && i < events->count; i++) {
        ledger_state_t state;
        status = ledger_state(self->ledger, events->events[i].document.batch, &state, error);
        *settled = state == LEDGER_COUNTED || state == LEDGER_MINE;
    }
    return status;
}

pbus_status_t batch_adopt(batch_t *self, found_t *events, pbus_error_t *error)
{
    bool settled;
    pbus_status_t status = s_are_settled(self, events, &settled, error);
    if (status == PBUS_OK && !settled)
        status = batch_commit(self, error);
    int64_t before = tally_events(self->tally);
    if (status == PBUS_OK)
        status = orphans_adopt(self->store, self->ledger, events, self->tally, &self->dirty, error);
    int64_t adopted = tally_events(self->tally) - before;
    if (adopted > 0)
        changes_miss(&self->changes); /* they are known without their values only */
    if (status == PBUS_OK && adopted > 0)
        pbus_log_info(store_log(self->store), "%s: %lld events of batches that were cut short count now",
                      store_name(self->store), (long long) adopted);
    return status;
}

/* ---- deleting ----------------------------------------------------------------------------------- */

/* Begins a deletion, carries it out and commits it at once, as nobody else can delete meanwhile; `again`:
 * another writer has begun to. */
static pbus_status_t s_run(batch_t *self, const deletion_t *deletion, bool again, bool *begun,
                           pbus_error_t *error)
{
    pbus_status_t status = deletion_begin(deletion, self->store, begun, error);
    if (status != PBUS_OK || !*begun)
        return status;
    self->dirty = true;
    deletion_append(deletion, &self->changes);
    status = deletion_carry_out(deletion, self->store, again, error);
    if (status == PBUS_OK && !tally_take_change(self->tally, deletion->document))
        status = deletion_damaged(self->store, error);
    if (status == PBUS_OK)
        status = batch_commit(self, error);
    if (status == PBUS_OK && deletion->number > 1)
        status = deletion_forget(deletion->number - 1, self->store, error);
    return status;
}

/* Does again what a void batch has begun; if another writer does, there is a later deletion. */
static pbus_status_t s_take_up(batch_t *self, const deletion_t *last, pbus_error_t *error)
{
    bool begun;
    deletion_t again = {0};
    deletion_make_again(&again, last->number + 1, ledger_batch(self->ledger), last);
    pbus_status_t status = s_run(self, &again, true, &begun, error);
    deletion_clear(&again);
    return status;
}

/* Finds out what became of the batch of the last deletion; the one under way is committed. */
static pbus_status_t s_judge_last(batch_t *self, int64_t by, bool wait, ledger_state_t *state,
                                  pbus_error_t *error)
{
    pbus_status_t status = ledger_state(self->ledger, by, state, error);
    if (status != PBUS_OK || *state == LEDGER_COUNTED || *state == LEDGER_VOID ||
        (*state == LEDGER_OPEN && !wait))
        return status;
    status = batch_commit(self, error);
    return status == PBUS_OK ? ledger_await(self->ledger, by, state, error) : status;
}

static pbus_status_t s_settle(batch_t *self, bool wait, int64_t *last, bool *settled, pbus_error_t *error)
{
    deletion_t deletion = {0};
    ledger_state_t state = LEDGER_COUNTED;
    pbus_status_t status = deletion_last(&deletion, self->store, error);
    if (status == PBUS_OK && deletion.number)
        status = s_judge_last(self, deletion.by, wait, &state, error);
    *settled = status == PBUS_OK && state != LEDGER_VOID;
    if (status == PBUS_OK && state == LEDGER_VOID)
        status = s_take_up(self, &deletion, error);
    *last = deletion.number;
    deletion_clear(&deletion);
    return status;
}

pbus_status_t batch_settle(batch_t *self, bool wait, int64_t *last, pbus_error_t *error)
{
    bool settled = false;
    pbus_status_t status = PBUS_OK;
    while (status == PBUS_OK && !settled) /* each round that does not, one deletion has come to its end */
        status = s_settle(self, wait, last, &settled, error);
    return status;
}

pbus_status_t batch_erase(batch_t *self, int64_t last, const found_t *events, bool *begun,
                          pbus_error_t *error)
{
    deletion_t deletion = {0};
    *begun = false;
    pbus_status_t status = deletion_make(&deletion, last + 1, ledger_batch(self->ledger), events, error);
    if (status == PBUS_OK)
        status = s_run(self, &deletion, false, begun, error);
    deletion_clear(&deletion);
    return status;
}

/* ---- committing --------------------------------------------------------------------------------- */

/* If it fails, what is resent is recognised. */
pbus_status_t batch_commit(batch_t *self, pbus_error_t *error)
{
    pbus_status_t status = PBUS_OK;
    if (self->dirty || self->mark > ledger_mark(self->ledger))
        status = ledger_commit(self->ledger, self->tally, &self->changes, self->mark, error);
    if (status == PBUS_OK)
        batch_begin(self);
    return status;
}
