/*
 * Screen: see screen.h.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "screen.h"

static void s_size(screen_t *self)
{
    struct winsize size;
    self->width = 80;
    self->height = 24;
    if (ioctl(fileno(self->out), TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_col > 0)
        self->width = size.ws_col;
    if (size.ws_row > 0)
        self->height = size.ws_row;
}

screen_t screen_of(FILE *out)
{
    screen_t self = {.out = out, .width = INT_MAX, .height = INT_MAX, .terminal = isatty(fileno(out)) == 1};
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    if (!self.terminal)
        return self;
    s_size(&self);
    self.colour = (!none || !*none) && term && strcmp(term, "dumb") != 0;
    return self;
}

const char *screen_begin(const screen_t *self, style_t style)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "",        [STYLE_STRONG] = "\033[1m",   [STYLE_FAINT] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_CAUTION] = "\033[33m", [STYLE_BAD] = "\033[31m"};
    return self->colour ? codes[style] : "";
}

const char *screen_end(const screen_t *self, style_t style)
{
    return self->colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

void screen_clean(char *text)
{
    for (unsigned char *at = (unsigned char *) text; *at; at++) {
        /* U+0080 to U+009F are controls as well, in two bytes. */
        if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
            at[0] = at[1] = '?';
        if (*at < 0x20 || *at == 0x7f)
            *at = '?';
    }
}

static void s_print(const screen_t *self, style_t style, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    screen_clean(text);
    fprintf(self->out, "%s%s%s", screen_begin(self, style), text, screen_end(self, style));
    free(text);
}

void screen_print(const screen_t *self, style_t style, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_print(self, style, format, arguments);
    va_end(arguments);
}

void screen_line(const screen_t *self, style_t style, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_print(self, style, format, arguments);
    va_end(arguments);
    fputc('\n', self->out);
}

int screen_columns(const char *text)
{
    int columns = 0;
    for (; *text; text++)
        columns += ((unsigned char) *text & 0xc0) != 0x80;
    return columns;
}
