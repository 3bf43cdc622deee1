/*
 * Report: what became of each case, of one backend; as TAP (testanything.org, version 14) and, of several
 * backends, as a table.
 */
#ifndef REPORT_H
#define REPORT_H

#include <persistbus/types.h>

#include <stdio.h>

typedef enum {
    REPORT_PASSED,
    REPORT_FAILED,
    REPORT_LACKS,  /* the backend has not what the case is about, and says so */
    REPORT_NOT_RUN /* the tester lacks what the case needs */
} report_outcome_t;

typedef struct report report_t;

/* title: the backend with its version and server, for the head of the table. Both are copied. */
report_t *report_new(const char *backend, const char *title);
void report_destroy(report_t **self_p);

/* text: why it failed, or was not run; may be empty. */
void report_add(report_t *self, const char *name, report_outcome_t outcome, const char *text, double seconds);
/* Sets name and title once they are known. */
void report_set_backend(report_t *self, const char *backend, const char *title);

const char *report_backend(const report_t *self);
const char *report_title(const report_t *self);
size_t report_count(const report_t *self);
size_t report_count_of(const report_t *self, report_outcome_t outcome);
/* The place-th case. */
const char *report_name(const report_t *self, size_t place);
report_outcome_t report_outcome(const report_t *self, size_t place);
const char *report_text(const report_t *self, size_t place);
double report_seconds(const report_t *self, size_t place);
/* A case as one line, while the suite runs. */
void report_write_line(const report_t *self, size_t place, FILE *out);
/* "ok", "FAILED", "lacks", "not run" */
const char *report_word(report_outcome_t outcome);

void report_write_tap(const report_t *self, FILE *out);
/* Reads what report_write_tap wrote; NULL with *error filled when it is something else. */
report_t *report_read_tap(FILE *in, pbus_error_t *error);
/* One column a report, one line a case; below it what failed, and why. */
void report_write_table(report_t *const *reports, size_t count, FILE *out);

#endif
