/*
 * Counts that stay exact whatever is cut short: batches, folds, slots; step by step with a second writer that
 * stops at a chosen place, and by killing writers and the server at random.
 */
#include "settle.h"
#include "testing_ledger.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- batches cut short -------------------------------------------------------------------------- */

static void test_resend_is_adopted(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&other, &test);
    s_other_insert(&other, 1, 5);
    s_other_insert(&other, 2, 6);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 0); /* stored, but nobody was promised anything */
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    assert_int_equal(s_other_commit(&other), PBUS_UNAVAILABLE); /* it was slow, and has been voided */
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    assert_int_equal(s_add(&test, 2, 6), PBUS_OK);
    assert_int_equal(s_add(&test, 2, 6), PBUS_OK);
    assert_int_equal(s_add(&test, 2, 7), PBUS_CONFLICT);
    s_audit(&test);
    s_other_die(&other);
    testing_destroy(&test);
}

static void test_commit_goes_first(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&other, &test);
    s_other_insert(&other, 1, 5);
    assert_int_equal(s_other_commit(&other), PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    s_other_insert(&other, 2, 6);
    assert_int_equal(s_other_commit(&other), PBUS_OK); /* a resend of what is committed disturbs nobody */
    s_audit(&test);
    s_other_die(&other);
    testing_destroy(&test);
}

/* What a lost connection delivers late is found by the next worker that starts. */
static void test_late_insert(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&other, &test);
    s_other_insert(&other, 1, 5);
    s_other_insert(&other, 2, 6);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    s_other_insert(&other, 3, 7);
    s_other_die(&other);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    testing_close(&test);
    testing_open(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 3);
    s_audit(&test);
    testing_destroy(&test);
}

/* After a failure a writer voids its own batch and adopts what it left. */
static void test_own_failure(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&other, &test);
    int64_t batch = ledger_batch(other.ledger);
    s_other_insert(&other, 1, 5);
    ledger_spoil(other.ledger);
    testing_expect_ok(&test, ledger_recover(other.ledger, &test.error));
    assert_true(ledger_batch(other.ledger) == batch + 1);
    settle_t *settle = settle_new(other.store, other.ledger, other.batch);
    testing_expect_ok(&test, settle_tend(settle, &test.error));
    settle_destroy(&settle);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    s_audit(&test);
    s_other_die(&other);
    testing_destroy(&test);
}

/* A batch that another worker has voided is sent again. */
static bool s_add_anyhow(testing_t *test, uint8_t number, uint64_t accept)
{
    pbus_status_t status = PBUS_UNAVAILABLE;
    for (int i = 0; i < 20 && status == PBUS_UNAVAILABLE; i++)
        status = s_add(test, number, accept);
    return status == PBUS_OK;
}

/* Who adopts may die as well: what it wrote down is void, and somebody else adopts. */
static void test_adopter_dies(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other, adopter;
    found_t found = {0};
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&other, &test);
    s_other_insert(&other, 1, 5);
    s_other_insert(&other, 2, 6);
    s_other_die(&other);
    s_other_open(&adopter, &test);
    bson_t any = BSON_INITIALIZER;
    testing_expect_ok(&test, found_load(&found, adopter.store, &any, 0, &test.error));
    testing_expect_ok(&test, batch_adopt(adopter.batch, &found, &test.error));
    found_clear(&found);
    ledger_state_t known;
    int64_t batch = ledger_batch(adopter.ledger);
    s_other_die(&adopter);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK); /* as far as anybody knows it is being adopted */
    s_other_open(&other, &test);
    testing_expect_ok(&test, ledger_void(other.ledger, batch, &known, &test.error));
    assert_int_equal(known, LEDGER_VOID);
    s_other_die(&other);
    assert_int_equal(s_add(&test, 1, 5), PBUS_OK);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), 1);
    assert_int_equal(testing_delete(&test, s_id(2), 9), PBUS_OK);
    s_audit(&test);
    testing_destroy(&test);
}

