/*
 * Docker: see docker.h.
 *
 * Each instance has at most one question under way, which the step it is at tells; the answer takes it to the
 * next. A question that got no answer (the engine is away) is asked again after a while.
 *
 *     start  INSPECT -> [REMOVE ->] IMAGE -> [PULL -> PULLED ->] CREATE -> START -> WAIT
 *     stop   CHECK -> STOP -> [DISCARD ->] done
 *
 * CHECK and INSPECT make sure that the container of this name is one of ours before anything is done to it.
 * The health of a running container is a question of its own beside WAIT.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "docker.h"
#include "docker_api.h"
#include "docker_found.h"

#define AGAIN 1000000000           /* ns between attempts to reach the engine */
#define CALL_TIMEOUT 60000000000   /* ns */
#define PULL_TIMEOUT 3600000000000 /* ns */
#define BASE "http://localhost"
#define URL_MAX 1024

typedef enum {
    STEP_INSPECT,
    STEP_REMOVE,
    STEP_IMAGE,
    STEP_PULL,
    STEP_PULLED,
    STEP_CREATE,
    STEP_START,
    STEP_WAIT,
    STEP_LOOK, /* WAIT was not answered as it should be: what has become of the container? */
    STEP_CHECK,
    STEP_STOP,
    STEP_DISCARD
} step_t;

typedef struct held {
    TAILQ_ENTRY(held) link;
    docker_t *docker;
    instance_t *instance;
    step_t step;
    http_call_t *call;   /* of the step */
    int64_t again;       /* when the step is asked again; 0: it is under way */
    http_call_t *health; /* look at the health */
    int64_t next_health;
    bool discard;
    char *image; /* of the module being started */
    char *body;
    char *auth;
    char registry[256];
    bool may_pull;
    char pull_error[200];
} held_t;

struct docker {
    docker_rules_t rules;
    http_t *http;
    pbus_log_t *log;
    TAILQ_HEAD(, held) held;
    docker_found_t *found;
    manifest_registry_t *registries;
    size_t registry_count;
};

static void s_ask(held_t *held, step_t step);

docker_t *docker_new(const docker_rules_t *rules, http_t *http, pbus_log_t *log)
{
    docker_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rules = *rules;
    self->http = http;
    self->log = log;
    TAILQ_INIT(&self->held);
    self->found = docker_found_new(self->rules.socket, self->rules.owner, http);
    if (!self->found)
        docker_destroy(&self);
    return self;
}

static void s_free_registries(docker_t *self)
{
    for (size_t i = 0; i < self->registry_count; i++) {
        free(self->registries[i].address);
        free(self->registries[i].username);
        free(self->registries[i].password);
    }
    free(self->registries);
    self->registries = NULL;
    self->registry_count = 0;
}

static void s_forget_plan(held_t *held)
{
    free(held->image);
    free(held->body);
    free(held->auth);
    held->image = held->body = held->auth = NULL;
}

static void s_drop(held_t *held)
{
    docker_t *self = held->docker;
    http_cancel(self->http, &held->call);
    http_cancel(self->http, &held->health);
    TAILQ_REMOVE(&self->held, held, link);
    held->instance->own = NULL;
    s_forget_plan(held);
    free(held);
}

void docker_destroy(docker_t **self_p)
{
    docker_t *self = *self_p;
    if (!self)
        return;
    while (!TAILQ_EMPTY(&self->held))
        s_drop(TAILQ_FIRST(&self->held));
    docker_found_destroy(&self->found);
    s_free_registries(self);
    free(self);
    *self_p = NULL;
}

bool docker_set_registries(docker_t *self, const manifest_t *manifest)
{
    s_free_registries(self);
    self->registries = calloc(manifest->registry_count + 1, sizeof *self->registries);
    if (!self->registries)
        return false;
    for (size_t i = 0; i < manifest->registry_count; i++) {
        const manifest_registry_t *from = &manifest->registries[i];
        self->registries[i] = (manifest_registry_t){.address = strdup(from->address),
                                                    .username = strdup(from->username),
                                                    .password = strdup(from->password)};
        self->registry_count++;
        if (!self->registries[i].address || !self->registries[i].username || !self->registries[i].password)
            return false;
    }
    return true;
}

/* ---- ends -------------------------------------------------------------------------------------------- */

