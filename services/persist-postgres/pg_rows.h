/*
 * Rows: what a statement gave back, in PostgreSQL's binary format, copied out of libpq into one block of
 * memory. With a byte limit, rows behind it are dropped as they come in, so that a page of large events costs
 * no more memory than that; `cut` tells.
 *
 *     pg_row_t row = pg_row_first ();
 *     while (pg_rows_next (rows, &row)) ...row.fields[0]...
 *
 * Fields point into the rows. What the server sends is checked against its own lengths, not trusted.
 */
#ifndef PG_ROWS_H
#define PG_ROWS_H

#include <persistbus/types.h>

#include <libpq-fe.h>

#define PG_COLUMNS_MAX 16

typedef struct {
    pbus_buf_t data;
    size_t count;
    int columns;
    size_t bytes_max; /* 0: no limit. Reached: the row that reaches it is the last one kept */
    bool cut;
} pg_rows_t;

typedef struct {
    size_t at; /* where in the data the next row begins */
    pbus_str_t fields[PG_COLUMNS_MAX];
    bool null[PG_COLUMNS_MAX];
} pg_row_t;

/* Empties them for the next statement. */
void pg_rows_reset(pg_rows_t *self, size_t bytes_max);
void pg_rows_clear(pg_rows_t *self);
/* Takes over the rows of a result. */
void pg_rows_take(pg_rows_t *self, const PGresult *result);

pg_row_t pg_row_first(void);
bool pg_rows_next(const pg_rows_t *self, pg_row_t *row);

/* Fields as values; 0 and false when the field is NULL or has another size. */
int32_t pg_field_int4(pbus_str_t field);
int64_t pg_field_int8(pbus_str_t field);
bool pg_field_bool(pbus_str_t field);
/* Digits as an unsigned number, which bigint has no room for. */
uint64_t pg_field_digits(pbus_str_t field);
bool pg_field_uuid(pbus_str_t field, pbus_uuid_t *uuid);

/*
 * The items of an array of one dimension, one a call:
 *
 *     pg_array_t array = pg_array (field);
 *     while (pg_array_next (&array, &item, &null)) ...
 *     if (array.bad) ...not an array
 */
typedef struct {
    pbus_str_t rest;
    size_t left; /* items to come */
    bool bad;
} pg_array_t;

pg_array_t pg_array(pbus_str_t field);
bool pg_array_next(pg_array_t *self, pbus_str_t *item, bool *null);

#endif
