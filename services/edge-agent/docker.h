/*
 * Docker: the runner of modules that are containers (runner.h), by the Docker Engine API over its unix
 * socket, as Docker and Podman serve it. Asked without a version, so that engines old and new answer.
 *
 * A container is named as its module and labelled with this agent's owner mark, the module and its digest; by
 * that it is adopted. A container of that name without the labels is somebody else's: the module is refused,
 * the container left alone. A module that starts again does so in its container; a changed one gets a new
 * container. Ends are learnt at once, from an unanswered `wait`; the engine's own health check is looked at
 * now and then.
 *
 * An engine that does not answer is asked again until it does; a module that waits for it says so. Nothing is
 * asked before there is a module that is a container.
 */
#ifndef EDGE_AGENT_DOCKER_H
#define EDGE_AGENT_DOCKER_H

#include <persistbus/log.h>
#include "http.h"
#include "runner.h"

typedef struct docker docker_t;

typedef struct {
    const char *socket; /* path; must outlive the runner */
    char owner[32];
    int64_t grace; /* ns between SIGTERM and SIGKILL */
    int64_t probe; /* ns between looks at health */
} docker_rules_t;

/* http must outlive it. NULL when memory is out. */
docker_t *docker_new(const docker_rules_t *rules, http_t *http, pbus_log_t *log);
void docker_destroy(docker_t **self_p);
runner_t docker_runner(docker_t *self);

/* The credentials for pulling, from now on. False: memory is out. */
bool docker_set_registries(docker_t *self, const manifest_t *manifest);

/* Does what is due; answers are taken by http_work. now: CLOCK_BOOTTIME. */
void docker_work(docker_t *self, int64_t now);
int64_t docker_next(const docker_t *self);

#endif
