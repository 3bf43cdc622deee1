/*
 * Digest: windows of a store in memory, by the worker's executor and by hand, against the hash of the same
 * events in one piece; and scans that lie.
 */
#include "digest.h"
#include "execute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <cmocka.h>

#define EVENTS 2500

typedef struct {
    pbus_buf_t encoded[EVENTS];
    pbus_cursor_t places[EVENTS];
    uint64_t accepts[EVENTS];
    uint32_t largest; /* scan that was asked for */
    int scans;
    int64_t delay; /* ns, of each scan */
} store_t;

/* Ten events of each origin; accept numbers run against the order. */
static store_t *s_store(void)
{
    store_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    for (size_t i = 0; i < EVENTS; i++) {
        pbus_reading_t reading = {.origin = (int64_t) (i / 10),
                                  .device = PBUS_STR("d"),
                                  .profile = PBUS_STR("p"),
                                  .resource = PBUS_STR("r"),
                                  .type = PBUS_UINT8,
                                  .value = PBUS_STR("5")};
        pbus_event_t event = {.origin = (int64_t) (i / 10),
                              .device = PBUS_STR("d"),
                              .profile = PBUS_STR("p"),
                              .source = PBUS_STR("s"),
                              .readings = &reading,
                              .reading_count = 1};
        event.id.bytes[15] = (uint8_t) (i % 10);
        pbus_event_encode(&event, &self->encoded[i]);
        self->places[i] = (pbus_cursor_t){event.origin, event.id};
        self->accepts[i] = EVENTS - i;
    }
    return self;
}

static void s_free(store_t *self)
{
    for (size_t i = 0; i < EVENTS; i++)
        pbus_buf_clear(&self->encoded[i]);
    free(self);
}

static pbus_status_t s_scan(void *handle, int64_t origin_min, int64_t origin_max, const pbus_cursor_t *after,
                            uint32_t limit, pbus_result_t *result, pbus_error_t *error)
{
    store_t *self = handle;
    (void) error;
    self->scans++;
    self->largest = limit > self->largest ? limit : self->largest;
    for (int64_t end = pbus_clock_boottime() + self->delay; self->delay && pbus_clock_boottime() < end;)
        ;
    for (size_t i = 0; i < EVENTS && limit; i++) {
        const pbus_cursor_t *place = &self->places[i];
        if (place->origin < origin_min || place->origin > origin_max ||
            (after && pbus_cursor_cmp(place, after) <= 0))
            continue;
        if (!pbus_result_add_encoded(result, self->accepts[i], self->encoded[i].data, self->encoded[i].size))
            break;
        limit--;
    }
    return PBUS_OK;
}

static const pbus_backend_t s_backend = {
    .abi = PBUS_BACKEND_ABI, .name = "memory", .version = "0", .scan = s_scan};

/* The hash of the events from first on, up to and without end, with numbers of at most accept_max. */
static void s_expected(const store_t *self, size_t first, size_t end, uint64_t accept_max, uint8_t hash[16])
{
    pbus_buf_t all = {0};
    for (size_t i = first; i < end; i++) {
        if (self->accepts[i] > accept_max)
            continue;
        for (int shift = 56; shift >= 0; shift -= 8)
            pbus_buf_append(&all, &(uint8_t){(uint8_t) (self->accepts[i] >> shift)}, 1);
        pbus_buf_append(&all, self->places[i].id.bytes, 16);
        pbus_buf_append(&all, self->encoded[i].data, self->encoded[i].size);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(all.data, all.size));
    memcpy(hash, canonical.digest, 16);
    pbus_buf_clear(&all);
}

static pbus_digest_sum_t s_ask_again(pbus_executor_t *executor, store_t *store, const pbus_ask_t *ask,
                                     pbus_status_t expected)
{
    pbus_digest_sum_t sum = {0};
    pbus_buf_t encoded = {0};
    pbus_message_t reply = {.kind = PBUS_REPLY};
    pbus_ask_encode(ask, &encoded);
    const pbus_buf_t *answer =
        pbus_executor_query(executor, store, encoded.data, encoded.size, INT64_MAX, 4194304, 4194304, &reply);
    assert_int_equal(reply.status, expected);
    if (expected == PBUS_OK)
        assert_true(pbus_digest_read(&sum, answer->data, answer->size));
    pbus_buf_clear(&encoded);
    return sum;
}

static pbus_digest_sum_t s_ask(store_t *store, const pbus_backend_t *backend, const pbus_ask_t *ask,
                               pbus_status_t expected)
{
    pbus_executor_t *executor = pbus_executor_new(backend);
    assert_non_null(executor);
    pbus_digest_sum_t sum = s_ask_again(executor, store, ask, expected);
    pbus_executor_destroy(&executor);
    return sum;
}

