/*
 * Interrupt: Ctrl-C and SIGTERM as something to wait for, in place of a handler: from interrupt_new on they
 * no longer end the process, until interrupt_destroy.
 */
#ifndef PERSISTCTL_INTERRUPT_H
#define PERSISTCTL_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct interrupt interrupt_t;

/* NULL, having said why, when the system has no descriptor left. */
interrupt_t *interrupt_new(void);
void interrupt_destroy(interrupt_t **self_p);

/* Whether one has come; waits for it as long as this at most. NULL for self: never, and does not wait. */
bool interrupt_wait(interrupt_t *self, int64_t ns);
/* A descriptor that is readable once one has come; for a poll. */
int interrupt_fd(const interrupt_t *self);

#endif
