#include "command.h"

#include <stdio.h>
#include <string.h>

#define HEAD_MAX 24 /* "*<number>\r\n" */

void command_begin(command_t *self, const char *name)
{
    static const char room[HEAD_MAX] = {0};
    pbus_buf_reset(&self->text);
    pbus_buf_append(&self->text, room, sizeof room);
    self->count = 0;
    command_add_text(self, name);
}

/* Writes "<letter><number>\r\n" so that it ends at `end`; returns where it begins. */
static char *s_write_head(char letter, size_t number, char *end)
{
    *--end = '\n';
    *--end = '\r';
    do
        *--end = (char) ('0' + number % 10);
    while ((number /= 10) > 0);
    *--end = letter;
    return end;
}

void command_add(command_t *self, const void *data, size_t size)
{
    char head[HEAD_MAX], *begin = s_write_head('$', size, head + sizeof head);
    pbus_buf_append(&self->text, begin, (size_t) (head + sizeof head - begin));
    if (size > 0)
        pbus_buf_append(&self->text, data, size);
    pbus_buf_append(&self->text, "\r\n", 2);
    self->count++;
}

void command_add_text(command_t *self, const char *text)
{
    command_add(self, text, strlen(text));
}

void command_add_number(command_t *self, int64_t number)
{
    char text[24];
    command_add(self, text, (size_t) snprintf(text, sizeof text, "%lld", (long long) number));
}

void command_add_key(command_t *self, keyname_t key)
{
    command_add(self, key.data, key.size);
}

const char *command_text(command_t *self, size_t *size)
{
    if (self->text.failed)
        return NULL;
    char *text = (char *) self->text.data, *begin = s_write_head('*', self->count, text + HEAD_MAX);
    *size = (size_t) (text + self->text.size - begin);
    return begin;
}

void command_clear(command_t *self)
{
    pbus_buf_clear(&self->text);
    self->count = 0;
}
