/*
 * Unit tests of metrics.c.
 */
#include <persistbus/metrics.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WRITES, QUERIES, COUNTERS };
static const char *const s_names[COUNTERS] = {"writes", "queries"};

static void test_counting(void **state)
{
    (void) state;
    pbus_metrics_t *metrics = pbus_metrics_new(s_names, COUNTERS);
    assert_int_equal(pbus_metrics_count(metrics), COUNTERS);
    assert_string_equal(pbus_metrics_name(metrics, QUERIES), "queries");
    assert_null(pbus_metrics_name(metrics, COUNTERS));
    assert_int_equal(pbus_metrics_get(metrics, WRITES), 0);
    pbus_metrics_add(metrics, WRITES, 2);
    pbus_metrics_add(metrics, WRITES, 3);
    pbus_metrics_add(metrics, QUERIES, UINT64_MAX);
    pbus_metrics_add(metrics, COUNTERS, 1);
    assert_int_equal(pbus_metrics_get(metrics, WRITES), 5);
    assert_true(pbus_metrics_get(metrics, QUERIES) == UINT64_MAX);
    assert_int_equal(pbus_metrics_get(metrics, COUNTERS), 0);
    pbus_metrics_destroy(&metrics);
    assert_null(metrics);
    pbus_metrics_destroy(&metrics);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *s_raise(void *metrics)
{
    for (int i = 0; i < ROUNDS; i++)
        pbus_metrics_add(metrics, WRITES, 1);
    return NULL;
}

static void test_threads(void **state)
{
    (void) state;
    pbus_metrics_t *metrics = pbus_metrics_new(s_names, COUNTERS);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, s_raise, metrics), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(pbus_metrics_get(metrics, WRITES), THREADS * ROUNDS);
    pbus_metrics_destroy(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
