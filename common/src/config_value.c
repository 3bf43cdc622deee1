/*
 * Values of configuration options (config_value.h).
 */
#include "config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- numbers and words ---- */

static bool s_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Decimal only. A leading 0 is refused: YAML 1.1 makes 010 eight, a person means ten. */
static bool s_parse_int(const char *text, int64_t *number)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (!s_is_digit(*text) || (*text == '0' && text[1]))
        return false;
    int64_t parsed = 0;
    for (; *text; text++) {
        int digit = *text - '0';
        if (!s_is_digit(*text) || __builtin_mul_overflow(parsed, 10, &parsed) ||
            __builtin_add_overflow(parsed, negative ? -digit : digit, &parsed))
            return false;
    }
    *number = parsed;
    return true;
}

static bool s_parse_bool(const char *text, int64_t *number)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"},
                                           {"n", "y"},        {"f", "t"},    {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (int value = 0; value < 2; value++) {
            if (strcasecmp(text, words[i][value]) == 0) {
                *number = value;
                return true;
            }
        }
    }
    return false;
}

/* ---- durations ---- */

typedef struct {
    const char *name;
    int64_t ns;
} s_unit_t;

/* From small to large; of several names for one the first is for showing. Micro sign and Greek mu, as Go. */
static const s_unit_t s_units[] = {{"ns", 1},
                                   {"us", 1000},
                                   {"\xc2\xb5s", 1000},
                                   {"\xce\xbcs", 1000},
                                   {"ms", 1000000},
                                   {"s", 1000000000},
                                   {"m", 60 * INT64_C(1000000000)},
                                   {"h", 3600 * INT64_C(1000000000)}};

#define UNIT_COUNT (sizeof s_units / sizeof s_units[0])
#define FRACTION_SCALE INT64_C(1000000000000000000) /* further digits make no difference to a ns */

/* "1.5h": whole and fractional digits, one of which at least, and a unit; moves *text behind it. */
static bool s_parse_part(const char **text, int64_t *ns)
{
    const char *at = *text;
    int64_t whole = 0, fraction = 0, scale = 1;
    int digits = 0;
    for (; s_is_digit(*at); at++, digits++)
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *at - '0', &whole))
            return false;
    if (*at == '.') {
        for (at++; s_is_digit(*at); at++, digits++) {
            if (scale < FRACTION_SCALE) {
                fraction = fraction * 10 + (*at - '0');
                scale *= 10;
            }
        }
    }
    for (size_t i = 0; digits > 0 && i < UNIT_COUNT; i++) {
        const s_unit_t *unit = &s_units[i];
        size_t size = strlen(unit->name);
        if (strncmp(at, unit->name, size) == 0 &&
            (at[size] == 0 || at[size] == '.' || s_is_digit(at[size]))) {
            *text = at + size;
            int64_t rest = (int64_t) ((__int128) fraction * unit->ns / scale);
            return !__builtin_mul_overflow(whole, unit->ns, ns) && !__builtin_add_overflow(*ns, rest, ns);
        }
    }
    return false;
}

bool pbus_duration_parse(const char *text, int64_t *ns)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    int64_t sum = 0, part;
    if (strcmp(text, "0") != 0) {
        do {
            if (!s_parse_part(&text, &part) || __builtin_add_overflow(sum, part, &sum))
                return false;
        } while (*text);
    }
    *ns = negative ? -sum : sum;
    return true;
}

/* In the largest unit that leaves no fraction. */
static void s_format_duration(int64_t ns, char text[32])
{
    const s_unit_t *best = &s_units[0];
    for (size_t i = 1; i < UNIT_COUNT; i++)
        if (s_units[i].ns > best->ns && ns % s_units[i].ns == 0)
            best = &s_units[i];
    if (ns == 0)
        snprintf(text, 32, "0s");
    else
        snprintf(text, 32, "%" PRId64 "%s", ns / best->ns, best->name);
}

/* ---- lists ---- */

/* Takes over text, in which the items lie one after another, each ended by NUL. */
static pbus_status_t s_make_list(pbus_value_t *self, char *text, size_t count)
{
    const char **items = calloc(count ? count : 1, sizeof *items);
    if (!items) {
        free(text);
        return PBUS_NOMEM;
    }
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        items[i] = at;
        at += strlen(at) + 1;
    }
    *self = (pbus_value_t){.text = text, .items = items, .count = count};
    return PBUS_OK;
}

