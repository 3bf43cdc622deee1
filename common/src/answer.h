/*
 * Answer: the payload of a REPLY message, read item by item without copying (docs/PROTOCOL.md, "Replies").
 * Internal: a pbus_result_t (result.h) makes it in the worker, core-data reads it. By value, no destructor.
 *
 *     pbus_answer_t answer;
 *     if (!pbus_answer_open (&answer, data, size)) ...malformed
 *     while (pbus_answer_event (&answer, &accept, &encoded)) ...
 *     if (answer.bad) ...malformed
 */
#ifndef PBUS_ANSWER_H
#define PBUS_ANSWER_H

#include <persistbus/query.h>

#define PBUS_HASH_SIZE 16 /* bytes */

typedef struct {
    bool more;      /* the reply was full: ask again from behind the last item */
    uint64_t total; /* if asked for; for a count or a digest the count; for a purge how many were deleted */
    size_t count;   /* items in all */
    size_t next;    /* private */
    const uint8_t *data;
    size_t size;
    bool bad; /* an item was malformed; no more items come */
} pbus_answer_t;

bool pbus_answer_open(pbus_answer_t *self, const void *data, size_t size);
/* Each takes the next item; false at the end or when it is malformed (then `bad` is set). */
bool pbus_answer_event(pbus_answer_t *self, uint64_t *accept, pbus_str_t *encoded);
bool pbus_answer_reading(pbus_answer_t *self, pbus_reading_t *reading);
bool pbus_answer_source(pbus_answer_t *self, pbus_str_t *device, pbus_str_t *source, uint64_t *events);
/* The digest of a window and the last event that was looked at in it. */
bool pbus_answer_digest(pbus_answer_t *self, pbus_cursor_t *last, uint8_t hash[PBUS_HASH_SIZE]);
/* like has only device, profile, resource and type. */
bool pbus_answer_group(pbus_answer_t *self, pbus_reading_t *like, uint64_t *count, pbus_str_t *value);

#endif
