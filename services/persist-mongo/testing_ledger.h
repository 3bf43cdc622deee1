/*
 * What the tests of the ledger share: a second writer that stops at a chosen place, and a worker whose counts
 * are compared with what is stored.
 */
#ifndef PERSIST_MONGO_TESTING_LEDGER_H
#define PERSIST_MONGO_TESTING_LEDGER_H

#include "batch.h"
#include "testing.h"

#define DEVICES 3

/* ---- a writer that stops where it is told ------------------------------------------------------- */

typedef struct {
    testing_t *test;
    store_t *store;
    ledger_t *ledger;
    batch_t *batch;
} s_other_t;

static inline void s_other_open(s_other_t *self, testing_t *test)
{
    self->test = test;
    self->store = testing_store(test);
    self->ledger = ledger_new(self->store);
    self->batch = batch_new(self->store, self->ledger);
    testing_expect_ok(test, ledger_recover(self->ledger, &test->error));
    batch_begin(self->batch);
}

/* As kill -9 would: nothing is given back. */
static inline void s_other_die(s_other_t *self)
{
    ledger_spoil(self->ledger);
    batch_destroy(&self->batch);
    ledger_destroy(&self->ledger);
    store_close(&self->store);
}

static inline pbus_event_t s_event(uint8_t number, pbus_reading_t *reading)
{
    static const char *const devices[DEVICES] = {"d0", "d1", "d2"};
    *reading = (pbus_reading_t){.origin = 1000 + number,
                                .device = pbus_str(devices[number % DEVICES]),
                                .profile = PBUS_STR("p"),
                                .resource = PBUS_STR("r"),
                                .type = PBUS_INT32,
                                .value = PBUS_STR("7")};
    return (pbus_event_t){.id = {{number, 0xee}},
                          .origin = 1000 + number,
                          .device = reading->device,
                          .profile = PBUS_STR("p"),
                          .source = PBUS_STR("s"),
                          .readings = reading,
                          .reading_count = 1};
}

static inline pbus_uuid_t s_id(uint8_t number)
{
    return (pbus_uuid_t){{number, 0xee}};
}

/* Inserts an event with the stamp of the batch under way, and leaves it at that. */
static inline void s_other_insert(s_other_t *self, uint8_t number, uint64_t accept)
{
    pbus_reading_t reading;
    pbus_event_t event = s_event(number, &reading);
    bool exists;
    bson_t *document = document_new(&event, accept, ledger_batch(self->ledger), &self->test->error);
    assert_non_null(document);
    testing_expect_ok(self->test, store_insert_one(self->store, STORE_EVENTS, document, &exists, "insert",
                                                   &self->test->error));
    assert_false(exists);
    batch_added(self->batch, document);
    bson_destroy(document);
}

/* Begins the deletion of an event; *deletion is to be cleared. */
static inline bool s_other_begin(s_other_t *self, uint8_t number, deletion_t *deletion)
{
    int64_t last;
    bool begun;
    found_t found = {0};
    pbus_uuid_t id = s_id(number);
    pbus_error_t *error = &self->test->error;
    testing_expect_ok(self->test, batch_settle(self->batch, true, &last, error));
    testing_expect_ok(self->test, found_load_ids(&found, self->store, &id, 1, error));
    assert_int_equal(found.count, 1);
    testing_expect_ok(self->test,
                      deletion_make(deletion, last + 1, ledger_batch(self->ledger), &found, error));
    testing_expect_ok(self->test, deletion_begin(deletion, self->store, &begun, error));
    found_clear(&found);
    return begun;
}

/* Deletes an event, and leaves it at that. */
static inline void s_other_erase(s_other_t *self, uint8_t number)
{
    deletion_t deletion = {0};
    assert_true(s_other_begin(self, number, &deletion));
    testing_expect_ok(self->test, deletion_carry_out(&deletion, self->store, false, &self->test->error));
    deletion_clear(&deletion);
}

static inline pbus_status_t s_other_commit(s_other_t *self)
{
    return batch_commit(self->batch, &self->test->error);
}

/* ---- the worker under test ---------------------------------------------------------------------- */

static inline pbus_status_t s_add(testing_t *test, uint8_t number, uint64_t accept)
{
    pbus_reading_t reading;
    pbus_event_t event = s_event(number, &reading);
    return testing_add(test, &event, accept);
}

static inline uint64_t s_count_device(testing_t *test, pbus_what_t what, const char *device)
{
    pbus_filter_t filter = pbus_filter_any();
    filter.device = pbus_str(device);
    return testing_count(test, what, &filter);
}

static inline uint64_t s_documents(testing_t *test, const char *device)
{
    uint64_t count;
    store_t *store = testing_store(test);
    bson_t filter = BSON_INITIALIZER;
    if (device)
        BSON_APPEND_UTF8(&filter, "device", device);
    testing_expect_ok(test, store_count(store, STORE_EVENTS, &filter, &count, "count", &test->error));
    bson_destroy(&filter);
    store_close(&store);
    return count;
}

/* Counts agree with what is there; events here have one reading each. */
static inline void s_audit(testing_t *test)
{
    static const char *const devices[DEVICES] = {"d0", "d1", "d2"};
    uint64_t all = s_documents(test, NULL);
    assert_int_equal(testing_count_all(test, PBUS_EVENTS), all);
    assert_int_equal(testing_count_all(test, PBUS_READINGS), all);
    pbus_filter_t filter = pbus_filter_any();
    pbus_str_t resource = PBUS_STR("r");
    filter.resources = &resource;
    filter.resource_count = 1;
    assert_int_equal(testing_count(test, PBUS_READINGS, &filter), all);
    for (int i = 0; i < DEVICES; i++) {
        uint64_t some = s_documents(test, devices[i]);
        assert_int_equal(s_count_device(test, PBUS_EVENTS, devices[i]), some);
        assert_int_equal(s_count_device(test, PBUS_READINGS, devices[i]), some);
    }
}

#endif
