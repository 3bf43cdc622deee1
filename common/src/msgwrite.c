/*
 * Writing msgpack into a byte buffer (msgwrite.h).
 */
#include "msgwrite.h"

static int s_write(void *data, const char *bytes, size_t size)
{
    pbus_buf_t *buf = data;
    pbus_buf_append(buf, bytes, size);
    return buf->failed ? -1 : 0;
}

/* msgpack-c would cut the length to 32 bits and so make bytes that no one can read. */
static bool s_fits(msgpack_packer *self, size_t size)
{
    if (size <= UINT32_MAX)
        return true;
    ((pbus_buf_t *) self->data)->failed = true;
    return false;
}

void pbus_msgwrite_init(msgpack_packer *self, pbus_buf_t *buf)
{
    msgpack_packer_init(self, buf, s_write);
}

void pbus_msgwrite_str(msgpack_packer *self, pbus_str_t text)
{
    if (s_fits(self, text.size)) {
        msgpack_pack_str(self, text.size);
        msgpack_pack_str_body(self, text.data, text.size);
    }
}

void pbus_msgwrite_str_or_nil(msgpack_packer *self, pbus_str_t text)
{
    if (text.size > 0)
        pbus_msgwrite_str(self, text);
    else
        msgpack_pack_nil(self);
}

void pbus_msgwrite_bin(msgpack_packer *self, pbus_str_t bytes)
{
    if (s_fits(self, bytes.size)) {
        msgpack_pack_bin(self, bytes.size);
        msgpack_pack_bin_body(self, bytes.data, bytes.size);
    }
}

void pbus_msgwrite_uuid(msgpack_packer *self, const pbus_uuid_t *uuid)
{
    pbus_msgwrite_bin(self, (pbus_str_t){(const char *) uuid->bytes, sizeof uuid->bytes});
}

void pbus_msgwrite_bool(msgpack_packer *self, bool value)
{
    if (value)
        msgpack_pack_true(self);
    else
        msgpack_pack_false(self);
}
