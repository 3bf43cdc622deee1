/*
 * Number: see number.h.
 *
 * The shortest form of a floating-point number costs nothing for what sensors send: a decimal number of at
 * most FLT_DIG (DBL_DIG) digits in the normal range is the shortest that reads back as its nearest binary
 * number, since no two such decimals share one. Only longer ones go through strtod and yyjson's writer.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>
#include "number.h"

/* ---- integers --------------------------------------------------------------------------------------- */

static bool s_digits(const char *data, size_t size, uint64_t *value)
{
    if (size == 0)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned) (data[i] - '0');
        if (digit > 9)
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool number_uint(pbus_str_t text, uint64_t *value)
{
    return s_digits(text.data, text.size, value);
}

bool number_int(pbus_str_t text, int64_t *value)
{
    bool negative = text.size && text.data[0] == '-';
    size_t sign = text.size && (negative || text.data[0] == '+');
    uint64_t size;
    if (!s_digits(text.data + sign, text.size - sign, &size))
        return false;
    if (size > (uint64_t) INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t) (0 - size) : (int64_t) size;
    return true;
}

static size_t s_write_digits(uint64_t value, char *out)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof digits;
    while (value >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + value * 2, 2);
    } else
        digits[--at] = (char) ('0' + value);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

size_t number_write_uint(uint64_t value, char out[NUMBER_TEXT])
{
    return s_write_digits(value, out);
}

size_t number_write_int(int64_t value, char out[NUMBER_TEXT])
{
    if (value >= 0)
        return s_write_digits((uint64_t) value, out);
    out[0] = '-';
    return 1 + s_write_digits(0 - (uint64_t) value, out + 1);
}

/* ---- decimal numbers -------------------------------------------------------------------------------- */

static void s_add_digit(decimal_t *self, char digit, bool *dropped)
{
    if (self->count < DECIMAL_DIGITS)
        self->digits[self->count++] = digit;
    else if (digit != '0')
        *dropped = true;
}

