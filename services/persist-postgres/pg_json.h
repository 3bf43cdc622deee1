/*
 * JSON text into jsonb and back without a change.
 *
 * jsonb keeps a value, not its text: it orders keys by length, writes numbers without exponents, knows no
 * \u0000. The normal form of events (persistbus/event.h) has sorted keys and no blanks, so for nearly all
 * texts the server's text, read back through pg_json_restore, is the original again. pg_json_examine tells
 * for which it is not; for those the text has to be kept beside the jsonb.
 */
#ifndef PG_JSON_H
#define PG_JSON_H

#include <persistbus/types.h>

typedef enum {
    PG_JSON_SAME,    /* pg_json_restore gives back this very text */
    PG_JSON_DIFFERS, /* jsonb holds an equal value, but the text has to be kept */
    PG_JSON_FOREIGN  /* jsonb can't hold it: no JSON, a NUL character, a number or a nesting out of bounds */
} pg_json_kind_t;

/* Appends to out what to give the server as jsonb; nothing when FOREIGN. Missing memory shows in out->failed.
 */
pg_json_kind_t pg_json_examine(pbus_str_t text, pbus_buf_t *out);

/* Appends the normal form of the server's text, which is never longer than that. False when it is no JSON. */
bool pg_json_restore(pbus_str_t text, pbus_buf_t *out);

#endif
