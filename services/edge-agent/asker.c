/*
 * Asker: see asker.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>
#include "asker.h"

#define RETIRE_TIMEOUT 15000000000 /* ns */
#define URL_MAX 1024

typedef struct question {
    TAILQ_ENTRY(question) link;
    asker_t *asker;
    http_call_t *call;
    char about[300]; /* a module's name, or a group's */
} question_t;

struct asker {
    http_t *http;
    agent_t *agent;
    int64_t timeout;
    TAILQ_HEAD(, question) questions;
};

asker_t *asker_new(http_t *http, int64_t timeout)
{
    asker_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->http = http;
    self->timeout = timeout;
    TAILQ_INIT(&self->questions);
    return self;
}

void asker_destroy(asker_t **self_p)
{
    asker_t *self = *self_p;
    question_t *question;
    if (!self)
        return;
    while ((question = TAILQ_FIRST(&self->questions))) {
        http_cancel(self->http, &question->call);
        TAILQ_REMOVE(&self->questions, question, link);
        free(question);
    }
    free(self);
    *self_p = NULL;
}

void asker_set_agent(asker_t *self, agent_t *agent)
{
    self->agent = agent;
}

static bool s_send(asker_t *self, const http_request_t *request, http_done_t *done, const char *about)
{
    question_t *question = calloc(1, sizeof *question);
    if (!question)
        return false;
    question->asker = self;
    snprintf(question->about, sizeof question->about, "%s", about);
    question->call = http_send(self->http, request, done, question);
    if (!question->call) {
        free(question);
        return false;
    }
    TAILQ_INSERT_TAIL(&self->questions, question, link);
    return true;
}

static void s_drop(question_t *question)
{
    TAILQ_REMOVE(&question->asker->questions, question, link);
    free(question);
}

/* ---- a module's ping -------------------------------------------------------------------------------- */

static void s_pinged(void *context, const http_answer_t *answer)
{
    question_t *question = context;
    agent_pinged(question->asker->agent, question->about, answer->status >= 200 && answer->status < 300,
                 pbus_clock_boottime());
    s_drop(question);
}

static bool s_ping(void *context, const char *module, const char *url)
{
    asker_t *self = context;
    http_request_t request = {.method = "GET", .url = url, .timeout = self->timeout, .discard = true};
    return s_send(self, &request, s_pinged, module);
}

/* ---- core-data's groups ------------------------------------------------------------------------------ */

static void s_told_groups(void *context, const http_answer_t *answer)
{
    question_t *question = context;
    bool good = answer->status == 200;
    agent_groups(question->asker->agent, good ? answer->body : NULL, answer->size, pbus_clock_boottime());
    s_drop(question);
}

static bool s_ask_groups(void *context, const char *core_url)
{
    asker_t *self = context;
    char url[URL_MAX];
    if ((size_t) snprintf(url, sizeof url, "%s/api/v3/persistence/groups", core_url) >= sizeof url)
        return false;
    http_request_t request = {.method = "GET", .url = url, .timeout = self->timeout};
    return s_send(self, &request, s_told_groups, "");
}

/* ---- retiring ---------------------------------------------------------------------------------------- */

/* EdgeX's error bodies have a `message`. */
static void s_retired(void *context, const http_answer_t *answer)
{
    question_t *question = context;
    char text[120];
    yyjson_doc *doc = yyjson_read(answer->body, answer->size, 0);
    const char *message = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "message"));
    if (answer->status == 0)
        snprintf(text, sizeof text, "%s", answer->error);
    else
        snprintf(text, sizeof text, "%.100s", message ? message : "it gives no reason");
    yyjson_doc_free(doc);
    agent_retired(question->asker->agent, question->about, answer->status, text, pbus_clock_boottime());
    s_drop(question);
}

static bool s_is_plain(const char *group)
{
    return strspn(group, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
           strlen(group);
}

/* A name with other characters is none that core-data accepts. */
static bool s_retire(void *context, const char *core_url, const char *group)
{
    asker_t *self = context;
    char url[URL_MAX];
    if (!s_is_plain(group) || (size_t) snprintf(url, sizeof url, "%s/api/v3/persistence/groups/%s/retire",
                                                core_url, group) >= sizeof url)
        return false;
    http_request_t request = {.method = "POST", .url = url, .timeout = RETIRE_TIMEOUT};
    return s_send(self, &request, s_retired, group);
}

outside_t asker_outside(asker_t *self)
{
    return (outside_t){self, s_ping, s_ask_groups, s_retire};
}
