#include "report.h"
#include "need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *name;
    report_outcome_t outcome;
    char *text;
    double seconds;
} entry_t;

struct report {
    char *backend;
    char *title;
    entry_t *entries;
    size_t count;
};

static char *s_copy(const char *text)
{
    return need_text(pbus_str(text));
}

report_t *report_new(const char *backend, const char *title)
{
    report_t *self = need_alloc(1, sizeof *self);
    self->backend = s_copy(backend);
    self->title = s_copy(title);
    return self;
}

void report_destroy(report_t **self_p)
{
    report_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        free(self->entries[i].name);
        free(self->entries[i].text);
    }
    free(self->entries);
    free(self->backend);
    free(self->title);
    free(self);
    *self_p = NULL;
}

void report_set_backend(report_t *self, const char *backend, const char *title)
{
    char *former[] = {self->backend, self->title}; /* which may be what is copied */
    self->backend = s_copy(backend);
    self->title = s_copy(title);
    free(former[0]);
    free(former[1]);
}

/* A text is one line. */
static char *s_line(const char *text)
{
    char *line = s_copy(text);
    for (char *at = line; *at; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    return line;
}

void report_add(report_t *self, const char *name, report_outcome_t outcome, const char *text, double seconds)
{
    self->entries = need_more(self->entries, self->count + 1, sizeof *self->entries);
    self->entries[self->count++] = (entry_t){s_copy(name), outcome, s_line(text), seconds};
}

const char *report_backend(const report_t *self)
{
    return self->backend;
}

const char *report_title(const report_t *self)
{
    return self->title;
}

size_t report_count(const report_t *self)
{
    return self->count;
}

size_t report_count_of(const report_t *self, report_outcome_t outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->entries[i].outcome == outcome;
    return count;
}

const char *report_name(const report_t *self, size_t place)
{
    return self->entries[place].name;
}

report_outcome_t report_outcome(const report_t *self, size_t place)
{
    return self->entries[place].outcome;
}

const char *report_text(const report_t *self, size_t place)
{
    return self->entries[place].text;
}

double report_seconds(const report_t *self, size_t place)
{
    return self->entries[place].seconds;
}

const char *report_word(report_outcome_t outcome)
{
    static const char *const words[] = {"ok", "FAILED", "lacks", "not run"};
    return words[outcome];
}

void report_write_line(const report_t *self, size_t place, FILE *out)
{
    const entry_t *entry = &self->entries[place];
    fprintf(out, "%-8s %-24s %6.2f s%s%s\n", report_word(entry->outcome), entry->name, entry->seconds,
            entry->text[0] ? "  " : "", entry->text);
    fflush(out);
}

/* ---- TAP -------------------------------------------------------------------------------------------------
 */

static void s_write_entry(const entry_t *entry, size_t number, FILE *out)
{
    bool failed = entry->outcome == REPORT_FAILED;
    fprintf(out, "%sok %zu - %s", failed ? "not " : "", number, entry->name);
    if (entry->outcome == REPORT_LACKS || entry->outcome == REPORT_NOT_RUN)
        fprintf(out, " # SKIP %s: %s", report_word(entry->outcome), entry->text);
    fprintf(out, "\n  ---\n  seconds: %.3f\n", entry->seconds);
    if (failed)
        fprintf(out, "  message: |-\n    %s\n", entry->text);
    fprintf(out, "  ...\n");
}

void report_write_tap(const report_t *self, FILE *out)
{
    fprintf(out, "TAP version 14\n# backend %s\n# title %s\n1..%zu\n", self->backend, self->title,
            self->count);
    for (size_t i = 0; i < self->count; i++)
        s_write_entry(&self->entries[i], i + 1, out);
}

/* What follows a prefix, or NULL. */
static char *s_after(char *line, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(line, prefix, size) == 0 ? line + size : NULL;
}

/* "ok 3 - name # SKIP lacks: why" */
static bool s_read_result(report_t *self, char *line)
{
    bool failed = s_after(line, "not ok ") != NULL;
    char *name = strstr(line, " - ");
    if (!name || (!failed && !s_after(line, "ok ")))
        return false;
    name += 3;
    char *skip = strstr(name, " # SKIP ");
    report_outcome_t outcome = failed ? REPORT_FAILED : REPORT_PASSED;
    char *text = NULL;
    if (skip) {
        *skip = '\0';
        text = strchr(skip + 8, ':');
        outcome = s_after(skip + 8, "lacks") ? REPORT_LACKS : REPORT_NOT_RUN;
    }
    report_add(self, name, outcome, text && text[1] ? text + 2 : "", 0);
    return true;
}

static void s_read_line(report_t *self, char *line)
{
    char *rest;
    entry_t *entry = self->count ? &self->entries[self->count - 1] : NULL;
    if ((rest = s_after(line, "# backend ")))
        report_set_backend(self, rest, self->title);
    else if ((rest = s_after(line, "# title ")))
        report_set_backend(self, self->backend, rest);
    else if (entry && (rest = s_after(line, "  seconds: ")))
        entry->seconds = strtod(rest, NULL);
    else if (entry && (rest = s_after(line, "    "))) {
        free(entry->text);
        entry->text = s_copy(rest);
    } else
        s_read_result(self, line);
}

report_t *report_read_tap(FILE *in, pbus_error_t *error)
{
    report_t *self = report_new("", "");
    char *line = NULL;
    size_t capacity = 0;
    long planned = -1;
    for (ssize_t size; (size = getline(&line, &capacity, in)) >= 0;) {
        if (size > 0 && line[size - 1] == '\n')
            line[size - 1] = '\0';
        char *plan = s_after(line, "1..");
        if (plan)
            planned = strtol(plan, NULL, 10);
        else
            s_read_line(self, line);
    }
    free(line);
    if (planned < 0 || (size_t) planned != self->count || !self->backend[0]) {
        pbus_fail(error, PBUS_INVALID, "no complete report: %zu results where %ld were planned", self->count,
                  planned);
        report_destroy(&self);
    }
    return self;
}

/* ---- table -----------------------------------------------------------------------------------------------
 */

static const entry_t *s_find(const report_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->entries[i].name, name) == 0)
            return &self->entries[i];
    return NULL;
}

