/*
 * Base64: see base64.h.
 */
#include "base64.h"

void base64_encode(pbus_str_t bytes, pbus_buf_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = (bytes.size + 2) / 3 * 4;
    const uint8_t *in = (const uint8_t *) bytes.data;
    uint8_t *p = pbus_buf_reserve(out, size);
    if (!p || size == 0)
        return;
    for (size_t left = bytes.size; left; left -= left < 3 ? left : 3) {
        uint32_t group =
            (uint32_t) in[0] << 16 | (left > 1 ? (uint32_t) in[1] << 8 : 0) | (left > 2 ? in[2] : 0);
        *p++ = (uint8_t) digits[group >> 18];
        *p++ = (uint8_t) digits[group >> 12 & 63];
        *p++ = left > 1 ? (uint8_t) digits[group >> 6 & 63] : '=';
        *p++ = left > 2 ? (uint8_t) digits[group & 63] : '=';
        in += 3;
    }
    out->size += size;
}

size_t base64_room(size_t text_size)
{
    return text_size / 4 * 3 + 3;
}

/* The value of a digit; 64 for a line break, 65 for anything else. */
static unsigned s_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned) (c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned) (c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned) (c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : c == '\n' || c == '\r' ? 64 : 65;
}

/* Behind the digits there may be only padding that fills the last group, and line breaks. */
static bool s_padding(const char *p, const char *end, unsigned digits)
{
    unsigned padding = 0;
    for (; p < end; p++) {
        if (*p == '=')
            padding++;
        else if (*p != '\n' && *p != '\r')
            return false;
    }
    return digits == 0 ? padding == 0 : digits > 1 && padding == 4 - digits;
}

bool base64_decode(pbus_str_t text, uint8_t *out, size_t *size)
{
    const char *p = text.data;
    const char *end = p + text.size;
    uint8_t *at = out;
    uint32_t group = 0;
    unsigned digits = 0;
    for (; p < end; p++) {
        unsigned digit = s_digit(*p);
        if (digit == 65)
            break;
        if (digit == 64)
            continue;
        group = group << 6 | digit;
        if (++digits < 4)
            continue;
        *at++ = (uint8_t) (group >> 16);
        *at++ = (uint8_t) (group >> 8);
        *at++ = (uint8_t) group;
        digits = 0;
    }
    if (!s_padding(p, end, digits))
        return false;
    if (digits == 2)
        *at++ = (uint8_t) (group >> 4);
    if (digits == 3) {
        *at++ = (uint8_t) (group >> 10);
        *at++ = (uint8_t) (group >> 2);
    }
    *size = (size_t) (at - out);
    return true;
}
