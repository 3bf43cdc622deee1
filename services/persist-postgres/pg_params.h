/*
 * Params: the parameters of one SQL statement, in PostgreSQL's binary format, and the text of the statement
 * that names them. Reused from statement to statement:
 *
 *     pg_params_reset (params);
 *     pg_params_sql (params, "SELECT id FROM stored_event WHERE origin >= $%d::bigint",
 *                    pg_params_int (params, origin));
 *
 * Types come from the casts in the text. Missing memory shows when the statement is run.
 */
#ifndef PG_PARAMS_H
#define PG_PARAMS_H

#include <persistbus/types.h>

#define PG_PARAMS_MAX 24

/* Object ids of built-in types; the same in every server. */
#define PG_OID_BOOL 16
#define PG_OID_BYTEA 17
#define PG_OID_INT8 20
#define PG_OID_INT4 23
#define PG_OID_TEXT 25
#define PG_OID_UUID 2950
#define PG_OID_JSONB 3802
#define PG_OID_INT8_ARRAY 1016
#define PG_OID_TEXT_ARRAY 1009
#define PG_OID_BYTEA_ARRAY 1001
#define PG_OID_JSONB_ARRAY 3807

typedef struct {
    pbus_buf_t sql;
    pbus_buf_t data;
    size_t ends[PG_PARAMS_MAX]; /* where each parameter ends in data */
    int count;
} pg_params_t;

void pg_params_reset(pg_params_t *self);
void pg_params_clear(pg_params_t *self);

/* Appends to the statement's text. */
void pg_params_sql(pg_params_t *self, const char *format, ...) PBUS_PRINTF(2, 3);

/* Each appends a parameter and returns its number, from 1. */
int pg_params_int(pg_params_t *self, int64_t value);    /* bigint */
int pg_params_int4(pg_params_t *self, int32_t value);   /* integer */
int pg_params_text(pg_params_t *self, pbus_str_t text); /* text */
int pg_params_uuid(pg_params_t *self, const pbus_uuid_t *uuid);
int pg_params_texts(pg_params_t *self, const pbus_str_t *texts, size_t count); /* text[] */
int pg_params_uuids(pg_params_t *self, const pbus_uuid_t *uuids, size_t count);
/* A parameter that the caller wrote to self->data with the functions below. */
int pg_params_done(pg_params_t *self);

/* ---- values in binary format, appended to a buffer ---- */

void pg_put_int2(pbus_buf_t *out, int16_t value);
void pg_put_int4(pbus_buf_t *out, int32_t value);
void pg_put_int8(pbus_buf_t *out, int64_t value);

/* The head of an array of one dimension; its items follow: length and bytes each. */
void pg_put_array(pbus_buf_t *out, int32_t item_type, size_t count);
void pg_put_item(pbus_buf_t *out, const void *data, size_t size);
void pg_put_null(pbus_buf_t *out);
void pg_put_item_int4(pbus_buf_t *out, int32_t value);
void pg_put_item_int8(pbus_buf_t *out, int64_t value);

/* An item whose length is known only when it is written: open returns what close needs. */
size_t pg_open_item(pbus_buf_t *out);
void pg_close_item(pbus_buf_t *out, size_t opened);

#endif
