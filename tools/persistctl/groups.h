/*
 * Groups: asks core-data for them, once or until they are as wanted.
 */
#ifndef PERSISTCTL_GROUPS_H
#define PERSISTCTL_GROUPS_H

#include "api.h"

#define GROUPS_PATH "persistence/groups"

/* The groups, an array; NULL when the answer is none. */
yyjson_val *groups_of(const answer_t *answer);

/* Workers of a group whose store is there. */
size_t groups_ready(yyjson_val *group);

typedef struct {
    /* Told all that core-data answers; whether that is what was waited for. */
    bool (*seen)(void *context, yyjson_val *groups);
    void *context;
    int64_t deadline; /* CLOCK_BOOTTIME ns; INT64_MAX: none */
} groups_wait_t;

/*
 * Looks several times a second. EXIT_DONE: seen. EXIT_AWAY, having said why: core-data has not answered for
 * some time. EXIT_NOT: there was an interrupt, or the deadline has passed; the caller says what is missing.
 */
int groups_wait(api_t *api, interrupt_t *interrupt, const groups_wait_t *wait);

#endif