/* Several workers get the same resends at once: each orphan counts once. */
static void test_adopted_by_many(void **state)
{
    (void) state;
    enum { WORKERS = 3, ORPHANS = 30 };
    testing_t test;
    s_other_t other;
    pid_t pids[WORKERS];
    testing_new(&test, &testing_server);
    testing_open(&test);
    testing_close(&test);
    s_other_open(&other, &test);
    for (uint8_t i = 0; i < ORPHANS; i++)
        s_other_insert(&other, i, i + 1u);
    s_other_die(&other);
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] > 0)
            continue;
        bool done = testing_try_open(&test) == PBUS_OK;
        for (uint8_t k = 0; done && k < ORPHANS; k++)
            done = s_add_anyhow(&test, k, k + 1u);
        if (!done)
            fprintf(stderr, "%s\n", test.error.text);
        _exit(!done);
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    testing_open(&test);
    assert_int_equal(testing_count_all(&test, PBUS_EVENTS), ORPHANS);
    s_audit(&test);
    testing_destroy(&test);
}

/* ---- slots and folds ---------------------------------------------------------------------------- */

static uint64_t s_part_count(testing_t *test, store_part_t part)
{
    uint64_t count;
    bson_t any = BSON_INITIALIZER;
    store_t *store = testing_store(test);
    testing_expect_ok(test, store_count(store, part, &any, &count, "count", &test->error));
    store_close(&store);
    return count;
}

static int64_t s_field(const bson_t *document, const char *key)
{
    bson_iter_t iter;
    assert_true(bson_iter_init_find(&iter, document, key));
    return bson_iter_as_int64(&iter);
}

/* Batches in the log that are not folded; on some servers others are kept there for a while. */
static uint64_t s_unfolded(testing_t *test)
{
    uint64_t all = 0, some;
    const bson_t *slot;
    bson_t any = BSON_INITIALIZER;
    store_t *store = testing_store(test);
    mongoc_cursor_t *cursor = store_find(store, STORE_SLOTS, &any, NULL);
    while (mongoc_cursor_next(cursor, &slot)) {
        bson_t *filter = BCON_NEW("slot", BCON_INT32((int32_t) s_field(slot, "slot")), "number", "{", "$gt",
                                  BCON_INT64(s_field(slot, "upto")), "}");
        testing_expect_ok(test, store_count(store, STORE_LOG, filter, &some, "count", &test->error));
        bson_destroy(filter);
        all += some;
    }
    testing_expect_ok(test, store_done(store, &cursor, "read", &test->error));
    store_close(&store);
    return all;
}

static void s_cut_log(testing_t *test)
{
    bson_t any = BSON_INITIALIZER;
    store_t *store = testing_store(test);
    assert_int_equal(s_unfolded(test), 0);
    testing_expect_ok(test, store_delete(store, STORE_LOG, &any, NULL, "cut", &test->error));
    store_close(&store);
}

static void test_log_is_folded(void **state)
{
    (void) state;
    testing_t test;
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint8_t i = 0; i < 40; i++) {
        assert_int_equal(s_add(&test, i, i + 1u), PBUS_OK);
        assert_true(s_unfolded(&test) <= 17);
        assert_int_equal(testing_count_all(&test, PBUS_EVENTS), i + 1);
    }
    s_audit(&test);
    pbus_health_t health;
    testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
    assert_int_equal(s_unfolded(&test), 0); /* idle: all is folded */
    s_audit(&test);
    testing_destroy(&test);
}

/* Puts back into the log what a fold has cut from it, as if it had died between the two. */
static void test_log_is_not_cut(void **state)
{
    (void) state;
    testing_t test;
    pbus_health_t health;
    bson_t *log[8];
    size_t count = 0;
    const bson_t *found;
    bson_t any = BSON_INITIALIZER;
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint8_t i = 0; i < 5; i++)
        assert_int_equal(s_add(&test, i, i + 1u), PBUS_OK);
    store_t *store = testing_store(&test);
    mongoc_cursor_t *cursor = store_find(store, STORE_LOG, &any, NULL);
    while (count < 8 && mongoc_cursor_next(cursor, &found))
        log[count++] = bson_copy(found);
    testing_expect_ok(&test, store_done(store, &cursor, "read", &test.error));
    assert_int_equal(count, 5);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
    s_cut_log(&test);
    for (size_t i = 0; i < count; i++) {
        bool exists;
        testing_expect_ok(&test, store_insert_one(store, STORE_LOG, log[i], &exists, "insert", &test.error));
        bson_destroy(log[i]);
    }
    s_audit(&test);
    testing_close(&test);
    testing_open(&test);
    assert_int_equal(s_add(&test, 9, 9), PBUS_OK);
    s_audit(&test);
    store_close(&store);
    testing_destroy(&test);
}

