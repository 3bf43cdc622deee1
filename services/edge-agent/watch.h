/*
 * Watch: whether a file has changed. It need not exist, nor its folder. The descriptor becomes readable when
 * something happens in the folder; on file systems that tell nothing it never does, so watch_is_changed is
 * called now and then too.
 */
#ifndef EDGE_AGENT_WATCH_H
#define EDGE_AGENT_WATCH_H

#include <persistbus/types.h>

typedef struct watch watch_t;

/* path is copied. NULL when memory or descriptors are out. */
watch_t *watch_new(const char *path);
void watch_destroy(watch_t **self_p);
int watch_fd(const watch_t *self);
/*
 * Whether it is another file, or has other content, than at the last time; a file that is there at the first
 * time is. The file is looked at only if something was told, or `look`: in between it may be half written.
 */
bool watch_is_changed(watch_t *self, bool look);

#endif
