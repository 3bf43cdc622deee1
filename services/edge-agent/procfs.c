/*
 * Procfs: see procfs.h. What can't be read is of somebody else, or gone, and is passed over.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "procfs.h"

#define START_FIELD 22            /* of /proc/PID/stat, as proc(5) counts them */
#define ENVIRON_MAX (1024 * 1024) /* bytes that are looked at */

typedef struct {
    char state;
    pid_t group;
    uint64_t ticks;
} s_stat_t;

/* Reads up to size - 1 bytes, and ends them with NUL. Returns how many. */
static size_t s_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = 1;
    while (fd >= 0 && used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t) got;
    if (fd >= 0)
        close(fd);
    text[used] = '\0';
    return used;
}

/* The second field is the program's name in parentheses and may hold anything, so reading starts behind the
 * last ')'. */
static bool s_stat(pid_t pid, s_stat_t *stat)
{
    char path[40], text[1024], *at, *save = NULL;
    snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
    if (!s_read(path, text, sizeof text) || !(at = strrchr(text, ')')))
        return false;
    char *word = strtok_r(at + 1, " ", &save);
    for (int field = 3; word; field++, word = strtok_r(NULL, " ", &save)) {
        if (field == 3)
            stat->state = *word;
        else if (field == 5)
            stat->group = (pid_t) strtol(word, NULL, 10);
        else if (field == START_FIELD) {
            stat->ticks = strtoull(word, NULL, 10);
            return true;
        }
    }
    return false;
}

static bool s_runs(const s_stat_t *stat)
{
    return stat->state != 'Z' && stat->state != 'X';
}

bool procfs_start(pid_t pid, uint64_t *ticks)
{
    s_stat_t stat;
    if (pid <= 0 || !s_stat(pid, &stat) || !s_runs(&stat))
        return false;
    *ticks = stat.ticks;
    return true;
}

bool procfs_is(pid_t pid, uint64_t ticks)
{
    uint64_t found;
    return procfs_start(pid, &found) && found == ticks;
}

void procfs_boot_id(char text[64])
{
    if (!s_read("/proc/sys/kernel/random/boot_id", text, 64))
        text[0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

/* ---- finding ---------------------------------------------------------------------------------------- */

/* environ is NAME=value with a NUL behind each. */
static const char *s_value(const char *buffer, size_t size, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = buffer; at < buffer + size; at += strlen(at) + 1)
        if (!strncmp(at, name, length) && at[length] == '=')
            return at + length + 1;
    return NULL;
}

static void s_look(pid_t pid, char *buffer, const char *name, procfs_found_t *found, void *context)
{
    char path[40];
    s_stat_t stat;
    snprintf(path, sizeof path, "/proc/%d/environ", (int) pid);
    if (!s_stat(pid, &stat) || stat.group != pid || !s_runs(&stat))
        return;
    const char *value = s_value(buffer, s_read(path, buffer, ENVIRON_MAX), name);
    if (value)
        found(context, pid, stat.ticks, value);
}

void procfs_find(const char *name, procfs_found_t *found, void *context)
{
    DIR *all = opendir("/proc");
    char *buffer = malloc(ENVIRON_MAX);
    struct dirent *entry;
    while (all && buffer && (entry = readdir(all)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid > 0 && !*end)
            s_look((pid_t) pid, buffer, name, found, context);
    }
    free(buffer);
    if (all)
        closedir(all);
}
