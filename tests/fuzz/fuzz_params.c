/*
 * libFuzzer target: text as a request's method, target and body, each on a line of its own. Matching and
 * reading must not crash; what is taken must be within the API's bounds.
 *
 *     make fuzz T=params
 *
 * An input that once failed is kept in crashes/params.
 */
#include <stdlib.h>
#include <string.h>
#include "params.h"

#define MAX_LIMIT 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require(bool condition)
{
    if (!condition)
        abort();
}

static void s_check(const params_t *params)
{
    const pbus_str_t names[] = {params->service, params->profile, params->device, params->source};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        s_require(pbus_str_is_text(names[i]));
    for (size_t i = 0; i < params->resource_count; i++)
        s_require(pbus_str_is_text(params->resources[i]));
    s_require(params->limit <= MAX_LIMIT && params->offset <= INT32_MAX);
    s_require(params->function <= PBUS_AVG);
    if (params->route->kind == ROUTE_LIST)
        s_require(params->origin_min <= params->origin_max);
}

/* Cuts off the next line and ends it. */
static char *s_line(char **rest)
{
    char *line = *rest;
    char *end = strchr(line, '\n');
    *rest = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    s_require(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    const char *method = s_line(&rest);
    url_t url = url_split(s_line(&rest));
    route_match_t match = routes_match(routes_method(method), url.path);
    if (match.route) {
        arena_t *arena = arena_new();
        params_t params;
        pbus_error_t error;
        if (params_read(&params, &match, url.query, pbus_str(rest), MAX_LIMIT, pbus_clock_realtime(), arena,
                        &error) == PBUS_OK)
            s_check(&params);
        else
            s_require(strlen(error.text) > 0);
        arena_destroy(&arena);
    }
    free(text);
    return 0;
}