static void s_write_row(report_t *const *reports, size_t count, const char *name, FILE *out)
{
    fprintf(out, "%-28s", name);
    for (size_t i = 0; i < count; i++) {
        const entry_t *entry = s_find(reports[i], name);
        fprintf(out, " %-10s", entry ? report_word(entry->outcome) : "-");
    }
    fprintf(out, "\n");
}

static void s_write_heads(report_t *const *reports, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%-10s %s\n", reports[i]->backend, reports[i]->title);
    fprintf(out, "\n%-28s", "case");
    for (size_t i = 0; i < count; i++)
        fprintf(out, " %-10s", reports[i]->backend);
    fprintf(out, "\n");
}

/* Whether none of the first `count` reports has this case. */
static bool s_is_new(report_t *const *reports, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (s_find(reports[i], name))
            return false;
    return true;
}

/* Whether an entry before has the same outcome for the same reason. */
static bool s_is_said(const report_t *self, size_t place)
{
    const entry_t *entry = &self->entries[place];
    for (size_t i = 0; i < place; i++)
        if (self->entries[i].outcome == entry->outcome && strcmp(self->entries[i].text, entry->text) == 0)
            return true;
    return false;
}

/* What is not run for one reason is said in one line; every failure has its own. */
static void s_write_reason(const report_t *self, size_t place, FILE *out)
{
    const entry_t *first = &self->entries[place];
    fprintf(out, "%s: %s: %s", self->backend, report_word(first->outcome), first->name);
    for (size_t i = place + 1; first->outcome != REPORT_FAILED && i < self->count; i++)
        if (self->entries[i].outcome == first->outcome && strcmp(self->entries[i].text, first->text) == 0)
            fprintf(out, ", %s", self->entries[i].name);
    fprintf(out, ": %s\n", first->text);
}

static void s_write_texts(report_t *const *reports, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < reports[i]->count; k++) {
            report_outcome_t outcome = reports[i]->entries[k].outcome;
            if (outcome == REPORT_FAILED || (outcome != REPORT_PASSED && !s_is_said(reports[i], k)))
                s_write_reason(reports[i], k, out);
        }
}

void report_write_table(report_t *const *reports, size_t count, FILE *out)
{
    s_write_heads(reports, count, out);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < reports[i]->count; k++)
            if (s_is_new(reports, i, reports[i]->entries[k].name))
                s_write_row(reports, count, reports[i]->entries[k].name, out);
    fprintf(out, "\n");
    s_write_texts(reports, count, out);
}
