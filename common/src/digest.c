#include "digest.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct pbus_digest {
    pbus_ask_t ask;
    pbus_digest_sum_t sum; /* but for the hash */
    bool ended;            /* nothing is left in the window */
    bool passes_over;      /* some events were not hashed */
    XXH3_state_t *state;
    pbus_decoder_t *decoder;
    pbus_buf_t encoded;
};

pbus_digest_t *pbus_digest_new(void)
{
    pbus_digest_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->state = XXH3_createState();
    self->decoder = pbus_decoder_new();
    if (!self->state || !self->decoder)
        pbus_digest_destroy(&self);
    return self;
}

void pbus_digest_destroy(pbus_digest_t **self_p)
{
    pbus_digest_t *self = *self_p;
    if (!self)
        return;
    XXH3_freeState(self->state);
    pbus_decoder_destroy(&self->decoder);
    pbus_buf_clear(&self->encoded);
    free(self);
    *self_p = NULL;
}

void pbus_digest_begin(pbus_digest_t *self, const pbus_ask_t *ask)
{
    self->ask = *ask;
    self->sum = (pbus_digest_sum_t){0};
    self->ended = self->passes_over = false;
    XXH3_128bits_reset(self->state);
}

static bool s_is_done(const pbus_digest_t *self)
{
    return self->ended || self->sum.count >= self->ask.query.limit;
}

bool pbus_digest_wants(const pbus_digest_t *self, uint32_t page, pbus_ask_t *scan)
{
    if (s_is_done(self))
        return false;
    uint64_t left = self->ask.query.limit - self->sum.count;
    *scan = pbus_ask_any(PBUS_ASK_SCAN);
    scan->has_after = self->sum.any || self->ask.has_after;
    scan->after = self->sum.any ? self->sum.last : self->ask.after;
    scan->query.limit = left < page && !self->passes_over ? (uint32_t) left : page;
    scan->query.deadline = self->ask.query.deadline;
    if (self->ask.has_until)
        scan->query.filter.origin_max = self->ask.until.origin;
    return true;
}

/* The number is hashed too: a store that has the event under another one differs. */
static void s_hash(pbus_digest_t *self, uint64_t accept, const pbus_event_t *event)
{
    uint8_t number[8];
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t) (accept >> (8 * (7 - i)));
    pbus_buf_reset(&self->encoded);
    pbus_event_encode(event, &self->encoded);
    XXH3_128bits_update(self->state, number, sizeof number);
    XXH3_128bits_update(self->state, event->id.bytes, sizeof event->id.bytes);
    XXH3_128bits_update(self->state, self->encoded.data, self->encoded.size);
}

static pbus_status_t s_malformed(pbus_error_t *error)
{
    return pbus_fail(error, PBUS_INTERNAL, "a scan gave an answer that is malformed or not in order");
}

/* One event of a scan. */
static pbus_status_t s_take(pbus_digest_t *self, uint64_t accept, pbus_str_t encoded, pbus_error_t *error)
{
    const pbus_event_t *event = pbus_decoder_event(self->decoder, encoded.data, encoded.size);
    if (!event)
        return s_malformed(error);
    pbus_cursor_t place = {event->origin, event->id};
    const pbus_cursor_t *before = self->sum.any         ? &self->sum.last
                                  : self->ask.has_after ? &self->ask.after
                                                        : NULL;
    if (before && pbus_cursor_cmp(&place, before) <= 0)
        return s_malformed(error);
    int beyond = self->ask.has_until ? pbus_cursor_cmp(&place, &self->ask.until) : -1;
    self->ended = beyond >= 0;
    if (beyond > 0)
        return PBUS_OK;
    self->sum.any = true;
    self->sum.last = place;
    if (accept > self->ask.query.filter.accept_max) {
        self->passes_over = true; /* so the limit does not tell how many to scan */
        return PBUS_OK;
    }
    self->sum.count++;
    s_hash(self, accept, event);
    return self->encoded.failed ? pbus_fail(error, PBUS_NOMEM, "out of memory for a digest") : PBUS_OK;
}

pbus_status_t pbus_digest_take(pbus_digest_t *self, const void *data, size_t size, pbus_error_t *error)
{
    pbus_answer_t answer;
    uint64_t accept;
    pbus_str_t encoded;
    if (!pbus_answer_open(&answer, data, size))
        return s_malformed(error);
    /* Less than was asked for does not mean that nothing follows; nothing at all does. */
    if (answer.count == 0) {
        self->ended = true;
        return answer.more ? s_malformed(error) : PBUS_OK;
    }
    while (!s_is_done(self) && pbus_answer_event(&answer, &accept, &encoded)) {
        pbus_status_t status = s_take(self, accept, encoded, error);
        if (status != PBUS_OK)
            return status;
    }
    return answer.bad ? s_malformed(error) : PBUS_OK;
}

void pbus_digest_sum(const pbus_digest_t *self, pbus_digest_sum_t *sum)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(self->state));
    *sum = self->sum;
    sum->more = !self->ended;
    memcpy(sum->hash, canonical.digest, PBUS_HASH_SIZE);
}

void pbus_digest_put(const pbus_digest_sum_t *sum, pbus_result_t *result)
{
    pbus_result_total(result, sum->count);
    if (sum->any)
        pbus_result_add_digest(result, &sum->last, sum->hash);
    pbus_result_set_more(result, sum->more);
}

/* With more, there is a last event to go on from. */
bool pbus_digest_read(pbus_digest_sum_t *sum, const void *data, size_t size)
{
    pbus_answer_t answer;
    *sum = (pbus_digest_sum_t){0};
    if (!pbus_answer_open(&answer, data, size) || answer.count > 1)
        return false;
    sum->more = answer.more;
    sum->count = answer.total;
    sum->any = pbus_answer_digest(&answer, &sum->last, sum->hash);
    return !answer.bad && (sum->any || (!sum->more && sum->count == 0));
}
