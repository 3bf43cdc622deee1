/*
 * URL: see url.h.
 */
#include <string.h>
#include <strings.h>
#include "text.h"
#include "url.h"

url_t url_split(const char *target)
{
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        const char *path = strchr(strchr(target, ':') + 3, '/');
        target = path ? path : "/";
    }
    const char *mark = strchr(target, '?');
    if (!mark)
        return (url_t){pbus_str(target), PBUS_STR("")};
    return (url_t){{target, (size_t) (mark - target)}, pbus_str(mark + 1)};
}

static int s_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes to out, which may hold as many bytes as raw has; false at a malformed escape. */
static bool s_unescape(pbus_str_t raw, bool plus, char *out, size_t *size)
{
    size_t used = 0;
    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = i + 2 < raw.size ? s_hex(raw.data[i + 1]) : -1;
            int low = i + 2 < raw.size ? s_hex(raw.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char) (high << 4 | low);
            i += 2;
        } else if (c == '+' && plus)
            c = ' ';
        out[used++] = c;
    }
    *size = used;
    return true;
}

static bool s_is_plain(pbus_str_t raw, bool plus)
{
    for (size_t i = 0; i < raw.size; i++)
        if (raw.data[i] == '%' || (plus && raw.data[i] == '+'))
            return false;
    return true;
}

pbus_status_t url_decode(pbus_str_t raw, bool plus, arena_t *arena, pbus_str_t *text, pbus_error_t *error)
{
    *text = raw;
    if (!s_is_plain(raw, plus)) {
        char *decoded = arena_alloc(arena, raw.size);
        if (!decoded)
            return pbus_fail(error, PBUS_NOMEM, "memory is out");
        text->data = decoded;
        if (!s_unescape(raw, plus, decoded, &text->size))
            return pbus_fail(error, PBUS_INVALID, "invalid URL escape in '%.*s'", SHOWN(raw));
    }
    if (!pbus_str_is_text(*text))
        return pbus_fail(error, PBUS_INVALID, "the URL has '%.*s', which is no UTF-8 text", SHOWN(raw));
    return PBUS_OK;
}

pbus_status_t url_query(pbus_str_t query, const char *key, arena_t *arena, pbus_str_t *value,
                        pbus_error_t *error)
{
    size_t size = strlen(key);
    const char *p = query.data;
    const char *end = p + query.size;
    *value = PBUS_STR("");
    while (p < end) {
        const char *next = memchr(p, '&', (size_t) (end - p));
        next = next ? next : end;
        size_t left = (size_t) (next - p);
        if (left >= size && memcmp(p, key, size) == 0 && (left == size || p[size] == '=')) {
            if (left == size)
                return PBUS_OK;
            return url_decode((pbus_str_t){p + size + 1, left - size - 1}, true, arena, value, error);
        }
        p = next + 1;
    }
    return PBUS_OK;
}

void url_encode(pbus_buf_t *out, pbus_str_t text)
{
    static const char hex[] = "0123456789ABCDEF";
    uint8_t *p = pbus_buf_reserve(out, text.size * 3);
    if (!p)
        return;
    uint8_t *start = p;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = (uint8_t) text.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
            *p++ = c;
            continue;
        }
        *p++ = '%';
        *p++ = (uint8_t) hex[c >> 4];
        *p++ = (uint8_t) hex[c & 15];
    }
    out->size += (size_t) (p - start);
}
