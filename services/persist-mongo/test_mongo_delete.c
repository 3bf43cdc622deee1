/*
 * Deletions and purges that are cut short, come twice or come too late: the counts stay exact.
 */
#include "testing_ledger.h"

static void test_delete_of_uncounted(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&other, &test);
    s_other_insert(&other, 1, 5);
    s_other_insert(&other, 2, 6);
    assert_int_equal(testing_delete(&test, s_id(1), 8), PBUS_OK);
    assert_int_equal(testing_delete(&test, s_id(1), 8), PBUS_NOT_FOUND);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    assert_int_equal(s_other_commit(&other), PBUS_UNAVAILABLE);
    pbus_filter_t any = pbus_filter_any();
    uint64_t deleted;
    bool more;
    testing_expect_ok(&test, mongo_backend.purge(test.writer, &any, 100, &deleted, &more, &test.error));
    assert_int_equal(deleted, 1);
    s_audit(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    s_other_die(&other);
    testing_destroy(&test);
}

/* The event is gone but still counted, until somebody deletes anything. */
static void test_delete_cut_short(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    assert_int_equal(s_add(&test, 2, 6), PBUS_OK);
    assert_int_equal(s_add(&test, 3, 7), PBUS_OK);
    s_other_open(&other, &test);
    s_other_erase(&other, 1);
    s_other_die(&other);
    assert_int_equal(s_documents(&test, NULL), 2);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 3);
    assert_int_equal(testing_delete(&test, s_id(2), 8), PBUS_OK);
    assert_int_equal(testing_delete(&test, s_id(1), 8), PBUS_NOT_FOUND);
    s_audit(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    testing_destroy(&test);
}

/* Cut short before the event has gone, and added anew: what is done again leaves the new one alone. */
static void test_delete_of_what_is_new(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    deletion_t deletion = {0};
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    assert_int_equal(s_add(&test, 2, 6), PBUS_OK);
    s_other_open(&other, &test);
    assert_true(s_other_begin(&other, 2, &deletion));
    deletion_clear(&deletion);
    s_other_die(&other);
    assert_int_equal(testing_delete(&test, s_id(1), 8), PBUS_OK);
    assert_int_equal(s_documents(&test, NULL), 0);
    s_other_open(&other, &test);
    assert_int_equal(s_add(&test, 1, 9), PBUS_OK);
    s_other_erase(&other, 1);
    assert_int_equal(s_add(&test, 1, 10), PBUS_OK);
    s_other_die(&other);
    assert_int_equal(testing_delete(&test, s_id(2), 11), PBUS_NOT_FOUND);
    assert_int_equal(s_documents(&test, NULL), 1);
    s_audit(&test);
    testing_destroy(&test);
}

/* A worker that starts completes it as well. */
static void test_delete_at_start(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    ledger_state_t known;
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    s_other_open(&other, &test);
    s_other_erase(&other, 1);
    int64_t batch = ledger_batch(other.ledger);
    s_other_die(&other);
    s_other_open(&other, &test);
    testing_expect_ok(&test, ledger_void(other.ledger, batch, &known, &test.error));
    s_other_die(&other);
    testing_close(&test);
    testing_open(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    testing_destroy(&test);
}

/* Or until another worker is asked to go on with the purge. */
static void test_purge_cut_short(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    uint64_t deleted;
    bool more;
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("d1");
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint8_t i = 0; i < 6; i++)
        assert_int_equal(s_add(&test, i, i + 1u), PBUS_OK);
    s_other_open(&other, &test);
    s_other_erase(&other, 1);
    s_other_die(&other);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 6);
    testing_expect_ok(&test, mongo_backend.purge(test.writer, &filter, 10, &deleted, &more, &test.error));
    assert_int_equal(deleted, 1);
    assert_false(more);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 4);
    s_audit(&test);
    testing_destroy(&test);
}

