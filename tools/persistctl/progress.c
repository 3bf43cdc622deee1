/*
 * Progress: see progress.h.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "progress.h"
#include "units.h"

#define PLAIN_NS INT64_C(10000000000) /* between lines that tell no news */
#define BAR_MIN 10
#define BAR_MAX 40
#define WEIGHT 0.3 /* of the newest look in the rate */

struct progress {
    char *label;
    FILE *out;
    bool shown;       /* once at least */
    bool drawn;       /* a terminal's line stands there */
    char *note;       /* that was shown last */
    int tenth;        /* that was shown last */
    int64_t shown_at; /* when a plain line was printed last */
    double rate;      /* events/s, smoothed */
    uint64_t done;    /* of the last look */
    int64_t at;
};

progress_t *progress_new(const char *label, FILE *out)
{
    progress_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->out = out;
    self->label = strdup(label);
    self->note = strdup("");
    if (!self->label || !self->note)
        progress_destroy(&self);
    return self;
}

void progress_destroy(progress_t **self_p)
{
    progress_t *self = *self_p;
    if (!self)
        return;
    if (self->drawn) {
        fputs("\r\033[K", self->out);
        fflush(self->out);
    }
    free(self->label);
    free(self->note);
    free(self);
    *self_p = NULL;
}

static double s_share(const progress_step_t *step)
{
    return step->total == 0 ? 0 : step->done >= step->total ? 1 : (double) step->done / (double) step->total;
}

static void s_bar(pbus_buf_t *out, double share, int width)
{
    int full = (int) (share * width);
    pbus_buf_puts(out, " [");
    for (int i = 0; i < width; i++)
        pbus_buf_puts(out, i < full ? "#" : "-");
    pbus_buf_puts(out, "]");
}

/* Behind the bar. */
static void s_numbers(pbus_buf_t *out, const progress_step_t *step)
{
    if (step->total)
        pbus_buf_printf(out, " %3d %%  %s of %s events", (int) (100 * s_share(step)),
                        units_count(step->done).text, units_count(step->total).text);
    else
        pbus_buf_printf(out, " %s events", units_count(step->done).text);
    if (*step->note)
        pbus_buf_printf(out, "  %s", step->note);
    else if (step->rate >= 0.05) {
        pbus_buf_printf(out, "  %s/s", units_rate(step->rate).text);
        if (step->total > step->done)
            pbus_buf_printf(
                out, "  %s left",
                units_span((int64_t) ((double) (step->total - step->done) / step->rate * 1e9)).text);
    }
}

/* No more than so many columns of it. */
static void s_cut(char *text, int width)
{
    char *at = text;
    for (int columns = 0; *at; at++)
        if (((unsigned char) *at & 0xc0) != 0x80 && columns++ == width)
            break;
    *at = '\0';
}

char *progress_line(const char *label, const progress_step_t *step, int width)
{
    pbus_buf_t line = {0}, numbers = {0};
    s_numbers(&numbers, step);
    pbus_buf_append(&numbers, "", 1);
    pbus_buf_puts(&line, label);
    if (step->total && width < INT_MAX && !numbers.failed) {
        int room = width - screen_columns(label) - screen_columns((char *) numbers.data) - 3;
        if (room >= BAR_MIN)
            s_bar(&line, s_share(step), room < BAR_MAX ? room : BAR_MAX);
    }
    line.failed |= numbers.failed;
    pbus_buf_append(&line, numbers.data, numbers.size);
    pbus_buf_clear(&numbers);
    if (line.failed) {
        pbus_buf_clear(&line);
        return NULL;
    }
    screen_clean((char *) line.data);
    s_cut((char *) line.data, width);
    return (char *) line.data; /* malloc'd, see pbus_buf_t */
}

/* core-data's rate, else one from what was seen here, with the newest counting most. */
static double s_rate(progress_t *self, const progress_step_t *step)
{
    if (step->rate > 0)
        return step->rate;
    double seconds = (double) (step->now - self->at) / 1e9;
    if (self->at && seconds > 0 && step->done >= self->done) {
        double newest = (double) (step->done - self->done) / seconds;
        self->rate = self->rate > 0 ? WEIGHT * newest + (1 - WEIGHT) * self->rate : newest;
    }
    return self->rate;
}

static bool s_is_news(const progress_t *self, const progress_step_t *step)
{
    return !self->shown || (int) (10 * s_share(step)) != self->tenth || strcmp(step->note, self->note) != 0 ||
           step->now - self->shown_at >= PLAIN_NS;
}

static void s_remember(progress_t *self, const progress_step_t *step)
{
    char *note = strdup(step->note);
    if (note) {
        free(self->note);
        self->note = note;
    }
    self->shown = true;
    self->tenth = (int) (10 * s_share(step));
    self->shown_at = step->now;
}

void progress_show(progress_t *self, const progress_step_t *given)
{
    progress_step_t step = *given;
    screen_t screen = screen_of(self->out);
    step.rate = s_rate(self, given);
    self->done = step.done;
    self->at = step.now;
    if (!screen.terminal && !s_is_news(self, &step))
        return;
    s_remember(self, &step);
    char *line = progress_line(self->label, &step, screen.terminal ? screen.width - 1 : INT_MAX);
    if (line)
        fprintf(self->out, screen.terminal ? "\r%s\033[K" : "%s\n", line);
    self->drawn = screen.terminal;
    fflush(self->out);
    free(line);
}
