/*
 * Event JSON: an AddEventRequest (EdgeX core-data API v3, section 3.2) from JSON to the event that travels on
 * the bus, checked and in normal form (persistbus/event.h).
 *
 * Differences to EdgeX, each on purpose: a value type in any case is checked like the canonical one; numbers
 * in tags and object values keep all digits where 64 bits hold them; a `value` that is no string is taken as
 * its JSON text (so 1000000 is a fine Int32 and a JSON array a fine array value); broken JSON, invalid UTF-8
 * and NUL are refused with 400.
 */
#ifndef CORE_DATA_EVENT_JSON_H
#define CORE_DATA_EVENT_JSON_H

#include <persistbus/event.h>
#include "arena.h"

/* What is published of a reading but not stored. */
typedef struct {
    pbus_str_t id;    /* empty: none */
    pbus_str_t value; /* text as sent; base64 for Binary */
} sent_reading_t;

/* What a client posted; all views live as long as the arena's content and the body. */
typedef struct {
    pbus_event_t event;
    pbus_str_t request_id; /* empty: none */
    pbus_str_t api_version;
    pbus_str_t event_api_version;
    const sent_reading_t *sent; /* one for each reading */
    bool optimized;             /* as it was read, so it is published */
} posted_t;

/* Bytes that must be readable and writable behind the body. */
#define EVENT_JSON_PADDING 4

/*
 * The body is changed (strings are unescaped in place). optimized: readings need not say what their event
 * says (EDGEX_OPTIMIZE_EVENT_PAYLOAD). PBUS_INVALID or PBUS_NOMEM on failure.
 */
pbus_status_t event_json_read(posted_t *self, char *body, size_t size, bool optimized, arena_t *arena,
                              pbus_error_t *error);

#endif
