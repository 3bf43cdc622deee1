/*
 * In the data every field is a 32-bit length in host order, -1 for NULL, and its bytes.
 */
#include "pg_rows.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

void pg_rows_reset(pg_rows_t *self, size_t bytes_max)
{
    pbus_buf_reset(&self->data);
    self->count = 0;
    self->columns = 0;
    self->bytes_max = bytes_max;
    self->cut = false;
}

void pg_rows_clear(pg_rows_t *self)
{
    pbus_buf_clear(&self->data);
    *self = (pg_rows_t){0};
}

static void s_take_row(pg_rows_t *self, const PGresult *result, int row)
{
    if (self->bytes_max && self->data.size >= self->bytes_max) {
        self->cut = true;
        return;
    }
    for (int i = 0; i < self->columns; i++) {
        int32_t size = PQgetisnull(result, row, i) ? -1 : PQgetlength(result, row, i);
        pbus_buf_append(&self->data, &size, sizeof size);
        if (size > 0)
            pbus_buf_append(&self->data, PQgetvalue(result, row, i), (size_t) size);
    }
    self->count++;
}

void pg_rows_take(pg_rows_t *self, const PGresult *result)
{
    int columns = PQnfields(result);
    self->columns = columns < PG_COLUMNS_MAX ? columns : PG_COLUMNS_MAX;
    for (int row = 0; row < PQntuples(result); row++)
        s_take_row(self, result, row);
}

pg_row_t pg_row_first(void)
{
    return (pg_row_t){.at = 0};
}

bool pg_rows_next(const pg_rows_t *self, pg_row_t *row)
{
    if (self->data.failed || row->at >= self->data.size)
        return false;
    for (int i = 0; i < self->columns; i++) {
        int32_t size;
        memcpy(&size, self->data.data + row->at, sizeof size);
        row->at += sizeof size;
        row->null[i] = size < 0;
        row->fields[i] = (pbus_str_t){(const char *) self->data.data + row->at, size < 0 ? 0 : (size_t) size};
        row->at += row->fields[i].size;
    }
    return true;
}

/* ---- fields ------------------------------------------------------------------------------------------- */

int32_t pg_field_int4(pbus_str_t field)
{
    uint32_t big = 0;
    if (field.size == sizeof big)
        memcpy(&big, field.data, sizeof big);
    return (int32_t) ntohl(big);
}

int64_t pg_field_int8(pbus_str_t field)
{
    uint64_t big = 0;
    if (field.size == sizeof big)
        memcpy(&big, field.data, sizeof big);
    return (int64_t) be64toh(big);
}

bool pg_field_bool(pbus_str_t field)
{
    return field.size == 1 && field.data[0] != 0;
}

uint64_t pg_field_digits(pbus_str_t field)
{
    uint64_t value = 0;
    for (size_t i = 0; i < field.size && field.data[i] >= '0' && field.data[i] <= '9'; i++)
        value = value * 10 + (uint64_t) (field.data[i] - '0');
    return value;
}

bool pg_field_uuid(pbus_str_t field, pbus_uuid_t *uuid)
{
    if (field.size != sizeof *uuid)
        return false;
    memcpy(uuid, field.data, sizeof *uuid);
    return true;
}

/* ---- arrays ------------------------------------------------------------------------------------------- */

static bool s_int4(pbus_str_t *rest, int32_t *value)
{
    if (rest->size < sizeof *value)
        return false;
    *value = pg_field_int4((pbus_str_t){rest->data, sizeof *value});
    rest->data += sizeof *value;
    rest->size -= sizeof *value;
    return true;
}

pg_array_t pg_array(pbus_str_t field)
{
    pg_array_t self = {.rest = field};
    int32_t dimensions, flags, type, count = 0, lower;
    self.bad = !s_int4(&self.rest, &dimensions) || !s_int4(&self.rest, &flags) || !s_int4(&self.rest, &type);
    if (!self.bad && dimensions != 0)
        self.bad = dimensions != 1 || !s_int4(&self.rest, &count) || !s_int4(&self.rest, &lower);
    if (!self.bad && count > 0)
        self.left = (size_t) count;
    return self;
}

bool pg_array_next(pg_array_t *self, pbus_str_t *item, bool *null)
{
    int32_t size;
    if (self->bad || self->left == 0)
        return false;
    if (!s_int4(&self->rest, &size) || (size > 0 && (size_t) size > self->rest.size)) {
        self->bad = true;
        return false;
    }
    self->left--;
    *null = size < 0;
    *item = (pbus_str_t){self->rest.data, size < 0 ? 0 : (size_t) size};
    self->rest.data += item->size;
    self->rest.size -= item->size;
    return true;
}
