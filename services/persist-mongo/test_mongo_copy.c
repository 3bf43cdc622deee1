/*
 * The copy in memory: that it follows the log where that tells all, and reads anew where it does not.
 */
#include "changes.h"
#include "copy.h"
#include "testing_ledger.h"

typedef struct {
    testing_t test;
    store_t *store;
    copy_t *copy;
} s_case_t;

/* False on a server that needs no copy. */
static bool s_open(s_case_t *self)
{
    testing_new(&self->test, &testing_server);
    testing_open(&self->test);
    self->store = testing_store(&self->test);
    self->copy = copy_new(self->store);
    if (store_atomic(self->store))
        print_message("this server needs no copy\n");
    return !store_atomic(self->store);
}

static void s_close(s_case_t *self)
{
    copy_destroy(&self->copy);
    store_close(&self->store);
    testing_destroy(&self->test);
}

static bool s_any(const document_t *event, const void *what)
{
    (void) event;
    (void) what;
    return true;
}

static int s_by_accept(const document_t *a, const document_t *b)
{
    return (a->accept > b->accept) - (a->accept < b->accept);
}

/* The copy's accept numbers, in order. */
static void s_expect(s_case_t *self, const uint64_t *accepts, size_t expected)
{
    bool usable;
    size_t count;
    testing_expect_ok(&self->test, copy_refresh(self->copy, &usable, &self->test.error));
    assert_true(usable);
    copy_event_t **events = copy_select(self->copy, s_any, NULL, s_by_accept, &count);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(events[i]->document.accept, accepts[i]);
    bson_free(events);
}

