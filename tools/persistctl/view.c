/*
 * View: see view.h. Two tables, groups and workers, and a sentence for whatever is not as it should be.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "groups.h"
#include "job.h"
#include "json.h"
#include "table.h"
#include "units.h"
#include "view.h"

#define UNKNOWN (-1.0)

static const column_t group_columns[] = {{"", false, 0},        {"GROUP", false, 0},  {"STATE", false, 0},
                                         {"BACKEND", false, 7}, {"WORKERS", true, 1}, {"IN FLIGHT", true, 4},
                                         {"SPOOL", true, 2},    {"SIZE", true, 5},    {"LAG", true, 3},
                                         {"EVENTS/S", true, 6}};

static const column_t worker_columns[] = {{"", false, 0},         {"WORKER", false, 0}, {"STATE", false, 0},
                                          {"IN FLIGHT", true, 1}, {"CREDIT", true, 3},  {"BUSY", true, 2},
                                          {"BACKEND", false, 4}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool s_is_wanted(const view_t *self, yyjson_val *group)
{
    return !self->only || !strcmp(self->only, json_text(group, "name"));
}

/* Per second; a counter that has gone back is one of a core-data that was started meanwhile. */
static double s_rate(const view_t *self, yyjson_val *now, yyjson_val *before, const char *key)
{
    uint64_t last = json_count(now, key), first = json_count(before, key);
    if (!before || !yyjson_obj_get(now, key) || last < first || self->seconds <= 0)
        return UNKNOWN;
    return (double) (last - first) / self->seconds;
}

static double s_total_rate(const view_t *self, const char *key)
{
    return s_rate(self, yyjson_obj_get(self->now, "counters"), yyjson_obj_get(self->before, "counters"), key);
}

static double s_group_rate(const view_t *self, yyjson_val *group)
{
    yyjson_val *before = json_find(yyjson_obj_get(self->before, "groups"), "name", json_text(group, "name"));
    return s_rate(self, yyjson_obj_get(group, "counters"), yyjson_obj_get(before, "counters"), "acked");
}

static uint64_t s_in_flight(yyjson_val *group)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_obj_get(group, "workers"));
    yyjson_val *worker;
    uint64_t sum = 0;
    while ((worker = yyjson_arr_iter_next(&iter)))
        sum += json_count(worker, "inFlight");
    return sum;
}

static style_t s_state_style(yyjson_val *group)
{
    const char *state = json_text(group, "state");
    bool narrowed = json_is_true(group, "narrowed");
    if (!strcmp(state, "STALE") && !narrowed)
        return STYLE_BAD;
    bool serves =
        (narrowed || !strcmp(state, "LIVE")) && groups_ready(group) && !json_is_true(group, "retiring");
    return serves ? STYLE_GOOD : STYLE_CAUTION;
}

/* What stands for nothing: a column with nothing else in it is not shown. */
static const char *s_nothing(const view_t *self)
{
    return self->steady ? "-" : "";
}

/* ---- tables ---- */

static void s_group_workers(table_t *table, yyjson_val *group)
{
    size_t all = yyjson_arr_size(yyjson_obj_get(group, "workers")), ready = groups_ready(group);
    style_t style = ready ? STYLE_PLAIN : STYLE_CAUTION;
    if (ready < all)
        table_cell(table, style, "%zu of %zu", ready, all);
    else
        table_cell(table, style, "%zu", all);
}

static void s_group_waiting(const view_t *self, table_t *table, yyjson_val *group)
{
    yyjson_val *spool = yyjson_obj_get(group, "spool");
    uint64_t events = json_count(spool, "events"),
             oldest = json_count(yyjson_obj_get(group, "lag"), "oldestNs");
    table_cell(table, events ? STYLE_CAUTION : STYLE_PLAIN, "%s", units_count(events).text);
    table_cell(table, STYLE_PLAIN, "%s",
               events ? units_bytes(json_count(spool, "bytes")).text : s_nothing(self));
    table_cell(table, STYLE_PLAIN, "%s", oldest ? units_span((int64_t) oldest).text : s_nothing(self));
}

static void s_group_row(const view_t *self, table_t *table, yyjson_val *group)
{
    const char *state = json_text(group, "state"), *version = json_text(group, "version");
    if (json_is_true(group, "narrowed"))
        state = "NARROWED";
    bool leaves = json_is_true(group, "retiring");
    table_cell(table, STYLE_STRONG, json_is_true(group, "preferred") ? "*" : " ");
    table_cell(table, STYLE_STRONG, "%s", json_text(group, "name"));
    table_cell(table, s_state_style(group), "%s", leaves ? "RETIRING" : state);
    table_cell(table, STYLE_PLAIN, "%s%s%s", json_text(group, "backend"), *version ? " " : "", version);
    s_group_workers(table, group);
    table_cell(table, STYLE_PLAIN, "%s", units_count(s_in_flight(group)).text);
    s_group_waiting(self, table, group);
    table_cell(table, STYLE_PLAIN, "%s",
               self->before ? units_rate(s_group_rate(self, group)).text : s_nothing(self));
}

