/*
 * Values of configuration options: from text to a checked value, and what to tell a person when the text does
 * not fit. Internal to the configuration. A value is kept by value, starts from zero, and owns its memory.
 */
#ifndef PBUS_CONFIG_VALUE_H
#define PBUS_CONFIG_VALUE_H

#include <persistbus/config.h>

typedef struct {
    int64_t number;     /* INT, BOOL (0, 1), DURATION (ns) */
    char *text;         /* STRING: itself; LIST: the items, each ended by NUL */
    const char **items; /* LIST: into text */
    size_t count;       /* LIST */
} pbus_value_t;

/*
 * Reads the text as the option's type (a LIST is comma-separated: blanks around items are dropped, and so are
 * empty items). PBUS_INVALID if it does not fit, PBUS_NOMEM; *self is filled, without a look at what it was,
 * only when PBUS_OK is returned.
 */
pbus_status_t pbus_value_parse(pbus_value_t *self, const pbus_option_t *option, const char *text);
/* A LIST of `count` items that lie one after another in `items`, each ended by NUL. */
pbus_status_t pbus_value_list(pbus_value_t *self, const char *items, size_t size, size_t count);
bool pbus_value_eq(const pbus_value_t *a, const pbus_value_t *b, pbus_option_type_t type);
void pbus_value_clear(pbus_value_t *self);

#define PBUS_VALUE_ALLOWED 128 /* bytes, with terminator */
/* What fits the option, to follow "is not": "an integer from 1 to 65535". */
void pbus_value_allowed(const pbus_option_t *option, char text[PBUS_VALUE_ALLOWED]);

/* Go's durations: "1h30m", "-1.5s", "250ms", "0"; false if it is none or does not fit 64 bits of ns. */
bool pbus_duration_parse(const char *text, int64_t *ns);

#endif
