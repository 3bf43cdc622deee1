/*
 * Params: everything that a request says beside the event it may carry: path, query, and the optional list of
 * resources in the body (EdgeX core-data API v3, sections 2.1 to 2.4). Checked, in EdgeX's order: the first
 * failure is reported.
 */
#ifndef CORE_DATA_PARAMS_H
#define CORE_DATA_PARAMS_H

#include "arena.h"
#include "routes.h"
#include "url.h"

typedef struct {
    const route_t *route;
    pbus_str_t service;
    pbus_str_t profile;
    pbus_str_t device; /* empty: not in the path, so any; likewise the others */
    pbus_str_t source;
    const pbus_str_t *resources;
    size_t resource_count;
    pbus_str_t job; /* its id */
    pbus_uuid_t id;
    pbus_str_t group;
    pbus_str_t worker;
    bool force;
    int64_t origin_min; /* INT64_MIN: no bound */
    int64_t origin_max; /* INT64_MAX: no bound */

    /* Lists */
    uint32_t offset;
    uint32_t limit;
    bool want_total; /* false: offset was -1, which means 0 without counting */
    bool numeric;
    pbus_function_t function; /* 0: none */
    pbus_str_t function_text; /* as sent */
} params_t;

/*
 * Views point into the match, query, body and arena. max_limit is Service.MaxResultCount; now is ns since the
 * epoch, which an age is subtracted from. The body is read only on routes that have that filter.
 * PBUS_INVALID or PBUS_NOMEM on failure.
 */
pbus_status_t params_read(params_t *self, const route_match_t *match, pbus_str_t query, pbus_str_t body,
                          uint32_t max_limit, int64_t now, arena_t *arena, pbus_error_t *error);

#endif