static void test_slot_is_given_back(void **state)
{
    (void) state;
    testing_t test, second;
    testing_new(&test, &testing_server);
    for (uint8_t i = 0; i < 5; i++) {
        testing_open(&test);
        assert_int_equal(s_add(&test, i, i + 1u), PBUS_OK);
        testing_close(&test);
    }
    assert_int_equal(s_part_count(&test, STORE_SLOTS), 1);
    testing_open(&test);
    testing_second(&second, &test);
    assert_int_equal(s_part_count(&test, STORE_SLOTS), 2);
    s_audit(&test);
    testing_free(&second);
    testing_destroy(&test);
}

/* Sets a field of the only slot. */
static void s_change_slot(testing_t *test, const bson_t *set)
{
    store_t *store = testing_store(test);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8("1"));
    bson_t *update = BCON_NEW("$set", BCON_DOCUMENT(set));
    uint64_t matched;
    testing_expect_ok(test,
                      store_update(store, STORE_SLOTS, filter, update, &matched, "change", &test->error));
    assert_int_equal(matched, 1);
    bson_destroy(update);
    bson_destroy(filter);
    store_close(&store);
}

static void s_make_silent(testing_t *test)
{
    bson_t *silent = BCON_NEW("time", BCON_DATE_TIME(1000));
    s_change_slot(test, silent);
    bson_destroy(silent);
}

/* A fold that got as far as the rows, but not to the slot's own document, counts nothing twice. */
static void test_fold_cut_short(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    for (uint8_t i = 0; i < 16; i++)
        assert_int_equal(s_add(&test, i, i + 1u), PBUS_OK);
    bson_t *owner = BCON_NEW("owner", BCON_UTF8("somebody"));
    s_change_slot(&test, owner);
    bson_destroy(owner);
    assert_int_equal(s_add(&test, 20, 21), PBUS_UNAVAILABLE); /* time to fold */
    assert_true(s_part_count(&test, STORE_COUNTS) > 0);
    assert_int_equal(s_unfolded(&test), 16);
    s_audit(&test);
    assert_int_equal(s_add(&test, 20, 21), PBUS_OK); /* with another slot */
    assert_int_equal(s_part_count(&test, STORE_SLOTS), 2);
    s_audit(&test);
    s_make_silent(&test);
    s_other_open(&other, &test); /* takes the old one over */
    assert_int_equal(ledger_slot(other.ledger), 1);
    testing_expect_ok(&test, ledger_fold(other.ledger, true, &test.error));
    assert_int_equal(s_unfolded(&test), 1);
    s_audit(&test);
    s_other_die(&other);
    testing_destroy(&test);
}

/* Paused in the midst of a batch until another writer has the slot. */
static void test_slot_is_taken_over(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other;
    testing_new(&test, &testing_server);
    testing_open(&test);
    assert_int_equal(s_add(&test, 1, 1), PBUS_OK);
    s_make_silent(&test);
    s_other_open(&other, &test);
    assert_int_equal(s_part_count(&test, STORE_SLOTS), 1);
    s_other_insert(&other, 2, 2);
    assert_int_equal(s_other_commit(&other), PBUS_OK);
    assert_int_equal(s_add(&test, 3, 3), PBUS_OK); /* at the second try */
    assert_int_equal(s_part_count(&test, STORE_SLOTS), 2);
    s_other_insert(&other, 4, 4);
    assert_int_equal(s_other_commit(&other), PBUS_OK);
    s_audit(&test);
    s_other_die(&other);
    testing_destroy(&test);
}

/* ---- a device of very many resources ------------------------------------------------------------ */

enum { MANY = 7000, NAME = 24 };