pbus_status_t pbus_value_list(pbus_value_t *self, const char *items, size_t size, size_t count)
{
    char *text = malloc(size ? size : 1);
    if (!text)
        return PBUS_NOMEM;
    if (size)
        memcpy(text, items, size);
    return s_make_list(self, text, count);
}

/* Copies what lies between commas, without blanks around it, as items that end with NUL. */
static pbus_status_t s_parse_list(pbus_value_t *self, const char *text)
{
    char *items = malloc(strlen(text) + 1), *to = items;
    if (!items)
        return PBUS_NOMEM;
    size_t count = 0;
    while (*text) {
        text += strspn(text, ", \t");
        size_t size = strcspn(text, ",");
        const char *next = text + size;
        while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
            size--;
        if (size > 0) {
            memcpy(to, text, size);
            to[size] = 0;
            to += size + 1;
            count++;
        }
        text = next;
    }
    return s_make_list(self, items, count);
}

/* ---- values ---- */

static bool s_in_bounds(const pbus_option_t *option, int64_t number)
{
    if (option->min == 0 && option->max == 0)
        return true;
    return option->min <= number && number <= option->max;
}

static pbus_status_t s_parse_string(pbus_value_t *self, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return PBUS_NOMEM;
    *self = (pbus_value_t){.text = copy};
    return PBUS_OK;
}

pbus_status_t pbus_value_parse(pbus_value_t *self, const pbus_option_t *option, const char *text)
{
    int64_t number = 0;
    bool fits = false;
    switch (option->type) {
    case PBUS_OPTION_STRING:
        return s_parse_string(self, text);
    case PBUS_OPTION_LIST:
        return s_parse_list(self, text);
    case PBUS_OPTION_INT:
        fits = s_parse_int(text, &number) && s_in_bounds(option, number);
        break;
    case PBUS_OPTION_DURATION:
        fits = pbus_duration_parse(text, &number) && s_in_bounds(option, number);
        break;
    case PBUS_OPTION_BOOL:
        fits = s_parse_bool(text, &number);
        break;
    }
    if (!fits)
        return PBUS_INVALID;
    *self = (pbus_value_t){.number = number};
    return PBUS_OK;
}

bool pbus_value_eq(const pbus_value_t *a, const pbus_value_t *b, pbus_option_type_t type)
{
    if (type == PBUS_OPTION_STRING)
        return strcmp(a->text, b->text) == 0;
    if (type != PBUS_OPTION_LIST)
        return a->number == b->number;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

void pbus_value_clear(pbus_value_t *self)
{
    free(self->items);
    free(self->text);
    *self = (pbus_value_t){0};
}

/* " from 1 to 10", " of at least 1", " of at most 10", or nothing. */
static void s_describe_bounds(const pbus_option_t *option, char text[80])
{
    char min[32], max[32];
    text[0] = 0;
    if (option->min == 0 && option->max == 0)
        return;
    if (option->type == PBUS_OPTION_DURATION) {
        s_format_duration(option->min, min);
        s_format_duration(option->max, max);
    } else {
        snprintf(min, sizeof min, "%" PRId64, option->min);
        snprintf(max, sizeof max, "%" PRId64, option->max);
    }
    if (option->max == INT64_MAX)
        snprintf(text, 80, " of at least %s", min);
    else if (option->min == INT64_MIN)
        snprintf(text, 80, " of at most %s", max);
    else
        snprintf(text, 80, " from %s to %s", min, max);
}

void pbus_value_allowed(const pbus_option_t *option, char text[PBUS_VALUE_ALLOWED])
{
    static const char *const kinds[] = {[PBUS_OPTION_STRING] = "a string",
                                        [PBUS_OPTION_INT] = "an integer",
                                        [PBUS_OPTION_BOOL] = "true or false",
                                        [PBUS_OPTION_DURATION] = "a duration (like 250ms, 5s, 1h30m)",
                                        [PBUS_OPTION_LIST] = "a list of strings (like [a, b])"};
    char bounds[80] = "";
    if (option->type == PBUS_OPTION_INT || option->type == PBUS_OPTION_DURATION)
        s_describe_bounds(option, bounds);
    snprintf(text, PBUS_VALUE_ALLOWED, "%s%s", kinds[option->type], bounds);
}
