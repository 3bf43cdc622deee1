/*
 * Problems: see problems.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "problems.h"

typedef struct {
    char *text;
    bool is_error;
} problem_t;

struct problems {
    problem_t kept[PROBLEMS_KEPT];
    size_t count; /* of kept */
    size_t errors, warnings;
};

problems_t *problems_new(void)
{
    return calloc(1, sizeof(problems_t));
}

void problems_destroy(problems_t **self_p)
{
    problems_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->kept[i].text);
    free(self);
    *self_p = NULL;
}

static char *s_format(const char *where, const char *format, va_list arguments)
{
    char *text = NULL, *line = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return NULL;
    if (asprintf(&line, "%s%s%s", where, *where ? ": " : "", text) < 0)
        line = NULL;
    free(text);
    return line;
}

static void s_add(problems_t *self, bool is_error, const char *where, const char *format, va_list arguments)
{
    if (!self)
        return;
    *(is_error ? &self->errors : &self->warnings) += 1;
    if (self->count == PROBLEMS_KEPT)
        return;
    char *text = s_format(where, format, arguments);
    if (text)
        self->kept[self->count++] = (problem_t){text, is_error};
}

void problems_error(problems_t *self, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_add(self, true, where, format, arguments);
    va_end(arguments);
}

void problems_warn(problems_t *self, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_add(self, false, where, format, arguments);
    va_end(arguments);
}

void problems_move(problems_t *self, problems_t **from_p)
{
    problems_t *from = *from_p;
    if (self && from) {
        self->errors += from->errors;
        self->warnings += from->warnings;
        for (size_t i = 0; i < from->count && self->count < PROBLEMS_KEPT; i++) {
            self->kept[self->count++] = from->kept[i];
            from->kept[i].text = NULL;
        }
    }
    problems_destroy(from_p);
}

void problems_drop_warnings(problems_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; self && i < self->count; i++) {
        if (self->kept[i].is_error)
            self->kept[kept++] = self->kept[i];
        else
            free(self->kept[i].text);
    }
    if (self) {
        self->count = kept;
        self->warnings = 0;
    }
}

size_t problems_errors(const problems_t *self)
{
    return self->errors;
}

size_t problems_warnings(const problems_t *self)
{
    return self->warnings;
}

const char *problems_line(const problems_t *self, size_t i, bool *is_error)
{
    if (i >= self->count)
        return NULL;
    *is_error = self->kept[i].is_error;
    return self->kept[i].text;
}

void problems_print(const problems_t *self, const char *program, FILE *stream)
{
    bool is_error;
    const char *line;
    for (size_t i = 0; (line = problems_line(self, i, &is_error)) != NULL; i++)
        fprintf(stream, "%s: %s%s\n", program, is_error ? "" : "warning: ", line);
    size_t more = self->errors + self->warnings - self->count;
    if (more)
        fprintf(stream, "%s: and %zu more\n", program, more);
}
