/*
 * Log lines in logfmt (persistbus/log.h).
 *
 * A line is made on the stack and never longer than LINE_MAX_SIZE, which is PIPE_BUF: so a write of it to a
 * pipe is not torn apart by other writers, and logging needs no memory and no lock. What does not fit is cut
 * off, which the message shows by "..." at its end. A line that cannot be written is lost: there is nowhere
 * left to say so. errno is as before after each call, so %m may be used and callers may look at it later.
 */
#include <persistbus/log.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE PIPE_BUF /* bytes, with the newline */
#define HEAD_MAX_SIZE 512      /* bytes of it for all that comes before the message's text */

struct pbus_log {
    char *app;
    atomic_int level;
    atomic_int fd;
};

typedef struct {
    char data[LINE_MAX_SIZE];
    size_t size;
} s_line_t;

static const char *const s_levels[] = {[PBUS_LOG_TRACE] = "TRACE",
                                       [PBUS_LOG_DEBUG] = "DEBUG",
                                       [PBUS_LOG_INFO] = "INFO",
                                       [PBUS_LOG_WARN] = "WARN",
                                       [PBUS_LOG_ERROR] = "ERROR"};

pbus_log_t *pbus_log_new(const char *app)
{
    pbus_log_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->app = strdup(app);
    atomic_init(&self->level, PBUS_LOG_INFO);
    atomic_init(&self->fd, STDERR_FILENO);
    if (!self->app)
        pbus_log_destroy(&self);
    return self;
}

void pbus_log_destroy(pbus_log_t **self_p)
{
    if (*self_p) {
        free((*self_p)->app);
        free(*self_p);
        *self_p = NULL;
    }
}

bool pbus_log_set_level(pbus_log_t *self, const char *name)
{
    for (int level = PBUS_LOG_TRACE; level <= PBUS_LOG_ERROR; level++) {
        if (strcasecmp(name, s_levels[level]) == 0) {
            atomic_store_explicit(&self->level, level, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

void pbus_log_set_fd(pbus_log_t *self, int fd)
{
    atomic_store_explicit(&self->fd, fd, memory_order_relaxed);
}

bool pbus_log_enabled(const pbus_log_t *self, pbus_log_level_t level)
{
    return self && (int) level >= atomic_load_explicit(&self->level, memory_order_relaxed);
}

/* level=, ts=, app=, source= and the quote that opens the message. */
static void s_put_head(s_line_t *line, const pbus_log_t *self, pbus_log_level_t level, const char *file,
                       int number)
{
    struct timespec now;
    struct tm utc;
    char ts[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(ts, sizeof ts, "%Y-%m-%dT%H:%M:%S", &utc);
    const char *slash = strrchr(file, '/');
    int size = snprintf(line->data, HEAD_MAX_SIZE, "level=%s ts=%s.%09ldZ app=%.64s source=%.128s:%d msg=\"",
                        s_levels[level], ts, now.tv_nsec, self->app, slash ? slash + 1 : file, number);
    line->size = size > 0 ? (size_t) size : 0;
}

/* How one byte is written inside quotes; returns the number of bytes, 6 at most. */
static size_t s_escape(unsigned char byte, char text[8])
{
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;
    if (byte >= 0x20 && byte != 0x7f) {
        if (byte == '"' || byte == '\\')
            text[size++] = '\\';
        text[size++] = (char) byte;
        return size;
    }
    text[size++] = '\\';
    if (byte == '\n' || byte == '\r' || byte == '\t') {
        text[size++] = byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't';
        return size;
    }
    memcpy(text + size, "u00", 3);
    text[size + 3] = digits[byte >> 4];
    text[size + 4] = digits[byte & 15];
    return size + 5;
}

/* Takes back the last character if it is of several bytes, as the cut may have gone through it. */
static void s_drop_partial(s_line_t *line)
{
    const unsigned char *data = (const unsigned char *) line->data;
    for (int i = 0; i < 3 && (data[line->size - 1] & 0xc0) == 0x80; i++)
        line->size--;
    if (data[line->size - 1] >= 0xc0)
        line->size--;
}

/* The message with what needs it escaped; if it was cut, here or before, with "..." at the end. */
static void s_put_message(s_line_t *line, const char *text, bool cut)
{
    static const char dots[] = "...", end[] = "\"\n";
    const size_t room = sizeof line->data - (sizeof dots - 1) - (sizeof end - 1);
    for (; *text; text++) {
        char escaped[8];
        size_t size = s_escape((unsigned char) *text, escaped);
        if (line->size + size > room) {
            cut = true;
            break;
        }
        memcpy(line->data + line->size, escaped, size);
        line->size += size;
    }
    if (cut) {
        s_drop_partial(line);
        memcpy(line->data + line->size, dots, sizeof dots - 1);
        line->size += sizeof dots - 1;
    }
    memcpy(line->data + line->size, end, sizeof end - 1);
    line->size += sizeof end - 1;
}

void pbus_log_write(pbus_log_t *self, pbus_log_level_t level, const char *file, int line_number,
                    const char *format, ...)
{
    if (!pbus_log_enabled(self, level))
        return;
    int saved = errno;
    char text[LINE_MAX_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size < 0)
        snprintf(text, sizeof text, "message that cannot be formatted: %s", format);
    s_line_t line;
    s_put_head(&line, self, level > PBUS_LOG_ERROR ? PBUS_LOG_ERROR : level, file, line_number);
    s_put_message(&line, text, size >= (int) sizeof text);
    int fd = atomic_load_explicit(&self->fd, memory_order_relaxed);
    ssize_t written;
    do
        written = write(fd, line.data, line.size);
    while (written < 0 && errno == EINTR);
    errno = saved;
}