/* An event with resources number first...first + count - 1. */
static void s_add_wide(testing_t *test, uint8_t number, uint32_t first, uint32_t count)
{
    pbus_reading_t like;
    pbus_event_t event = s_event(number, &like);
    pbus_reading_t *readings = calloc(count, sizeof *readings);
    char(*names)[NAME] = calloc(count, sizeof *names);
    assert_true(readings && names);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], NAME, "some-resource-%08u", first + i);
        readings[i] = like;
        readings[i].resource = pbus_str(names[i]);
    }
    event.device = readings->device;
    event.readings = readings;
    event.reading_count = count;
    assert_int_equal(testing_add(test, &event, number + 1u), PBUS_OK);
    free(names);
    free(readings);
}

static uint64_t s_count_wide(testing_t *test, uint32_t resource)
{
    char name[NAME];
    snprintf(name, NAME, "some-resource-%08u", resource);
    pbus_str_t text = pbus_str(name);
    pbus_filter_t filter = pbus_filter_any();
    filter.device = PBUS_STR("d0");
    filter.resources = &text;
    filter.resource_count = 1;
    return testing_count(test, PBUS_READINGS, &filter);
}

static void s_check_wide(testing_t *test, uint64_t first, uint64_t both, uint64_t late, uint64_t all)
{
    assert_int_equal(s_count_wide(test, 0), first);
    assert_int_equal(s_count_wide(test, MANY - 1), both);
    assert_int_equal(s_count_wide(test, MANY + 1), late);
    assert_int_equal(s_count_wide(test, MANY + 999), 0);
    assert_int_equal(s_count_device(test, PBUS_READINGS, "d0"), all);
    assert_int_equal(testing_count_all(test, PBUS_READINGS), all);
}

/* What does not fit the device's row any more has rows of its own; before and after folds it counts the same.
 */
static void test_wide_device(void **state)
{
    (void) state;
    testing_t test;
    pbus_health_t health;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_add_wide(&test, 0, 0, MANY);
    s_check_wide(&test, 1, 1, 0, MANY);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
    uint64_t rows = s_part_count(&test, STORE_COUNTS);
    for (uint8_t i = 0; i < 2; i++) {
        s_add_wide(&test, (uint8_t) (3 + 3 * i), MANY - 5, 15);
        s_check_wide(&test, 1, i + 2, i + 1, MANY + (i + 1) * 15);
        testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
        s_check_wide(&test, 1, i + 2, i + 1, MANY + (i + 1) * 15);
        assert_int_equal(s_part_count(&test, STORE_COUNTS), rows + 20); /* 10 of the device, 10 resources */
    }
    assert_int_equal(testing_delete(&test, s_id(3), 99), PBUS_OK);
    s_check_wide(&test, 1, 2, 1, MANY + 15);
    testing_expect_ok(&test, mongo_backend.health(test.writer, &health, &test.error));
    s_check_wide(&test, 1, 2, 1, MANY + 15);
    pbus_result_reset(test.result, 1 << 20, 1 << 20);
    testing_expect_ok(&test, mongo_backend.list_sources(test.reader, test.result, &test.error));
    assert_int_equal(testing_answer(&test).count, 1);
    testing_destroy(&test);
}

/* A batch that was committed and cut from the log can't be declared void any more. */
static void test_void_too_late(void **state)
{
    (void) state;
    testing_t test;
    s_other_t other, late;
    ledger_state_t known;
    testing_new(&test, &testing_server);
    testing_open(&test);
    s_other_open(&late, &test);
    s_other_open(&other, &test);
    int64_t batch = ledger_batch(other.ledger);
    s_other_insert(&other, 1, 5);
    testing_expect_ok(&test, ledger_state(late.ledger, batch, &known, &test.error));
    assert_int_equal(known, LEDGER_OPEN);
    assert_int_equal(s_other_commit(&other), PBUS_OK);
    testing_expect_ok(&test, ledger_fold(other.ledger, true, &test.error));
    s_cut_log(&test);
    testing_expect_ok(&test, ledger_void(late.ledger, batch, &known, &test.error));
    assert_int_equal(known, LEDGER_COUNTED);
    assert_int_equal(s_part_count(&test, STORE_LOG), 0);
    s_audit(&test);
    s_other_die(&other);
    s_other_die(&late);
    testing_destroy(&test);
}

