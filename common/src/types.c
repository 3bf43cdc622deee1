/*
 * Status codes, errors, text views, UTF-8, ids, byte buffers and clocks (persistbus/types.h).
 *
 * Nothing here keeps state. pbus_buf_t owns its memory; everything else works on the caller's.
 */
#include <persistbus/types.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUF_MIN 64 /* bytes of the first allocation of a buffer */

const char *pbus_status_name(pbus_status_t status)
{
    static const char *const names[] = {
        [PBUS_OK] = "ok",
        [PBUS_CONFLICT] = "conflict",
        [PBUS_NOT_FOUND] = "not found",
        [PBUS_INVALID] = "invalid",
        [PBUS_UNAVAILABLE] = "unavailable",
        [PBUS_FULL] = "full",
        [PBUS_UNSUPPORTED] = "unsupported",
        [PBUS_TIMEOUT] = "timeout",
        [PBUS_OVERFLOW] = "overflow",
        [PBUS_INTERNAL] = "internal error",
        [PBUS_NOMEM] = "out of memory",
    };
    /* The number may come from the bus, so any value of int is possible. */
    if ((size_t) status >= sizeof names / sizeof names[0])
        return "unknown status";
    return names[status];
}

pbus_status_t pbus_fail(pbus_error_t *error, pbus_status_t status, const char *format, ...)
{
    if (error) {
        error->status = status;
        va_list args;
        va_start(args, format);
        vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return status;
}

/* ---- text ---- */

pbus_str_t pbus_str(const char *text)
{
    return text ? (pbus_str_t){text, strlen(text)} : (pbus_str_t){"", 0};
}

bool pbus_str_eq(pbus_str_t a, pbus_str_t b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int pbus_str_cmp(pbus_str_t a, pbus_str_t b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Eight bytes at once: whether all are ASCII and none is NUL. */
static bool s_plain_word(const uint8_t *at)
{
    const uint64_t high = 0x8080808080808080u, ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    /* Without high bits, a byte minus one borrows (and so sets its high bit) only if some byte is NUL. */
    return (word & high) == 0 && ((word - ones) & high) == 0;
}

/* The length of the well-formed sequence that starts at a byte >= 0x80, or 0 (RFC 3629, section 4). */
static size_t s_sequence(const uint8_t *at, size_t left)
{
    uint8_t low = 0x80,
            high = 0xbf; /* bounds of the second byte, which rule out overlong forms, surrogates */
    size_t size;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        size = 2;
    else if (at[0] >= 0xe0 && at[0] <= 0xef)
        size = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        size = 4;
    else
        return 0;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (left < size || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool pbus_str_is_text(pbus_str_t text)
{
    const uint8_t *data = (const uint8_t *) text.data;
    size_t at = 0;
    while (at < text.size) {
        size_t left = text.size - at;
        if (left >= 8 && s_plain_word(data + at)) {
            at += 8;
            continue;
        }
        if (data[at] == 0)
            return false;
        size_t size = data[at] < 0x80 ? 1 : s_sequence(data + at, left);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

/* ---- ids ---- */

/* Whether the canonical form has a dash before the byte at this place. */
static bool s_dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void pbus_uuid_format(const pbus_uuid_t *uuid, char text[PBUS_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (s_dash_before(i))
            *text++ = '-';
        *text++ = digits[uuid->bytes[i] >> 4];
        *text++ = digits[uuid->bytes[i] & 15];
    }
    *text = 0;
}

/* The value of a hexadecimal digit, or -1; not isxdigit, which asks the locale. */
static int s_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool pbus_uuid_parse(pbus_str_t text, pbus_uuid_t *uuid)
{
    if (text.size != PBUS_UUID_TEXT - 1)
        return false;
    pbus_uuid_t parsed;
    const char *at = text.data;
    for (size_t i = 0; i < sizeof parsed.bytes; i++) {
        if (s_dash_before(i) && *at++ != '-')
            return false;
        int high = s_digit(at[0]), low = s_digit(at[1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t) (high << 4 | low);
        at += 2;
    }
    *uuid = parsed;
    return true;
}

/* ---- buffers ---- */

uint8_t *pbus_buf_reserve(pbus_buf_t *self, size_t size)
{
    if (self->failed)
        return NULL;
    if (self->data && self->capacity - self->size >= size)
        return self->data + self->size;
    if (size > SIZE_MAX / 2 - self->size) {
        self->failed = true;
        return NULL;
    }
    size_t capacity = self->capacity ? self->capacity : BUF_MIN;
    while (capacity < self->size + size)
        capacity *= 2;
    uint8_t *data = realloc(self->data, capacity);
    if (!data) {
        self->failed = true;
        return NULL;
    }
    self->data = data;
    self->capacity = capacity;
    return data + self->size;
}

void pbus_buf_append(pbus_buf_t *self, const void *data, size_t size)
{
    if (size == 0)
        return;
    uint8_t *to = pbus_buf_reserve(self, size);
    if (to) {
        memcpy(to, data, size);
        self->size += size;
    }
}

void pbus_buf_puts(pbus_buf_t *self, const char *text)
{
    pbus_buf_append(self, text, strlen(text));
}

void pbus_buf_printf(pbus_buf_t *self, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    /* Most texts fit what is there; else the first pass tells how much to reserve for the second. */
    size_t room = self->failed ? 0 : self->capacity - self->size;
    int size = vsnprintf(room ? (char *) self->data + self->size : NULL, room, format, args);
    if (size < 0)
        self->failed = true;
    else if ((size_t) size >= room) {
        char *to = (char *) pbus_buf_reserve(self, (size_t) size + 1);
        if (to)
            vsnprintf(to, (size_t) size + 1, format, again);
    }
    if (!self->failed)
        self->size += (size_t) size;
    va_end(again);
    va_end(args);
}

void pbus_buf_reset(pbus_buf_t *self)
{
    self->size = 0;
    self->failed = false;
}

void pbus_buf_clear(pbus_buf_t *self)
{
    free(self->data);
    *self = (pbus_buf_t){0};
}

/* ---- clocks ---- */

static int64_t s_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now); /* cannot fail: both clocks exist on every Linux this builds for */
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t pbus_clock_realtime(void)
{
    return s_clock(CLOCK_REALTIME);
}

int64_t pbus_clock_boottime(void)
{
    return s_clock(CLOCK_BOOTTIME);
}
