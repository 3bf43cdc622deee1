/*
 * Docker_api: the texts of the Docker Engine API, made and read. No state, no input or output.
 */
#ifndef EDGE_AGENT_DOCKER_API_H
#define EDGE_AGENT_DOCKER_API_H

#include "manifest.h"

/* Labels that say whose a container is. */
#define DOCKER_LABEL_OWNER "persistbus.edge-agent.owner"
#define DOCKER_LABEL_MODULE "persistbus.edge-agent.module"
#define DOCKER_LABEL_DIGEST "persistbus.edge-agent.digest"

/*
 * The body of POST /containers/create: createOptions with the image, the module's environment over that of
 * the options, PERSISTBUS_WORKER (the module's name) unless either has it, and the labels. malloc'd; NULL
 * when memory is out.
 */
char *docker_api_create(const manifest_module_t *module, const char *owner);

/* The registry that an image comes from: "docker.io" unless its name begins with one. */
void docker_api_registry(const char *image, char *registry, size_t size);
/* The header X-Registry-Auth, with credentials. malloc'd; NULL when memory is out. */
char *docker_api_auth(const manifest_registry_t *registry);
/* Whether an image is named without a tag and without a digest. */
bool docker_api_is_untagged(const char *image);

/* What GET /containers/ID/json and GET /containers/json tell of a container. */
typedef struct {
    char id[72];
    char module[MANIFEST_NAME_MAX + 1]; /* from the labels; empty: none of an agent's */
    char owner[32];
    char digest[MANIFEST_DIGEST];
    bool running;
    int exit_status;
    bool has_health; /* a health check is configured */
    bool healthy, unhealthy;
} docker_container_t;

bool docker_api_inspected(const char *json, size_t size, docker_container_t *container);

typedef struct docker_list docker_list_t;
/* NULL when it is none, or memory is out. */
docker_list_t *docker_api_listed(const char *json, size_t size);
void docker_list_destroy(docker_list_t **self_p);
/* The next one; false behind the last. */
bool docker_list_next(docker_list_t *self, docker_container_t *container);

/* The text of an error answer: its `message`, or the last `error` among the lines of a pull; else the
 * fallback. */
void docker_api_message(const char *body, size_t size, const char *fallback, char *text, size_t text_size);
/* Id of what was created, StatusCode of what was waited for. */
bool docker_api_id(const char *json, size_t size, char *id, size_t id_size);
bool docker_api_status(const char *json, size_t size, int *status);

#endif
