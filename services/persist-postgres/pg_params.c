#include "pg_params.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pg_params_reset(pg_params_t *self)
{
    pbus_buf_reset(&self->sql);
    pbus_buf_reset(&self->data);
    self->count = 0;
}

void pg_params_clear(pg_params_t *self)
{
    pbus_buf_clear(&self->sql);
    pbus_buf_clear(&self->data);
    self->count = 0;
}

void pg_params_sql(pg_params_t *self, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    uint8_t *to = size < 0 ? NULL : pbus_buf_reserve(&self->sql, (size_t) size + 1);
    if (to) {
        vsnprintf((char *) to, (size_t) size + 1, format, again);
        self->sql.size += (size_t) size;
    }
    va_end(again);
    va_end(args);
}

/* Too many parameters is a defect of the caller; it is reported like missing memory. */
int pg_params_done(pg_params_t *self)
{
    if (self->count == PG_PARAMS_MAX)
        self->data.failed = true;
    else
        self->ends[self->count++] = self->data.size;
    return self->count;
}

int pg_params_int(pg_params_t *self, int64_t value)
{
    pg_put_int8(&self->data, value);
    return pg_params_done(self);
}

int pg_params_int4(pg_params_t *self, int32_t value)
{
    pg_put_int4(&self->data, value);
    return pg_params_done(self);
}

int pg_params_text(pg_params_t *self, pbus_str_t text)
{
    pbus_buf_append(&self->data, text.data, text.size);
    return pg_params_done(self);
}

int pg_params_uuid(pg_params_t *self, const pbus_uuid_t *uuid)
{
    pbus_buf_append(&self->data, uuid, sizeof *uuid);
    return pg_params_done(self);
}

int pg_params_texts(pg_params_t *self, const pbus_str_t *texts, size_t count)
{
    pg_put_array(&self->data, PG_OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_put_item(&self->data, texts[i].data, texts[i].size);
    return pg_params_done(self);
}

int pg_params_uuids(pg_params_t *self, const pbus_uuid_t *uuids, size_t count)
{
    pg_put_array(&self->data, PG_OID_UUID, count);
    for (size_t i = 0; i < count; i++)
        pg_put_item(&self->data, &uuids[i], sizeof uuids[i]);
    return pg_params_done(self);
}

/* ---- values ------------------------------------------------------------------------------------------- */

void pg_put_int2(pbus_buf_t *out, int16_t value)
{
    uint16_t big = htons((uint16_t) value);
    pbus_buf_append(out, &big, sizeof big);
}

void pg_put_int4(pbus_buf_t *out, int32_t value)
{
    uint32_t big = htonl((uint32_t) value);
    pbus_buf_append(out, &big, sizeof big);
}

void pg_put_int8(pbus_buf_t *out, int64_t value)
{
    uint64_t big = htobe64((uint64_t) value);
    pbus_buf_append(out, &big, sizeof big);
}

void pg_put_array(pbus_buf_t *out, int32_t item_type, size_t count)
{
    pg_put_int4(out, count ? 1 : 0); /* dimensions */
    pg_put_int4(out, 0);             /* a flag that the server works out by itself */
    pg_put_int4(out, item_type);
    if (count) {
        pg_put_int4(out, (int32_t) count);
        pg_put_int4(out, 1); /* lower bound */
    }
}

void pg_put_item(pbus_buf_t *out, const void *data, size_t size)
{
    pg_put_int4(out, (int32_t) size);
    pbus_buf_append(out, data, size);
}

void pg_put_null(pbus_buf_t *out)
{
    pg_put_int4(out, -1);
}

void pg_put_item_int4(pbus_buf_t *out, int32_t value)
{
    pg_put_int4(out, sizeof value);
    pg_put_int4(out, value);
}

void pg_put_item_int8(pbus_buf_t *out, int64_t value)
{
    pg_put_int4(out, sizeof value);
    pg_put_int8(out, value);
}

size_t pg_open_item(pbus_buf_t *out)
{
    pg_put_int4(out, 0);
    return out->size;
}

void pg_close_item(pbus_buf_t *out, size_t opened)
{
    if (out->failed)
        return;
    uint32_t size = htonl((uint32_t) (out->size - opened));
    memcpy(out->data + opened - sizeof size, &size, sizeof size);
}
