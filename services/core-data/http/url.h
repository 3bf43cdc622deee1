/*
 * URL: the parts of a request target, and percent-decoding. Names are decoded exactly once, whatever is in
 * them.
 */
#ifndef CORE_DATA_URL_H
#define CORE_DATA_URL_H

#include <persistbus/types.h>
#include "arena.h"

/* A request target, still encoded: what is before and behind the first `?`. */
typedef struct {
    pbus_str_t path;
    pbus_str_t query;
} url_t;

/* Views into target, which may also be in absolute form (http://host/path). */
url_t url_split(const char *target);

/*
 * The text that raw stands for; a view of raw itself if nothing is encoded, else in the arena. With plus, `+`
 * is a blank, as in queries. PBUS_INVALID when an escape is malformed or the result is no UTF-8 or has a NUL.
 */
pbus_status_t url_decode(pbus_str_t raw, bool plus, arena_t *arena, pbus_str_t *text, pbus_error_t *error);

/* The first value of the key, empty if there is none; errors as url_decode. Keys are compared as written. */
pbus_status_t url_query(pbus_str_t query, const char *key, arena_t *arena, pbus_str_t *value,
                        pbus_error_t *error);

/* Appends text with all but letters and digits percent-encoded. */
void url_encode(pbus_buf_t *out, pbus_str_t text);

#endif