#define EXPECT(self, ...)                                                                                    \
    s_expect((self), (const uint64_t[]){__VA_ARGS__},                                                        \
             sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Puts an event there behind the ledger's back: who reads all anew sees it, who follows the log does not. */
static void s_sneak(s_case_t *self, uint8_t number, uint64_t accept)
{
    pbus_reading_t reading;
    bool exists;
    pbus_event_t event = s_event(number, &reading);
    bson_t *document = document_new(&event, accept, PEERS_STAMP(1, 1), &self->test.error);
    testing_expect_ok(&self->test, store_insert_one(self->store, STORE_EVENTS, document, &exists, "sneak",
                                                    &self->test.error));
    bson_destroy(document);
}

static void test_follows(void **state)
{
    (void) state;
    s_case_t self;
    if (s_open(&self)) {
        s_expect(&self, NULL, 0);
        s_sneak(&self, 100, 1);
        assert_int_equal(s_add(&self.test, 1, 10), PBUS_OK);
        assert_int_equal(s_add(&self.test, 2, 11), PBUS_OK);
        EXPECT(&self, 10, 11);
        assert_int_equal(testing_delete(&self.test, s_id(1), 12), PBUS_OK);
        EXPECT(&self, 11);
        assert_int_equal(s_add(&self.test, 1, 13), PBUS_OK);
        EXPECT(&self, 11, 13);
        assert_int_equal(testing_delete(&self.test, s_id(1), 14), PBUS_OK);
        assert_int_equal(s_add(&self.test, 1, 15), PBUS_OK);
        EXPECT(&self, 11, 15);
        for (uint8_t i = 0; i < 40; i++) { /* folds, which leave small batches in the log */
            assert_int_equal(s_add(&self.test, 3, 20), PBUS_OK);
            assert_int_equal(testing_delete(&self.test, s_id(3), 21u + i), PBUS_OK);
            if (i % 4 == 0)
                EXPECT(&self, 11, 15);
        }
        EXPECT(&self, 11, 15);
    }
    s_close(&self);
}

static void test_follows_two(void **state)
{
    (void) state;
    s_case_t self;
    testing_t second;
    if (s_open(&self)) {
        testing_second(&second, &self.test);
        assert_int_equal(s_add(&self.test, 1, 10), PBUS_OK);
        EXPECT(&self, 10);
        s_sneak(&self, 100, 1);
        assert_int_equal(testing_delete(&second, s_id(1), 11), PBUS_OK);
        assert_int_equal(s_add(&self.test, 1, 12), PBUS_OK);
        assert_int_equal(s_add(&second, 2, 13), PBUS_OK);
        assert_int_equal(testing_delete(&self.test, s_id(2), 14), PBUS_OK);
        EXPECT(&self, 12);
        testing_free(&second);
    }
    s_close(&self);
}

/* A batch whose changes are too large for the log; one that has been cut from it. */
static void test_reads_anew(void **state)
{
    (void) state;
    s_case_t self;
    if (s_open(&self)) {
        static char text[CHANGES_MAX];
        pbus_reading_t reading;
        pbus_event_t event = s_event(1, &reading);
        bson_t any = BSON_INITIALIZER;
        memset(text, 'x', sizeof text);
        s_expect(&self, NULL, 0);
        s_sneak(&self, 100, 1);
        reading.type = PBUS_STRING;
        reading.value = (pbus_str_t){text, sizeof text};
        assert_int_equal(testing_add(&self.test, &event, 10), PBUS_OK);
        EXPECT(&self, 1, 10);
        s_sneak(&self, 101, 2);
        assert_int_equal(s_add(&self.test, 2, 11), PBUS_OK);
        assert_int_equal(s_add(&self.test, 3, 12), PBUS_OK);
        bson_t *first = BCON_NEW("number", BCON_INT64(2));
        testing_expect_ok(&self.test,
                          store_delete(self.store, STORE_LOG, first, NULL, "cut", &self.test.error));
        bson_destroy(first);
        EXPECT(&self, 1, 2, 10, 11, 12);
        pbus_health_t health;
        s_sneak(&self, 102, 3);
        assert_int_equal(s_add(&self.test, 4, 13), PBUS_OK);
        testing_expect_ok(&self.test, mongo_backend.health(self.test.writer, &health, &self.test.error));
        testing_expect_ok(&self.test,
                          store_delete(self.store, STORE_LOG, &any, NULL, "cut", &self.test.error));
        EXPECT(&self, 1, 2, 3, 10, 11, 12, 13);
    }
    s_close(&self);
}

static void test_another_data_set(void **state)
{
    (void) state;
    s_case_t self;
    if (s_open(&self)) {
        pbus_health_t health;
        assert_int_equal(s_add(&self.test, 1, 10), PBUS_OK);
        EXPECT(&self, 10);
        testing_drop(&self.test);
        s_expect(&self, NULL, 0);
        testing_expect_ok(&self.test, mongo_backend.health(self.test.writer, &health, &self.test.error));
        assert_int_equal(s_add(&self.test, 2, 11), PBUS_OK);
        EXPECT(&self, 11);
    }
    s_close(&self);
}

/* More than it holds: the server is asked, as before. */
static void test_too_large(void **state)
{
    (void) state;
    enum { SIZE = 4 << 20, EVENTS = COPY_MAX / SIZE + 1 };
    s_case_t self;
    if (s_open(&self)) {
        bool usable;
        char *text = malloc(SIZE);
        assert_non_null(text);
        memset(text, 'x', SIZE);
        for (uint8_t i = 0; i < EVENTS; i++) {
            pbus_reading_t reading;
            pbus_event_t event = s_event(i, &reading);
            reading.type = PBUS_STRING;
            reading.value = (pbus_str_t){text, SIZE};
            assert_int_equal(testing_add(&self.test, &event, i + 1u), PBUS_OK);
        }
        free(text);
        testing_expect_ok(&self.test, copy_refresh(self.copy, &usable, &self.test.error));
        assert_false(usable);
        pbus_query_t query = testing_query(pbus_filter_any(), 0, 1);
        assert_int_equal(testing_list(&self.test, PBUS_EVENTS, &query).count, 1);
    }
    s_close(&self);
}

static void test_changes(void **state)
{
    (void) state;
    changes_t changes = {0};
    changes_view_t view;
    pbus_uuid_t id = s_id(7), read;
    int64_t batch;
    bson_t document, *one = BCON_NEW("a", BCON_INT32(1)), log = BSON_INITIALIZER, none = BSON_INITIALIZER;
    changes_add(&changes, one);
    changes_remove(&changes, &id, PEERS_STAMP(3, 4));
    changes_append(&changes, &log);
    assert_true(changes_read(&log, &view));
    assert_true(changes_next_added(&view, &document));
    assert_true(bson_equal(&document, one));
    assert_false(changes_next_added(&view, &document));
    assert_true(changes_next_removed(&view, &read, &batch));
    assert_memory_equal(&read, &id, sizeof id);
    assert_true(batch == PEERS_STAMP(3, 4));
    assert_false(changes_next_removed(&view, &read, &batch));
    view = (changes_view_t){.added = (const uint8_t *) "\xff\xff\xff\x7f", .added_size = 4};
    assert_false(changes_next_added(&view, &document));
    changes_miss(&changes);
    changes_append(&changes, &none);
    assert_false(changes_read(&none, &view));
    bson_destroy(&log);
    bson_destroy(one);
    changes_clear(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows),    cmocka_unit_test(test_follows_two),
        cmocka_unit_test(test_reads_anew), cmocka_unit_test(test_another_data_set),
        cmocka_unit_test(test_too_large),  cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, testing_set_up, testing_tear_down);
}
