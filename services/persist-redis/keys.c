#include "keys.h"

#include <stdio.h>
#include <string.h>

bool keys_init(keys_t *self, const char *prefix)
{
    self->size = strlen(prefix);
    if (self->size == 0 || self->size > KEYS_PREFIX_MAX)
        return false;
    memcpy(self->prefix, prefix, self->size + 1);
    return true;
}

keyname_t keys_name(const keys_t *self, const char *name)
{
    keyname_t key;
    key.size = (size_t) snprintf(key.data, sizeof key.data, "%s%s", self->prefix, name);
    return key;
}

keyname_t keys_class(const keys_t *self, int class)
{
    keyname_t key;
    key.size = (size_t) snprintf(key.data, sizeof key.data, "%st:%d", self->prefix, class);
    return key;
}

keyname_t keys_series(const keys_t *self, int64_t number)
{
    keyname_t key;
    key.size = (size_t) snprintf(key.data, sizeof key.data, "%ss:%lld", self->prefix, (long long) number);
    return key;
}

static keyname_t s_with_id(const keys_t *self, char letter, const pbus_uuid_t *id)
{
    keyname_t key = {.size = self->size + 1 + sizeof id->bytes};
    memcpy(key.data, self->prefix, self->size);
    key.data[self->size] = letter;
    memcpy(key.data + self->size + 1, id->bytes, sizeof id->bytes);
    return key;
}

keyname_t keys_event(const keys_t *self, const pbus_uuid_t *id)
{
    return s_with_id(self, 'e', id);
}

keyname_t keys_body(const keys_t *self, const pbus_uuid_t *id)
{
    return s_with_id(self, 'b', id);
}

/* ---- members ---------------------------------------------------------------------------------------------
 */

#define SIGN (UINT64_C(1) << 63)

void member_write_number(uint64_t number, uint8_t *bytes, size_t size)
{
    for (size_t i = size; i-- > 0; number >>= 8)
        bytes[i] = (uint8_t) number;
}

uint64_t member_read_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

void member_write_origin(int64_t origin, uint8_t bytes[MEMBER_ORIGIN])
{
    member_write_number((uint64_t) origin ^ SIGN, bytes, MEMBER_ORIGIN);
}

int64_t member_read_origin(const uint8_t bytes[MEMBER_ORIGIN])
{
    return (int64_t) (member_read_number(bytes, MEMBER_ORIGIN) ^ SIGN);
}

void member_write(const entry_t *entry, uint8_t member[MEMBER_SIZE])
{
    member_write_origin(entry->origin, member);
    memcpy(member + MEMBER_ORIGIN, entry->id.bytes, sizeof entry->id.bytes);
    member_write_number((uint64_t) entry->series, member + MEMBER_ORIGIN + sizeof entry->id.bytes, 4);
}

bool member_read(const void *data, size_t size, entry_t *entry)
{
    const uint8_t *bytes = data;
    if (size != MEMBER_SIZE)
        return false;
    entry->origin = member_read_origin(bytes);
    memcpy(entry->id.bytes, bytes + MEMBER_ORIGIN, sizeof entry->id.bytes);
    entry->series = (int64_t) member_read_number(bytes + MEMBER_ORIGIN + sizeof entry->id.bytes, 4);
    return true;
}
