/*
 * Need: memory for a program that can't go on without it. Where there is none, the process ends with one
 * line.
 */
#ifndef NEED_H
#define NEED_H

#include <persistbus/types.h>

/* Zeroed; freed with free. */
void *need_alloc(size_t count, size_t size);
/* As realloc, for count elements; what is new is not zeroed. */
void *need_more(void *old, size_t count, size_t size);
/* Ends the process if an append to the buffer has failed. */
void need_buf(const pbus_buf_t *buf);
/* A copy of a text, terminated; freed with free. */
char *need_text(pbus_str_t text);
/* Does nothing with a pointer, or ends the process if it is NULL. */
void need_made(const void *made);

#endif
