/*
 * Map: a hash table of pointers that belong to somebody else. Only grows. The caller hashes, with the
 * functions below, and compares.
 */
#ifndef PERSISTBUS_SERIES_MAP_H
#define PERSISTBUS_SERIES_MAP_H

#include <persistbus/types.h>

typedef struct pbus_map pbus_map_t;
/* Whether the item is the one looked for. */
typedef bool pbus_map_is_t(const void *item, const void *wanted);

PBUS_EXPORT pbus_map_t *pbus_map_new(void);
PBUS_EXPORT void pbus_map_destroy(pbus_map_t **self_p);
PBUS_EXPORT void *pbus_map_find(const pbus_map_t *self, uint64_t hash, pbus_map_is_t *is, const void *wanted);
/* Adds an item that is not there yet; false when memory is out. */
PBUS_EXPORT bool pbus_map_add(pbus_map_t *self, uint64_t hash, void *item);

/* What a hash starts from, different in each process. */
PBUS_EXPORT uint64_t pbus_map_seed(void);
/*
 * Mixes text into a hash that starts from a random seed, so that nobody can choose names that collide. What
 * is hashed one after another stays apart: ("a", "bc") is not ("ab", "c").
 */
PBUS_EXPORT uint64_t pbus_map_hash_text(uint64_t hash, pbus_str_t text);
PBUS_EXPORT uint64_t pbus_map_hash_number(uint64_t hash, uint64_t number);

#endif
