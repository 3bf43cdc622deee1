/*
 * Spool: what core-data keeps on disk, in the folder Spool.Path: the accept-number floor, the groups it
 * knows, the deletes by range that have not yet run everywhere, and the writes that groups could not take
 * yet (store and forward). One SQLite file (spool.sqlite, readable with the sqlite3 shell) and a lock file,
 * so that a second core-data on the same folder is refused. After a crash SQLite cuts its log back to the
 * last whole transaction.
 *
 * State is read at the start, in the caller's thread. Everything else is done by a thread of its own, one
 * transaction and one fsync for all jobs that wait: spool_submit hands over a job, which comes back through
 * spool_take when it is on disk. Jobs are done in the order of their submission.
 *
 * A write is kept once, with a row for each group that still needs it. It is `sole` while no store is known
 * to have it: a time to live applies to what is not sole, unless one is set for sole copies too. When the
 * byte limit is reached, rows of writes that other stores have make room first, and the job tells whose
 * (losses); then, for a sole copy, the policy decides: the write is refused, or the oldest are dropped.
 */
#ifndef CORE_DATA_SPOOL_H
#define CORE_DATA_SPOOL_H

#include <persistbus/log.h>

#include <czmq.h>

typedef struct spool spool_t;

/* A group as the spool knows it. */
typedef struct {
    char name[65];
    char backend[65];
    bool stale;
    char why[160];       /* it is stale */
    uint64_t preference; /* the greatest comes first; 0: none was ever said */
    bool retiring;
    bool has_set;
    pbus_uuid_t data_set;
    uint64_t acked;
    uint64_t events; /* read only: how many writes wait for it */
    uint64_t bytes;  /* read only: and their size */
    uint64_t oldest; /* read only: and the accept number of the oldest; 0: none */
} spool_group_t;

/* A delete by range: events of this device and source (NULL: of any), origin <= origin_max, accept number <=
 * accept. */
typedef struct {
    uint64_t accept; /* also its key */
    char *device;
    char *source;
    int64_t origin_max;
    bool lazy; /* reads do not wait for it */
} spool_cut_t;

/* A delete of one event that has to be run once more in a group, as a lost worker may have brought it back.
 */
typedef struct {
    char name[65];
    pbus_uuid_t id;
    uint64_t accept;
} spool_redo_t;

typedef enum {
    SPOOL_FLOOR,    /* number: the accept-number floor */
    SPOOL_ACCEPTED, /* a write has been given to a group since this spool was made */
    SPOOL_GROUP,    /* group: known, or changed */
    SPOOL_CUT,      /* cut, and that it is to be run in `names` (empty: in the first group that comes) */
    SPOOL_CUT_DONE, /* number: the cut; name: the group in which it has run */
    SPOOL_REDO,     /* row: the id and number of a delete that is to be run again in the group `name` */
    SPOOL_REDONE,   /* row: its id; that is over */
    SPOOL_FORGET,   /* the group `name` with all that is kept for it; see `force` and `more` */
    SPOOL_PUT,      /* row: waits for the group `name` (empty: for the first group that comes) */
    SPOOL_COVERED,  /* number: this write is in a store, so its rows are not sole any more */
    SPOOL_FETCH,    /* up to limit rows and limit_bytes of `name`, oldest first, come back in `rows` */
    SPOOL_DROP,  /* rows (their accept numbers) of `name` are done with; covered: its store has them; oldest:
                    what then is */
    SPOOL_ADOPT, /* rows, and runs of cuts, that wait for the first group become `name`'s; losses[0] tells how
                    many rows */
    SPOOL_EXPIRE /* what was put before put_before (sole copies: sole_before) is dropped; see losses */
} spool_kind_t;

/* A write that waits. */
typedef struct {
    uint64_t accept;
    unsigned op; /* pbus_op_t */
    pbus_uuid_t id;
    pbus_buf_t event; /* encoded; empty for a delete */
    bool refused;     /* its group's store never takes it; the submitter's own note */
} spool_row_t;

/* Bytes that a row is counted with. */
size_t spool_row_size(const spool_row_t *row);

/* What was dropped of a group's rows, or given to it, without its doing. */
typedef struct {
    char name[65];
    uint64_t events;
    uint64_t bytes;
    uint64_t oldest; /* accept number of what it then has; 0: nothing */
} spool_loss_t;

/* A job owns everything in it. */
typedef struct {
    spool_kind_t kind;
    uint64_t number;
    spool_group_t group;
    spool_cut_t cut;
    char **names;
    size_t name_count;
    char name[65];
    spool_row_t row;
    bool sole;    /* PUT: no store is known to have it */
    bool covered; /* DROP */
    bool force;   /* FORGET: also what is kept nowhere else; without it such a job fails with PBUS_CONFLICT */
    spool_row_t *rows;
    size_t row_count;
    uint32_t limit;                  /* FETCH */
    size_t limit_bytes;              /* FETCH */
    bool more;                       /* FETCH: there are others. FORGET: it is to be submitted again */
    uint64_t oldest;                 /* DROP */
    int64_t put_before, sole_before; /* EXPIRE; CLOCK_REALTIME ns, INT64_MIN: never */
    spool_loss_t *losses;
    size_t loss_count;
    void *context; /* the submitter's */
    pbus_status_t status;
    pbus_error_t error;
} spool_job_t;

/* NULL when memory is out. */
spool_job_t *spool_job_new(spool_kind_t kind);
void spool_job_destroy(spool_job_t **self_p);

/*
 * Creates the folder and the file if absent. bytes_max is the limit of all rows together; drop_oldest the
 * policy for sole copies. NULL with *error filled: not writable, locked by another process, not a spool, made
 * by a later version.
 */
spool_t *spool_new(const char *path, uint64_t bytes_max, bool drop_oldest, pbus_log_t *log,
                   pbus_error_t *error);
/* Finishes what was submitted. */
void spool_destroy(spool_t **self_p);

/* What was found on disk at the start. */
uint64_t spool_floor(const spool_t *self);
bool spool_accepted(const spool_t *self);
size_t spool_groups(const spool_t *self, const spool_group_t **groups);
/* What waits for the first group that comes. */
void spool_orphans(const spool_t *self, uint64_t *events, uint64_t *bytes);
/* The cuts, oldest first; and whether cut i still has to be run in that group. */
size_t spool_cuts(const spool_t *self, const spool_cut_t **cuts);
bool spool_cut_wants(const spool_t *self, size_t cut, const char *group);

size_t spool_redos(const spool_t *self, const spool_redo_t **redos);

/* For zloop: readable when a job is done. */
zsock_t *spool_done(spool_t *self);
/* Takes over the job. */
void spool_submit(spool_t *self, spool_job_t **job_p);
/* The next job that is done (status OK) or has failed; the caller destroys it. NULL: none. */
spool_job_t *spool_take(spool_t *self);
/* The same, but waits for it; NULL: nothing that was submitted is left. For the end. */
spool_job_t *spool_wait(spool_t *self);

#endif