static pbus_ask_t s_window(uint64_t accept_max, uint32_t limit)
{
    pbus_ask_t ask = pbus_ask_any(PBUS_ASK_DIGEST);
    ask.query.filter.accept_max = accept_max;
    ask.query.limit = limit;
    return ask;
}

static void test_whole(void **state)
{
    (void) state;
    store_t *store = s_store();
    uint8_t hash[16];
    pbus_ask_t ask = s_window(UINT64_MAX, 10 * EVENTS);
    pbus_digest_sum_t sum = s_ask(store, &s_backend, &ask, PBUS_OK);
    assert_false(sum.more);
    assert_int_equal(sum.count, EVENTS);
    assert_int_equal(pbus_cursor_cmp(&sum.last, &store->places[EVENTS - 1]), 0);
    s_expected(store, 0, EVENTS, UINT64_MAX, hash);
    assert_memory_equal(sum.hash, hash, 16);
    assert_true(store->largest <= 1000);
    s_free(store);
}

/* Windows one behind the other, by their limits, are all events, each once. */
static void test_limits(void **state)
{
    (void) state;
    static const uint32_t limits[] = {1, 7, 333, 2499, 2500, 2501};
    store_t *store = s_store();
    for (size_t n = 0; n < sizeof limits / sizeof *limits; n++) {
        pbus_ask_t ask = s_window(UINT64_MAX, limits[n]);
        size_t at = n == 0 ? EVENTS - 3 : 0;
        ask.has_after = at > 0;
        ask.after = store->places[at > 0 ? at - 1 : 0];
        for (bool more = true; more;) {
            uint8_t hash[16];
            pbus_digest_sum_t sum = s_ask(store, &s_backend, &ask, PBUS_OK);
            s_expected(store, at, at + sum.count, UINT64_MAX, hash);
            assert_true(sum.count == limits[n] || at + sum.count == EVENTS);
            if (sum.any)
                assert_memory_equal(sum.hash, hash, 16);
            at += sum.count;
            more = sum.more;
            ask.has_after = true;
            ask.after = sum.any ? sum.last : ask.after;
        }
        assert_int_equal(at, EVENTS);
    }
    s_free(store);
}

/* Up to a place that has an event, and one that has none; as of a number. */
static void test_until(void **state)
{
    (void) state;
    store_t *store = s_store();
    for (size_t end = 14; end < 18; end++) {
        uint8_t hash[16];
        pbus_ask_t ask = s_window(EVENTS - 12, 5000);
        ask.has_after = ask.has_until = true;
        ask.after = store->places[9];
        ask.until = store->places[end];
        if (end & 1)
            ask.until.id.bytes[0] = 1; /* behind all of this origin */
        size_t last = end & 1 ? 19 : end;
        pbus_digest_sum_t sum = s_ask(store, &s_backend, &ask, PBUS_OK);
        assert_false(sum.more);
        assert_int_equal(sum.count, last - 12 + 1);
        assert_int_equal(pbus_cursor_cmp(&sum.last, &store->places[last]), 0);
        s_expected(store, 10, last + 1, EVENTS - 12, hash);
        assert_memory_equal(sum.hash, hash, 16);
    }
    s_free(store);
}

/* Events that are all too new: there is a place to go on from, and nothing in the hash. */
static void test_nothing_passes(void **state)
{
    (void) state;
    store_t *store = s_store();
    pbus_ask_t ask = s_window(0, 10);
    pbus_digest_sum_t sum = s_ask(store, &s_backend, &ask, PBUS_OK);
    assert_true(sum.any && !sum.more);
    assert_int_equal(sum.count, 0);
    assert_true(store->scans < 20);
    store->scans = 0;
    ask.query.limit = 1; /* not one event a scan */
    s_ask(store, &s_backend, &ask, PBUS_OK);
    assert_true(store->scans < 20);
    ask.has_after = true;
    ask.after = store->places[EVENTS - 1];
    sum = s_ask(store, &s_backend, &ask, PBUS_OK);
    assert_false(sum.any || sum.more || sum.count);
    s_free(store);
}

/* A slow store: the answer comes after a while, with a place to go on from, and scans get smaller. */
static void test_time(void **state)
{
    (void) state;
    store_t *store = s_store();
    store->delay = 8000000;
    pbus_ask_t ask = s_window(UINT64_MAX, 5000);
    int64_t began = pbus_clock_boottime();
    pbus_digest_sum_t sum = s_ask(store, &s_backend, &ask, PBUS_OK);
    assert_true(sum.more && sum.any && sum.count > 0 && sum.count < EVENTS);
    assert_true(store->scans >= 1 && store->scans <= 4);
    assert_true(pbus_clock_boottime() - began >= 16000000);
    s_free(store);
}

