/*
 * When a module is started again: every cell of the table, the curve of the delays, and what clears it. The
 * clock is a number.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "health.h"
#include "restart.h"

#define S 1000000000LL
static const restart_rules_t rules = {.first = 10 * S, .most = 300 * S, .cleared = 600 * S};

static const manifest_policy_t policies[] = {MANIFEST_ALWAYS, MANIFEST_ON_UNHEALTHY, MANIFEST_ON_FAILURE,
                                             MANIFEST_NEVER};
static const restart_cause_t causes[] = {RESTART_ENDED, RESTART_FAILED, RESTART_UNHEALTHY};
static const bool wanted[4][3] = {
    {true, true, true},   /* always */
    {false, true, true},  /* on-unhealthy */
    {false, true, false}, /* on-failure */
    {false, false, false} /* never */
};

static void the_table(void **state)
{
    (void) state;
    for (int p = 0; p < 4; p++)
        for (int c = 0; c < 3; c++) {
            restart_t r = {0};
            assert_int_equal(restart_wanted(policies[p], causes[c]), wanted[p][c]);
            restart_up(&r, 1 * S);
            restart_down(&r, &rules, policies[p], causes[c], false, 5 * S);
            assert_int_equal(r.next, wanted[p][c] ? 15 * S : RESTART_NEVER);
            assert_int_equal(r.total, wanted[p][c] ? 1 : 0);
            assert_false(restart_is_due(&r, 14 * S));
            assert_int_equal(restart_is_due(&r, 15 * S), wanted[p][c]);
        }
}

/* The same cells for one that ran well: what is restarted at all is restarted at once. */
static void the_table_after_running_well(void **state)
{
    (void) state;
    for (int p = 0; p < 4; p++)
        for (int c = 0; c < 3; c++) {
            restart_t r = {0};
            restart_up(&r, 1 * S);
            restart_down(&r, &rules, policies[p], causes[c], true, 5 * S);
            assert_int_equal(r.next, wanted[p][c] ? 5 * S : RESTART_NEVER);
        }
}

static void delays(void **state)
{
    (void) state;
    static const int64_t seconds[] = {10, 20, 40, 80, 160, 300, 300, 300};
    for (unsigned n = 0; n < 8; n++)
        assert_int_equal(restart_delay(&rules, n), seconds[n] * S);
    assert_int_equal(restart_delay(&rules, 4000000000u), 300 * S);
    restart_rules_t odd = {.first = INT64_MAX / 3 * 2, .most = INT64_MAX - 1};
    assert_int_equal(restart_delay(&odd, 7), odd.most);
    odd = (restart_rules_t){.first = 9, .most = 5};
    assert_int_equal(restart_delay(&odd, 0), 5);
}

static void crashes_at_once_for_ever(void **state)
{
    (void) state;
    static const int64_t seconds[] = {10, 20, 40, 80, 160, 300};
    restart_t r = {0};
    int64_t now = 1;
    for (unsigned n = 0; n < 1000; n++) {
        restart_up(&r, now);
        restart_down(&r, &rules, MANIFEST_ALWAYS, RESTART_FAILED, false, now);
        assert_int_equal(r.next - now, seconds[n < 5 ? n : 5] * S);
        now = r.next;
        assert_true(restart_is_due(&r, now));
    }
    assert_int_equal(r.total, 1000);
}

static void the_first_is_immediate_once(void **state)
{
    (void) state;
    restart_t r = {0};
    int64_t expected[] = {0, 10 * S, 20 * S, 40 * S}, now = 1;
    for (int n = 0; n < 4; n++) {
        restart_up(&r, now);
        now += 30 * S;
        restart_down(&r, &rules, MANIFEST_ALWAYS, RESTART_FAILED, true, now);
        assert_int_equal(r.next - now, expected[n]);
        now = r.next;
    }
}

static void up_for_ten_minutes_clears(void **state)
{
    (void) state;
    restart_t r = {0};
    restart_up(&r, 1);
    restart_down(&r, &rules, MANIFEST_ALWAYS, RESTART_FAILED, false, 1);
    restart_up(&r, 11 * S);
    restart_tick(&r, &rules, 11 * S + 600 * S - 1);
    assert_int_equal(r.count, 1);
    restart_tick(&r, &rules, 11 * S + 600 * S);
    assert_int_equal(r.count, 0);
    restart_down(&r, &rules, MANIFEST_ALWAYS, RESTART_FAILED, true, 700 * S);
    assert_int_equal(r.next, 700 * S);
}