static const char *s_worker_state(yyjson_val *worker)
{
    return json_is_true(worker, "draining") ? "leaving" : json_is_true(worker, "ready") ? "ready" : "away";
}

/* What the worker has been sent and not answered, of what it may be sent. */
static void s_worker_credit(table_t *table, yyjson_val *worker)
{
    uint64_t credit = json_count(worker, "credit"), used = json_count(worker, "inFlightBytes");
    if (credit)
        table_cell(table, STYLE_PLAIN, "%s of %s", units_bytes(used).text, units_bytes(credit).text);
    else
        table_cell(table, STYLE_PLAIN, "%s", "");
}

static void s_worker_row(const view_t *self, table_t *table, yyjson_val *group, yyjson_val *worker)
{
    const char *state = s_worker_state(worker), *backend = json_text(worker, "backend");
    const char *version = json_text(worker, "version");
    uint64_t busy = json_count(worker, "busyNs");
    bool same =
        !strcmp(backend, json_text(group, "backend")) && !strcmp(version, json_text(group, "version"));
    table_cell(table, STYLE_PLAIN, " ");
    table_cell(table, STYLE_PLAIN, "%s/%s", json_text(group, "name"), json_text(worker, "name"));
    table_cell(table, *state == 'r' ? STYLE_GOOD : STYLE_CAUTION, "%s", state);
    table_cell(table, STYLE_PLAIN, "%s", units_count(json_count(worker, "inFlight")).text);
    s_worker_credit(table, worker);
    table_cell(table, STYLE_PLAIN, "%s", busy ? units_span((int64_t) busy).text : s_nothing(self));
    table_cell(table, STYLE_PLAIN, "%s%s%s", same ? "" : backend, same || !*version ? "" : " ",
               same ? "" : version);
}

static bool s_print_groups(const view_t *self, const screen_t *screen)
{
    table_t *table = table_new(group_columns, COUNT(group_columns));
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_obj_get(self->now, "groups"));
    yyjson_val *group;
    while (table && (group = yyjson_arr_iter_next(&iter)))
        if (s_is_wanted(self, group))
            s_group_row(self, table, group);
    bool complete = table && table_print(table, screen);
    table_destroy(&table);
    return complete;
}

static bool s_print_workers(const view_t *self, const screen_t *screen)
{
    table_t *table = table_new(worker_columns, COUNT(worker_columns));
    yyjson_arr_iter outer = yyjson_arr_iter_with(yyjson_obj_get(self->now, "groups"));
    yyjson_val *group, *worker;
    size_t count = 0;
    while (table && (group = yyjson_arr_iter_next(&outer))) {
        yyjson_arr_iter inner = yyjson_arr_iter_with(yyjson_obj_get(group, "workers"));
        while (s_is_wanted(self, group) && (worker = yyjson_arr_iter_next(&inner))) {
            s_worker_row(self, table, group, worker);
            count++;
        }
    }
    if (count)
        fputc('\n', screen->out);
    bool complete = table && (!count || table_print(table, screen));
    table_destroy(&table);
    return complete;
}

/* ---- sentences ---- */

static void s_note_state(const screen_t *screen, yyjson_val *group)
{
    const char *name = json_text(group, "name"), *why = json_text(group, "why");
    if (json_is_true(group, "retiring"))
        screen_line(screen, STYLE_CAUTION, "%s is being retired: it gets what waits for it, and is forgotten",
                    name);
    else if (json_is_true(group, "narrowed"))
        screen_line(screen, STYLE_PLAIN, "%s is narrowed: %s", name, why);
    else if (!strcmp(json_text(group, "state"), "STALE"))
        screen_line(screen, STYLE_BAD, "%s is STALE%s%s", name, *why ? ": " : "", why);
}

static void s_note_workers(const screen_t *screen, yyjson_val *group)
{
    const char *name = json_text(group, "name");
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_obj_get(group, "workers"));
    yyjson_val *worker;
    if (!yyjson_arr_size(yyjson_obj_get(group, "workers")))
        screen_line(screen, STYLE_CAUTION, "%s has no worker: what comes for it waits in the spool", name);
    while ((worker = yyjson_arr_iter_next(&iter)))
        if (*json_text(worker, "reason"))
            screen_line(screen, STYLE_CAUTION, "%s/%s: %s", name, json_text(worker, "name"),
                        json_text(worker, "reason"));
}

