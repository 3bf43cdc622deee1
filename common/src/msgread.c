/*
 * Reading msgpack (msgread.h). Every value starts with one byte that tells its type; for most a big-endian
 * number of 1, 2, 4 or 8 bytes follows: the integer itself, a length in bytes, or a count of elements.
 */
#include "msgread.h"

#include <string.h>

/* What the first byte of a value says. */
typedef struct {
    uint8_t type;      /* pbus_msg_type_t */
    uint8_t width;     /* bytes of the number that follows; 0: `number` is it */
    bool is_signed;    /* the number is two's complement */
    uint8_t number;    /* length, count or value when none follows */
    uint8_t extension; /* bytes between the number and the data: an EXT has one, its own type */
} s_first_t;

/* First bytes 0xc0 to 0xdf, each with a meaning of its own. */
static const s_first_t s_middle[32] = {
    {PBUS_MSG_NIL, 0, false, 0, 0},  {PBUS_MSG_NONE, 0, false, 0, 0},  {PBUS_MSG_BOOL, 0, false, 0, 0},
    {PBUS_MSG_BOOL, 0, false, 1, 0}, {PBUS_MSG_BIN, 1, false, 0, 0},   {PBUS_MSG_BIN, 2, false, 0, 0},
    {PBUS_MSG_BIN, 4, false, 0, 0},  {PBUS_MSG_EXT, 1, false, 0, 1},   {PBUS_MSG_EXT, 2, false, 0, 1},
    {PBUS_MSG_EXT, 4, false, 0, 1},  {PBUS_MSG_FLOAT, 4, false, 0, 0}, {PBUS_MSG_FLOAT, 8, false, 0, 0},
    {PBUS_MSG_INT, 1, false, 0, 0},  {PBUS_MSG_INT, 2, false, 0, 0},   {PBUS_MSG_INT, 4, false, 0, 0},
    {PBUS_MSG_INT, 8, false, 0, 0},  {PBUS_MSG_INT, 1, true, 0, 0},    {PBUS_MSG_INT, 2, true, 0, 0},
    {PBUS_MSG_INT, 4, true, 0, 0},   {PBUS_MSG_INT, 8, true, 0, 0},    {PBUS_MSG_EXT, 0, false, 1, 1},
    {PBUS_MSG_EXT, 0, false, 2, 1},  {PBUS_MSG_EXT, 0, false, 4, 1},   {PBUS_MSG_EXT, 0, false, 8, 1},
    {PBUS_MSG_EXT, 0, false, 16, 1}, {PBUS_MSG_STR, 1, false, 0, 0},   {PBUS_MSG_STR, 2, false, 0, 0},
    {PBUS_MSG_STR, 4, false, 0, 0},  {PBUS_MSG_ARRAY, 2, false, 0, 0}, {PBUS_MSG_ARRAY, 4, false, 0, 0},
    {PBUS_MSG_MAP, 2, false, 0, 0},  {PBUS_MSG_MAP, 4, false, 0, 0},
};

/* The beginning of a value: its type, and the number that belongs to it. */
typedef struct {
    pbus_msg_type_t type;
    uint64_t number; /* of an INT the value, as the bits of an int64_t if negative */
    bool negative;
    uint8_t extension;
} s_head_t;

static s_first_t s_first(uint8_t byte)
{
    if (byte < 0x80)
        return (s_first_t){PBUS_MSG_INT, 0, false, byte, 0};
    if (byte < 0x90)
        return (s_first_t){PBUS_MSG_MAP, 0, false, byte & 0x0f, 0};
    if (byte < 0xa0)
        return (s_first_t){PBUS_MSG_ARRAY, 0, false, byte & 0x0f, 0};
    if (byte < 0xc0)
        return (s_first_t){PBUS_MSG_STR, 0, false, byte & 0x1f, 0};
    if (byte < 0xe0)
        return s_middle[byte - 0xc0];
    return (s_first_t){PBUS_MSG_INT, 0, true, byte, 0};
}

/* Takes size bytes; NULL (and bad) if so many are not left. */
static const uint8_t *s_take(pbus_msgread_t *self, uint64_t size)
{
    if (self->bad || size > self->size - self->at) {
        self->bad = true;
        return NULL;
    }
    const uint8_t *taken = self->data + self->at;
    self->at += (size_t) size;
    return taken;
}

static uint64_t s_big_endian(const uint8_t *bytes, size_t width)
{
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | bytes[i];
    return number;
}

static uint64_t s_extend_sign(uint64_t number, size_t width)
{
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    return (number ^ sign) - sign;
}

