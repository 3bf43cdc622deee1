/*
 * Look: see look.h.
 */
#include "groups.h"
#include "look.h"

int look_take(look_t *self, api_t *api)
{
    answer_t fresh;
    int64_t at = pbus_clock_boottime();
    if (api_call(api, "GET", GROUPS_PATH, NULL, &fresh) == EXIT_DONE) {
        answer_clear(&self->before);
        self->before = self->now;
        self->before_at = self->at;
    } else
        answer_clear(&self->now);
    self->now = fresh;
    self->at = at;
    answer_clear(&self->jobs);
    if (fresh.result == EXIT_DONE)
        api_call(api, "GET", "persistence/jobs", NULL, &self->jobs);
    return fresh.result;
}

void look_clear(look_t *self)
{
    answer_clear(&self->now);
    answer_clear(&self->before);
    answer_clear(&self->jobs);
}

view_t look_view(const look_t *self, const api_t *api, const char *only)
{
    yyjson_val *before = self->before.result == EXIT_DONE ? yyjson_doc_get_root(self->before.doc) : NULL;
    return (view_t){.url = api_url(api),
                    .now = yyjson_doc_get_root(self->now.doc),
                    .before = before,
                    .seconds = (double) (self->at - self->before_at) / 1e9,
                    .jobs = yyjson_obj_get(yyjson_doc_get_root(self->jobs.doc), "jobs"),
                    .only = only};
}
