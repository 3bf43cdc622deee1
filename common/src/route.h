/*
 * Route: which events go to a group, as text in the manner of Azure IoT Edge:
 *
 *     route      = "FROM" source ["WHERE" any] "INTO" "group" "(" text ")"
 *     source     = "/events" | "/" "*"      without a blank; both are all events that are accepted
 *     any        = all {"OR" all}
 *     all        = one {"AND" one}
 *     one        = "NOT" one | "(" any ")" | field ("=" | "!=" | "<>") text
 *     field      = "deviceName" | "profileName" | "sourceName"
 *     text       = in ' or "; such a quote inside of it is written twice
 *
 * Words and fields may be written in any case. In a condition's text a * stands for any characters, none
 * included; everything else stands for itself. By value read, never changed: a route may be asked by several
 * threads at once.
 *
 * Text is not trusted: its length, and how deep it is nested, are limited.
 */
#ifndef PBUS_ROUTE_H
#define PBUS_ROUTE_H

#include <persistbus/types.h>

#define PBUS_ROUTE_MAX 4096 /* bytes of a route's text */

typedef struct pbus_route pbus_route_t;

/* What a route asks of an event. */
typedef struct {
    pbus_str_t device;
    pbus_str_t profile;
    pbus_str_t source;
} pbus_routed_t;

/*
 * NULL with *error filled: INVALID, one line with the column (in bytes, from 1) and the remedy, or NOMEM. The
 * text is copied.
 */
pbus_route_t *pbus_route_new(const char *text, pbus_error_t *error);
void pbus_route_destroy(pbus_route_t **self_p);

/* Whether it is meant for a group, so that it ends with INTO group(...) in some form. */
bool pbus_route_is_for_group(const char *text);

/* The group's name; lives as long as the route. */
const char *pbus_route_group(const pbus_route_t *self);
bool pbus_route_lets(const pbus_route_t *self, const pbus_routed_t *event);

#endif
