/*
 * Suite: runs cases against one worker, which may be started and killed by the suite or by somebody else, and
 * holds what cases share: the host, the model of what the store has to hold, random events, the first
 * failure.
 *
 * A failure is kept and makes all that follows in the case do nothing, so cases are written straight on and
 * need not look at every step; only their loops do (`suite_fine`).
 *
 * A case begins with an empty store: what it finds there it deletes.
 */
#ifndef SUITE_H
#define SUITE_H

#include "generator.h"
#include "model.h"
#include "peer.h"
#include "process.h"
#include "report.h"

#define SUITE_WORKERS 2

typedef struct {
    const char *const *worker; /* argv, ended by NULL; NULL: somebody else starts the worker */
    const char *requests; /* endpoints that the host binds, if the worker is somebody else's; NULL: any */
    const char *replies;
    const char *second;     /* shell command of the second worker; NULL: as the first */
    const char *store_stop; /* shell commands that stop the worker's store, kill it the hard way, and */
    const char *store_kill; /* start it again; NULL: not possible */
    const char *store_start;
    bool embedded;      /* the store is in the worker's process: there is nothing to stop */
    const char *only;   /* a case's name, or part of it; NULL: all */
    const char *server; /* which server the store is, for the report; NULL: none */
    const char *group;  /* NULL: "conformance" */
    const char *folder; /* for logs; has to exist */
    uint64_t seed;
    double patience; /* factor for spans of time; 1 for an ordinary build */
    bool wipe;       /* begin even if the store holds events */
} suite_options_t;

typedef struct suite suite_t;

/* What the suite needs for a case, besides capabilities (PBUS_CAP_... in the low bits). */
#define SUITE_NEEDS_WORKER 0x100     /* the worker can be killed and started */
#define SUITE_NEEDS_STORE_STOP 0x200 /* the store can be stopped and started */
#define SUITE_NEEDS_STORE_KILL 0x400
#define SUITE_NEEDS_KEEPING 0x800 /* what was written outlives the worker's process */

#define SUITE_NEEDS_MINOR_1 0x1000 /* protocol 1.1 */

/* What the worker said of itself in its first session. */
typedef struct {
    char backend[96], version[96];
    uint64_t minor, missing;
    bool durable;
    bool forgets; /* it keeps its data in its process: begun again it is not durable and has another data set
                   */
} suite_worker_t;

typedef struct {
    const char *name;
    const char *about; /* one line for people */
    unsigned needs;
    void (*run)(suite_t *suite);
} suite_case_t;

struct suite {
    const suite_options_t *options;
    host_t *host;
    model_t *model;
    generator_t *random;
    pbus_decoder_t *decoder;
    suite_worker_t about;
    process_t *workers[SUITE_WORKERS];
    bool may_end[SUITE_WORKERS]; /* the worker's end is part of the case */
    bool store_away;             /* stopped or killed by a case */
    uint64_t accept;             /* the highest number given, or found in the store */
    uint64_t batches;            /* acknowledged in this case */
    unsigned unready;            /* cases in a row that could not begin, for want of a worker that is ready */
    unsigned replies;            /* that the last list took; more than one if they were cut */
    size_t asked;                /* which of the ready workers is spoken to */
    double figures[4];           /* by suite_figure_t; 0: not measured */
    bool failed;
    const char *lacking; /* what the worker lacks, as a case found out; NULL: nothing */
    char reason[2400];   /* why */
    char step[240];      /* what the case was at */
};

typedef enum {
    SUITE_WRITE_RATE,  /* events a second, batches of 1,000, 1 reading each */
    SUITE_SINGLE_RATE, /* events a second, one after the other, each acknowledged */
    SUITE_PAGE_TIME,   /* seconds for the first 20 events of 5,000 */
    SUITE_COUNT_TIME   /* seconds for their count */
} suite_figure_t;

/* NULL with *error filled when the host can't be made. options outlive the suite. */
suite_t *suite_new(const suite_options_t *options, pbus_error_t *error);
void suite_destroy(suite_t **self_p);

/*
 * Starts the worker if it can, waits for it, and runs the cases, in order; told (may be NULL) is called after
 * each. PBUS_OK if all were run, whatever their outcome; otherwise *error says why nothing was run.
 */
pbus_status_t suite_run(suite_t *self, const suite_case_t *cases, size_t count, report_t *report,
                        void (*told)(const report_t *report, size_t place), pbus_error_t *error);

/* ---- for cases -------------------------------------------------------------------------------------------
 */

bool suite_fine(const suite_t *self);
/* Keeps the first failure; what the case was at is put before it. */
void suite_fail(suite_t *self, const char *format, ...) PBUS_PRINTF(2, 3);
/* What the case is at from now on. */
void suite_step(suite_t *self, const char *format, ...) PBUS_PRINTF(2, 3);

/* CLOCK_BOOTTIME, ns, so many seconds (times patience) from now. */
int64_t suite_deadline(const suite_t *self, double seconds);
/*
 * Lets messages move, for a moment. False when the case has failed: because the deadline is over before
 * `what` came, a worker ended, or it did something against the protocol.
 */
bool suite_pump(suite_t *self, int64_t deadline, const char *what);

/* The worker that is spoken to (the `asked`-th that is ready); NULL, and a failure, if there is none. */
peer_t *suite_peer(suite_t *self);
/* Until so many workers are ready. */
void suite_wait_ready(suite_t *self, size_t workers);
/* Begins a new session with the worker that is spoken to, on these terms, and waits until it is ready. */
void suite_new_session(suite_t *self, const host_terms_t *terms);
/* The next accept number. */
uint64_t suite_accept(suite_t *self);

/* place: 0, or 1 for the second worker. */
void suite_start_worker(suite_t *self, size_t place);
/* kill -9, and until its subscription is gone. */
void suite_kill_worker(suite_t *self, size_t place);
/* Until it has ended by itself, which has to be a good end. */
void suite_wait_end(suite_t *self, size_t place);
/* What it is asked for from now on is compared with an empty store, if it keeps its data in its process. */
void suite_worker_was_ended(suite_t *self);
/* By the options' commands. A store that a failed case leaves away is started before the next case. */
void suite_stop_store(suite_t *self);
void suite_kill_store(suite_t *self);
void suite_start_store(suite_t *self);

#endif
