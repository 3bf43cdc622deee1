/*
 * What the tests of backends share: a worker's two handles, events and answers, chance with a known seed.
 * Tests alone look behind the SDK's public headers.
 */
#ifndef TESTKIT_TESTING_H
#define TESTKIT_TESTING_H

#include <persistbus/backend.h>

#include "../src/answer.h"
#include "../src/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a worker's handles ---- */

typedef struct {
    const pbus_backend_t *backend;
    pbus_config_t *config;
    pbus_log_t *log;
    void *writer;
    void *reader;
    pbus_result_t *result;
    pbus_error_t error; /* of the last call that failed */
    char folder[64];    /* of a store in files, if the backend's tests make one; and the file in it */
    char path[128];
} testing_t;

/* Not open yet. variable: what tells the backend its store, and what it is set to. */
testing_t testing_make(const pbus_backend_t *backend, const char *variable, const char *value);
/* Anew, with another value. */
void testing_configure(testing_t *self, const char *variable, const char *value);
pbus_status_t testing_try_open(testing_t *self);
void testing_open(testing_t *self);
void testing_close(testing_t *self);
void testing_destroy(testing_t *self);

/* Fails the test with the error's text. */
void testing_expect_ok(const testing_t *self, pbus_status_t status);
pbus_health_t testing_expect_health(testing_t *self);

/* ---- writes ---- */

/* One add in a batch alone; the batch's status, or else the write's. */
pbus_status_t testing_add(testing_t *self, const pbus_event_t *event, uint64_t accept);
pbus_status_t testing_delete(testing_t *self, pbus_uuid_t id, uint64_t accept);
/* How many were there. */
uint64_t testing_purge_all(testing_t *self);

/* ---- answers ---- */

/* Everything, with its total. */
pbus_query_t testing_query(uint64_t offset, uint32_t limit);
void testing_reset(testing_t *self);
pbus_answer_t testing_answer(testing_t *self);
pbus_status_t testing_try_list(testing_t *self, pbus_what_t what, const pbus_query_t *query);
pbus_answer_t testing_list(testing_t *self, pbus_what_t what, const pbus_query_t *query);
uint64_t testing_count(testing_t *self, pbus_what_t what, const pbus_filter_t *filter);
uint64_t testing_count_all(testing_t *self, pbus_what_t what);

/* ---- chance ---- */

/* xorshift64: a test that failed is repeated with the seed that it printed. */
typedef struct {
    uint64_t state;
} testing_random_t;

/* From the environment (SEED), or from the clock; printed. */
testing_random_t testing_seed(void);
uint64_t testing_random(testing_random_t *self, uint64_t below);

#endif
