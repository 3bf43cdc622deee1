/*
 * Watch: see watch.h. The folder is watched rather than the file, as editors put a new file in its place.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "watch.h"

struct watch {
    char *path;
    int inotify;
    int folder; /* inotify's watch; -1: the folder is not there yet */
    struct stat seen;
};

watch_t *watch_new(const char *path)
{
    watch_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->folder = -1;
    self->path = strdup(path);
    self->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (!self->path || self->inotify < 0)
        watch_destroy(&self);
    return self;
}

void watch_destroy(watch_t **self_p)
{
    if (!*self_p)
        return;
    if ((*self_p)->inotify >= 0)
        close((*self_p)->inotify);
    free((*self_p)->path);
    free(*self_p);
    *self_p = NULL;
}

int watch_fd(const watch_t *self)
{
    return self->inotify;
}

static void s_watch_folder(watch_t *self)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(self->path, '/');
    if (slash && (size_t) (slash - self->path) < sizeof folder - 1) {
        memcpy(folder, self->path, (size_t) (slash - self->path) + 1);
        folder[slash - self->path + 1] = '\0';
    }
    self->folder =
        inotify_add_watch(self->inotify, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
}

/* What happened is not looked at, as the file itself is. A folder that goes takes its watch with it. */
static bool s_drain(watch_t *self)
{
    bool told = false;
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t size;
    while ((size = read(self->inotify, events, sizeof events)) > 0)
        for (char *at = events; at < events + size;) {
            const struct inotify_event *event = (const struct inotify_event *) at;
            if (event->mask & IN_IGNORED)
                self->folder = -1;
            at += sizeof *event + event->len;
            told = true;
        }
    return told;
}

bool watch_is_changed(watch_t *self, bool look)
{
    struct stat now = {0};
    if (!s_drain(self) && !look)
        return false;
    if (self->folder < 0)
        s_watch_folder(self);
    if (stat(self->path, &now) != 0)
        now = (struct stat){0};
    bool changed = now.st_ino != self->seen.st_ino || now.st_size != self->seen.st_size ||
                   now.st_mtim.tv_sec != self->seen.st_mtim.tv_sec ||
                   now.st_mtim.tv_nsec != self->seen.st_mtim.tv_nsec;
    self->seen = now;
    return changed;
}