/* Reads the digits with their point; returns where they end, NULL if there are none. */
static const char *s_mantissa(decimal_t *self, const char *p, const char *end)
{
    bool seen = false, fraction = false, dropped = false;
    for (; p < end; p++) {
        if (*p == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (*p < '0' || *p > '9')
            break;
        seen = true;
        bool leading = self->count == 0 && *p == '0';
        if (!leading)
            s_add_digit(self, *p, &dropped);
        if (leading)
            self->point -= fraction;
        else
            self->point += !fraction;
    }
    if (dropped)
        self->digits[self->count++] = '1';
    return seen ? p : NULL;
}

/* An exponent may have any number of digits; far beyond any number's range it no longer matters how many. */
static bool s_exponent(decimal_t *self, const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    if (p < end && (negative || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t exponent = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        if (exponent < INT64_C(1) << 48)
            exponent = exponent * 10 + (*p - '0');
    }
    self->point += negative ? -exponent : exponent;
    return true;
}

static void s_strip(decimal_t *self)
{
    while (self->count && self->digits[self->count - 1] == '0')
        self->count--;
    if (self->count == 0) {
        self->negative = false;
        self->point = 0;
    }
}

bool decimal_parse(decimal_t *self, pbus_str_t text)
{
    const char *p = text.data;
    const char *end = p + text.size;
    self->negative = text.size && *p == '-';
    self->count = 0;
    self->point = 0;
    if (text.size && (*p == '-' || *p == '+'))
        p++;
    p = s_mantissa(self, p, end);
    if (!p)
        return false;
    if (p < end) {
        if ((*p | 0x20) != 'e' || !s_exponent(self, p + 1, end))
            return false;
    }
    s_strip(self);
    return true;
}

/* ---- binary and back -------------------------------------------------------------------------------- */

typedef struct {
    int safe;                     /* decimals of so many digits read back as themselves */
    int most;                     /* so many digits always suffice */
    int64_t point_min, point_max; /* and so large numbers are in the normal range */
    double smallest;              /* normal number */
    bool wide;
} format_t;

static const format_t float32 = {FLT_DIG, FLT_DECIMAL_DIG, -36, 38, FLT_MIN, false};
static const format_t float64 = {DBL_DIG, DBL_DECIMAL_DIG, -306, 308, DBL_MIN, true};

/* The nearest binary number, without its sign. A float is exact in a double. */
static double s_read(const decimal_t *self, const format_t *format)
{
    if (self->count == 0 || self->point < -400)
        return 0;
    if (self->point > 400)
        return HUGE_VAL;
    char text[DECIMAL_DIGITS + 32];
    text[0] = '.';
    memcpy(text + 1, self->digits, (size_t) self->count);
    snprintf(text + 1 + self->count, 16, "e%d", (int) self->point);
    return format->wide ? strtod(text, NULL) : (double) strtof(text, NULL);
}

/* The number next above among those of as many digits. */
static void s_bump(decimal_t *self)
{
    int i = self->count - 1;
    while (i >= 0 && self->digits[i] == '9')
        self->digits[i--] = '0';
    if (i >= 0) {
        self->digits[i]++;
        return;
    }
    self->digits[0] = '1';
    self->point++;
}

/* The shortest digits of a 64-bit number. */
static bool s_digits_of(double value, decimal_t *out)
{
    char room[512];
    yyjson_alc memory;
    yyjson_val number = {0};
    size_t size;
    yyjson_set_real(&number, value);
    yyjson_alc_pool_init(&memory, room, sizeof room);
    const char *text = yyjson_val_write_opts(&number, YYJSON_WRITE_NOFLAG, &memory, &size, NULL);
    return text && decimal_parse(out, (pbus_str_t){text, size});
}

/*
 * `value` rounded to so many digits, from its shortest ones: between these and the exact value there is no
 * decimal as short as a half-way point of the rounding, so both round alike; but for a tie, which only the
 * exact value decides.
 */
static bool s_round(double value, const decimal_t *shortest, int digits, decimal_t *out)
{
    char text[NUMBER_TEXT];
    *out = *shortest;
    if (digits >= shortest->count)
        return true;
    if (shortest->count == digits + 1 && shortest->digits[digits] == '5') {
        int size = snprintf(text, sizeof text, "%.*e", digits - 1, value);
        return decimal_parse(out, (pbus_str_t){text, (size_t) size});
    }
    out->count = digits;
    if (shortest->digits[digits] >= '5')
        s_bump(out);
    s_strip(out);
    return true;
}

/* The shortest that reads back as this 32-bit number, which is not 0. */
static bool s_shorten32(double value, decimal_t *out)
{
    decimal_t shortest;
    int digits = value < float32.smallest ? 1 : float32.safe;
    if (!s_digits_of(value, &shortest))
        return false;
    for (; digits <= float32.most; digits++)
        if (s_round(value, &shortest, digits, out) && s_read(out, &float32) == value)
            return true;
    return false;
}

static bool s_to_float(decimal_t *self, const format_t *format, bool (*shorten)(double value, decimal_t *out))
{
    if (self->count <= format->safe && self->point >= format->point_min && self->point < format->point_max)
        return true;
    bool negative = self->negative;
    double value = s_read(self, format);
    if (isinf(value))
        return false;
    if (value == 0) {
        self->count = 0;
        s_strip(self);
        return true;
    }
    bool done = shorten(value, self);
    self->negative = negative;
    return done;
}

bool decimal_to_float32(decimal_t *self)
{
    return s_to_float(self, &float32, s_shorten32);
}

bool decimal_to_float64(decimal_t *self)
{
    return s_to_float(self, &float64, s_digits_of);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

/* d.ddd */
static char *s_write_mantissa(const decimal_t *self, char *p)
{
    if (self->negative)
        *p++ = '-';
    *p++ = self->digits[0];
    if (self->count > 1) {
        *p++ = '.';
        memcpy(p, self->digits + 1, (size_t) self->count - 1);
        p += self->count - 1;
    }
    *p++ = 'e';
    return p;
}

static size_t s_write_zero(const char *zero, char *out)
{
    memcpy(out, zero, strlen(zero));
    return strlen(zero);
}

size_t decimal_write_scientific(const decimal_t *self, char out[NUMBER_TEXT])
{
    if (self->count == 0)
        return s_write_zero("0e+00", out);
    int64_t exponent = self->point - 1;
    char *p = s_write_mantissa(self, out);
    *p++ = exponent < 0 ? '-' : '+';
    uint64_t size = (uint64_t) (exponent < 0 ? -exponent : exponent);
    if (size < 10)
        *p++ = '0';
    return (size_t) (p - out) + s_write_digits(size, p);
}

static size_t s_write_plain(const decimal_t *self, char *out)
{
    char *p = out;
    size_t count = (size_t) self->count;
    size_t whole = self->point > 0 ? (size_t) self->point : 0;
    size_t zeros = self->point < 0 ? (size_t) -self->point : 0;
    if (self->negative)
        *p++ = '-';
    if (whole >= count) {
        memcpy(p, self->digits, count);
        memset(p + count, '0', whole - count);
        return (size_t) (p - out) + whole;
    }
    if (whole == 0)
        *p++ = '0';
    memcpy(p, self->digits, whole);
    p += whole;
    *p++ = '.';
    memset(p, '0', zeros);
    p += zeros;
    memcpy(p, self->digits + whole, count - whole);
    return (size_t) (p - out) + count - whole;
}

size_t decimal_write_json(const decimal_t *self, char out[NUMBER_TEXT])
{
    if (self->count == 0)
        return s_write_zero("0", out);
    if (self->point > -6 && self->point <= 21)
        return s_write_plain(self, out);
    int64_t exponent = self->point - 1;
    char *p = s_write_mantissa(self, out);
    *p++ = exponent < 0 ? '-' : '+';
    return (size_t) (p - out) + s_write_digits((uint64_t) (exponent < 0 ? -exponent : exponent), p);
}
