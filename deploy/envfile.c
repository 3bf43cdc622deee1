/*
 * Envfile: see envfile.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "envfile.h"
#include "loadfile.h"

#define USUAL ".env"

typedef struct {
    char *name, *value;
} pair_t;

struct envfile {
    pair_t *pairs;
    size_t count, capacity;
};

void envfile_destroy(envfile_t **self_p)
{
    envfile_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        free(self->pairs[i].name);
        free(self->pairs[i].value);
    }
    free(self->pairs);
    free(self);
    *self_p = NULL;
}

size_t envfile_count(const envfile_t *self)
{
    return self->count;
}

const char *envfile_get(const envfile_t *self, const char *name)
{
    for (size_t i = self->count; i > 0; i--)
        if (!strcmp(self->pairs[i - 1].name, name))
            return self->pairs[i - 1].value;
    return NULL;
}

const char *variable_get(const envfile_t *self, const char *name)
{
    const char *value = getenv(name);
    return value || !self ? value : envfile_get(self, name);
}

static bool s_is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

size_t variable_name_length(const char *text)
{
    size_t length = 0;
    while (s_is_letter(text[length]) || (length && text[length] >= '0' && text[length] <= '9'))
        length++;
    return length;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static const char *s_skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r");
}

/* Appends what stands between quotes; returns what follows the closing one, or NULL if there is none. */
static const char *s_quoted(const char *at, pbus_buf_t *value)
{
    static const char escapes[] = "\"\\nrt$", meanings[] = "\"\\\n\r\t$";
    char quote = *at++;
    for (; *at && *at != quote; at++) {
        const char *escape = quote == '"' && *at == '\\' && at[1] ? strchr(escapes, at[1]) : NULL;
        pbus_buf_append(value, escape ? &meanings[escape - escapes] : at, 1);
        at += escape != NULL;
    }
    return *at ? at + 1 : NULL;
}

/* Appends what is not quoted: up to the end, or a # after a blank; without blanks at its end. */
static const char *s_plain(const char *at, pbus_buf_t *value)
{
    const char *start = at, *end = at;
    for (; *at && !(*at == '#' && (at == start || at[-1] == ' ' || at[-1] == '\t')); at++)
        if (!strchr(" \t\r", *at))
            end = at + 1;
    pbus_buf_append(value, start, (size_t) (end - start));
    return at;
}

/* Takes NAME=VALUE apart. Returns what is wrong with it, or NULL. */
static const char *s_take_apart(const char *at, char **name, pbus_buf_t *value)
{
    if (!strncmp(at, "export", 6) && (at[6] == ' ' || at[6] == '\t'))
        at = s_skip_blanks(at + 6);
    size_t length = variable_name_length(at);
    const char *equals = s_skip_blanks(at + length);
    if (!length || *equals != '=')
        return "is not NAME=VALUE, with a NAME of letters, digits and _: mend it, or put # in front";
    *name = strndup(at, length);
    at = s_skip_blanks(equals + 1);
    at = *at == '\'' || *at == '"' ? s_quoted(at, value) : s_plain(at, value);
    if (!at)
        return "has a quote that is not closed in this line";
    at = s_skip_blanks(at);
    if (*at && *at != '#')
        return "goes on after the closing quote";
    pbus_buf_append(value, "", 1);
    return *name && !value->failed ? NULL : "memory is out";
}

/* Takes over both on success. */
static bool s_add(envfile_t *self, char *name, char *value)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 16;
        pair_t *grown = realloc(self->pairs, capacity * sizeof *grown);
        if (!grown)
            return false;
        self->pairs = grown;
        self->capacity = capacity;
    }
    self->pairs[self->count++] = (pair_t){name, value};
    return true;
}

static void s_read_line(envfile_t *self, const char *where, const char *line, problems_t *problems)
{
    char *name = NULL;
    pbus_buf_t value = {0};
    line = s_skip_blanks(line);
    if (!*line || *line == '#')
        return;
    const char *fault = s_take_apart(line, &name, &value);
    if (!fault && envfile_get(self, name))
        problems_warn(problems, where, "%s is there twice: this line counts", name);
    if (!fault && s_add(self, name, (char *) value.data))
        return;
    problems_error(problems, where, "%s", fault ? fault : "memory is out");
    free(name);
    pbus_buf_clear(&value);
}

/* The text's lines are terminated in place. */
static void s_read_lines(envfile_t *self, const char *file, char *text, problems_t *problems)
{
    char where[512];
    size_t number = 0;
    for (char *line = text; line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        snprintf(where, sizeof where, "%s:%zu", file, ++number);
        s_read_line(self, where, line, problems);
        line = next;
    }
}

envfile_t *envfile_parse(const char *name, const void *data, size_t size, problems_t *problems)
{
    static const char mark[] = "\xef\xbb\xbf"; /* which some editors put in front of UTF-8 */
    problems_t *own = problems_new();
    envfile_t *self = calloc(1, sizeof *self);
    char *text = size <= ENVFILE_SIZE ? calloc(1, size + 1) : NULL;
    if (own && self && text) {
        if (size)
            memcpy(text, data, size);
        if (strlen(text) < size)
            problems_error(own, name, "holds a NUL character");
        else
            s_read_lines(self, name, text + (strncmp(text, mark, 3) ? 0 : 3), own);
    } else if (own)
        problems_error(own, name, size > ENVFILE_SIZE ? "is larger than 1 MB" : "memory is out");
    free(text);
    if (!own || problems_errors(own))
        envfile_destroy(&self);
    problems_move(problems, &own);
    return self;
}

envfile_t *envfile_read(const char *path, problems_t *problems)
{
    pbus_buf_t text = {0};
    envfile_t *self = NULL;
    if (loadfile(path, ENVFILE_SIZE, &text, problems))
        self = envfile_parse(path, text.data, text.size, problems);
    pbus_buf_clear(&text);
    return self;
}

bool envfile_open(envfile_t **self_p, const char *path, problems_t *problems)
{
    *self_p = NULL;
    if (!path && access(USUAL, F_OK) != 0)
        return true;
    *self_p = envfile_read(path ? path : USUAL, problems);
    return *self_p != NULL;
}
