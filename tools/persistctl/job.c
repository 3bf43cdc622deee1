/*
 * Job: see job.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "job.h"
#include "json.h"
#include "say.h"
#include "screen.h"
#include "units.h"

#define LOOK_NS INT64_C(300000000)   /* between two looks at the job */
#define AWAY_NS INT64_C(15000000000) /* how long core-data may be away meanwhile */

#define IS(text, literal) (strcmp((text), (literal)) == 0)

job_title_t job_title(yyjson_val *job)
{
    job_title_t title;
    const char *kind = json_text(job, "kind"), *from = json_text(job, "from"), *to = json_text(job, "to");
    if (IS(kind, "verify"))
        snprintf(title.text, sizeof title.text, "verify %s against %s", to, from);
    else
        snprintf(title.text, sizeof title.text, "%s %s -> %s", kind, from, to);
    return title;
}

job_id_t job_id(yyjson_val *job)
{
    job_id_t id;
    snprintf(id.text, sizeof id.text, "%s", json_text(job, "id"));
    return id;
}

double job_share(yyjson_val *job)
{
    uint64_t seen = json_count(job, "eventsSeen"), total = json_count(job, "eventsTotal");
    if (IS(json_text(job, "state"), "done") || (total && seen >= total))
        return 1;
    return total ? (double) seen / (double) total : 0;
}

bool job_is_over(yyjson_val *job)
{
    const char *state = json_text(job, "state");
    return IS(state, "done") || IS(state, "failed") || IS(state, "cancelled");
}

static uint64_t s_differences(yyjson_val *job)
{
    return json_count(job, "missing") + json_count(job, "extra") + json_count(job, "different");
}

const char *job_note(yyjson_val *job)
{
    /* Of what is done, the numbers beside it tell all, unless groups differ. */
    return IS(json_text(job, "state"), "done") && !s_differences(job) ? "" : json_text(job, "message");
}

static int s_verdict(yyjson_val *job)
{
    if (!IS(json_text(job, "state"), "done"))
        return EXIT_NOT;
    return IS(json_text(job, "kind"), "verify") && s_differences(job) ? EXIT_NOT : EXIT_DONE;
}

static units_t s_took(yyjson_val *job)
{
    uint64_t began = json_count(job, "startedNs"), ended = json_count(job, "endedNs");
    return units_span(ended > began ? (int64_t) (ended - began) : 0);
}

static void s_tell_done(yyjson_val *job)
{
    screen_t screen = screen_of(stdout);
    const char *from = json_text(job, "from"), *to = json_text(job, "to");
    bool verified = IS(json_text(job, "kind"), "verify");
    if (verified && s_differences(job))
        screen_print(&screen, STYLE_BAD, "%s is not equal to %s: %s missing, %s extra, %s different", to,
                     from, units_count(json_count(job, "missing")).text,
                     units_count(json_count(job, "extra")).text,
                     units_count(json_count(job, "different")).text);
    else
        screen_print(&screen, STYLE_GOOD, "%s is equal to %s", to, from);
    screen_print(&screen, STYLE_PLAIN, ": %s events compared",
                 units_count(json_count(job, "eventsSeen")).text);
    if (!verified)
        screen_print(&screen, STYLE_PLAIN, ", %s copied, %s deleted",
                     units_count(json_count(job, "eventsCopied")).text,
                     units_count(json_count(job, "eventsDeleted")).text);
    screen_line(&screen, STYLE_PLAIN, ", in %s", s_took(job).text);
}

/* What came of it. */
static int s_tell(const globals_t *globals, yyjson_val *job)
{
    const char *message = json_text(job, "message"), *state = json_text(job, "state");
    if (globals->json)
        json_print(stdout, job);
    else if (IS(state, "done"))
        s_tell_done(job);
    if (IS(state, "failed"))
        say("job %s (%s) failed: %s", job_id(job).text, job_title(job).text,
            *message ? message : "core-data's log says why");
    else if (IS(state, "cancelled"))
        say("job %s (%s) was cancelled%s%s", job_id(job).text, job_title(job).text, *message ? ": " : "",
            message);
    return s_verdict(job);
}

