/*
 * Text: see text.h.
 */
#include <string.h>
#include <strings.h>
#include "text.h"

/* Bytes of the white space at the start of the text; 0 if there is none. */
static size_t s_space(pbus_str_t text)
{
    /* U+0085 U+00A0 U+1680 U+2000..U+200A U+2028 U+2029 U+202F U+205F U+3000 */
    static const char *const wide[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80",
                                       "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84",
                                       "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
                                       "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                       "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
    unsigned char first = (unsigned char) text.data[0];
    if (first < 0x80)
        return first == ' ' || (first >= '\t' && first <= '\r');
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        size_t size = strlen(wide[i]);
        if (size <= text.size && memcmp(text.data, wide[i], size) == 0)
            return size;
    }
    return 0;
}

bool text_is_blank(pbus_str_t text)
{
    while (text.size) {
        size_t size = s_space(text);
        if (size == 0)
            return false;
        text.data += size;
        text.size -= size;
    }
    return true;
}

bool text_is_lower_uuid(pbus_str_t text)
{
    pbus_uuid_t uuid;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 'A' && text.data[i] <= 'F')
            return false;
    return pbus_uuid_parse(text, &uuid);
}

/* 32 digits without dashes. */
static bool s_bare_uuid(pbus_str_t text, pbus_uuid_t *uuid)
{
    static const uint8_t groups[] = {8, 4, 4, 4, 12};
    char dashed[PBUS_UUID_TEXT];
    char *p = dashed;
    for (size_t i = 0; i < sizeof groups; i++) {
        if (i)
            *p++ = '-';
        memcpy(p, text.data, groups[i]);
        p += groups[i];
        text.data += groups[i];
    }
    return pbus_uuid_parse((pbus_str_t){dashed, PBUS_UUID_TEXT - 1}, uuid);
}

bool text_uuid(pbus_str_t text, bool urn, pbus_uuid_t *uuid)
{
    static const char prefix[] = "urn:uuid:";
    if (text.size == 38 && text.data[0] == '{' && text.data[37] == '}')
        text = (pbus_str_t){text.data + 1, 36};
    else if (urn && text.size == 45 && strncasecmp(text.data, prefix, sizeof prefix - 1) == 0)
        text = (pbus_str_t){text.data + 9, 36};
    else if (text.size == 32)
        return s_bare_uuid(text, uuid);
    return pbus_uuid_parse(text, uuid);
}