/* Begun but not done: the worker under test pushes the other aside, and it counts once. */
static void test_delete_by_two(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    deletion_t deletion = {0};
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    s_other_open(&other, &test);
    assert_true(s_other_begin(&other, 1, &deletion));
    s_other_insert(&other, 2, 6);
    assert_int_equal(testing_delete(&test, s_id(1), 9), PBUS_NOT_FOUND);
    testing_expect_ok(&test, deletion_carry_out(&deletion, other.store, false, &test.error));
    assert_int_equal(s_other_commit(&other), PBUS_UNAVAILABLE);
    assert_int_equal(s_add(&test, 2, 6), PBUS_OK);
    s_audit(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    deletion_clear(&deletion);
    s_other_die(&other);
    testing_destroy(&test);
}

/* Found, but somebody else has deleted since, once or (so that the number is free again) several times. */
static void s_delete_too_late(uint8_t others)
{
    testing_t test;
    s_other_t other;
    found_t found = {0};
    bool begun = true;
    int64_t last;
    pbus_uuid_t id = s_id(1);
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint8_t i = 0; i <= others; i++)
        assert_int_equal(s_add(&test, i, i + 5u), PBUS_OK);
    s_other_open(&other, &test);
    testing_expect_ok(&test, batch_settle(other.batch, true, &last, &test.error));
    testing_expect_ok(&test, found_load_ids(&found, other.store, &id, 1, &test.error));
    for (uint8_t i = 1; i <= others; i++)
        assert_int_equal(testing_delete(&test, s_id(i), 20), PBUS_OK);
    assert_int_equal(s_add(&test, 1, 30), PBUS_OK); /* there again, but another one */
    testing_expect_ok(&test, batch_erase(other.batch, last, &found, &begun, &test.error));
    assert_false(begun);
    assert_int_equal(s_other_commit(&other), PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 2);
    s_audit(&test);
    assert_int_equal(testing_delete(&test, id, 40), PBUS_OK);
    s_audit(&test);
    found_clear(&found);
    s_other_die(&other);
    testing_destroy(&test);
}

static void test_delete_too_late(void **state)
{
    (void) state;
    s_delete_too_late(1);
    s_delete_too_late(4);
}

/* A resend that comes after the deletion, and the deletion once more: as core-data does after a lost lease.
 */
static void test_delete_again(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
        assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
        assert_int_equal(testing_delete(&test, s_id(1), 8 + i), PBUS_OK);
        assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0);
    }
    s_audit(&test);
    testing_destroy(&test);
}

/* Events whose readings take so much that they are too many for one deletion. */
static void s_add_wide(testing_t *test, uint8_t number)
{
    enum { READINGS = 4000, RESOURCES = 10, NAME = 400 };
    pbus_reading_t like;
    pbus_event_t event = s_event(number, &like);
    pbus_reading_t *readings = calloc(READINGS, sizeof *readings);
    char(*names)[NAME] = calloc(RESOURCES, sizeof *names);
    assert_true(readings && names);
    for (int i = 0; i < READINGS; i++) {
        snprintf(names[i % RESOURCES], NAME, "%0*d", NAME - 1, i % RESOURCES);
        readings[i] = like;
        readings[i].resource = pbus_str(names[i % RESOURCES]);
    }
    event.readings = readings;
    event.reading_count = READINGS;
    assert_int_equal(testing_add(test, &event, number + 1u), PBUS_OK);
    free(names);
    free(readings);
}

static void test_delete_wide(void **state)
{
    (void) state;
    enum { EVENTS = 3 };
    testing_t test;
    uint64_t deleted, all = 0;
    bool more = true;
    pbus_filter_t any = pbus_filter_any();
    pbus_write_t writes[EVENTS];
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint8_t i = 0; i < EVENTS; i++) {
        s_add_wide(&test, i);
        writes[i] = (pbus_write_t){.op = PBUS_DELETE, .accept = 100u + i, .id = s_id(i)};
    }
    testing_expect_ok(&test, mongo_backend.write(test.writer, writes, EVENTS, &test.error));
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(writes[i].status, PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_READINGS), 0);
    for (uint8_t i = 0; i < EVENTS; i++)
        s_add_wide(&test, i);
    for (int i = 0; more; i++) {
        testing_expect_ok(&test, mongo_backend.purge(test.writer, &any, 100, &deleted, &more, &test.error));
        assert_true(!more || (deleted > 0 && deleted < EVENTS));
        all += deleted;
    }
    assert_int_equal(all, EVENTS);
    assert_int_equal(testing_count_all(&test, PBUS_READINGS), 0);
    testing_destroy(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delete_of_uncounted),   cmocka_unit_test(test_delete_cut_short),
        cmocka_unit_test(test_delete_of_what_is_new), cmocka_unit_test(test_delete_at_start),
        cmocka_unit_test(test_purge_cut_short),       cmocka_unit_test(test_delete_by_two),
        cmocka_unit_test(test_delete_too_late),       cmocka_unit_test(test_delete_wide),
        cmocka_unit_test(test_delete_again),
    };
    return cmocka_run_group_tests(tests, testing_set_up, testing_tear_down);
}
