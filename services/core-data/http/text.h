/*
 * Text: small questions about text that a client sent.
 */
#ifndef CORE_DATA_TEXT_H
#define CORE_DATA_TEXT_H

#include <persistbus/types.h>

/* Client text in an error text, as the arguments of %.*s, at a length that leaves room for the rest. */
#define SHOWN(text) (int) ((text).size < 60 ? (text).size : 60), (text).data

/* Whether there is nothing but white space, Unicode's included. The text must be UTF-8. */
bool text_is_blank(pbus_str_t text);

/* 8-4-4-4-12 hexadecimal digits, lower case. */
bool text_is_lower_uuid(pbus_str_t text);

/* Reads a UUID of either case, also as 32 digits or in braces, and with `urn:uuid:` before it if urn. */
bool text_uuid(pbus_str_t text, bool urn, pbus_uuid_t *uuid);

#endif
