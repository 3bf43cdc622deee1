/*
 * Table: aligned text. Columns that hold nothing in any row are not shown; on a screen that is too narrow
 * those that matter least are left out, one by one.
 */
#ifndef PERSISTCTL_TABLE_H
#define PERSISTCTL_TABLE_H

#include <stddef.h>
#include <persistbus/types.h>
#include "screen.h"

typedef struct {
    const char *title;
    bool right;     /* numbers stand to the right */
    unsigned yield; /* 0: always shown; else the column with the highest number goes first */
} column_t;

typedef struct table table_t;

/* The columns must outlive the table. NULL when memory is out. */
table_t *table_new(const column_t *columns, size_t count);
void table_destroy(table_t **self_p);

/* The next cell, row by row. A row is complete with as many cells as there are columns. */
void table_cell(table_t *self, style_t style, const char *format, ...) PBUS_PRINTF(3, 4);

/* Head and rows, each line with its line feed. False when memory was out: some cells are missing. */
bool table_print(const table_t *self, const screen_t *screen);

#endif
