/*
 * Table: see table.h.
 */
#include <stdarg.h>
#include <stdlib.h>
#include "table.h"

#define GAP 2

typedef struct {
    char *text; /* owned */
    style_t style;
} cell_t;

struct table {
    const column_t *columns;
    size_t column_count;
    cell_t *cells;
    size_t cell_count, capacity;
    bool failed;
};

table_t *table_new(const column_t *columns, size_t count)
{
    table_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->columns = columns;
    self->column_count = count;
    return self;
}

void table_destroy(table_t **self_p)
{
    table_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->cell_count; i++)
        free(self->cells[i].text);
    free(self->cells);
    free(self);
    *self_p = NULL;
}

static cell_t *s_next(table_t *self)
{
    if (self->cell_count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 64;
        cell_t *cells = realloc(self->cells, capacity * sizeof *cells);
        if (!cells)
            return NULL;
        self->cells = cells;
        self->capacity = capacity;
    }
    return &self->cells[self->cell_count];
}

void table_cell(table_t *self, style_t style, const char *format, ...)
{
    va_list arguments;
    cell_t *cell = self->failed ? NULL : s_next(self);
    char *text = NULL;
    va_start(arguments, format);
    if (!cell || vasprintf(&text, format, arguments) < 0)
        self->failed = true;
    else {
        screen_clean(text);
        *cell = (cell_t){text, style};
        self->cell_count++;
    }
    va_end(arguments);
}

/* Columns needed by the widest cell; 0: nothing in it. */
static int s_width(const table_t *self, size_t column)
{
    int widest = 0;
    for (size_t i = column; i < self->cell_count; i += self->column_count) {
        int columns = screen_columns(self->cells[i].text);
        widest = columns > widest ? columns : widest;
    }
    int title = screen_columns(self->columns[column].title);
    return widest > 0 && title > widest ? title : widest;
}

static long s_total(const table_t *self, const int *widths)
{
    long total = 0;
    for (size_t i = 0; i < self->column_count; i++)
        total += widths[i] ? widths[i] + (total ? GAP : 0) : 0;
    return total;
}

/* Leaves out what matters least until the rest fits, or only what always stays is left. */
static void s_fit(const table_t *self, const screen_t *screen, int *widths)
{
    while (s_total(self, widths) > screen->width) {
        size_t victim = self->column_count;
        for (size_t i = 0; i < self->column_count; i++)
            if (widths[i] && self->columns[i].yield &&
                (victim == self->column_count || self->columns[i].yield > self->columns[victim].yield))
                victim = i;
        if (victim == self->column_count)
            return;
        widths[victim] = 0;
    }
}

/* One line. Spaces are owed until something follows them, so that none stand at its end. */
static void s_line(const table_t *self, const screen_t *screen, const int *widths, const cell_t *cells)
{
    int owed = 0;
    for (size_t i = 0; i < self->column_count; i++) {
        const char *text = cells ? cells[i].text : self->columns[i].title;
        style_t style = cells ? cells[i].style : STYLE_FAINT;
        int pad = widths[i] - screen_columns(text), before = self->columns[i].right ? pad : 0;
        if (!widths[i])
            continue;
        if (*text) {
            fprintf(screen->out, "%*s%s%s%s", owed + before, "", screen_begin(screen, style), text,
                    screen_end(screen, style));
            owed = pad - before + GAP;
        } else
            owed += widths[i] + GAP;
    }
    fputc('\n', screen->out);
}

bool table_print(const table_t *self, const screen_t *screen)
{
    int *widths = calloc(self->column_count, sizeof *widths);
    if (!widths)
        return false;
    for (size_t i = 0; i < self->column_count; i++)
        widths[i] = s_width(self, i);
    s_fit(self, screen, widths);
    s_line(self, screen, widths, NULL);
    for (size_t i = 0; i + self->column_count <= self->cell_count; i += self->column_count)
        s_line(self, screen, widths, self->cells + i);
    free(widths);
    return !self->failed;
}
