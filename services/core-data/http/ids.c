/*
 * Ids: see ids.h. Each is a mix of the seed and a number that no other has; the mix is a bijection, so two
 * ids of one process differ even in the few bits that the version takes.
 */
#include <string.h>
#include <sys/random.h>
#include "ids.h"

bool ids_init(ids_t *self)
{
    atomic_init(&self->count, 0);
    return getrandom(self->seed, sizeof self->seed, 0) == (ssize_t) sizeof self->seed;
}

/* The finalizer of splitmix64, a bijection that scatters every bit. */
static uint64_t s_mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

void ids_next(ids_t *self, char text[PBUS_UUID_TEXT])
{
    uint64_t number = atomic_fetch_add_explicit(&self->count, 1, memory_order_relaxed);
    uint64_t halves[2] = {s_mix(self->seed[0] + number * UINT64_C(0x9E3779B97F4A7C15)),
                          s_mix(self->seed[1] ^ s_mix(number))};
    pbus_uuid_t uuid;
    memcpy(uuid.bytes, halves, sizeof uuid.bytes);
    uuid.bytes[6] = (uint8_t) ((uuid.bytes[6] & 0x0F) | 0x40);
    uuid.bytes[8] = (uint8_t) ((uuid.bytes[8] & 0x3F) | 0x80);
    pbus_uuid_format(&uuid, text);
}
