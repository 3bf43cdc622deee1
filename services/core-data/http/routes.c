/*
 * Routes: see routes.h. Two patterns can match one path only if one has a fixed segment where the other has a
 * parameter; the fixed ones come first in the table, so the first match counts.
 */
#include <string.h>
#include "routes.h"

#define API "/api/v3"

#define RANGE "/start/{start}/end/{end...}"

static const route_t table[] = {
    {METHOD_GET, "/event/all", ROUTE_LIST, PBUS_EVENTS, false},
    {METHOD_GET, "/event/count", ROUTE_COUNT, PBUS_EVENTS, false},
    {METHOD_GET, "/event/count/device/name/{name...}", ROUTE_COUNT, PBUS_EVENTS, false},
    {METHOD_GET, "/event/id/{id...}", ROUTE_SINGLE, PBUS_EVENTS, false},
    {METHOD_DELETE, "/event/id/{id...}", ROUTE_DELETE, PBUS_EVENTS, false},
    {METHOD_GET, "/event/device/name/{name...}", ROUTE_LIST, PBUS_EVENTS, false},
    {METHOD_DELETE, "/event/device/name/{name...}", ROUTE_PURGE, PBUS_EVENTS, false},
    {METHOD_GET, "/event" RANGE, ROUTE_LIST, PBUS_EVENTS, false},
    {METHOD_DELETE, "/event/age/{age...}", ROUTE_PURGE, PBUS_EVENTS, false},
    {METHOD_POST, "/event/{serviceName}/{profileName}/{deviceName}/{sourceName...}", ROUTE_ADD, PBUS_EVENTS,
     false},
    {METHOD_GET, "/reading/all", ROUTE_LIST, PBUS_READINGS, false},
    {METHOD_GET, "/reading/count", ROUTE_COUNT, PBUS_READINGS, false},
    {METHOD_GET, "/reading/count/device/name/{name...}", ROUTE_COUNT, PBUS_READINGS, false},
    {METHOD_GET, "/reading/device/name/{name}", ROUTE_LIST, PBUS_READINGS, false},
    {METHOD_GET, "/reading/device/name/{name}" RANGE, ROUTE_LIST, PBUS_READINGS, true},
    {METHOD_GET, "/reading/device/name/{name}/resourceName/{resourceName}", ROUTE_LIST, PBUS_READINGS, false},
    {METHOD_GET, "/reading/device/name/{name}/resourceName/{resourceName}" RANGE, ROUTE_LIST, PBUS_READINGS,
     false},
    {METHOD_GET, "/reading/resourceName/{resourceName}", ROUTE_LIST, PBUS_READINGS, false},
    {METHOD_GET, "/reading/resourceName/{resourceName}" RANGE, ROUTE_LIST, PBUS_READINGS, false},
    {METHOD_GET, "/reading" RANGE, ROUTE_LIST, PBUS_READINGS, false},
    {METHOD_GET, "/ping", ROUTE_PING, PBUS_EVENTS, false},
    {METHOD_GET, "/version", ROUTE_VERSION, PBUS_EVENTS, false},
    {METHOD_GET, "/config", ROUTE_CONFIG, PBUS_EVENTS, false},
    {METHOD_POST, "/secret", ROUTE_SECRET, PBUS_EVENTS, false},
    {METHOD_GET, "/persistence/groups", ROUTE_GROUPS, PBUS_EVENTS, false},
    {METHOD_DELETE, "/persistence/groups/{group}", ROUTE_FORGET, PBUS_EVENTS, false},
    {METHOD_POST, "/persistence/groups/{group}/prefer", ROUTE_PREFER, PBUS_EVENTS, false},
    {METHOD_POST, "/persistence/groups/{group}/promote", ROUTE_PROMOTE, PBUS_EVENTS, false},
    {METHOD_POST, "/persistence/groups/{group}/retire", ROUTE_RETIRE, PBUS_EVENTS, false},
    {METHOD_POST, "/persistence/groups/{group}/workers/{worker}/drain", ROUTE_DRAIN, PBUS_EVENTS, false},
    {METHOD_GET, "/persistence/jobs", ROUTE_JOBS, PBUS_EVENTS, false},
    {METHOD_POST, "/persistence/jobs", ROUTE_JOB_START, PBUS_EVENTS, false},
    {METHOD_GET, "/persistence/jobs/{job...}", ROUTE_JOB, PBUS_EVENTS, false},
    {METHOD_DELETE, "/persistence/jobs/{job...}", ROUTE_JOB_CANCEL, PBUS_EVENTS, false},
    {METHOD_GET, NULL, ROUTE_PING, PBUS_EVENTS, false},
};

const route_t *routes_table(void)
{
    return table;
}

/* The parameter of a pattern's braces; name is what is inside them. */
static param_t s_param(const char *name)
{
    static const struct {
        const char *name;
        param_t param;
    } params[] = {
        {"name", PARAM_DEVICE},
        {"deviceName", PARAM_DEVICE},
        {"sourceName", PARAM_SOURCE},
        {"profileName", PARAM_PROFILE},
        {"serviceName", PARAM_SERVICE},
        {"resourceName", PARAM_RESOURCE},
        {"id", PARAM_ID},
        {"start", PARAM_START},
        {"end", PARAM_END},
        {"age", PARAM_AGE},
        {"group", PARAM_GROUP},
        {"worker", PARAM_WORKER},
        {"job", PARAM_JOB},
    };
    size_t size = strcspn(name, ".}");
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        if (strlen(params[i].name) == size && memcmp(params[i].name, name, size) == 0)
            return params[i].param;
    return PARAM_COUNT;
}

static bool s_match(const char *pattern, pbus_str_t path, pbus_str_t param[PARAM_COUNT])
{
    const char *p = path.data;
    const char *end = p + path.size;
    while (*pattern) {
        if (*pattern != '{') {
            if (p == end || *p++ != *pattern++)
                return false;
            continue;
        }
        const char *close = strchr(pattern, '}');
        const char *slash = close[-1] == '.' ? NULL : memchr(p, '/', (size_t) (end - p));
        param_t place = s_param(pattern + 1);
        slash = slash ? slash : end;
        if (place < PARAM_COUNT)
            param[place] = (pbus_str_t){p, (size_t) (slash - p)};
        p = slash;
        pattern = close + 1;
    }
    return p == end;
}

route_match_t routes_match(method_t method, pbus_str_t path)
{
    route_match_t match = {0};
    if (path.size < sizeof API - 1 || memcmp(path.data, API, sizeof API - 1) != 0)
        return match;
    path.data += sizeof API - 1;
    path.size -= sizeof API - 1;
    for (const route_t *route = table; route->path; route++) {
        pbus_str_t param[PARAM_COUNT] = {{0}};
        if (!s_match(route->path, path, param))
            continue;
        match.methods |= route->method;
        if (route->method != method)
            continue;
        match.route = route;
        memcpy(match.param, param, sizeof param);
        break;
    }
    return match;
}

method_t routes_method(const char *name)
{
    static const struct {
        const char *name;
        method_t method;
    } methods[] = {
        {"GET", METHOD_GET}, {"POST", METHOD_POST}, {"DELETE", METHOD_DELETE}, {"OPTIONS", METHOD_OPTIONS}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return METHOD_OTHER;
}

void routes_allow(unsigned methods, char text[ROUTES_ALLOW])
{
    strcpy(text, "OPTIONS");
    if (methods & METHOD_DELETE)
        strcat(text, ", DELETE");
    if (methods & METHOD_GET)
        strcat(text, ", GET");
    if (methods & METHOD_POST)
        strcat(text, ", POST");
}
