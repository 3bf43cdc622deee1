/*
 * A store against a model in memory (common/testkit/model.h), with restarts.
 */
#include "../../common/testkit/model.h"
#include "sqlite_testing.h"

#define STEPS 150 /* of each run */

static void s_step(model_t *model, testing_t *store)
{
    uint64_t what = model_random(model, 100);
    if (what < 75)
        model_write(model);
    else if (what < 85)
        model_purge(model);
    else if (what < 90) {
        testing_close(store);
        testing_open(store);
    }
    model_check_health(model);
    model_ask(model);
}

static void s_run(unsigned units, unsigned spread, unsigned times)
{
    testing_t store = testing_new();
    testing_open(&store);
    model_t *model = model_new(&store, 1, (model_variety_t){units, spread, times});
    for (int i = 0; i < STEPS; i++)
        s_step(model, &store);
    model_destroy(&model);
    testing_remove(&store);
}

static void test_even(void **state)
{
    (void) state;
    s_run(2, 0, 200);
}

static void test_ties(void **state)
{
    (void) state;
    s_run(2, 1, 3);
}

static void test_skewed(void **state)
{
    (void) state;
    s_run(2, 3, 2000);
}

static void test_far(void **state)
{
    (void) state;
    s_run(2, 4, 200);
}

/* So many lists of readings that each source needs its mixed series. */
static void test_mixed(void **state)
{
    (void) state;
    s_run(500, 4, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even), cmocka_unit_test(test_ties),  cmocka_unit_test(test_skewed),
        cmocka_unit_test(test_far),  cmocka_unit_test(test_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
