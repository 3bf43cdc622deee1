/*
 * Keys: the names under which things lie in Redis, all behind one prefix, and the members of its sorted sets.
 *
 *     store      hash: schema, id (of the data set), mark (applied mark), readings (number of them)
 *     series     list: the catalogue of series, see ledger.h
 *     mixed      hash: number of a mixed series -> number of its readings
 *     t:<class>  sorted set: all events whose series have this class of spread, by time
 *     s:<n>      sorted set: the events of series n, by time
 *     e<id>      string: an event, see row.h; the id as its 16 bytes, as every byte counts here
 *     b<id>      string: the body of a large event
 *     probe      string, for a moment: whether Redis takes writes
 *
 * All scores are 0, so that Redis orders members by their bytes: origin with its sign bit turned around, id,
 * number of the series, big-endian. That order is exact to the ns, which a score (a double) could not be.
 */
#ifndef KEYS_H
#define KEYS_H

#include <persistbus/types.h>

#define KEYS_PREFIX_MAX 64 /* bytes */

/* A key, by value. */
typedef struct {
    char data[KEYS_PREFIX_MAX + 24];
    size_t size;
} keyname_t;

typedef struct {
    char prefix[KEYS_PREFIX_MAX + 1];
    size_t size;
} keys_t;

/* False if the prefix is empty or too long. */
bool keys_init(keys_t *self, const char *prefix);
/* "store", "series", "mixed", "probe" */
keyname_t keys_name(const keys_t *self, const char *name);
keyname_t keys_class(const keys_t *self, int class);
keyname_t keys_series(const keys_t *self, int64_t number);
keyname_t keys_event(const keys_t *self, const pbus_uuid_t *id);
keyname_t keys_body(const keys_t *self, const pbus_uuid_t *id);

/* ---- members ---------------------------------------------------------------------------------------------
 */

#define MEMBER_SIZE 28
#define MEMBER_ORIGIN 8 /* bytes of it at the beginning */

/* An event as the sorted sets know it. */
typedef struct {
    int64_t origin;
    pbus_uuid_t id;
    int64_t series;
} entry_t;

void member_write(const entry_t *entry, uint8_t member[MEMBER_SIZE]);
/* False if these bytes are no member. */
bool member_read(const void *data, size_t size, entry_t *entry);
/* Big-endian, with the sign bit turned around: compared as bytes, the order is that of the numbers. */
void member_write_origin(int64_t origin, uint8_t bytes[MEMBER_ORIGIN]);
int64_t member_read_origin(const uint8_t bytes[MEMBER_ORIGIN]);
/* Plain big-endian numbers. */
void member_write_number(uint64_t number, uint8_t *bytes, size_t size);
uint64_t member_read_number(const uint8_t *bytes, size_t size);

#endif