/* A store whose small scans take long: it is asked for much at once from then on. */
static void test_slow_scans(void **state)
{
    (void) state;
    store_t *store = s_store();
    pbus_executor_t *executor = pbus_executor_new(&s_backend);
    pbus_ask_t ask = s_window(UINT64_MAX, 5000);
    store->delay = 30000000;
    uint64_t first = s_ask_again(executor, store, &ask, PBUS_OK).count;
    uint64_t second = s_ask_again(executor, store, &ask, PBUS_OK).count;
    assert_int_equal(store->scans, 2);
    assert_true(second > 2 * first);
    pbus_executor_destroy(&executor);
    s_free(store);
}

static void test_unsupported(void **state)
{
    (void) state;
    pbus_backend_t without = s_backend, claims = s_backend;
    pbus_ask_t ask = s_window(UINT64_MAX, 10);
    without.scan = NULL;
    claims.missing = PBUS_CAP_SCAN;
    s_ask(NULL, &without, &ask, PBUS_UNSUPPORTED);
    s_ask(NULL, &claims, &ask, PBUS_UNSUPPORTED);
    ask.query.limit = 0;
    s_ask(NULL, &s_backend, &ask, PBUS_INVALID);
}

/* ---- scans that lie ---- */

static pbus_status_t s_take(pbus_result_t *result, const pbus_ask_t *ask)
{
    pbus_error_t error;
    pbus_ask_t scan;
    pbus_digest_t *digest = pbus_digest_new();
    assert_non_null(digest);
    pbus_digest_begin(digest, ask);
    assert_true(pbus_digest_wants(digest, 10, &scan));
    const pbus_buf_t *answer = pbus_result_answer(result, &error);
    pbus_status_t status = pbus_digest_take(digest, answer->data, answer->size, &error);
    pbus_digest_destroy(&digest);
    return status;
}

static void test_lies(void **state)
{
    (void) state;
    store_t *store = s_store();
    pbus_result_t *result = pbus_result_new();
    pbus_ask_t ask = s_window(UINT64_MAX, 10);
    pbus_result_reset(result, 100000, 100000); /* the same twice */
    for (int i = 0; i < 2; i++)
        pbus_result_add_encoded(result, 1, store->encoded[5].data, store->encoded[5].size);
    assert_int_equal(s_take(result, &ask), PBUS_INTERNAL);

    pbus_result_reset(result, 100000, 100000); /* no event */
    pbus_result_add_encoded(result, 1, store->encoded[5].data, store->encoded[5].size - 1);
    assert_int_equal(s_take(result, &ask), PBUS_INTERNAL);

    pbus_result_reset(result, 100000, 100000); /* not behind the cursor */
    pbus_result_add_encoded(result, 1, store->encoded[5].data, store->encoded[5].size);
    ask.has_after = true;
    ask.after = store->places[5];
    assert_int_equal(s_take(result, &ask), PBUS_INTERNAL);
    ask.after = store->places[4];
    assert_int_equal(s_take(result, &ask), PBUS_OK);

    pbus_result_reset(result, 100000, 100000); /* more, but nothing to go on from */
    pbus_result_set_more(result, true);
    assert_int_equal(s_take(result, &ask), PBUS_INTERNAL);

    pbus_result_reset(result, 100000, 100000); /* items of another kind */
    pbus_result_add_source(result, PBUS_STR("d"), PBUS_STR("s"), 1);
    assert_int_equal(s_take(result, &ask), PBUS_INTERNAL);
    pbus_result_destroy(&result);
    s_free(store);
}

/* Answers that are no digest. */
static void test_malformed_sums(void **state)
{
    (void) state;
    static const uint8_t answers[][8] = {
        {0x93, 0xc3, 0x00, 0x90},       /* more, but nothing to go on from */
        {0x93, 0xc2, 0x05, 0x90},       /* five events, but no digest */
        {0x93, 0xc2, 0x01, 0x91, 0x93}, /* cut off */
        {0x93, 0xc2, 0x01, 0x92, 0xc0, 0xc0},
        {0x90},
    };
    static const size_t sizes[] = {4, 4, 5, 6, 1};
    pbus_digest_sum_t sum;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_false(pbus_digest_read(&sum, answers[i], sizes[i]));
    assert_true(pbus_digest_read(&sum, (const uint8_t[]){0x93, 0xc2, 0x00, 0x90}, 4));
    assert_false(sum.any || sum.more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_limits),
        cmocka_unit_test(test_until),          cmocka_unit_test(test_nothing_passes),
        cmocka_unit_test(test_time),           cmocka_unit_test(test_slow_scans),
        cmocka_unit_test(test_unsupported),    cmocka_unit_test(test_lies),
        cmocka_unit_test(test_malformed_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
