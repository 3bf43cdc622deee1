#include "number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 17 /* always enough for 64 bits */

/* Significant digits without trailing zeros, and the power of ten of the first. */
typedef struct {
    char digits[DIGITS_MAX + 1];
    int count;
    int exponent;
    bool negative;
} s_decimal_t;

static void s_take(s_decimal_t *self, const char *text)
{
    self->negative = *text == '-';
    text += self->negative;
    self->count = 0;
    for (; *text && *text != 'e'; text++)
        if (*text != '.')
            self->digits[self->count++] = *text;
    self->exponent = *text ? atoi(text + 1) : 0;
    while (self->count > 1 && self->digits[self->count - 1] == '0')
        self->count--;
}

/*
 * No two decimals of at most 15 digits are the same binary number, so if 15 digits read back, they are,
 * without trailing zeros, the shortest.
 */
static void s_shortest(double number, s_decimal_t *decimal)
{
    char text[NUMBER_TEXT];
    for (int precision = fabs(number) < DBL_MIN ? 0 : 14; precision < DIGITS_MAX; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    s_take(decimal, text);
}

static size_t s_mantissa(const s_decimal_t *decimal, char *text)
{
    size_t size = 0;
    if (decimal->negative)
        text[size++] = '-';
    text[size++] = decimal->digits[0];
    if (decimal->count > 1) {
        text[size++] = '.';
        memcpy(text + size, decimal->digits + 1, (size_t) decimal->count - 1);
        size += (size_t) decimal->count - 1;
    }
    return size;
}

size_t number_scientific(double number, char text[NUMBER_TEXT])
{
    if (!isfinite(number))
        return 0;
    s_decimal_t decimal;
    s_shortest(number, &decimal);
    size_t size = s_mantissa(&decimal, text);
    return size + (size_t) snprintf(text + size, NUMBER_TEXT - size, "e%+03d", decimal.exponent);
}

static size_t s_plain(const s_decimal_t *decimal, char *text)
{
    size_t size = 0;
    if (decimal->negative)
        text[size++] = '-';
    if (decimal->exponent < 0)
        text[size++] = '0';
    for (int place = decimal->exponent < 0 ? -1 : decimal->exponent;
         place >= 0 || decimal->exponent - place < decimal->count; place--) {
        if (place == -1)
            text[size++] = '.';
        int at = decimal->exponent - place;
        text[size++] = at >= 0 && at < decimal->count ? decimal->digits[at] : '0';
    }
    text[size] = '\0';
    return size;
}

size_t number_json(double number, char text[NUMBER_TEXT])
{
    if (!isfinite(number))
        return 0;
    s_decimal_t decimal;
    s_shortest(number, &decimal);
    if (number == 0 || (fabs(number) >= 1e-6 && fabs(number) < 1e21))
        return s_plain(&decimal, text);
    size_t size = s_mantissa(&decimal, text);
    return size + (size_t) snprintf(text + size, NUMBER_TEXT - size, "e%+d", decimal.exponent);
}

bool number_parse(pbus_str_t text, size_t (*form)(double, char[NUMBER_TEXT]), double *number)
{
    char copy[NUMBER_TEXT], again[NUMBER_TEXT];
    if (text.size == 0 || text.size >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *number = strtod(copy, NULL);
    if (!isfinite(*number) || (*number == 0 && signbit(*number)))
        return false;
    return form(*number, again) == text.size && memcmp(again, copy, text.size) == 0;
}

bool number_parse_int(pbus_str_t text, int64_t *number)
{
    size_t at = text.size > 0 && text.data[0] == '-';
    if (at == text.size || text.size - at > 19 || (text.data[at] == '0' && text.size > 1))
        return false;
    uint64_t sum = 0;
    for (size_t i = at; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t) (text.data[i] - '0');
    }
    if (sum > (uint64_t) INT64_MAX + at)
        return false;
    *number = at ? (int64_t) (0 - sum) : (int64_t) sum;
    return true;
}