void job_show(progress_t *progress, yyjson_val *job)
{
    bool waits = IS(json_text(job, "state"), "waiting");
    const char *message = json_text(job, "message");
    progress_step_t step = {.done = json_count(job, "eventsSeen"),
                            .total = json_count(job, "eventsTotal"),
                            .rate = json_real(job, "rate"),
                            .note = !waits     ? ""
                                    : *message ? message
                                               : "waits",
                            .now = pbus_clock_boottime()};
    if (progress)
        progress_show(progress, &step);
}

typedef struct {
    const globals_t *globals;
    api_t *api;
    interrupt_t *interrupt;
    progress_t *progress; /* NULL: nothing is shown */
    job_id_t id;
    char *path;
    int64_t seen_at; /* CLOCK_BOOTTIME ns: when core-data answered last */
} follower_t;

static void s_leave(const follower_t *self)
{
    say("job %s goes on without you: persistctl jobs --follow %s shows it, persistctl jobs --cancel %s ends "
        "it",
        self->id.text, self->id.text, self->id.text);
}

/* core-data answers with the job itself, or has it in a member. */
static yyjson_val *s_job(const answer_t *answer)
{
    yyjson_val *root = yyjson_doc_get_root(answer->doc), *job = yyjson_obj_get(root, "job");
    return job ? job : root;
}

static bool s_take(follower_t *self, yyjson_val *job, int *result)
{
    self->seen_at = pbus_clock_boottime();
    job_show(self->progress, job);
    if (!job_is_over(job))
        return true;
    progress_destroy(&self->progress);
    *result = s_tell(self->globals, job);
    return false;
}

/* Whether to look again; else *result is how it ended. */
static bool s_look(follower_t *self, int *result)
{
    answer_t answer;
    int64_t now = pbus_clock_boottime();
    *result = api_call(self->api, "GET", self->path, NULL, &answer);
    bool again = false;
    if (*result == EXIT_AWAY && (now - self->seen_at < AWAY_NS || interrupt_wait(self->interrupt, 0)))
        again = true; /* core-data may be starting anew; or there was an interrupt, which the caller sees */
    else if (answer.status == 404)
        say("job %s is not known: core-data forgets old jobs, and all when it is restarted; see persistctl "
            "jobs",
            self->id.text);
    else if (*result != EXIT_DONE)
        say("%s", answer.error);
    else
        again = s_take(self, s_job(&answer), result);
    answer_clear(&answer);
    return again;
}

static int s_follow(follower_t *self)
{
    int result;
    self->seen_at = pbus_clock_boottime();
    while (s_look(self, &result))
        if (interrupt_wait(self->interrupt, LOOK_NS)) {
            progress_destroy(&self->progress);
            s_leave(self);
            return EXIT_NOT;
        }
    return result;
}

/* With --json, standard output is for the document; a person may still look at the terminal. */
static progress_t *s_progress(const globals_t *globals, yyjson_val *job)
{
    FILE *out = globals->json ? stderr : stdout;
    return globals->json && !screen_of(out).terminal ? NULL : progress_new(job_title(job).text, out);
}

/* What to do with a job that was just started, or asked for. */
static int s_attend(follower_t *self, yyjson_val *job, bool wait)
{
    const char *id = json_text(job, "id");
    self->id = job_id(job);
    self->path = api_path("persistence", "jobs", id, NULL);
    if (!*id || !self->path) {
        say("core-data names no job in its answer, or memory is out; see persistctl jobs");
        return EXIT_NOT;
    }
    if (wait) {
        self->progress = s_progress(self->globals, job);
        return s_follow(self);
    }
    if (self->globals->json)
        json_print(stdout, job);
    else
        printf("job %s runs: persistctl jobs --follow %s shows it\n", self->id.text, self->id.text);
    return EXIT_DONE;
}

static void s_close(follower_t *self)
{
    progress_destroy(&self->progress);
    free(self->path);
    api_destroy(&self->api);
    interrupt_destroy(&self->interrupt);
}

