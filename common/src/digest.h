/*
 * Digest: the hash of a window of a store's events (docs/PROTOCOL.md, section 5, ask 8), computed from scans:
 * by the worker runtime from its backend's, by core-data from those of a worker that has no digest. Internal.
 *
 *     pbus_digest_begin (digest, &ask);
 *     while (pbus_digest_wants (digest, page, &scan))
 *         ... answer a scan, then pbus_digest_take (digest, payload, size, &error)
 *     pbus_digest_sum (digest, &sum);
 *
 * The loop may be left early, when time is up; the sum then says that there is more. Answers are not trusted:
 * what is malformed or not in order is an error, so that the loop ends whatever comes.
 */
#ifndef PBUS_DIGEST_H
#define PBUS_DIGEST_H

#include "answer.h"
#include "ask.h"
#include "result.h"

typedef struct pbus_digest pbus_digest_t;

typedef struct {
    bool any;           /* an event was looked at, passing or not: last is set */
    bool more;          /* the window's end was not reached */
    pbus_cursor_t last; /* the last event looked at; none beyond the window */
    uint64_t count;     /* events in the hash */
    uint8_t hash[PBUS_HASH_SIZE];
} pbus_digest_sum_t;

/* NULL when memory is out. */
pbus_digest_t *pbus_digest_new(void);
void pbus_digest_destroy(pbus_digest_t **self_p);

/* ask: a PBUS_ASK_DIGEST, copied. */
void pbus_digest_begin(pbus_digest_t *self, const pbus_ask_t *ask);
/* Fills scan with the next one to run, of at most page events; false: the window is complete. */
bool pbus_digest_wants(const pbus_digest_t *self, uint32_t page, pbus_ask_t *scan);
/* Takes the payload that answers that scan. PBUS_INTERNAL: malformed; PBUS_NOMEM. */
pbus_status_t pbus_digest_take(pbus_digest_t *self, const void *data, size_t size, pbus_error_t *error);
void pbus_digest_sum(const pbus_digest_t *self, pbus_digest_sum_t *sum);

/* The sum as the answer to the ask, and back; false: malformed. */
void pbus_digest_put(const pbus_digest_sum_t *sum, pbus_result_t *result);
bool pbus_digest_read(pbus_digest_sum_t *sum, const void *data, size_t size);

#endif
