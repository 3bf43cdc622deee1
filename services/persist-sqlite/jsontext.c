#include "jsontext.h"

#include <string.h>

static bool s_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- writing ---------------------------------------------------------------------------------------------
 */

/* Bytes that stand for themselves in a JSON string. */
static bool s_is_plain(char c)
{
    return (unsigned char) c >= 0x20 && c != '"' && c != '\\';
}

static void s_put_escape(pbus_buf_t *out, char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        pbus_buf_append(out, (const char[]){'\\', to[found - from]}, 2);
    else
        pbus_buf_printf(out, "\\u%04x", (unsigned char) c);
}

void jsontext_put_string(pbus_buf_t *out, pbus_str_t text)
{
    pbus_buf_append(out, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++)
        if (!s_is_plain(text.data[i])) {
            pbus_buf_append(out, text.data + start, i - start);
            s_put_escape(out, text.data[i]);
            start = i + 1;
        }
    pbus_buf_append(out, text.data + start, text.size - start);
    pbus_buf_append(out, "\"", 1);
}

static const char s_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void jsontext_put_base64(pbus_buf_t *out, pbus_str_t bytes)
{
    size_t size = (bytes.size + 2) / 3 * 4 + 2;
    char *to = (char *) pbus_buf_reserve(out, size);
    if (!to)
        return;
    out->size += size;
    *to++ = '"';
    for (size_t i = 0; i < bytes.size; i += 3) {
        const uint8_t *from = (const uint8_t *) bytes.data + i;
        size_t left = bytes.size - i;
        uint32_t word = (uint32_t) from[0] << 16 | (left > 1 ? from[1] << 8 : 0) | (left > 2 ? from[2] : 0);
        *to++ = s_alphabet[word >> 18];
        *to++ = s_alphabet[word >> 12 & 63];
        *to++ = left > 1 ? s_alphabet[word >> 6 & 63] : '=';
        *to++ = left > 2 ? s_alphabet[word & 63] : '=';
    }
    *to = '"';
}

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

static size_t s_digits(pbus_str_t text, size_t at)
{
    size_t start = at;
    while (at < text.size && s_is_digit(text.data[at]))
        at++;
    return at - start;
}

/* number = [-] (0 | 1-9 *digit) [. 1*digit] [e [+|-] 1*digit] */
bool jsontext_is_number(pbus_str_t text)
{
    size_t at = text.size > 0 && text.data[0] == '-';
    size_t digits = s_digits(text, at);
    if (digits == 0 || (digits > 1 && text.data[at] == '0'))
        return false;
    at += digits;
    if (at < text.size && text.data[at] == '.') {
        digits = s_digits(text, ++at);
        if (digits == 0)
            return false;
        at += digits;
    }
    if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        at += at < text.size && (text.data[at] == '+' || text.data[at] == '-');
        digits = s_digits(text, at);
        if (digits == 0)
            return false;
        at += digits;
    }
    return at == text.size;
}

bool jsontext_is_token(pbus_str_t text)
{
    /* Skipping writes nothing; it takes char * because its callers go on to write. */
    char *start = (char *) text.data, *end = start + text.size;
    return text.size > 0 && jsontext_skip(start, end) == end;
}

static char *s_skip_string(char *at, char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\' && ++at == end)
            return NULL;
    return at < end ? at + 1 : NULL;
}

static char *s_skip_nested(char *at, char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = s_skip_string(at, end);
            if (!at)
                return NULL;
            continue;
        }
        at++;
        depth += c == '[' || c == '{';
        if ((c == ']' || c == '}') && --depth == 0)
            return at;
    }
    return NULL;
}

/* A number, or one of the words true, false, null. */
static char *s_skip_word(char *at, char *end)
{
    char *start = at;
    while (at < end && (s_is_digit(*at) || (*at >= 'a' && *at <= 'z') || (*at && strchr("+-.E", *at))))
        at++;
    return at > start ? at : NULL;
}

char *jsontext_skip(char *at, char *end)
{
    if (at >= end)
        return NULL;
    switch (*at) {
    case '"':
        return s_skip_string(at, end);
    case '[':
    case '{':
        return s_skip_nested(at, end);
    default:
        return s_skip_word(at, end);
    }
}

static bool s_bad(jsontext_array_t *self)
{
    self->bad = self->done = true;
    return false;
}

jsontext_array_t jsontext_array(char *text, size_t size)
{
    jsontext_array_t self = {.at = text, .end = text + size};
    if (size < 2 || text[0] != '[' || text[size - 1] != ']')
        s_bad(&self);
    else if (size == 2)
        self.done = true;
    self.at++;
    return self;
}

