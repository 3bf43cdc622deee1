/*
 * Items are encoded behind room for the longest head, [more, total, array header]; the head is written last,
 * right before the items, when its numbers are known. So a result is built without a copy.
 */

#include "result.h"
#include "msgwrite.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 16 /* array of 3, bool, uint 64, array 32: 1 + 1 + 9 + 5 */

struct pbus_result {
    pbus_buf_t buf; /* HEAD_MAX bytes, then the items */
    pbus_buf_t answer;
    size_t soft_bytes;
    size_t hard_bytes;
    size_t count;
    uint64_t total;
    bool more;
    bool too_large; /* the first item did not fit hard_bytes */
};

pbus_result_t *pbus_result_new(void)
{
    return calloc(1, sizeof(pbus_result_t));
}

void pbus_result_destroy(pbus_result_t **self_p)
{
    if (!*self_p)
        return;
    pbus_buf_clear(&(*self_p)->buf);
    free(*self_p);
    *self_p = NULL;
}

void pbus_result_reset(pbus_result_t *self, size_t soft_bytes, size_t hard_bytes)
{
    static const uint8_t room[HEAD_MAX] = {0};
    pbus_buf_reset(&self->buf);
    pbus_buf_append(&self->buf, room, sizeof room);
    self->soft_bytes = soft_bytes;
    self->hard_bytes = hard_bytes;
    self->count = 0;
    self->total = 0;
    self->more = self->too_large = false;
}

void pbus_result_set_more(pbus_result_t *self, bool more)
{
    self->more = more;
}

void pbus_result_total(pbus_result_t *self, uint64_t total)
{
    self->total = total;
}

/* Keeps what was appended since `before`, or takes it back because the answer is full. */
static bool s_keep(pbus_result_t *self, size_t before)
{
    size_t size = self->buf.size;
    if (self->buf.failed)
        return false;
    if (size > self->hard_bytes || (self->count > 0 && size > self->soft_bytes)) {
        self->too_large = self->count == 0;
        self->buf.size = before;
        self->more = true;
        return false;
    }
    self->count++;
    return true;
}

bool pbus_result_add_encoded(pbus_result_t *self, uint64_t accept, const void *data, size_t size)
{
    size_t before = self->buf.size;
    msgpack_packer out;
    pbus_msgwrite_init(&out, &self->buf);
    msgpack_pack_array(&out, 2);
    msgpack_pack_uint64(&out, accept);
    pbus_msgwrite_bin(&out, (pbus_str_t){data, size});
    return s_keep(self, before);
}

/* The event is encoded in place behind a bin header of fixed width, whose length is filled in afterwards. */
bool pbus_result_add_event(pbus_result_t *self, uint64_t accept, const pbus_event_t *event)
{
    size_t before = self->buf.size;
    msgpack_packer out;
    pbus_msgwrite_init(&out, &self->buf);
    msgpack_pack_array(&out, 2);
    msgpack_pack_uint64(&out, accept);
    pbus_buf_append(&self->buf, "\xc6\0\0\0\0", 5); /* bin 32 */
    size_t start = self->buf.size;
    pbus_event_encode(event, &self->buf);
    if (self->buf.failed)
        return false;
    size_t size = self->buf.size - start;
    for (int i = 0; i < 4; i++)
        self->buf.data[start - 4 + i] = (uint8_t) (size >> (8 * (3 - i)));
    return s_keep(self, before);
}

bool pbus_result_add_reading(pbus_result_t *self, const pbus_reading_t *reading)
{
    size_t before = self->buf.size;
    pbus_reading_encode(reading, &self->buf);
    return s_keep(self, before);
}

bool pbus_result_add_source(pbus_result_t *self, pbus_str_t device, pbus_str_t source, uint64_t events)
{
    size_t before = self->buf.size;
    msgpack_packer out;
    pbus_msgwrite_init(&out, &self->buf);
    msgpack_pack_array(&out, 3);
    pbus_msgwrite_str(&out, device);
    pbus_msgwrite_str(&out, source);
    msgpack_pack_uint64(&out, events);
    return s_keep(self, before);
}

bool pbus_result_add_group(pbus_result_t *self, const pbus_reading_t *like, uint64_t count, pbus_str_t value)
{
    size_t before = self->buf.size;
    msgpack_packer out;
    pbus_msgwrite_init(&out, &self->buf);
    msgpack_pack_array(&out, 6);
    pbus_msgwrite_str(&out, like->device);
    pbus_msgwrite_str(&out, like->profile);
    pbus_msgwrite_str(&out, like->resource);
    msgpack_pack_uint64(&out, like->type);
    msgpack_pack_uint64(&out, count);
    pbus_msgwrite_str(&out, value);
    return s_keep(self, before);
}

bool pbus_result_add_digest(pbus_result_t *self, const pbus_cursor_t *last, const uint8_t *hash)
{
    size_t before = self->buf.size;
    msgpack_packer out;
    pbus_msgwrite_init(&out, &self->buf);
    msgpack_pack_array(&out, 3);
    msgpack_pack_int64(&out, last->origin);
    pbus_msgwrite_uuid(&out, &last->id);
    pbus_msgwrite_bin(&out, (pbus_str_t){(const char *) hash, 16});
    return s_keep(self, before);
}

const pbus_buf_t *pbus_result_answer(pbus_result_t *self, pbus_error_t *error)
{
    if (self->too_large) {
        pbus_fail(error, PBUS_OVERFLOW,
                  "one stored item does not fit a reply of %zu bytes: raise "
                  "PersistBus.MaxMessageSize of core-data",
                  self->hard_bytes);
        return NULL;
    }
    pbus_buf_t head = {0};
    msgpack_packer out;
    pbus_msgwrite_init(&out, &head);
    msgpack_pack_array(&out, 3);
    pbus_msgwrite_bool(&out, self->more);
    msgpack_pack_uint64(&out, self->total);
    msgpack_pack_array(&out, self->count);
    bool ok = !head.failed && !self->buf.failed && head.size <= HEAD_MAX;
    if (ok) {
        uint8_t *start = self->buf.data + HEAD_MAX - head.size;
        memcpy(start, head.data, head.size);
        self->answer = (pbus_buf_t){.data = start, .size = self->buf.size - HEAD_MAX + head.size};
    } else
        pbus_fail(error, PBUS_NOMEM, "out of memory while building a reply");
    pbus_buf_clear(&head);
    return ok ? &self->answer : NULL;
}
