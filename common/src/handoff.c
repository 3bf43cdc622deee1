#include "handoff.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define ORDER_BEFORE(pointer) __tsan_release(pointer)
#define ORDER_AFTER(pointer) __tsan_acquire(pointer)
#else
#define ORDER_BEFORE(pointer) ((void) (pointer))
#define ORDER_AFTER(pointer) ((void) (pointer))
#endif

int pbus_handoff_send(void *pipe, const char *command, void *pointer)
{
    if (pointer)
        ORDER_BEFORE(pointer);
    return zsock_send(pipe, "sp", command, pointer);
}

char *pbus_handoff_recv(void *pipe, void **pointer)
{
    char *command = NULL;
    *pointer = NULL;
    if (zsock_recv(pipe, "sp", &command, pointer) != 0)
        return NULL;
    if (*pointer)
        ORDER_AFTER(*pointer);
    return command;
}

bool pbus_handoff_waits(void *pipe)
{
    return zsock_events(pipe) & ZMQ_POLLIN;
}
