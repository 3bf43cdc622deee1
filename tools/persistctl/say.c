/*
 * Say: see say.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "say.h"
#include "screen.h"

void say(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0) {
        screen_clean(text); /* it may quote what others have said */
        fprintf(stderr, "persistctl: %s\n", text);
        free(text);
    } else
        fputs("persistctl: memory is out\n", stderr);
    va_end(arguments);
}