static void s_note_count(const screen_t *screen, yyjson_val *group, const char *key, const char *what)
{
    uint64_t count = json_count(group, key);
    if (count)
        screen_line(screen, STYLE_CAUTION, "%s: %s %s", json_text(group, "name"), units_count(count).text,
                    what);
}

static void s_note_group(const screen_t *screen, yyjson_val *group)
{
    yyjson_val *durable = yyjson_obj_get(group, "durable");
    s_note_state(screen, group);
    s_note_workers(screen, group);
    if (yyjson_is_false(durable) && groups_ready(group))
        screen_line(screen, STYLE_FAINT, "%s is volatile: a power cut may lose what it has acknowledged",
                    json_text(group, "name"));
    s_note_count(screen, group, "dropped", "writes for it were dropped from the spool, by its limits");
    s_note_count(screen, group, "missed", "writes have not reached it");
    s_note_count(screen, group, "differing", "writes had another outcome than in the group that decided");
    s_note_count(screen, group, "deletes", "deletes of a range have still to run");
}

static void s_note_jobs(const view_t *self, const screen_t *screen)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(self->jobs);
    yyjson_val *job;
    while ((job = yyjson_arr_iter_next(&iter))) {
        const char *state = json_text(job, "state"), *message = json_text(job, "message");
        uint64_t seen = json_count(job, "eventsSeen"), total = json_count(job, "eventsTotal");
        if (strcmp(state, "running") != 0 && strcmp(state, "waiting") != 0)
            continue;
        screen_line(screen, STYLE_PLAIN, "job %s, %s: %s, %s of %s events%s%s", job_id(job).text,
                    job_title(job).text, state, units_count(seen).text, total ? units_count(total).text : "?",
                    *message ? "; " : "", message);
    }
}

static void s_print_head(const view_t *self, const screen_t *screen)
{
    screen_print(screen, STYLE_STRONG, "core-data at %s", self->url);
    if (self->before) {
        double failed = s_total_rate(self, "httpRequestsFailed");
        screen_print(screen, STYLE_PLAIN, ": %s events/s, %s queries/s",
                     units_rate(s_total_rate(self, "eventsPersisted")).text,
                     units_rate(s_total_rate(self, "queriesAnswered")).text);
        if (failed > 0)
            screen_print(screen, STYLE_BAD, ", %s requests/s fail", units_rate(failed).text);
    }
    fputs("\n\n", screen->out);
}

bool view_print(const view_t *self, const screen_t *screen)
{
    yyjson_val *groups = yyjson_obj_get(self->now, "groups"), *group;
    yyjson_arr_iter iter = yyjson_arr_iter_with(groups);
    s_print_head(self, screen);
    if (!yyjson_arr_size(groups)) {
        fputs("no group is known yet: start a persistence service, such as persist-sqlite\n", screen->out);
        return true;
    }
    bool complete = s_print_groups(self, screen) && s_print_workers(self, screen);
    fputc('\n', screen->out);
    while ((group = yyjson_arr_iter_next(&iter)))
        if (s_is_wanted(self, group))
            s_note_group(screen, group);
    s_note_jobs(self, screen);
    fputs("* preferred: decides and answers\n", screen->out);
    return complete;
}

void view_print_lines(const view_t *self, FILE *out, int64_t epoch_ns)
{
    char at[32];
    struct tm parts;
    time_t seconds = (time_t) (epoch_ns / 1000000000);
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_obj_get(self->now, "groups"));
    yyjson_val *group;
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    if (!yyjson_arr_size(yyjson_obj_get(self->now, "groups")))
        fprintf(out, "ts=%s groups=0\n", at);
    while ((group = yyjson_arr_iter_next(&iter))) {
        yyjson_val *spool = yyjson_obj_get(group, "spool");
        double rate = s_group_rate(self, group);
        if (!s_is_wanted(self, group))
            continue;
        fprintf(out,
                "ts=%s group=%s state=%s preferred=%s workers=%zu inFlight=%" PRIu64 " spoolEvents=%" PRIu64
                " spoolBytes=%" PRIu64,
                at, json_text(group, "name"),
                json_is_true(group, "narrowed") ? "NARROWED" : json_text(group, "state"),
                json_is_true(group, "preferred") ? "true" : "false", groups_ready(group), s_in_flight(group),
                json_count(spool, "events"), json_count(spool, "bytes"));
        fprintf(out, rate < 0 ? "\n" : " eventsPerSecond=%.1f\n", rate);
    }
    fflush(out);
}
