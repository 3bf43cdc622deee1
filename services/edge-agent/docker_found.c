/*
 * Docker_found: see docker_found.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "docker_found.h"

#define AGAIN 1000000000    /* ns between attempts to reach the engine */
#define TIMEOUT 60000000000 /* ns */

typedef struct found {
    TAILQ_ENTRY(found) link;
    docker_container_t container;
    bool told;
} found_t;

struct docker_found {
    const char *socket;
    const char *owner;
    http_t *http;
    TAILQ_HEAD(, found) found;
    http_call_t *call;
    bool known;
    int64_t again; /* when the engine is asked once more; INT64_MAX: it need not be */
    char error[160];
};

docker_found_t *docker_found_new(const char *socket, const char *owner, http_t *http)
{
    docker_found_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->socket = socket;
    self->owner = owner;
    self->http = http;
    self->again = INT64_MAX;
    TAILQ_INIT(&self->found);
    return self;
}

static void s_forget(docker_found_t *self, found_t *found)
{
    TAILQ_REMOVE(&self->found, found, link);
    free(found);
}

void docker_found_destroy(docker_found_t **self_p)
{
    docker_found_t *self = *self_p;
    if (!self)
        return;
    http_cancel(self->http, &self->call);
    while (!TAILQ_EMPTY(&self->found))
        s_forget(self, TAILQ_FIRST(&self->found));
    free(self);
    *self_p = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------ */

static bool s_keep(docker_found_t *self, const docker_container_t *container)
{
    found_t *found = calloc(1, sizeof *found);
    if (!found)
        return false;
    found->container = *container;
    TAILQ_INSERT_TAIL(&self->found, found, link);
    return true;
}

static bool s_keep_ours(docker_found_t *self, docker_list_t *list)
{
    docker_container_t container;
    while (docker_list_next(list, &container))
        if (container.id[0] && container.module[0] && !strcmp(container.owner, self->owner) &&
            !s_keep(self, &container))
            return false;
    return true;
}

static void s_fail(docker_found_t *self, const http_answer_t *answer)
{
    char fallback[40];
    snprintf(fallback, sizeof fallback, "status %d", answer->status);
    docker_api_message(answer->body, answer->size, answer->status ? fallback : answer->error, self->error,
                       sizeof self->error);
    while (!TAILQ_EMPTY(&self->found))
        s_forget(self, TAILQ_FIRST(&self->found));
    self->again = pbus_clock_boottime() + AGAIN;
}

static void s_listed(void *context, const http_answer_t *answer)
{
    docker_found_t *self = context;
    docker_list_t *list = answer->status == 200 ? docker_api_listed(answer->body, answer->size) : NULL;
    self->call = NULL;
    if (list && s_keep_ours(self, list))
        self->known = true;
    else
        s_fail(self, answer);
    docker_list_destroy(&list);
}

/* filters={"label":["OWNER=..."]}, percent-encoded. */
static void s_ask(docker_found_t *self)
{
    char url[400];
    snprintf(
        url, sizeof url,
        "http://localhost/containers/json?all=true&filters=%%7B%%22label%%22%%3A%%5B%%22" DOCKER_LABEL_OWNER
        "%%3D%s%%22%%5D%%7D",
        self->owner);
    http_request_t request = {.method = "GET", .url = url, .socket = self->socket, .timeout = TIMEOUT};
    self->call = http_send(self->http, &request, s_listed, self);
    self->again = self->call ? INT64_MAX : pbus_clock_boottime() + AGAIN;
}

void docker_found_work(docker_found_t *self, int64_t now)
{
    if (now >= self->again)
        s_ask(self);
}

int64_t docker_found_due(const docker_found_t *self)
{
    return self->again;
}

/* ---- taking ------------------------------------------------------------------------------------------ */

bool docker_found_look(docker_found_t *self, char *reason, size_t size)
{
    if (self->known)
        return true;
    if (!self->call && self->again == INT64_MAX)
        s_ask(self);
    snprintf(reason, size, "the container engine at %.60s does not answer%s%s", self->socket,
             self->error[0] ? ": " : " yet", self->error);
    return false;
}

bool docker_found_take(docker_found_t *self, const char *module, docker_container_t *container)
{
    found_t *found;
    TAILQ_FOREACH(found, &self->found, link)
    {
        if (strcmp(found->container.module, module))
            continue;
        *container = found->container;
        s_forget(self, found);
        return true;
    }
    return false;
}

bool docker_found_next(docker_found_t *self, docker_container_t *container)
{
    found_t *found;
    TAILQ_FOREACH(found, &self->found, link)
    {
        if (found->told)
            continue;
        found->told = true;
        *container = found->container;
        return true;
    }
    return false;
}