/* ---- killing ------------------------------------------------------------------------------------ */

#define KILLS 6
#define BATCH 12
#define EVENTS 250

/* Writes batches until it is killed; says on a pipe which events were acknowledged. */
static void s_victim(testing_t *test, int pipe, uint8_t first)
{
    if (testing_try_open(test) != PBUS_OK) /* the server went first */
        _exit(1);
    for (uint8_t next = first; next < EVENTS; next = (uint8_t) (next + BATCH)) {
        pbus_buf_t data[BATCH] = {0};
        pbus_write_t writes[BATCH];
        size_t count = 0;
        for (; count < BATCH && next + count < EVENTS; count++) {
            pbus_reading_t reading;
            uint8_t number = (uint8_t) (next + count);
            pbus_event_t event = s_event(number, &reading);
            pbus_event_encode(&event, &data[count]);
            writes[count] = (pbus_write_t){.op = PBUS_ADD,
                                           .accept = number + 1u,
                                           .id = event.id,
                                           .data = data[count].data,
                                           .size = data[count].size};
        }
        if (mongo_backend.write(test->writer, writes, count, &test->error) != PBUS_OK)
            _exit(1);
        uint8_t acknowledged = (uint8_t) (next + count);
        if (write(pipe, &acknowledged, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

/* How many were acknowledged. */
static uint8_t s_kill_one(testing_t *test, testing_chance_t *chance, uint8_t first, bool with_server)
{
    int pipes[2];
    uint8_t acknowledged = first, next;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        s_victim(test, pipes[1], first);
    close(pipes[1]);
    uint64_t batches = testing_chance(chance, 4);
    for (uint64_t i = 0; i < batches && read(pipes[0], &next, 1) == 1; i++)
        acknowledged = next;
    usleep((useconds_t) testing_chance(chance, 20000)); /* somewhere in the midst of the next */
    if (with_server)
        testing_server_stop(&testing_server, true);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (read(pipes[0], &next, 1) == 1)
        acknowledged = next;
    close(pipes[0]);
    if (with_server)
        testing_server_restart(&testing_server);
    return acknowledged;
}

static void test_kill(void **state)
{
    (void) state;
    testing_t test;
    testing_chance_t chance = testing_seed();
    uint8_t acknowledged = 0;
    bool own = getenv("MONGODB_URI") == NULL;
    testing_new(&test, &testing_server);
    for (int i = 0; i < KILLS && acknowledged < EVENTS - BATCH; i++) {
        acknowledged = s_kill_one(&test, &chance, acknowledged, own && testing_percent(&chance, 30));
        testing_open(&test);
        uint64_t stored = s_documents(&test, NULL);
        assert_true(stored >= acknowledged);
        /* What was under way is sent again, as core-data does; then everything counts. */
        for (int k = 0; k < BATCH && acknowledged < EVENTS; k++, acknowledged++)
            assert_int_equal(s_add(&test, acknowledged, acknowledged + 1u), PBUS_OK);
        assert_int_equal(testing_count_all(&test, PBUS_EVENTS), acknowledged);
        s_audit(&test);
        testing_close(&test);
    }
    testing_open(&test);
    s_audit(&test);
    testing_destroy(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resend_is_adopted),  cmocka_unit_test(test_commit_goes_first),
        cmocka_unit_test(test_late_insert),        cmocka_unit_test(test_own_failure),
        cmocka_unit_test(test_adopted_by_many),    cmocka_unit_test(test_adopter_dies),
        cmocka_unit_test(test_log_is_not_cut),     cmocka_unit_test(test_log_is_folded),
        cmocka_unit_test(test_slot_is_given_back), cmocka_unit_test(test_fold_cut_short),
        cmocka_unit_test(test_slot_is_taken_over), cmocka_unit_test(test_void_too_late),
        cmocka_unit_test(test_wide_device),        cmocka_unit_test(test_kill),
    };
    return cmocka_run_group_tests(tests, testing_set_up, testing_tear_down);
}
