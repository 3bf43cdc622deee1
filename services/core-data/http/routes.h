/*
 * Routes: the one table of what is served, and how a path is matched to it.
 */
#ifndef CORE_DATA_ROUTES_H
#define CORE_DATA_ROUTES_H

#include <persistbus/query.h>

/* Bits, to tell which methods a path has. */
typedef enum {
    METHOD_DELETE = 1,
    METHOD_GET = 2,
    METHOD_POST = 4,
    METHOD_OPTIONS = 8,
    METHOD_OTHER = 16
} method_t;

typedef enum {
    ROUTE_ADD,    /* an event from the body */
    ROUTE_DELETE, /* the event of an id */
    ROUTE_PURGE,  /* all events that pass the filter */
    ROUTE_SINGLE, /* the event of an id */
    ROUTE_LIST,   /* what passes the filter, in pages; of readings also aggregates */
    ROUTE_COUNT,  /* how many pass the filter */
    ROUTE_PING,
    ROUTE_VERSION,
    ROUTE_CONFIG,
    ROUTE_SECRET,
    ROUTE_GROUPS,
    ROUTE_PREFER, /* what operators do with a group: request.h */
    ROUTE_PROMOTE,
    ROUTE_RETIRE,
    ROUTE_FORGET,
    ROUTE_DRAIN, /* a worker of it */
    ROUTE_JOBS,  /* copies and comparisons of groups */
    ROUTE_JOB,   /* one of them */
    ROUTE_JOB_START,
    ROUTE_JOB_CANCEL
} route_kind_t;

/* Parameters in paths. */
typedef enum {
    PARAM_SERVICE,
    PARAM_PROFILE,
    PARAM_DEVICE,
    PARAM_SOURCE,
    PARAM_RESOURCE,
    PARAM_ID,
    PARAM_START,
    PARAM_END,
    PARAM_AGE,
    PARAM_GROUP,
    PARAM_WORKER,
    PARAM_JOB,
    PARAM_COUNT
} param_t;

typedef struct {
    method_t method;
    /*
     * Below /api/v3. A segment in braces is a parameter. With dots it takes the rest of the path, slashes
     * included: EdgeX does that wherever no longer route begins alike.
     */
    const char *path;
    route_kind_t kind;
    pbus_what_t what; /* of lists and counts */
    bool body_filter; /* the body may name resources */
} route_t;

typedef struct {
    const route_t *route;          /* NULL: no route has this path and method */
    unsigned methods;              /* all that this path has; none: the path is unknown */
    pbus_str_t param[PARAM_COUNT]; /* still encoded; NULL data: not in this path */
} route_match_t;

route_match_t routes_match(method_t method, pbus_str_t path);

method_t routes_method(const char *name);

#define ROUTES_ALLOW 64
/* Writes the value of an Allow header, as EdgeX orders it: OPTIONS, DELETE, GET */
void routes_allow(unsigned methods, char text[ROUTES_ALLOW]);

/* The table, for tests and documentation; ends with a NULL path. */
const route_t *routes_table(void);

#endif