/* Asks core-data for a job, a new one or one that there is, and attends to it. */
static int s_run(const globals_t *globals, const char *method, const char *path, const char *body, bool wait)
{
    follower_t self = {.globals = globals, .interrupt = interrupt_new()};
    int result = self.interrupt ? EXIT_USAGE : EXIT_NOT;
    self.api = self.interrupt ? api_new(globals->url, self.interrupt) : NULL;
    if (self.api) {
        answer_t answer;
        result = api_ask(self.api, method, path, body, &answer);
        if (result == EXIT_DONE)
            result = s_attend(&self, s_job(&answer), wait);
        answer_clear(&answer);
    }
    s_close(&self);
    return result;
}

/* NULL when memory is out. Freed by the caller. */
static char *s_order(const char *kind, const char *from, const char *to)
{
    char *text = NULL;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    if (root && yyjson_mut_obj_add_str(doc, root, "apiVersion", "v3") &&
        yyjson_mut_obj_add_str(doc, root, "kind", kind) && yyjson_mut_obj_add_str(doc, root, "from", from) &&
        yyjson_mut_obj_add_str(doc, root, "to", to)) {
        yyjson_mut_doc_set_root(doc, root);
        text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, NULL);
    }
    yyjson_mut_doc_free(doc);
    return text;
}

static int s_start(const globals_t *globals, const char *kind, const char *from, const char *to, bool wait)
{
    char *order = s_order(kind, from, to);
    if (!order) {
        say("%s: memory is out, or a name is not UTF-8", kind);
        return EXIT_NOT;
    }
    int result = s_run(globals, "POST", "persistence/jobs", order, wait);
    free(order);
    return result;
}

static int s_join(const globals_t *globals, const char *id, bool wait)
{
    char *path = api_path("persistence", "jobs", id, NULL);
    if (!path)
        say("memory is out");
    int result = path ? s_run(globals, "GET", path, NULL, wait) : EXIT_NOT;
    free(path);
    return result;
}

static yyjson_val *s_like(yyjson_val *jobs, const char *kind, const char *from, const char *to)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(jobs);
    yyjson_val *job;
    while ((job = yyjson_arr_iter_next(&iter)))
        if (!job_is_over(job) && IS(json_text(job, "kind"), kind) && IS(json_text(job, "from"), from) &&
            IS(json_text(job, "to"), to))
            return job;
    return NULL;
}

/* core-data copies by itself, and refuses a second job into one group: what is wanted may run already. */
int job_run(const globals_t *globals, const char *kind, const char *from, const char *to, bool wait)
{
    answer_t answer;
    api_t *api = api_new(globals->url, NULL);
    if (!api)
        return EXIT_USAGE;
    int result = api_ask(api, "GET", "persistence/jobs", NULL, &answer);
    if (result == EXIT_DONE) {
        yyjson_val *job = s_like(yyjson_obj_get(yyjson_doc_get_root(answer.doc), "jobs"), kind, from, to);
        result = job ? s_join(globals, json_text(job, "id"), wait) : s_start(globals, kind, from, to, wait);
    }
    answer_clear(&answer);
    api_destroy(&api);
    return result;
}

static char *s_find(yyjson_val *jobs, const char *text, size_t *count)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(jobs);
    yyjson_val *job;
    const char *found = "";
    while ((job = yyjson_arr_iter_next(&iter)))
        if (*text && !strncmp(text, json_text(job, "id"), strlen(text))) {
            found = json_text(job, "id");
            ++*count;
        }
    return strdup(found);
}

char *job_find(const globals_t *globals, const char *text, int *result)
{
    answer_t answer;
    char *found = NULL;
    size_t count = 0;
    api_t *api = api_new(globals->url, NULL);
    *result = EXIT_USAGE;
    if (!api)
        return NULL;
    *result = api_ask(api, "GET", "persistence/jobs", NULL, &answer);
    if (*result == EXIT_DONE) {
        found = s_find(yyjson_obj_get(yyjson_doc_get_root(answer.doc), "jobs"), text, &count);
        if (count != 1) {
            say(count ? "there are several jobs '%s...': write more of it"
                      : "there is no job '%s': see persistctl jobs",
                text);
            *result = EXIT_NOT;
            free(found);
            found = NULL;
        }
    }
    answer_clear(&answer);
    api_destroy(&api);
    return found;
}

int job_follow(const globals_t *globals, const char *text)
{
    int result;
    char *id = job_find(globals, text, &result);
    if (id)
        result = s_join(globals, id, true);
    free(id);
    return result;
}
