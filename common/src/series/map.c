#include <persistbus/series/map.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_CAPACITY 64 /* a power of two, as all capacities */

typedef struct {
    uint64_t hash;
    void *item; /* NULL: free */
} slot_t;

struct pbus_map {
    slot_t *slots;
    size_t capacity;
    size_t count;
};

pbus_map_t *pbus_map_new(void)
{
    pbus_map_t *self = calloc(1, sizeof *self);
    slot_t *slots = calloc(FIRST_CAPACITY, sizeof *slots);
    if (!self || !slots) {
        free(self);
        free(slots);
        return NULL;
    }
    self->slots = slots;
    self->capacity = FIRST_CAPACITY;
    return self;
}

void pbus_map_destroy(pbus_map_t **self_p)
{
    if (*self_p) {
        free((*self_p)->slots);
        free(*self_p);
        *self_p = NULL;
    }
}

void *pbus_map_find(const pbus_map_t *self, uint64_t hash, pbus_map_is_t *is, const void *wanted)
{
    for (size_t i = hash & (self->capacity - 1); self->slots[i].item; i = (i + 1) & (self->capacity - 1))
        if (self->slots[i].hash == hash && is(self->slots[i].item, wanted))
            return self->slots[i].item;
    return NULL;
}

static void s_place(pbus_map_t *self, uint64_t hash, void *item)
{
    size_t i = hash & (self->capacity - 1);
    while (self->slots[i].item)
        i = (i + 1) & (self->capacity - 1);
    self->slots[i] = (slot_t){hash, item};
    self->count++;
}

static bool s_grow(pbus_map_t *self)
{
    pbus_map_t bigger = {.capacity = self->capacity * 2};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < self->capacity; i++)
        if (self->slots[i].item)
            s_place(&bigger, self->slots[i].hash, self->slots[i].item);
    free(self->slots);
    *self = bigger;
    return true;
}

bool pbus_map_add(pbus_map_t *self, uint64_t hash, void *item)
{
    if (self->count >= self->capacity / 2 && !s_grow(self))
        return false;
    s_place(self, hash, item);
    return true;
}

uint64_t pbus_map_seed(void)
{
    uint64_t seed;
    /* Without random numbers (very early after boot) the clock is still not easy to guess. */
    return getrandom(&seed, sizeof seed, 0) == sizeof seed ? seed : (uint64_t) pbus_clock_realtime();
}

uint64_t pbus_map_hash_number(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    hash *= UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

uint64_t pbus_map_hash_text(uint64_t hash, pbus_str_t text)
{
    hash = pbus_map_hash_number(hash, text.size);
    for (size_t at = 0; at < text.size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, text.data + at, text.size - at < 8 ? text.size - at : 8);
        hash = pbus_map_hash_number(hash, word);
    }
    return hash;
}