/* Nobody looked while it was up: what is due is done when it ends. */
static void cleared_without_a_tick(void **state)
{
    (void) state;
    restart_t r = {.count = 5, .spent = true};
    restart_up(&r, 1);
    restart_down(&r, &rules, MANIFEST_ALWAYS, RESTART_FAILED, true, 601 * S);
    assert_int_equal(r.next, 601 * S);
    r = (restart_t){.count = 5, .spent = true};
    restart_up(&r, 1);
    restart_down(&r, &rules, MANIFEST_ALWAYS, RESTART_FAILED, true, 600 * S);
    assert_int_equal(r.next, 900 * S);
}

static void reset_keeps_the_total(void **state)
{
    (void) state;
    restart_t r = {.count = 5, .spent = true, .next = RESTART_NEVER, .total = 9};
    restart_reset(&r);
    assert_true(restart_is_due(&r, 0));
    assert_int_equal(r.total, 9);
    assert_int_equal(r.count, 0);
}

/* ---- health ---- */

static const health_rules_t looks = {.failures = 3, .grace = 30 * S};

static void dead_three_times(void **state)
{
    (void) state;
    health_t h;
    health_start(&h, true, 0);
    assert_false(health_is_ready(&h));
    health_see(&h, &looks, HEALTH_SEEN_READY, 1 * S);
    assert_true(health_is_ready(&h));
    health_see(&h, &looks, HEALTH_SEEN_DEAD, 2 * S);
    health_see(&h, &looks, HEALTH_SEEN_NOTHING, 2 * S);
    health_see(&h, &looks, HEALTH_SEEN_DEAD, 3 * S);
    assert_int_equal(h.state, HEALTH_READY);
    health_see(&h, &looks, HEALTH_SEEN_DEAD, 4 * S);
    assert_int_equal(h.state, HEALTH_UNHEALTHY);
    health_see(&h, &looks, HEALTH_SEEN_READY, 5 * S);
    assert_int_equal(h.state, HEALTH_READY);
    health_see(&h, &looks, HEALTH_SEEN_DEAD, 6 * S);
    assert_int_equal(h.state, HEALTH_READY);
}

static void grace_at_the_start(void **state)
{
    (void) state;
    health_t h;
    health_start(&h, true, 0);
    for (int n = 0; n < 20; n++)
        health_see(&h, &looks, HEALTH_SEEN_DEAD, 29 * S);
    assert_int_equal(h.state, HEALTH_STARTING);
    for (int n = 0; n < 3; n++)
        health_see(&h, &looks, HEALTH_SEEN_DEAD, 30 * S);
    assert_int_equal(h.state, HEALTH_UNHEALTHY);
}

/* A worker whose store is away answers: it is not ready, but restarting it would not help. */
static void alive_is_not_unhealthy(void **state)
{
    (void) state;
    health_t h;
    health_start(&h, true, 0);
    health_see(&h, &looks, HEALTH_SEEN_ALIVE, 1);
    assert_int_equal(h.state, HEALTH_STARTING);
    health_see(&h, &looks, HEALTH_SEEN_READY, 2);
    for (int n = 0; n < 9; n++)
        health_see(&h, &looks, HEALTH_SEEN_ALIVE, 100 * S);
    assert_int_equal(h.state, HEALTH_WAITING);
    assert_false(health_is_ready(&h));
}

static void without_a_probe(void **state)
{
    (void) state;
    health_t h;
    health_start(&h, false, 0);
    assert_true(health_is_ready(&h));
    health_see(&h, &looks, HEALTH_SEEN_NOTHING, 1);
    assert_int_equal(h.state, HEALTH_NONE);
    health_see(&h, &looks, HEALTH_SEEN_BAD, 1); /* a container's own check */
    assert_int_equal(h.state, HEALTH_UNHEALTHY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(the_table_after_running_well),
        cmocka_unit_test(delays),
        cmocka_unit_test(crashes_at_once_for_ever),
        cmocka_unit_test(the_first_is_immediate_once),
        cmocka_unit_test(up_for_ten_minutes_clears),
        cmocka_unit_test(cleared_without_a_tick),
        cmocka_unit_test(reset_keeps_the_total),
        cmocka_unit_test(dead_three_times),
        cmocka_unit_test(grace_at_the_start),
        cmocka_unit_test(alive_is_not_unhealthy),
        cmocka_unit_test(without_a_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
