/*
 * Result: the worker runtime's side of pbus_result_t (query.h): makes one, and turns it into the payload of a
 * REPLY. Internal.
 */
#ifndef PBUS_RESULT_H
#define PBUS_RESULT_H

#include <persistbus/query.h>

/* NULL when memory is out. */
pbus_result_t *pbus_result_new(void);
void pbus_result_destroy(pbus_result_t **self_p);

/*
 * Empties it for the next query. Items that would make the answer larger than soft_bytes are not taken,
 * except the first, and none that would make it larger than hard_bytes.
 */
void pbus_result_reset(pbus_result_t *self, size_t soft_bytes, size_t hard_bytes);
void pbus_result_set_more(pbus_result_t *self, bool more);
/* DIGEST: the last event that was looked at, and the 16 bytes of the hash. */
bool pbus_result_add_digest(pbus_result_t *self, const pbus_cursor_t *last, const uint8_t *hash);

/*
 * The encoded answer, or NULL: memory was out (PBUS_NOMEM), or the first item alone is larger than hard_bytes
 * (PBUS_OVERFLOW), as *error says. Valid until the next reset.
 */
const pbus_buf_t *pbus_result_answer(pbus_result_t *self, pbus_error_t *error);

#endif
