#include "need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void need_made(const void *made)
{
    if (!made) {
        fprintf(stderr, "conformance: out of memory\n");
        exit(1);
    }
}

void *need_alloc(size_t count, size_t size)
{
    void *made = calloc(count ? count : 1, size);
    need_made(made);
    return made;
}

void *need_more(void *old, size_t count, size_t size)
{
    void *made = count < SIZE_MAX / size ? realloc(old, count * size) : NULL;
    need_made(made);
    return made;
}

void need_buf(const pbus_buf_t *buf)
{
    need_made(buf->failed ? NULL : buf);
}

char *need_text(pbus_str_t text)
{
    char *made = need_alloc(text.size + 1, 1);
    if (text.size)
        memcpy(made, text.data, text.size);
    return made;
}
