/*
 * Msgwrite: lets msgpack-c's packer append to a byte buffer.
 *
 *     msgpack_packer out;
 *     pbus_msgwrite_init (&out, buf);
 *     msgpack_pack_array (&out, 2);
 *     msgpack_pack_int64 (&out, origin);
 *     pbus_msgwrite_str (&out, device);
 *
 * Missing memory shows in buf->failed, so what the msgpack_pack functions return need not be looked at.
 */
#ifndef PBUS_MSGWRITE_H
#define PBUS_MSGWRITE_H

#include <persistbus/types.h>

#include <msgpack.h>

/* The buffer stays the caller's and has to outlive the packer's use. */
void pbus_msgwrite_init(msgpack_packer *self, pbus_buf_t *buf);
/* Bytes beyond 4 GiB do not fit msgpack; they fail the buffer. */
void pbus_msgwrite_str(msgpack_packer *self, pbus_str_t text);
/* nil for the empty view. */
void pbus_msgwrite_str_or_nil(msgpack_packer *self, pbus_str_t text);
void pbus_msgwrite_bin(msgpack_packer *self, pbus_str_t bytes);
void pbus_msgwrite_uuid(msgpack_packer *self, const pbus_uuid_t *uuid);
void pbus_msgwrite_bool(msgpack_packer *self, bool value);

#endif
