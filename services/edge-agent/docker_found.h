/*
 * Docker_found: the containers of this agent that there are at its start, by their labels, until each is
 * taken by its module. The engine is asked once, when somebody first looks, and again until it has answered.
 */
#ifndef EDGE_AGENT_DOCKER_FOUND_H
#define EDGE_AGENT_DOCKER_FOUND_H

#include "docker_api.h"
#include "http.h"

typedef struct docker_found docker_found_t;

/* socket, owner and http must outlive it. NULL when memory is out. */
docker_found_t *docker_found_new(const char *socket, const char *owner, http_t *http);
void docker_found_destroy(docker_found_t **self_p);

/* Whether the engine has answered; else why not is in reason. */
bool docker_found_look(docker_found_t *self, char *reason, size_t size);
/* The module's container, which is its then. */
bool docker_found_take(docker_found_t *self, const char *module, docker_container_t *container);
/* One that nobody has taken; each is told once, and can be taken afterwards. */
bool docker_found_next(docker_found_t *self, docker_container_t *container);

void docker_found_work(docker_found_t *self, int64_t now);
int64_t docker_found_due(const docker_found_t *self);

#endif