static void s_end(held_t *held, int status)
{
    instance_t *instance = held->instance;
    instance->state = INSTANCE_ENDED;
    instance->ended = pbus_clock_realtime();
    instance->status = status;
    instance->signal = 0;
    instance->health = INSTANCE_HEALTH_NONE;
    instance->reason[0] = '\0';
    if (status == INSTANCE_UNKNOWN)
        snprintf(instance->reason, sizeof instance->reason, "its container is gone");
    else if (status)
        snprintf(instance->reason, sizeof instance->reason, "ended with status %d", status);
    s_drop(held);
}

static void s_refuse(held_t *held, const char *format, ...) PBUS_PRINTF(2, 3);
static void s_refuse(held_t *held, const char *format, ...)
{
    instance_t *instance = held->instance;
    char reason[sizeof instance->reason];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    s_end(held, INSTANCE_UNKNOWN);
    instance->refused = true;
    snprintf(instance->reason, sizeof instance->reason, "%s", reason);
}

static void s_say(held_t *held, const char *format, ...) PBUS_PRINTF(2, 3);
static void s_say(held_t *held, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(held->instance->reason, sizeof held->instance->reason, format, arguments);
    va_end(arguments);
}

/* ---- questions --------------------------------------------------------------------------------------- */

static const char *s_ref(const held_t *held)
{
    return held->instance->container[0] ? held->instance->container : held->instance->name;
}

static void s_url(const held_t *held, step_t step, char url[URL_MAX])
{
    const char *ref = s_ref(held), *name = held->instance->name;
    switch (step) {
    case STEP_INSPECT:
    case STEP_CHECK:
        snprintf(url, URL_MAX, BASE "/containers/%s/json", name);
        break;
    case STEP_LOOK:
        snprintf(url, URL_MAX, BASE "/containers/%s/json", ref);
        break;
    case STEP_REMOVE:
    case STEP_DISCARD:
        snprintf(url, URL_MAX, BASE "/containers/%s?force=true", ref);
        break;
    case STEP_IMAGE:
    case STEP_PULLED:
        snprintf(url, URL_MAX, BASE "/images/%s/json", held->image);
        break;
    case STEP_PULL:
        snprintf(url, URL_MAX, BASE "/images/create?fromImage=%s%s", held->image,
                 docker_api_is_untagged(held->image) ? "&tag=latest" : "");
        break;
    case STEP_CREATE:
        snprintf(url, URL_MAX, BASE "/containers/create?name=%s", name);
        break;
    case STEP_START:
        snprintf(url, URL_MAX, BASE "/containers/%s/start", ref);
        break;
    case STEP_WAIT:
        snprintf(url, URL_MAX, BASE "/containers/%s/wait?condition=not-running", ref);
        break;
    case STEP_STOP:
        snprintf(url, URL_MAX, BASE "/containers/%s/stop?t=%lld", ref,
                 (long long) ((held->docker->rules.grace + 999999999) / 1000000000));
        break;
    }
}

static const char *s_method(step_t step)
{
    switch (step) {
    case STEP_INSPECT:
    case STEP_CHECK:
    case STEP_LOOK:
    case STEP_IMAGE:
    case STEP_PULLED:
        return "GET";
    case STEP_REMOVE:
    case STEP_DISCARD:
        return "DELETE";
    default:
        return "POST";
    }
}

static int64_t s_timeout(const held_t *held, step_t step)
{
    switch (step) {
    case STEP_PULL:
        return PULL_TIMEOUT;
    case STEP_WAIT:
        return 0;
    case STEP_STOP:
        return CALL_TIMEOUT + held->docker->rules.grace;
    default:
        return CALL_TIMEOUT;
    }
}

static void s_again(held_t *held)
{
    held->again = pbus_clock_boottime() + AGAIN;
}

static void s_answered(void *context, const http_answer_t *answer);

