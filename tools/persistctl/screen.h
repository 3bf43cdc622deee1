/*
 * Screen: what a stream can show. A terminal has a width, and colours unless NO_COLOR is set or TERM is dumb;
 * anything else is taken to be a file or a pipe, with no limit to its width and plain text.
 */
#ifndef PERSISTCTL_SCREEN_H
#define PERSISTCTL_SCREEN_H

#include <stdbool.h>
#include <stdio.h>
#include <persistbus/types.h>

typedef struct {
    FILE *out;
    bool terminal;
    bool colour;
    int width;  /* columns; INT_MAX: no limit */
    int height; /* lines; INT_MAX: no limit */
} screen_t;

typedef enum { STYLE_PLAIN, STYLE_STRONG, STYLE_FAINT, STYLE_GOOD, STYLE_CAUTION, STYLE_BAD } style_t;

/* As it is now: asked again after a window has changed its size. */
screen_t screen_of(FILE *out);

/* Escape sequences to begin and end a style with; empty without colours. */
const char *screen_begin(const screen_t *self, style_t style);
const char *screen_end(const screen_t *self, style_t style);

/* Puts '?' for what would be a control character on a terminal: texts of others may hold anything. */
void screen_clean(char *text);

/* Formatted text, cleaned, in a style. A line feed would be cleaned away: screen_line adds one at the end. */
void screen_print(const screen_t *self, style_t style, const char *format, ...) PBUS_PRINTF(3, 4);
void screen_line(const screen_t *self, style_t style, const char *format, ...) PBUS_PRINTF(3, 4);

/* Columns that a text in UTF-8 takes: its characters, each taken to be one column wide. */
int screen_columns(const char *text);

#endif
