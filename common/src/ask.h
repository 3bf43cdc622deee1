/*
 * Ask: the payload of a QUERY message, what core-data wants to know of a group (docs/PROTOCOL.md, "Queries").
 * Internal: core-data encodes it, the worker runtime decodes it and calls the backend's function.
 */
#ifndef PBUS_ASK_H
#define PBUS_ASK_H

#include <persistbus/query.h>

/* The numbers are those on the bus. */
typedef enum {
    PBUS_ASK_EVENTS = 1,    /* query */
    PBUS_ASK_READINGS = 2,  /* query */
    PBUS_ASK_COUNT = 3,     /* what, query.filter */
    PBUS_ASK_AGGREGATE = 4, /* function, query.filter */
    PBUS_ASK_SOURCES = 5,   /* - */
    PBUS_ASK_SCAN = 6,      /* query.filter.origin_min, .origin_max, query.limit, after */
    PBUS_ASK_PURGE = 7,     /* query.filter, query.limit */
    PBUS_ASK_DIGEST = 8     /* after, until, query.filter.accept_max, query.limit */
} pbus_ask_kind_t;

typedef struct {
    pbus_ask_kind_t kind;
    pbus_query_t query; /* deadline does not travel; the message's header has it */
    pbus_what_t what;
    pbus_function_t function;
    bool has_after; /* SCAN, DIGEST */
    pbus_cursor_t after;
    bool has_until; /* DIGEST */
    pbus_cursor_t until;
} pbus_ask_t;

/* An ask with the filter that lets everything pass, no offset, limit 0, no total. */
pbus_ask_t pbus_ask_any(pbus_ask_kind_t kind);
void pbus_ask_encode(const pbus_ask_t *self, pbus_buf_t *out);

/*
 * Decodes; views point into data, the lists of resources and ids into *lists, which the caller clears after
 * use. False when malformed or memory is out.
 */
bool pbus_ask_decode(pbus_ask_t *self, const void *data, size_t size, pbus_buf_t *lists);

/* The kind of an encoded ask, without a look at the rest; 0 if it has none. */
unsigned pbus_ask_peek(const void *data, size_t size);

#endif
