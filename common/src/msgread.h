/*
 * Msgread: takes msgpack values one after another from bytes that nobody vouches for.
 *
 *     pbus_msgread_t in = pbus_msgread (data, size);
 *     size_t count = pbus_msgread_array (&in);
 *     int64_t origin = pbus_msgread_int (&in);
 *     pbus_str_t device = pbus_msgread_text (&in);
 *     if (!pbus_msgread_at_end (&in) || count != 2) ...malformed
 *
 * The first value that is cut off, of another type than asked for, or out of range sets `bad`, which stays:
 * from there on every function gives 0 or the empty view. So a decoder reads straight on and checks once,
 * before it uses what it read. Views point into data. By value, no destructor; nothing is ever allocated.
 *
 * Why not the unpacker of msgpack-c: it builds a tree, and reserves room for as many elements as an array
 * claims to have before it has seen one. With 4.0.0 the five bytes dd ff ff ff ff make it ask the system for
 * 128 GiB, and dd 04 00 00 00 for 2 GiB, which it is given and keeps. Here a count is believed only as far as
 * bytes are left to hold so many elements, and skipping takes no stack however deep the nesting.
 */
#ifndef PBUS_MSGREAD_H
#define PBUS_MSGREAD_H

#include <persistbus/types.h>

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t at; /* offset of the next value */
    bool bad;
} pbus_msgread_t;

typedef enum {
    PBUS_MSG_NONE, /* no value: the end, an earlier mistake, or the one byte that starts no value */
    PBUS_MSG_NIL,
    PBUS_MSG_BOOL,
    PBUS_MSG_INT,
    PBUS_MSG_FLOAT,
    PBUS_MSG_STR,
    PBUS_MSG_BIN,
    PBUS_MSG_ARRAY,
    PBUS_MSG_MAP,
    PBUS_MSG_EXT
} pbus_msg_type_t;

pbus_msgread_t pbus_msgread(const void *data, size_t size);

/* The type of the next value, which is not taken. */
pbus_msg_type_t pbus_msgread_peek(const pbus_msgread_t *self);
/* The number of elements, which come next one by one; never more than there are bytes left. */
size_t pbus_msgread_array(pbus_msgread_t *self);
/* An array of exactly this many elements; false (and bad) if it is none. */
bool pbus_msgread_array_of(pbus_msgread_t *self, size_t count);
/* An integer in any of msgpack's encodings, if its value fits the type. */
int64_t pbus_msgread_int(pbus_msgread_t *self);
uint64_t pbus_msgread_uint(pbus_msgread_t *self);
bool pbus_msgread_bool(pbus_msgread_t *self);
/* A str of any bytes; text is a str that passes pbus_str_is_text. */
pbus_str_t pbus_msgread_str(pbus_msgread_t *self);
pbus_str_t pbus_msgread_text(pbus_msgread_t *self);
pbus_str_t pbus_msgread_bin(pbus_msgread_t *self);
/* A bin of exactly 16 bytes. */
pbus_uuid_t pbus_msgread_uuid(pbus_msgread_t *self);
/* Takes a nil if the next value is one; else takes nothing and returns false, which is no mistake. */
bool pbus_msgread_nil(pbus_msgread_t *self);
/* Takes the next value, whatever it is, with all that is in it. */
void pbus_msgread_skip(pbus_msgread_t *self);
/* Whether all went well and nothing is left. */
bool pbus_msgread_at_end(const pbus_msgread_t *self);

#endif
