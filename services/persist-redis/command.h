/*
 * Command: one command in Redis's protocol, built argument by argument in one buffer. Reusable, by value:
 *
 *     command_t command = {0};
 *     command_begin (&command, "GET");
 *     command_add (&command, key, size);
 *     ...command_text (&command, &size)...
 *     command_clear (&command);
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "keys.h"

typedef struct {
    pbus_buf_t text; /* the arguments, behind room for their number */
    size_t count;
} command_t;

void command_begin(command_t *self, const char *name);
void command_add(command_t *self, const void *data, size_t size);
void command_add_text(command_t *self, const char *text);
void command_add_number(command_t *self, int64_t number);
void command_add_key(command_t *self, keyname_t key);
/* The whole command, the self's until the next call; NULL when memory is out. */
const char *command_text(command_t *self, size_t *size);
void command_clear(command_t *self);

#endif
