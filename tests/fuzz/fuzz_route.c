/*
 * libFuzzer target: a line with a route and lines with a device, a profile and a source. Reading a route must
 * not crash; what is refused says why, in one line; NOT of a condition lets through just what it does not.
 *
 *     make fuzz T=route
 *
 * An input that once failed is kept in crashes/route.
 */
#include "route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void s_require(bool condition)
{
    if (!condition)
        abort();
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

static pbus_route_t *s_read(const char *text)
{
    pbus_error_t error = {0};
    pbus_route_t *route = pbus_route_new(text, &error);
    if (!route)
        s_require(error.status == PBUS_INVALID && !strncmp(error.text, "column ", 7) &&
                  !strchr(error.text, '\n'));
    return route;
}

static pbus_route_t *s_with(const char *before, const char *condition, const char *behind)
{
    char text[PBUS_ROUTE_MAX + 1];
    snprintf(text, sizeof text, "FROM /events WHERE %s%s%s INTO group(\"g\")", before, condition, behind);
    return s_read(text);
}

/* The text as a condition, if it is one, and its contrary. */
static void s_check_not(const char *condition, const pbus_routed_t *event)
{
    pbus_route_t *plain = s_with("", condition, "");
    pbus_route_t *contrary = plain ? s_with("NOT (", condition, ")") : NULL;
    if (contrary)
        s_require(pbus_route_lets(plain, event) != pbus_route_lets(contrary, event));
    pbus_route_destroy(&plain);
    pbus_route_destroy(&contrary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    s_require(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    const char *line = s_line(&rest);
    pbus_routed_t event;
    event.device = pbus_str(s_line(&rest));
    event.profile = pbus_str(s_line(&rest));
    event.source = pbus_str(s_line(&rest));
    pbus_route_t *route = s_read(line);
    if (route) {
        s_require(strlen(pbus_route_group(route)) > 0 && pbus_route_is_for_group(line));
        pbus_route_lets(route, &event);
    } else
        s_check_not(line, &event);
    pbus_route_destroy(&route);
    free(text);
    return 0;
}
