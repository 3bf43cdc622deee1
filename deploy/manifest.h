/*
 * Manifest: a deployment manifest (modulesContent.$edgeAgent and $edgeHub, schema 1.1, as Azure IoT Edge
 * writes it) as C structures, checked. persistbus adds the module type `process`:
 *
 *     "settings": {"command": ["build/bin/core-data", "--config", "c.yaml"] | "words 'with quotes'",
 *                  "workingDir": "...", "health": {...}}
 *
 * and, for either type, settings.health: {"http": "http://host:port/path"} (2xx is ready), {"worker": "name"}
 * (that worker as core-data sees it), or {"none": true}. Without it core-data is asked by its ping, and a
 * persist-* service is looked for among core-data's workers under the module's name; other modules have none.
 *
 * What systemModules says: edgeAgent is the program that reads this, and is not run; edgeHub is a module like
 * others, the place of core-data for those who keep Azure's names. $edgeHub's timeToLiveSecs and routes are
 * put into the environment of core-data's modules (SPOOL_TIMETOLIVE, PERSISTBUS_ROUTES), unless their own
 * `env` has those.
 *
 * All strings belong to the manifest. Credentials are in there: nothing here prints values.
 */
#ifndef DEPLOY_MANIFEST_H
#define DEPLOY_MANIFEST_H

#include "jsonfile.h"

#define MANIFEST_DIGEST 33 /* bytes of a digest with its terminator */
#define MANIFEST_NAME_MAX 64
#define MANIFEST_ORDER_LAST UINT32_MAX

typedef enum { MANIFEST_DOCKER, MANIFEST_PROCESS } manifest_type_t;
typedef enum { MANIFEST_RUNNING, MANIFEST_STOPPED } manifest_status_t;
typedef enum {
    MANIFEST_ALWAYS,
    MANIFEST_ON_FAILURE,
    MANIFEST_ON_UNHEALTHY,
    MANIFEST_NEVER
} manifest_policy_t;
typedef enum { MANIFEST_PULL_ON_CREATE, MANIFEST_PULL_NEVER } manifest_pull_t;
typedef enum { MANIFEST_HEALTH_NONE, MANIFEST_HEALTH_HTTP, MANIFEST_HEALTH_WORKER } manifest_health_t;

/* The words of the manifest for these. */
const char *manifest_type_name(manifest_type_t type);
const char *manifest_status_name(manifest_status_t status);
const char *manifest_policy_name(manifest_policy_t policy);
const char *manifest_pull_name(manifest_pull_t pull);

typedef struct {
    char *name;
    char *value;
} manifest_pair_t;

typedef struct {
    char *name; /* a letter or digit, then those and _ . - , at most MANIFEST_NAME_MAX */
    char *version;
    manifest_type_t type;
    manifest_status_t status;
    manifest_policy_t policy;
    manifest_pull_t pull;
    uint32_t order;
    manifest_pair_t *env; /* in the order of the manifest */
    size_t env_count;
    char *image;          /* docker */
    char *create_options; /* docker: a JSON object */
    char **command;       /* process: ends with NULL, has a first word */
    char *working_dir;    /* process: NULL: the one of whoever starts it */
    char *program;        /* what it runs: last part of the command's path, or of the image's repository */
    manifest_health_t health;
    char *health_target; /* URL or worker; NULL for none */
    char *group;         /* a persistence worker's group; NULL: it is none */
    /* Of all that makes it necessary to start it anew when it changes: the rest can change while it runs. */
    char digest[MANIFEST_DIGEST];
} manifest_module_t;

typedef struct {
    char *name;
    char *address;
    char *username;
    char *password;
} manifest_registry_t;

typedef struct {
    manifest_module_t **modules; /* sorted by name; each malloc'd, see manifest_take */
    size_t count;
    manifest_registry_t *registries;
    size_t registry_count;
    manifest_pair_t *routes; /* name and text */
    size_t route_count;
    bool has_ttl;
    int64_t ttl;    /* s; negative: no limit */
    char *core_url; /* of the first core-data among the modules: http://127.0.0.1:PORT; NULL: there is none */
} manifest_t;

/*
 * Reads a manifest. NULL, with what is wrong told, if it can't be used: something needed is missing or of the
 * wrong kind, two modules have one name. Unknown fields are told as warnings.
 */
manifest_t *manifest_new(const jsonfile_t *file, problems_t *problems);
void manifest_destroy(manifest_t **self_p);

/* Takes a module out of the manifest, which has NULL in its place then; the caller frees it. */
manifest_module_t *manifest_take(manifest_t *self, size_t at);
void manifest_module_destroy(manifest_module_t **self_p);
/* NULL if there is none of that name (or it has been taken). */
const manifest_module_t *manifest_find(const manifest_t *self, const char *name);
/* The value of a variable of the module's environment, or NULL. */
const char *manifest_env(const manifest_module_t *module, const char *name);

#endif
