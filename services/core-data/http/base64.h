/*
 * Base64: RFC 4648, section 4, with padding.
 */
#ifndef CORE_DATA_BASE64_H
#define CORE_DATA_BASE64_H

#include <persistbus/types.h>

/* Appends the text of the bytes. */
void base64_encode(pbus_str_t bytes, pbus_buf_t *out);

/* How many bytes decoding may write. */
size_t base64_room(size_t text_size);
/*
 * Writes the bytes of the text to out, which has base64_room bytes; line breaks are skipped. False when the
 * text is not base64 or its padding is wrong.
 */
bool base64_decode(pbus_str_t text, uint8_t *out, size_t *size);

#endif
