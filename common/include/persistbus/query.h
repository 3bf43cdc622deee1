/*
 * What core-data asks of a backend, and the builder that a backend answers with.
 *
 * There is one filter behind all EdgeX routes (API v3, section 2). Whether it speaks of events or of
 * readings follows from the function that gets it:
 *
 *   - of events: device, source and origin are the event's own; resources does not apply (is empty);
 *   - of readings: device and origin are the reading's own; source does not apply (is empty).
 */
#ifndef PERSISTBUS_QUERY_H
#define PERSISTBUS_QUERY_H

#include <persistbus/event.h>

typedef struct {
    pbus_str_t device;           /* exact; empty: any */
    pbus_str_t source;           /* exact; empty: any */
    const pbus_str_t *resources; /* one of these, no duplicates; none: any */
    size_t resource_count;
    const pbus_uuid_t *ids; /* one of these, no duplicates; none: any. Only in list_events and count */
    size_t id_count;
    int64_t origin_min;  /* inclusive; INT64_MIN: no bound */
    int64_t origin_max;  /* inclusive; INT64_MAX: no bound */
    uint64_t accept_max; /* inclusive; UINT64_MAX: no bound. A bound is set only in purge */
} pbus_filter_t;

/* The filter that lets everything pass. */
PBUS_EXPORT pbus_filter_t pbus_filter_any(void);
/* Whether the filter's parts (ids included) that speak of an event, or of a reading, let this one pass. */
PBUS_EXPORT bool pbus_filter_event(const pbus_filter_t *self, const pbus_event_t *event, uint64_t accept);
PBUS_EXPORT bool pbus_filter_reading(const pbus_filter_t *self, const pbus_reading_t *reading);

/* A place in the order of events: (origin, id), ids compared as bytes. */
typedef struct {
    int64_t origin;
    pbus_uuid_t id;
} pbus_cursor_t;

/* -1, 0, 1 */
PBUS_EXPORT int pbus_cursor_cmp(const pbus_cursor_t *a, const pbus_cursor_t *b);

typedef enum { PBUS_EVENTS = 0, PBUS_READINGS = 1 } pbus_what_t;

/* A page of a list. */
typedef struct {
    pbus_filter_t filter;
    uint64_t offset;  /* how many of the matching to leave out first */
    uint32_t limit;   /* how many at most; 0: none, only the total */
    bool want_total;  /* also tell how many match in all */
    int64_t deadline; /* CLOCK_BOOTTIME ns; a long scan should give up with PBUS_TIMEOUT after it */
} pbus_query_t;

/*
 * Result: collects what a backend found, in the order found, straight into the reply's encoding. Backends
 * get one, never make one. An add returns false when the reply is full (it has a byte limit, though the
 * first item always goes in) or memory is out: stop adding, return PBUS_OK; core-data asks for the rest
 * with a greater offset or a later cursor.
 */
typedef struct pbus_result pbus_result_t;

PBUS_EXPORT void pbus_result_total(pbus_result_t *self, uint64_t total);
/* An event as it was received. */
PBUS_EXPORT bool pbus_result_add_encoded(pbus_result_t *self, uint64_t accept, const void *data, size_t size);
/* An event that the backend keeps unfolded. */
PBUS_EXPORT bool pbus_result_add_event(pbus_result_t *self, uint64_t accept, const pbus_event_t *event);
PBUS_EXPORT bool pbus_result_add_reading(pbus_result_t *self, const pbus_reading_t *reading);
/* list_sources: how many events of this device and source are stored. */
PBUS_EXPORT bool pbus_result_add_source(pbus_result_t *self, pbus_str_t device, pbus_str_t source,
                                        uint64_t events);

typedef enum { PBUS_MIN = 1, PBUS_MAX = 2, PBUS_COUNT = 3, PBUS_SUM = 4, PBUS_AVG = 5 } pbus_function_t;

/*
 * aggregate: one group of readings that share device, profile, resource and stored type. `count` is of the
 * scalar, numeric readings with a value; `value` is the exact result in decimal text, empty when count is 0.
 */
PBUS_EXPORT bool pbus_result_add_group(pbus_result_t *self, const pbus_reading_t *like, uint64_t count,
                                       pbus_str_t value);

#endif