/* Takes the beginning of the next value; of type NONE, and bad, if there is none. */
static s_head_t s_head(pbus_msgread_t *self)
{
    const s_head_t none = {PBUS_MSG_NONE, 0, false, 0};
    const uint8_t *byte = s_take(self, 1);
    if (!byte)
        return none;
    s_first_t first = s_first(*byte);
    uint64_t number = first.number;
    size_t width = 1;
    if (first.width > 0) {
        const uint8_t *bytes = s_take(self, first.width);
        if (!bytes)
            return none;
        width = first.width;
        number = s_big_endian(bytes, width);
    }
    if (first.is_signed)
        number = s_extend_sign(number, width);
    if (first.type == PBUS_MSG_NONE)
        self->bad = true;
    return (s_head_t){(pbus_msg_type_t) first.type, number, first.is_signed && number >> 63, first.extension};
}

/* The same for a value that has to be of this type. */
static bool s_expect(pbus_msgread_t *self, pbus_msg_type_t type, s_head_t *head)
{
    *head = s_head(self);
    if (head->type != type)
        self->bad = true;
    return !self->bad;
}

static pbus_str_t s_bytes(pbus_msgread_t *self, pbus_msg_type_t type)
{
    s_head_t head;
    const uint8_t *taken = s_expect(self, type, &head) ? s_take(self, head.number) : NULL;
    return taken ? (pbus_str_t){(const char *) taken, (size_t) head.number} : (pbus_str_t){"", 0};
}

pbus_msgread_t pbus_msgread(const void *data, size_t size)
{
    return (pbus_msgread_t){data, size, 0, false};
}

pbus_msg_type_t pbus_msgread_peek(const pbus_msgread_t *self)
{
    if (self->bad || self->at == self->size)
        return PBUS_MSG_NONE;
    return (pbus_msg_type_t) s_first(self->data[self->at]).type;
}

size_t pbus_msgread_array(pbus_msgread_t *self)
{
    s_head_t head;
    if (!s_expect(self, PBUS_MSG_ARRAY, &head))
        return 0;
    /* The smallest value takes one byte. */
    if (head.number > self->size - self->at) {
        self->bad = true;
        return 0;
    }
    return (size_t) head.number;
}

bool pbus_msgread_array_of(pbus_msgread_t *self, size_t count)
{
    if (pbus_msgread_array(self) != count)
        self->bad = true;
    return !self->bad;
}

int64_t pbus_msgread_int(pbus_msgread_t *self)
{
    s_head_t head;
    if (s_expect(self, PBUS_MSG_INT, &head) && !head.negative && head.number > INT64_MAX)
        self->bad = true;
    return self->bad ? 0 : (int64_t) head.number;
}

uint64_t pbus_msgread_uint(pbus_msgread_t *self)
{
    s_head_t head;
    if (s_expect(self, PBUS_MSG_INT, &head) && head.negative)
        self->bad = true;
    return self->bad ? 0 : head.number;
}

bool pbus_msgread_bool(pbus_msgread_t *self)
{
    s_head_t head;
    return s_expect(self, PBUS_MSG_BOOL, &head) && head.number == 1;
}

pbus_str_t pbus_msgread_str(pbus_msgread_t *self)
{
    return s_bytes(self, PBUS_MSG_STR);
}

pbus_str_t pbus_msgread_text(pbus_msgread_t *self)
{
    pbus_str_t text = s_bytes(self, PBUS_MSG_STR);
    if (pbus_str_is_text(text))
        return text;
    self->bad = true;
    return (pbus_str_t){"", 0};
}

pbus_str_t pbus_msgread_bin(pbus_msgread_t *self)
{
    return s_bytes(self, PBUS_MSG_BIN);
}

pbus_uuid_t pbus_msgread_uuid(pbus_msgread_t *self)
{
    pbus_uuid_t uuid = {{0}};
    pbus_str_t bytes = pbus_msgread_bin(self);
    if (bytes.size == sizeof uuid.bytes)
        memcpy(uuid.bytes, bytes.data, sizeof uuid.bytes);
    else
        self->bad = true;
    return uuid;
}

bool pbus_msgread_nil(pbus_msgread_t *self)
{
    if (pbus_msgread_peek(self) != PBUS_MSG_NIL)
        return false;
    self->at++;
    return true;
}

void pbus_msgread_skip(pbus_msgread_t *self)
{
    /* Values still to take. Each needs a byte at least, so the count never exceeds what is left. */
    uint64_t pending = 1;
    while (pending > 0 && !self->bad) {
        s_head_t head = s_head(self);
        pending--;
        if (head.type == PBUS_MSG_STR || head.type == PBUS_MSG_BIN || head.type == PBUS_MSG_EXT)
            s_take(self, head.number + head.extension);
        else if (head.type == PBUS_MSG_ARRAY)
            pending += head.number;
        else if (head.type == PBUS_MSG_MAP)
            pending += 2 * head.number;
        if (pending > self->size - self->at)
            self->bad = true;
    }
}

bool pbus_msgread_at_end(const pbus_msgread_t *self)
{
    return !self->bad && self->at == self->size;
}
