#include "load.h"
#include "act.h"
#include "need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define FINISH_SECONDS 60
#define DELETE_PERCENT 8
#define TURNED_AWAY_MAX 2000 /* answers UNAVAILABLE in a row before READY false is overdue */
#define QUEUE_MAX 64

/* A batch, and the call that it is in; NULL: it has to be sent. */
typedef struct {
    batch_t *batch;
    call_t *call;
} entry_t;

struct load {
    suite_t *suite;
    generator_shape_t shape;
    size_t batch_size;
    bool stopped;
    entry_t queue[QUEUE_MAX];
    size_t count;
    pbus_uuid_t *ids; /* acknowledged, not deleted */
    size_t id_count;
    size_t acknowledged, lost, turned_away, in_a_row;
};

load_t *load_new(suite_t *suite, const generator_shape_t *shape, size_t batch_size)
{
    load_t *self = need_alloc(1, sizeof *self);
    self->suite = suite;
    self->shape = *shape;
    self->batch_size = batch_size;
    return self;
}

static void s_remove(load_t *self, size_t place)
{
    call_destroy(&self->queue[place].call);
    batch_destroy(&self->queue[place].batch);
    memmove(&self->queue[place], &self->queue[place + 1], (--self->count - place) * sizeof(entry_t));
}

void load_destroy(load_t **self_p)
{
    load_t *self = *self_p;
    if (!self)
        return;
    while (self->count > 0)
        s_remove(self, self->count - 1);
    free(self->ids);
    free(self);
    *self_p = NULL;
}

/* ---- sending ---------------------------------------------------------------------------------------------
 */

static batch_t *s_make(load_t *self)
{
    suite_t *suite = self->suite;
    batch_t *batch = batch_new();
    while (batch_count(batch) < self->batch_size) {
        if (self->id_count > 0 && generator_chance(suite->random, DELETE_PERCENT)) {
            size_t at = (size_t) generator_below(suite->random, self->id_count);
            batch_delete(batch, suite_accept(suite), &self->ids[at]);
            self->ids[at] = self->ids[--self->id_count];
        } else
            batch_add(batch, suite_accept(suite), generator_event(suite->random, &self->shape));
    }
    return batch;
}

static entry_t *s_next(load_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!self->queue[i].call)
            return &self->queue[i];
    if (self->stopped || self->count == QUEUE_MAX)
        return NULL;
    self->queue[self->count] = (entry_t){.batch = s_make(self)};
    return &self->queue[self->count++];
}

/* To all workers that are ready, each as much as it takes. */
static void s_send(load_t *self)
{
    peer_t *peer;
    for (size_t i = 0; (peer = host_ready_peer(self->suite->host, i)); i++)
        while (peer_has_credit(peer, PBUS_WRITE, self->batch_size * 1000)) {
            entry_t *entry = s_next(self);
            if (!entry)
                return;
            entry->call = peer_write(peer, entry->batch);
        }
}

/* ---- what came -------------------------------------------------------------------------------------------
 */

static void s_keep_ids(load_t *self, batch_t *batch)
{
    self->ids = need_more(self->ids, self->id_count + batch_count(batch), sizeof *self->ids);
    for (size_t i = 0; i < batch_count(batch); i++)
        if (batch_at(batch, i)->op == PBUS_ADD)
            self->ids[self->id_count++] = batch_at(batch, i)->id;
}

static void s_send_again(entry_t *entry)
{
    batch_set_again(entry->batch);
    call_destroy(&entry->call);
}

static void s_turn_away(load_t *self, entry_t *entry)
{
    self->turned_away++;
    if (++self->in_a_row > TURNED_AWAY_MAX)
        suite_fail(self->suite, "batch after batch is answered with %s (%s), and READY false does not come",
                   pbus_status_name(entry->call->status), entry->call->text);
    s_send_again(entry);
}

/* Returns false if the entry is done with. */
static bool s_take(load_t *self, entry_t *entry)
{
    call_t *call = entry->call;
    if (call && call->lost) {
        self->lost++;
        s_send_again(entry);
    } else if (call && call->answered) {
        if (call->status == PBUS_UNAVAILABLE || call->status == PBUS_FULL || call->status == PBUS_TIMEOUT) {
            s_turn_away(self, entry);
            return true;
        }
        self->in_a_row = 0;
        self->acknowledged++;
        act_settle(self->suite, call, entry->batch);
        s_keep_ids(self, entry->batch);
        return false;
    }
    return true;
}

bool load_step(load_t *self, int64_t deadline, const char *what)
{
    char text[200];
    s_send(self);
    snprintf(text, sizeof text, "%s (%zu batches acknowledged, %zu unanswered)", what, self->acknowledged,
             load_outstanding(self));
    bool fine = suite_pump(self->suite, deadline, text);
    for (size_t i = 0; i < self->count && suite_fine(self->suite);)
        if (s_take(self, &self->queue[i]))
            i++;
        else
            s_remove(self, i);
    return fine && suite_fine(self->suite);
}

void load_stop(load_t *self)
{
    self->stopped = true;
}

void load_finish(load_t *self)
{
    int64_t end = suite_deadline(self->suite, FINISH_SECONDS);
    load_stop(self);
    while (self->count > 0 && load_step(self, end, "an ACK of everything that was sent")) {
    }
}

size_t load_acknowledged(const load_t *self)
{
    return self->acknowledged;
}

size_t load_lost(const load_t *self)
{
    return self->lost;
}

size_t load_turned_away(const load_t *self)
{
    return self->turned_away;
}

size_t load_outstanding(const load_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->queue[i].call != NULL;
    return count;
}
