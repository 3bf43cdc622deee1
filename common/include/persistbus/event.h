/*
 * The event as it travels on the bus and as backends may keep it.
 *
 * core-data validates and normalises what a client posts (EdgeX core-data API v3, sections 3 and 4) and
 * encodes it once, in msgpack; the grammar is in docs/PROTOCOL.md. A backend may keep the bytes as they
 * are or unfold them, and must give back an equal event: same fields, same order of readings.
 *
 * Normal form, on which backends may rely: text is UTF-8 without NUL; `value` of a simple type is its
 * canonical text (EdgeX API section 4); `tags` and the values of Object and ObjectArray are compact JSON
 * with sorted keys and no duplicates, so equal values are equal bytes; readings keep the order in which
 * they were posted.
 */
#ifndef PERSISTBUS_EVENT_H
#define PERSISTBUS_EVENT_H

#include <persistbus/types.h>

/* EdgeX value types; the numbers are those on the bus. */
typedef enum {
    PBUS_BOOL = 1,
    PBUS_STRING = 2,
    PBUS_UINT8 = 3,
    PBUS_UINT16 = 4,
    PBUS_UINT32 = 5,
    PBUS_UINT64 = 6,
    PBUS_INT8 = 7,
    PBUS_INT16 = 8,
    PBUS_INT32 = 9,
    PBUS_INT64 = 10,
    PBUS_FLOAT32 = 11,
    PBUS_FLOAT64 = 12,
    PBUS_BINARY = 13,
    PBUS_OBJECT = 14,
    PBUS_OBJECT_ARRAY = 15,
    PBUS_BOOL_ARRAY = 16,
    PBUS_STRING_ARRAY = 17,
    PBUS_UINT8_ARRAY = 18,
    PBUS_UINT16_ARRAY = 19,
    PBUS_UINT32_ARRAY = 20,
    PBUS_UINT64_ARRAY = 21,
    PBUS_INT8_ARRAY = 22,
    PBUS_INT16_ARRAY = 23,
    PBUS_INT32_ARRAY = 24,
    PBUS_INT64_ARRAY = 25,
    PBUS_FLOAT32_ARRAY = 26,
    PBUS_FLOAT64_ARRAY = 27
} pbus_type_t;

/* "Uint8", "ObjectArray"...; NULL for a number that is no type. */
PBUS_EXPORT const char *pbus_type_name(pbus_type_t type);
/* Reads a name without regard to case; false if it is none. */
PBUS_EXPORT bool pbus_type_parse(pbus_str_t name, pbus_type_t *type);

/* One reading; all views point into memory that outlives the struct's use. */
typedef struct {
    int64_t origin; /* ns since the Unix epoch, may differ from the event's */
    pbus_str_t device;
    pbus_str_t profile;
    pbus_str_t resource;
    pbus_type_t type;
    bool is_null;          /* a reading without a value: value and media_type are empty */
    pbus_str_t units;      /* empty: none */
    pbus_str_t tags;       /* JSON object; empty: none */
    pbus_str_t value;      /* text; for PBUS_BINARY the bytes themselves; for the Object types JSON */
    pbus_str_t media_type; /* PBUS_BINARY only */
} pbus_reading_t;

typedef struct {
    pbus_uuid_t id;
    int64_t origin; /* ns since the Unix epoch, not 0 */
    pbus_str_t device;
    pbus_str_t profile;
    pbus_str_t source;
    pbus_str_t tags; /* JSON object; empty: none */
    const pbus_reading_t *readings;
    size_t reading_count; /* at least 1 */
} pbus_event_t;

/* Appends the encoded event to out; out->failed tells of missing memory. Does not check the normal form. */
PBUS_EXPORT void pbus_event_encode(const pbus_event_t *event, pbus_buf_t *out);
/* The same for a reading by itself, as in the answer to a query for readings. */
PBUS_EXPORT void pbus_reading_encode(const pbus_reading_t *reading, pbus_buf_t *out);

/*
 * Decoder: holds the array of readings so that decoding many events allocates rarely.
 *
 *     pbus_decoder_t *decoder = pbus_decoder_new ();
 *     const pbus_event_t *event = pbus_decoder_event (decoder, data, size);
 *
 * The event and its array of readings are valid until the next call on the decoder; their views point into
 * data. Bytes are not trusted: anything malformed, trailing bytes included, gives NULL (as does missing
 * memory).
 */
typedef struct pbus_decoder pbus_decoder_t;

PBUS_EXPORT pbus_decoder_t *pbus_decoder_new(void);
PBUS_EXPORT void pbus_decoder_destroy(pbus_decoder_t **self_p);
PBUS_EXPORT const pbus_event_t *pbus_decoder_event(pbus_decoder_t *self, const void *data, size_t size);
/* Decodes a lone reading; views point into data. */
PBUS_EXPORT bool pbus_reading_decode(const void *data, size_t size, pbus_reading_t *reading);

#endif
