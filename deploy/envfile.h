/*
 * Envfile: the variables of a .env file, and the environment in front of them.
 *
 *     # a comment; blank lines are nothing
 *     CONTAINER_REGISTRY_ADDRESS=registry.example.com     # another, after a blank
 *     export USER_NAME = reader
 *     QUOTED='as it is, # and $ too'
 *     ESCAPED="\" \\ \n \r \t \$ mean what they mean in C; other backslashes stay"
 *
 * A value ends with its line and is never looked into for variables. Values may be secrets: what is told
 * about a file names lines and variables, never a value.
 */
#ifndef DEPLOY_ENVFILE_H
#define DEPLOY_ENVFILE_H

#include "problems.h"

#define ENVFILE_SIZE (1024 * 1024)

typedef struct envfile envfile_t;

/* NULL, with the problem told, if the file can't be read or has a line that is none of the above. */
envfile_t *envfile_read(const char *path, problems_t *problems);

/* The same of bytes in memory; name stands for the file's in what is told. */
envfile_t *envfile_parse(const char *name, const void *data, size_t size, problems_t *problems);

/*
 * The file that a person named or, when path is NULL, .env in the current folder. Without either *self_p is
 * NULL, which is right too. False, with the problem told, as envfile_read.
 */
bool envfile_open(envfile_t **self_p, const char *path, problems_t *problems);
void envfile_destroy(envfile_t **self_p);

/* The value that the file gives; NULL if none. Of two lines with one name the later counts. */
const char *envfile_get(const envfile_t *self, const char *name);
size_t envfile_count(const envfile_t *self);

/* The environment's value, else that of the file (which may be NULL); NULL if neither has it. */
const char *variable_get(const envfile_t *self, const char *name);

/* How many bytes at the beginning of the text are a variable's name: [A-Za-z_][A-Za-z0-9_]*. */
size_t variable_name_length(const char *text);

#endif