static void s_ask(held_t *held, step_t step)
{
    char url[URL_MAX];
    http_request_t request = {.method = s_method(step),
                              .url = url,
                              .socket = held->docker->rules.socket,
                              .body = step == STEP_CREATE ? held->body : NULL,
                              .header = step == STEP_PULL ? held->auth : NULL,
                              .timeout = s_timeout(held, step)};
    held->step = step;
    held->again = 0;
    s_url(held, step, url);
    held->call = http_send(held->docker->http, &request, s_answered, held);
    if (!held->call)
        s_again(held);
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static bool s_is_good(const http_answer_t *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

static void s_message(const http_answer_t *answer, char text[160])
{
    char fallback[40];
    snprintf(fallback, sizeof fallback, "status %d", answer->status);
    docker_api_message(answer->body, answer->size, fallback, text, 160);
}

/* Refused by the engine, which may think otherwise later: the restart policy decides when to try again. */
static void s_refused(held_t *held, const char *what, const http_answer_t *answer)
{
    char text[160];
    s_message(answer, text);
    s_refuse(held, "the container can't be %s: %s", what, text);
}

static bool s_is_ours(const held_t *held, const docker_container_t *container)
{
    return !strcmp(container->owner, held->docker->rules.owner) &&
           !strcmp(container->module, held->instance->name);
}

static void s_inspected(held_t *held, const http_answer_t *answer)
{
    docker_container_t container;
    instance_t *instance = held->instance;
    instance->container[0] = '\0';
    if (answer->status == 404) {
        s_ask(held, STEP_IMAGE);
    } else if (!s_is_good(answer) || !docker_api_inspected(answer->body, answer->size, &container)) {
        s_refused(held, "inspected", answer);
    } else if (!s_is_ours(held, &container)) {
        s_refuse(
            held,
            "there is a container named %s that is none of this agent's: remove it, or rename the module",
            instance->name);
    } else {
        snprintf(instance->container, sizeof instance->container, "%s", container.id);
        s_ask(held, strcmp(container.digest, instance->digest) ? STEP_REMOVE : STEP_START);
    }
}

static void s_removed(held_t *held, const http_answer_t *answer)
{
    if (!s_is_good(answer) && answer->status != 404) {
        s_refused(held, "removed", answer);
        return;
    }
    held->instance->container[0] = '\0';
    s_ask(held, STEP_IMAGE);
}

static void s_no_image(held_t *held)
{
    if (!held->may_pull) {
        s_refuse(held,
                 "image %.100s is not there, and imagePullPolicy is never: pull it, or change the policy",
                 held->image);
        return;
    }
    s_say(held, "image %.150s is being pulled", held->image);
    pbus_log_info(held->docker->log, "module %s: %s", held->instance->name, held->instance->reason);
    s_ask(held, STEP_PULL);
}

static void s_image_known(held_t *held, const http_answer_t *answer)
{
    if (s_is_good(answer))
        s_ask(held, STEP_CREATE);
    else if (answer->status == 404 && held->step == STEP_IMAGE)
        s_no_image(held);
    else if (answer->status == 404)
        s_refuse(held, "image %.80s can't be pulled%s%s: %.100s", held->image,
                 held->auth ? "" : ", without credentials for ", held->auth ? "" : held->registry,
                 held->pull_error);
    else
        s_refused(held, "made from its image", answer);
}

/* A pull answers 200 before it knows whether it succeeds: whether the image is there then decides. */
static void s_pulled(held_t *held, const http_answer_t *answer)
{
    char text[160];
    s_message(answer, text);
    snprintf(held->pull_error, sizeof held->pull_error, "%s", text);
    s_ask(held, STEP_PULLED);
}

static void s_created(held_t *held, const http_answer_t *answer)
{
    instance_t *instance = held->instance;
    if (s_is_good(answer) &&
        docker_api_id(answer->body, answer->size, instance->container, sizeof instance->container))
        s_ask(held, STEP_START);
    else
        s_refused(held, "created", answer);
}

static void s_started(held_t *held, const http_answer_t *answer)
{
    instance_t *instance = held->instance;
    if (!s_is_good(answer) && answer->status != 304) {
        s_refused(held, "started", answer);
        return;
    }
    s_forget_plan(held);
    instance->state = INSTANCE_RUNNING;
    instance->started = pbus_clock_realtime();
    instance->reason[0] = '\0';
    held->next_health = pbus_clock_boottime();
    s_ask(held, STEP_WAIT);
}

static void s_waited(held_t *held, const http_answer_t *answer)
{
    int status;
    if (s_is_good(answer) && docker_api_status(answer->body, answer->size, &status))
        s_end(held, status);
    else
        s_ask(held, STEP_LOOK);
}

static void s_looked(held_t *held, const http_answer_t *answer)
{
    docker_container_t container;
    if (answer->status == 404)
        s_end(held, INSTANCE_UNKNOWN);
    else if (!s_is_good(answer) || !docker_api_inspected(answer->body, answer->size, &container))
        s_again(held);
    else if (!container.running)
        s_end(held, container.exit_status);
    else {
        held->instance->reason[0] = '\0';
        s_ask(held, STEP_WAIT);
    }
}

static void s_checked(held_t *held, const http_answer_t *answer)
{
    docker_container_t container;
    if (answer->status == 404) {
        held->instance->container[0] = '\0';
        s_end(held, 0);
    } else if (!s_is_good(answer) || !docker_api_inspected(answer->body, answer->size, &container)) {
        s_again(held);
    } else if (!s_is_ours(held, &container)) {
        held->instance->container[0] = '\0';
        s_end(held, 0);
    } else {
        snprintf(held->instance->container, sizeof held->instance->container, "%s", container.id);
        s_ask(held, container.running ? STEP_STOP : held->discard ? STEP_DISCARD : STEP_STOP);
    }
}

static void s_stopped(held_t *held, const http_answer_t *answer)
{
    char text[160];
    if (s_is_good(answer) || answer->status == 304 || answer->status == 404) {
        if (held->discard)
            s_ask(held, STEP_DISCARD);
        else
            s_end(held, 0);
        return;
    }
    s_message(answer, text);
    s_say(held, "the container can't be stopped: %s", text);
    s_again(held);
}

static void s_discarded(held_t *held, const http_answer_t *answer)
{
    char text[160];
    if (s_is_good(answer) || answer->status == 404) {
        held->instance->container[0] = '\0';
        s_end(held, 0);
        return;
    }
    s_message(answer, text);
    s_say(held, "the container can't be removed: %s", text);
    s_again(held);
}

static void s_answered(void *context, const http_answer_t *answer)
{
    typedef void(taken_t)(held_t * held, const http_answer_t *given);
    static taken_t *const takers[] = {
        [STEP_INSPECT] = s_inspected, [STEP_REMOVE] = s_removed,     [STEP_IMAGE] = s_image_known,
        [STEP_PULL] = s_pulled,       [STEP_PULLED] = s_image_known, [STEP_CREATE] = s_created,
        [STEP_START] = s_started,     [STEP_WAIT] = s_waited,        [STEP_LOOK] = s_looked,
        [STEP_CHECK] = s_checked,     [STEP_STOP] = s_stopped,       [STEP_DISCARD] = s_discarded,
    };
    held_t *held = context;
    held->call = NULL;
    if (answer->status == 0 && held->step != STEP_WAIT) {
        s_say(held, "the container engine at %s does not answer: %.100s", held->docker->rules.socket,
              answer->error);
        s_again(held);
        return;
    }
    takers[held->step](held, answer);
}

/* ---- health ------------------------------------------------------------------------------------------ */

static void s_told_health(void *context, const http_answer_t *answer)
{
    docker_container_t container;
    held_t *held = context;
    held->health = NULL;
    if (!s_is_good(answer) || !docker_api_inspected(answer->body, answer->size, &container))
        return;
    held->instance->health = container.healthy      ? INSTANCE_HEALTH_GOOD
                             : container.unhealthy  ? INSTANCE_HEALTH_BAD
                             : container.has_health ? INSTANCE_HEALTH_STARTING
                                                    : INSTANCE_HEALTH_NONE;
}

static void s_ask_health(held_t *held, int64_t now)
{
    char url[URL_MAX];
    int64_t pause = held->docker->rules.probe;
    if (held->instance->health == INSTANCE_HEALTH_STARTING && pause > AGAIN)
        pause = AGAIN;
    snprintf(url, sizeof url, BASE "/containers/%s/json", s_ref(held));
    http_request_t request = {
        .method = "GET", .url = url, .socket = held->docker->rules.socket, .timeout = CALL_TIMEOUT};
    held->health = http_send(held->docker->http, &request, s_told_health, held);
    held->next_health = now + pause;
}

/* ---- the runner -------------------------------------------------------------------------------------- */

static held_t *s_hold(docker_t *self, instance_t *instance)
{
    held_t *held = calloc(1, sizeof *held);
    if (!held)
        return NULL;
    held->docker = self;
    held->instance = instance;
    instance->own = held;
    TAILQ_INSERT_TAIL(&self->held, held, link);
    return held;
}

static const manifest_registry_t *s_credentials(const docker_t *self, const char *registry)
{
    for (size_t i = 0; i < self->registry_count; i++)
        if (!strcmp(self->registries[i].address, registry))
            return &self->registries[i];
    return NULL;
}

static bool s_plan(held_t *held, const manifest_module_t *module)
{
    docker_api_registry(module->image, held->registry, sizeof held->registry);
    const manifest_registry_t *credentials = s_credentials(held->docker, held->registry);
    held->may_pull = module->pull == MANIFEST_PULL_ON_CREATE;
    held->image = strdup(module->image);
    held->body = docker_api_create(module, held->docker->rules.owner);
    held->auth = credentials ? docker_api_auth(credentials) : NULL;
    return held->image && held->body && (!credentials || held->auth);
}

static void s_start(void *context, instance_t *instance, const manifest_module_t *module)
{
    docker_t *self = context;
    held_t *held = s_hold(self, instance);
    instance->state = INSTANCE_STARTING;
    if (!held) {
        instance->state = INSTANCE_ENDED;
        instance->refused = true;
        snprintf(instance->reason, sizeof instance->reason, "memory is out");
    } else if (!s_plan(held, module)) {
        s_refuse(held, "memory is out");
    } else {
        s_ask(held, STEP_INSPECT);
    }
}

static void s_stop(void *context, instance_t *instance, bool discard)
{
    docker_t *self = context;
    held_t *held = instance->own;
    if (instance->state == INSTANCE_STOPPING || (!held && !instance->container[0]))
        return;
    if (!held && !discard)
        return;
    if (!held)
        held = s_hold(self, instance);
    if (!held)
        return; /* asked again at the next step */
    http_cancel(self->http, &held->call);
    http_cancel(self->http, &held->health);
    s_forget_plan(held);
    held->discard = discard;
    instance->state = INSTANCE_STOPPING;
    s_ask(held, STEP_CHECK);
}

static void s_release(void *context, instance_t *instance)
{
    (void) context;
    if (instance->own)
        s_drop(instance->own);
}

/* ---- what runs since before --------------------------------------------------------------------------- */

/* Its end, if it has ended, is what `wait` answers at once. */
static void s_attach(docker_t *self, instance_t *instance, const docker_container_t *container)
{
    bool ran = instance->state != INSTANCE_ABSENT && instance->state != INSTANCE_ENDED;
    snprintf(instance->container, sizeof instance->container, "%s", container->id);
    snprintf(instance->digest, sizeof instance->digest, "%s", container->digest);
    held_t *held = ran || container->running ? s_hold(self, instance) : NULL;
    if (!held)
        return;
    instance->state = INSTANCE_RUNNING;
    held->next_health = pbus_clock_boottime();
    s_ask(held, STEP_WAIT);
}

static bool s_adopt(void *context, instance_t *instance)
{
    docker_t *self = context;
    docker_container_t container;
    if (!docker_found_look(self->found, instance->reason, sizeof instance->reason))
        return false;
    instance->reason[0] = '\0';
    if (docker_found_take(self->found, instance->name, &container)) {
        s_attach(self, instance, &container);
        return true;
    }
    instance->container[0] = '\0';
    if (instance->state != INSTANCE_ABSENT && instance->state != INSTANCE_ENDED) {
        instance->state = INSTANCE_ENDED;
        instance->status = INSTANCE_UNKNOWN;
        snprintf(instance->reason, sizeof instance->reason, "its container is gone");
    }
    return true;
}

static bool s_orphan(void *context, instance_t *instance)
{
    docker_t *self = context;
    docker_container_t container;
    if (!docker_found_next(self->found, &container))
        return false;
    *instance = (instance_t){.type = MANIFEST_DOCKER, .state = INSTANCE_RUNNING, .status = INSTANCE_UNKNOWN};
    snprintf(instance->name, sizeof instance->name, "%s", container.module);
    snprintf(instance->container, sizeof instance->container, "%s", container.id);
    snprintf(instance->digest, sizeof instance->digest, "%s", container.digest);
    return true;
}

runner_t docker_runner(docker_t *self)
{
    static const runner_ops_t ops = {
        .start = s_start, .stop = s_stop, .adopt = s_adopt, .orphan = s_orphan, .release = s_release};
    return (runner_t){&ops, self};
}

/* ---- working ----------------------------------------------------------------------------------------- */

void docker_work(docker_t *self, int64_t now)
{
    held_t *held, *next;
    docker_found_work(self->found, now);
    for (held = TAILQ_FIRST(&self->held); held; held = next) {
        next = TAILQ_NEXT(held, link);
        if (held->again && now >= held->again)
            s_ask(held, held->step);
        if (held->instance->state == INSTANCE_RUNNING && !held->health && now >= held->next_health)
            s_ask_health(held, now);
    }
}

int64_t docker_next(const docker_t *self)
{
    const held_t *held;
    int64_t next = docker_found_due(self->found);
    TAILQ_FOREACH(held, &self->held, link)
    {
        if (held->again && held->again < next)
            next = held->again;
        if (held->instance->state == INSTANCE_RUNNING && !held->health && held->next_health < next)
            next = held->next_health;
    }
    return next;
}