bool jsontext_next(jsontext_array_t *self, pbus_str_t *token)
{
    if (self->done)
        return false;
    char *after = jsontext_skip(self->at, self->end);
    if (!after || after == self->end)
        return s_bad(self);
    *token = (pbus_str_t){self->at, (size_t) (after - self->at)};
    self->at = after + 1;
    if (*after == ']' && self->at == self->end)
        self->done = true;
    else if (*after != ',')
        return s_bad(self);
    return true;
}

/* ---- values ----------------------------------------------------------------------------------------------
 */

static int s_hex(char c)
{
    if (s_is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u, or -1. */
static int32_t s_code_unit(const char *at, const char *end)
{
    int32_t unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = s_hex(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static char *s_put_utf8(char *to, int32_t code)
{
    if (code < 0x80)
        *to++ = (char) code;
    else if (code < 0x800) {
        *to++ = (char) (0xc0 | code >> 6);
        *to++ = (char) (0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char) (0xe0 | code >> 12);
        *to++ = (char) (0x80 | (code >> 6 & 0x3f));
        *to++ = (char) (0x80 | (code & 0x3f));
    } else {
        *to++ = (char) (0xf0 | code >> 18);
        *to++ = (char) (0x80 | (code >> 12 & 0x3f));
        *to++ = (char) (0x80 | (code >> 6 & 0x3f));
        *to++ = (char) (0x80 | (code & 0x3f));
    }
    return to;
}

/*
 * Rows written by this program hold \u only for control characters. The rest is there for rows that a person
 * changed with SQLite's JSON functions. A NUL or half a surrogate pair is refused: no text of an event has
 * it.
 */
static const char *s_get_unicode(const char *at, const char *end, char **to)
{
    int32_t code = s_code_unit(at, end);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        int32_t low = end - at > 2 && at[0] == '\\' && at[1] == 'u' ? s_code_unit(at + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    } else if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff))
        return NULL;
    *to = s_put_utf8(*to, code);
    return at;
}

/* at is behind the backslash; what an escape stands for is never longer than the escape. */
static const char *s_get_escape(const char *at, const char *end, char **to)
{
    static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    if (at >= end)
        return NULL;
    if (*at == 'u')
        return s_get_unicode(at + 1, end, to);
    const char *found = *at ? strchr(from, *at) : NULL;
    if (!found)
        return NULL;
    *(*to)++ = plain[found - from];
    return at + 1;
}

static bool s_is_string(pbus_str_t token)
{
    return token.size >= 2 && token.data[0] == '"' && token.data[token.size - 1] == '"';
}

bool jsontext_get_string(pbus_str_t *token)
{
    if (!s_is_string(*token))
        return false;
    const char *at = token->data + 1, *end = token->data + token->size - 1;
    const char *escape = memchr(at, '\\', (size_t) (end - at));
    if (!escape) {
        *token = (pbus_str_t){at, (size_t) (end - at)};
        return true;
    }
    char *start = (char *) at, *to = start + (escape - at);
    at = escape;
    while (at < end) {
        if (*at != '\\')
            *to++ = *at++;
        else if (!(at = s_get_escape(at + 1, end, &to)))
            return false;
    }
    *token = (pbus_str_t){start, (size_t) (to - start)};
    return true;
}

static int s_base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (s_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool jsontext_get_base64(pbus_str_t *token)
{
    if (!s_is_string(*token) || (token->size - 2) % 4 != 0)
        return false;
    const char *from = token->data + 1;
    size_t size = token->size - 2, padding = 0;
    while (padding < 2 && padding < size && from[size - 1 - padding] == '=')
        padding++;
    uint8_t *start = (uint8_t *) from, *to = start;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t word = 0;
        for (size_t k = i; k < i + 4; k++) {
            int digit = k < size - padding ? s_base64_digit(from[k]) : 0;
            if (digit < 0)
                return false;
            word = word << 6 | (uint32_t) digit;
        }
        *to++ = (uint8_t) (word >> 16);
        *to++ = (uint8_t) (word >> 8);
        *to++ = (uint8_t) word;
    }
    *token = (pbus_str_t){(const char *) start, (size_t) (to - start) - padding};
    return true;
}

bool jsontext_get_int(pbus_str_t token, int64_t *value)
{
    bool negative = token.size > 0 && token.data[0] == '-';
    size_t at = negative;
    if (at == token.size || s_digits(token, at) != token.size - at)
        return false;
    int64_t sum = 0;
    for (; at < token.size; at++) {
        int digit = token.data[at] - '0';
        /* Counts below zero, where there is room for one more. */
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, digit, &sum))
            return false;
    }
    if (!negative && sum == INT64_MIN)
        return false;
    *value = negative ? sum : -sum;
    return true;
}
