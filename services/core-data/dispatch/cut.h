/*
 * Cut: a delete by range on its way through the groups. It has an accept number, as a write has; a group runs
 * it when nothing at or below that number is on its way to it any more, and deletes only what has a number at
 * or below it. So what is posted after the 202 stays. A read that the cut may concern waits until it has run
 * in the group that is to answer. Pure data.
 */
#ifndef CORE_DATA_CUT_H
#define CORE_DATA_CUT_H

#include "request.h"

typedef struct data_group group_t;

typedef struct {
    group_t *group;
    bool running;       /* a worker has been asked */
    int64_t not_before; /* CLOCK_BOOTTIME ns: after a failure, or until a lost worker's lease has run out */
} cut_run_t;

typedef struct cut {
    uint64_t accept;
    char *device; /* NULL: any */
    char *source; /* NULL: any */
    bool lazy;    /* reads do not wait for it */
    int64_t origin_max;
    bool saved;      /* on disk: only then it runs and holds reads */
    cut_run_t *runs; /* the groups in which it has not run yet */
    size_t count;
    TAILQ_ENTRY(cut) link;
} cut_t;

typedef TAILQ_HEAD(cut_list, cut) cut_list_t;

/* Copies device and source (NULL: any). NULL when memory is out. */
cut_t *cut_new(uint64_t accept, const char *device, const char *source, int64_t origin_max, bool lazy);
void cut_destroy(cut_t **self_p);
/* False when memory is out. */
bool cut_add(cut_t *self, group_t *group);
/* The run for a group; NULL if it has run there. */
cut_run_t *cut_find(cut_t *self, const group_t *group);
/* It has run in this group, or the group is forgotten. */
void cut_remove(cut_t *self, const group_t *group);
/* Whether a query might see something that the cut deletes. Errs on the side of yes. */
bool cut_concerns(const cut_t *self, const request_t *query);
/* Appends the encoded ask of one step. */
void cut_ask(const cut_t *self, uint32_t limit, pbus_buf_t *out);

#endif
