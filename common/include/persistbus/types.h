/*
 * Types that every part of persistbus shares: status codes, errors, views of text, byte buffers, ids.
 */
#ifndef PERSISTBUS_TYPES_H
#define PERSISTBUS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PBUS_EXPORT __attribute__((visibility("default")))
#define PBUS_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PBUS_EXPORT
#define PBUS_PRINTF(text, first)
#endif

/*
 * The one set of outcomes: what functions return, what travels on the bus (as these very numbers, see
 * docs/PROTOCOL.md), what core-data turns into HTTP statuses in one place. Numbers are never reused.
 */
typedef enum {
    PBUS_OK = 0,
    PBUS_CONFLICT = 1,    /* the event id is stored with another accept number */
    PBUS_NOT_FOUND = 2,   /* no event has this id */
    PBUS_INVALID = 3,     /* this input can never be accepted: malformed, or the store refuses it */
    PBUS_UNAVAILABLE = 4, /* the store is away; the same call may succeed later */
    PBUS_FULL = 5,        /* no room: disk, byte limit, credit; may succeed later */
    PBUS_UNSUPPORTED = 6, /* this backend does not do that */
    PBUS_TIMEOUT = 7,     /* the deadline or the lease passed first */
    PBUS_OVERFLOW = 8,    /* the result does not fit its type (SUM beyond 64 bits) */
    PBUS_INTERNAL = 9,    /* a defect, or a fault of the store that is none of the above */
    PBUS_NOMEM = 10       /* memory allocation failed */
} pbus_status_t;

/* The lower-case name of a status ("not found"), for messages; "unknown status" for any other number. */
PBUS_EXPORT const char *pbus_status_name(pbus_status_t status);

/*
 * What went wrong, for a person: one line that names the thing, the value and the remedy. Lives on the
 * caller's stack; functions that take one fill it when, and only when, they do not return PBUS_OK.
 */
typedef struct {
    pbus_status_t status;
    char text[240];
} pbus_error_t;

/* Fills *error (which may be NULL) and returns status, so that `return pbus_fail(...)` reads well. */
PBUS_EXPORT pbus_status_t pbus_fail(pbus_error_t *error, pbus_status_t status, const char *format, ...)
    PBUS_PRINTF(3, 4);

/* A view of bytes that belong to somebody else; text is UTF-8 without NUL and is not terminated. */
typedef struct {
    const char *data;
    size_t size;
} pbus_str_t;

/* Views of a string literal and of a C string (NULL gives the empty view). */
#define PBUS_STR(literal) ((pbus_str_t){(literal), sizeof(literal) - 1})
PBUS_EXPORT pbus_str_t pbus_str(const char *text);
PBUS_EXPORT bool pbus_str_eq(pbus_str_t a, pbus_str_t b);
/* Like memcmp, a shorter string before a longer one that it begins. */
PBUS_EXPORT int pbus_str_cmp(pbus_str_t a, pbus_str_t b);
/* Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without NUL. */
PBUS_EXPORT bool pbus_str_is_text(pbus_str_t text);

/* A 128-bit event id. */
typedef struct {
    uint8_t bytes[16];
} pbus_uuid_t;

#define PBUS_UUID_TEXT 37 /* bytes of the canonical form with its terminator */

/* Writes the canonical lower-case form, terminated. */
PBUS_EXPORT void pbus_uuid_format(const pbus_uuid_t *uuid, char text[PBUS_UUID_TEXT]);
/* Reads 8-4-4-4-12 hexadecimal digits of either case; any other form is refused. */
PBUS_EXPORT bool pbus_uuid_parse(pbus_str_t text, pbus_uuid_t *uuid);

/*
 * A growing byte buffer, by value: start from zero (`pbus_buf_t buf = {0}`), free with pbus_buf_clear.
 * Once an append has failed for want of memory, `failed` stays set and further appends do nothing, so a
 * writer checks once, at the end.
 */
typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
} pbus_buf_t;

PBUS_EXPORT void pbus_buf_append(pbus_buf_t *self, const void *data, size_t size);
PBUS_EXPORT void pbus_buf_puts(pbus_buf_t *self, const char *text);
PBUS_EXPORT void pbus_buf_printf(pbus_buf_t *self, const char *format, ...) PBUS_PRINTF(2, 3);
/* Makes room for size more bytes and returns where they go (the caller adds to self->size), or NULL. */
PBUS_EXPORT uint8_t *pbus_buf_reserve(pbus_buf_t *self, size_t size);
/* Empties the buffer and clears `failed`, keeping the memory for the next use. */
PBUS_EXPORT void pbus_buf_reset(pbus_buf_t *self);
/* Frees the memory; the buffer is as new. */
PBUS_EXPORT void pbus_buf_clear(pbus_buf_t *self);

/* Nanoseconds: since the Unix epoch, and of the clock that goes on while the machine sleeps. */
PBUS_EXPORT int64_t pbus_clock_realtime(void);
PBUS_EXPORT int64_t pbus_clock_boottime(void);

#endif
