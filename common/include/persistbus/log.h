/*
 * Log: one logfmt line a message on standard error, as EdgeX services write:
 *
 *     level=INFO ts=2026-01-31T12:00:00.000000000Z app=core-data source=main.c:42 msg="listening on ..."
 *
 * Safe to use from several threads; a line is one write.
 */
#ifndef PERSISTBUS_LOG_H
#define PERSISTBUS_LOG_H

#include <persistbus/types.h>

typedef enum {
    PBUS_LOG_TRACE,
    PBUS_LOG_DEBUG,
    PBUS_LOG_INFO,
    PBUS_LOG_WARN,
    PBUS_LOG_ERROR
} pbus_log_level_t;

typedef struct pbus_log pbus_log_t;

/* app is copied; level is INFO. NULL when memory is out. */
PBUS_EXPORT pbus_log_t *pbus_log_new(const char *app);
PBUS_EXPORT void pbus_log_destroy(pbus_log_t **self_p);
/* "TRACE", "debug"...; false, and no change, if it is none of the levels. */
PBUS_EXPORT bool pbus_log_set_level(pbus_log_t *self, const char *name);
/* Where lines go; standard error unless set. The descriptor stays the caller's. */
PBUS_EXPORT void pbus_log_set_fd(pbus_log_t *self, int fd);
PBUS_EXPORT bool pbus_log_enabled(const pbus_log_t *self, pbus_log_level_t level);

/* Use the macros. self may be NULL: nothing is written. */
PBUS_EXPORT void pbus_log_write(pbus_log_t *self, pbus_log_level_t level, const char *file, int line,
                                const char *format, ...) PBUS_PRINTF(5, 6);

#define pbus_log_at(self, level, ...) pbus_log_write((self), (level), __FILE__, __LINE__, __VA_ARGS__)
#define pbus_log_trace(self, ...) pbus_log_at(self, PBUS_LOG_TRACE, __VA_ARGS__)
#define pbus_log_debug(self, ...) pbus_log_at(self, PBUS_LOG_DEBUG, __VA_ARGS__)
#define pbus_log_info(self, ...) pbus_log_at(self, PBUS_LOG_INFO, __VA_ARGS__)
#define pbus_log_warn(self, ...) pbus_log_at(self, PBUS_LOG_WARN, __VA_ARGS__)
#define pbus_log_error(self, ...) pbus_log_at(self, PBUS_LOG_ERROR, __VA_ARGS__)

#endif
